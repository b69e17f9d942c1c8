"""What training does to sound, so that a model learns what does not matter: speed, noise, colour, parts left out.

Speed changes how long a recording is, so it is the network that distorts, and not the loader. All is drawn from torch's
global generator, which the loop seeds at every step. Sources: speed, Ko et al. 2015 (Audio Augmentation for Speech
Recognition); colour, Nam et al. 2022 (FilterAugment, arXiv:2107.03649); parts left out, Park et al. 2019 (SpecAugment,
arXiv:1904.08779). Axis letters: B batch, T samples, M mel bands, F frames of time.
"""

import torch
from torch import Tensor
from torch.nn import functional

# at strength 1; all grow in proportion
SPEED = 0.3  # faster or slower, and so higher or lower
NOISE = 20.0  # decibels below the sound, at most
COLOUR = 2.0  # deviation of a random equaliser's points, as log-energy: 9 decibels
HIDDEN = 0.25  # of the bands, and of the frames, in each of two stretches at most

_SILENT = 50.0  # decibels below the sound, of the noise at strength 0
_POINTS = 6  # of the equaliser, evenly spaced over the bands
_STRETCHES = 2


def faster(samples: Tensor, length: Tensor, strength: float) -> tuple[Tensor, Tensor]:
    """Each of the samples [B, T] read faster or slower, linearly interpolated, and their new lengths [B].

    T grows, to have room for the slowest.
    """
    speed = 1 + SPEED * strength * (2 * torch.rand(len(samples), 1, device=samples.device) - 1)
    places = torch.arange(int(samples.shape[1] / (1 - SPEED * strength)) + 1, device=samples.device) * speed
    before = places.floor()
    last = length[:, None] - 1
    left, right = (place.long().minimum(last) for place in (before, before + 1))
    read = torch.lerp(samples.gather(1, left), samples.gather(1, right), places - before)
    length = (length / speed[:, 0]).long().clamp_min(1)
    return torch.where(torch.arange(read.shape[1], device=read.device) < length[:, None], read, 0.0), length


def noisier(samples: Tensor, length: Tensor, strength: float) -> Tensor:
    """The samples [B, T] with white noise among the first `length` [B], softer than the sound."""
    power = samples.square().sum(dim=1, keepdim=True) / length[:, None]
    below = _SILENT - strength * (_SILENT - NOISE) * torch.rand_like(power)
    noise = torch.randn_like(samples) * power.sqrt() * 10 ** (-below / 20)
    return samples + noise * (torch.arange(samples.shape[1], device=samples.device) < length[:, None])


def coloured(spectrograms: Tensor, strength: float) -> Tensor:
    """Log-energies [B, M, F] as another microphone or room has them: a smooth curve over the bands added."""
    points = COLOUR * strength * torch.randn(len(spectrograms), 1, _POINTS, device=spectrograms.device)
    curves = functional.interpolate(points, spectrograms.shape[1], mode="linear", align_corners=True)
    return spectrograms + curves.transpose(1, 2)


def hidden(image: Tensor, frames: Tensor, strength: float) -> Tensor:
    """Normalised spectrograms [B, M, F] with stretches of bands, and of the first `frames` [B], set to their mean 0."""
    shown = torch.ones_like(image, dtype=torch.bool)
    bands = torch.full_like(frames, image.shape[1])
    for _ in range(_STRETCHES):
        shown &= ~_stretches(image.shape[1], bands, HIDDEN * strength)[:, :, None]
        shown &= ~_stretches(image.shape[2], frames, HIDDEN * strength)[:, None, :]
    return image * shown


def _stretches(count: int, within: Tensor, share: float) -> Tensor:
    """One stretch of each of B lines of `count` places [B, count], inside the first `within` [B], `share` at most."""
    drawn = torch.rand(2, len(within), 1, device=within.device)
    width = (drawn[0] * (share * within[:, None] + 1)).floor()
    start = (drawn[1] * (within[:, None] - width + 1)).floor()
    places = torch.arange(count, device=within.device)
    return (places >= start) & (places < start + width)
