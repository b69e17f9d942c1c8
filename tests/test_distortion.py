"""Distorted sounds: what they keep, and what they change."""

import torch
from torch import Tensor

from unfazed.model.distortion import HIDDEN, NOISE, SPEED, coloured, faster, hidden, noisier


def tones(*counts: int, pitch: float = 500.0) -> tuple[Tensor, Tensor]:
    """Tones of so many samples at 8,000 a second, zero behind their ends."""
    time, length = torch.arange(max(counts)) / 8000, torch.tensor(counts)
    inside = torch.arange(max(counts)) < length[:, None]
    return torch.where(inside, 0.5 * torch.sin(2 * torch.pi * pitch * time), 0.0), length


def test_slower_is_longer_and_nothing_is_cut() -> None:
    torch.manual_seed(0)
    samples, length = tones(*[800] * 200)
    read, found = faster(samples, length, 1.0)
    assert 800 / (1 + SPEED) - 1 <= found.min() < 650 and 1090 < found.max() <= 800 / (1 - SPEED) <= read.shape[1]


def test_faster_is_higher() -> None:
    torch.manual_seed(0)
    samples, length = tones(*[4000] * 10)
    for read, count in zip(*faster(samples, length, 1.0), strict=True):
        pitch = float(torch.fft.rfft(read[:count]).abs().argmax()) * 8000 / int(count)
        assert abs(pitch - 500 * 4000 / int(count)) < 5


def test_nothing_sounds_behind_the_end() -> None:
    torch.manual_seed(0)
    samples, length = tones(800, 300, 1)
    for _ in range(20):
        read, found = faster(samples, length, 1.0)
        assert found.min() >= 1
        for part in (read, noisier(read, found, 1.0)):
            assert (part[torch.arange(part.shape[1]) >= found[:, None]] == 0).all()


def test_noise_is_softer_than_the_sound_however_loud_that_is() -> None:
    torch.manual_seed(0)
    samples, length = tones(*[4000] * 50)
    samples *= torch.logspace(-3, 0, 50)[:, None]
    noise = noisier(samples, length, 1.0) - samples
    below = 10 * (samples.square().mean(1) / noise.square().mean(1)).log10()
    assert NOISE - 1 < below.min() < NOISE + 5 and below.max() > 40
    assert torch.equal(noisier(torch.zeros(1, 9), torch.tensor([9]), 1.0), torch.zeros(1, 9))


def test_colour_is_a_smooth_curve_that_lasts() -> None:
    torch.manual_seed(0)
    curves = coloured(torch.zeros(400, 40, 7), 0.5)
    assert (curves == curves[:, :, :1]).all()
    assert 0.5 < curves.std() < 1.0 and curves.diff(dim=1).abs().max() < 1
    assert len(curves[:, 0, 0].unique()) == 400


def test_bands_and_frames_are_hidden_and_never_padding_instead() -> None:
    torch.manual_seed(0)
    shown = hidden(torch.ones(500, 64, 50), torch.full((500,), 40), 1.0).bool()
    assert shown[:, :, 40:].any(dim=1).all()
    bands, frames = (~shown).all(dim=2).sum(dim=1), (~shown[:, :, :40]).all(dim=1).sum(dim=1)
    assert bands.max() <= 2 * HIDDEN * 64 and frames.max() <= 2 * HIDDEN * 40
    assert bands.float().mean() > 8 and frames.float().mean() > 5 and bands.min() <= 2


def test_nothing_is_distorted_at_strength_0() -> None:
    samples, length = tones(800, 300)
    read, found = faster(samples, length, 0.0)
    assert torch.equal(read[:, :800], samples) and torch.equal(found, length)
    image = torch.randn(2, 40, 7)
    assert torch.equal(coloured(image, 0.0), image)
    assert torch.equal(hidden(image, torch.tensor([7, 5]), 0.0), image)
