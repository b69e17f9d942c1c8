"""What ails numbers that are to be predicted, from themselves alone: values far from all others, and heavy tails.

Axis letters: N rows. Rows without a number (nan) are left out.
"""

import numpy as np

from unfazed.analysis.intervals import Floats
from unfazed.analysis.signs import Far, Tail

APART = 20  # times as far from the median as the next one: of no usual distribution are the largest that far apart
ALL_OTHERS = 0.5  # share of the squared distances from the median that values far from all others make
FEW = 0.01  # share of the rows, at least one, that may be far from all others, or carry what all others do
LOGARITHMIC = 5  # usual distances between logarithms, within which a value of heavy-tailed ones may well be right
USUAL = 1.4826  # standard deviations of a normal distribution in its median distance from the median
SKEWED = 3  # skewness from which on the largest few outweigh all others; of an exponential distribution it is 2
EVEN = 1  # skewness of logarithms up to which they are worth predicting
FEWEST = 20  # numbers, of fewer nothing is said


def few(count: int) -> int:
    """How many of so many rows are few: one in a hundred, at least one."""
    return max(1, int(FEW * count))


def far(y: Floats) -> Far | None:
    """The few of `y` [N] that are far from all others, where there are such: a slip of the pen, or another unit.

    They lie `APART` times as far from the median as the next one, outweigh all others, and their logarithms are far
    from the others' as well, where all are above 0: the largest of heavy-tailed numbers are right.
    """
    rows = np.flatnonzero(np.isfinite(y))
    if len(rows) < FEWEST:
        return None
    median = float(np.median(y[rows]))
    distances = np.abs(y[rows] - median)
    usual = USUAL * float(np.median(distances))
    order = np.argsort(-distances, kind="stable")
    most = few(len(rows))
    ordered = distances[order[: most + 1]]
    if not usual > 0 or not ordered[most] > 0:
        return None
    ratios = ordered[:-1] / ordered[1:]
    if ratios.max() < APART:
        return None
    count = int(ratios.argmax()) + 1
    squares = (distances / ordered[0]) ** 2
    if squares[order[:count]].sum() < ALL_OTHERS * squares.sum() or not _even_of_logarithms(y[rows], order[count - 1]):
        return None
    first = int(rows[order[0]])
    return Far(first, float(y[first]), count, float(ordered[0] / usual), median)


def _even_of_logarithms(y: Floats, nearest: int) -> bool:
    """Whether a value is far from the others' logarithms too; yes where these have none."""
    if not (y > 0).all():
        return True
    logarithms = np.log(y)
    distances = np.abs(logarithms - np.median(logarithms))
    return bool(distances[nearest] > LOGARITHMIC * USUAL * np.median(distances))


def tail(y: Floats, predicted: Floats) -> Tail | None:
    """How skewed `y` [N] and its logarithm are, where all are above 0, the tail heavy and the logarithm fit to predict.

    `predicted` [N]: how many of these are not above 0, as no target is.
    """
    from scipy.stats import skew

    known = np.isfinite(y)
    if known.sum() < FEWEST or not (y[known] > 0).all():
        return None
    of_numbers, of_logarithms = float(skew(y[known])), float(skew(np.log(y[known])))
    if not of_numbers > SKEWED or not abs(of_logarithms) < EVEN:
        return None
    return Tail(of_numbers, of_logarithms, int((predicted[known] <= 0).sum()), int(known.sum()))


def carried_by_few(y: Floats, predicted: Floats) -> tuple[int, float, int]:
    """How many of the rows [N] are few, the share of the squared error that the largest few make, the row of the first.

    Of no error at all: 0.
    """
    squared = np.where(np.isfinite(y), predicted - y, 0.0) ** 2
    order = np.argsort(-squared, kind="stable")
    count, total = few(int(np.isfinite(y).sum())), float(squared.sum())
    return count, float(squared[order[:count]].sum()) / total if total > 0 else 0.0, int(order[0]) if len(y) else 0
