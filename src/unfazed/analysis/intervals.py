"""95 % intervals: how far a number measured on n examples can be trusted.

Axis letters: N examples, R resamples, K classes, C cells of the confusion matrix that hold something.
Proportions get Wilson's interval (Wilson, JASA 1927), which stays honest at 0 and at 1. Everything else is
resampled (Efron, Annals of Statistics 1979).
"""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Z = 1.959963984540054  # standard normal quantile at 0.975
RESAMPLES = 1000
CHUNK = 2_000_000  # row numbers drawn at once: bounds the memory at some 50 MB

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]


class Estimate(NamedTuple):
    """A measured value, the ends of its 95 % interval, and the number of examples it was measured on."""

    value: float
    low: float
    high: float
    n: int


class Counts(NamedTuple):
    """What precision, recall and F1 are made of, each `[..., K]`."""

    hits: Floats
    given: Floats
    predicted: Floats


def wilson(successes: float, n: int) -> Estimate:
    """A proportion and Wilson's interval; of no trials at all, NaN within [0, 1]."""
    if n == 0:
        return Estimate(math.nan, 0.0, 1.0, 0)
    share = successes / n
    centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Estimate(share, max(low, 0.0), min(high, 1.0), n)


def from_resamples(value: float, resampled: Floats, n: int) -> Estimate:
    """The percentile interval of a resampled statistic `[R]`, widened to hold the value; NaN resamples are left out."""
    kept = resampled[np.isfinite(resampled)]
    if not len(kept) or not math.isfinite(value):
        return Estimate(value, math.nan, math.nan, n)
    low, high = np.percentile(kept, [2.5, 97.5])
    return Estimate(value, min(float(low), value), max(float(high), value), n)


def paired_mean(differences: Floats, confidence: float = Z) -> Estimate:
    """The mean of paired differences `[N]` and its normal interval, `confidence` standard errors each way."""
    n = len(differences)
    if n < 2:
        return Estimate(math.nan, -math.inf, math.inf, n)
    mean, error = float(differences.mean()), float(differences.std(ddof=1)) / math.sqrt(n)
    return Estimate(mean, mean - confidence * error, mean + confidence * error, n)


def resampled_rows(n: int, seed: int, resamples: int = RESAMPLES) -> Iterator[Integers]:
    """Row numbers drawn with replacement, `[r, N]` at a time until R resamples are out."""
    generator = np.random.default_rng(seed)
    step = max(1, CHUNK // max(n, 1))
    for start in range(0, resamples, step):
        yield generator.integers(0, n, (min(step, resamples - start), n))


def resampled_counts(confusion: Integers, seed: int, resamples: int = RESAMPLES) -> Counts:
    """The counts of R resamples, each `[R, K]`, of the rows behind a confusion matrix `[K, K]`.

    Drawing the cells from a multinomial is the same thing as drawing the rows, and takes C steps in place of N.
    To the cells are added Wilson's four pseudo-examples (Z²): without them a flawless model, whose resamples are all
    flawless, would get an interval of no width. Half are right, like those that are; half are wrong, in any class.
    """
    classes, total = len(confusion), int(confusion.sum())
    given, predicted = np.nonzero(confusion)
    wrong = confusion.sum(1) / max(total, 1)
    hits = np.diag(confusion)
    right = hits / hits.sum() if hits.any() else wrong
    every = np.arange(classes)
    rows = np.concatenate([given, every, every])
    columns = np.concatenate([predicted, every, np.roll(every, -1)])
    weights = np.concatenate([confusion[given, predicted], right * Z * Z / 2, wrong * Z * Z / 2])
    drawn = np.random.default_rng(seed).multinomial(total, weights / max(weights.sum(), 1e-300), resamples)
    drawn_right = np.where(rows == columns, drawn, 0)
    return Counts(_summed(drawn_right, rows, classes), _summed(drawn, rows, classes), _summed(drawn, columns, classes))


def _summed(drawn: Integers, classes_of: Integers, classes: int) -> Floats:
    """Adds up the cells `[R, C]` by the class of each: `[R, K]`."""
    from scipy.sparse import csr_array

    cells = np.arange(len(classes_of))
    by_class = csr_array((np.ones(len(cells)), (cells, classes_of)), shape=(len(cells), classes))
    return np.asarray(drawn @ by_class, dtype=np.float64)
