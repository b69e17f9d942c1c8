"""Small pictures for cheap models: areas of pixels averaged down to a few numbers.

Axis letters: N images, H by W pixels, G by G areas.
"""

import numpy as np
from numpy.typing import NDArray

CHUNK = 256  # images turned into float32 at once: 100 MB at 128 pixels a side


def pooled(x: NDArray[np.uint8], side: int) -> NDArray[np.float32]:
    """Images `[N, 3, H, W]` averaged over areas to `[N, 3, G, G]`, G at most `side`; 0..255 as before."""
    rows, columns = _areas(x.shape[2], side), _areas(x.shape[3], side)
    parts = [rows @ (x[i : i + CHUNK].astype(np.float32) @ columns.T) for i in range(0, len(x), CHUNK)]
    return np.concatenate(parts) if parts else np.zeros((0, 3, len(rows), len(columns)), np.float32)


def _areas(length: int, side: int) -> NDArray[np.float32]:
    """How much of each of G equal areas every pixel of a line makes up: `[G, length]`, rows sum to 1."""
    count = min(side, length)
    edges = np.linspace(0, length, count + 1)
    pixel = np.arange(length)
    overlap = np.minimum(edges[1:, None], pixel + 1) - np.maximum(edges[:-1, None], pixel)
    return np.asarray(np.clip(overlap, 0, None) * count / length, dtype=np.float32)
