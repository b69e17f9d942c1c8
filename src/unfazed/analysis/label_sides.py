"""Whether the labels of training, validation and test are wrong equally often: they need not come from the same hands.

Axis letters: N rows, n of one side.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Estimate, Floats, Integers, wilson

FEWEST = 50  # rows of a side, for less of which nothing is estimated on them alone
DIFFERENT = 3.0  # standard errors between two sides from which on their labels are not of one kind
TRAIN, VALIDATION, TEST = 0, 1, 2
Flags = NDArray[np.bool_]


def parts(right: Flags, labelled: Flags, split: Integers, measured: Flags) -> Iterator[tuple[Flags, Flags]]:
    """Rows to judge [N], each with the rows [N] that show how often their labels are wrong.

    A test set may have been labelled with more care: where its labels agree with the judges otherwise than those of
    validation do, it is judged for itself. `right` [N]: labels that are what the judges would give.
    """
    test, validation = measured & (split == TEST), measured & (split == VALIDATION)
    if min(test.sum(), validation.sum()) >= FEWEST and differ(_counted(right[test]), _counted(right[validation])):
        yield labelled & (split != TEST), validation
        yield labelled & (split == TEST), test
    else:
        yield labelled, measured


def differ(one: Estimate, other: Estimate) -> bool:
    """Whether chance does not explain by how much two shares of rows differ."""
    variance = sum(share.value * (1 - share.value) / share.n for share in (one, other))
    return bool(abs(one.value - other.value) > DIFFERENT * np.sqrt(variance))


class Side(NamedTuple):
    """The labels of some rows, and whether they are what a judge would give, to which they are unseen."""

    y: Integers  # [n] classes
    right: Flags  # [n]


def share_elsewhere(here: Side, there: Side, share: Estimate, classes: int) -> Estimate | None:
    """The share of wrong labels `here`; None where it may be that of `there`.

    The judge would be right equally often about each class on both sides were their labels wrong equally often;
    `there` `share` of them are. Its mistakes, and wrong labels, are taken to fall on all other classes alike. The
    interval has room for what chance does to each of the three figures (square-and-add; Newcombe, Statistics in
    Medicine 1998). Rows that are harder on one side look like wrong labels.
    """
    also = np.isin(here.y, there.y)
    here = Side(here.y[also], here.right[also])
    if min(len(here.y), len(there.y)) < FEWEST:
        return None
    own, others = _counted(here.right), _counted(there.right, _as_common_as(here.y, there.y))
    if not differ(own, others):
        return None
    known = own.value, others.value, share.value
    fewer, more = (own.high, others.low, share.low), (own.low, others.high, share.high)
    found = _share(known, classes)
    low, high = (
        float(np.hypot.reduce([_share((*known[:k], ends[k], *known[k + 1 :]), classes) - found for k in range(3)]))
        for ends in (fewer, more)
    )
    return Estimate(found, max(0.0, found - low), min(1.0, found + high), len(here.y))


def _as_common_as(here: Integers, there: Integers) -> Floats:
    """Weights [n] under which each class is as common `there` [n] as `here`."""
    counts = [np.bincount(y, minlength=max(here.max(), there.max()) + 1) for y in (here, there)]
    return np.asarray((counts[0] / np.maximum(counts[1], 1))[there])


def _counted(right: Flags, weights: Floats | None = None) -> Estimate:
    """The share of the rows [n] that are right; with `weights` [n], of as many as would be as sure without."""
    weights = np.ones(len(right)) if weights is None else weights
    n = weights.sum() ** 2 / (weights**2).sum()
    share = float((weights * right).sum() / weights.sum())  # first: in another order all may be a last digit more
    return wilson(n * share, n)


def _share(told: Sequence[float], classes: int) -> float:
    """The share of wrong labels here, `told`: how often a judge is right here and there, and the share there.

    It is right about a label that is right with probability p, about a wrong one with (1 - p) / (K - 1).
    """
    here, there, wrong_there = told
    chance = 1 / max(1, classes - 1)
    p = (there - wrong_there * chance) / max(1 - wrong_there - wrong_there * chance, 0.1)
    p = min(1.0, max(p, there))
    return float(np.clip((p - here) / max(p - (1 - p) * chance, 0.1), 0.0, 1.0))
