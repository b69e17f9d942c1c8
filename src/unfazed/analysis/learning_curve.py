"""What more data would buy: skill of a linear probe by number of rows, carried on by a power law.

Axis letters: N training rows, M held-out rows, D features, S sizes of the subsets.
Errors fall as a + b n^-c (Hestness et al. 2017, arXiv:1712.00409). Features that were learnt from the very rows that
the probe is fitted to tell them apart too well, and the curve is then too flat: give features that saw no labels.
"""

import math

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.baselines import logistic_regression
from unfazed.analysis.intervals import Estimate, Floats, Integers, resampled_weights
from unfazed.analysis.signs import Curve

ROWS = 2000  # that the probe is fitted to, at most
HELD_OUT = 2000
FRACTIONS = (1 / 8, 1 / 4, 1 / 2, 1)
TIMES = 4
FEWEST = 16  # rows of the smallest subset
EXPONENTS = np.linspace(0.1, 1.0, 10)
RESAMPLES = 200


def learning_curve(
    train: NDArray[np.floating], y: Integers, held_out: NDArray[np.floating], given: Integers, classes: int
) -> Curve | None:
    """The curve of features `train [N, D]`, `held_out [M, D]` with labels `y [N]`, `given [M]`.

    Rows come in random order. None where there is too little to fit it to.
    """
    train, y, held_out, given = train[:ROWS], y[:ROWS], held_out[:HELD_OUT], given[:HELD_OUT]
    sizes = [round(len(y) * part) for part in FRACTIONS if round(len(y) * part) >= FEWEST]
    sizes = [size for size in sizes if len(np.unique(y[:size])) > 1]
    if len(sizes) < 3 or len(given) < FEWEST:
        return None
    mean, scale = train.mean(0), train.std(0) + 1e-3
    x, asked = (train - mean) / scale, (held_out - mean) / scale
    wrong = np.stack([
        logistic_regression(x[:size], y[:size], classes, (1e-2,))(asked).argmax(1) != given for size in sizes
    ]).astype(np.float64)  # fmt: skip
    gain = _gain(np.array(sizes, float), wrong)
    return Curve(sizes, (1 - wrong.mean(1)).tolist(), gain)


def _gain(sizes: Floats, wrong: Floats) -> Estimate:
    """The share of mistakes that four times the rows would spare, from `wrong [S, M]`; M is resampled."""
    value = carried_on(sizes, wrong.mean(1))
    drawn = np.concatenate([w @ wrong.T / wrong.shape[1] for w in resampled_weights(wrong.shape[1], 0, RESAMPLES)])
    low, high = np.percentile([carried_on(sizes, errors) for errors in drawn], [2.5, 97.5])
    return Estimate(value, min(float(low), value), max(float(high), value), wrong.shape[1])


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
