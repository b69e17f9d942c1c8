"""What one of several processes does in the tests of `test_processes.py`: `python ranks.py WHAT FOLDER`."""

import copy
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import trained
from problems import Small, blobs
from problems import recipe as small_recipe
from torch import nn

from unfazed import checkpoint
from unfazed.batch import Batch, Examples
from unfazed.criterion import Scored, cross_entropy
from unfazed.errors import UnfazedError
from unfazed.loader import Loader
from unfazed.loop import Epoch, State, Step, training
from unfazed.processes import ALONE, Processes, joined
from unfazed.recipe import Recipe
from unfazed.run import Run
from unfazed.sharding import local
from unfazed.verb import record, running
from unfazed.verb.time_limit import TimeLimit
from unfazed.verb.train import separated, training_events

ROWS = 151  # does not divide by two, nor do the batches
SGD: dict[str, Any] = {"optimizer": "sgd", "momentum": 0.0, "clip": 0.0, "ema": 0.0, "steps": 6}


def unequal() -> Examples:
    """Points of unequal weight."""
    examples = blobs(ROWS)
    return examples._replace(weight=torch.rand(ROWS, generator=torch.Generator().manual_seed(1)) + 0.1)


def recipe(**settings: object) -> Recipe:
    return small_recipe(**{**SGD, **settings})


def loader(processes: Processes) -> Loader:
    return Loader(unequal(), torch.arange(ROWS), 30, processes=processes)


def told(processes: Processes, chosen: Recipe, model: nn.Module, criterion: Any = None) -> Iterator[Step | Epoch]:
    return training(model, loader(processes), criterion or cross_entropy(0.1), chosen, processes=processes)


def gradients(processes: Processes = ALONE) -> dict[str, Any]:
    """Gradients of the first step, and the whole dynamics of the first pass."""
    model = Small(dropout=0, norm=False)
    if not processes.first:
        nn.init.ones_(model.body[0].weight)  # the first process's weights count
    found: dict[str, Any] = {}
    for event in told(processes, recipe(), model):
        if isinstance(event, Step) and event.number == 1:
            found["gradients"] = [weight.grad.clone() for weight in model.parameters() if weight.grad is not None]
            found["loss"] = event.loss.clone()
        if isinstance(event, Step) and event.number == 2:
            found["state"] = {name: array.clone() for name, array in event.state()["dynamics"].items()}
        if isinstance(event, Epoch) and event.number == 1:
            found |= {"losses": event.losses, "margins": event.margins, "probs": event.probs}
    return {**found, "weights": list(model.state_dict().values())}


def short(processes: Processes, rank: int, step: int, most: int = 4, norm: bool = True) -> dict[str, Any]:
    """Memory runs out on one rank from one step on."""
    now = [1]

    def criterion(model: nn.Module, part: Batch) -> Scored:
        scored = cross_entropy(0.1)(model, part)
        if processes.rank == rank and now[0] >= step and len(part.y) > most:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return scored

    model, sizes = Small(norm=norm), []
    for event in told(processes, recipe(), model, criterion):
        if isinstance(event, Step):
            now[0] = event.number + 1
            sizes.append(event.micro_batch_size)
    return {"weights": list(model.state_dict().values()), "sizes": sizes}


def beforehand(processes: Processes, step: int, size: int) -> dict[str, Any]:
    """The same run, told to split at that step."""
    model, state = Small(), None
    if step > 1:
        for event in told(processes, recipe(), model):
            if isinstance(event, Step) and event.number == step - 1:
                state = {**event.state(), "micro_batch_size": size}
                break
    chosen = recipe() if state else recipe(micro_batch_size=size)
    criterion = cross_entropy(0.1)
    list(training(model, loader(processes), criterion, chosen, state=state, processes=processes))
    return {"weights": list(model.state_dict().values())}


def interrupted(processes: Processes) -> dict[str, Any]:
    """Ctrl-C in the fifth step, on a disk that takes its time; what this rank finds on it when it leaves."""

    def pressing(*arguments: Any, **settings: Any) -> Iterator[Step | Epoch]:
        for event in training(*arguments, **settings):
            if isinstance(event, Step) and event.number == 5:
                os.kill(os.getpid(), signal.SIGINT)  # to every rank, as a terminal does
            yield event

    def slow(run: Run, state: dict[str, Any]) -> None:
        time.sleep(1)
        checkpoint.save(run, state)

    running.training, record.save = pressing, slow
    out = Path(sys.argv[2]) / "interrupted"
    try:
        list(training_events(trained.source(), *separated(trained.SETTINGS, None), out))
    except KeyboardInterrupt:
        kept = checkpoint.load(Run(out))
        return {"step": kept["loop"]["step"] if kept else None}
    finally:
        running.training, record.save = training, checkpoint.save
    return {}


def starved(processes: Processes) -> dict[str, Any]:
    """Not even one example fits on the second rank."""
    try:
        return short(processes, rank=1, step=3, most=0, norm=False)
    except UnfazedError as error:
        return {"error": type(error).__name__}


def starved_sharded(processes: Processes) -> dict[str, Any]:
    """Memory runs out on the second rank, which has the others wait for its part of the weights."""
    return starved(processes._replace(sharded=True))


