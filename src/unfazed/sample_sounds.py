"""Sounds made from formulas, for a data set that needs no download: synthetic, and meant to be hard enough to be fun.

Six kinds, each at any pitch, length and loudness, in noise: a bell (partials that are no harmonics, dying away), a
pluck (a string of Karplus and Strong 1983), a flute (breath around a wavering tone), a reed (odd harmonics), a siren (a
pitch that glides) and a drum (a falling pitch and a burst of noise). Axis letter: T samples.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.signal import butter, lfilter, sosfilt

RATE = 8_000  # samples a second
EACH = 120  # recordings a kind
LOWEST, HIGHEST = 110.0, 880.0  # pitches in hertz
LEAST_NOISE, MOST_NOISE = 30.0, -3.0  # decibels below the sound

Samples = NDArray[np.float64]
Drawn = np.random.Generator


def sounds() -> Iterator[tuple[str, int, NDArray[np.int16]]]:
    """Each kind's recordings: the kind, a number, and int16 samples [T] at 8,000 a second."""
    for kind, play in KINDS.items():
        for number in range(EACH):
            draw = np.random.default_rng([0, len(kind), ord(kind[0]), number])
            yield kind, number, _recorded(play, draw)


def _recorded(play: Callable[[Drawn, Samples, float], Samples], draw: Drawn) -> NDArray[np.int16]:
    time = np.arange(int(draw.uniform(0.25, 1.2) * RATE)) / RATE
    pitch = LOWEST * (HIGHEST / LOWEST) ** draw.uniform()
    sound = play(draw, time, pitch)
    sound *= np.clip(np.minimum(time, time[::-1]) / 0.005, 0, 1)  # no clicks at the ends
    before = np.zeros(int(draw.uniform(0, 0.2) * RATE))
    sound = np.concatenate([before, sound / np.sqrt(np.square(sound).mean())])
    noise = lfilter([1], [1, -draw.uniform(0, 0.9)], draw.standard_normal(len(sound)))
    below = draw.uniform(MOST_NOISE, LEAST_NOISE)
    sound += noise / noise.std() * 10 ** (-below / 20)
    loudness = 10 ** (draw.uniform(-30, -1) / 20)
    return np.asarray(np.rint(sound / np.abs(sound).max() * loudness * 32_767), np.int16)


def _bell(draw: Drawn, time: Samples, pitch: float) -> Samples:
    ratios = np.array([1.0, 2.0, 2.4, 3.0, 4.5, 5.3]) * draw.uniform(0.98, 1.02, 6)
    decay = np.exp(-np.outer(draw.uniform(3, 8) * np.sqrt(ratios), time))
    partials = decay * np.sin(_phase(np.outer(ratios * pitch, time)))
    return np.asarray(draw.uniform(0.3, 1, 6) @ partials)


def _pluck(draw: Drawn, time: Samples, pitch: float) -> Samples:
    period = round(RATE / pitch)
    burst = np.zeros(len(time))
    burst[:period] = draw.standard_normal(min(period, len(time)))
    feedback = np.zeros(period + 2)
    feedback[0], feedback[period:] = 1, -0.5 * draw.uniform(0.97, 0.998)
    return np.asarray(lfilter([1], feedback, burst))


def _flute(draw: Drawn, time: Samples, pitch: float) -> Samples:
    wavering = 1 + 0.01 * np.sin(2 * np.pi * draw.uniform(4, 7) * time)
    phase = _phase(pitch * np.cumsum(wavering) / RATE)
    tone = np.sin(phase) + draw.uniform(0.1, 0.4) * np.sin(2 * phase) + draw.uniform(0, 0.15) * np.sin(3 * phase)
    band = butter(2, [0.8 * pitch, min(4 * pitch, 0.49 * RATE)], "bandpass", fs=RATE, output="sos")
    breath = sosfilt(band, draw.standard_normal(len(time)))
    return np.asarray((tone + draw.uniform(0.1, 0.5) * breath) * (1 - np.exp(-time / draw.uniform(0.03, 0.1))))


def _reed(draw: Drawn, time: Samples, pitch: float) -> Samples:
    harmonics = np.arange(1, RATE / 2 / pitch, 2)
    amplitudes = harmonics ** -draw.uniform(0.6, 1.2)
    tone = amplitudes @ np.sin(_phase(np.outer(harmonics * pitch, time)))
    return np.asarray(tone * (1 - np.exp(-time / draw.uniform(0.005, 0.04))))


def _siren(draw: Drawn, time: Samples, pitch: float) -> Samples:
    octaves = draw.uniform(0.4, 1.5) * draw.choice([-1, 1])
    glide = pitch * 2 ** (octaves * time / time[-1])
    phase = _phase(np.cumsum(glide) / RATE)
    return np.asarray(np.sin(phase) + draw.uniform(0, 0.4) * np.sin(2 * phase))


def _drum(draw: Drawn, time: Samples, pitch: float) -> Samples:
    falling = 0.5 * pitch * (1 + draw.uniform(0.5, 2) * np.exp(-time / 0.03))
    skin = np.sin(_phase(np.cumsum(falling) / RATE)) * np.exp(-time * draw.uniform(6, 20))
    snare = draw.standard_normal(len(time)) * np.exp(-time * draw.uniform(15, 60))
    return np.asarray(skin + draw.uniform(0.2, 1) * snare)


def _phase(turns: Any) -> Samples:
    return np.asarray(2 * np.pi * turns)


KINDS: dict[str, Callable[[Drawn, Samples, float], Samples]] = {
    "bell": _bell,
    "drum": _drum,
    "flute": _flute,
    "pluck": _pluck,
    "reed": _reed,
    "siren": _siren,
}
