"""What asking for labels saves over labelling at random, simulated: `python -m benchmarks.query DATA [WORD…]`.

DATA is a folder with text/ and tables/, as benchmarks/README.md describes them. A cell is one (data set, strategy,
seed): a model is trained on a small random set of labelled examples, then again and again with a batch more, chosen by
`unfazed.query` from a pool whose labels are hidden, or at random; new labels come in as anybody's do, with `--more`. A
fifth of the first set are validation rows and stay so. Accuracy, of numbers R², is measured on test rows that are no
part of the pool, the same for every strategy. Cells are kept under benchmarks/cells, a round at a time, and not made
again; benchmarks/query.md is written once all are there. Further words choose the cells that have one of them in their
names.
"""

import csv
import json
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.tables import CELLS, publish
from unfazed import Predictor, query
from unfazed.files import as_csv, write_bytes
from unfazed.labelled import Labelled
from unfazed.recipe import Recipe
from unfazed.run import Run
from unfazed.source import SourceOptions
from unfazed.verb.train import fitted

SEEDS = (0, 1, 2)
RANDOM = "random"
STRATEGIES = (RANDOM, "uncertainty", "diversity", "both")
Rows = NDArray[np.int64]


class Data(NamedTuple):
    """Inputs in columns, and their labels."""

    columns: dict[str, list[str]]
    labels: list[str]

    def inputs(self, rows: Iterable[int]) -> list[str]:
        """What a table of a run has of some rows: a path, a text, or a row as JSON."""
        names = list(self.columns)
        if len(names) == 1:
            return [self.columns[names[0]][row] for row in rows]
        return [json.dumps({name: self.columns[name][row] for name in names}) for row in rows]

    def frame(self, rows: Iterable[int]) -> pl.DataFrame:
        """Some rows as a table."""
        return pl.DataFrame({name: [values[row] for row in rows] for name, values in self.columns.items()})


ADULT = ("age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship",
         "race", "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country")  # fmt: skip


class Set(NamedTuple):
    """A data set, and how it is labelled bit by bit."""

    name: str
    load: Callable[[Path], Data]
    items: str
    first: int  # examples labelled at random to begin with
    batch: int  # examples labelled before each further training
    test: int  # examples that accuracy is measured on
    pool: int = 2000  # examples to choose from, at most
    measure: str = "accuracy"
    epochs: int | str = "auto"  # few, for a simulation of two hundred trainings


ROUNDS = 4  # batches


def digits(data: Path) -> Data:
    """scikit-learn's digits, 1,797 images."""
    from unfazed.samples import local

    files = sorted(Path(str(local("sample:digits"))).glob("*/*.png"))
    return Data({"path": [str(file) for file in files]}, [file.parent.name for file in files])


def trec(data: Path) -> Data:
    """Questions, of six kinds, each once."""
    lines = [line for name in ("train", "test") for line in (data / f"text/trec6_{name}.txt").open(encoding="latin-1")]
    pairs = dict(line.strip().partition(" ")[::2][::-1] for line in lines if line.strip())
    return Data({"text": list(pairs)}, list(pairs.values()))


