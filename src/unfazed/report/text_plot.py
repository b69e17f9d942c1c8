"""A curve in a terminal, in Braille characters: each holds 2 x 4 dots."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

DOTS = np.array([[0x01, 0x08], [0x02, 0x10], [0x04, 0x20], [0x40, 0x80]])  # of a character, top to bottom
BLANK = 0x2800


def curve(x: Sequence[float], y: Sequence[float], columns: int, rows: int) -> list[str]:
    """Lines of text, `rows` of `columns` characters, in which the points joined up fill the height.

    x: rising; its ends are the left and right edges. Points whose y is not finite are left out, at the end only.
    """
    across, up = np.asarray(x, float), np.asarray(y, float)
    shown = np.isfinite(up)
    canvas = np.zeros((4 * rows, 2 * columns), bool)
    places = np.linspace(across[0], across[-1], canvas.shape[1])
    places = places[places <= across[shown][-1]]
    low, high = up[shown].min(), up[shown].max()
    heights = np.interp(places, across[shown], up[shown])
    levels = np.rint((canvas.shape[0] - 1) * (high - heights) / ((high - low) or 1.0)).astype(int)
    for column, level in enumerate(levels):
        last = levels[column - 1] if column else level
        canvas[min(level, last + 1) : max(level, last - 1) + 1, column] = True
    return _characters(canvas)


def _characters(canvas: NDArray[np.bool_]) -> list[str]:
    height, width = canvas.shape
    cells = canvas.reshape(height // 4, 4, width // 2, 2).transpose(0, 2, 1, 3)
    codes = BLANK + (cells * DOTS).sum((2, 3))
    return ["".join(map(chr, row)).replace(chr(BLANK), " ") for row in codes]
