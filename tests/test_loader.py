import pytest
import torch
from conformance.loader import assert_conforms
from problems import FEATURES, ROWS, blobs, noisy

from unfazed import batch
from unfazed import loader as module
from unfazed.loader import Loader, in_order, mixed_seed


@pytest.mark.parametrize("batch_size", [1, 7, 32, 239, 240, 1000])
@pytest.mark.parametrize("augmented", [False, True])
def test_it_conforms(batch_size: int, augmented: bool) -> None:
    rows = torch.arange(0, ROWS, 3)
    assert_conforms(lambda: Loader(blobs(), rows, batch_size, seed=3, augment=noisy if augmented else None), rows)


@pytest.mark.parametrize("batch_size", [7, 32, 1000])
@pytest.mark.parametrize("block", [1, 4, 7, 1000])
def test_it_conforms_in_blocks(batch_size: int, block: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 5)
    rows = torch.arange(0, ROWS, 2)
    assert_conforms(lambda: Loader(blobs(), rows, batch_size, seed=3, augment=noisy, block=block), rows)


def test_blocks_are_read_in_stretches_and_mixed_with_one_another(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WINDOW", 4)
    block, rows = 10, torch.arange(ROWS)
    served = torch.cat([batch.index for batch in Loader(blobs(), rows, 7, block=block).epoch(3)])
    for window in served.split(4 * block):
        assert len(set((window // block).tolist())) <= 4 * 2  # every stretch lies over two tens at most
        neighbours = (window.diff().abs() == 1).float().mean()
        assert neighbours < 0.3 and window.float().std() > 15  # mixed, and from more than one place
    assert served.float().std() > 50


def test_examples_may_lie_elsewhere_than_in_row_order() -> None:
    examples = blobs()
    slot = torch.randperm(ROWS)
    x = torch.empty_like(examples.x)
    x[slot] = examples.x
    pairs = zip(
        Loader(examples, torch.arange(ROWS), 32).epoch(0),
        Loader(examples._replace(x=x, slot=slot), torch.arange(ROWS), 32).epoch(0),
        strict=True,
    )
    assert all(torch.equal(one.x, other.x) and torch.equal(one.y, other.y) for one, other in pairs)


def test_copied_examples_are_the_same_in_the_order_of_the_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """In pieces, of which one may hold short examples alone."""
    monkeypatch.setattr(batch, "CHUNK", 50)
    examples = blobs()
    slot, length = torch.randperm(ROWS), torch.arange(ROWS) // 50 + 1
    scattered = torch.empty_like(examples.x)
    scattered[slot] = examples.x
    copied = examples._replace(x=scattered, slot=slot, length=length).copied(torch.device("cpu"))
    assert copied.slot is None and torch.equal(torch.as_tensor(copied.x), torch.as_tensor(examples.x))


@pytest.mark.parametrize("count", [33, 65, 97, 129])
def test_no_batch_is_small(count: int) -> None:
    sizes = [len(batch.y) for batch in Loader(blobs(), torch.arange(count), 32).epoch(0)]
    assert max(sizes) - min(sizes) <= 1
    assert max(sizes) <= 32


def test_seeds_give_different_orders_and_augmentations() -> None:
    one, other = (next(Loader(blobs(), torch.arange(ROWS), 32, seed=seed, augment=noisy).epoch(0)) for seed in (0, 1))
    assert not torch.equal(one.index, other.index)


def test_augmentation_changes_x_alone_and_the_examples_stay_as_they_were() -> None:
    examples = blobs()
    before = examples.x.clone()
    batch = next(Loader(examples, torch.arange(ROWS), 32, augment=noisy).epoch(0))
    assert not torch.equal(batch.x, examples.x[batch.index])
    assert torch.equal(batch.y, examples.y[batch.index])
    assert torch.equal(examples.x, before)


def test_in_order_serves_rows_as_they_come_and_unaugmented() -> None:
    examples, rows = blobs(), torch.tensor([5, 3, 200, 3])
    batches = list(in_order(examples, rows, 3))
    assert torch.cat([batch.index for batch in batches]).tolist() == rows.tolist()
    assert torch.equal(torch.cat([batch.x for batch in batches]), examples.x[rows])
    assert batches[0].x.shape == (3, FEATURES)


def test_mixed_seeds_differ_in_every_part_and_in_order() -> None:
    seeds = {mixed_seed(a, b, c) for a in range(20) for b in range(20) for c in range(20)}
    assert len(seeds) == 8000
    assert all(0 <= seed < 2**63 for seed in seeds)
