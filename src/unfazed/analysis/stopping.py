"""When to stop: functions of the validation losses alone, so that going on after a break needs no state.

Losses are in nats, one an epoch, lower = better; nan is never the best.
"""

from collections.abc import Sequence

import numpy as np


def best_epoch(losses: Sequence[float]) -> int:
    """Number (from 1) of the first epoch with the lowest loss."""
    ranked = np.where(np.isnan(losses), np.inf, losses)
    return int(np.argmin(ranked)) + 1


def stalled(losses: Sequence[float], patience: int) -> bool:
    """Whether the last `patience` epochs brought nothing better; never with a patience of 0."""
    return patience > 0 and len(losses) - best_epoch(losses) >= patience
