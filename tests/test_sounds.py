"""The network for sound: that every recording is heard as if alone, long ones in windows, hidden parts in training."""

import pytest
import torch
from torch import Tensor, nn

from unfazed.errors import UsageError
from unfazed.model.sounds import RANGE, SoundNet, default_width


def sounds(*counts: int, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Noisy tones of so many samples, padded to the longest."""
    draw = torch.Generator().manual_seed(seed)
    x = torch.full((len(counts), max(counts)), -32_768, dtype=torch.int16)
    for row, count in enumerate(counts):
        wave = torch.sin(torch.arange(count) * (0.1 + 0.2 * row)) + 0.1 * torch.randn(count, generator=draw)
        x[row, :count] = (8000 * wave).to(torch.int16)
    return x, torch.tensor(counts)


def soundnet(**changes: object) -> SoundNet:
    arguments: dict[str, object] = {
        "classes": 3, "sample_rate": 8000, "window": 0.5, "width": 8, "dropout": 0.0, "augmentation": 0.0,
    }
    torch.manual_seed(0)
    model = SoundNet.from_arguments({**arguments, **changes})  # type: ignore[dict-item]
    for module in model.modules():  # as after training: nothing is the identity, nothing zero
        if isinstance(module, nn.BatchNorm2d):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.uniform_(module.bias, -0.5, 0.5)
            module.running_mean.uniform_(-0.5, 0.5)  # type: ignore[union-attr,operator]
    model.initialise(*sounds(4000, 3000, 2000, 100))
    return model


@pytest.mark.parametrize("counts", [(1,), (79, 80, 81), (4000, 1), (1234, 777, 3999, 4000), (9000, 4001, 17)])
def test_every_recording_is_heard_as_if_alone(counts: tuple[int, ...]) -> None:
    model = soundnet().eval()
    x, length = sounds(*counts)
    together = model(x, length)
    for row, count in enumerate(counts):
        alone = model(x[row : row + 1, :count], length[row : row + 1])
        torch.testing.assert_close(together[row : row + 1], alone, atol=1e-5, rtol=1e-5)
    longer = nn.functional.pad(x, (0, 5000), value=-32_768)
    torch.testing.assert_close(model(longer, length), together, atol=1e-5, rtol=1e-5)


def test_what_stands_in_the_padding_is_not_heard() -> None:
    model = soundnet().eval()
    x, length = sounds(3000, 1000)
    noise = x.clone()
    noise[1, 1000:] = 20_000
    assert torch.equal(model(x, length), model(noise, length))


def test_how_loud_a_recording_is_does_not_matter() -> None:
    model = soundnet().eval()
    x, length = sounds(3000, 1000)
    x = torch.where(x == -32_768, x, x // 8)
    louder = torch.where(x == -32_768, x, x * 8)
    torch.testing.assert_close(model(x, length), model(louder, length), atol=1e-4, rtol=1e-4)


def test_a_faint_part_of_a_long_recording_stays_faint() -> None:
    model = soundnet().eval()
    x, length = sounds(8000)
    x[:, 4000:] //= 2000
    loud, faint = model.levelled(x, length).split(4000, dim=1)
    count = torch.tensor([4000])
    silence = model._heard(torch.zeros_like(faint), count)
    distances = [(model._heard(part, count) - silence).norm() for part in (faint, loud)]
    assert distances[0] < 0.3 * distances[1]


def test_a_long_recording_is_the_mean_of_its_windows() -> None:
    model = soundnet().eval()
    x, length = sounds(10_000)
    samples = model.levelled(x, length)
    parts = [model._heard(part, torch.tensor([part.shape[1]])) * part.shape[1] for part in samples.split(4000, dim=1)]
    torch.testing.assert_close(model.embed(x, length), sum(parts) / 10_000)


def test_training_hears_a_window_anywhere_in_a_long_recording() -> None:
    model = soundnet().train()
    x = torch.arange(12_000, dtype=torch.int16).repeat(200, 1)
    window, length = model._drawn(x, torch.tensor([12_000] * 100 + [4500] * 100))
    assert window.shape == (200, 4000) and (length == 4000).all()
    assert (window[:, 1:] - window[:, :-1] == 1).all()
    early, late = window[100:, 0], window[:100, 0]
    assert late.max() > 7000 and late.min() < 1000 and late.max() <= 8000 and early.max() <= 500


def test_initialise_measures_the_training_recordings_and_not_their_padding() -> None:
    model = soundnet()
    x, length = sounds(4000, 1000, 4000, 3000)
    model.initialise(x, length)
    spectrograms = [
        model.log_mel(model.levelled(x, length)[row : row + 1, :count])[0] for row, count in enumerate(length)
    ]
    heard = torch.cat([one - one.max() for one in spectrograms], dim=1).clamp_min(-RANGE)
    torch.testing.assert_close(model.mean[0, :, 0], heard.mean(dim=1))
    torch.testing.assert_close(model.std[0, :, 0], heard.std(dim=1, correction=0).clamp_min(0.1))


def test_initialise_survives_silence() -> None:
    model, x = soundnet(), torch.zeros(4, 2000, dtype=torch.int16)
    model.initialise(x, torch.tensor([2000, 1, 80, 300]))
    assert torch.isfinite(model(x, torch.full((4,), 2000))).all()


def test_it_distorts_in_training_only() -> None:
    model = soundnet(augmentation=1.0)
    x, length = sounds(4000, 3000, 2000)
    model.eval()
    assert torch.equal(model(x, length), model(x, length))
    model.train()
    torch.manual_seed(0)
    first = model(x, length)
    assert not torch.equal(model(x, length), first)
    torch.manual_seed(0)
    assert torch.equal(model(x, length), first)


def test_it_learns_what_is_high_and_what_is_low() -> None:
    torch.manual_seed(0)
    model = SoundNet(2, 8000, 0.5, 8, 0.0, 0.0)
    draw = torch.Generator().manual_seed(0)
    pitch = torch.where(torch.arange(64) % 2 == 0, 0.1, 1.0)[:, None] * (1 + 0.3 * torch.rand(64, 1, generator=draw))
    x = (8000 * torch.sin(pitch * torch.arange(2000))).to(torch.int16)
    y, length = torch.arange(64) % 2, torch.full((64,), 2000)
    model.initialise(x, length)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x, length), y).backward()
        optimizer.step()
    model.eval()
    assert (model(x, length).argmax(1) == y).float().mean() > 0.95


def test_all_bad_arguments_are_named_at_once() -> None:
    with pytest.raises(UsageError, match=r"classes.*sample_rate.*window.*width.*augmentation"):
        soundnet(classes=0, sample_rate=10**9, window=float("nan"), width=0, augmentation=2)


def test_default_width_grows_with_data() -> None:
    assert default_width(100) < default_width(10_000)
