"""Which numbers given as labels may be wrong: those far from what is predicted, by the measure of their neighbours.

Axis letters: N rows, n new ones, D embedding width, k neighbours.
"""

import math

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Estimate, Floats, Integers
from unfazed.analysis.label_issues import NEIGHBOURS, LabelIssues, references
from unfazed.analysis.neighbours import nearest

LEAST = 0.25  # of the usual residual of all rows, below which no neighbourhood's goes


def number_issues(
    targets: Floats, predicted: Floats, embeddings: NDArray[np.floating], trained: NDArray[np.bool_], seed: int = 0
) -> LabelIssues:
    """How far each of the `targets` [N] (nan = none) is from what is `predicted` [N].

    `predicted`: of `trained` rows the mean over the epochs before memorisation, of others the finished model's.
    How many are wrong can't be told: nothing tells a wrong number from a rare one, so no probability is given.
    """
    known = np.isfinite(targets) & np.isfinite(predicted)
    neighbours = nearest(embeddings, references(known, seed), NEIGHBOURS)
    residuals = _standardised(np.where(known, targets - predicted, np.nan), neighbours, trained)
    rows = np.flatnonzero(known)
    return LabelIssues(
        rows[np.argsort(-np.abs(residuals[rows]), kind="stable")],
        predicted,
        np.full(len(targets), np.nan),
        {"residual": residuals},
        neighbours,
        Estimate(math.nan, math.nan, math.nan, len(rows)),
        math.nan,
    )


def _standardised(residuals: Floats, neighbours: Integers, trained: NDArray[np.bool_]) -> Floats:
    """Residuals [N] in units of the median one, without its sign, among the neighbours [N, k].

    Those of trained rows are the smaller ones: each side is brought to the same median first, or where most of them are
    0, to the same mean.
    """
    found = residuals.copy()
    for side in (trained, ~trained):
        sizes = np.abs(found[side][np.isfinite(found[side])])
        if sizes.any():
            found[side] /= np.median(sizes) or sizes.mean()
    around = np.median(np.nan_to_num(np.abs(found))[neighbours], axis=1) if neighbours.shape[1] else 1.0
    return np.asarray(found / np.maximum(around, LEAST))


def expected_errors(residuals: Floats, trained: NDArray[np.bool_], neighbours: Integers) -> Floats:
    """How far off a prediction is to be expected, [n]: the mean residual of its neighbours, without its sign.

    residuals [N] (nan = not known) of the labelled rows, `trained` [N] those that were trained on, whose residuals are
    brought to the median of the others; neighbours [n, k], rows whose residual is known.
    """
    sizes = np.abs(residuals)
    usual = [np.nanmedian(sizes[side]) if np.isfinite(sizes[side]).any() else np.nan for side in (trained, ~trained)]
    if np.isfinite(usual).all() and usual[0] > 0:
        sizes[trained] *= usual[1] / usual[0]
    return np.asarray(sizes[neighbours].mean(axis=1))
