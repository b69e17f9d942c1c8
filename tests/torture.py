"""Kills without number: `python tests/torture.py [KILLS]`, or `make torture`.

Runs are begun, killed by SIGKILL, gone on with, killed again, until they are complete; each is then compared with one
that nobody killed: dynamics, weights, scores and figures have to be the same, bit for bit. A kill is aimed: the parent
waits until the run folder shows that its place is reached, and then a random while. Where it landed is told by what the
process had written by then.

What is done is kept in benchmarks/cells/torture.jsonl, so that the command goes on where it stopped; the table is
written to benchmarks/torture.md.
"""

import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import suppress
from enum import IntEnum
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import killing
import torch

from unfazed.checkpoint import FOLDER, LOCK, POINTER
from unfazed.errors import RunError
from unfazed.run import Run

HOME = Path(__file__).parent.parent / "benchmarks"
CELLS = HOME / "cells" / "torture.jsonl"
KILLS_A_RUN = 8
SAVING = (0.0, 0.0, 0.02, 0.1)  # seconds between two states
LOOKING = 0.001  # seconds between two looks at the run folder


class Stage(IntEnum):
    """What a process does, in the order of a run."""

    SETTING_UP = 0
    GOING_ON = 1
    TRAINING = 2
    MEASURING = 3
    REPORTING = 4


class Place(NamedTuple):
    """How far a process has come: of two, the later is the larger."""

    stage: Stage
    epochs: int = 0  # recorded so far
    validating: bool = False

    def __str__(self) -> str:
        if self.stage == Stage.TRAINING:
            return "validation" if self.validating else "later epochs" if self.epochs else "the first epoch"
        return NAMES[self.stage]


NAMES = {
    Stage.SETTING_UP: "before the first step",
    Stage.GOING_ON: "going on, before anything was written",
    Stage.MEASURING: "final measuring",
    Stage.REPORTING: "reporting",
}
KEEPING = "while a state was kept or dropped"


class Whole(NamedTuple):
    """The run that nobody killed."""

    run: Run
    epochs: int
    steps: int  # of an epoch
    seconds: dict[str, float]  # that a process stays at a place


def main(wanted: int) -> None:
    """Kill until `wanted` kills are recorded."""
    torch.set_num_threads(1)
    CELLS.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        killing.source()
        whole = unharmed(Path(folder))
        while (done := sum(len(cell["kills"]) for cell in cells())) < wanted:
            cell = tortured(Path(folder) / "run", whole, random.Random(len(cells())))
            with CELLS.open("a") as file:
                file.write(json.dumps(cell) + "\n")
            (HOME / "torture.md").write_text(table())
            differs = ", ".join(cell["differs"]) or "nothing"
            print(f"{done + len(cell['kills']):,} of {wanted:,} kills; this run differs in: {differs}", flush=True)
    sys.exit(any(cell["differs"] for cell in cells()))


def unharmed(folder: Path) -> Whole:
    """The run, made twice: once to know it, once more to see how long a process stays where."""
    out, again = folder / "whole", folder / "again"
    assert killing.forked(partial(killing.made, out)) == 0
    run = Run.open(out)
    whole = Whole(run, len(run.epochs), run.epochs[0]["step"], {})
    stays: defaultdict[Place, float] = defaultdict(float)
    child, last = killing.started(partial(killing.made, again)), time.perf_counter()
    while not has_ended(child):
        time.sleep(LOOKING)
        last, before = time.perf_counter(), last
        stays[place(again, {}, whole)] += last - before
    assert killing.ended(child) == 0
    whole.seconds.update({str(at): seconds for at, seconds in sorted(stays.items())})
    whole.seconds[NAMES[Stage.GOING_ON]] = whole.seconds[NAMES[Stage.SETTING_UP]] / 2  # nothing has to be decoded
    return whole


def tortured(out: Path, whole: Whole, draw: random.Random) -> dict[str, Any]:
    """One run, killed up to eight times: where the kills landed, in what the run differs, what it took."""
    shutil.rmtree(out, ignore_errors=True)
    kills: list[list[str]] = []
    saving, began = draw.choice(SAVING), time.perf_counter()
    for aim in aims(whole, draw):
        before = written_at(out)
        child = killing.started(partial(gone_on_with, out, saving))
        wait_for(child, partial(reached, aim, out, before, whole))
        time.sleep(draw.uniform(0, whole.seconds.get(str(aim), 0.0)))
        if not killed(child):
            break
        kills.append([str(place(out, before, whole)), *[KEEPING] * keeping(out, before)])
        if not killing.begun(out):
            shutil.rmtree(out, ignore_errors=True)  # as a person would, who is told that nothing was begun
    assert killing.forked(partial(gone_on_with, out, saving)) == 0
    differs = list(killing.differences(whole.run, Run.open(out)))
    return {"kills": kills, "differs": differs, "seconds": round(time.perf_counter() - began, 2)}


