"""What asking for labels saves over labelling at random, simulated: `python -m benchmarks.query DATA [WORD…]`.

DATA is a folder with text/ and audio/fsdd.tar, as benchmarks/README.md describes them. A cell is one (data set,
strategy, seed): a model is trained on a small random set of labelled examples, then again and again with a batch
more, chosen by `unfazed.query` from a pool whose labels are hidden, or at random; new labels come in as anybody's do,
with `--more`. A fifth of the first set are validation rows and stay so. Accuracy is measured on test rows that are no
part of the pool, the same for every strategy. Cells are kept under benchmarks/cells, a round at a time, and not made
again; benchmarks/query.md is written after each. Further words choose the cells that have one of them in their names.
"""

import csv
import json
import sys
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unfazed import Predictor, query
from unfazed.files import as_csv, write_bytes
from unfazed.labelled import Labelled
from unfazed.recipe import Recipe
from unfazed.run import Run
from unfazed.source import SourceOptions
from unfazed.verb.train import fitted

HERE = Path(__file__).parent
CELLS = HERE / "cells"
TABLE = HERE / "query.md"
SEEDS = (0, 1, 2)
RANDOM = "random"
STRATEGIES = (RANDOM, "uncertainty", "diversity", "both")
Rows = NDArray[np.int64]


class Data(NamedTuple):
    """Inputs in one column, and their labels."""

    column: str
    inputs: list[str]
    labels: list[str]


class Set(NamedTuple):
    """A data set, and how it is labelled bit by bit."""

    name: str
    load: Callable[[Path], Data]
    items: str
    first: int  # examples labelled at random to begin with
    batch: int  # examples labelled before each further training
    rounds: int  # such batches
    test: int  # examples that accuracy is measured on


def digits(data: Path) -> Data:
    """scikit-learn's digits, 1,797 images."""
    from unfazed.samples import local

    files = sorted(Path(str(local("sample:digits"))).glob("*/*.png"))
    return Data("path", [str(file) for file in files], [file.parent.name for file in files])


def trec(data: Path) -> Data:
    """Questions, of six kinds, each once."""
    lines = [line for name in ("train", "test") for line in (data / f"text/trec6_{name}.txt").open(encoding="utf-8")]
    pairs = dict(line.strip().partition(" ")[::2][::-1] for line in lines if line.strip())
    return Data("text", list(pairs), list(pairs.values()))


def fsdd(data: Path) -> Data:
    """Spoken digits, 3,000 recordings of six speakers."""
    folder = CELLS / "fsdd-files"
    if not folder.exists():
        with tarfile.open(data / "audio/fsdd.tar") as archive:
            archive.extractall(folder, filter="data")
    files = sorted(folder.rglob("*.wav"))
    return Data("path", [str(file.absolute()) for file in files], [file.name[0] for file in files])


SETS = (
    Set("digits", digits, "images", 60, 40, 5, 797),
    Set("TREC", trec, "texts", 200, 100, 5, 2000),
    Set("fsdd", fsdd, "sounds", 100, 60, 5, 1000),
)


class Round(NamedTuple):
    """What was known when a model was trained, and how good it was."""

    labels: int
    right: int
    test: int


def simulated(one: Set, data: Data, strategy: str, seed: int, kept: Path) -> None:
    """Every round of one cell that is not in the file `kept` yet; the file is written after each."""
    test, pool, chosen = _drawn(one, data, seed)
    said = json.loads(kept.read_text()) if kept.exists() else {"rounds": [], "chosen": []}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        _write(folder / "source.csv", [data.column, "label"], [(data.inputs[row], data.labels[row]) for row in chosen])
        while len(said["rounds"]) <= one.rounds:
            run = _trained(folder, data, said["chosen"], seed)
            predicted = Predictor.open(run).predict([data.inputs[row] for row in test]).labels
            right = sum(label == data.labels[row] for label, row in zip(predicted, test, strict=True))
            said["rounds"].append(Round(len(chosen) + len(said["chosen"]), right, len(test)))
            if len(said["rounds"]) <= one.rounds:
                left = np.setdiff1d(pool, said["chosen"])
                asked = _asked(one, data, run, left, strategy, np.random.default_rng([seed, len(said["rounds"])]))
                said["chosen"] += asked.tolist()
            write_bytes(kept, json.dumps(said).encode())
            print(one.name, strategy, seed, said["rounds"][-1], flush=True)


def _drawn(one: Set, data: Data, seed: int) -> tuple[Rows, Rows, Rows]:
    """Test rows, rows whose labels are hidden, and the first ones: at random, but with three of every class or more."""
    order = np.random.default_rng(seed).permutation(len(data.labels))
    test, rest = order[: one.test], order[one.test :]
    labels = np.array(data.labels)[rest]
    needed = np.concatenate([np.flatnonzero(labels == label)[:3] for label in np.unique(labels)])
    first = rest[np.concatenate([needed, np.setdiff1d(np.arange(len(rest)), needed)])[: one.first]]
    return test, np.setdiff1d(rest, first), first


