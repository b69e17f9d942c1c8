"""What more data would buy: skill of a linear probe by number of rows, carried on by a power law.

Axis letters: N training rows, M held-out rows, D features, S sizes of the subsets, P parts of one size.
Errors fall as a + b n^-c (Hestness et al. 2017, arXiv:1712.00409). Features that were learnt from the very rows that
the probe is fitted to tell them apart too well, and the curve is then too flat: give features that saw no labels.
"""

import math

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis import groups as grouping
from unfazed.analysis.baselines import logistic_regression, standardisation
from unfazed.analysis.groups import Groups
from unfazed.analysis.intervals import Estimate, Floats, Integers, resampled_weights, widened
from unfazed.analysis.signs import Curve

ROWS = 2000  # that the probe is fitted to, at most
HELD_OUT = 2000
FRACTIONS = (1 / 8, 1 / 4, 1 / 2, 1)
TIMES = 4
FEWEST = 16  # rows of the smallest subset
FEWEST_SIZES = 3  # that a law is fitted to
EXPONENTS = np.linspace(0.1, 1.0, 10)
RESAMPLES = 200


def learning_curve(
    train: NDArray[np.floating],
    y: Integers,
    held_out: NDArray[np.floating],
    given: Integers,
    classes: int,
    groups: Groups = None,
) -> Curve | None:
    """The curve of features `train [N, D]`, `held_out [M, D]` with labels `y [N]`, `given [M]`, and groups `[M]`.

    Rows come in random order, and are divided into as many parts of each size as there are. None where there is too
    little to fit it to.
    """
    train, y, held_out, given = train[:ROWS], y[:ROWS], held_out[:HELD_OUT], given[:HELD_OUT]
    groups = grouping.of(groups, np.arange(len(given)))
    sizes = [round(len(y) * part) for part in FRACTIONS if round(len(y) * part) >= FEWEST]
    sizes = [size for size in sizes if len(np.unique(y[:size])) > 1]
    if len(sizes) < FEWEST_SIZES or len(given) < FEWEST:
        return None
    standard = standardisation(train)
    x, asked = standard(train), standard(held_out)
    wrong = []
    for size in sizes:
        parts = (slice(start, start + size) for start in range(0, len(y) - size + 1, size))
        fits = (logistic_regression(x[part], y[part], classes, (1e-2,)) for part in parts)
        wrong.append(np.stack([fit(asked).argmax(1) != given for fit in fits]).astype(np.float64))
    return Curve(sizes, [1 - float(one.mean()) for one in wrong], _gain(np.array(sizes, float), wrong, groups))


def _gain(sizes: Floats, wrong: list[Floats], groups: Groups = None) -> Estimate:
    """The share of mistakes that four times the rows would spare, from `wrong [P, M]` of the P parts of each size.

    The interval is that of other held-out rows, which are resampled, as whole `groups [M]` where they come in some, and
    of other training rows: the mean of the parts varies as they do among themselves, pooled over the sizes, with a
    variance that is inverse to the number of rows. Few rows obey the law least: where there are sizes enough, it
    reaches as far as it does without the smallest one. A single group leaves its ends unknown: NaN.
    """
    starts = (0, 1) if len(sizes) > FEWEST_SIZES else (0,)
    found = [_of_sizes(sizes[start:], wrong[start:], groups) for start in starts]
    if not all(math.isfinite(one.low) for one in found):
        return found[0]
    return found[0]._replace(low=min(one.low for one in found), high=max(one.high for one in found))


def _of_sizes(sizes: Floats, wrong: list[Floats], groups: Groups) -> Estimate:
    """The same by these sizes alone."""
    means = np.stack([one.mean(0) for one in wrong])
    value, n = carried_on(sizes, means.mean(1)), means.shape[1]
    squares = sum(size * ((one.mean(1) - one.mean()) ** 2).sum() for size, one in zip(sizes, wrong, strict=True))
    variance = squares / sum(len(one) - 1 for one in wrong)
    drawn = _drawn(means, groups)
    if not np.isfinite(drawn).all():
        return Estimate(value, math.nan, math.nan, n)
    rows = sizes * [len(one) for one in wrong]
    drawn = np.maximum(drawn + np.random.default_rng(0).normal(size=drawn.shape) * np.sqrt(variance / rows), 0)
    low, high = np.percentile([carried_on(sizes, errors) for errors in drawn], [2.5, 97.5])
    return Estimate(value, min(float(low), value), max(float(high), value), n)


def _drawn(means: Floats, groups: Groups) -> Floats:
    """The errors `[R, S]` of resampled held-out rows, or groups, from those of each row, `means [S, M]`."""
    n = means.shape[1]
    own, sizes = means.T, np.ones(n)
    if groups is not None:
        own, sizes = grouping.sums(own, groups), grouping.sums(sizes, groups)
    weights = resampled_weights(len(sizes), 0, RESAMPLES)
    drawn = np.concatenate([w @ own / (w @ sizes)[:, None] for w in weights])
    return drawn if groups is None else np.stack(
        [widened(float(mean), errors, len(sizes)) for mean, errors in zip(means.mean(1), drawn.T, strict=True)], axis=1
    )


def carried_on(sizes: Floats, errors: Floats) -> float:
    """The share of the last of `errors [S]` that a power law through them spares at four times the last of `sizes`."""
    best, gain = math.inf, 0.0
    for exponent in EXPONENTS:
        terms = np.stack([np.ones(len(sizes)), sizes**-exponent], axis=1)
        (floor, height), *_ = np.linalg.lstsq(terms, errors, rcond=None)
        if floor < 0:  # there are no fewer mistakes than none
            floor, height = 0.0, float((terms[:, 1] @ errors) / (terms[:, 1] @ terms[:, 1]))
        distance = float(((terms @ (floor, height) - errors) ** 2).sum())
        if distance < best:
            best = distance
            now, then = (floor + height * (n * sizes[-1]) ** -exponent for n in (1, TIMES))
            gain = float(1 - then / now) if now > 0 else 0.0
    return gain
