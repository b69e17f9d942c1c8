"""Whole commands beside the rivals': `python -m benchmarks.rivals DATA PYTHON`.

DATA is a folder with images/cifar10.tar and images/eurosat.tar; PYTHON the interpreter of an environment made with
benchmarks/rivals/requirements.txt, so that nothing of the rivals' is installed beside the package.

Two questions. *Same network*: the package's default network for EPOCHS epochs in the same precision, from the files
to tested weights, each system with its own way of reading, augmenting and scheduling; REPEATS rounds, in turns. Ours
writes its report as well, and starts without a cache. *Own defaults*: a rival trains its ResNet-18 for RIVAL_EPOCHS;
ours is given a third of the time that took as its `--time-limit`. All train, validate and test on the same rows.

Peak memory is the anonymous resident memory of a command and all it starts, sampled. Each command is one cell, kept
under benchmarks/cells and not run again; the table is written to benchmarks/rivals.md after each.
"""

import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from benchmarks.accuracy import CELLS, source
from unfazed.device import best_device, describe
from unfazed.run import Run

HERE = Path(__file__).parent
EPOCHS, REPEATS, BATCH = 4, 5, 128
RIVAL_EPOCHS = 20
SAME = ("unfazed", "lightning", "lightning float32", "fastai float32")
DEFAULTS = {"cifar10": 128, "eurosat": 64}  # batch size
Cell = dict[str, Any]


def main(data: Path, python: str) -> None:
    """Run the cells that are missing."""
    CELLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for name in DEFAULTS:
            _rows_of(name, source(name, data, Path(folder)))
        for repeat in range(REPEATS):
            for system in SAME:
                _cell(f"same-{system.replace(' ', '-')}-{repeat}", _same(system, data, Path(folder), python))
        for name, batch in DEFAULTS.items():
            for system in ("lightning", "fastai"):
                rival = _cell(f"own-{name}-{system}", _rival(system, name, "resnet18", RIVAL_EPOCHS, batch, python))
                limit = ["--time-limit", f"{rival['seconds'] / 3:.0f}s"]
                _cell(f"own-{name}-beside-{system}", _ours(source(name, data, Path(folder)), limit))


def _same(system: str, data: Path, folder: Path, python: str) -> list[str]:
    if system == "unfazed":
        return _ours(source("cifar10", data, folder), ["--epochs", str(EPOCHS)])
    return _rival(system, "cifar10", "ours", EPOCHS, BATCH, python)


def _ours(source: str, settings: list[str]) -> list[str]:
    return [sys.executable, "-m", "unfazed", "train", source, "--out", "run", "--quiet", *settings]


def _rival(system: str, data: str, network: str, epochs: int, batch: int, python: str) -> list[str]:
    name, _, precision = system.partition(" ")
    bfloat16 = [] if name == "fastai" or precision else ["--bfloat16"]  # fastai's is for GPUs alone
    return [python, str(HERE / f"with_{name}.py"), str(_rows(data)), "figures.json", "--network", network,
            "--epochs", str(epochs), "--batch-size", str(batch), *bfloat16]  # fmt: skip


def _rows(data: str) -> Path:
    return CELLS / f"rivals-{data}.csv"


def _rows_of(name: str, folder: str) -> None:
    """Write which row is in which split, as a short run of ours has it."""
    if _rows(name).exists():
        return
    with tempfile.TemporaryDirectory() as scratch:
        subprocess.run(_ours(folder, ["--steps", "1"]), check=True, cwd=scratch)
        frame = Run.open(Path(scratch) / "run").table().frame
    with _rows(name).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "split"])
        writer.writerows(frame.select("input", "label", "split").rows())


def _cell(name: str, command: list[str]) -> Cell:
    """The figures of one command, run where it is not known yet."""
    path = CELLS / f"rivals-{name}.json"
    if not path.exists():
        cell = measured(command)
        path.write_text(json.dumps(cell, indent=1))
        print(f"{name}: {cell['seconds']:.0f} s, {cell['peak'] / 1e6:.0f} MB, test {cell['test']:.1%}", flush=True)
    (HERE.parent / "rivals.md").write_text(table(_cells()))
    told: Cell = json.loads(path.read_text())
    return told


