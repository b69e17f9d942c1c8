"""A recording as a picture."""

from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from unfazed.analysis.mel import bands_of, log_mel

PICTURE = (144, 144)  # pixels
RANGE = 9.0  # between the loudest and the darkest colour, as log-energy: 39 decibels
COLOURS = ((0, 0, 12), (60, 16, 110), (190, 54, 85), (249, 142, 9), (252, 253, 191))  # from silence to loud


def picture(samples: NDArray[np.int16], rate: int, size: tuple[int, int] = PICTURE) -> bytes:
    """A JPEG of the spectrogram of samples [T]: time to the right, pitch upwards, the louder the lighter."""
    spectrogram = log_mel(samples, rate, bands_of(rate))[::-1]
    light = (1 + (spectrogram - spectrogram.max()) / RANGE).clip(0, 1)
    places = np.linspace(0, 1, len(COLOURS))
    pixels = np.stack([np.interp(light, places, shade) for shade in zip(*COLOURS, strict=True)], axis=-1)
    buffer = BytesIO()
    image = Image.fromarray(np.rint(pixels).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    image.save(buffer, "JPEG", quality=80)
    return buffer.getvalue()
