"""95 % intervals: how far a number measured on n examples can be trusted.

Axis letters: N examples, R resamples, K classes, C cells of the confusion matrix that hold something.
Proportions get Wilson's interval (Wilson, JASA 1927), which stays honest at 0 and at 1; differences of two paired
ones Agresti and Min's (Statistics in Medicine 2005). Everything else is resampled (Efron, Annals of Statistics 1979),
means of surprise in units of their own standard error (Hall, Annals of Statistics 1988). Where examples come in
`groups`, whole groups are resampled, and shares count as of fewer examples; n is the number of examples all the same.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis import groups as grouping
from unfazed.analysis.groups import Floats as Floats
from unfazed.analysis.groups import Groups
from unfazed.analysis.groups import Integers as Integers
from unfazed.analysis.groups import Z as Z

RESAMPLES = 1000
SIGNIFICANT = 0.05
CHUNK = 2_000_000  # row numbers, or counts of cells, drawn at once: bounds the memory at some 50 MB
CONSTANT = 1e-6  # a spread below this part of the mean is rounding: the difference of squares leaves some 1e-8
ALIKE = 2  # at most so many times the smallest: what a mean is divided by then makes it no other thing than a mean
FARTHEST = 4  # times as far up as the percentiles reach: beyond it one large value has unhinged the studentised end
ENCLOSED = 8  # examples from which on the highest may bound a mean of skewed losses: with 6 the intervals cover 86 %


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


def wilson(successes: float, n: float) -> Estimate:
    """A proportion and Wilson's interval; of no trials at all, NaN within [0, 1]."""
    if n == 0:
        return Estimate(math.nan, 0.0, 1.0, 0)
    share = successes / n
    centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    low = 0.0 if successes == 0 else centre - half
    high = 1.0 if successes == n else centre + half
    return Estimate(share, max(low, 0.0), min(high, 1.0), int(n))


def proportion(right: NDArray[np.bool_], groups: Groups = None) -> Estimate:
    """The share of `[N]` that is true and Wilson's interval, where there are groups with the effective N for n."""
    n = len(right)
    if groups is None or not n:
        return wilson(int(right.sum()), n)
    share = float(right.mean())
    worth = grouping.effective(right, groups)
    low, high = wilson(share * worth, worth)[1:3]
    return Estimate(share, min(low, share), max(high, share), n)


def median(values: Floats, groups: Groups = None) -> Estimate:
    """The median of `[N]` and the quantiles at the ends of a half's interval (Woodruff, JASA 1952); of none, NaN."""
    n = len(values)
    if not n:
        return Estimate(math.nan, math.nan, math.nan, 0)
    value = float(np.median(values))
    half = proportion(values <= value, groups)
    low, high = np.quantile(values, [half.low, half.high])
    return Estimate(value, min(float(low), value), max(float(high), value), n)


def from_resamples(value: float, resampled: Floats, n: int) -> Estimate:
    """The percentile interval of a resampled statistic `[R]`, widened to hold the value; NaN resamples are left out."""
    kept = resampled[np.isfinite(resampled)]
    if not len(kept) or not math.isfinite(value):
        return Estimate(value, math.nan, math.nan, n)
    low, high = np.percentile(kept, [2.5, 97.5])
    return Estimate(value, min(float(low), value), max(float(high), value), n)


def hull(found: Sequence[Estimate]) -> Estimate:
    """Of intervals of one share, found in several ways, the one that holds them all."""
    low, high = min(one.low for one in found), max(one.high for one in found)
    return found[0]._replace(low=max(low, 0.0), high=min(high, 1.0))


def mean_of(found: Estimate, parts: Sequence[Estimate]) -> Estimate:
    """`found`, the mean of shares measured apart, with an interval that also holds the one made of theirs.

    A part that is NaN counts as 0, which may be anything; of none it is `found`.
    """
    if not parts:
        return found
    below, above = mover([one._replace(value=0.0) if math.isnan(one.value) else one for one in parts])
    return hull([found, found._replace(low=found.value - below, high=found.value + above)])


def mover(parts: Sequence[tuple[float, float, float, Any]]) -> tuple[float, float]:
    """How far the interval of the mean of estimates reaches down and up, which are independent of each other.

    The root of the summed squares of how far theirs do, by how many there are (MOVER: Zou and Donner, Statistics in
    Medicine 2008). `parts`: value, low and high of each.
    """
    values, low, high = np.array([one[:3] for one in parts]).T
    below, above = (float(np.sqrt(np.square(end - values).sum())) / len(parts) for end in (low, high))
    return below, above


