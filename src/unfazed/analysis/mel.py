"""Sound as people hear it: energy in bands that are as wide as pitches sound apart.

Recordings are brought to one loudness first, so that it does not matter how near the microphone was. The mel scale
m = 1127 ln(1 + f / 700) and triangular bands, Davis and Mermelstein 1980; the formula is O'Shaughnessy's of 1987, as in
HTK. Axis letters: N recordings, T samples, M bands, F frames of time, Q frequencies of the transform.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Floats

FLOOR = 1e-7  # added to the energy of a band before its logarithm: 70 decibels below a tone
SOFTEST = 4.0  # of an int16 sample: a recording with less in its loudest frame is not made any louder


class Framing(NamedTuple):
    """How a recording is cut into frames: 25 ms each, one every 12.5 ms."""

    size: int  # samples of a frame
    step: int  # samples from one frame to the next
    transform: int  # samples of the Fourier transform, a power of two, at least twice the frame: zeros make it smooth


def framing(sample_rate: int) -> Framing:
    """The frames for a sample rate."""
    size = sample_rate // 40
    return Framing(size, sample_rate // 80, 1 << (2 * size - 1).bit_length())


def bands_of(sample_rate: int) -> int:
    """How many bands M to hear at a sample rate: more where there are higher pitches to tell apart."""
    return 40 if sample_rate <= 10_000 else 64


def hertz_to_mel(frequency: Floats) -> Floats:
    """Pitch in mel of frequencies in hertz."""
    return np.asarray(1127 * np.log1p(np.asarray(frequency) / 700))


def mel_to_hertz(pitch: Floats) -> Floats:
    """Its inverse."""
    return np.asarray(700 * np.expm1(np.asarray(pitch) / 1127))


def mel_filters(sample_rate: int, transform: int, bands: int) -> NDArray[np.float32]:
    """Triangles `[M, Q]` over the Q = transform / 2 + 1 frequencies, evenly spaced in mel from 0 to half the rate.

    Each rises from the centre of the band below it to 1 at its own, and falls to the centre of the one above.
    """
    edges = mel_to_hertz(np.linspace(0, hertz_to_mel(np.array(sample_rate / 2)), bands + 2))
    frequencies = np.linspace(0, sample_rate / 2, transform // 2 + 1)
    low, centre, high = (edges[start : start + bands, None] for start in range(3))
    rising, falling = (frequencies - low) / (centre - low), (high - frequencies) / (high - centre)
    return np.clip(np.minimum(rising, falling), 0, None).astype(np.float32)


def loudness(samples: NDArray[np.int16], size: int) -> float:
    """Root mean square of the loudest of the stretches of `size` samples that a recording `[T]` falls into."""
    padded = np.pad(samples.astype(np.float64), (0, -len(samples) % size))
    return max(SOFTEST, float(np.sqrt(np.square(padded.reshape(-1, size)).mean(axis=1).max())))


def log_mel(samples: NDArray[np.int16], sample_rate: int, bands: int) -> NDArray[np.float32]:
    """The spectrogram `[M, F]` of one recording `[T]`, F = T // step + 1: the natural logarithm of each band's energy.

    Frames are centred on every `step`-th sample, with silence before the beginning and after the end; a tone of
    amplitude 1 would have an energy of 1 at its frequency.
    """
    size, step, transform = framing(sample_rate)
    taper = np.zeros(transform)
    start = (transform - size) // 2
    taper[start : start + size] = 2 / size * (1 - np.cos(2 * np.pi * np.arange(size) / size))
    padded = np.pad(samples / loudness(samples, size), transform // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, transform)[::step]
    energy = np.square(np.abs(np.fft.rfft(frames * taper)))
    return np.asarray(np.log(energy @ mel_filters(sample_rate, transform, bands).T + FLOOR).T, np.float32)


def band_statistics(
    x: NDArray[np.int16], length: NDArray[np.int64], sample_rate: int, bands: int
) -> NDArray[np.float32]:
    """Mean and deviation over time of each band's log-energy, `[N, 2 M]`; of x `[N, T]` the first `length` samples."""
    statistics = np.empty((len(x), 2 * bands), np.float32)
    for row, (samples, count) in enumerate(zip(x, length, strict=True)):
        spectrogram = log_mel(samples[:count], sample_rate, bands)
        statistics[row] = np.concatenate([spectrogram.mean(axis=1), spectrogram.std(axis=1)])
    return statistics
