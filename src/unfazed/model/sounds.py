"""A small residual convnet that reads sound: samples to a log-mel spectrogram, and that as an image to logits.

Axis letters: B batch, K classes, D embedding width, T samples, M mel bands, F frames of time, n sampled training rows.

Recordings of a batch differ in length: what lies behind the end of one is zero at every layer, so that it is heard as
if alone. One longer than the window is heard a window at a time, and its embedding is their mean.

The residual stages are those of `convnet`.
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfazed.analysis.mel import FLOOR, SOFTEST, bands_of, framing, mel_filters
from unfazed.errors import UsageError
from unfazed.model.convnet import Stage
from unfazed.model.distortion import coloured, faster, hidden, noisier

RANGE = 12.0  # log-energy, 52 decibels: what is softer than the loudest band by more is silence
FAINT = -6.0  # log-energy of the loudest band below which a part of a recording is not made any louder
_STEM_CHANNELS = 32
_STAGES = 4


def default_width(rows: int) -> int:
    """Channels of the second stage: fewer where there is little to learn from."""
    return 32 if rows < 1000 else 64


class SoundNet(nn.Module):
    """Residual convnet over int16 samples [B, T] of one rate; call `initialise` on training rows before training.

    window: seconds heard at once. augmentation: from 0 to 1, how much training distorts what it hears.
    """

    mean: Tensor
    std: Tensor
    filters: Tensor
    taper: Tensor

    def __init__(
        self, classes: int, sample_rate: int, window: float, width: int, dropout: float, augmentation: float
    ) -> None:
        super().__init__()
        _check(classes, sample_rate, window, width, dropout, augmentation)
        self.arguments: dict[str, Any] = {
            "classes": classes,
            "sample_rate": sample_rate,
            "window": window,
            "width": width,
            "dropout": dropout,
            "augmentation": augmentation,
        }
        self.framing, self.augmentation = framing(sample_rate), augmentation
        self.window = max(1, round(window * sample_rate))
        bands = bands_of(sample_rate)
        self.register_buffer("filters", torch.tensor(mel_filters(sample_rate, self.framing.transform, bands)))
        self.register_buffer("taper", torch.hann_window(self.framing.size) * 4 / self.framing.size)
        self.register_buffer("mean", torch.zeros(1, bands, 1))
        self.register_buffer("std", torch.ones(1, bands, 1))
        channels = (1, _STEM_CHANNELS, width, 4 * width, 4 * width)
        self.stages = nn.ModuleList(
            Stage(inputs, outputs, halve=True, residual=outputs >= width) for inputs, outputs in pairwise(channels)
        )
        self.dropout = nn.Dropout(dropout)
        self.embedding_width = 4 * width
        self.head = nn.Linear(self.embedding_width, classes)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # what convolutions are fastest in

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> "SoundNet":
        """Rebuild the architecture that `arguments` of another SoundNet describes; weights are not loaded."""
        return cls(**arguments)

    @torch.no_grad()
    def initialise(self, x_train: Tensor, length: Tensor) -> None:
        """Set each band's mean and deviation from training recordings, int16 [n, T]; 2,000 suffice."""
        samples = self.levelled(x_train.to(self.mean.device), length.to(self.mean.device))[:, : self.window]
        length = length.to(self.mean.device).clamp(max=self.window)
        spectrograms = self.log_mel(samples)
        frames = self._frames(length, spectrograms.shape[-1])
        heard = _below_loudest(spectrograms, frames).transpose(1, 2)[frames]
        self.mean.copy_(heard.mean(dim=0)[None, :, None])
        self.std.copy_(heard.std(dim=0, correction=0).clamp_min(0.1)[None, :, None])

    def embed(self, x: Tensor, length: Tensor | None = None) -> Tensor:
        """Features [B, D] of recordings x, int16 [B, T], of which the first `length` [B] samples count.

        In training, of one window of each, drawn anew.
        """
        if length is None:
            length = torch.full((len(x),), x.shape[1], device=x.device)
        samples = self.levelled(x, length)
        return self._heard(*self._drawn(samples, length)) if self.training else self._averaged(samples, length)

    def forward(self, x: Tensor, length: Tensor | None = None) -> Tensor:
        """Logits [B, K] of recordings x, int16 [B, T], of which the first `length` [B] samples count."""
        return cast(Tensor, self.head(self.dropout(self.embed(x, length))))

    def levelled(self, x: Tensor, length: Tensor) -> Tensor:
        """Samples [B, T] of one loudness, zero behind the end: as in `analysis.mel`."""
        inside = torch.arange(x.shape[1], device=x.device) < length[:, None]
        samples = torch.where(inside, x.float(), 0.0)
        size = self.framing.size
        stretches = functional.pad(samples, (0, -x.shape[1] % size)).view(len(x), -1, size)
        loudness = stretches.square().mean(dim=2).amax(dim=1, keepdim=True).sqrt()
        return samples / loudness.clamp_min(SOFTEST)

    def log_mel(self, samples: Tensor) -> Tensor:
        """Spectrograms [B, M, F] of levelled samples [B, T], F = T // step + 1: as `analysis.mel.log_mel`."""
        size, step, transform = self.framing
        with torch.autocast(samples.device.type, enabled=False):
            spectrum = torch.stft(
                samples, transform, step, size, self.taper, center=True, pad_mode="constant", return_complex=True
            )
            energy = torch.view_as_real(spectrum).square().sum(dim=-1)
            return (self.filters @ energy + FLOOR).log()

    def _frames(self, length: Tensor, count: int) -> Tensor:
        """Which of `count` frames [B, count] hear anything of the first `length` [B] samples."""
        return torch.arange(count, device=length.device) <= (length // self.framing.step)[:, None]

    def _drawn(self, samples: Tensor, length: Tensor) -> tuple[Tensor, Tensor]:
        """A window of each recording, anywhere in it."""
        if samples.shape[1] <= self.window:
            return samples, length
        room = (length - self.window).clamp_min(0)
        start = (torch.rand(len(samples), device=samples.device) * (room + 1)).long()
        places = start[:, None] + torch.arange(self.window, device=samples.device)
        return samples.gather(1, places), length.clamp(max=self.window)

    def _averaged(self, samples: Tensor, length: Tensor) -> Tensor:
        """The mean embedding of each recording's windows, weighted by how much of it they hold."""
        if samples.shape[1] <= self.window:
            return self._heard(samples, length)
        mean = torch.zeros(len(samples), self.embedding_width, device=samples.device)
        for start in range(0, int(length.max()), self.window):
            rows = (length > start).nonzero()[:, 0]
            left = (length[rows] - start).clamp(max=self.window)
            part = self._heard(samples[rows, start : start + self.window], left)
            mean.index_add_(0, rows, part * (left / length[rows])[:, None])
        return mean

    def _heard(self, samples: Tensor, length: Tensor) -> Tensor:
        """Features [B, D] of levelled samples [B, T], no longer than the window."""
        strength = self.augmentation if self.training else 0.0
        if strength:
            samples, length = faster(samples, length, strength)
            samples = noisier(samples, length, strength)
        spectrograms = self.log_mel(samples)
        frames = self._frames(length, spectrograms.shape[-1])
        if strength:
            spectrograms = coloured(spectrograms, strength)
        image = (_below_loudest(spectrograms, frames) - self.mean) / self.std
        if strength:
            image = hidden(image, frames.sum(dim=1), strength)
        return self._embedded(image, frames)

    def _embedded(self, image: Tensor, frames: Tensor) -> Tensor:
        """Features [B, D] of normalised spectrograms [B, M, F], of which `frames` [B, F] are heard."""
        missing = -image.shape[-1] % 2**_STAGES
        keep = functional.pad(frames, (0, missing))[:, None, None]
        image = functional.pad(image, (0, missing))[:, None] * keep
        image = image.contiguous(memory_format=torch.channels_last)
        for stage in self.stages:
            image = stage(image, keep)
            keep = keep[..., ::2]
        return image.float().mean(dim=2).sum(dim=2) / keep.sum(dim=(2, 3))


def _below_loudest(spectrograms: Tensor, frames: Tensor) -> Tensor:
    """Log-energies [B, M, F] less that of the loudest band in any of the `frames` [B, F]: from -RANGE to 0 there."""
    loudest = spectrograms.masked_fill(~frames[:, None], -torch.inf).amax(dim=(1, 2), keepdim=True)
    return (spectrograms - loudest.clamp_min(FAINT)).clamp_min(-RANGE)


def _check(classes: int, sample_rate: int, window: float, width: int, dropout: float, augmentation: float) -> None:
    problems = [
        message
        for wrong, message in (
            (classes < 1, f"classes must be at least 1, got {classes}"),
            (sample_rate not in range(1_000, 48_001), f"sample_rate must be 1,000 to 48,000, got {sample_rate}"),
            (not 0.01 <= window <= 60, f"window must be 0.01 to 60 seconds, got {window}"),
            (not 1 <= width <= 4096, f"width must be 1 to 4,096 channels, got {width}"),
            (not 0 <= dropout < 1, f"dropout must be in [0, 1), got {dropout}"),
            (not 0 <= augmentation <= 1, f"augmentation must be in [0, 1], got {augmentation}"),
        )
        if wrong
    ]
    if problems:
        raise UsageError("SoundNet: " + "; ".join(problems))
