"""Copies of sounds: what they keep, what they change, and that they are a function of the generator."""

import numpy as np
import pytest
import torch
from conformance.sounds import tone
from torch import Tensor

from unfazed.errors import UsageError
from unfazed.modality.audio import PADDING, AudioPreprocessor, Recording, encode
from unfazed.modality.audio_augment import augment


def batch(*counts: int) -> Tensor:
    preprocessor = AudioPreprocessor(8000, max(counts))
    raws = [Recording(tone(number, count).astype(np.float32), 8000) for number, count in enumerate(counts)]
    return torch.from_numpy(np.stack([encode(raw, preprocessor) for raw in raws]))


def drawn(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def lengths(x: Tensor) -> Tensor:
    return (x != PADDING).sum(dim=1)


def test_nothing_changes_at_strength_0() -> None:
    x = batch(800, 400)
    assert augment(x, drawn(), 0.0) is x


def test_it_is_a_function_of_the_generator() -> None:
    x = batch(800, 400)
    assert torch.equal(augment(x, drawn(1), 0.5), augment(x, drawn(1), 0.5))
    assert not torch.equal(augment(x, drawn(1), 0.5), augment(x, drawn(2), 0.5))


def test_copies_are_samples_with_padding_at_the_end_alone() -> None:
    x = batch(800, 400, 1)
    for seed in range(20):
        copy = augment(x, drawn(seed), 1.0)
        assert copy.dtype == x.dtype and len(copy) == 3
        for row, inside in zip(copy, lengths(copy), strict=True):
            assert inside >= 1 and (row[:inside] != PADDING).all() and (row[inside:] == PADDING).all()


def test_slower_is_longer_and_nothing_is_cut() -> None:
    x = batch(*[800] * 64)
    found = lengths(augment(x, drawn(), 1.0))
    assert found.min() < 700 and 900 < found.max() <= 1143


def test_faster_is_higher() -> None:
    time = np.arange(4000) / 8000
    sound = Recording((0.5 * np.sin(2 * np.pi * 500 * time)).astype(np.float32), 8000)
    x = torch.from_numpy(encode(sound, AudioPreprocessor(8000, 4000)))[None]
    for seed in range(5):
        copy = augment(x, drawn(seed), 1.0)[0]
        inside = copy[: int(lengths(copy[None]))].float()
        pitch = float(torch.fft.rfft(inside).abs().argmax()) * 8000 / len(inside)
        assert abs(pitch - 500 * 4000 / len(inside)) < 5


def test_examples_are_drawn_apart() -> None:
    x = batch(800).repeat(8, 1)
    assert len({tuple(row.tolist()) for row in augment(x, drawn(), 0.5)}) == 8


@pytest.mark.parametrize("strength", [-0.1, 1.1, float("nan")])
def test_a_strength_out_of_range_is_refused(strength: float) -> None:
    with pytest.raises(UsageError, match="strength"):
        augment(batch(100), drawn(), strength)
