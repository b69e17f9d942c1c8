"""Batches of a table: `Loader.epoch(n)` is a function of (seed, n, scale) alone.

Axis letters: N rows of the table, R rows served, B examples of a batch.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial

import torch
from torch import Tensor

from unfazed.batch import Batch, Examples
from unfazed.device import evaluation_batch
from unfazed.errors import UsageError
from unfazed.memory import at_once
from unfazed.processes import ALONE, Processes

Augment = Callable[[Tensor, torch.Generator], Tensor]
Shrink = Callable[[Tensor, float], Tensor]
BLOCK_BYTES = 1 << 20  # read in one go
WINDOW = 256  # blocks that are mixed with one another: as much must fit in memory
ALIKE = 32  # batches whose examples are sorted by length among themselves, so that little is padding


class Loader:
    """Serves shuffled batches of some rows, each row once an epoch.

    Batches differ in size by one example at most: no small last batch, whose batch-norm statistics
    would be noise. Where examples differ in length, those of a batch are of about the same. Examples stay on the CPU
    unless the caller put them on the device.
    """

    def __init__(
        self,
        examples: Examples,
        index: Tensor,
        batch_size: int,
        *,
        seed: int = 0,
        device: torch.device | None = None,
        augment: Augment | None = None,
        shrink: Shrink | None = None,
        block: int | None = None,
        processes: Processes = ALONE,
    ):
        """`index` [R] int64: the rows to serve. `augment` changes a batch's x with the generator it is given;
        `shrink` makes x smaller by the scale it is given, in epochs of a scale below 1.

        block: instead of any order, one that reads `index` in stretches of so many rows, the stretches in any order
        and mixed with one another: for examples on a disk, larger than memory, whose neighbours are neighbours there.
        Of several `processes` each is served its part of every batch; together they have every row once.

        Raises:
            UsageError: a batch has fewer examples than there are processes.
        """
        self.examples = examples
        self.index = index.cpu()
        self.batch_size = batch_size
        self.seed = seed
        self.device = device or examples.x.device
        self.augment = augment
        self.shrink = shrink
        self.block = block
        self.processes = processes
        if len(index) < len(self) * processes.count:
            raise UsageError(
                f"{processes.count} processes cannot share batches of {len(index) // len(self)} examples: "
                "start fewer, or make batch_size larger"
            )
        lengths = examples.length[self.index]
        self.lengths = lengths if len(lengths) and bool((lengths != lengths[0]).any()) else None  # [R]
        self.rows = len(examples.y)  # N, so that dynamics can be kept by row

    def __len__(self) -> int:
        """Batches in an epoch."""
        return -(-len(self.index) // self.batch_size)

    def epoch(self, number: int, skip: int = 0, scale: float = 1.0) -> Iterator[Batch]:
        """The batches of epoch `number`, without the first `skip`; scale: how large x is to be, where it can shrink.

        Raises:
            OutOfMemoryError: there is no room for a batch and what augmenting it takes.
        """
        for position, part in enumerate(self._batches(self._generator(number, 0))[skip:], start=skip + 1):
            yield self._served(self.processes.part(part), number, position + self.processes.rank * len(self), scale)

    def _batches(self, draw: torch.Generator) -> Sequence[Tensor]:
        """The rows of each batch of an epoch."""
        order = self._order(draw)
        if self.lengths is None:
            return self.index[order].tensor_split(len(self))
        windows = torch.split(order, ALIKE * self.batch_size)
        sort = [window[self.lengths[window].argsort(stable=True)] for window in windows]
        batches = self.index[torch.cat(sort)].tensor_split(len(self))
        return [batches[number] for number in torch.randperm(len(batches), generator=draw)]

    def _order(self, draw: torch.Generator) -> Tensor:
        count = len(self.index)
        if self.block is None:
            return torch.randperm(count, generator=draw)
        start = int(torch.randint(count, (), generator=draw))  # else the same rows shared a block in every epoch
        blocks = torch.split(torch.arange(count).roll(start), self.block)
        mixed = torch.cat([blocks[number] for number in torch.randperm(len(blocks), generator=draw)])
        windows = torch.split(mixed, WINDOW * self.block)
        return torch.cat([window[torch.randperm(len(window), generator=draw)] for window in windows])

    def _served(self, index: Tensor, number: int, position: int, scale: float) -> Batch:
        return at_once(
            partial(self._augmented, index, number, position, scale),
            f"a batch of {len(index):,} examples was put on {self.device} and augmented",
            f"make batch_size smaller than {self.batch_size:,}",
        )

    def _augmented(self, index: Tensor, number: int, position: int, scale: float) -> Batch:
        batch = self.examples.batch(index).to(self.device)
        if self.augment is not None:
            batch = batch._replace(x=self.augment(batch.x, self._generator(number, position, self.device)))
        if self.shrink is not None and scale < 1:
            batch = batch._replace(x=self.shrink(batch.x, scale))
        return batch

    def _generator(self, number: int, position: int, device: torch.device | str = "cpu") -> torch.Generator:
        return torch.Generator(device).manual_seed(mixed_seed(self.seed, number, position))


def in_order(examples: Examples, index: Tensor, batch_size: int) -> Iterator[Batch]:
    """Batches of the rows `index` [R] as they come, for evaluation: no shuffling, no augmentation, not moved."""
    for part in torch.split(index, batch_size):
        yield examples.batch(part)


def for_evaluation(examples: Examples, index: Tensor, device: torch.device) -> Iterator[Batch]:
    """`in_order`, of as many rows as the device evaluates at once."""
    return in_order(examples, index, evaluation_batch(device, examples.x.shape[1:]))


def block_rows(shape: Sequence[int]) -> int:
    """Rows of a block, for encoded examples of `shape`, a byte a number."""
    return max(1, BLOCK_BYTES // math.prod(shape))


@contextmanager
def seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Draw by `seed` from torch's own generators, of the CPU and of `device`; afterwards they go on as the caller's.

    Nothing waits for a GPU: what its generator knows lies in the memory of the machine.
    """
    generators = [torch.default_generator]
    if device.type == "cuda":
        current = torch.cuda.current_device()  # which also makes the generators
        generators.append(torch.cuda.default_generators[current if device.index is None else device.index])
    states = [generator.get_state() for generator in generators]
    for generator in generators:
        generator.manual_seed(seed)
    try:
        yield
    finally:
        for generator, state in zip(generators, states, strict=True):
            generator.set_state(state)


def mixed_seed(*parts: int) -> int:
    """One 63-bit seed from several numbers (splitmix64 on each); two lists share one by chance alone, in 1 of 2**63."""
    state = 0
    for part in parts:
        state = (state ^ part) + 0x9E3779B97F4A7C15 & 0xFFFFFFFFFFFFFFFF
        state = (state ^ state >> 30) * 0xBF58476D1CE4E5B9 & 0xFFFFFFFFFFFFFFFF
        state = (state ^ state >> 27) * 0x94D049BB133111EB & 0xFFFFFFFFFFFFFFFF
        state ^= state >> 31
    return state >> 1
