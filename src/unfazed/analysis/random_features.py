"""Features that no label had a say in, and that a linear model reads classes from nearly as a kernel would.

Axis letters: N rows, F numbers of one, D features, S pixels a side, P numbers of a patch, k patches.
"""

from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from unfazed.analysis.pixels import pooled

Rows = NDArray[np.float32]
Images = NDArray[np.uint8]

WIDTH = 1000  # Fourier features
BEND = 0.5  # of the kernel: the square of the usual distance, in units of its width
COMPARED = 500  # rows whose distances say what is usual
SIDE = 32  # pixels that images are brought to, at most
PATCH, STRIDE, PATCHES = 6, 2, 64  # pixels a side, pixels from one to the next, and how many are compared with
AREAS = 3  # a side, in each of which patches are counted
SAMPLED, WHITENED = 1000, 20_000  # images, and patches of them, whose variance is measured
CONTRAST, NOISE = 10.0, 0.1  # added to the variance of a patch, and of patches, as Coates and others do
SOFT = 0.25  # of a likeness that does not count, likewise
CHUNK = 250  # images whose patches are held at once


def fourier_features(known: Rows, seed: int) -> Callable[[Rows], Rows]:
    """Random waves over rows [N, F]: to [N, 1,000], whose products are a Gaussian of the rows' distance.

    Rahimi and Recht, NIPS 2007. Its width is that of the usual distance among the `known` rows.
    """
    draw = np.random.default_rng(seed)
    some = known[draw.permutation(len(known))[:COMPARED]].astype(np.float64)
    lengths = (some**2).sum(1)
    usual = max(1e-12, float(np.median(lengths[:, None] + lengths - 2 * some @ some.T)))
    waves = (draw.normal(size=(known.shape[1], WIDTH)) * np.sqrt(2 * BEND / usual)).astype(np.float32)
    phases = draw.uniform(0, 2 * np.pi, WIDTH).astype(np.float32)
    return lambda rows: np.cos(rows @ waves + phases)


def patch_features(known: Images, seed: int) -> Callable[[Images], Rows]:
    """How much of each of 64 random patches every ninth of an image [N, 3, S, S] holds: to [N, D].

    Patches of the `known` images, whitened, light and dark apart: Coates, Lee and Ng, AISTATS 2011, where random ones
    do nearly as well as learnt ones.
    """
    draw = np.random.default_rng(seed)
    some = _patches(known[draw.permutation(len(known))[:SAMPLED]])
    some = some.reshape(-1, some.shape[-1])
    some = some[draw.permutation(len(some))[:WHITENED]]
    centre = some.mean(0)
    values, vectors = np.linalg.eigh(np.cov(some.T))
    whitening = ((vectors / np.sqrt(np.maximum(values, 0) + NOISE)) @ vectors.T).astype(np.float32)
    filters = (some[:PATCHES] - centre) @ whitening
    filters /= np.maximum(np.linalg.norm(filters, axis=1, keepdims=True), 1e-6)
    weights = whitening @ filters.T

    def features(x: Images) -> Rows:
        parts = (x[start : start + CHUNK] for start in range(0, len(x), CHUNK))
        return np.concatenate([_areas((_patches(part) - centre) @ weights) for part in parts])

    return features


def _patches(x: Images) -> Rows:
    """The patches [N, H, W, P] of images, each less its mean and by its deviation."""
    small = pooled(x, SIDE)
    side = max(1, min(PATCH, min(small.shape[2:]) // 2 - 1))
    stride = STRIDE if min(small.shape[2:]) > SIDE // 2 else 1
    windows = sliding_window_view(small, (side, side), axis=(2, 3))[:, :, ::stride, ::stride]
    found = windows.transpose(0, 2, 3, 1, 4, 5).reshape(len(x), *windows.shape[2:4], -1)
    found = found - found.mean(-1, keepdims=True)
    return np.asarray(found / np.sqrt(found.var(-1, keepdims=True) + CONTRAST), dtype=np.float32)


def _areas(found: Rows) -> Rows:
    """The means [N, D] over three times three areas of what was found [N, H, W, k], light and dark apart."""
    both = np.concatenate([np.maximum(found - SOFT, 0), np.maximum(-found - SOFT, 0)], axis=-1)
    down, across = (np.linspace(0, size, min(AREAS, size) + 1).round().astype(int) for size in both.shape[1:3])
    rows = [both[:, start:end] for start, end in pairwise(down)]
    means = [row[:, :, start:end].mean((1, 2)) for row in rows for start, end in pairwise(across)]
    return np.concatenate(means, axis=1)