def _trained(folder: Path, data: Data, more: list[int], seed: int) -> Run:
    """A run with defaults on the first examples and those labelled since."""
    number = sum(1 for _ in folder.glob("run-*"))
    labels = folder / f"labels-{number}.csv"
    options = SourceOptions(target="label")
    if more:
        lines = [Labelled(data.inputs[row], data.labels[row]) for row in more]
        write_bytes(labels, as_csv(Labelled._fields, lines).encode())
        options = SourceOptions(target="label", more=str(labels))
    recipe = Recipe(seed=seed, validation=0.2, test=0.0)
    run = fitted(folder / "source.csv", options, recipe, folder / f"run-{number}")
    found = Predictor.open(run).predict(run.table().frame["input"].to_list())
    run.write_arrays("scores.npz", {"probs": found.probs, "embeddings": found.embeddings.astype(np.float16)})
    return run


def _asked(one: Set, data: Data, run: Run, left: Rows, strategy: str, generator: np.random.Generator) -> Rows:
    """The rows of the pool to be labelled next."""
    if strategy == RANDOM:
        return generator.choice(left, one.batch, replace=False)
    pool = pl.DataFrame({data.column: [data.inputs[row] for row in left]})
    found = query(run, pool, count=one.batch, by=strategy)
    place = {data.inputs[row]: row for row in left}
    return np.array([place[name] for name in found.frame["input"]])


def _write(path: Path, head: list[str], rows: list[tuple[str, str]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(head)
        writer.writerows(rows)


def reached(labels: NDArray[np.float64], accuracy: NDArray[np.float64], wanted: float) -> float:
    """How many labels a curve needs to reach an accuracy, between two measurements on a straight line; nan = more."""
    for place in np.flatnonzero(accuracy >= wanted):
        if place == 0:
            return float(labels[0])
        share = (wanted - accuracy[place - 1]) / (accuracy[place] - accuracy[place - 1])
        return float(labels[place - 1] + share * (labels[place] - labels[place - 1]))
    return float("nan")


def tables() -> Iterator[str]:
    """A table for each data set."""
    for one in SETS:
        curves = {name: _curves(one, name) for name in STRATEGIES}
        if not all(len(found) for found in curves.values()):
            continue
        labels = curves[RANDOM][0][:, 0]
        yield f"\n## {one.name}: {one.items}, {one.first} labels and {one.rounds} times {one.batch} more\n"
        yield f"Right of {one.test:,} test {one.items}, in percent: mean over seeds, and the lowest and the highest.\n"
        yield "| labels | " + " | ".join(STRATEGIES) + " |\n|---|" + "---|" * len(STRATEGIES)
        for place, count in enumerate(labels):
            cells = [_spread(100 * found[:, place, 1]) for found in curves.values()]
            yield f"| {count:.0f} | " + " | ".join(cells) + " |"
        yield _needed(labels, curves)
        yield _last(curves)


def _curves(one: Set, strategy: str) -> NDArray[np.float64]:
    """Labels and accuracy of every finished seed [seeds, rounds, 2]."""
    found = [json.loads(path.read_text())["rounds"] for seed in SEEDS if (path := _kept(one, strategy, seed)).exists()]
    whole = [rounds for rounds in found if len(rounds) == one.rounds + 1]
    return np.array([[(labels, right / test) for labels, right, test in rounds] for rounds in whole])


def _spread(values: NDArray[np.float64]) -> str:
    return f"{values.mean():.1f} ({values.min():.1f}–{values.max():.1f})"


def _needed(labels: NDArray[np.float64], curves: dict[str, NDArray[np.float64]]) -> str:
    """Labels needed for the accuracy of random choice with all of its labels, by the mean curves."""
    wanted = curves[RANDOM][:, -1, 1].mean()
    cells = []
    for found in curves.values():
        count = reached(labels, found[:, :, 1].mean(0), wanted)
        cells.append(f"{count:.0f}" if np.isfinite(count) else f"more than {labels[-1]:.0f}")
    return f"| **needed for {100 * wanted:.1f} %** | " + " | ".join(cells) + " |"


def _last(curves: dict[str, NDArray[np.float64]]) -> str:
    """The difference to random choice, seed by seed, over all sizes after the first."""
    said = []
    for name, found in curves.items():
        if name != RANDOM and len(found) == len(curves[RANDOM]):
            gain = 100 * (found[:, 1:, 1] - curves[RANDOM][:, 1:, 1]).mean(1)
            each = ", ".join(f"{one:+.1f}" for one in gain)
            said.append(f"{name} {gain.mean():+.1f} points ({each})")
    return "\nAgainst random choice, mean over the sizes after the first (seed by seed): " + "; ".join(said) + "."


def _kept(one: Set, strategy: str, seed: int) -> Path:
    return CELLS / f"query-{one.name}-{strategy}-{seed}.json"


def write_tables() -> None:
    """Write benchmarks/query.md."""
    about = " ".join((__doc__ or "").split("\n\n")[1].split())
    text = f"# Labels that are asked for, beside labels at random\n\n{about}\n" + "\n".join(tables()) + "\n"
    write_bytes(TABLE, text.encode())


def main(arguments: list[str]) -> None:
    """Make the cells that are missing, cheapest data set first, one seed of every strategy before the next."""
    data, words = Path(arguments[0]), arguments[1:]
    CELLS.mkdir(exist_ok=True)
    for one in SETS:
        loaded: Any = None
        for seed in SEEDS:
            for strategy in STRATEGIES:
                if words and not any(word in f"{one.name} {strategy} {seed}" for word in words):
                    continue
                loaded = loaded or one.load(data)
                simulated(one, loaded, strategy, seed, _kept(one, strategy, seed))
                write_tables()
    write_tables()


if __name__ == "__main__":
    main(sys.argv[1:])
