"""Batch augmentation of sound, on the device the batch is on: speed, loudness and noise, drawn for each.

Axis letters: B batch, T samples. Everything is drawn from the generator given, so a step's augmentation is a function
of its seed. Source: speed, Ko et al. 2015 (Audio Augmentation for Speech Recognition). Bands and stretches of time are
hidden in the model, which sees the spectrogram.
"""

import torch
from torch import Tensor

from unfazed.errors import UsageError
from unfazed.modality.audio import PADDING

_LARGEST_SPEED = 0.3  # faster or slower, at strength 1
_LARGEST_GAIN = 12.0  # decibels louder or softer, at strength 1
_LEAST_NOISE, _MOST_NOISE = 50.0, 20.0  # decibels below the sound, the latter at strength 1


def augment(x: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """Faster or slower, louder or softer, noisier copies of x, int16 [B, T], padded with -32,768 at the end.

    strength: from 0 (nothing) to 1 (30 % faster or slower, and so higher or lower; 12 dB louder or softer; noise down
    to 20 dB below the sound); all grow in proportion. The result has room for the slowest: T is larger. Strength 0
    returns x itself.

    Raises:
        UsageError: a strength outside 0..1.
    """
    if not 0 <= strength <= 1:
        raise UsageError(f"augmentation strength must be in 0..1, got {strength}")
    if strength == 0:
        return x
    drawn = torch.rand(3, len(x), 1, generator=generator, device=generator.device).to(x.device)
    length = (x != PADDING).sum(dim=1, keepdim=True)
    change = strength * _LARGEST_SPEED
    samples, length = _faster(x, length, 1 + change * (2 * drawn[0] - 1), 1 - change)
    inside = torch.arange(samples.shape[1], device=x.device) < length
    power = (samples.square() * inside).sum(dim=1, keepdim=True) / length
    below = _LEAST_NOISE - strength * (_LEAST_NOISE - _MOST_NOISE) * drawn[1]
    noise = torch.randn(samples.shape, generator=generator, device=generator.device).to(x.device)
    samples = samples + noise * power.sqrt() * 10 ** (-below / 20)
    samples = samples * 10 ** (strength * _LARGEST_GAIN * (2 * drawn[2] - 1) / 20)
    samples = samples.round().clamp(PADDING + 1, -PADDING - 1)
    return torch.where(inside, samples, PADDING).to(x.dtype)


def _faster(x: Tensor, length: Tensor, speed: Tensor, slowest: float) -> tuple[Tensor, Tensor]:
    """Samples as float [B, T / slowest] and their lengths [B, 1], read `speed` [B, 1] times as fast."""
    places = torch.arange(-int(-x.shape[1] // slowest), device=x.device) * speed
    before = places.long()
    left = before.clamp(max=length - 1)
    right = (before + 1).clamp(max=length - 1)
    share = places - before
    samples = torch.lerp(x.gather(1, left).float(), x.gather(1, right).float(), share)
    return samples, ((length / speed).long()).clamp_min(1)
