"""The epochs before a network begins to memorise its training labels.

Until then the probabilities of the training pass speak about the data; afterwards they repeat the
labels, wrong ones included. Axis letters: N rows, K classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOLERANCE = 0.01  # accuracy by which the training pass may lead before that counts as memorising


@dataclass(frozen=True)
class Window:
    """The mean of the training pass's probabilities over the epochs before memorisation."""

    total: NDArray[np.float32]  # [N, K], sum over the epochs; nan where a row was not trained on
    epochs: int = 0
    closed: bool = False

    @classmethod
    def empty(cls, rows: int, classes: int) -> "Window":
        """No epoch yet, for `rows` N and `classes` K."""
        return cls(np.zeros((rows, classes), np.float32))

    def after(self, probs: NDArray[np.float32], accuracy: float, best_held_out: float) -> "Window":
        """The window once an epoch's `probs` [N, K] are known.

        It closes, for good, with the first epoch whose training-pass `accuracy` is above the best
        held-out accuracy so far. The first epoch always belongs to it.
        """
        if self.closed or (self.epochs and accuracy > best_held_out + TOLERANCE):
            return Window(self.total, self.epochs, closed=True)
        return Window(self.total + probs, self.epochs + 1)

    @property
    def probs(self) -> NDArray[np.float32]:
        """Mean probabilities [N, K]."""
        return self.total / np.float32(max(1, self.epochs))
