"""Does a mirror image still show its class? Measured on the data, before mirroring is used to augment them.

Axis letters: N images (2,000 at most), K classes.
Each image looks for its 10 nearest neighbours among all the others (small pictures, Euclidean distance), as it is
and mirrored. If mirroring leaves the class alone, the mirrored image finds as many neighbours of its class as the
original does; a mirrored 3 does not.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Estimate, Floats, Integers, paired_mean, wilson
from unfazed.analysis.pixels import pooled

ROWS = 2000
SIDE = 8
OF_EACH = 30  # images of each class that are drawn where there are so many: a rare class is to be tested too
NEIGHBOURS = 10
MATERIAL = 0.15  # the part of what neighbours know about the classes that mirroring may cost
DAMAGING = 0.5  # the part of what they know about one class: a letter that turns into another loses all of it


class Mirrored(NamedTuple):
    """One direction: how often mirrored images are recognised, what it costs, and the classes that it damages."""

    accuracy: Estimate
    drop: Estimate
    damaged: list[int]


class Agreement(NamedTuple):
    """What was measured; `lift` is the share of same-class neighbours above chance, NaN where nothing could be."""

    original: Estimate
    horizontal: Mirrored
    vertical: Mirrored
    majority: float
    lift: float


def mirror_agreement(x: NDArray[np.uint8], y: Integers, seed: int) -> Agreement:
    """How images uint8 `[N, 3, S, S]` with labels `[N]` and their mirror images are recognised by their neighbours."""
    rows = _drawn(y, seed)
    if len(rows) <= NEIGHBOURS:
        return _nothing(len(rows))
    images, y = pooled(x[rows], SIDE), y[rows]
    mean, scale = images.mean((0, 2, 3), keepdims=True), images.std((0, 2, 3), keepdims=True)
    images = (images - mean) / (scale + 1e-3)
    prevalence = np.bincount(y) / len(y)
    votes = _votes(images, images, y)
    lift = _share(votes, y) - prevalence[y]
    return Agreement(
        original=_recognised(votes, y),
        horizontal=_mirrored(images, images[:, :, :, ::-1], y, lift),
        vertical=_mirrored(images, images[:, :, ::-1], y, lift),
        majority=float(prevalence.max()),
        lift=float(lift.mean()),
    )


def _drawn(y: Integers, seed: int) -> Integers:
    """At most 2,000 labelled rows: first up to 30 of each class, then any."""
    rows = np.random.default_rng(seed).permutation(np.flatnonzero(y >= 0))
    classes, starts, counts = np.unique(np.sort(y[rows]), return_index=True, return_counts=True)
    rank = np.empty(len(rows), np.int64)  # of each row among those of its class
    rank[np.argsort(y[rows], kind="stable")] = np.arange(len(rows)) - np.repeat(starts, counts)
    common = rank >= min(OF_EACH, ROWS // max(len(classes), 1))
    return rows[np.argsort(common, kind="stable")][:ROWS]


def chosen_flip(measured: Agreement) -> str:
    """The mirroring that the data bear: "none", "horizontal" or "both".

    The burden of proof is the flip's, since a wrong one corrupts labels and a missing one costs a little accuracy:
    neighbours must recognise originals better than always naming the commonest class would; the upper end of the
    drop's interval must stay below 15 % of their lift; and no class may be damaged (b and d among 50 letters
    hardly move the mean). Too few images, or neighbours that know nothing: "none".
    """
    if not measured.original.low > measured.majority:
        return "none"
    if not _harmless(measured.horizontal, measured.lift):
        return "none"
    return "both" if _harmless(measured.vertical, measured.lift) else "horizontal"


def _harmless(mirrored: Mirrored, lift: float) -> bool:
    return mirrored.drop.high <= MATERIAL * lift and not mirrored.damaged


def _mirrored(images: NDArray[np.float32], queries: NDArray[np.float32], y: Integers, lift: Floats) -> Mirrored:
    """`lift` `[N]` is what the originals' neighbours know about each image's class."""
    votes = _votes(queries, images, y)
    drop = lift - (_share(votes, y) - np.bincount(y)[y] / len(y))
    return Mirrored(_recognised(votes, y), paired_mean(drop), _damaged(drop, lift, y))


def _damaged(drop: Floats, lift: Floats, y: Integers) -> list[int]:
    """Classes that lose half of their lift for sure: one-sided, 5 % over all tests together (Bonferroni).

    What a class of a few images loses is seldom sure, so the rare ones, 10 images at most, are tested together as
    well. Where even together they are too few to be tested, they count as damaged: the burden of proof is the flip's.
    """
    classes, counts = np.unique(y, return_counts=True)
    rare = classes[counts <= NEIGHBOURS]
    error = 0.05 / (len(classes) + 1)
    lost = {int(k) for k in classes if _loses(drop[y == k], lift[y == k], error)}
    of_rare = np.isin(y, rare)
    if 0 < of_rare.sum() <= NEIGHBOURS or _loses(drop[of_rare], lift[of_rare], error):
        lost |= set(rare.tolist())
    return sorted(lost)


def _loses(drop: Floats, lift: Floats, error: float) -> bool:
    """Whether images `[N]` lose half of their lift, by Student's one-sided test with a chance of `error`.

    Their spread is taken as half a neighbour at least: the same step of a few images proves nothing.
    """
    from scipy.special import stdtrit

    n = len(drop)
    if n < 2 or not lift.mean() > 0:
        return False
    excess = drop - DAMAGING * lift
    spread = max(float(excess.std(ddof=1)), 0.5 / NEIGHBOURS)
    return bool(excess.mean() > stdtrit(n - 1, 1 - error) * spread / math.sqrt(n))


def _votes(queries: NDArray[np.float32], images: NDArray[np.float32], y: Integers) -> Floats:
    """How many of each query's 10 nearest images, its own original left out, carry each class: `[N, K]`."""
    queries, images = queries.reshape(len(queries), -1), images.reshape(len(images), -1)
    distance = np.square(images).sum(1) - 2 * queries @ images.T
    np.fill_diagonal(distance, np.inf)
    nearest = np.argpartition(distance, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]
    return np.stack([(y[nearest] == k).sum(1) for k in range(int(y.max()) + 1)], axis=1).astype(np.float64)


def _share(votes: Floats, y: Integers) -> Floats:
    return votes[np.arange(len(y)), y] / NEIGHBOURS


def _recognised(votes: Floats, y: Integers) -> Estimate:
    return wilson(int((votes.argmax(1) == y).sum()), len(y))


def _nothing(n: int) -> Agreement:
    unknown = Mirrored(wilson(0, 0), paired_mean(np.zeros(0)), [])
    return Agreement(wilson(0, 0)._replace(n=n), unknown, unknown, math.nan, math.nan)
