"""Answering only where the model is sure enough: what is left of the errors, and what can be promised about them.

Axis letters: n examples with a known answer.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.groups import Groups, of
from unfazed.analysis.intervals import Estimate, Floats, Integers, proportion, wilson

DOUBT = 0.05  # probability that a promise does not hold, over samples
POINTS = 20  # of a curve


class Selection(NamedTuple):
    """Answer above `threshold`: that share is answered, and those are the errors among the answered."""

    threshold: float
    answered: Estimate
    errors: Estimate
    promised: float  # the highest share of errors that is left possible


def selection(confidence: Floats, right: NDArray[np.bool_], risk: float) -> Selection | None:
    """The lowest confidence above which at most `risk` of the answers are wrong, with probability 95 %; None: no such.

    Geifman and El-Yaniv 2017 (arXiv:1705.08500): a binary search over how many of the surest of the n examples are
    answered, all of them first, each step bounded by the exact binomial bound with its part of the doubt. Among
    examples above the confidence of the next one, mistakes are independent: the bound holds for the threshold that the
    sample chose.
    """
    n = len(confidence)
    ordered = np.sort(confidence)[::-1]
    steps = steps_of(n)
    found, most = None, n
    least = next((count for count in range(1, n + 1) if upper_bound(0, count, DOUBT / steps) <= risk), n + 1)
    for step in range(steps):
        if least > most:
            break
        count = (least + most + 1) // 2 if step else n
        one = _at(confidence, right, float(ordered[count]) if count < n else -math.inf, steps)
        if one.promised <= risk:
            found, least = one, count + 1
        else:
            most = count - 1
    return found


def least_risk(n: int) -> float:
    """The smallest share of errors that n examples can promise, were all of them right."""
    return upper_bound(0, n, DOUBT / steps_of(n))


def examples_for(risk: float) -> int:
    """How many examples can promise that share of errors at the least: all of them right, and all answered."""
    n, needed = 0, 1
    while needed > n:  # the doubt is shared by more steps where there are more examples
        n = needed
        needed = math.ceil(math.log(DOUBT / steps_of(n)) / math.log1p(-risk))
    return n


def steps_of(n: int) -> int:
    """How many bounds the search over n examples may look at."""
    return 1 + math.ceil(math.log2(n + 1))


def upper_bound(errors: int, n: int, doubt: float) -> float:
    """The share of errors that n examples with so many exclude, but for `doubt` (Clopper and Pearson 1934)."""
    from scipy.special import betaincinv

    if errors == 0 and n:
        return float(-math.expm1(math.log(doubt) / n))
    return 1.0 if errors >= n else float(betaincinv(errors + 1, n - errors, 1 - doubt))


def _at(confidence: Floats, right: NDArray[np.bool_], threshold: float, steps: int) -> Selection:
    above = confidence > threshold
    answered, errors = int(above.sum()), int((above & ~right).sum())
    promised = upper_bound(errors, answered, DOUBT / steps)
    return Selection(threshold, wilson(answered, len(confidence)), wilson(errors, answered), promised)


def curve(confidence: Floats, right: NDArray[np.bool_], groups: Groups = None) -> list[tuple[float, Estimate]]:
    """The share answered and the errors among the answered, the surest first, at up to 20 points.

    Those of the same confidence are answered together.
    """
    n = len(confidence)
    if not n:
        return []
    order = np.argsort(-confidence, kind="stable")
    wrong = ~right[order]
    wanted = np.ceil(np.arange(1, POINTS + 1) * n / POINTS).astype(np.int64)
    counts: Integers = np.unique(np.searchsorted(-confidence[order], -confidence[order][wanted - 1], side="right"))
    return [(count / n, proportion(wrong[:count], of(groups, order[:count]))) for count in counts.tolist()]
