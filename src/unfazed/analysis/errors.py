"""What a prediction of numbers is worth on held-out examples: each metric with its interval and its n.

Axis letters: N examples. Names and definitions are scikit-learn's (`mean_squared_error`, its root,
`mean_absolute_error`, `r2_score`, here `mse`, `rmse`, `mae` and `r2`; `median_absolute_error`). Examples without a
target (nan) are left out. `groups` [N] widen the intervals, where examples come in some.

A number that is predicted with its deviation has a surprise, like a label: the negative log-likelihood, `nll`. That of
a density depends on the unit; here it is the deviation of the training rows' targets. A Gaussian with their mean and
deviation, which looks at no input, then needs log(2 pi e) / 2 nats on average, 2.05 bits; what a model needs less is
what its inputs tell it, in any unit.
"""

import math

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.groups import Groups, of, sums
from unfazed.analysis.intervals import (
    Estimate,
    Floats,
    from_resamples,
    median,
    paired_mean,
    proportion,
    ratio_of_means,
    resampled_weights,
    widened,
)

_LEAST = 1e-12  # variance below which a target does not vary
_LOG_TAU = math.log(2 * math.pi)
CENTRAL = {"coverage_50": 0.6744897501960817, "coverage_90": 1.6448536269514722}  # deviations each way from the mean
NOMINAL = {"coverage_50": 0.5, "coverage_90": 0.9}


def regression(
    y: NDArray[np.floating], predicted: NDArray[np.floating], seed: int = 0, groups: Groups = None
) -> dict[str, Estimate]:
    """Every metric of targets `[N]` and predictions `[N]`.

    rmse, mae and the median absolute error are in the target's units, mse in their square, lower = better. r2 is the
    share of the variance that the predictions take away: 1 = all, 0 = no better than the mean of these targets, below
    0 = worse.
    """
    known = np.isfinite(y)
    y, predicted = y[known].astype(np.float64), predicted[known].astype(np.float64)
    n, ones, groups = len(y), np.ones(len(y)), of(groups, known)
    distance = np.abs(predicted - y)
    squared = ratio_of_means(distance**2, ones, math.inf, seed, groups)
    spread = _centred(y) ** 2
    left = _with_percentiles(ratio_of_means(distance**2, spread, math.inf, seed, groups), distance**2, y, seed, groups)
    return {
        "mse": squared,
        "rmse": Estimate(_root(squared.value), _root(squared.low), _root(squared.high), n),
        "mae": ratio_of_means(distance, ones, math.inf, seed, groups),
        "median_absolute_error": median(distance, groups),
        "r2": Estimate(1 - left.value, 1 - left.high, 1 - left.low, n),
    }


def _with_percentiles(
    left: Estimate, squared: NDArray[np.floating], y: NDArray[np.floating], seed: int, groups: Groups
) -> Estimate:
    """The share of the variance that is left, its studentised interval widened to the percentile interval.

    Where few targets are far from the others, the studentised one comes too near: simulated, of 150 log-normal targets
    it holds the truth in 84 %, both together in 90 %. The mean of the targets is each resample's own.
    """
    if not math.isfinite(left.low):
        return left
    centred = _centred(y)
    parts = np.stack([squared, centred, centred**2, np.ones(len(y))], axis=1)
    if groups is not None:
        parts = sums(parts, groups)
    above, moved, spread, n = np.concatenate([drawn @ parts for drawn in resampled_weights(len(parts), seed)]).T
    below = spread - moved**2 / n
    resampled = np.where(below > _LEAST * float(spread.max()), above / np.where(below > 0, below, 1.0), math.nan)
    if groups is not None:
        resampled = widened(left.value, resampled, len(parts))
    found = from_resamples(left.value, resampled, left.n)
    return left._replace(low=max(0.0, min(left.low, found.low)), high=max(left.high, found.high))


def _centred(y: NDArray[np.floating]) -> Floats:
    """Targets [N] less their mean; exactly 0 where all are equal, however their mean is rounded."""
    return np.asarray(y - y.mean() if len(y) and (y != y[0]).any() else np.zeros(len(y)), dtype=np.float64)


def likelihood(y: Floats, predicted: Floats, deviation: Floats, unit: float) -> Floats:
    """Negative log-likelihood [N], in nats, of targets under Gaussians; targets are measured in the `unit`."""
    distance = (predicted - y) / deviation
    return np.asarray(0.5 * (_LOG_TAU + distance**2) + np.log(deviation / unit), dtype=np.float64)