def dying(processes: Processes) -> dict[str, Any]:
    """The second rank is killed in the third step."""
    try:
        for event in told(processes, recipe(steps=60), Small()):
            if isinstance(event, Step) and event.number == 3 and processes.rank == 1:
                os.kill(os.getpid(), signal.SIGKILL)
    except UnfazedError as error:
        return {"error": type(error).__name__}
    return {}


def sharded(processes: Processes = ALONE, state: State | None = None, optimizer: str = "adamw") -> dict[str, Any]:
    """A run in which everything is asked for that touches every weight, from a state on; weights in parts or not."""
    processes = processes._replace(sharded=processes.count > 1)
    found: dict[str, Any] = {"held": []}

    def criterion(model: nn.Module, part: Batch) -> Scored:
        found["held"].append(sum(local(weight).numel() for weight in model.parameters()))
        return cross_entropy(0.1)(model, part)

    chosen = recipe(optimizer=optimizer, momentum=0.9, clip=0.5, l1=0.001, ema=0.3)
    model = Small(dropout=0, norm=False)
    if not processes.first:
        nn.init.ones_(model.body[0].weight)  # the first process's weights count
    for event in training(model, loader(processes), criterion, chosen, state=state, processes=processes):
        if isinstance(event, Step) and event.number == 4:
            found["state"] = copy.deepcopy(event.state())
        if isinstance(event, Epoch):
            found["averages"] = [value.clone() for value in event.model.state_dict().values()]
        last = event.state()
    return {**found, "weights": list(copy.deepcopy(last["model"]).values())}


def resharded(processes: Processes) -> dict[str, Any]:
    """The same from its middle on, as it was with weights in parts and as it was with one process."""
    states = {"same": sharded(processes)["state"], "other": sharded()["state"]}
    return {name: sharded(processes, state)["weights"] for name, state in states.items()}


def limited(processes: Processes, skewed: int) -> dict[str, Any]:
    """Steps of a run with a time limit, in the tenth of which the clock of one rank jumps five hours ahead."""
    steps: list[int] = []
    clocks = {name: getattr(time, name) for name in ("perf_counter", "monotonic")}

    def skewing(*arguments: Any, **settings: Any) -> Iterator[Step | Epoch]:
        for event in training(*arguments, **settings):
            if isinstance(event, Step):
                steps.append(event.number)
                if event.number == 10 and processes.rank == skewed:
                    for name, clock in clocks.items():
                        setattr(time, name, lambda clock=clock: clock() + 5 * 3600)
            yield event

    running.training = skewing
    settings = separated({**trained.SETTINGS, "epochs": 2}, None)
    out = Path(sys.argv[2]) / f"run-{skewed}"
    list(training_events(trained.source(), *settings, out, limit=TimeLimit(3600)))
    running.training = training
    for name, clock in clocks.items():
        setattr(time, name, clock)
    run = Run.open(out)
    return {"steps": steps, "recorded": run.epochs[-1]["step"], "tested": run.report["test"]["accuracy"]["n"]}


def locally(processes: Processes) -> dict[str, Any]:
    """Weights, and their averages, after every step of training alone for some steps."""
    found: dict[str, Any] = {"kept": [], "averages": []}
    model = Small(dropout=0)
    for event in told(processes, recipe(local_steps=3, ema=0.5), model):
        if isinstance(event, Step):
            state = copy.deepcopy(event.state())
            found["kept"].append(list(state["model"].values()))
            found["averages"].append(list(state["average"].values()))
    return found


def gathered(processes: Processes) -> dict[str, Any]:
    """What the processes tell each other besides gradients."""
    rows = torch.arange(7).float().reshape(7, 1).repeat(1, 2)
    mine = processes.part(rows).numpy()
    return {
        "all_gather": torch.from_numpy(processes.all_gather(mine, 7)),
        "broadcast": processes.broadcast(40 + processes.rank),
        "text": processes.broadcast_text("ä first" if processes.first else "other, and longer"),
        "any": [processes.any(processes.rank == rank) for rank in (0, 1, 2)],
    }


WHAT: dict[str, Callable[[Processes], dict[str, Any]]] = {
    "gradients": gradients,
    "locally": locally,
    "sharded-adamw": sharded,
    "sharded-sgd": lambda processes: sharded(processes, optimizer="sgd"),
    "resharded": resharded,
    "starved": starved,
    "starved_sharded": starved_sharded,
    "dying": dying,
    "gathered": gathered,
    "interrupted": interrupted,
    **{f"skewed-{rank}": lambda p, r=rank: limited(p, r) for rank in (0, 1)},
    **{f"short-{rank}-{step}": lambda p, r=rank, s=step: short(p, r, s) for rank in (0, 1) for step in (1, 2, 4, 6)},
    **{f"beforehand-{step}": lambda p, s=step: beforehand(p, s, 4) for step in (1, 2, 4, 6)},
}

if __name__ == "__main__":
    torch.set_num_threads(1)
    here = joined()
    for what in sys.argv[1].split(","):
        torch.save(WHAT[what](here), Path(sys.argv[2]) / f"{what}-{here.rank}.pt")
