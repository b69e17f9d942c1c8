"""The epochs before a network has memorised its training labels.

Until then the probabilities of the training pass speak about the data; afterwards they repeat the
labels, wrong ones included. Axis letters: N rows, K classes.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

LEAD = 0.15  # accuracy by which the training pass may lead: what is learnt late tells hard examples from wrong labels


@dataclass(frozen=True)
class Window:
    """The mean of the training pass's probabilities over the epochs before memorisation."""

    total: NDArray[np.float32]  # [N, K], sum over the epochs; nan where a row was not trained on
    epochs: int = 0

    @classmethod
    def empty(cls, rows: int, classes: int) -> "Window":
        """No epoch yet, for `rows` N and `classes` K."""
        return cls(np.zeros((rows, classes), np.float32))

    def after(self, probs: NDArray[np.float32], accuracy: float, best_held_out: float) -> "Window":
        """The window once an epoch's `probs` [N, K] are known.

        The epoch belongs to it unless its training-pass `accuracy` leads the best held-out accuracy so far by more
        than `LEAD`. The first one always belongs to it.
        """
        if self.epochs and accuracy > best_held_out + LEAD:
            return self
        return Window(self.total + probs, self.epochs + 1)

    @property
    def probs(self) -> NDArray[np.float32]:
        """Mean probabilities [N, K]."""
        return self.total / np.float32(max(1, self.epochs))