def aims(whole: Whole, draw: random.Random) -> list[Place]:
    """Where to kill a run: every kind of place as often as any other, in the order in which a run comes to them."""
    anywhere = [
        *map(Place, NAMES),
        Place(Stage.TRAINING),
        Place(Stage.TRAINING, draw.randrange(1, whole.epochs)),
        Place(Stage.TRAINING, draw.randrange(whole.epochs), validating=True),
    ]
    drawn = draw.choices(anywhere, k=KILLS_A_RUN)
    return sorted(drawn, key=lambda aim: draw.choice(anywhere) if aim.stage == Stage.GOING_ON else aim)


def gone_on_with(out: Path, saving: float) -> None:
    """The run made, or made to its end; one that is complete says so, and drops what is left of its state."""
    try:
        killing.made(out, saving)
    except RunError as error:
        assert "is finished" in str(error), error


def wait_for(child: int, arrived: Callable[[], bool]) -> None:
    """Return once the child has arrived, or has ended."""
    while not has_ended(child) and not arrived():
        time.sleep(LOOKING)


def killed(child: int) -> bool:
    """Kill the child; whether it was still there to be killed."""
    os.kill(child, signal.SIGKILL)  # until it is waited for, its number is nobody else's
    how = killing.ended(child)
    assert how in (0, -signal.SIGKILL), how
    return how != 0


def has_ended(child: int) -> bool:
    return os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None


def reached(aim: Place, out: Path, before: dict[str, int], whole: Whole) -> bool:
    return place(out, before, whole) >= aim


def place(out: Path, before: dict[str, int], whole: Whole) -> Place:
    """How far a process has come that found the files as they were `before`."""
    written = {name for name, at in written_at(out).items() if before.get(name) != at}
    if not killing.begun(out):
        return Place(Stage.SETTING_UP)
    if not written:
        return Place(Stage.GOING_ON)
    if "exhibits.parquet" in written:
        return Place(Stage.REPORTING)
    recorded = text(out / "epochs.jsonl").count("\n")
    if recorded == whole.epochs:
        return Place(Stage.MEASURING)
    step = int(current(out).partition("-")[0] or 0)
    return Place(Stage.TRAINING, recorded, validating=step == (recorded + 1) * whole.steps)


def keeping(out: Path, before: dict[str, int]) -> bool:
    """Whether the process was writing a state or dropping it: there is a part of one that is not the newest."""
    begun = {Path(name).parts[1] for name in written_at(out).keys() - before.keys() if name.startswith(f"{FOLDER}/0")}
    return bool(begun - {current(out)})


def current(out: Path) -> str:
    """The name of the newest whole state."""
    return text(out / FOLDER / POINTER)


def text(path: Path) -> str:
    return path.read_text() if path.exists() else ""


def written_at(out: Path) -> dict[str, int]:
    """When each file in a folder was written, in nanoseconds."""
    times = {}
    for folder, _, names in os.walk(out):
        for path in (Path(folder) / name for name in names if name != LOCK):  # taken before anything is done
            with suppress(FileNotFoundError):  # gone since it was listed
                times[str(path.relative_to(out))] = path.stat().st_mtime_ns
    return times


def cells() -> list[dict[str, Any]]:
    return [json.loads(line) for line in text(CELLS).splitlines()]


def table() -> str:
    """Where the kills landed, and what became of the runs."""
    kills = [kill for cell in cells() for kill in cell["kills"]]
    where, kept = Counter(at for at, *_ in kills), Counter(at for at, *keeping in kills if keeping)
    differing = sum(bool(cell["differs"]) for cell in cells())
    seconds = sum(cell["seconds"] for cell in cells()) / len(kills)
    lines = [
        "# Killed runs",
        "",
        f"{len(kills):,} SIGKILLs of {len(cells()):,} runs, {seconds:.1f} s a kill. Each run was gone on with until",
        f"complete, then compared bit for bit with a run that nobody killed. Runs that differ: **{differing}**.",
        "",
        f"| killed | times | of these {KEEPING} |",
        "|---|---|---|",
        *(f"| {name} | {count:,} | {kept[name]:,} |" for name, count in where.most_common()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
