from typing import Any

import pytest
import torch

from unfazed.errors import UsageError
from unfazed.modality import image_augment
from unfazed.modality.image_augment import augment, shrink


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(count: int = 64, size: int = 16) -> torch.Tensor:
    return torch.randint(256, (count, 3, size, size), generator=generator(9), dtype=torch.uint8)


@pytest.fixture
def same_colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the colours alone, so that pixels can be followed."""
    monkeypatch.setattr(image_augment, "_coloured", lambda x, generator, strength: x)


def test_strength_zero_without_flips_is_the_identity() -> None:
    x = images()
    assert torch.equal(augment(x, generator(), 0.0, "none"), x)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
@pytest.mark.parametrize("size", [4, 8, 32, 33])
def test_shape_and_dtype_are_kept(dtype: torch.dtype, size: int) -> None:
    x = images(5, size).to(dtype)
    y = augment(x, generator(), 1.0, "both")
    assert y.shape == x.shape and y.dtype == dtype


def test_the_generator_decides() -> None:
    x = images()
    first, again, other = (augment(x, generator(seed), 1.0, "horizontal") for seed in (1, 1, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_the_input_is_left_alone() -> None:
    x = images()
    before = x.clone()
    augment(x, generator(), 1.0, "both")
    assert torch.equal(x, before)


def test_global_random_state_is_left_alone() -> None:
    before = torch.random.get_rng_state()
    augment(images(), generator(), 1.0, "both")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_horizontal_flips_mirror_about_half_and_nothing_else() -> None:
    x = images(400)
    y = augment(x, generator(), 0.0, "horizontal")
    same = (y == x).flatten(1).all(1)
    mirrored = (y == x.flip(3)).flatten(1).all(1)
    assert (same | mirrored).all()
    assert 140 < mirrored.sum() < 260


def test_both_flips_give_all_four_views() -> None:
    x = images(400)
    y = augment(x, generator(), 0.0, "both")
    views = [x, x.flip(3), x.flip(2), x.flip(2, 3)]
    counts = torch.stack([(y == view).flatten(1).all(1) for view in views]).sum(1)
    assert counts.sum() == 400
    assert (counts > 50).all()


@pytest.mark.usefixtures("same_colours")
def test_shifts_are_small_and_of_all_sizes_up_to_the_largest() -> None:
    x = torch.zeros(300, 3, 16, 16, dtype=torch.uint8)
    x[:, :, 8, 8] = 255
    y = augment(x, generator(), 0.25, "none")
    visible = y[(y == 255).flatten(1).any(1)]
    positions = (visible[:, 0] == 255).flatten(1).float().argmax(1)
    rows, columns = positions // 16, positions % 16
    assert set(rows.tolist()) == set(columns.tolist()) == {7, 8, 9}
    assert len({*zip(rows.tolist(), columns.tolist(), strict=True)}) == 9


@pytest.mark.usefixtures("same_colours")
def test_erased_squares_are_where_the_image_differs_from_a_shift() -> None:
    x = torch.full((200, 3, 16, 16), 10, dtype=torch.uint8)
    x[::2] = 200
    y = augment(x, generator(), 0.5, "none")
    changed = (y != x)[:, 0]
    assert changed.any(dim=2).sum(1).max() == changed.any(dim=1).sum(1).max() == 4
    assert (changed.flatten(1).sum(1) == 16).float().mean() > 0.5
    assert set(y[changed[:, None].expand_as(y)].tolist()) == {105}


@pytest.mark.usefixtures("same_colours")
def test_images_of_eight_pixels_move_by_one_at_the_default_strength() -> None:
    x = torch.arange(8, dtype=torch.uint8).repeat(100, 3, 8, 1) * 30
    y = augment(x, generator(), 0.5, "none")
    kept = torch.stack([(y == x.roll(shift, 3)).all(1) for shift in (-1, 0, 1)]).any(0)
    assert kept[:, :, 1:7].float().mean() > 0.9


@pytest.mark.parametrize("arguments", [(-0.1, "none"), (1.1, "none"), (float("nan"), "none"), (0.5, "vertical")])
def test_unknown_arguments_are_refused(arguments: Any) -> None:
    with pytest.raises(UsageError):
        augment(images(), generator(), *arguments)


def test_colours_change_by_image_and_channel_within_bounds() -> None:
    x = torch.full((300, 3, 8, 8), 128, dtype=torch.uint8)
    x[:, :, :, 4:] = 192
    y = image_augment._coloured(x, generator(), 0.5).float()
    assert (y.flatten(2).amax(2) - y.flatten(2).amin(2) > 0).all()
    dark, bright = y[:, :, 0, 0], y[:, :, 0, 7]
    assert 20 < (dark - 128).abs().max() <= 0.1 * 255 + 1  # brightness
    contrast = (bright - dark) / 64
    assert 0.75 < contrast.min() < 0.85 and 1.15 < contrast.max() < 1.27
    assert (contrast.amax(1) - contrast.amin(1)).max() > 0.04  # the cast
    assert contrast.mean().item() == pytest.approx(1, abs=0.03)
    assert torch.equal(image_augment._coloured(x, generator(), 0.0), x)


def test_colours_stay_in_range() -> None:
    x = torch.tensor([0, 255], dtype=torch.uint8).repeat(50, 3, 8, 4)
    y = image_augment._coloured(x.float(), generator(), 1.0)
    assert y.min() >= 0 and y.max() <= 255


@pytest.mark.parametrize(("scale", "side"), [(0.6, 20), (0.62, 20), (0.7, 24), (0.99, 32), (0.1, 8)])
def test_smaller_images_show_the_same_to_a_multiple_of_four_pixels(scale: float, side: int) -> None:
    x = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    x[:, 0, :16] = 200
    small = shrink(x, scale)
    assert small.shape == (2, 3, side, side)
    assert small.float().mean().item() == pytest.approx(x.float().mean().item(), rel=0.02)
    assert small[0, 0, 0, 0] == pytest.approx(200, abs=1) and small[0, 0, -1, 0] == pytest.approx(0, abs=1)


def test_full_size_is_left_alone() -> None:
    x = images()
    assert shrink(x, 1.0) is x
