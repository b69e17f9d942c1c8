"""What the loop relies on in a loader."""

from collections.abc import Callable

import torch
from torch import Tensor

from unfazed.batch import Batch
from unfazed.loop import Batches


def assert_conforms(make: Callable[[], Batches], rows: Tensor) -> None:
    """`make` builds the same loader anew; `rows` are those it serves."""
    loader = make()
    whole = list(loader.epoch(0))
    assert len(whole) == len(loader)
    served = torch.cat([batch.index for batch in whole])
    assert sorted(served.tolist()) == sorted(rows.tolist()), "each row once an epoch"
    assert served.max() < loader.rows
    assert _equal(whole, list(make().epoch(0))), "an epoch is a function of its number"
    list(loader.epoch(5))
    assert _equal(whole, list(loader.epoch(0))), "whatever was served before"
    if len(rows) > 10:
        assert not torch.equal(served, torch.cat([batch.index for batch in loader.epoch(1)])), "epochs differ"
    for skip in {0, 1, len(whole) // 2, len(whole)}:
        assert _equal(whole[skip:], list(loader.epoch(0, skip=skip))), "skipping leaves the rest as it was"
    small = list(loader.epoch(0, scale=0.5))
    assert all(torch.equal(one.index, other.index) for one, other in zip(whole, small, strict=True)), "at every scale"
    for batch in whole:
        assert batch.index.dtype == batch.y.dtype == torch.int64
        assert batch.weight.dtype == torch.float32
        assert {len(column) for column in batch} == {len(batch.y)}


def _equal(one: list[Batch], other: list[Batch]) -> bool:
    return len(one) == len(other) and all(
        torch.equal(a, b) for left, right in zip(one, other, strict=True) for a, b in zip(left, right, strict=True)
    )
