"""The nearest neighbours of embeddings, in blocks of bounded memory.

Axis letters: N rows, n of them that are asked about, D embedding width, M references, k neighbours.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Integers

BLOCK = 8_000_000  # similarities held at once: some 60 MB with the copy that sorting makes


def nearest(embeddings: NDArray[np.floating], references: Integers, count: int) -> Integers:
    """The `count` nearest of the `references` [M] to each row of `embeddings` [N, D] by cosine, never the row itself.

    Gives row numbers [N, k], nearest first; k is less than `count` where there are too few.
    """
    units = on_sphere(embeddings)
    others, n = units[references].T.copy(), len(units)
    count = max(0, min(count, len(references) - 1))
    if not count:
        return np.empty((n, 0), np.int64)
    place = np.full(n, -1)
    place[references] = np.arange(len(references))
    rows = np.empty((n, count), np.int64)
    step = max(1, BLOCK // len(references))
    for start in range(0, n, step):
        block = slice(start, min(start + step, n))
        alike = units[block] @ others
        own = np.flatnonzero(place[block] >= 0)
        alike[own, place[block][own]] = -np.inf
        best = np.argpartition(alike, -count, axis=1)[:, -count:]
        found = np.take_along_axis(alike, best, 1)
        order = np.argsort(-found, axis=1, kind="stable")
        rows[block] = references[np.take_along_axis(best, order, 1)]
    return rows


def on_sphere(
    embeddings: NDArray[np.floating], centre: NDArray[np.floating] | None = None
) -> NDArray[np.float32]:
    """Embeddings [N, D] around their mean, or the `centre` [D], of length one; what is not a number is 0."""
    found = np.nan_to_num(embeddings.astype(np.float32), posinf=0.0, neginf=0.0)
    found -= found.mean(0) if centre is None else centre.astype(np.float32)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(length, np.finfo(np.float32).tiny), dtype=np.float32)


def distances(units: NDArray[np.float32], references: NDArray[np.float32]) -> NDArray[np.float32]:
    """How far each of `units` [n, D] is from the nearest of the `references` [M, D]: the chord between them [n], 0..2.

    Infinite where there are no references.
    """
    found = np.full(len(units), np.inf, np.float32)
    others = np.ascontiguousarray(references.T)
    for block in _blocks(len(units), len(references)) if len(references) else ():
        alike = (units[block] @ others).max(1)
        found[block] = np.sqrt(np.maximum(2 - 2 * alike, 0))
    return found


def closest(units: NDArray[np.float32], references: NDArray[np.float32], count: int) -> Integers:
    """The numbers of the `count` nearest of the `references` [M, D] to each of `units` [n, D], nearest first."""
    count = min(count, len(references))
    rows, others = np.empty((len(units), count), np.int64), np.ascontiguousarray(references.T)
    for block in _blocks(len(units), len(references)) if count else ():
        alike = units[block] @ others
        best = np.argpartition(-alike, count - 1, axis=1)[:, :count]
        order = np.argsort(-np.take_along_axis(alike, best, 1), axis=1, kind="stable")
        rows[block] = np.take_along_axis(best, order, 1)
    return rows


def _blocks(rows: int, references: int) -> Iterator[slice]:
    step = max(1, BLOCK // references)
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))