def from_groups(value: float, resampled: Floats, n: int, count: int) -> Estimate:
    """`from_resamples` of a statistic `[R]` of resampled groups, so much wider as there are few, G, of them."""
    return from_resamples(value, widened(value, resampled, count), n)


def widened(value: float, resampled: Floats, count: int) -> Floats:
    """Resampled values `[R]` of a statistic of G groups, moved away from its value; NaN for a single group."""
    wider = grouping.spread(count)
    return value + (resampled - value) * wider if math.isfinite(wider) else np.full(len(resampled), math.nan)


def paired_mean(differences: Floats, groups: Groups = None) -> Estimate:
    """The mean of paired differences `[N]` and its normal interval.

    Of few differences, or groups, it reaches as much further as Student's t does (Biometrika 1908).
    """
    n, count = len(differences), len(differences if groups is None else np.unique(groups))
    if n < 2 or count < 2:
        return Estimate(float(differences.mean()) if n > 1 else math.nan, -math.inf, math.inf, n)
    mean, error = float(differences.mean()), float(differences.std(ddof=1)) / math.sqrt(n)
    if groups is not None:
        error = grouping.mean_error(differences, groups)
    reach = Z * error * grouping.widening(count)
    return Estimate(mean, mean - reach, mean + reach, n)


def paired_difference(
    first_right: NDArray[np.bool_], second_right: NDArray[np.bool_], groups: Groups = None
) -> Estimate:
    """The share that the first gets right less the second's, on the same examples `[N]`; > 0: the first is better.

    Agresti and Min: half an example is added to each of the four cells (both right, only one, none), then Wald's
    interval, within ±1. Since that still claims too much where the two nearly always disagree (3 : 0), the interval
    holds 0 unless the exact sign test (McNemar) rejects it at 5 %, where there are groups that of their signs. Of no
    examples: NaN within ±1.
    """
    n = len(first_right)
    if n == 0:
        return Estimate(math.nan, -1.0, 1.0, 0)
    differences = first_right.astype(np.int64) - second_right
    first, second = int((differences > 0).sum()), int((differences < 0).sum())
    worth = n if groups is None else grouping.effective(differences, groups)
    centre = (first - second) * (worth / n) / (worth + 2)
    half = Z * math.sqrt(((first + second) * (worth / n) + 1) / (worth + 2) - centre * centre) / math.sqrt(worth + 2)
    value, low, high = (first - second) / n, max(centre - half, -1.0), min(centre + half, 1.0)
    chance = sign_test(first, second) if groups is None else grouping.sign_flips(differences, groups)
    if chance > SIGNIFICANT:
        low, high = min(low, 0.0), max(high, 0.0)
    return Estimate(value, min(low, value), max(high, value), n)


def sign_test(first: int, second: int) -> float:
    """The probability of a division at least as uneven, were both equally likely."""
    from scipy.special import bdtr

    return float(min(1.0, 2 * bdtr(min(first, second), first + second, 0.5)))


def ratio_of_means(above: Floats, below: Floats, highest: float, seed: int, groups: Groups = None) -> Estimate:
    """The mean of `above` `[N]` by the mean of `below` `[N]` and its studentised interval, within 0..`highest`.

    Each resample's error is measured in that resample's own standard error: a sample that happens to lack the rare
    large values also looks too sure of itself, and so the upper end reaches further than the lower. From `ENCLOSED`
    examples on, the ends stay within what single ones gave, however little the resamples varied.

    One value that outweighs all others unhinges studentised ends. Those of a mean (`below` varies little) then go to
    the smallest and the largest example: they are kept within what the percentiles allow, which costs no coverage:
    simulated intervals of 150 log-normal or Student's losses hold the mean as often as without.

    The ends are NaN for fewer than two examples, and where nothing but zeros was seen; a ratio that never varies is its
    own interval. Groups are examples with the sums of theirs.
    """
    if groups is not None:
        own, its = (grouping.sums(one, groups) for one in (above, below))
        return ratio_of_means(own, its, highest, seed)._replace(n=len(above))
    n = len(above)
    if n == 0 or not below.any():
        return Estimate(math.nan, math.nan, math.nan, n)
    parts = np.stack([above, below, above * above, above * below, below * below], axis=1)
    value, spread = _ratio(parts.mean(0))
    if n < 2 or not value > 0:
        return Estimate(float(value), math.nan, math.nan, n)
    if spread <= CONSTANT * value:
        return Estimate(float(value), float(value), float(value), n)
    resampled, spreads = _ratio(np.concatenate([drawn @ parts / n for drawn in resampled_weights(n, seed)]))
    with np.errstate(divide="ignore"):  # a resample of one row many times: an infinite error
        errors = (resampled - value) / np.where(spreads > CONSTANT * value, spreads, 0.0)
    low = value - spread * np.percentile(errors, 97.5, method="higher")
    high = value - spread * np.percentile(errors, 2.5, method="lower")
    least, most = _observed(above, below, highest)
    if n >= ENCLOSED and below.max() <= ALIKE * below.min():
        lowest, farthest = np.percentile(resampled, [2.5, 97.5])
        low, high = max(low, lowest), min(high, value + FARTHEST * max(farthest - value, 0.0))
    return Estimate(float(value), float(np.clip(low, least, value)), float(np.clip(high, value, most)), n)


