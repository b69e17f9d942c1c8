"""Processes that are killed, for `test_kills.py` and for `make torture`: `python killing.py FOLDER CHAINS`, in JSON.

Each run is made in a forked child: a kill is a real SIGKILL, which runs no `finally`, and costs no new import of torch.
The process that forks computes nothing, since threads of torch and polars do not survive a fork.
"""

import json
import os
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from functools import cache
from importlib import import_module
from pathlib import Path
from tempfile import mkdtemp
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


for late in ("torch._dynamo", "safetensors.torch", "sklearn.linear_model", "tomli_w"):
    import_module(late)  # here once, not late in every child


@cache
def source() -> Path:
    """A few images: kills are many. The process that forks asks for them first."""
    return trained.digits(Path(mkdtemp(prefix="unfazed-test-")) / "digits", count=120)


def started(work: Callable[[], None]) -> int:
    """The process id of a child that does some work."""
    child = os.fork()
    if child:
        return child
    try:
        work()
        os._exit(0)
    except BaseException:
        traceback.print_exc()
        os._exit(1)


def ended(child: int) -> int:
    """How the child ended: 0, the signal as a negative number, or 1 where it raised; waits for it."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def forked(work: Callable[[], None]) -> int:
    """Do some work in a child; how it ended."""
    return ended(started(work))


def made(out: Path, save_every: float = 0.0) -> None:
    """Make the run, or go on with it where it was begun."""
    running.SAVE_EVERY = save_every
    silently(resumed_events(out) if begun(out) else training_events(source(), *settings(), out))


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


def counted(out: Path, counts: Path) -> None:
    """Make the run, and write down how often each name was written."""
    times: dict[str, int] = {}
    replace = Path.replace

    def counting(path: Path, target: Path) -> Path:
        name = Path(target).name
        times[name] = times.get(name, 0) + 1
        return replace(path, target)

    Path.replace = counting  # type: ignore[method-assign]
    made(out)
    counts.write_text(json.dumps(times))


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


def main(folder: Path, chains: list[dict[str, int]]) -> dict[str, Any]:
    """How often a run writes each name, and what became of one that was killed in every write of a chain in turn."""
    torch.set_num_threads(1)
    source()
    whole, counts = folder / "whole", folder / "counts.json"
    assert forked(lambda: counted(whole, counts)) == 0
    found: dict[str, Any] = {"writes": json.loads(counts.read_text()), "chains": []}
    for number, chain in enumerate(chains):
        out = folder / f"killed {number}"
        killed = {name: killed_in_write(out, name, occurrence) for name, occurrence in chain.items()}
        was_begun = begun(out)
        resumed = forked(lambda out=out: made(out)) if was_begun else None  # type: ignore[misc]
        differs = list(differences(Run.open(whole), Run.open(out))) if was_begun and resumed == 0 else []
        found["chains"].append({"ended": killed, "resumed": resumed, "differs": differs})
    return found


if __name__ == "__main__":
    print(json.dumps(main(Path(sys.argv[1]), json.loads(sys.argv[2]))))
