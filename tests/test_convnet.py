import pytest
import torch
from torch import nn

from unfazed.errors import UsageError
from unfazed.modality.image_augment import shrink
from unfazed.model.convnet import ConvNet, Residual, default_width, whitening_filters


def images(count: int, size: int, seed: int = 0) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(count, 3, 4, 4, generator=generator)
    smooth = nn.functional.interpolate(coarse, size=(size, size), mode="bilinear")
    noise = torch.rand(count, 3, size, size, generator=generator)
    return (255 * (0.8 * smooth + 0.2 * noise)).to(torch.uint8)


def convnet(size: int = 16, **changes: object) -> ConvNet:
    arguments: dict[str, object] = {
        "classes": 3, "image_size": size, "width": 16, "dropout": 0.0, "pooling": "average",
    }
    torch.manual_seed(0)
    return ConvNet.from_arguments({**arguments, **changes})  # type: ignore[dict-item]


@pytest.mark.parametrize("size", [4, 8, 12, 28, 32, 64, 100, 128])
@pytest.mark.parametrize("pooling", ["average", "max"])
def test_forward_is_head_of_embed_at_every_size(size: int, pooling: str) -> None:
    model, x = convnet(size, pooling=pooling), images(5, size)
    model.initialise(x)
    model.eval()
    embedding = model.embed(x)
    assert embedding.ndim == 2 and len(embedding) == 5
    assert torch.equal(model(x), model.head(embedding))
    assert model(x).shape == (5, 3)
    assert torch.isfinite(model(x)).all()


def test_initialise_measures_the_training_images() -> None:
    model, x = convnet(), images(200, 16)
    model.initialise(x)
    torch.testing.assert_close(model.mean.flatten(), x.float().mean(dim=(0, 2, 3)))
    torch.testing.assert_close(model.std.flatten(), x.float().std(dim=(0, 2, 3)))


def test_initialise_survives_constant_images() -> None:
    model, x = convnet(), torch.full((10, 3, 16, 16), 255, dtype=torch.uint8)
    model.initialise(x)
    assert torch.isfinite(model(x)).all()


def test_whitening_decorrelates_patches() -> None:
    x = images(500, 16).float()
    x = (x - x.mean()) / x.std()
    filters = whitening_filters(x, 3, 8)
    responses = nn.functional.conv2d(x, filters[:4]).permute(1, 0, 2, 3).flatten(1)
    correlation = torch.corrcoef(responses)
    assert (correlation - torch.eye(4)).abs().max() < 0.1
    torch.testing.assert_close(filters[4:], -filters[:4])


def test_arguments_and_state_rebuild_the_model() -> None:
    model, x = convnet(), images(6, 16)
    model.initialise(x)
    model(x)
    model.eval()
    rebuilt = ConvNet.from_arguments(model.arguments)
    rebuilt.load_state_dict(model.state_dict())
    rebuilt.eval()
    assert torch.equal(rebuilt(x), model(x))


def test_it_learns_where_brightness_is() -> None:
    model, x = convnet(), images(96, 16)
    y = torch.arange(96) % 2
    x[y == 1, :, :8] //= 2
    x[y == 0, :, 8:] //= 2
    model.initialise(x)
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(20):
        optimizer.zero_grad()
        nn.functional.cross_entropy(model(x), y).backward()
        optimizer.step()
    model.eval()
    assert (model(x).argmax(1) == y).float().mean() > 0.95


def test_pooling_is_what_it_says() -> None:
    average, largest = convnet(pooling="average"), convnet(pooling="max")
    largest.load_state_dict(average.state_dict())
    average.eval(), largest.eval()
    x = images(4, 16)
    assert (largest.embed(x) >= average.embed(x)).all()
    assert (largest.embed(x) > average.embed(x)).any()


def test_dropout_acts_in_the_head_and_only_in_training() -> None:
    model, x = convnet(dropout=0.5), images(4, 16)
    model.eval()
    assert torch.equal(model(x), model(x))
    for module in model.modules():
        module.training = isinstance(module, nn.Dropout)
    assert torch.equal(model.embed(x), model.embed(x))
    assert not torch.equal(model(x), model(x))


@pytest.mark.parametrize("size", [47, 63, 64, 95, 96, 128, 191])
def test_a_large_image_costs_at_most_four_small_ones(size: int) -> None:
    assert multiplications(convnet(size, width=64)) <= 4 * multiplications(convnet(32, width=64))


@pytest.mark.parametrize("size", [8, 32, 64, 95])
def test_images_below_96_pixels_keep_all_their_detail_in_the_stem(size: int) -> None:
    assert convnet(size).stem.stride == (1, 1)


def test_a_new_residual_block_is_the_identity() -> None:
    x = torch.rand(2, 8, 5, 5)
    torch.testing.assert_close(Residual(8)(x), x)


def multiplications(model: ConvNet) -> int:
    counts: list[int] = []

    def count(module: nn.Conv2d, _: object, output: torch.Tensor) -> None:
        counts.append(output[0].numel() * module.weight[0].numel())

    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            module.register_forward_hook(count)
    size = model.arguments["image_size"]
    assert isinstance(size, int)
    model.eval()
    model(images(1, size))
    return sum(counts)


def test_kernels_are_odd() -> None:
    for size in (8, 32, 64, 128):
        for module in convnet(size).modules():
            if isinstance(module, nn.Conv2d):
                assert all(k % 2 == 1 for k in module.kernel_size)


def test_default_width_grows_with_data_and_is_a_multiple_of_sixteen() -> None:
    widths = [default_width(32, rows) for rows in (100, 1000, 10_000, 100_000)]
    assert widths == sorted(widths)
    assert all(width % 16 == 0 for width in widths)


def test_all_bad_arguments_are_named_at_once() -> None:
    with pytest.raises(UsageError, match=r"classes.*width.*pooling"):
        convnet(classes=0, width=0, pooling="median")


@pytest.mark.parametrize("size", [8, 12, 20, 31, 32, 47, 48, 64, 96, 100, 128, 130, 200])
def test_half_of_every_size_can_be_trained_on(size: int) -> None:
    """The smallest images that a recipe's start_size makes."""
    small = shrink(torch.randint(256, (2, 3, size, size), dtype=torch.uint8), 0.5)
    assert ConvNet(3, size, 4, 0.0, "average")(small).isfinite().all()


def test_convolutions_are_laid_out_channels_last() -> None:
    model = ConvNet(3, 32, 8, 0.0, "average")
    features = model.stem(model._normalised(images(4, 32)))
    assert features.is_contiguous(memory_format=torch.channels_last)
    weights = [weight for weight in model.parameters() if weight.ndim == 4]
    assert len(weights) > 3 and all(weight.is_contiguous(memory_format=torch.channels_last) for weight in weights)
