"""How well a classifier ranks examples by how likely they are of a class, wherever a threshold is put.

Axis letters: N examples, K classes, P of them of the class, M of others. Names and definitions are scikit-learn's
(`roc_auc_score`, one class against the rest, and `average_precision_score`); ties count half, or as one threshold.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis import groups as grouping
from unfazed.analysis.groups import Groups
from unfazed.analysis.intervals import Estimate, Floats, Integers, Z, mover, proportion, wilson

Numbers = NDArray[np.floating]
CELLS = 10_000_000  # probabilities beyond which nothing is ranked: it would take some seconds
STEPS = 4000  # of the areas that are asked whether they would go with the one that was measured


class _Area(NamedTuple):
    """The area under one class's curve, its interval, and what each example [N] adds to it."""

    value: float
    low: float
    high: float
    parts: Floats


def ranking(y: Integers, probs: Numbers, groups: Groups = None) -> dict[str, Estimate]:
    """roc_auc of labels `y` [N] and probabilities [N, K], of two classes average_precision as well, that of the rarer.

    Of more than two classes roc_auc is the mean of those that there are, each against the rest. 1 = all of the class
    rank above all others, 0.5 = by chance. nan within [0, 1] where there is one class, or more than `CELLS` numbers.
    """
    n, classes = len(y), probs.shape[1]
    counts = np.bincount(y, minlength=classes)
    unknown = Estimate(math.nan, 0.0, 1.0, n)
    if classes == 2:
        rarer = int(counts[1] <= counts[0])
        if not counts.all():
            return {"roc_auc": unknown, "average_precision": unknown}
        first, score = y == rarer, probs[:, rarer]
        area = _area(score, first, groups)
        precise = average_precision(score, first, groups)
        return {"roc_auc": Estimate(*area[:3], n), "average_precision": precise}
    there = np.flatnonzero(counts)
    if len(there) < 2 or probs.size > CELLS:
        return {"roc_auc": unknown}
    return {"roc_auc": _mean([_area(probs[:, k], y == k, groups) for k in there], groups)}


def area(score: Numbers, first: NDArray[np.bool_], groups: Groups = None) -> Estimate:
    """The share of pairs of a row of the `first` [N] and another one of which the first has the higher score [N].

    The ends are the shares with which the one that was seen would still go: Hanley and McNeil's standard error
    (Radiology 1982) is taken at each of them, as Wilson's interval takes a proportion's. So it has width where the
    ranking is flawless too. Simulated, it covers 94 % and more, from 2 rows of the first on; theirs, taken at what was
    seen, down to 14 %. Where rows come in groups there are fewer of them, and it holds Obuchowski's (Biometrics 1997).
    """
    return Estimate(*_area(score, first, groups)[:3], len(score))


def _area(score: Numbers, first: NDArray[np.bool_], groups: Groups) -> _Area:
    from scipy.stats import rankdata

    ranks, n, m = rankdata(score), int(first.sum()), int((~first).sum())
    share = float((ranks[first].sum() - n * (n + 1) / 2) / (n * m))
    placed = np.empty(len(score))
    placed[first] = (ranks[first] - rankdata(score[first])) / m  # share of the others that each of the first is above
    placed[~first] = 1 - (ranks[~first] - rankdata(score[~first])) / n
    parts = (placed - share) / np.where(first, n, m)
    if len(score) and (score == score[0]).all():
        return _Area(0.5, 0.5, 0.5, parts)
    worth = 1.0 if groups is None else grouping.effective(placed, groups) / len(score)
    low, high = _ends(share, n * worth, m * worth)
    if groups is not None:
        half = reach(parts, groups)
        low, high = min(low, share - half), max(high, share + half)
    return _Area(share, max(0.0, low), min(1.0, high), parts)


def _ends(share: float, n: float, m: float) -> tuple[float, float]:
    """The lowest and the highest area of which the measured one is not too far for n and m examples."""
    areas = np.linspace(0, 1, STEPS + 1)
    if not n * m > 0:
        return 0.0, 1.0
    both = areas / (2 - areas) - areas**2, 2 * areas**2 / (1 + areas) - areas**2
    spread = areas * (1 - areas) + max(n - 1, 0.0) * both[0] + max(m - 1, 0.0) * both[1]
    near = areas[(areas - share) ** 2 <= Z * Z * spread / (n * m) + 1e-12]
    return (min(share, float(near.min())), max(share, float(near.max()))) if len(near) else (share, share)


def reach(parts: Floats, groups: Groups) -> float:
    """How far the interval reaches of a sum of what each example adds to it, with examples drawn, or whole groups."""
    own = parts if groups is None else grouping.sums(parts, groups)
    return Z * grouping.spread(len(own)) * math.sqrt(float(own @ own)) if len(own) > 1 else math.inf


def _mean(areas: list[_Area], groups: Groups) -> Estimate:
    """The mean of the areas of several classes; its interval holds that of their parts, which go together.

    And that of areas which do not, from the ends of each (`mover`), which has width where all are 1.
    """
    value, n = float(np.mean([one.value for one in areas])), len(areas[0].parts)
    below, above = mover(areas)
    half = 0.0 if not below and not above else reach(np.mean([one.parts for one in areas], axis=0), groups)
    return Estimate(value, max(0.0, value - max(below, half)), min(1.0, value + max(above, half)), n)


def average_precision(score: Numbers, first: NDArray[np.bool_], groups: Groups = None) -> Estimate:
    """The mean, over rows of the `first` [N], of the share of such rows among those that score as high or higher.

    The interval is a proportion's of as many trials as there are such rows (Boyd, Eng and Page 2013).
    """
    order = np.argsort(-score, kind="stable")
    hits = np.cumsum(first[order])
    last = np.append(np.flatnonzero(np.diff(score[order])), len(score) - 1)  # of rows that score the same
    positives = int(hits[-1])
    value = float((np.diff(hits[last], prepend=0) * hits[last] / (last + 1)).sum() / positives)
    if len(last) == 1:
        return proportion(first, groups)
    worth = positives * (1.0 if groups is None else grouping.effective(first, groups) / len(first))
    low, high = wilson(value * worth, worth)[1:3]
    return Estimate(value, min(low, value), max(high, value), len(first))
