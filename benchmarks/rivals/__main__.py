"""Whole commands beside the rivals': `python -m benchmarks.rivals DATA PYTHON`.

DATA is a folder with images/cifar10.tar and images/eurosat.tar; PYTHON the interpreter of an environment made with
benchmarks/rivals/requirements.txt, so that nothing of the rivals' is installed beside the package.

Two questions. *Same network*: the package's default network for EPOCHS epochs in the same precision, from the files to
tested weights, each system with its own way of reading, augmenting and scheduling, in turns. Ours writes its report as
well, and starts without a cache. *Own defaults*: a rival trains its ResNet-18 for RIVAL_EPOCHS; how long does it take
to its best validation accuracy, and how long do we, in a run with a `--time-limit` of LIMIT of that? All train,
validate and test on the same rows.

Peak memory is the anonymous resident memory of a command and all it starts, sampled. Each command is one cell, kept
under benchmarks/cells and not run again; the table is benchmarks/rivals.md, written once all are there. Further words
choose the cells that have one of them in their names.
"""

import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from itertools import accumulate
from pathlib import Path
from typing import Any

from benchmarks.accuracy import source
from benchmarks.tables import CELLS, publish
from unfazed.device import best_device, describe
from unfazed.run import Run

HERE = Path(__file__).parent
EPOCHS, ROUNDS, BATCH = 4, 5, 128
SAME, ONCE = ("unfazed", "lightning"), ("lightning float32", "fastai float32")
RIVAL_EPOCHS, LIMIT = 20, 0.5
DEFAULTS = {"cifar10": 128, "eurosat": 64}  # batch size
Cell = dict[str, Any]


def main(data: Path, python: str, wanted: list[str]) -> None:
    """Run the cells that are missing; of those named by words, if there are any."""

    def chosen(name: str) -> bool:
        return not wanted or any(word in name for word in wanted)

    folder = CELLS / "data"  # kept: the rivals' tables name its files
    folder.mkdir(parents=True, exist_ok=True)
    for name in DEFAULTS:
        _rows_of(name, source(name, data, folder))
    for system, repeat in _rounds():
        if chosen(name := _round_name(system, repeat)):
            _cell(name, _same(system, data, folder, python))
    for name, batch in DEFAULTS.items():
        for system in ("lightning", "fastai"):
            if chosen(f"own-{name}-{system}"):
                rival = _cell(f"own-{name}-{system}", _rival(system, name, "resnet18", RIVAL_EPOCHS, batch, python))
                limit = ["--time-limit", f"{LIMIT * _best(rival)[1]:.0f}s"]
                _cell(f"own-{name}-beside-{system}", _ours(source(name, data, folder), limit))


def _rounds() -> list[tuple[str, int]]:
    return [(system, repeat) for repeat in range(ROUNDS) for system in SAME] + [(system, 0) for system in ONCE]


def _round_name(system: str, repeat: int) -> str:
    return f"same-{system.replace(' ', '-')}-{repeat}"


def _names() -> Iterator[str]:
    """Of all cells."""
    yield from (_round_name(*one) for one in _rounds())
    for name in DEFAULTS:
        for system in ("lightning", "fastai"):
            yield from (f"own-{name}-{system}", f"own-{name}-beside-{system}")


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
    publish("rivals.md", table(_cells()), (CELLS / f"rivals-{one}.json" for one in _names()))
    told: Cell = json.loads(path.read_text())
    return told


def measured(command: list[str]) -> Cell:
    """Seconds, peak anonymous memory in bytes, and test accuracy of a whole command, in a folder of its own."""
    with tempfile.TemporaryDirectory() as scratch:
        ours = {"XDG_CACHE_HOME": scratch, "PYTHONPATH": str(HERE.parent.parent / "src")}
        environment = {**os.environ, **ours, "STARTED": str(time.time())}
        started, peak = time.perf_counter(), 0
        with (Path(scratch) / "output.txt").open("w") as output:
            process = subprocess.Popen(command, cwd=scratch, env=environment, stdout=output, stderr=output)
            while process.poll() is None:
                peak = max(peak, _anonymous(process.pid))
                time.sleep(0.1)
        seconds = time.perf_counter() - started
        if process.returncode:
            raise SystemExit(f"{' '.join(command)}\n{(Path(scratch) / 'output.txt').read_text()[-3000:]}")
        return {"seconds": seconds, "peak": peak, "device": describe(best_device()), **_told(Path(scratch), seconds)}


