"""Numbers of any kind that stand for pixels, as bytes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from unfazed.errors import InputError

_RINGING = 0.1  # of the largest value, or of a range: what resizing with a sharp filter leaves below zero and above it


def to_bytes(array: NDArray[Any]) -> NDArray[np.uint8]:
    """Pixels of any number type as 8 bits, by their type, so that images of one source stay comparable.

    bool: 0 or 255. uint8: as they are. Integers of 16 and 32 bits: 65535 → 255, since files store 16-bit pixels in
    both. Floats and other integers, whose type says nothing, by the first range that holds the largest value: 0..1
    (floats only), 0..255, 0..65535. A little below 0 (a tenth of the largest value) is 0, and a little above a range (a
    tenth of it) is its end: what resizing and rounding leave there. More below 0, or above 65535, is no pixel by any
    convention: only such an image is stretched, from its smallest value to its largest.
    NaN is the low end of the range, infinities are its ends.
    """
    if array.dtype == np.uint8:
        return array
    if array.dtype == bool:
        return array.astype(np.uint8) * np.uint8(255)
    if array.dtype.kind == "u" and array.dtype.itemsize == 2:
        return ((array.astype(np.uint32) * 255 + 32_767) // 65_535).astype(np.uint8)
    if array.dtype.kind not in "iuf":
        raise InputError(f"pixels of type {array.dtype} are not numbers")
    values = array.astype(np.float64)
    finite = np.isfinite(values)
    if not finite.any():
        raise InputError("no pixel is a finite number")
    low = float(values.min(where=finite, initial=np.inf))
    high = float(values.max(where=finite, initial=-np.inf))
    low, high = _range(array.dtype, low, high)
    values = np.nan_to_num(values, nan=low, posinf=high, neginf=low).clip(low, high)
    return np.rint((values - low) / (high - low) * 255).astype(np.uint8)


def _range(dtype: np.dtype[Any], low: float, high: float) -> tuple[float, float]:
    """What becomes 0 and 255, given the smallest and the largest value."""
    limits = (65_535.0,) if dtype.kind in "iu" and dtype.itemsize in (2, 4) else (255.0, 65_535.0)
    for limit in (1.0, *limits) if dtype.kind == "f" else limits:
        if low >= -_RINGING * high and high <= limit * (1 + _RINGING):
            return 0.0, limit
    return (low, high) if high > low else (low, low + max(1.0, abs(low)))
