"""What a run's model takes its rows for, as a person may be told it.

Axis letters: N rows, K classes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.calibration import scaled
from unfazed.run import Run


class Beliefs(NamedTuple):
    """Probabilities that no row's own label has bent."""

    probs: NDArray[np.floating]  # [N, K] calibrated, as `predict` gives them; of `early` rows the mean of some epochs
    early: NDArray[np.bool_]  # [N] rows that were trained on: what the finished model says of them repeats their labels
    epochs: int  # how many the mean is of: those before memorisation


def beliefs(run: Run) -> Beliefs:
    """What the model of a run takes each of its rows for.

    Raises:
        RunError: a file of the run is missing or damaged.
    """
    dynamics, probs = run.dynamics(), run.scores()["probs"]
    window, found = dynamics["window_probs"], run.temperature
    early = np.isfinite(window[:, 0])
    calibrated = scaled(probs, found.value) if found else probs
    return Beliefs(np.where(early[:, None], window, calibrated), early, int(dynamics.get("window", 0)))
