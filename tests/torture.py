"""Kills without number: `python tests/torture.py [KILLS]`, or `make torture`.

Runs are begun, killed by SIGKILL at a random moment, gone on with, killed again, until they are complete; each is then
compared with one that nobody killed: dynamics, weights, scores and figures have to be the same, bit for bit. What is
done is kept in benchmarks/cells/torture.jsonl, so that the command goes on where it stopped; the table is written to
benchmarks/torture.md.
"""

import json
import os
import random
import shutil
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

import killing
import torch

from unfazed.run import Run

HOME = Path(__file__).parent.parent / "benchmarks"
CELLS = HOME / "cells" / "torture.jsonl"
KILLS_A_RUN = 5
SAVING = (0.0, 0.05, 0.3)  # seconds between two states


def main(wanted: int) -> None:
    """Kill until `wanted` kills are recorded."""
    torch.set_num_threads(1)
    CELLS.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_CACHE_HOME"] = folder
        whole = Path(folder) / "whole"
        started = time.perf_counter()
        assert killing.forked(lambda: killing.made(whole)) == 0
        duration = time.perf_counter() - started
        while (done := sum(len(cell["kills"]) for cell in cells())) < wanted:
            cell = tortured(Path(folder) / "run", Run.open(whole), duration, random.Random(len(cells())))
            with CELLS.open("a") as file:
                file.write(json.dumps(cell) + "\n")
            (HOME / "torture.md").write_text(table())
            differs = ", ".join(cell["differs"]) or "nothing"
            print(f"{done + len(cell['kills']):,} of {wanted:,} kills; this run differs in: {differs}", flush=True)
    sys.exit(any(cell["differs"] for cell in cells()))


def tortured(out: Path, whole: Run, duration: float, draw: random.Random) -> dict[str, list[str]]:
    """One run, killed up to five times: where the kills landed, and in what the run differs."""
    shutil.rmtree(out, ignore_errors=True)
    kills: list[str] = []
    saving = draw.choice(SAVING)
    while len(kills) < KILLS_A_RUN:
        if killing.forked(lambda: killing.made(out, saving), kill_after=draw.uniform(0, duration)) == 0:
            break
        kills.append(place(out))
        if not killing.begun(out):
            shutil.rmtree(out, ignore_errors=True)  # as a person would, who is told that nothing was begun
    if not Run(out).finished or (out / "state").exists():
        assert killing.forked(lambda: killing.made(out, saving)) == 0
    return {"kills": kills, "differs": list(killing.differences(whole, Run.open(out)))}


def place(out: Path) -> str:
    """How far a run had come when it was killed."""
    if not killing.begun(out):
        return "before the first step"
    if (out / "report.json").exists():
        return "after the report"
    if (out / "scores.npz").exists():
        return "measuring and reporting"
    return "training" if (out / "epochs.jsonl").exists() else "the first epoch"


def cells() -> list[dict[str, list[str]]]:
    return [json.loads(line) for line in CELLS.read_text().splitlines()] if CELLS.exists() else []


def table() -> str:
    """Where the kills landed, and what became of the runs."""
    where = Counter(kill for cell in cells() for kill in cell["kills"])
    differing = sum(bool(cell["differs"]) for cell in cells())
    lines = [
        "# Killed runs",
        "",
        f"{sum(where.values()):,} SIGKILLs at random moments of {len(cells()):,} runs. Each run was gone on with until",
        f"complete, then compared bit for bit with a run that nobody killed. Runs that differ: **{differing}**.",
        "",
        "| killed | times |",
        "|---|---|",
        *(f"| {name} | {count:,} |" for name, count in where.most_common()),
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
