import pytest
import torch

from conformance.model import assert_conforms
from unfazed.model.convnet import ConvNet


@pytest.mark.parametrize("size", [8, 12, 32, 65, 128])
@pytest.mark.parametrize("pooling", ["average", "max"])
def test_the_convnet_conforms(size: int, pooling: str) -> None:
    x = torch.randint(256, (6, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    assert_conforms(lambda: ConvNet(3, size, 8, 0.3, pooling), x, 3)  # type: ignore[arg-type]
