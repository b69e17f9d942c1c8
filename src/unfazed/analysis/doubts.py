"""Signs that something is wrong with data, read off a trained classifier's arrays.

Axis letters: N rows, K classes, D embedding width, F numbers of an input.
"""

import math

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis import groups as grouping
from unfazed.analysis.groups import Groups
from unfazed.analysis.intervals import Estimate, Floats, Integers, proportion, wilson
from unfazed.analysis.ranking import area
from unfazed.analysis.signs import Classes

Numbers = NDArray[np.floating]
SUREST = 1 / 3  # of the rows, by the largest probability
RARE = 0.1  # of the commonest class's training rows
NEAR = 0.2  # of the median distance from an input to the nearest other: nearer ones are copies
ALIKE = 0.1  # share of the training inputs that are nearest to another one: held-out ones as near may be copies
CELLS = 20_000_000  # of the distances computed at once


def contradicted(y: Integers, probs: NDArray[np.floating], groups: Groups = None) -> Estimate | None:
    """How often labels `y [N]` are not what a classifier says, among the third of the rows that it is surest of.

    Hard examples are those that it is unsure of; wrong labels are found among easy ones as well. The rows must not have
    been learnt by heart: held-out ones, or training rows before that (`Window`). None for fewer than 20 rows. The
    interval is that of new `groups` [N], where rows come in some.
    """
    known = (y >= 0) & np.isfinite(probs).all(1)
    y, probs, groups = y[known], probs[known].astype(np.float64), grouping.of(groups, known)
    count = int(len(y) * SUREST)
    if count < 20:
        return None
    surest = np.argsort(-probs.max(1), kind="stable")[:count]
    return proportion(probs[surest].argmax(1) != y[surest], grouping.of(groups, surest))


def missing_labels(y: NDArray[np.floating], probs: NDArray[np.floating], groups: Groups = None) -> Estimate | None:
    """The same of sets `y [N, K]`: how often a label that the model names is not in them, where it is surest.

    `probs [N, K]` are of each label by itself. Labels that it does not name tell little: of most it is sure, and right.
    """
    named = (probs >= 0.5) & ~np.isnan(y)
    either = np.stack([1 - probs[named], probs[named]], axis=1)
    return contradicted(y[named].astype(np.int64), either, grouping.of(groups, np.nonzero(named)[0]))


def rarity(
    counts: Integers, y: Integers, probs: NDArray[np.floating], names: list[str], groups: Groups = None
) -> Classes | None:
    """How well classes with few of the training rows `counts [K]` are recognised in rows `y [N]`, `probs [N, K]`.

    None where no class is rare, or none of it is among the rows. The intervals are those of new `groups` [N],
    where rows come in some.
    """
    present = counts > 0
    rare = present & (counts < RARE * counts.max())
    known = y >= 0
    of_rare = known & rare[y]
    if not of_rare.any() or not (known & ~of_rare).any():
        return None
    right = probs.argmax(1) == y
    recalls = [proportion(right[rows], grouping.of(groups, rows)) for rows in (of_rare, known & ~of_rare)]
    ranked = area(probs[known][:, rare].sum(1), of_rare[known], grouping.of(groups, known))
    ratio = counts.max() / counts[rare].min()
    return Classes(recalls[0], recalls[1], ranked, [names[k] for k in np.unique(y[of_rare])], float(ratio))


def variation(inputs: NDArray[np.floating], span: float) -> float:
    """How far inputs `[N, F]` differ, as a share of the `span` that each of their numbers could have.

    The root mean square distance from the mean input; at most 1.
    """
    x = inputs.reshape(len(inputs), -1).astype(np.float32)
    squares = np.einsum("nf,nf->f", x, x, dtype=np.float64) / len(x)
    variance = float((squares - x.mean(0, dtype=np.float64) ** 2).mean())
    return min(1.0, math.sqrt(max(0.0, variance)) / span)


def copies(train: Numbers, held_out: Numbers) -> Estimate:
    """The share of `held_out` inputs `[M, F]` that lie nearer to one of `train [N, F]` than inputs usually do.

    "Near" is meant in two ways, of which the one that shows more counts: within a fifth of the usual distance, as exact
    copies are, and nearer than nine in ten training inputs are to another one, as edited ones are. The mean of an
    input's numbers does not count: a copy may be brighter, or louder. From the share of held-out inputs is taken off
    that of training inputs which lie as near to another one: where many are alike by nature, as pictures of the sea
    are, a near one is no copy. The ends are those of the two shares, the farthest apart.
    """
    train, held_out = (rows - rows.mean(1, keepdims=True) for rows in (train, held_out))
    among, distances = _nearest(train, train, others_only=True), _nearest(held_out, train)
    found = (_beyond(among, distances, near) for near in (NEAR * np.median(among), np.quantile(among, ALIKE)))
    return max(found, key=lambda share: share.low)


def _beyond(among: Floats, distances: Floats, near: float) -> Estimate:
    """The share of `distances [M]` up to `near`, less that of the distances `among [N]` training inputs."""
    own, found = (wilson(int((one <= near).sum()), len(one)) for one in (among, distances))
    ends = (found.value - own.value, found.low - own.high, found.high - own.low)
    value, low, high = (max(0.0, end) for end in ends)
    return Estimate(value, low, high, found.n)


def _nearest(rows: Numbers, others: Numbers, others_only: bool = False) -> Floats:
    """Distance of each of `rows [M, F]` to the nearest of `others [N, F]`, if both are the same but itself: `[M]`."""
    size = max(1, CELLS // max(1, len(others)))
    square, found = (others**2).sum(1), []
    for start in range(0, len(rows), size):
        part = rows[start : start + size]
        squared = (part**2).sum(1)[:, None] + square - 2 * part @ others.T
        if others_only:
            squared[np.arange(len(part)), start + np.arange(len(part))] = np.inf
        found.append(np.sqrt(np.maximum(squared.min(1), 0.0)))
    return np.concatenate(found)
