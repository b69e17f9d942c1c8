"""Spectrograms against one written down from the definition, with loops, in double precision."""

import math

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from unfazed.analysis.mel import band_statistics, bands_of, framing, hertz_to_mel, log_mel, mel_filters, mel_to_hertz
from unfazed.model.sounds import SoundNet


def samples(count: int, rate: int, seed: int = 0) -> NDArray[np.int16]:
    draw = np.random.default_rng(seed)
    time = np.arange(count) / rate
    sound = 8000 * np.sin(2 * np.pi * 440 * time) + 3000 * np.sin(2 * np.pi * 0.3 * rate * time**2)
    return np.rint(sound + 500 * draw.standard_normal(count)).astype(np.int16)


def by_definition(sound: NDArray[np.int16], rate: int, bands: int) -> NDArray[np.float64]:
    size, step = rate // 40, rate // 80
    transform = next(2**power for power in range(20) if 2**power >= 2 * size)
    frequencies = np.arange(transform // 2 + 1) * rate / transform
    times = np.arange(size) - transform // 2 + (transform - size) // 2  # of a frame's samples, from its centre
    taper = np.sin(np.pi * np.arange(size) / size) ** 2 * 4 / size
    powers = [np.mean(np.append(part := sound[at : at + size].astype(float), np.zeros(size - len(part))) ** 2)
              for at in range(0, len(sound), size)]  # fmt: skip
    level = max(4.0, math.sqrt(max(powers)))
    waves = np.exp(-2j * np.pi * np.outer(frequencies / rate, times))
    top = 1127 * math.log(1 + rate / 2 / 700)
    edges = [700 * (math.exp(top * place / (bands + 1) / 1127) - 1) for place in range(bands + 2)]
    result = np.zeros((bands, len(sound) // step + 1))
    for frame in range(result.shape[1]):
        places = frame * step + times
        inside = (places >= 0) & (places < len(sound))
        piece = np.where(inside, sound[places.clip(0, len(sound) - 1)], 0) / level
        power = np.abs(waves @ (taper * piece)) ** 2
        for band in range(bands):
            low, centre, high = edges[band : band + 3]
            weights = np.interp(frequencies, [low, centre, high], [0, 1, 0])
            result[band, frame] = math.log(weights @ power + 1e-7)
    return result


@pytest.mark.parametrize("rate, count", [(8000, 1600), (16_000, 2000), (11_025, 999), (8000, 1), (1000, 300)])
def test_both_spectrograms_are_the_one_defined(rate: int, count: int) -> None:
    sound = samples(count, rate)
    bands = bands_of(rate)
    expected = by_definition(sound, rate, bands)
    assert np.abs(log_mel(sound, rate, bands) - expected).max() < 1e-4
    model = SoundNet(2, rate, 1.0, 4, 0.0, 0.0)
    with torch.autocast("cpu", torch.bfloat16):  # which must not reach it
        found = model.log_mel(model.levelled(torch.from_numpy(sound)[None], torch.tensor([count])))[0]
    assert np.abs(found.numpy() - expected).max() < 1e-4


def test_mel_and_hertz() -> None:
    frequencies = np.array([0.0, 1000.0, 8000.0])
    assert abs(hertz_to_mel(frequencies)[1] - 1000) < 1  # 1,000 Hz are 1,000 mel
    np.testing.assert_allclose(mel_to_hertz(hertz_to_mel(frequencies)), frequencies)


@pytest.mark.parametrize("rate", [1000, 8000, 16_000, 22_050, 48_000])
def test_every_band_hears_something_and_all_share_what_lies_between(rate: int) -> None:
    filters = mel_filters(rate, framing(rate).transform, bands_of(rate))
    assert (filters.sum(axis=1) > 0).all()
    assert filters.min() >= 0 and filters.max() <= 1
    inside = slice(*(np.flatnonzero(filters.sum(axis=0) > 0.99)[[0, -1]]))
    np.testing.assert_allclose(filters.sum(axis=0)[inside], 1, atol=1e-5)  # neighbours add up to one


def test_a_tone_is_in_its_band() -> None:
    sound = np.rint(10_000 * np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000)).astype(np.int16)
    band = int(log_mel(sound, 8000, 64).mean(axis=1).argmax())
    edges = mel_to_hertz(np.linspace(0, hertz_to_mel(np.float64(4000)), 66))
    assert edges[band] < 1000 < edges[band + 2]


def test_statistics_leave_padding_out() -> None:
    sound = samples(1600, 8000)
    padded = np.concatenate([sound, np.full(400, -32_768, np.int16)])
    statistics = band_statistics(padded[None], np.array([1600]), 8000, 20)
    spectrogram = log_mel(sound, 8000, 20)
    np.testing.assert_allclose(statistics[0], np.concatenate([spectrogram.mean(1), spectrogram.std(1)]), rtol=1e-6)
