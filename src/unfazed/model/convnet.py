"""A small residual convnet for images, trained from scratch in minutes on two CPU cores.

Axis letters: B batch, K classes, D embedding width, S image size, C channels, n sampled training rows.

A stem whose filters start by whitening image patches; three or four stages that each halve the resolution; a pooled
embedding and a linear head. The stem's stride grows with the image: 128 pixels cost less than four times what 32 do.

Sources: residual blocks, He et al. 2016 (arXiv:1512.03385); a last normalisation that starts at zero, so that every
block starts as the identity, Goyal et al. 2017 (arXiv:1706.02677); patch whitening in the first layer and pooling right
after a stage's first convolution, Jordan 2024 (arXiv:2404.00498).
"""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any, Literal, cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfazed.errors import UsageError

Pooling = Literal["average", "max"]

_STEM_CHANNELS = 32
_LARGEST_SIDE = 96  # positions a side after the stem, not reached
_FOUR_STAGES = 48  # positions a side from which a thin stage goes first
_SAMPLED_PATCHES = 100_000


def default_width(image_size: int, rows: int) -> int:
    """Channels of the first stage: fewer where there is little to learn from (few rows, few pixels)."""
    return 32 if image_size <= 16 or rows < 2000 else 64


def _stem_stride(image_size: int) -> int:
    """Smallest power of two that leaves fewer than 96 positions a side: detail lost here is never recovered."""
    stride = 1
    while image_size // stride >= _LARGEST_SIDE:
        stride *= 2
    return stride


def _convolution(inputs: int, outputs: int) -> nn.Conv2d:
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)


def _kept(x: Tensor, keep: Tensor | None) -> Tensor:
    return x if keep is None else x * keep