def _told(folder: Path, seconds: float) -> Cell:
    if (folder / "figures.json").exists():
        told: Cell = json.loads((folder / "figures.json").read_text())
        return told
    run = Run.open(folder / "run")
    timings = run.origin["timings"]
    starting = seconds - timings["total"] + timings["read"]
    return {
        "test": run.report["test"]["accuracy"]["value"],
        "validation": [line["validation"]["accuracy"] for line in run.epochs],
        "times": [starting + end for end in accumulate(line["seconds"] for line in run.epochs)],
    }


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
    by_system = {system: _repeats(cells, f"same-{system.replace(' ', '-')}-") for system in (*SAME, *ONCE)}
    by_system = {system: repeats for system, repeats in by_system.items() if repeats}
    if "unfazed" not in by_system:
        return []
    ours = by_system["unfazed"]
    lines = [
        "## The same network, epochs and precision",
        "",
        f"The package's default network on CIFAR-10 (9,000 training images), {EPOCHS} epochs, bfloat16 where not said",
        "otherwise (fastai knows it on GPUs alone). Medians of the rounds; shares of time are taken round by round.",
        "Ours trains on smaller images in the first epochs (start_size); the rivals compute every epoch at full size.",
        "Targets: at most 0.7 of the fastest rival's time, no more memory than the leanest. After the last epoch a",
        "rival only tests; ours also calibrates, audits labels, fits a linear model, diagnoses and writes its report.",
        "",
        "| | rounds | whole command | ours takes | last epoch ends after | ours takes | peak anonymous memory "
        "| test accuracy |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for system, repeats in by_system.items():
        trained = statistics.median(cell["times"][-1] for cell in repeats)
        pairs = list(zip(ours, repeats, strict=False))
        whole = _share(mine["seconds"] / other["seconds"] for mine, other in pairs)
        training = _share(mine["times"][-1] / other["times"][-1] for mine, other in pairs)
        lines.append(
            f"| {system} | {len(repeats)} | {_median(repeats, 'seconds'):.0f} s | {whole} | {trained:.0f} s | "
            f"{training} | {_median(repeats, 'peak') / 1e6:,.0f} MB | {100 * _median(repeats, 'test'):.1f} % |"
        )
    return [*lines, ""]


def _share(ratios: Iterable[float]) -> str:
    """The median, and the ends."""
    found = sorted(ratios)
    return f"**{statistics.median(found):.2f}** ({found[0]:.2f} to {found[-1]:.2f})"


def _own_defaults(cells: Mapping[str, Cell]) -> list[str]:
    lines = [
        "## Each with its own defaults",
        "",
        f"A rival trains ResNet-18 from scratch for {RIVAL_EPOCHS} epochs. How long until the epoch with its best",
        "accuracy on the validation rows has ended, and until ours is as accurate there? Both from the command on;",
        f"ours with a `--time-limit` of {LIMIT:g} of the rival's time. One run each. Target: a third.",
        "",
        "| data | rival | its best, validation (test) | after | ours as good after | a share of | ours at the end |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in DEFAULTS:
        for system in ("lightning", "fastai"):
            rival, ours = cells.get(f"own-{name}-{system}"), cells.get(f"own-{name}-beside-{system}")
            if rival and ours:
                best, after = _best(rival)
                reached = [at for at, got in zip(ours["times"], ours["validation"], strict=True) if got >= best]
                share = f"{reached[0]:.0f} s | **{reached[0] / after:.2f}**" if reached else "not reached | –"
                end = f"{max(ours['validation']):.1%} ({ours['test']:.1%}), {ours['seconds']:.0f} s in all"
                rival_says = f"{best:.1%} ({rival['test']:.1%}) | {after:.0f} s"
                lines.append(f"| {name} | {system} | {rival_says} | {share} | {end} |")
    return lines


def _best(cell: Cell) -> tuple[float, float]:
    """The best validation accuracy, and seconds until it was first reached."""
    best = max(cell["validation"])
    return best, cell["times"][cell["validation"].index(best)]


def _repeats(cells: Mapping[str, Cell], start: str) -> list[Cell]:
    return [cells[f"{start}{repeat}"] for repeat in range(ROUNDS) if f"{start}{repeat}" in cells]


def _median(cells: list[Cell], name: str) -> float:
    return statistics.median(cell[name] for cell in cells)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3:])
