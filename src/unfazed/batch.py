"""What travels from the loader to the loop.

Axis letters: N rows of the table, B examples of a batch.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor


class Batch(NamedTuple):
    """Some examples, on the device."""

    index: Tensor  # type: ignore[assignment]  # [B] int64, row of each example in the table; hides tuple.index
    x: Tensor  # [B, ...]
    length: Tensor  # [B] int64, how much of each x is not padding
    y: Tensor  # [B] int64
    weight: Tensor  # [B] float32, 1 = ordinary, 0 = absent

    def split(self, size: int) -> Iterator["Batch"]:
        """The batch in parts of at most `size` examples, and of nearly one size: batch norm needs more than one."""
        count = max(1, -(-len(self.y) // size))
        for parts in zip(*(torch.tensor_split(column, count) for column in self), strict=True):
            yield Batch(*parts)


class Examples(NamedTuple):
    """Every encoded example of a table, in its row order; a `Loader` serves batches of them."""

    x: Tensor  # [N, ...]
    length: Tensor  # [N] int64
    y: Tensor  # [N] int64, -1 = no label
    weight: Tensor  # [N] float32

    def batch(self, index: Tensor) -> Batch:
        """The examples of the rows `index` [B]."""
        return Batch(index, *(column[index] for column in self))
