"""Several processes that train one model: who they are, and the few things they tell each other.

Each has a copy of the model (or a part, see `sharding`) and a share of every batch. `accelerate` finds out who takes
part and on which device (`accelerate launch`, torchrun, or the command's own `--num-processes`); what is exchanged is
written out here, since the order matters: whether memory ran out comes before the gradients, so that nobody waits for a
share that will not come. With one process every method returns at once.
"""

import atexit
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import cache
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, distributed

from unfazed.errors import ProcessLostError, UsageError
from unfazed.memory import ran_out

PATIENCE = timedelta(hours=24)  # a process that waits knows by the connection when another has died, not by the clock

EXCHANGED = 1 << 24  # numbers that are summed at once, 64 MB of them; or a single tensor


class Processes(NamedTuple):
    """This process among all those of one training."""

    rank: int = 0
    count: int = 1  # type: ignore[assignment]  # hides tuple.count
    sharded: bool = False  # each keeps a part of the weights

    @property
    def first(self) -> bool:
        """Whether this is the one that writes and speaks."""
        return self.rank == 0

    def part(self, index: Tensor) -> Tensor:
        """This process's share of the rows `index` [R]: every row is in exactly one, sizes differ by one at most."""
        return index.tensor_split(self.count)[self.rank]

    def any(self, flag: bool) -> bool:
        """Whether any process says so.

        It is said through the memory of the machine: there a lost process is noticed, while GPUs go on waiting for it,
        and none has to finish its work before it can be asked.
        """
        if self.count == 1:
            return flag
        said = torch.tensor(int(flag))
        with _heard():
            distributed.all_reduce(said, group=_plain_group())
        return bool(said)

    def sum(self, tensor: Tensor) -> Tensor:
        """The sum over the processes, in place."""
        if self.count > 1:
            with _heard():
                distributed.all_reduce(tensor)
        return tensor

    def sum_all(self, tensors: Iterable[Tensor]) -> None:
        """The sum of each tensor over the processes, in place, many in one exchange."""
        for bucket in _buckets(tensors) if self.count > 1 else ():
            summed = self.sum(torch.cat([tensor.detach().flatten().float() for tensor in bucket]))
            parts = summed.split([tensor.numel() for tensor in bucket])  # type: ignore[no-untyped-call]
            with torch.no_grad():
                shaped = [part.view_as(tensor) for tensor, part in zip(bucket, parts, strict=True)]
                torch._foreach_copy_(bucket, shaped)

    def mean_all(self, tensors: Iterable[Tensor]) -> None:
        """The mean of each tensor over the processes, in place, many in one exchange."""
        tensors = list(tensors)
        if self.count > 1 and tensors:
            self.sum_all(tensors)
            with torch.no_grad():
                torch._foreach_div_(tensors, self.count)

    def broadcast(self, number: int) -> int:
        """The number that the first process says, whatever it is here."""
        if self.count == 1:
            return number
        said = torch.tensor(number)
        with _heard():
            distributed.broadcast(said, 0, group=_plain_group())
        return int(said)

    def wait_for_first(self) -> None:
        """Return once the first process has come here too; it does not wait for the others."""
        self.broadcast(0)

    def broadcast_text(self, text: str) -> str:
        """The text that the first process says."""
        if self.count == 1:
            return text
        data = torch.tensor(list(text.encode()), dtype=torch.uint8)
        length = self.broadcast(len(data))
        said = data if self.first else torch.zeros(length, dtype=torch.uint8)
        with _heard():
            distributed.broadcast(said, 0, group=_plain_group())
        return bytes(said.tolist()).decode()

    def all_gather(self, array: NDArray[Any], rows: int) -> NDArray[Any]:
        """The `rows` R of an array of which each process has its `part`, in the order of the ranks."""
        if self.count == 1:
            return array
        sizes = [len(part) for part in torch.arange(rows).tensor_split(self.count)]
        longest = torch.zeros(max(sizes), *array.shape[1:], dtype=torch.from_numpy(array).dtype)
        longest[: len(array)] = torch.from_numpy(array)
        parts = [torch.empty_like(longest) for _ in sizes]
        with _heard():
            distributed.all_gather(parts, longest, group=_plain_group())
        return np.concatenate([part[:size].numpy() for part, size in zip(parts, sizes, strict=True)])

    def broadcast_all(self, tensors: Iterable[Tensor]) -> None:
        """Take over the first process's values, in place."""
        if self.count > 1:
            for tensor in tensors:
                said = tensor.detach().contiguous()  # in the order of its axes, whatever its layout in memory
                with _heard():
                    distributed.broadcast(said, 0)
                tensor.detach().copy_(said)


def _buckets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """The tensors in order, as many together as are exchanged at once: their copy is to take little memory."""
    bucket, numbers = list[Tensor](), 0
    for tensor in tensors:
        if bucket and numbers + tensor.numel() > EXCHANGED:
            yield bucket
            bucket, numbers = [], 0
        bucket.append(tensor)
        numbers += tensor.numel()
    if bucket:
        yield bucket


ALONE = Processes()


def joined() -> Processes:
    """The processes that the environment names, connected: those of accelerate, torchrun or mpirun; else this one.

    Raises:
        UsageError: there are too few GPUs, or mpirun started the processes and it is unknown which GPU is whose.
    """
    if not any(int(os.environ.get(name) or 1) > 1 for name in ("WORLD_SIZE", "PMI_SIZE", "OMPI_COMM_WORLD_SIZE")):
        return ALONE
    here = int(os.environ.get("LOCAL_WORLD_SIZE") or 1)
    if torch.cuda.is_available() and "LOCAL_RANK" not in os.environ:
        raise UsageError("mpirun does not say which GPU is whose: start with accelerate launch or torchrun instead")
    if torch.cuda.is_available() and here > torch.cuda.device_count():
        raise UsageError(f"{here} processes want a GPU each, and this machine has {torch.cuda.device_count()}")
    from accelerate import PartialState

    state = PartialState(cpu=not torch.cuda.is_available(), timeout=PATIENCE)
    atexit.register(_parted)
    if state.num_processes > 1:
        _plain_group()  # all are connected now: who waits for one that fails learns it by the connection, in silence
    sharded = os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"  # as `accelerate launch --use_fsdp` says
    return Processes(state.process_index, state.num_processes, sharded)


def _parted() -> None:
    if distributed.is_initialized():
        _plain_group.cache_clear()  # held no longer: its threads are to end now, not while the interpreter does
        distributed.destroy_process_group()


@cache
def _plain_group() -> distributed.ProcessGroup:
    """All processes, exchanging what lies in the memory of the machine rather than of a GPU."""
    group: distributed.ProcessGroup = distributed.new_group(backend="gloo", timeout=PATIENCE)
    return group


@contextmanager
def _heard() -> Iterator[None]:
    """A broken connection as what it means."""
    try:
        yield
    except (RuntimeError, ValueError) as error:  # gloo raises plain ones, torch's DistBackendError is a RuntimeError
        if ran_out(error) or str(error).startswith("CUDA error"):
            raise
        raise ProcessLostError("another process of this training has ended") from error
