"""Processes that are killed, for tests and for `make torture`.

Each run is made in a forked child: a kill is a real SIGKILL, which runs no `finally`, and costs no new import of torch.
"""

import os
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
import trained

from unfazed.report.terminal import silently
from unfazed.run import Run
from unfazed.verb import running
from unfazed.verb.train import resumed_events, separated, training_events

SETTINGS: dict[str, Any] = {
    **trained.SETTINGS,
    "epochs": 6,
    "dropout": 0.2,
    "flip": "horizontal",
    "class_weights": "balanced",
}
TIMED = {"seconds", "examples_per_second"}


def forked(work: Callable[[], None], kill_after: float | None = None) -> int:
    """Do some work in a child; 0, the signal that ended it as a negative number, or 1 where it raised."""
    child = os.fork()
    if child == 0:
        try:
            work()
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    if kill_after is not None:
        time.sleep(kill_after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def made(out: Path, save_every: float = 0.0) -> None:
    """Make the run, or go on with it where it was begun."""
    running.SAVE_EVERY = save_every
    silently(resumed_events(out) if begun(out) else training_events(trained.source(), *settings(), out))


def begun(out: Path) -> bool:
    """Whether there is something to go on with: the origin is the last file that is written before the first step."""
    return (out / "origin.json").exists()


def settings() -> tuple[Any, Any]:
    return separated(SETTINGS, None)


def killed_in_write(out: Path, name: str, occurrence: int) -> int:
    """Make the run and be killed between the new file and its name, at the `occurrence`th write of `name`."""

    def work() -> None:
        left, replace = [occurrence], Path.replace

        def dying(path: Path, target: Path) -> Path:
            left[0] -= Path(target).name == name
            if left[0] == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return replace(path, target)

        Path.replace = dying  # type: ignore[method-assign]
        made(out)

    return forked(work)


def writes(out: Path) -> dict[str, int]:
    """How often each name is written in a run."""
    counts: dict[str, int] = {}
    replace = Path.replace

    def counting(path: Path, target: Path) -> Path:
        name = Path(target).name
        counts[name] = counts.get(name, 0) + 1
        return replace(path, target)

    Path.replace = counting  # type: ignore[method-assign]
    try:
        made(out)
    finally:
        Path.replace = replace  # type: ignore[method-assign]
    return counts


def differences(one: Run, other: Run) -> Iterator[str]:
    """In what two runs differ, but for the time they took."""
    for name, array in one.dynamics().items():
        if not np.array_equal(array, other.dynamics()[name], equal_nan=array.dtype.kind == "f"):
            yield f"dynamics: {name}"
    weights = other.weights()
    yield from (f"weights: {name}" for name, weight in one.weights().items() if not torch.equal(weight, weights[name]))
    if not np.array_equal(one.scores()["probs"], other.scores()["probs"]):
        yield "scores"
    lines = [[{key: line[key] for key in line.keys() - TIMED} for line in run.epochs] for run in (one, other)]
    if lines[0] != lines[1]:
        yield "epochs"
    yield from (f"report: {part}" for part in ("test", "validation", "flip") if one.report[part] != other.report[part])
    names = [{path.name for path in run.path.iterdir()} for run in (one, other)]
    if names[0] != names[1]:
        yield f"files: {sorted(names[0] ^ names[1])}"
