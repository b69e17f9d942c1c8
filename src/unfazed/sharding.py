"""Weights that are shared out: each of several processes keeps a part of every weight, and of what belongs to it.

Gradients, averaged weights and the optimizer's moments are in parts too. torch's `fully_shard` (FSDP2) puts a layer's
weights together just before they are used, and adds up and shares out the gradients inside `backward`: so processes
exchange in the middle of a batch, and none may run a part of it again by itself.

torch's half of this is imported where it is needed: it takes half a second, which most runs need not spend.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, cast

import torch
from torch import Tensor, distributed, nn

from unfazed.errors import OutOfMemoryError, ProcessLostError, UsageError
from unfazed.memory import brief, ran_out
from unfazed.processes import Processes
from unfazed.recipe import Recipe


def check(recipe: Recipe, processes: Processes) -> None:
    """Whether the recipe can be followed with weights in parts.

    Raises:
        UsageError: it cannot; the message says what to leave out.
    """
    if not processes.sharded:
        return
    if recipe.local_steps != 1:
        raise UsageError(
            f"local_steps = {recipe.local_steps} does not go with sharded weights (FSDP), of which no process has "
            "enough to train alone: leave it out, or launch without FSDP"
        )
    if recipe.micro_batch_size * processes.count < recipe.batch_size:
        raise UsageError(
            f"micro_batch_size = {recipe.micro_batch_size} does not go with sharded weights (FSDP), with which each of "
            f"the {processes.count} processes takes its part of the batch at once: make batch_size smaller instead, or "
            "launch without FSDP"
        )


def shard(model: nn.Module, processes: Processes) -> nn.Module:
    """Leave each process its part of the weights of `model`, in place; one child's are put together at a time."""
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    model.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # torch cuts up nothing else
    device = next(model.parameters()).device
    mesh = init_device_mesh(device.type, (processes.count,))
    for child in model.children():
        if any(True for _ in child.parameters()):
            fully_shard(child, mesh=mesh)
    fully_shard(model, mesh=mesh)
    return model


def in_parts(value: Any) -> bool:
    """Whether it is a tensor of which each process has a part: torch's DTensor."""
    return isinstance(value, Tensor) and hasattr(value, "full_tensor")


def local(tensor: Tensor) -> Tensor:
    """What this process has of a tensor, sharing its memory; all of it where it is in one piece."""
    return cast(Any, tensor).to_local() if in_parts(tensor) else tensor


def whole(value: Any) -> Any:
    """Nested dictionaries and lists with every tensor in parts put together, on the CPU; a joint call."""
    match value:
        case Mapping():
            return {key: whole(inner) for key, inner in value.items()}
        case list():
            return [whole(inner) for inner in value]
        case _:
            return value.full_tensor().cpu() if in_parts(value) else value


def part_of(value: Any, like: Tensor) -> Any:
    """This process's part of the first one's tensor, cut as `like` is, a joint call; `value` where nothing is cut."""
    if not in_parts(like) or not isinstance(value, Tensor) or value.shape != like.shape:
        return value
    from torch.distributed.tensor import distribute_tensor

    cut = cast(Any, like)
    return distribute_tensor(value.to(like.device), cut.device_mesh, cut.placements)


@contextmanager
def undivided() -> Iterator[None]:
    """A batch that is run once and whole: memory that runs out ends training, here and so in every process.

    Raises:
        OutOfMemoryError: the part of a batch that is this process's does not fit.
        ProcessLostError: another process has ended.
    """
    try:
        yield
    except Exception as error:
        if ran_out(error):
            raise OutOfMemoryError(
                "memory ran out, and with sharded weights (FSDP) a batch is not run again in halves: go on with more "
                f"processes, or train again with a smaller batch_size. The system said: {brief(error)}"
            ) from error
        if isinstance(error, distributed.DistError) or "gloo" in str(error).lower():
            raise ProcessLostError(f"another process of this training has ended ({brief(error)})") from error
        raise
