"""Texts and tables beside fastai's networks: `python -m benchmarks.kinds_rivals DATA PYTHON`.

DATA is as benchmarks/README.md describes it; PYTHON the interpreter of an environment made with
benchmarks/rivals/requirements.txt. Both systems train from scratch on the same rows, choose by the same validation rows
and are tested on the same test rows; fastai for the epochs of its tutorials and for more. Times are of whole commands,
from the files to a tested model; ours with its baselines, report and audit. Each command is one cell, kept under
benchmarks/cells and not run again; the table is written to benchmarks/kinds_rivals.md after each.
"""

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import polars as pl

from benchmarks.kinds import SETS
from benchmarks.tables import CELLS, publish
from unfazed.run import Run

HERE = Path(__file__).parent
SCRIPT = HERE / "rivals" / "kinds_with_fastai.py"
ASKED = {"TREC, 6 kinds": (5,), "adult, income": (5, 20)}  # epochs of fastai's; on texts one takes more than a minute


def main(data: Path, python: str) -> None:
    """Run the cells that are missing."""
    for one in (one for one in SETS if one.name in ASKED):
        with tempfile.TemporaryDirectory() as scratch:
            folder, run = Path(scratch) / "data", Path(scratch) / "run"
            folder.mkdir()
            source = one.source(data.absolute(), folder)
            command = [sys.executable, "-m", "unfazed", "train", str(source), "--out", str(run), "--quiet", *one.flags]
            if not all(_cell(one.name, system).exists() for system in _systems(one.name)):
                _keep(one.name, "unfazed", command, run)
                rows = _rows(Run.open(run), Path(scratch) / "rows.csv")
                for epochs in ASKED[one.name]:
                    _keep(one.name, f"fastai, {epochs} epochs", [python, str(SCRIPT), rows, "--epochs", str(epochs)])


def _systems(name: str) -> list[str]:
    return ["unfazed", *(f"fastai, {epochs} epochs" for epochs in ASKED[name])]


def _cell(name: str, system: str) -> Path:
    return CELLS / f"beside-fastai-{name} {system}.json".replace(",", "").replace(" ", "-")


def _keep(name: str, system: str, command: list[str], run: Path | None = None) -> None:
    """Run a command and keep its seconds and accuracy, which `run` tells or, without, the last word printed."""
    started = time.perf_counter()
    said = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    cell: dict[str, Any] = {"seconds": time.perf_counter() - started}
    if run is None:
        cell["accuracy"] = float(said.split()[-1])
    else:
        told = Run.open(run).report
        cell |= {"accuracy": told["test"]["accuracy"]["value"], "n": told["test"]["accuracy"]["n"],
                 "device": told["origin"]["device"]}  # fmt: skip
    _cell(name, system).write_text(json.dumps(cell, indent=1))
    print(f"{name}, {system}: {cell['accuracy']:.1%} in {cell['seconds']:.0f} s", flush=True)
    publish("kinds_rivals.md", table(), (_cell(name, system) for name in ASKED for system in _systems(name)))


def _rows(run: Run, path: Path) -> str:
    """The rows of a run as a table: its inputs in columns, or as texts."""
    frame = run.table().frame.filter(pl.col("split").is_not_null() & pl.col("label").is_not_null())
    if run.model["modality"] == "text":
        inputs = frame.select(pl.col("input").alias("text"))
    else:
        inputs = pl.DataFrame([json.loads(row) for row in frame["input"]], infer_schema_length=None)
    inputs.with_columns(frame["label"], frame["split"]).write_csv(path)
    return str(path)


def table() -> str:
    """The cells that there are, as Markdown."""
    lines = [
        "# Texts and tables beside fastai",
        "",
        "Whole commands, from files to a tested model, both from scratch, on the same rows and 2 CPU cores, one run,",
        "ours with baselines, audit and report. fastai (the version of rivals/requirements.txt): AWD-LSTM for texts,",
        "tabular learner for rows, one cycle.",
        "",
        "| data | system | test accuracy | n | whole command | of ours |",
        "|---|---|---|---|---|---|",
    ]
    for name in ASKED:
        cells = {system: json.loads(_cell(name, system).read_text()) for system in _systems(name)
                 if _cell(name, system).exists()}  # fmt: skip
        ours = cells.get("unfazed", {})
        for system, cell in cells.items():
            times = f"{cell['seconds'] / ours['seconds']:.1f} times"
            figures = f"{100 * cell['accuracy']:.1f} % | {ours['n']:,} | {cell['seconds']:.0f} s"
            lines.append(f"| {name} | {system} | {figures} | {times} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
