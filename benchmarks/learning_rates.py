"""Does the default learning rate need tuning? `python -m benchmarks.learning_rates DATA`.

Nine rates, each √10 times the one before and the default in the middle, on five data sets: digits whole, of the others
ROWS training images (and as many to test), everything else by default. DATA is a folder with images/cifar10.tar,
images/eurosat.tar and images/flowers5.tar; *noisy* is CIFAR-10 with its worst human labels, about 40 % of them wrong,
tested on the clean ones. Each (data set, rate, seed) is one cell, kept under benchmarks/cells and not run again. The
table is written to benchmarks/learning_rates.md after each.
"""

import csv
import json
import math
import random
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmarks.accuracy import CELLS, source
from unfazed.errors import TrainingError
from unfazed.recipe import Recipe
from unfazed.verb.train import train

HERE = Path(__file__).parent
RATES = [float(f"{Recipe().learning_rate * 10 ** (place / 2):.2g}") for place in range(-4, 5)]
SETS = ("digits", "eurosat", "flowers5", "cifar10", "noisy")
ROWS, VALIDATION, TEST, SEEDS = 1000, 300, 1000, (0,)
SIDE = 64  # pixels: of flowers, which are larger


def main(data: Path) -> None:
    """Run the cells that are missing, best guesses first."""
    CELLS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        for seed in SEEDS:
            for rate in sorted(RATES, key=lambda rate: abs(math.log(rate / Recipe().learning_rate))):
                for name in SETS:
                    path = CELLS / f"rates-{name}-{rate:g}-{seed}.json"
                    if not path.exists():
                        path.write_text(json.dumps(_trained(name, data, Path(folder), rate, seed)))
                        print(path.stem, path.read_text(), flush=True)
                    (HERE / "learning_rates.md").write_text(table())


def _trained(name: str, data: Path, folder: Path, rate: float, seed: int) -> dict[str, Any]:
    """Test accuracy of one run; None where the loss was no number."""
    size = {"image_size": SIDE} if name == "flowers5" else {}
    with tempfile.TemporaryDirectory() as scratch:
        given = "sample:digits" if name == "digits" else _part(name, data, folder)
        try:
            run = train(given, out=f"{scratch}/run", learning_rate=rate, seed=seed, progress=False, **size)
        except TrainingError:
            return {"accuracy": None}
        told = run.report["test"]["accuracy"]
        return {"accuracy": told["value"], "n": told["n"]}


def _part(name: str, data: Path, folder: Path) -> Path:
    """A table of some images of a set; training and validation rows of *noisy* have people's labels."""
    table = folder / f"{name}.csv"
    if table.exists():
        return table
    home = Path(source("cifar10" if name == "noisy" else name, data, folder))
    paths = [path for path in home.rglob("*") if path.suffix in (".png", ".jpg") and "test" not in path.parts]
    paths = random.Random(0).sample(sorted(paths), ROWS + VALIDATION + TEST)
    said = _worst(home) if name == "noisy" else {}
    with table.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["path", "label", "split"])
        for number, path in enumerate(paths):
            split = "train" if number < ROWS else "test" if number < ROWS + TEST else "validation"
            label = path.parent.name if split == "test" else said.get(path, path.parent.name)
            writer.writerow([path, label, split])
    return table


def _worst(home: Path) -> dict[Path, str]:
    """The worst human label of each image."""
    with (home / "human_labels.csv").open(newline="") as file:
        return {home / row["file"]: row["worst"] for row in csv.DictReader(file)}


def table() -> str:
    """The cells that there are, as Markdown."""
    default = Recipe().learning_rate
    rates = " | ".join(f"**{rate:g}**" if rate == default else f"{rate:g}" for rate in RATES)
    lines = [
        "# Does the default learning rate need tuning?",
        "",
        f"Test accuracy in per cent at nine peak learning rates, all else by default; {ROWS:,} training images",
        f"(digits: 1,258), one seed. With {TEST:,} test images (digits: 359) the standard error of a figure is about",
        "1.5 points at 65 %, 0.6 at 97 %. Target: the default within half a point of the best on 4 of 5.",
        "*noisy*: CIFAR-10 with its worst human labels. Sets of which a rate is missing are not shown.",
        "",
        f"| data | {rates} | best less default |",
        f"|---|{'---|' * len(RATES)}---|",
    ]
    close = []
    for name in SETS:
        found = {rate: mean for rate in RATES if (mean := _mean(name, rate)) is not None}
        if len(found) == len(RATES):
            behind = max(found.values()) - found[default]
            close.append(behind <= 0.5)
            figures = " | ".join(f"{found[rate]:.1f}" for rate in RATES)
            lines.append(f"| {name} | {figures} | {behind:.1f} |")
    lines += ["", f"Within half a point on **{sum(close)} of {len(close)}**."]
    return "\n".join(lines) + "\n"


def _mean(name: str, rate: float) -> float | None:
    """Mean accuracy over the seeds in per cent; 0 where training broke off."""
    paths = CELLS.glob(f"rates-{name}-{rate:g}-*.json")
    values = [100 * (json.loads(path.read_text())["accuracy"] or 0.0) for path in paths]
    return statistics.mean(values) if values else None


if __name__ == "__main__":
    main(Path(sys.argv[1]))
