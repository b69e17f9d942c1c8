import pytest
import torch

from conformance.model import assert_conforms
from unfazed.model.convnet import ConvNet
from unfazed.model.sounds import SoundNet
from unfazed.model.tables import Size, TableNet


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


@pytest.mark.parametrize("codes", [(0, 0, 0), (0, 4, 0), (4, 4, 4)])
@pytest.mark.parametrize("size", [Size(), Size(members=1, width=4, depth=1, bins=2, embedding=2), Size(depth=4)])
def test_the_network_for_tables_conforms(codes: tuple[int, ...], size: Size) -> None:
    x = torch.randint(4, (8, 3), generator=torch.Generator().manual_seed(1)).float()
    x[0] = torch.nan

    def make() -> TableNet:
        model = TableNet(3, codes, size, 0.3)
        model.initialise(x)
        return model

    assert_conforms(make, x, 3)
