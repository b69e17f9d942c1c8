"""What travels from the loader to the loop.

Axis letters: N rows of the table, B examples of a batch, S records of the array that holds the examples.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

CHUNK = 1024  # examples copied to a GPU at once


class Batch(NamedTuple):
    """Some examples, on the device."""

    index: Tensor  # type: ignore[assignment]  # [B] int64, row of each example in the table; hides tuple.index
    x: Tensor  # [B, ...]
    length: Tensor  # [B] int64, how much of each x is not padding
    y: Tensor  # [B] int64; float32 of numbers [B], and of sets of labels [B, K]: 1 for each label in the set
    weight: Tensor  # [B] float32, 1 = ordinary, 0 = absent

    def to(self, device: torch.device) -> "Batch":
        """The batch on `device`, without waiting for a GPU to have it."""
        return Batch(*(sent(column, device) for column in self))

    def trimmed(self) -> "Batch":
        """The batch without the padding that all of its examples have in common."""
        longest = max(1, int(self.length.max())) if len(self.length) else 1
        return self if longest >= self.x.shape[-1] else self._replace(x=self.x[..., :longest])

    def split(self, size: int) -> Iterator["Batch"]:
        """The batch in parts of at most `size` examples, and of nearly one size: batch norm needs more than one."""
        count = max(1, -(-len(self.y) // size))
        for parts in zip(*(torch.tensor_split(column, count) for column in self), strict=True):
            yield Batch(*parts)


def sent(column: Tensor, device: torch.device) -> Tensor:
    """The column on `device`. To a GPU it goes from memory that stays in its place, so that nobody waits for it."""
    if device.type == "cuda" and not column.is_cuda:
        column = column.contiguous().pin_memory()
    return column.to(device, non_blocking=True)


class Array(Protocol):
    """What examples are taken from: a tensor, in memory, on a device or mapped from a file; or what acts like one."""

    @property
    def shape(self) -> Sequence[int]: ...  # [S, ...]
    @property
    def device(self) -> torch.device: ...
    def __getitem__(self, index: Tensor, /) -> Tensor: ...  # [B] -> [B, ...]


class Examples(NamedTuple):
    """Every encoded example of a table; a `Loader` serves batches of them.

    `x` may be larger than memory: `batch` is the way to it.
    """

    x: Array  # [S, ...]
    length: Tensor  # [N] int64
    y: Tensor  # [N] int64, -1 = no label; float32 [N] or [N, K], nan likewise
    weight: Tensor  # [N] float32
    slot: Tensor | None = None  # [N] int64, where each row's example is in x; None: x is in row order, S = N

    def batch(self, index: Tensor) -> Batch:
        """The examples of the rows `index` [B], padded to the longest of them."""
        return Batch(index, self._taken(index), self.length[index], self.y[index], self.weight[index]).trimmed()

    def on(self, device: torch.device) -> "Examples":
        """The same with x on the GPU, where that takes a quarter of its free memory or less; else as they are."""
        if device.type != "cuda" or not isinstance(self.x, Tensor):
            return self
        free, _ = torch.cuda.mem_get_info(device)
        return self if len(self.y) * self.x[:1].nbytes > free // 4 else self.copied(device)

    def copied(self, device: torch.device) -> "Examples":
        """The same with x on `device`, its records in the order of the rows."""
        rows = torch.arange(len(self.y))
        first = self._taken(rows[:1])
        x = torch.empty(len(rows), *first.shape[1:], dtype=first.dtype, device=device)
        for start in range(0, len(rows), CHUNK):
            x[start : start + CHUNK] = self._taken(rows[start : start + CHUNK])
        return self._replace(x=x, slot=None)

    def _taken(self, index: Tensor) -> Tensor:
        """The records [B, ...] of the rows `index` [B], with all their padding, where x is."""
        return self.x[sent(index if self.slot is None else self.slot[index], self.x.device)]
