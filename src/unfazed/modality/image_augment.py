"""Batch augmentation of images, on the device the batch is on: shifts, flips, colour, erased squares, drawn for each.

Axis letters: B batch, S image size. Everything is drawn from the generator given, so a step's augmentation is a
function of its seed. Sources: shifts and flips, He et al. 2016 (arXiv:1512.03385), section 4.2; erased squares,
DeVries and Taylor 2017 (arXiv:1708.04552).
"""

from typing import Literal

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from unfazed.errors import UsageError

Flip = Literal["none", "horizontal", "both"]

_LARGEST_SHIFT = 0.25  # of the side, at strength 1
_LARGEST_ERASED = 0.5  # of the side, at strength 1
_LARGEST_CONTRAST = 0.4  # of the distance from middle grey, at strength 1
_LARGEST_CAST = 0.1  # the same, of one colour channel
_LARGEST_BRIGHTNESS = 0.2  # of the range 0..255, at strength 1
_MIDDLE = 127.5


def augment(x: Tensor, generator: torch.Generator, strength: float, flip: Flip) -> Tensor:
    """Shifted, mirrored, recoloured, partly erased copies of x [B, 3, S, S], 0..255, in the same dtype and shape.

    strength: from 0 (nothing but flips) to 1 (shifts up to a quarter of the side each way, the border reflected;
    contrast up to 40 %, brightness 20 % and a colour cast of 10 % more or less; an erased square of half the side);
    all grow in proportion. flip: "horizontal" mirrors left and right half of the time, "both" also top and bottom.
    Strength 0 without flips returns x itself.

    Raises:
        UsageError: a strength outside 0..1, or another flip.
    """
    _check(strength, flip)
    if strength == 0 and flip == "none":
        return x
    size = x.shape[-1]
    rows = _positions(x, generator, round(strength * _LARGEST_SHIFT * size), flip == "both")
    columns = _positions(x, generator, round(strength * _LARGEST_SHIFT * size), flip != "none")
    pixels = (rows[:, :, None] * size + columns[:, None, :]).flatten(1)
    moved = x.flatten(2).gather(2, pixels[:, None].expand(-1, x.shape[1], -1)).view_as(x)
    side = round(strength * _LARGEST_ERASED * size)
    if strength:
        moved = _coloured(moved, generator, strength)
    return _erase(moved, generator, side) if side else moved


def shrink(x: Tensor, scale: float) -> Tensor:
    """x [B, 3, S, S] as float [B, 3, s, s]; s is the multiple of 4 nearest to `scale` times S, within 8 and S."""
    size = x.shape[-1]
    side = min(size, max(8, 4 * round(scale * size / 4)))
    return x if side == size else interpolate(x.float(), (side, side), mode="bilinear", antialias=True)


def _coloured(x: Tensor, generator: torch.Generator, strength: float) -> Tensor:
    """Another contrast, brightness and colour cast for each image: a straight line a channel, cut at 0 and 255."""
    drawn = torch.rand(len(x), 5, generator=generator, device=generator.device).to(x.device) * 2 - 1
    gain = (1 + strength * _LARGEST_CONTRAST * drawn[:, :1]) * (1 + strength * _LARGEST_CAST * drawn[:, 1:4])
    offset = _MIDDLE * (1 - gain) + 255 * strength * _LARGEST_BRIGHTNESS * drawn[:, 4:]
    coloured = torch.addcmul(offset[:, :, None, None], x.float(), gain[:, :, None, None])
    return coloured.clamp_(0, 255).to(x.dtype)


def _positions(x: Tensor, generator: torch.Generator, shift: int, flip: bool) -> Tensor:
    """For each image and each row (or column) of the result, its source [B, S]: shifted, reflected at the border."""
    size = x.shape[-1]
    shifts = _draw(len(x), 2 * shift + 1, generator, x.device) - shift
    positions = (torch.arange(size, device=x.device) + shifts[:, None]).abs()
    positions = (size - 1) - (size - 1 - positions).abs()
    if not flip:
        return positions
    mirrored = _draw(len(x), 2, generator, x.device).bool()
    return torch.where(mirrored[:, None], positions.flip(1), positions)


def _erase(x: Tensor, generator: torch.Generator, side: int) -> Tensor:
    """Replace one square of `side` pixels in each image, centred anywhere in it, by the batch's mean colour."""
    size = x.shape[-1]
    starts = _draw(2 * len(x), size, generator, x.device).view(2, len(x), 1) - side // 2
    offsets = torch.arange(size, device=x.device) - starts
    rows, columns = (offsets >= 0) & (offsets < side)
    inside = rows[:, None, :, None] & columns[:, None, None, :]
    colour = x.float().mean(dim=(0, 2, 3), keepdim=True).to(x.dtype)
    return torch.where(inside, colour, x)


def _draw(count: int, high: int, generator: torch.Generator, device: torch.device) -> Tensor:
    return torch.randint(high, (count,), generator=generator, device=generator.device).to(device)


def _check(strength: float, flip: str) -> None:
    if not 0 <= strength <= 1:
        raise UsageError(f"augmentation strength must be in 0..1, got {strength}")
    if flip not in ("none", "horizontal", "both"):
        raise UsageError(f'flip must be "none", "horizontal" or "both", got {flip!r}')
