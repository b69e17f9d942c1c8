"""The nearest neighbours of embeddings, in blocks of bounded memory.

Axis letters: N rows, D embedding width, M references, k neighbours.
"""

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Integers

BLOCK = 8_000_000  # similarities held at once: some 60 MB with the copy that sorting makes
COMPONENTS = 64  # of embeddings that are wider: they hold nearly all that tells rows apart (docs/LOG.md)
FITTED = 4096  # rows that the components are found on


def nearest(embeddings: NDArray[np.floating], references: Integers, count: int) -> Integers:
    """The `count` nearest of the `references` [M] to each row of `embeddings` [N, D] by cosine, never the row itself.

    Of wide embeddings the cosine is that of their COMPONENTS principal components.
    Gives row numbers [N, k], nearest first; k is less than `count` where there are too few.
    """
    n, count = len(embeddings), max(0, min(count, len(references) - 1))
    if not count:
        return np.empty((n, 0), np.int64)
    units = _units(embeddings)
    others = units[references].T.copy()
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


def _units(embeddings: NDArray[np.floating]) -> NDArray[np.float32]:
    """Embeddings around their mean, of length one and at most COMPONENTS wide; what is not a number is 0."""
    n, width = embeddings.shape
    some = _numbers(embeddings[:: max(1, n // FITTED)]).astype(np.float64)
    mean = some.mean(0)
    _, vectors = np.linalg.eigh((some - mean).T @ (some - mean)) if width > COMPONENTS else (None, np.eye(width))
    components = vectors[:, -COMPONENTS:].astype(np.float32)
    units = np.empty((n, components.shape[1]), np.float32)
    for start in range(0, n, FITTED):
        block = slice(start, start + FITTED)
        found = (_numbers(embeddings[block]) - mean.astype(np.float32)) @ components
        length = np.linalg.norm(found, axis=1, keepdims=True)
        units[block] = found / np.maximum(length, np.finfo(np.float32).tiny)
    return units


def _numbers(embeddings: NDArray[np.floating]) -> NDArray[np.float32]:
    return np.nan_to_num(embeddings.astype(np.float32), posinf=0.0, neginf=0.0)
