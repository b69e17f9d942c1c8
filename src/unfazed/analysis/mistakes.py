"""Mistakes that a sample may hold too few of, and how far a mean that they carry goes beyond what was seen.

Of a model that errs once in a hundred examples, the few mistakes carry nearly all of the surprise, and all of what
speaks for a model that is less sure of itself. A sample that happens to lack them varies little, and so is sure of a
mean that is too low: no resampling of it knows better. Here as many more mistakes are assumed as Wilson's interval
of their share allows (JASA 1927), each at what it would cost on average, were the runner-up the label instead of the
likeliest class.

Axis letters: N examples, K classes, or labels of sets.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis import groups as grouping
from unfazed.analysis.groups import Groups
from unfazed.analysis.intervals import Estimate, Floats, proportion
from unfazed.analysis.surprise import set_surprise, surprise

CELLS = 1_000_000  # probabilities worked on at once

Probabilities = NDArray[np.floating]
Mistakes = tuple[NDArray[np.bool_], Floats]  # which answers [N] are wrong, and what a mistake would add at each [N]


def ranked(probs: Probabilities) -> tuple[NDArray[Any], NDArray[Any]]:
    """The likeliest class and the runner-up of each example, `[N]` both; of a single class that one twice."""
    first, second = np.zeros((2, len(probs)), np.int64)
    step = max(1, CELLS // max(1, probs.shape[1]))
    for start in range(0, len(probs), step):
        part = probs[start : start + step].copy()
        rows = np.arange(len(part))
        best = part.argmax(1)
        part[rows, best] = -1.0
        first[start : start + step], second[start : start + step] = best, part.argmax(1)
    return first, second


def ranked_sets(probs: Probabilities) -> tuple[NDArray[Any], NDArray[Any]]:
    """The likeliest set of labels of each example, and the next, with its least sure label turned: `[N, K]` both."""
    first = (probs >= 0.5).astype(np.float64)
    second, rows = first.copy(), np.arange(len(probs))
    least = np.abs(probs - 0.5).argmin(1)
    second[rows, least] = 1 - first[rows, least]
    return first, second


def bits(y: NDArray[Any], probs: Probabilities) -> Floats:
    """How surprised a model is by each label `[N]`, or set of labels `[N, K]`."""
    return surprise(y, probs) if y.ndim == 1 else set_surprise(y, probs)


def surprising(y: NDArray[Any], probs: Probabilities, other: Probabilities | None = None) -> Mistakes:
    """The mistakes of probabilities `[N, K]` about labels `[N]`, or sets `[N, K]`, and the bits that more would add.

    With an `other` model's probabilities they are mistakes of the mean of both, and what they would add to the
    difference of surprise, this model's less the other's.
    """
    both = probs if other is None else (probs + other) / 2
    likeliest, runner_up = ranked(both) if y.ndim == 1 else ranked_sets(both)
    cost = bits(runner_up, probs) - bits(likeliest, probs)
    if other is not None:
        cost -= bits(runner_up, other) - bits(likeliest, other)
    wrong = likeliest != y
    return wrong if y.ndim == 1 else wrong.any(1), cost


def with_more(found: Estimate, mistakes: Mistakes, groups: Groups = None, highest: float = math.inf) -> Estimate:
    """`found`, a mean over examples `[N]`, with its interval widened for the mistakes that these may lack.

    Up to the `highest` that the mean can be. Of fewer than two examples, or groups, and of NaN it stays as it is.
    """
    wrong, cost = mistakes
    if len(wrong if groups is None else np.unique(groups)) < 2 or not math.isfinite(found.value):
        return found
    share = proportion(wrong, groups)
    reached = found.value + (share.high - share.value) * float(cost.mean())
    low, high = (found.value if math.isnan(end) else end for end in found[1:3])
    return found._replace(low=min(low, reached), high=min(max(high, reached), highest))


def chance_of_as_few(mean: float, mistakes: Mistakes, groups: Groups = None) -> float:
    """The probability of seeing so few mistakes, or as many too many, were there enough to bring a `mean` to 0.

    Of a share as large as that takes it is the two-sided score test, below 5 % where that lies beyond Wilson's
    interval; 0 where more mistakes would take the mean away from 0, or all examples together not bring it there.
    """
    from scipy.special import ndtr

    wrong, cost = mistakes
    n, share, each = len(wrong), float(wrong.mean()), float(cost.mean())
    if not mean * each < 0:
        return 0.0
    needed = share - mean / each
    if needed >= 1:
        return 0.0
    worth = n if groups is None else grouping.effective(wrong, groups)
    return float(2 * ndtr(-(needed - share) * math.sqrt(worth / (needed * (1 - needed)))))
