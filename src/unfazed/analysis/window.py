"""The epochs before a network begins to memorise its training labels.

Until then the probabilities of the training pass speak about the data; afterwards they repeat the
labels, wrong ones included. Axis letters: N rows, K classes.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Z

TOLERANCE = 0.01  # accuracy by which the training pass may lead before that counts as memorising


@dataclass(frozen=True)
class Window:
    """The mean of the training pass's probabilities over the epochs before memorisation.

    An epoch whose accuracy is ahead of all held-out ones so far may be memorising, or early: averaged weights follow
    late. It waits until the held-out accuracy has caught up, if ever.
    """

    total: NDArray[np.float32]  # [N, K], sum over the epochs; nan where a row was not trained on
    ahead: NDArray[np.float32]  # [N, K], sum over those that wait
    epochs: int = 0
    waiting: int = 0
    accuracy: float = 0.0  # the highest of those that wait

    @classmethod
    def empty(cls, rows: int, classes: int) -> "Window":
        """No epoch yet, for `rows` N and `classes` K."""
        return cls(np.zeros((rows, classes), np.float32), np.zeros((rows, classes), np.float32))

    def after(self, probs: NDArray[np.float32], accuracy: float, held_out: float, examples: int) -> "Window":
        """The window once an epoch's `probs` [N, K] are known, and its training-pass `accuracy`.

        `held_out`: the best accuracy so far on `examples` that are not trained on; few of them leave it uncertain.
        """
        ahead, waiting, highest = self.ahead + probs, self.waiting + 1, max(self.accuracy, accuracy)
        share = min(max(held_out, 0.0), 1.0)
        limit = held_out + TOLERANCE + Z * math.sqrt(share * (1 - share) / max(1, examples))
        if not self.epochs or highest <= limit:  # the first epoch always belongs to it
            return Window(self.total + ahead, np.zeros_like(ahead), self.epochs + waiting)
        if accuracy <= limit:
            return Window(self.total + probs, self.ahead, self.epochs + 1, self.waiting, self.accuracy)
        return Window(self.total, ahead, self.epochs, waiting, highest)

    @property
    def probs(self) -> NDArray[np.float32]:
        """Mean probabilities [N, K]."""
        return self.total / np.float32(max(1, self.epochs))