def _observed(above: Floats, below: Floats, highest: float) -> tuple[float, float]:
    """The lowest and the highest ratio of one example; 0 and `highest` where the examples are too few to tell."""
    if len(above) < ENCLOSED:
        return 0.0, highest
    single = above[below > 0] / below[below > 0]
    unbounded = bool((above[below == 0] > 0).any())  # such an example adds to the ratio, and has none of its own
    return float(single.min()), highest if unbounded else min(float(single.max()), highest)


def _ratio(means: Floats) -> tuple[Floats, Floats]:
    """Ratios and their standard deviations from the means `[..., 5]` of a, b, a², ab and b² (the delta method)."""
    a, b, aa, ab, bb = np.moveaxis(means, -1, 0)
    below = np.where(b > 0, b, 1.0)
    ratio = a / below
    return ratio, np.sqrt(np.maximum(aa - 2 * ratio * ab + ratio * ratio * bb, 0)) / below


def resampled_weights(n: int, seed: int, resamples: int = RESAMPLES) -> Iterator[Floats]:
    """How often each of N rows is drawn with replacement, `[r, N]` at a time until R resamples are out."""
    generator = np.random.default_rng(seed)
    step = max(1, CHUNK // max(n, 1))
    for start in range(0, resamples, step):
        count = min(step, resamples - start)
        cells = generator.integers(0, n, (count, n)) + n * np.arange(count)[:, None]
        yield np.bincount(cells.ravel(), minlength=count * n).reshape(count, n).astype(np.float64)


def resampled_counts(confusion: Integers, seed: int, worth: float | None = None) -> Counts:
    """The counts of R resamples, each `[R, K]`, of the rows behind a confusion matrix `[K, K]`.

    Drawing the cells from a multinomial is the same thing as drawing the rows, and takes C steps in place of N.
    To the cells are added Wilson's four pseudo-examples (Z²): without them a flawless model, whose resamples are all
    flawless, would get an interval of no width. Half are right, like those that are; half are wrong, in any class.
    `worth`: as how many rows they count, where they are of groups.
    """
    classes, total = len(confusion), int(confusion.sum())
    scale = 1.0 if worth is None else worth / max(total, 1)
    given, predicted = np.nonzero(confusion)
    wrong = confusion.sum(1) / max(total, 1)
    hits = np.diag(confusion)
    right = hits / hits.sum() if hits.any() else wrong
    every = np.arange(classes)
    rows = np.concatenate([given, every, every])
    columns = np.concatenate([predicted, every, np.roll(every, -1)])
    weights = np.concatenate([scale * confusion[given, predicted], right * Z * Z / 2, wrong * Z * Z / 2])
    shares = weights / max(weights.sum(), 1e-300)
    generator, same, parts = np.random.default_rng(seed), rows == columns, []
    step = max(1, CHUNK // max(len(rows), 1))
    for start in range(0, RESAMPLES, step):
        drawn = generator.multinomial(round(scale * total), shares, min(step, RESAMPLES - start))
        drawn_right = _summed(drawn[:, same], rows[same], classes)
        parts.append((drawn_right, _summed(drawn, rows, classes), _summed(drawn, columns, classes)))
    return Counts(*(np.concatenate(part) for part in zip(*parts, strict=True)))


def _summed(drawn: Integers, classes_of: Integers, classes: int) -> Floats:
    """Adds up the cells `[R, C]` by the class of each: `[R, K]`."""
    from scipy.sparse import csr_array

    cells = np.arange(len(classes_of))
    by_class = csr_array((np.ones(len(cells)), (cells, classes_of)), shape=(len(cells), classes))
    return np.asarray(drawn @ by_class, dtype=np.float64)