def california(data: Path) -> Data:
    """Districts of California and their median house value, a number."""
    with (data / "tables/california_housing.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    names = [name for name in rows[0] if name != "median_house_value"]
    columns = {name: [row[name] for row in rows] for name in names}
    return Data(columns, [row["median_house_value"] for row in rows])


def adult(data: Path) -> Data:
    """Census income, two classes; it took no part in the choice of what `both` is, nor of the default."""
    lines = (data / "tables/adult_train.csv").read_text().splitlines()
    rows = [[cell.strip() for cell in line.split(",")] for line in lines if line.count(",") == len(ADULT)]
    return Data({name: [row[place] for row in rows] for place, name in enumerate(ADULT)}, [row[-1] for row in rows])


SETS = (
    Set("California", california, "rows", 100, 50, 5000, measure="R²"),
    Set("adult", adult, "rows", 100, 50, 5000),
    Set("digits", digits, "images", 60, 40, 797, epochs=20),
    Set("TREC", trec, "texts", 200, 100, 1000, epochs=15),
)


class Round(NamedTuple):
    """What was known when a model was trained, and how good it was."""

    labels: int
    measured: float  # accuracy, or R²


def simulated(one: Set, data: Data, strategy: str, seed: int, scratch: Path) -> None:
    """Every round of one cell that is not kept yet; its file is written after each.

    scratch: a folder for the runs of one seed: the first one is the same for every strategy.
    """
    kept = _kept(one, strategy, seed)
    test, pool, chosen = _drawn(one, data, seed)
    said = json.loads(kept.read_text()) if kept.exists() else {"rounds": [], "chosen": []}
    labels = pl.Series("label", [data.labels[row] for row in chosen])
    data.frame(chosen).with_columns(labels).write_csv(scratch / "source.csv")
    while len(said["rounds"]) <= ROUNDS:
        out = scratch / (f"{strategy}-{len(said['chosen'])}" if said["chosen"] else "first")
        source = scratch / "source.csv"
        run = Run.open(out) if out.exists() else _trained(one, source, data, said["chosen"], seed, out)
        said["rounds"].append(Round(len(chosen) + len(said["chosen"]), _measured(run, data, test)))
        if len(said["rounds"]) <= ROUNDS:
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
    few = np.unique(labels) if one.measure == "accuracy" else []
    needed = [row for label in few for row in np.flatnonzero(labels == label)[:3]]
    first = rest[np.array([*needed, *np.setdiff1d(np.arange(len(rest)), needed)], dtype=np.int64)[: one.first]]
    return test, rest[~np.isin(rest, first)][: one.pool], first


def _measured(run: Run, data: Data, test: Rows) -> float:
    """Accuracy, or of numbers R², on the test rows."""
    predictions = Predictor.open(run).predict(data.inputs(test))
    truth = [data.labels[row] for row in test]
    if run.task != "regression":
        return float(np.mean([label == true for label, true in zip(predictions.labels, truth, strict=True)]))
    numbers = np.array(truth, dtype=float)
    return float(1 - np.square(numbers - predictions.numbers).sum() / np.square(numbers - numbers.mean()).sum())


def _trained(one: Set, source: Path, data: Data, more: list[int], seed: int, out: Path) -> Run:
    """A run with defaults on the first examples and those labelled since."""
    options = SourceOptions(target="label")
    if more:
        lines = [Labelled(*pair) for pair in zip(data.inputs(more), (data.labels[row] for row in more), strict=True)]
        options = SourceOptions(target="label", more=f"{out}.csv")
        write_bytes(Path(f"{out}.csv"), as_csv(Labelled._fields, lines).encode())
    run = fitted(source, options, Recipe(seed=seed, validation=0.2, test=0.0, epochs=one.epochs), out)
    found = Predictor.open(run).predict(run.table().frame["input"].to_list())
    run.write_arrays("scores.npz", {"probs": found.probs, "embeddings": found.embeddings.astype(np.float16)})
    return run


def _asked(one: Set, data: Data, run: Run, left: Rows, strategy: str, generator: np.random.Generator) -> Rows:
    """The rows of the pool to be labelled next."""
    if strategy == RANDOM:
        return generator.choice(left, one.batch, replace=False)
    found = query(run, data.frame(left), count=one.batch, by=strategy)
    place = dict(zip(data.inputs(left), left.tolist(), strict=True))
    return np.array([place[name] for name in found.frame["input"]])


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
        yield f"\n## {one.name}: {one.items}, {one.first} labels and {ROUNDS} times {one.batch} more\n"
        measured = f"{one.measure} on {one.test:,} test {one.items}, times 100"
        yield f"{measured}: mean of {len(curves[RANDOM])} seeds, the lowest and the highest.\n"
        yield "| labels | " + " | ".join(STRATEGIES) + " |\n|---|" + "---|" * len(STRATEGIES)
        for place, count in enumerate(labels):
            cells = [_spread(100 * found[:, place, 1]) for found in curves.values()]
            yield f"| {count:.0f} | " + " | ".join(cells) + " |"
        yield _needed(labels, curves)
        yield _last(curves)


def _curves(one: Set, strategy: str) -> NDArray[np.float64]:
    """Labels and accuracy of every finished seed [seeds, rounds, 2]."""
    found = [json.loads(path.read_text())["rounds"] for seed in SEEDS if (path := _kept(one, strategy, seed)).exists()]
    whole = [rounds for rounds in found if len(rounds) == ROUNDS + 1]
    return np.array(whole, dtype=float)


def _spread(values: NDArray[np.float64]) -> str:
    return f"{values.mean():.1f} ({values.min():.1f}–{values.max():.1f})"


def _needed(labels: NDArray[np.float64], curves: dict[str, NDArray[np.float64]]) -> str:
    """Labels needed for the accuracy of random choice with all of its labels, by the mean curves."""
    wanted = curves[RANDOM][:, -1, 1].mean()
    cells = []
    for found in curves.values():
        count = reached(labels, found[:, :, 1].mean(0), wanted)
        cells.append(f"{count:.0f}" if np.isfinite(count) else f"more than {labels[-1]:.0f}")
    return f"| **needed for {100 * wanted:.1f}** | " + " | ".join(cells) + " |"


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
    """Write benchmarks/query.md, or what there is of it."""
    about = " ".join((__doc__ or "").split("\n\n")[1].split())
    text = f"# Labels that are asked for, beside labels at random\n\n{about}\n" + "\n".join(tables()) + "\n"
    publish("query.md", text, (_kept(*one) for one in product(SETS, STRATEGIES, SEEDS)))


def main(arguments: list[str]) -> None:
    """Make the cells that are missing, cheapest data set first, one seed of every strategy before the next."""
    data, words = Path(arguments[0]), arguments[1:]
    CELLS.mkdir(exist_ok=True)
    for one in SETS:
        loaded: Any = None
        for seed in SEEDS:
            with tempfile.TemporaryDirectory() as scratch:
                for strategy in STRATEGIES:
                    if words and not any(word in f"{one.name} {strategy} {seed}" for word in words):
                        continue
                    loaded = loaded or one.load(data)
                    simulated(one, loaded, strategy, seed, Path(scratch))
                    write_tables()
    write_tables()


if __name__ == "__main__":
    main(sys.argv[1:])
