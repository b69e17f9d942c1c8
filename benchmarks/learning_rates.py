"""Does the default learning rate need tuning? `python -m benchmarks.learning_rates DATA`.

Nine rates, each √10 times the one before and the default of the kind of data in the middle, on five data sets of four
kinds, everything else by default. Who tunes takes the rate that is best on validation rows; the question is what that
buys on test rows, which no choice has seen. Sets are cut to a few hundred or thousand training rows, which makes nine
rates affordable, and keep thousands of test rows where they have them. Each (data set, factor, seed) is one cell, kept
under benchmarks/cells and not run again. The table is written to benchmarks/learning_rates.md after each. DATA is as
benchmarks/README.md describes it.
"""

import csv
import json
import math
import random
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.accuracy import CELLS, source
from benchmarks.kinds import ADULT, digits, write_table
from unfazed.errors import TrainingError
from unfazed.verb.train import train

HERE = Path(__file__).parent
FACTORS = [float(f"{10 ** (place / 2):.2g}") for place in range(-4, 5)]
SEEDS = (0, 1, 2)
VALIDATION = 300
Rows = list[list[str]]  # the inputs and, last, the label


class Set(NamedTuple):
    """A data set: its rows, how many of them train and test, and the names of its inputs."""

    name: str
    rows: Callable[[Path, Path], Rows]
    training: int
    test: int
    columns: tuple[str, ...] = ()


def photographs(data: Path, folder: Path) -> Rows:
    home = Path(source("cifar10", data, folder))
    paths = [path for path in home.rglob("*.png") if "test" not in path.parts]
    return [[str(path), path.parent.name] for path in sorted(paths)]


def spoken(data: Path, folder: Path) -> Rows:
    with digits(None)(data, folder).open(newline="") as file:
        return [[str(folder / row["path"]), row["digit"]] for row in csv.DictReader(file)]


def news(data: Path, folder: Path) -> Rows:
    with (data / "text/agnews_test.csv").open(newline="", encoding="utf-8") as file:
        return [[f"{title} {text}", label] for label, title, text in csv.reader(file)]


def adult(data: Path, folder: Path) -> Rows:
    lines = (data / "tables/adult_train.csv").read_text().splitlines()
    return [[cell.strip() for cell in line.split(",")] for line in lines if line.count(",") == 14]


SETS = (
    Set("digits", lambda data, folder: [], 1258, 359),
    Set("income (adult)", adult, 3000, 10_000, tuple(ADULT.split(",")[:-1])),
    Set("news (AG News)", news, 1000, 5000, ("text",)),
    Set("spoken digits", spoken, 600, 2000, ("path",)),
    Set("photographs (CIFAR-10)", photographs, 1000, 3000, ("path",)),
)


def main(data: Path) -> None:
    """Run the cells that are missing: the default first, which tells what its neighbours are."""
    CELLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            for factor in sorted(FACTORS, key=lambda factor: abs(math.log(factor))):
                for one in SETS:
                    path = _cell(one, factor, seed)
                    if not path.exists():
                        path.write_text(json.dumps(_trained(one, _source(one, data, Path(folder)), factor, seed)))
                        print(path.stem, path.read_text(), flush=True)
                    (HERE / "learning_rates.md").write_text(table())


def _cell(one: Set, factor: float, seed: int) -> Path:
    return CELLS / f"rates-{one.name.split(' (')[0].replace(' ', '-')}-times-{factor:g}-{seed}.json"


def _source(one: Set, data: Path, folder: Path) -> str:
    """A table of some rows of the set, the same for every rate and seed."""
    if one.name == "digits":
        return "sample:digits"
    path = folder / f"{one.name.split()[0]}.csv"
    if not path.exists():
        rows = one.rows(data.absolute(), folder)
        rows = random.Random(0).sample(rows, one.training + VALIDATION + one.test)
        splits = ["train"] * one.training + ["validation"] * VALIDATION + ["test"] * one.test
        split_rows = ([*row, split] for row, split in zip(rows, splits, strict=True))
        write_table(path, [*one.columns, "label", "split"], split_rows)
    return str(path)


def _trained(one: Set, given: str, factor: float, seed: int) -> dict[str, Any]:
    """Accuracies of one run; None where the loss was no number."""
    settings: dict[str, Any] = {"target": "label"} if one.columns else {}
    if factor != 1:
        settings["learning_rate"] = json.loads(_cell(one, 1, seed).read_text())["rate"] * factor
    with tempfile.TemporaryDirectory() as scratch:
        try:
            run = train(given, out=f"{scratch}/run", seed=seed, progress=False, **settings)
        except TrainingError:
            return {"validation": None, "test": None}
        accuracy = {split: run.report[split]["accuracy"]["value"] for split in ("validation", "test")}
        return {"rate": run.recipe.learning_rate, "n": run.report["test"]["accuracy"]["n"], **accuracy}


def table() -> str:
    """The cells that there are, as Markdown."""
    heads = " | ".join(f"**× {factor:g}**" if factor == 1 else f"× {factor:g}" for factor in FACTORS)
    lines = [
        "# Does the default learning rate need tuning?",
        "",
        "Test accuracy in per cent at nine peak learning rates, multiples of the default of the kind of data, all else",
        "by default; mean over seeds. *Tuning buys*: test accuracy at the rate that is best on validation rows, the",
        "smaller distance from the default where several are, less that of the default; mean over seeds, each tuned on",
        "its own, with the standard error over seeds. *By hindsight*: the best mean of the nine less that of the",
        "default, some of which is the luck of nine draws. Target: at most half a point on 4 of 5.",
        "",
        f"| data | default | seeds | test n | {heads} | tuning buys | by hindsight |",
        f"|---|---|---|---|{'---|' * len(FACTORS)}---|---|",
    ]
    bought, missed = [], []
    for one in SETS:
        seeds = [seed for seed in SEEDS if all(_cell(one, factor, seed).exists() for factor in FACTORS)]
        if seeds:
            told = {seed: {factor: _told(one, factor, seed) for factor in FACTORS} for seed in seeds}
            gains = [_gain(cells) for cells in told.values()]
            bought.append(statistics.mean(gains))
            means = {factor: statistics.mean(100 * (cells[factor]["test"] or 0) for cells in told.values())
                     for factor in FACTORS}  # fmt: skip
            missed.append(max(means.values()) - means[1.0])
            figures = " | ".join(f"{mean:.1f}" for mean in means.values())
            first = told[seeds[0]][1.0]
            lines.append(f"| {one.name} | {first['rate']:g} | {len(seeds)} | {first['n']:,} | {figures} | "
                         f"{_spread(gains)} | {missed[-1]:.1f} |")  # fmt: skip
    near, nearest = (sum(gain <= 0.5 for gain in gains) for gains in (bought, missed))
    lines += ["", f"Tuning buys at most half a point on **{near} of {len(bought)}**; by hindsight on {nearest}."]
    return "\n".join(lines) + "\n"


def _told(one: Set, factor: float, seed: int) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(_cell(one, factor, seed).read_text())
    return told


def _gain(cells: dict[float, dict[str, Any]]) -> float:
    """Points of test accuracy that choosing on validation rows is better by than the default."""
    best = max(cells, key=lambda factor: (cells[factor]["validation"] or 0.0, -abs(math.log(factor))))
    return 100 * ((cells[best]["test"] or 0.0) - (cells[1.0]["test"] or 0.0))


def _spread(gains: list[float]) -> str:
    mean = f"{statistics.mean(gains):+.1f}"
    return mean if len(gains) == 1 else f"{mean} ± {statistics.stdev(gains) / math.sqrt(len(gains)):.1f}"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
