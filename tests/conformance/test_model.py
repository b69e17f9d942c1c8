import pytest
import torch

from conformance.model import assert_conforms
from unfazed.model.convnet import ConvNet
from unfazed.model.sounds import SoundNet


@pytest.mark.parametrize("size", [8, 12, 32, 65, 128])
@pytest.mark.parametrize("pooling", ["average", "max"])
def test_the_convnet_conforms(size: int, pooling: str) -> None:
    x = torch.randint(256, (6, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    assert_conforms(lambda: ConvNet(3, size, 8, 0.3, pooling), x, 3)  # type: ignore[arg-type]


@pytest.mark.parametrize("rate, samples", [(1000, 100), (8000, 3000), (16_000, 20_000)])
@pytest.mark.parametrize("augmentation", [0.0, 0.5])
def test_the_soundnet_conforms(rate: int, samples: int, augmentation: float) -> None:
    draw = torch.Generator().manual_seed(1)
    x = torch.randint(-9000, 9000, (6, samples), dtype=torch.int16, generator=draw)
    assert_conforms(lambda: SoundNet(3, rate, 1.0, 8, 0.3, augmentation), x, 3)
