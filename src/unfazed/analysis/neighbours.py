"""The nearest neighbours of embeddings, in blocks of bounded memory.

Axis letters: N rows, n that are asked about, D embedding width, d components of it, M references, k neighbours.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Integers
from unfazed.analysis.slices import slices

BLOCK = 8_000_000  # similarities held at once: some 60 MB with the copy that sorting makes
COMPONENTS = 64  # of embeddings that are wider: they hold nearly all that tells rows apart (docs/LOG.md)
FITTED = 4096  # rows that the components are found on
GROUP = 32  # references of which the nearest is looked at first


def nearest(embeddings: NDArray[np.floating], references: Integers, count: int) -> Integers:
    """The `count` nearest of the `references` [M] to each row of `embeddings` [N, D] by cosine, never the row itself.

    Of wide embeddings the cosine is that of their COMPONENTS principal components.
    Gives row numbers [N, k], nearest first; k is less than `count` where there are too few.
    """
    count = max(0, min(count, len(references) - 1))
    if not count:
        return np.empty((len(embeddings), 0), np.int64)
    units = Sphere.around(embeddings).units(embeddings)
    own = np.full(len(units), -1)
    own[references] = np.arange(len(references))
    return references[closest(units, units[references], count, own)]


class Sphere(NamedTuple):
    """Where embeddings are compared by their direction."""

    mean: NDArray[np.float32]  # [D]
    components: NDArray[np.float32]  # [D, d] the principal ones, COMPONENTS at most

    @classmethod
    def around(cls, embeddings: NDArray[np.floating]) -> "Sphere":
        """The sphere around the mean of `embeddings` [N, D]."""
        some = _numbers(embeddings[:: max(1, -(-len(embeddings) // FITTED))])
        mean = some.mean(0, dtype=np.float64).astype(np.float32)
        some -= mean
        return cls(mean, _principal(some.T @ some))

    def units(self, embeddings: NDArray[np.floating]) -> NDArray[np.float32]:
        """`embeddings` [n, D] as vectors [n, d] of length one; what is not a number is 0."""
        units = np.empty((len(embeddings), self.components.shape[1]), np.float32)
        for start in range(0, len(embeddings), FITTED):
            block = slice(start, start + FITTED)
            found = (_numbers(embeddings[block]) - self.mean) @ self.components
            length = np.linalg.norm(found, axis=1, keepdims=True)
            units[block] = found / np.maximum(length, np.finfo(np.float32).tiny)
        return units


def _principal(products: NDArray[np.float32]) -> NDArray[np.float32]:
    """The principal components [D, d] of centred rows, COMPONENTS at most, from their `products` [D, D]."""
    from scipy.linalg import eigh

    width = len(products)
    if width <= COMPONENTS:
        return np.eye(width, dtype=np.float32)
    _, vectors = eigh(products, subset_by_index=[width - COMPONENTS, width - 1])
    return np.ascontiguousarray(vectors, np.float32)


def distances(units: NDArray[np.float32], references: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each of `units` [n, d] is from the nearest of the `references` [M, d]: the chord between them [n], 0..2.

    Infinite where there are no references.
    """
    found = np.full(len(units), np.inf, np.float32)
    others = np.ascontiguousarray(references.T)
    for block in slices(len(units), BLOCK, len(references)) if len(references) else ():
        alike = (units[block] @ others).max(1)
        found[block] = np.sqrt(np.maximum(2 - 2 * alike, 0))
    return found


def closest(
    units: NDArray[np.float32], references: NDArray[np.float32], count: int, own: Integers | None = None
) -> Integers:
    """The numbers of the `count` nearest of the `references` [M, d] to each of `units` [n, d], nearest first.

    `own` [n]: which of the references each is itself, -1 = none; that one is left out.
    """
    count = min(count, len(references))
    rows, others = np.empty((len(units), count), np.int64), np.ascontiguousarray(references.T)
    for block in slices(len(units), BLOCK, len(references)) if count else ():
        alike = units[block] @ others
        if own is not None:
            themselves = np.flatnonzero(own[block] >= 0)
            alike[themselves, own[block][themselves]] = -np.inf
        best = _largest(alike, count)
        order = np.argsort(-np.take_along_axis(alike, best, 1), axis=1, kind="stable")
        rows[block] = np.take_along_axis(best, order, 1)
    return rows


def _largest(values: NDArray[np.float32], count: int) -> Integers:
    """Where the `count` largest of each row of `values` [n, M] are [n, count], in no order.

    They lie in the `count` groups of columns with the largest maxima, so the others need not be sorted.
    """
    n, columns = values.shape
    groups = columns // GROUP
    if groups < 2 * count:
        return np.argpartition(values, -count, axis=1)[:, -count:]
    maxima = values[:, : groups * GROUP].reshape(n, groups, GROUP).max(2)
    best = np.argpartition(maxima, -count, axis=1)[:, -count:]
    within = (best[:, :, None] * GROUP + np.arange(GROUP)).reshape(n, -1)
    rest = np.broadcast_to(np.arange(groups * GROUP, columns), (n, columns - groups * GROUP))
    asked = np.concatenate([within, rest], axis=1)
    found = np.argpartition(np.take_along_axis(values, asked, 1), -count, axis=1)[:, -count:]
    return np.take_along_axis(asked, found, 1)


def _numbers(embeddings: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.nan_to_num(embeddings.astype(np.float32), posinf=0.0, neginf=0.0)