def density(
    y: Floats, predicted: Floats, deviation: Floats, scale: tuple[float, float], groups: Groups = None
) -> dict[str, Estimate]:
    """How good the deviations [N] of predictions [N] are; `scale`: mean and deviation of the training targets.

    nll: mean negative log-likelihood in nats, lower = better. nll_difference: that of a Gaussian with the `scale` less
    it, > 0: the model is better. coverage_50 and coverage_90: the share of targets within the central half, and within
    the central nine tenths, of what was predicted for them; below 0.5 and 0.9 the model is too sure.
    """
    known = np.isfinite(y)
    y, predicted, deviation, groups = y[known], predicted[known], deviation[known], of(groups, known)
    losses = likelihood(y, predicted, deviation, scale[1])
    guess = likelihood(y, np.full(len(y), scale[0]), np.full(len(y), scale[1]), scale[1])
    distance = np.abs(predicted - y) / deviation
    return {
        "nll": _mean(losses, likelihood(y, y, deviation, scale[1]), groups),
        "nll_difference": paired_mean(guess - losses, groups=groups),
        **{name: proportion(distance <= limit, groups) for name, limit in CENTRAL.items()},
    }


def _mean(losses: Floats, lowest: Floats, groups: Groups) -> Estimate:
    """The mean of losses [N], and as low as each can be: they are skewed, so its interval is studentised.

    It may reach down to the lowest of all, which few examples need not have shown.
    """
    least = float(lowest.min()) if len(losses) else 0.0
    above = ratio_of_means(losses - least, np.ones(len(losses)), math.inf, 0, groups)
    return Estimate(above.value + least, above.low + least, above.high + least, above.n)


def _root(value: float) -> float:
    return math.sqrt(value) if value >= 0 else math.nan


def r2_difference(
    y: NDArray[np.floating], own: NDArray[np.floating], other: NDArray[np.floating], groups: Groups = None
) -> Estimate:
    """R² of the predictions `own` `[N]` less that of `other` `[N]`, example by example; > 0: own is better.

    nan of equal targets, which have no variance to explain.
    """
    known = np.isfinite(y)
    y = y[known].astype(np.float64)
    gain = (other[known] - y) ** 2 - (own[known] - y) ** 2
    variance = float((_centred(y) ** 2).mean()) if len(y) else 0.0
    if not variance > 0:
        return Estimate(math.nan, math.nan, math.nan, len(y))
    return paired_mean(gain / variance, groups=of(groups, known))


def closer(
    y: NDArray[np.floating], own: NDArray[np.floating], other: NDArray[np.floating], groups: Groups = None
) -> dict[str, Estimate]:
    """By how much the predictions `own` `[N]` are closer to targets than `other` `[N]`, row by row, and how often.

    mae_difference: the other's mean absolute error less one's own; closer: the share of rows. > 0, or > 0.5: own is
    better. Unlike a difference of R², no row counts by its square.
    """
    known = np.isfinite(y)
    distances = [np.abs(one[known].astype(np.float64) - y[known]) for one in (own, other)]
    groups = of(groups, known)
    return {
        "mae_difference": paired_mean(distances[1] - distances[0], groups=groups),
        "closer": proportion(distances[0] < distances[1], groups),
    }


def errors(y: NDArray[np.floating], outputs: NDArray[np.floating], loss: str) -> dict[str, float]:
    """Figures of standardised targets `[N]` and predictions `[N, 1]`, without intervals; `loss`: the one trained.

    With deviations, `[N, 2]`, `nll` too, which is then the loss.
    """
    distance = np.abs(outputs[:, 0] - y).astype(np.float64)
    mean_squared = float((distance**2).mean())
    losses: dict[str, Floats] = {
        "squared": distance**2,
        "absolute": distance,
        "huber": np.where(distance <= 1, distance**2 / 2, distance - 0.5),
    }
    found = {}
    if loss == "gaussian":
        predicted, deviation = outputs.astype(np.float64).T
        losses["gaussian"] = likelihood(y.astype(np.float64), predicted, deviation, 1.0)
        found["nll"] = float(losses["gaussian"].mean())
    return found | {
        "rmse": math.sqrt(mean_squared) if mean_squared >= 0 else math.nan,
        "r2": 1 - mean_squared / max(float(y.var()), _LEAST),
        "loss": float(losses[loss].mean()),
    }
