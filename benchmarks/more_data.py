"""Does what the diagnosis says of four times the data come true? `python -m benchmarks.more_data DATA`.

A network is trained on n rows, and its diagnosis says what share of its mistakes four times as many would spare a
linear probe; another network is trained on 4 n rows, the first n among them, and both are tested on the same rows,
which neither has seen. Each (data set, n, seed) is one cell, kept under benchmarks/cells and not run again. The table
is written to benchmarks/more_data.md after each. DATA is as benchmarks/README.md describes it; further words choose the
cells that have one of them in their names.
"""

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.accuracy import CELLS, source
from benchmarks.kinds import ADULT, write_table
from benchmarks.learning_rates import Rows, Set, adult, news, photographs, spoken
from unfazed.analysis.learning_curve import ROWS
from unfazed.verb.train import train

HERE = Path(__file__).parent
SEEDS = (0, 1, 2)
VALIDATION = 400


def _questions(data: Path, folder: Path) -> Rows:
    lines = (data / "text/trec6_train.txt").read_text(encoding="latin-1").splitlines()
    return [line.split(" ", 1)[::-1] for line in lines if line]


def _satellite_images(data: Path, folder: Path) -> Rows:
    paths = (path for path in Path(source("eurosat", data, folder)).rglob("*.*") if path.is_file())
    return [[str(path), path.parent.name] for path in sorted(paths)]


INPUTS = tuple(ADULT.split(",")[:-1])
SETS = (
    Set("income (adult)", adult, 500, 10_000, INPUTS),
    Set("income (adult)", adult, 4000, 10_000, INPUTS),
    Set("news (AG News)", news, 300, 3500, ("text",)),
    Set("news (AG News)", news, 900, 3500, ("text",)),
    Set("questions (TREC)", _questions, 900, 1000, ("text",)),
    Set("spoken digits", spoken, 120, 700, ("path",)),
    Set("spoken digits", spoken, 450, 700, ("path",)),
    Set("satellite images (EuroSAT)", _satellite_images, 600, 800, ("path",)),
    Set("photographs (CIFAR-10)", photographs, 900, 3000, ("path",)),
)


def main(data: Path, wanted: list[str]) -> None:
    """Run the cells that are missing, the first seed of every set first."""
    CELLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            for one in SETS:
                path = _cell(one, seed)
                if not path.exists() and (not wanted or any(word in path.stem for word in wanted)):
                    path.write_text(json.dumps(_measured(one, seed, data.absolute(), Path(folder)), indent=1))
                    print(path.stem, path.read_text(), flush=True)
                (HERE / "more_data.md").write_text(table())


def _cell(one: Set, seed: int) -> Path:
    return CELLS / f"more_data-{one.name.split(' (')[0].replace(' ', '-')}-{one.training}-{seed}.json"


def _measured(one: Set, seed: int, data: Path, folder: Path) -> dict[str, Any]:
    """The test accuracies of both networks, and the learning curve of the first one's diagnosis."""
    rows = random.Random(seed).sample(one.rows(data, folder), 4 * one.training + VALIDATION + one.test)
    accuracies, curve = [], None
    with tempfile.TemporaryDirectory() as scratch:
        for times in (1, 4):
            path = Path(scratch) / f"{times}.csv"
            splits = ["test"] * one.test + ["validation"] * VALIDATION + ["train"] * times * one.training
            split_rows = ([*row, split] for row, split in zip(rows, splits, strict=False))
            write_table(path, [*one.columns, "label", "split"], split_rows)
            run = train(str(path), out=f"{scratch}/{times}", seed=seed, progress=False, target="label")
            accuracies.append(run.report["test"]["accuracy"]["value"])
            curve = curve or json.loads((run.path / "checks.json").read_text())["curve"]
    return {"accuracies": accuracies, "n": one.test, "curve": curve}


def table() -> str:
    """The cells that there are, as Markdown."""
    lines = [
        "# What four times the data buys",
        "",
        "Test accuracy, per cent, of a network trained on n rows, and of one trained on four times as many, the first",
        "among them; the share of its mistakes that this spared, beside what the first run's diagnosis said four times",
        f"its rows would spare a linear probe (95 % interval). The probe is fitted to {ROWS:,} rows at most.",
        "",
        "| data | n | seed | test n | accuracy at n | at 4 n | mistakes spared | of the probe's, it was said |",
        "|---|---|---|---|---|---|---|---|",
    ]
    found = [(one, seed, json.loads(_cell(one, seed).read_text())) for one in SETS for seed in SEEDS
             if _cell(one, seed).exists()]  # fmt: skip
    more, inside = 0, 0
    for one, seed, cell in found:
        before, after = cell["accuracies"]
        spared, said = (after - before) / (1 - before), cell["curve"]["gain"]
        more += spared > said["value"]
        inside += said["low"] <= spared <= said["high"]
        value, low, high = (f"{100 * said[end]:.0f}" for end in ("value", "low", "high"))
        lines.append(f"| {one.name} | {one.training:,} | {seed} | {cell['n']:,} | {100 * before:.1f} | "
                     f"{100 * after:.1f} | {100 * spared:.0f} % | {value} % ({low} – {high} %) |")  # fmt: skip
    lines += [
        "",
        f"The network was spared a larger share than the probe in {more} of {len(found)}; {inside} of the intervals,",
        "which are the probe's, held the network's share. What is said of the probe is no forecast for the network: it",
        "says that more data would help, not by how much.",
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    _, where, *words = sys.argv
    main(Path(where), words)