def measured(command: list[str]) -> Cell:
    """Seconds, peak anonymous memory in bytes, and test accuracy of a whole command, in a folder of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "XDG_CACHE_HOME": scratch, "PYTHONPATH": str(HERE.parent.parent / "src")}
        started, peak = time.perf_counter(), 0
        with (Path(scratch) / "output.txt").open("w") as output:
            process = subprocess.Popen(command, cwd=scratch, env=environment, stdout=output, stderr=output)
            while process.poll() is None:
                peak = max(peak, _anonymous(process.pid))
                time.sleep(0.1)
        seconds = time.perf_counter() - started
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}\n{(Path(scratch) / 'output.txt').read_text()[-3000:]}")
        return {"seconds": seconds, "peak": peak, "device": describe(best_device()), **_told(Path(scratch))}


def _told(folder: Path) -> Cell:
    if (folder / "figures.json").exists():
        told: Cell = json.loads((folder / "figures.json").read_text())
        return told
    report = Run.open(folder / "run").report
    return {"test": report["test"]["accuracy"]["value"], "epochs": len(report["epochs"])}


def _anonymous(process: int) -> int:
    """Bytes of anonymous resident memory of a process and of those it has started."""
    try:
        status = Path(f"/proc/{process}/status").read_text()
        children = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    except OSError:  # just ended
        return 0
    own = next((1024 * int(line.split()[1]) for line in status.splitlines() if line.startswith("RssAnon")), 0)
    return own + sum(_anonymous(int(child)) for child in children)


def _cells() -> dict[str, Cell]:
    paths = CELLS.glob("rivals-*.json")
    return {path.stem.removeprefix("rivals-"): json.loads(path.read_text()) for path in sorted(paths)}


def table(cells: Mapping[str, Cell]) -> str:
    """The cells that there are, as Markdown."""
    devices = sorted({cell["device"] for cell in cells.values()})
    parts = [
        "# Beside the rivals",
        "",
        "Whole commands, from a folder of files to a tested model; ours with its report, without a cache from before.",
        f"Rivals: fastai and Lightning in the versions of rivals/requirements.txt, on {', '.join(devices)}.",
        "",
        *_same_network(cells),
        *_own_defaults(cells),
    ]
    return "\n".join(parts) + "\n"


def _same_network(cells: Mapping[str, Cell]) -> list[str]:
    by_system = {system: _repeats(cells, f"same-{system.replace(' ', '-')}-") for system in SAME}
    by_system = {system: repeats for system, repeats in by_system.items() if repeats}
    if "unfazed" not in by_system:
        return []
    ours = by_system["unfazed"]
    lines = [
        "## The same network, epochs and precision",
        "",
        f"The package's default network on CIFAR-10 (9,000 training images), {EPOCHS} epochs, bfloat16 where not said",
        "otherwise (fastai knows it on GPUs alone). Medians of the rounds; shares of time are taken round by round.",
        "Targets: at most 0.7 of the fastest rival's time, no more memory than the leanest.",
        "",
        "| | rounds | whole command | ours takes | peak anonymous memory | test accuracy |",
        "|---|---|---|---|---|---|",
    ]
    for system, repeats in by_system.items():
        ratios = [mine["seconds"] / other["seconds"] for mine, other in zip(ours, repeats, strict=False)]
        share = f"**{statistics.median(ratios):.2f}** ({min(ratios):.2f} to {max(ratios):.2f})"
        lines.append(
            f"| {system} | {len(repeats)} | {_median(repeats, 'seconds'):.0f} s | {share} | "
            f"{_median(repeats, 'peak') / 1e6:,.0f} MB | {100 * _median(repeats, 'test'):.1f} % |"
        )
    return [*lines, ""]


def _own_defaults(cells: Mapping[str, Cell]) -> list[str]:
    lines = [
        "## Each with its own defaults",
        "",
        f"A rival trains ResNet-18 from scratch for {RIVAL_EPOCHS} epochs; ours is then given a third of its time by",
        "`--time-limit`. One run each. The rival's accuracy is the best of its epochs, on validation or test rows;",
        "ours is that on test rows. Target: no less accurate.",
        "",
        "| data | rival | its time | its best accuracy | our time | our accuracy |",
        "|---|---|---|---|---|---|",
    ]
    for name in DEFAULTS:
        for system in ("lightning", "fastai"):
            rival, ours = cells.get(f"own-{name}-{system}"), cells.get(f"own-{name}-beside-{system}")
            if rival and ours:
                best = max(rival["test"], *rival["validation"])
                lines.append(
                    f"| {name} | {system} | {rival['seconds']:.0f} s | {best:.1%} | "
                    f"{ours['seconds']:.0f} s ({ours['seconds'] / rival['seconds']:.2f}) | {ours['test']:.1%} |"
                )
    return lines


def _repeats(cells: Mapping[str, Cell], start: str) -> list[Cell]:
    return [cells[f"{start}{repeat}"] for repeat in range(REPEATS) if f"{start}{repeat}" in cells]


def _median(cells: list[Cell], name: str) -> float:
    return statistics.median(cell[name] for cell in cells)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
