"""Finding wrong labels from one run, beside five-fold cleanlab: `python -m benchmarks.label_issues DATA`.

DATA is a folder as benchmarks/README.md describes it. A cell is one (data set, noise, seed): labels are corrupted, one
run is trained with defaults alone, and five more runs, each without a fifth of the rows, give the out-of-sample
probabilities that the rivals need. Its arrays are kept under benchmarks/cells and, as JSON, its figures, computed from
them; a cell that has either is not trained again. benchmarks/label_issues.md is written after each. Further words
choose the cells that have one of them in their names; `--no-train` only scores those there.
"""

import csv
import json
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.stats import rankdata
from sklearn.metrics import average_precision_score, roc_auc_score

from benchmarks.accuracy import source as archived
from unfazed.analysis.label_issues import LabelIssues, label_issues
from unfazed.files import replacing

HERE = Path(__file__).parent
CELLS = HERE / "cells"
SEEDS = (0, 1, 2)
FOLDS = 5
MOST = 5_000  # rows of a subset
ADULT = ("age", "workclass", "fnlwgt", "education", "education_num", "marital_status", "occupation", "relationship",
         "race", "sex", "capital_gain", "capital_loss", "hours_per_week", "native_country")  # fmt: skip
JUDGING = ("asking a simple model for a second opinion", "looking for wrong labels")  # stages of a run
FOLDED = ("5 folds, p", "5 folds, margin")
METHODS = ("one run", *FOLDED, "record alone", "AUM", "last loss")
TABLE = HERE / "label_issues.md"
Labels = NDArray[np.str_]
Arrays = dict[str, NDArray[Any]]


class Data(NamedTuple):
    """Inputs in columns, the labels that are held to be true, and, where people gave others, those."""

    columns: dict[str, list[str]]
    true: Labels
    given: Mapping[str, Labels]


def digits(data: Path) -> Data:
    """scikit-learn's digits, 1,797 images."""
    from unfazed.samples import local

    files = sorted(Path(str(local("sample:digits"))).glob("*/*.png"))
    return Data({"path": [str(file) for file in files]}, np.array([file.parent.name for file in files]), {})


def cifar10(data: Path) -> Data:
    """5,000 training images, half of each class, with the labels that people gave them (CIFAR-10N)."""
    folder = Path(archived("cifar10", data, CELLS))
    rows = list(csv.DictReader((folder / "human_labels.csv").open()))[::2]
    given = {name: np.array([row[name] for row in rows]) for name in ("aggregate", "random1", "worst")}
    files = [str((folder / row["file"]).absolute()) for row in rows]
    return Data({"path": files}, np.array([row["clean"] for row in rows]), given)


def fsdd(data: Path) -> Data:
    """Spoken digits, 3,000 recordings."""
    folder = CELLS / "fsdd-files"
    if not folder.exists():
        with tarfile.open(data / "audio/fsdd.tar") as archive:
            archive.extractall(folder, filter="data")
    files = sorted(folder.rglob("*.wav"))
    return Data({"path": [str(file.absolute()) for file in files]}, np.array([file.name[0] for file in files]), {})


def agnews(data: Path) -> Data:
    """News in four classes, the 7,600 texts of the test file."""
    rows = list(csv.reader((data / "text/agnews_test.csv").open(encoding="utf-8")))
    return Data({"text": [f"{title}. {text}" for _, title, text in rows]}, np.array([row[0] for row in rows]), {})


def noisy_agnews(data: Path) -> Data:
    """5,000 news texts with the labels that a crowd gave them."""
    rows = list(csv.DictReader((data / "text/noisy_agnews_train.csv").open(encoding="utf-8")))[::2]
    crowd = np.array([row["label"] for row in rows])
    return Data({"text": [row["text"] for row in rows]}, np.array([row["gt"] for row in rows]), {"crowd": crowd})


def adult(data: Path) -> Data:
    """Census income, 5,000 rows."""
    lines = (data / "tables/adult_train.csv").read_text().splitlines()
    rows = [[cell.strip() for cell in line.split(",")] for line in lines if line.count(",") == 14][:MOST]
    columns = {name: [row[place] for row in rows] for place, name in enumerate(ADULT)}
    return Data(columns, np.array([row[-1] for row in rows]), {})


SETS: dict[str, tuple[Callable[[Path], Data], tuple[str, ...]]] = {
    "digits": (digits, ("pair20", "sym20")),
    "adult": (adult, ("sym20",)),
    "agnews": (agnews, ("sym20", "pair20")),
    "noisy_agnews": (noisy_agnews, ("crowd",)),
    "fsdd": (fsdd, ("sym20", "pair20")),
    "cifar10": (cifar10, ("worst", "aggregate", "random1", "sym20", "pair20")),
}  # cheapest first


