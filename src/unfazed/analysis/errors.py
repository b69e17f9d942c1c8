"""What a prediction of numbers is worth on held-out examples: each metric with its interval and its n.

Axis letters: N examples. Names and definitions are scikit-learn's (`mean_squared_error`, its root,
`mean_absolute_error`, `r2_score`, here `mse`, `rmse`, `mae` and `r2`). Examples without a target (nan) are left out.
"""

import math

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Estimate, Floats, paired_mean, ratio_of_means

_LEAST = 1e-12  # variance below which a target does not vary


def regression(y: NDArray[np.floating], predicted: NDArray[np.floating], seed: int = 0) -> dict[str, Estimate]:
    """Every metric of targets `[N]` and predictions `[N]`.

    rmse and mae are in the target's units, mse in their square, lower = better. r2 is the share of the variance that
    the predictions take away: 1 = all, 0 = no better than the mean of these targets, below 0 = worse.
    """
    known = np.isfinite(y)
    y, predicted = y[known].astype(np.float64), predicted[known].astype(np.float64)
    n, ones = len(y), np.ones(len(y))
    distance = np.abs(predicted - y)
    squared = ratio_of_means(distance**2, ones, math.inf, seed)
    spread: Floats = (y - y.mean()) ** 2 if n else ones
    left = ratio_of_means(distance**2, spread, math.inf, seed)
    return {
        "mse": squared,
        "rmse": Estimate(_root(squared.value), _root(squared.low), _root(squared.high), n),
        "mae": ratio_of_means(distance, ones, math.inf, seed),
        "r2": Estimate(1 - left.value, 1 - left.high, 1 - left.low, n),
    }


def _root(value: float) -> float:
    return math.sqrt(value) if value >= 0 else math.nan


def r2_difference(y: NDArray[np.floating], own: NDArray[np.floating], other: NDArray[np.floating]) -> Estimate:
    """R² of the predictions `own` `[N]` less that of `other` `[N]`, example by example; > 0: own is better."""
    known = np.isfinite(y)
    y = y[known].astype(np.float64)
    gain = (other[known] - y) ** 2 - (own[known] - y) ** 2
    return paired_mean(gain / max(float(y.var()) if len(y) else 0.0, _LEAST))


def errors(y: NDArray[np.floating], predicted: NDArray[np.floating], loss: str) -> dict[str, float]:
    """Figures of standardised targets and predictions `[N]` without intervals, and `loss`, the one that is trained."""
    distance = np.abs(predicted - y).astype(np.float64)
    mean_squared = float((distance**2).mean())
    losses: dict[str, Floats] = {
        "squared": distance**2,
        "absolute": distance,
        "huber": np.where(distance <= 1, distance**2 / 2, distance - 0.5),
    }
    return {
        "rmse": math.sqrt(mean_squared) if mean_squared >= 0 else math.nan,
        "r2": 1 - mean_squared / max(float(y.var()), _LEAST),
        "loss": float(losses[loss].mean()),
    }
