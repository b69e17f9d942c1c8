"""How sure a classifier may be: probabilities corrected by a temperature, and how far they are from the shares right.

Axis letters: N examples, K classes, B bins. Labels that are missing (-1) are left out.
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis import groups as grouping
from unfazed.analysis.groups import Groups
from unfazed.analysis.intervals import Estimate, Floats, Integers, Z, proportion, ratio_of_means
from unfazed.analysis.mistakes import ranked, with_more
from unfazed.analysis.slices import slices

CELLS = 1_000_000  # probabilities worked on at once: of many classes all rows together would take gigabytes
BINS = 10
A_BIN = 20  # examples that a bin has at least, where there are enough for two
PRIOR = 0.5  # standard deviation of the logarithm of a temperature before the first example is seen
COLDEST, HOTTEST = 0.02, 50.0
SMALLEST = float(np.finfo(np.float32).tiny)

Probabilities = NDArray[np.floating]


class Bin(NamedTuple):
    """Examples about which the model was equally sure: how sure on average, and the share that was right."""

    confidence: float
    right: Estimate


def scaled(probs: Probabilities, temperature: float) -> NDArray[np.float32]:
    """Probabilities [N, K] at a temperature: above 1 less sure, below 1 surer; the order of the classes stays.

    Raised to the power 1 / T and brought to the sum 1, which is what dividing the logits does (Guo et al. 2017,
    arXiv:1706.04599); of the mean of several members too. nan stays nan.
    """
    if temperature == 1:
        return np.asarray(probs, dtype=np.float32)
    calibrated = np.empty(probs.shape, np.float32)
    for block in blocks(probs):
        logits = np.log(np.maximum(probs[block], SMALLEST, dtype=np.float64)) / temperature
        raised = np.exp(logits - logits.max(axis=1, keepdims=True))
        calibrated[block] = raised / raised.sum(1, keepdims=True)
    return calibrated


def blocks(probs: Probabilities) -> Iterator[slice]:
    """The rows of probabilities [N, K], some after the other, so many that what is computed of them stays small."""
    return slices(len(probs), CELLS, probs.shape[1])


def labelled(y: Integers, probs: Probabilities) -> tuple[Integers, Probabilities]:
    """Labels [n] and probabilities [n, K] of the rows with a label; where all have one they are not copied."""
    known = y >= 0
    return (y, probs) if known.all() else (y[known], probs[known])


def temperature(y: Integers, probs: Probabilities, groups: Groups = None) -> Estimate:
    """The temperature at which probabilities `[N, K]` give the labels `[N]` the least log loss, with its interval.

    Its logarithm is held to be normal around 0 beforehand, with a deviation of 0.5: few examples hardly move it from 1,
    and hundreds go where they want. The interval is that of the posterior (Laplace's approximation); where examples
    come in `groups` [N], it counts them as so many fewer as their slopes at the best temperature tell.
    """
    from scipy.optimize import minimize_scalar

    known = y >= 0
    y, logs, groups = y[known], np.log(np.maximum(probs[known], SMALLEST, dtype=np.float64)), grouping.of(groups, known)
    if not len(y):
        return Estimate(1.0, math.exp(-Z * PRIOR), math.exp(Z * PRIOR), 0)

    def losses(log_temperature: float) -> Floats:
        return _log_losses(y, logs * math.exp(-log_temperature))

    def objective(log_temperature: float) -> float:
        return float(losses(log_temperature).sum()) + (log_temperature / PRIOR) ** 2 / 2

    bounds = (math.log(COLDEST), math.log(HOTTEST))
    best = float(minimize_scalar(objective, bounds=bounds, method="bounded", options={"xatol": 1e-5}).x)
    step = 1e-2
    before, at, after = (losses(best + way) for way in (-step, 0.0, step))
    worth = 1.0 if groups is None else grouping.effective(after - before, groups) / len(y)
    curvature = worth * float((after - 2 * at + before).sum()) / step**2 + 1 / PRIOR**2
    spread = Z * min(PRIOR, 1 / math.sqrt(max(curvature, 1e-12)))
    return Estimate(math.exp(best), math.exp(best - spread), math.exp(best + spread), len(y))


def _log_losses(y: Integers, logits: Floats) -> Floats:
    """Of each example [N], in nats."""
    from scipy.special import logsumexp

    return np.asarray(logsumexp(logits, axis=1) - logits[np.arange(len(y)), y])


def reliability(y: Integers, probs: Probabilities, groups: Groups = None) -> list[Bin]:
    """Labels `[N]` and probabilities `[N, K]` in up to 10 bins of about as many examples, the least sure first."""
    (confidence, right), groups = _sure(y, probs), grouping.of(groups, y >= 0)
    return [
        Bin(float(confidence[part].mean()), proportion(right[part] > 0, grouping.of(groups, part)))
        for part in _parts(confidence)
    ]


def calibration_error(y: Integers, probs: Probabilities, groups: Groups = None) -> Estimate:
    """How far the probability of the predicted class lies from the share right: root mean square over bins, debiased.

    The usual expected calibration error takes the chance that is left in each bin for an error of the model: of a
    perfectly calibrated one it shows 3.8 % on 500 examples. So each bin's squared gap is reduced by its variance, which
    makes the mean square unbiased (Kumar, Liang and Ma 2019, Verified Uncertainty Calibration, arXiv:1909.10155). What
    falls below zero counts as zero. Against the mean absolute gap the root mean square is never the
    kinder. The interval takes the square's normal one; fewer than two examples: NaN within [0, 1].
    """
    confidence, right = _sure(y, probs)
    n = len(confidence)
    if n < 2:
        return Estimate(math.nan, 0.0, 1.0, n)
    if groups is not None:
        return _error_in_groups(confidence, right, groups[y >= 0])
    square = variance = 0.0
    for part in _parts(confidence):
        gaps, weight = right[part] - confidence[part], len(part) / n
        noise = float(gaps.var(ddof=1)) / len(part)
        explained = max(float(gaps.mean()) ** 2 - noise, 0.0)
        share = (right[part].sum() + 0.5) / (len(part) + 1)  # never without any variance, were all of them right
        noisy = max(noise, share * (1 - share) / len(part))
        square += weight * (float(gaps.mean()) ** 2 - noise)
        variance += weight**2 * (4 * explained * noisy + 2 * noisy**2)
    return _root(square, Z * math.sqrt(variance), n)


def _root(square: float, reach: float, n: int) -> Estimate:
    """The root of a mean square that reaches so far up and down."""
    value, low, high = (math.sqrt(max(square + one, 0.0)) for one in (0.0, -reach, reach))
    return Estimate(value, low, min(high, 1.0), n)


def _error_in_groups(confidence: Floats, right: Floats, groups: Integers) -> Estimate:
    """`calibration_error` where a group's examples lie in several bins and err together: bins have covariances."""
    n, count, parts = len(groups), len(np.unique(groups)), _parts(confidence)
    if count < 2:
        return Estimate(math.nan, 0.0, 1.0, n)
    weights = np.array([len(part) / n for part in parts])
    gaps = np.array([float((right[part] - confidence[part]).mean()) for part in parts])
    off = np.zeros((n, len(parts)))
    for place, part in enumerate(parts):
        off[part, place] = (right[part] - confidence[part] - gaps[place]) / len(part)
    own = grouping.sums(off, groups)
    covariance = count / (count - 1) * (own.T @ own)
    noise = np.diag(covariance).copy()
    worth = np.array([grouping.effective(right[part] > 0, groups[part]) for part in parts])
    shares = np.array([(right[part].sum() + 0.5) / (len(part) + 1) for part in parts])
    np.fill_diagonal(covariance, np.maximum(noise, shares * (1 - shares) / np.maximum(worth, 1.0)))
    explained = np.sqrt(np.maximum(gaps**2 - noise, 0.0)) * np.sign(gaps)
    variance = weights @ (4 * np.outer(explained, explained) * covariance + 2 * covariance**2) @ weights
    reach = Z * grouping.widening(count) * math.sqrt(max(float(variance), 0.0))
    return _root(float(weights @ (gaps**2 - noise)), reach, n)


def brier_score(y: Integers, probs: Probabilities, seed: int = 0, groups: Groups = None) -> Estimate:
    """The mean squared distance of the probabilities `[N, K]` from the labels `[N]`, lower = better (Brier 1950).

    As scikit-learn's `brier_score_loss` counts: from 0 to 2, of two classes half of that. The interval is widened for
    the mistakes that the examples may lack.
    """
    groups, (y, probs) = grouping.of(groups, y >= 0), labelled(y, probs)
    highest = 1.0 if probs.shape[1] == 2 else 2.0
    own = probs[np.arange(len(y)), y].astype(np.float64)
    every = [(probs[block].astype(np.float64) ** 2).sum(1) for block in blocks(probs)]
    squares = (np.concatenate([np.empty(0), *every]) - 2 * own + 1) * highest / 2
    found = ratio_of_means(squares, np.ones(len(y)), highest, seed, groups)
    likeliest, runner_up = ranked(probs)
    rows = np.arange(len(y))
    cost = (probs[rows, likeliest].astype(np.float64) - probs[rows, runner_up]) * highest
    return with_more(found, (likeliest != y, cost), groups, highest)


def _sure(y: Integers, probs: Probabilities) -> tuple[Floats, Floats]:
    """The probability of the predicted class, and 1 where it is the label, else 0; each `[n]`."""
    y, probs = labelled(y, probs)
    confidence = probs.max(axis=1, initial=0.0).astype(np.float64)
    return confidence, (probs.argmax(1) == y).astype(np.float64)


def _parts(confidence: Floats) -> list[Integers]:
    """The positions in each bin: about as many in each, the least sure first, equal ones in one.

    Were equal ones divided by their places, bins of a sorted table would be of one class each.
    """
    n = len(confidence)
    if not n:
        return []
    order = np.argsort(confidence, kind="stable")
    size, cuts = n / int(np.clip(n // A_BIN, 1, BINS)), [0]
    for place in np.flatnonzero(np.diff(confidence[order])) + 1:
        if place - cuts[-1] >= size and n - place >= size / 2:
            cuts.append(int(place))
    return np.split(order, cuts[1:])