def corrupted(data: Data, noise: str, seed: int) -> Labels:
    """The labels given: those of people, or a fifth of the true ones changed, to any other class or to the next one."""
    if noise in data.given:
        return data.given[noise]
    generator = np.random.default_rng(seed)
    classes, y = np.unique(data.true, return_inverse=True)
    chosen = generator.permutation(len(y))[: round(0.2 * len(y))]
    by = generator.integers(1, len(classes), len(chosen)) if noise == "sym20" else 1
    y[chosen] = (y[chosen] + by) % len(classes)
    return classes[y]


class Trained(NamedTuple):
    """A run, and the processor seconds of it that went into judging labels."""

    run: Any
    audit: float


def trained(data: Data, given: Labels, seed: int, test: NDArray[np.bool_] | None, out: Path) -> Trained:
    """One run with defaults alone, its test rows given or chosen as usual."""
    from unfazed.report.events import Finished, Finishing
    from unfazed.verb.train import separated, training_events

    columns = {**data.columns, "target": given.tolist()}
    if test is not None:
        columns["split"] = np.where(test, "test", "train").tolist()
    out.mkdir()
    with (out / "data.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(zip(*columns.values(), strict=True))
    named = {} if "path" in data.columns else {"input": ",".join(data.columns)}
    options, recipe = separated({"target": "target", "task": "classification", "seed": seed, **named}, None)
    audit, judging, before = 0.0, False, 0.0
    for event in training_events(out / "data.csv", options, recipe, out / "run"):
        now = time.process_time()
        audit += judging * (now - before)
        judging, before = isinstance(event, Finishing) and event.stage in JUDGING, now
        if isinstance(event, Finished):
            return Trained(event.run, audit)
    raise AssertionError("the events ended without a run")


def one_run(data: Data, given: Labels, seed: int) -> Arrays:
    """The arrays that one run leaves behind."""
    with tempfile.TemporaryDirectory() as scratch:
        started = time.perf_counter(), time.process_time()
        run, audit = trained(data, given, seed, None, Path(scratch) / "one")
        seconds = time.perf_counter() - started[0], time.process_time() - started[1]
        split = run.table().frame["split"].fill_null("").to_numpy().astype(str)
        assert len(split) == len(given), "rows were left out"
        arrays = {**run.dynamics(), **run.scores(), "split": split, "seconds": np.array(seconds)}
        sides = ("train", "validation")
        arrays["accuracies"] = np.array([[line[side]["accuracy"] for side in sides] for line in run.epochs])
        arrays["audit_seconds"] = np.array(audit)
        return {**arrays, "given": given, "true": data.true, "classes": np.array(run.classes)}


def cross_validated(data: Data, given: Labels, seed: int) -> Arrays:
    """Probabilities [N, K] of every row by that of five runs which was not trained on it."""
    fold = np.random.default_rng(seed).permutation(len(given)) % FOLDS
    probs = np.full((len(given), len(np.unique(given))), np.nan, np.float32)
    started = time.perf_counter(), time.process_time()
    for number in range(FOLDS):
        with tempfile.TemporaryDirectory() as scratch:
            run = trained(data, given, seed, fold == number, Path(scratch) / "fold").run
            probs[fold == number] = run.scores()["probs"][fold == number]
    seconds = time.perf_counter() - started[0], time.process_time() - started[1]
    return {"out_of_sample": probs, "seconds": np.array(seconds)}


class Scores(NamedTuple):
    """A ranking of labels: higher = worse."""

    name: str
    suspicion: NDArray[np.float64]


def rankings(one: Arrays, folds: Arrays | None) -> tuple[list[Scores], LabelIssues]:
    """Every method's score [N] of each label; those that know training rows alone rank them and the others apart."""
    classes = {str(name): number for number, name in enumerate(one["classes"])}
    y = np.array([classes[str(label)] for label in one["given"]])
    rows = np.arange(len(y))
    window, probs = one["window_probs"].astype(np.float64), one["probs"].astype(np.float64)
    trained = np.isfinite(window[:, 0])
    split = np.array([("train", "validation", "test").index(name) if name else -1 for name in one["split"]])
    belief = np.where(trained[:, None], window, probs)
    ours = label_issues(y, belief, one["embeddings"], split, one.get("out_of_sample"))
    alone = label_issues(y, belief, one["embeddings"], split)
    place, place_alone = np.empty(len(y)), np.empty(len(y))
    place[ours.order], place_alone[alone.order] = -rows, -rows
    surprised = -np.log(np.maximum(probs[rows, y], 1e-7))
    margins = np.nan_to_num(one["margins"].astype(np.float64)).mean(0)
    found = [
        Scores("one run", place),
        Scores("record alone", place_alone),
        Scores("last loss", _apart(np.where(trained, one["losses"][-1], surprised), trained)),
        Scores("AUM", _apart(-np.where(trained, margins, _margin(np.log(np.maximum(probs, 1e-7)), y)), trained)),
    ]
    if folds is not None:
        unseen = folds["out_of_sample"].astype(np.float64)
        found += [Scores("5 folds, p", -unseen[rows, y]), Scores("5 folds, margin", -_margin(unseen, y))]
    return found, ours


def _margin(values: NDArray[np.float64], y: NDArray[np.int64]) -> NDArray[np.float64]:
    rows, others = np.arange(len(y)), values.copy()
    others[rows, y] = -np.inf
    return np.asarray(values[rows, y] - others.max(1))


def _apart(suspicion: NDArray[np.float64], trained: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Ranks within the trained rows and within the others, as shares, so that both can be in one list."""
    found = np.empty(len(suspicion))
    for side in (trained, ~trained):
        found[side] = rankdata(suspicion[side]) / max(1, side.sum())
    return found


class Cell(NamedTuple):
    """The figures of one cell."""

    name: str
    said: dict[str, list[float]]  # by method: AUROC, average precision, precision at N
    wrong: int
    rows: int
    estimated: list[float]  # wrong labels: their number, and the ends of its interval
    seconds: dict[str, float]  # of a processor: of the run, of its audit, of the folds


def cells() -> list[Cell]:
    """The cells there are."""
    return [Cell(**json.loads(path.read_text())) for path in sorted(CELLS.glob("label_issues-*.json"))]


def score(path: Path) -> None:
    """Write the figures of the cell whose one run left its arrays at `path`; those of folds that are gone stay."""
    one, other = dict(np.load(path)), Path(str(path).replace("-one.npz", "-folds.npz"))
    folds = dict(np.load(other)) if other.exists() else None
    wrong, figures = one["given"] != one["true"], Path(str(path).replace("-one.npz", ".json"))
    scores, ours = rankings(one, folds)
    said = {name: _figures(wrong, suspicion) for name, suspicion in scores}
    seconds = {"run": float(one["seconds"][1]), "audit": float(one["audit_seconds"])}
    if folds is not None:
        seconds["folds"] = float(folds["seconds"][1])
    elif figures.exists():
        known = Cell(**json.loads(figures.read_text()))
        said, seconds = {**known.said, **said}, {**known.seconds, **seconds}
    name, estimated = figures.stem.removeprefix("label_issues-").replace("-", ", "), list(ours.count[:3])
    cell = Cell(name, said, int(wrong.sum()), len(wrong), estimated, seconds)
    with replacing(figures) as new:
        new.write_text(json.dumps(cell._asdict(), indent=1) + "\n")


def table() -> str:
    """The cells there are, as Markdown."""
    found = cells()
    lines = [
        "# Wrong labels: one run beside five folds",
        "",
        " ".join((__doc__ or "").split("\n\n", 1)[1].split()),
        "",
        "AUROC / average precision / precision among the first N, N being the number of wrong labels. “5 folds”: the",
        "two scores of cleanlab 2.9 (self-confidence, normalised margin, by their formulas) on the probabilities of",
        "five more runs of the same network. “Record alone”: our audit without the simple model's second opinion.",
        "“AUM”: the mean margin over all epochs; “last loss”: that of the last epoch; of rows that were not trained on",
        "both take the finished model's. Processor seconds: of the run, of its audit, of the five folds.",
        "",
        f"| set, noise, seed | wrong | estimated (95 %) | {' | '.join(METHODS)} | seconds |",
        "|" + "---|" * (4 + len(METHODS)),
    ]
    for cell in found:
        figures = [" / ".join(f"{one:.3f}" for one in cell.said[name]) if name in cell.said else "" for name in METHODS]
        value, low, high = cell.estimated
        counts = f"{cell.wrong:,} of {cell.rows:,}", f"{value:,.0f} ({low:,.0f} – {high:,.0f})"
        seconds = ", ".join(f"{one:.3g}" for one in cell.seconds.values())
        lines.append(f"| {' | '.join([cell.name, *counts, *figures, seconds])} |")
    differences = *(_difference(found, name) for name in METHODS[1:]), *_beside_folds(found)
    return "\n".join([*lines, "", *differences, *_counts(found)]) + "\n"


def _beside_folds(found: list[Cell]) -> Iterator[str]:
    """The difference to the better score of the folds in each cell, in all and by the kind of noise."""
    noises: dict[str, list[float]] = {"all": [], "people's labels": [], "pair noise": [], "symmetric noise": []}
    for cell in found:
        if FOLDED[0] in cell.said:
            less = cell.said["one run"][0] - max(cell.said[name][0] for name in FOLDED)
            kind = {"pair20": "pair noise", "sym20": "symmetric noise"}.get(cell.name.split(", ")[1], "people's labels")
            for name in ("all", kind):
                noises[name].append(less)
    for name, less in noises.items():
        if len(less) > 1:
            yield (
                f"- One run, less the better score of the 5 folds in each cell, {name}: {np.mean(less):+.4f} ± "
                f"{np.std(less, ddof=1):.4f} ({len(less)} cells), from {min(less):+.4f} to {max(less):+.4f}."
            )


def _counts(found: list[Cell]) -> list[str]:
    """How good the estimated numbers are, and what the audit and the folds cost."""
    near = [cell for cell in found if abs(cell.estimated[0] - cell.wrong) <= 0.2 * cell.wrong]
    held = [cell for cell in found if cell.estimated[1] <= cell.wrong <= cell.estimated[2]]
    audit = [cell.seconds["run"] / (cell.seconds["run"] - cell.seconds["audit"]) for cell in found]
    folds = [cell.seconds["folds"] / cell.seconds["run"] for cell in found if "folds" in cell.seconds]
    return [
        f"- Of {len(found)} estimated numbers {len(near)} are within 20 % of the truth; {len(held)} intervals hold it.",
        f"- A run takes {_spread(audit)} times what it would take without its audit; the five folds take "
        f"{_spread(folds)} times the run (median, lowest and highest).",
    ]


def _spread(ratios: list[float]) -> str:
    return f"{np.median(ratios):.2f} ({min(ratios):.2f} – {max(ratios):.2f})"


def _difference(found: list[Cell], other: str) -> str:
    """By how much one run's AUROC is above another method's, over the cells that have both."""
    both = [(cell.said["one run"][0], cell.said[other][0]) for cell in found if other in cell.said]
    if not both:
        return f"- {other}: in no cell yet."
    less = np.array([ours - theirs for ours, theirs in both])
    ours, theirs = np.mean(both, axis=0)
    spread = f" ± {less.std(ddof=1):.4f}" if len(less) > 1 else ""
    return (
        f"- One run, mean AUROC {ours:.4f}; {other} {theirs:.4f}: {less.mean():+.4f}{spread} (standard deviation over "
        f"{len(less)} cells), from {less.min():+.4f} to {less.max():+.4f}."
    )


def _figures(wrong: NDArray[np.bool_], suspicion: NDArray[np.float64]) -> list[float]:
    first = wrong[np.argsort(-suspicion, kind="stable")[: wrong.sum()]].mean()
    return [float(roc_auc_score(wrong, suspicion)), float(average_precision_score(wrong, suspicion)), float(first)]


def main(data: Path, wanted: list[str], train: bool) -> None:
    """Make the cells that are missing, the cheapest first, and write the table after each."""
    CELLS.mkdir(exist_ok=True)
    for seed in SEEDS:
        for kind, made in (("one", one_run), ("folds", cross_validated)):
            for name, (load, noises) in SETS.items():
                for noise in noises:
                    path = CELLS / f"label_issues-{name}-{noise}-{seed}-{kind}.npz"
                    asked = not wanted or any(word in path.name for word in wanted)
                    if train and asked and not (path.exists() or known(path, kind)):
                        loaded = load(data)
                        arrays = made(loaded, corrupted(loaded, noise, seed), seed)
                        with replacing(path) as new, new.open("wb") as file:
                            np.savez_compressed(file, **arrays)
                        write()
    write()


def known(path: Path, kind: str) -> bool:
    """Whether the figures of the cell whose arrays would be at `path` have those of "one" run, or of "folds"."""
    figures = Path(str(path).replace(f"-{kind}.npz", ".json"))
    return figures.exists() and (kind == "one" or kind in Cell(**json.loads(figures.read_text())).seconds)


def write() -> None:
    """The figures of all cells whose arrays are there, and the table."""
    for path in sorted(CELLS.glob("label_issues-*-one.npz")):
        score(path)
    TABLE.write_text(table())


if __name__ == "__main__":
    main(Path(sys.argv[1]), [word for word in sys.argv[2:] if not word.startswith("--")], "--no-train" not in sys.argv)
