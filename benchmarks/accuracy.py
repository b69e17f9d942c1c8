"""Accuracy and whole-command time with defaults alone: `python -m benchmarks.accuracy DATA`.

DATA is a folder with images/{flowers5,eurosat,cifar10}.tar; digits needs none. Each (data set, seed) is one cell: a
process `unfazed train SOURCE`, timed from outside; `--busy` marks its time as that of a shared machine. Cells are kept
under benchmarks/cells and not run again; delete one to repeat it. The table is benchmarks/accuracy.md, written
once all cells are there.
"""

import json
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.tables import CELLS, publish

SEEDS = (0, 1, 2)
FLOORS = {"digits": 0.98, "flowers5": None, "eurosat": 0.90, "cifar10": 0.82}


def main(data: str, busy: bool = False) -> None:
    """Run the cells that are missing, then write the table; `busy`: the machine is shared, so times mean little."""
    with tempfile.TemporaryDirectory() as folder:
        for name in FLOORS:
            for seed in SEEDS:
                path = _cell(name, seed)
                if not path.exists():
                    cell = {**measured(source(name, Path(data), Path(folder)), seed), "busy": busy}
                    CELLS.mkdir(exist_ok=True)
                    path.write_text(json.dumps(cell, indent=1))
                    print(f"{name} seed {seed}: {cell['accuracy']['value']:.2%} in {cell['seconds']:.0f} s", flush=True)
                publish("accuracy.md", table(), (_cell(name, seed) for name in FLOORS for seed in SEEDS))


def _cell(name: str, seed: int) -> Path:
    return CELLS / f"accuracy-{name}-{seed}.json"


def source(name: str, data: Path, folder: Path) -> str:
    """What the command is given; archives are unpacked once."""
    if name == "digits":
        return "sample:digits"
    if not (folder / name).exists():
        with tarfile.open(data / "images" / f"{name}.tar") as archive:
            archive.extractall(folder, filter="data")
    return str(folder / name)


def measured(source: str, seed: int) -> dict[str, Any]:
    """One whole command: its seconds, and what its report says."""
    with tempfile.TemporaryDirectory() as folder:
        run = Path(folder) / "run"
        started = time.perf_counter()
        command = [sys.executable, "-m", "unfazed", "train", source, "--out", str(run), "--seed", str(seed), "--quiet"]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        seconds = time.perf_counter() - started
        report = json.loads((run / "report.json").read_text())
    return {
        "seconds": seconds,
        "accuracy": report["test"]["accuracy"],
        "linear": report["baselines"]["linear"]["test"]["accuracy"],
        "train_rows": report["counts"]["train"],
        "epochs": len(report["epochs"]),
        "epoch_seconds": statistics.median(epoch["seconds"] for epoch in report["epochs"]),
        "parameters": report["model"]["parameters"],
        "device": report["origin"]["device"],
        "version": report["origin"]["unfazed"],
    }


def table() -> str:
    """The cells that there are, as Markdown: mean and spread over seeds."""
    lines = [
        "# Accuracy with defaults",
        "",
        "`unfazed train SOURCE`, nothing else said. Mean over seeds, lowest and highest beside it. Times are medians",
        "of the runs that had the machine to themselves (how many, in brackets; of all where there are none).",
        "",
        "| data | training rows | test n | seeds | test accuracy | linear model | floor | whole command | an epoch | "
        "epochs | parameters |",
        "|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    devices = set()
    for name, floor in FLOORS.items():
        cells = [json.loads(path.read_text()) for path in sorted(CELLS.glob(f"accuracy-{name}-*.json"))]
        if cells:
            devices |= {cell["device"] for cell in cells}
            lines.append(_row(name, floor, cells))
    return "\n".join([*lines, "", f"Measured on: {', '.join(sorted(devices))}."]) + "\n"


def _row(name: str, floor: float | None, cells: list[dict[str, Any]]) -> str:
    values = [100 * cell["accuracy"]["value"] for cell in cells]
    linear = statistics.mean(100 * cell["linear"]["value"] for cell in cells)
    quiet = [cell for cell in cells if not cell.get("busy")]
    timed = quiet or cells
    seconds = statistics.median(cell["seconds"] for cell in timed)
    an_epoch = statistics.median(cell["epoch_seconds"] for cell in timed)
    first = cells[0]
    accuracy = f"{statistics.mean(values):.1f} %"
    if len(values) > 1:
        accuracy += f" ({min(values):.1f}–{max(values):.1f})"
    said = f"{100 * floor:.0f} %" if floor else "–"
    return (
        f"| {name} | {first['train_rows']:,} | {first['accuracy']['n']:,} | {len(cells)} | {accuracy} | "
        f"{linear:.1f} % | {said} | {seconds:.0f} s ({len(quiet)}) | {an_epoch:.1f} s | {first['epochs']} | "
        f"{first['parameters'] / 1e6:.2f} M |"
    )


if __name__ == "__main__":
    main(sys.argv[1], busy="--busy" in sys.argv)