class Residual(nn.Module):
    """A 3x3 convolution beside an identity (after He et al. 2016), the identity alone at the start of training."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = _convolution(channels, channels)
        self.norm = nn.BatchNorm2d(channels)
        nn.init.zeros_(self.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        """[B, C, H, W] to the same shape."""
        return functional.relu(x + cast(Tensor, self.norm(self.conv(x))))


class Stage(nn.Module):
    """Change the channels, halve the resolution, then at most one residual block."""

    def __init__(self, inputs: int, outputs: int, halve: bool, residual: bool) -> None:
        super().__init__()
        self.conv = _convolution(inputs, outputs)
        self.norm = nn.BatchNorm2d(outputs)
        self.residual = Residual(outputs) if residual else nn.Identity()
        self.halve = halve

    def forward(self, x: Tensor, keep: Tensor | None = None) -> Tensor:
        """[B, C, H, W] to [B, outputs, H / 2, W / 2], H and W kept where `halve` is False.

        keep: bool [B, 1, 1, W], where x is not padding. There it is zero, and so is what is made of it: as if each
        example stood alone. W must then be even where it is halved.
        """
        x = _kept(self.conv(x), keep)
        if self.halve:
            x = functional.max_pool2d(x, 2)
            keep = None if keep is None else keep[..., ::2]
        x = _kept(functional.relu(self.norm(x)), keep)
        return _kept(cast(Tensor, self.residual(x)), keep)


def _stages(width: int, side: int) -> nn.Sequential:
    """Stages of `width` and four times as many channels; `side` is halved at each while it leaves 2 x 2."""
    thin = side >= _FOUR_STAGES
    channels = [_STEM_CHANNELS] + [max(1, width // 2)] * thin + [width, 4 * width, 4 * width]
    stages = []
    for inputs, outputs in pairwise(channels):
        halve = side >= 4
        stages.append(Stage(inputs, outputs, halve, residual=outputs >= width))
        side = side // 2 if halve else side
    return nn.Sequential(*stages)


class ConvNet(nn.Module):
    """Residual convnet over uint8 images [B, 3, S, S]; call `initialise` on training images before training."""

    mean: Tensor
    std: Tensor

    def __init__(self, classes: int, image_size: int, width: int, dropout: float, pooling: Pooling) -> None:
        super().__init__()
        _check(classes, image_size, width, dropout, pooling)
        self.arguments: dict[str, Any] = {
            "classes": classes,
            "image_size": image_size,
            "width": width,
            "dropout": dropout,
            "pooling": pooling,
        }
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 127.5))
        self.register_buffer("std", torch.full((1, 3, 1, 1), 64.0))
        stride = _stem_stride(image_size)
        self.stem = nn.Conv2d(3, _STEM_CHANNELS, 2 * stride + 1, stride=stride, padding=stride, bias=False)
        self.stem_norm = nn.BatchNorm2d(_STEM_CHANNELS)
        self.stages = _stages(width, image_size // stride)
        self.dropout = nn.Dropout(dropout)
        self.embedding_width = 4 * width
        self.head = nn.Linear(self.embedding_width, classes)
        self.pooling = pooling
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # what convolutions are fastest in

    @classmethod
    def from_arguments(cls, arguments: Mapping[str, Any]) -> "ConvNet":
        """Rebuild the architecture that `arguments` of another ConvNet describes; weights are not loaded."""
        return cls(**arguments)

    @torch.no_grad()
    def initialise(self, x_train: Tensor) -> None:
        """Set the normalisation and the whitening stem from training images, uint8 [n, 3, S, S]; 2,000 suffice."""
        x = x_train.to(self.mean.device).float()
        self.mean.copy_(x.mean(dim=(0, 2, 3)).view(1, 3, 1, 1))
        self.std.copy_(x.std(dim=(0, 2, 3)).clamp_min(1.0).view(1, 3, 1, 1))
        filters = whitening_filters(self._normalised(x), self.stem.kernel_size[0], self.stem.out_channels)
        self.stem.weight.copy_(filters)

    def embed(self, x: Tensor, length: Tensor | None = None) -> Tensor:
        """Features [B, D] of images x, uint8 or float in 0..255 [B, 3, S, S]; `length` is not used."""
        x = functional.relu(self.stem_norm(self.stem(self._normalised(x))))
        x = self.stages(x)
        return x.mean(dim=(2, 3)) if self.pooling == "average" else x.amax(dim=(2, 3))

    def forward(self, x: Tensor, length: Tensor | None = None) -> Tensor:
        """Logits [B, K] of images x, uint8 or float in 0..255 [B, 3, S, S]; `length` is not used."""
        return cast(Tensor, self.head(self.dropout(self.embed(x, length))))

    def _normalised(self, x: Tensor) -> Tensor:
        return (x.contiguous(memory_format=torch.channels_last).float() - self.mean) / self.std


def whitening_filters(x: Tensor, kernel_size: int, outputs: int) -> Tensor:
    """Filters [outputs, 3, k, k] that decorrelate the k x k patches of x, float [n, 3, S, S].

    The leading eigenvectors of the patch covariance, scaled to unit output variance, each with its negative so that
    nothing is lost behind a ReLU (Jordan 2024, arXiv:2404.00498).
    """
    per_image = max(1, _SAMPLED_PATCHES // len(x))
    side = x.shape[-1] - kernel_size + 1
    if side < 1:
        x, side = functional.pad(x, [kernel_size // 2] * 4), x.shape[-1]
    step = max(1, int((side * side / per_image) ** 0.5))
    patches = x.unfold(2, kernel_size, step).unfold(3, kernel_size, step)
    patches = patches.permute(0, 2, 3, 1, 4, 5).reshape(-1, 3 * kernel_size**2)
    covariance = torch.cov(patches.T).double()
    values, vectors = torch.linalg.eigh(covariance)
    half = outputs // 2
    scale = (values[-half:].clamp_min(0.0) + 1e-2 * values.mean() + 1e-6).rsqrt()
    filters = (vectors[:, -half:] * scale).T.flip(0).float().view(half, 3, kernel_size, kernel_size)
    return torch.cat([filters, -filters])


def _check(classes: int, image_size: int, width: int, dropout: float, pooling: str) -> None:
    problems = [
        message
        for wrong, message in (
            (classes < 1, f"classes must be at least 1, got {classes}"),
            (image_size < 4, f"image_size must be at least 4 pixels, got {image_size}"),
            (width < 1, f"width must be at least 1 channel, got {width}"),
            (not 0 <= dropout < 1, f"dropout must be in [0, 1), got {dropout}"),
            (pooling not in ("average", "max"), f'pooling must be "average" or "max", got {pooling!r}'),
        )
        if wrong
    ]
    if problems:
        raise UsageError("ConvNet: " + "; ".join(problems))
