"""The facts of a run: what `report.json` holds and the page and the card are written from.

Axis letters: N rows, K classes, E epochs. Every metric is {"value", "low", "high", "n"} with a 95 % interval, under
scikit-learn's name. The names and their nesting are stable: programs read them.
"""

import csv
import math
import shlex
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.baselines import majority_probs
from unfazed.analysis.calibration import scaled
from unfazed.analysis.groups import Groups, of
from unfazed.analysis.intervals import Estimate, Integers, paired_difference
from unfazed.analysis.metrics import (
    balanced_difference,
    classification,
    confusion,
    most_confused,
    per_class,
    per_class_in_groups,
)
from unfazed.analysis.surprise import BITS_PER_NAT, label_entropy, mean_surprise, surprise
from unfazed.errors import RunError
from unfazed.files import unreadable
from unfazed.recipe import applying
from unfazed.report import numbers, numbers_verdict, sets
from unfazed.report.certainty import certainty, certainty_of_numbers
from unfazed.report.corrected import verdict_on_corrections
from unfazed.report.diagnosed import diagnosed
from unfazed.report.labels import labels
from unfazed.report.selection import GRID_CLASSES, PAIRS, Shown, evaluated_split, selection
from unfazed.report.shapes import ABOUT, EPOCHS, MEASUREMENTS, MODEL, ORIGIN, checked, probabilities_of
from unfazed.report.verdict import headline, verdict
from unfazed.report.words import GIVEN
from unfazed.table import SPLITS, Table

if TYPE_CHECKING:
    from unfazed.run import Run

FORMAT = 1
PROBLEMS = 20
DUPLICATES = 20
COLUMNS = ("id", "label", "split", "same_as", "conflicting")
TRUTH = {"true": True, "1": True, "false": False, "0": False}
PURPOSES = {"train": "fits the weights", "validation": "chose the epoch", "test": "touched once, at the end"}


class Evidence(NamedTuple):
    """The arrays that the facts are computed from: labels [N], probs [N, K], losses [E, N] in nats.

    `probs` are those that `predict` gives, `recorded` those of the network, before calibration.
    """

    table: Table
    y: Integers
    probs: NDArray[np.float32]
    losses: NDArray[np.floating]
    recorded: NDArray[np.float32]

    def split(self, name: str) -> tuple[Integers, NDArray[np.float32]]:
        """Labels and probabilities of one split."""
        rows = self.table.rows(name)
        return self.y[rows], self.probs[rows]

    def groups(self, name: str) -> Groups:
        """The groups of the rows of one split."""
        return self.table.groups(self.table.rows(name))


def facts(run: "Run", seen: Evidence | None = None) -> dict[str, Any]:
    """Everything that is reported about a run, from its files alone; `seen` is its evidence, if already read.

    Raises:
        RunError: a file is missing or damaged, or the files contradict one another.
    """
    measured = measurements(run)
    model = checked(run.model, MODEL, run.path / "model.json")
    found = _OF_TASK[run.task](run, measured, seen)
    told = {
        "format": FORMAT,
        "task": f"{model.get('modality', 'unknown')} {run.task}",
        "classes": run.classes,
        **_data(run, found.table, measured),
        "groups": {split: _groups(found.table, split) for split in SPLITS},
        **found.facts,
        **_training(run),
        "model": _model(run, model),
        "latency": measured.get("latency"),
        "run": run.path.resolve().name,
        "next": _next(run, model),
    }
    told = finite(told)  # before anything is said of it: sentences ask for None where an end is not known
    told["diagnosis"] = diagnosed(run, told, found.table, found.predicted)
    corrected = verdict_on_corrections(told)
    told["headline"] = found.headline(told)
    told["verdict"] = [*found.verdict(told), *([{"tone": corrected[0], "text": corrected[1]}] if corrected else [])]
    strict: dict[str, Any] = finite(told)
    return strict


def _groups(table: Table, split: str) -> int | None:
    """How many groups the labelled rows of a split come in; None where each is one by itself."""
    rows = table.rows(split)
    groups = table.groups(rows[table.frame["label"].is_not_null().to_numpy()[rows]])
    return None if groups is None else len(np.unique(groups))


class _Found(NamedTuple):
    """What only runs of one task have to tell."""

    table: Table
    predicted: NDArray[np.floating]  # [N, K] probabilities, or [N, 1] numbers
    facts: dict[str, Any]
    headline: Callable[[Mapping[str, Any]], str]
    verdict: Callable[[Mapping[str, Any]], list[dict[str, str]]]


def _classes(run: "Run", measured: Mapping[str, Any], seen: Evidence | None) -> _Found:
    seen = seen or evidence(run)
    counts, split = _class_counts(seen), evaluated_split(seen.table)
    scored = {split: classification(*seen.split(split), groups=seen.groups(split)) for split in SPLITS}
    told = {
        "class_counts": counts,
        **{split: _named(scores) for split, scores in scored.items()},
        "surprise": {split: _surprise(counts[split], scored[split]) for split in SPLITS},
        "baselines": {"majority": _majority(seen), **measured["baselines"]},
        "evaluated_on": split,
        "certainty": certainty(seen, split, run.temperature),
        **_mistakes(seen, run.classes),
        "surprising": _surprising(seen, run.classes),
        "labels": labels(seen.table, measured.get("labels"), run.path),
    }
    return _Found(seen.table, seen.probs, told, headline, verdict)


def _numbers(run: "Run", measured: Mapping[str, Any], _: Evidence | None) -> _Found:
    seen = numbers.evidence(run)
    told = {
        **numbers.numbers(seen, measured["baselines"]),
        "labels": labels(seen.table, measured.get("labels"), run.path),
        "certainty": certainty_of_numbers(seen, evaluated_split(seen.table)),
    }
    return _Found(seen.table, seen.predicted[:, None], told, numbers_verdict.headline, numbers_verdict.verdict)


def _sets(run: "Run", measured: Mapping[str, Any], _: Evidence | None) -> _Found:
    seen = sets.evidence(run)
    judged = labels(seen.table, measured.get("labels"), run.path)
    told = {**sets.sets(seen, measured["baselines"]), "labels": judged}
    return _Found(seen.table, seen.probs, told, sets.headline, sets.verdict)


_OF_TASK = {"classification": _classes, "regression": _numbers, "multilabel": _sets}


def evidence(run: "Run") -> Evidence:
    """The run's table, labels, probabilities and losses, checked against one another.

    Raises:
        RunError: a file is missing or damaged, or the files contradict one another.
    """
    table = run.table()
    probs, losses = probabilities_of(run, table)
    temperature = run.temperature
    return Evidence(table, table.y(), scaled(probs, temperature.value) if temperature else probs, losses, probs)


def measurements(run: "Run") -> dict[str, Any]:
    """What was measured with the pixels at hand; no `baselines` where nothing was.

    Raises:
        RunError: something in it has not the shape that it ought to have.
    """
    file = run.path / "measurements.json"
    measured = checked(run.measurements, MEASUREMENTS, file) if file.exists() else {}
    return {"baselines": {}, **measured}


def rows_to_show(table: Table, probs: NDArray[np.floating], losses: NDArray[np.floating]) -> list[int]:
    """The rows that the page of a run will show, each once; what its model said [N, K], losses [E, N]."""
    if table.task == "regression":
        return numbers.selection(numbers.Evidence.of(table, probs, losses)).rows
    if table.task == "multilabel":
        return sets.selection(table, table.indicators(), probs, losses).rows
    return selection(table, table.y(), probs, losses).rows


def shown(seen: Evidence) -> Shown:
    """The rows that the page shows."""
    return selection(seen.table, seen.y, seen.probs, seen.losses)


def finite(value: Any) -> Any:
    """The same value as strict JSON in UTF-8 allows it.

    nan and infinities become None, numpy's numbers Python's, and halves of surrogate pairs question marks.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode()
    if isinstance(value, Mapping):
        return {finite(str(key)): finite(inner) for key, inner in value.items()}
    if isinstance(value, np.ndarray | np.generic):
        return finite(value.tolist())
    if isinstance(value, Sequence):
        return [finite(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _named(estimates: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: estimate._asdict() for name, estimate in estimates.items()}


def _data(run: "Run", table: Table, measured: Mapping[str, Any]) -> dict[str, Any]:
    """Where the examples came from and what was noticed; of the path only the last part, since reports travel."""
    problems = run.problems()
    return {
        "source": {"name": PurePath(table.root).name or table.root, "kind": table.kind, "notes": list(table.notes)},
        "counts": {split: len(table.rows(split)) for split in SPLITS} | {"all": len(table)},
        "purposes": PURPOSES,
        "problems": {"count": len(problems), "first": problems[:PROBLEMS]},
        "duplicates": _duplicates(run, measured.get("duplicates")),
        "corrections": measured.get("corrections"),
        "flip": measured.get("flip"),
    }


def _duplicates(run: "Run", counted: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What was counted, and the first of them, where the run lists them."""
    if not counted:
        return None
    rows = sorted(duplicates(run.path / "duplicates.csv"), key=lambda row: not row["conflicting"])
    return {**counted, "first": rows[:DUPLICATES]}


def duplicates(file: Path) -> list[dict[str, Any]]:
    """Rows that share their content with another: id, label, split, same_as, conflicting; none without the file.

    Raises:
        RunError: the file cannot be read, or is no such list.
    """
    try:
        with file.open(encoding="utf-8", newline="") as lines:
            return [_duplicate(row) for row in csv.DictReader(lines, strict=True)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise unreadable(file, error) from error
    except (ValueError, KeyError, AttributeError, csv.Error) as error:
        raise RunError(f"{file} is damaged: {type(error).__name__}: {error}. Delete it, or train again") from error


def _duplicate(row: Mapping[str, Any]) -> dict[str, Any]:
    if None in row or None in row.values():
        raise ValueError(f"the row of {str(row.get('id'))[:60]!r} has not the {len(COLUMNS)} columns of the list")
    found = {name: row[name] for name in COLUMNS}
    return {**found, "conflicting": TRUTH[found["conflicting"].lower()]}


def _class_counts(seen: Evidence) -> dict[str, Integers]:
    labels = {split: seen.split(split)[0] for split in SPLITS}
    return {split: np.bincount(y[y >= 0], minlength=seen.probs.shape[1]) for split, y in labels.items()}


def _surprise(counts: Integers, found: Mapping[str, Estimate]) -> dict[str, Any]:
    """Bits per label before the model (the entropy of the labels) and after, and the share that it took away."""
    nats = found["log_loss"]
    return {
        "label_entropy_bits": float(label_entropy(counts)),
        "cross_entropy_bits": {end: getattr(nats, end) * BITS_PER_NAT for end in ("value", "low", "high")}
        | {"n": nats.n},
        "share_removed": found["d2_log_loss_score"]._asdict(),
    }


def _majority(seen: Evidence) -> dict[str, Any]:
    (train, _), found = seen.split("train"), {}
    for split in SPLITS[1:]:
        (y, probs), groups = seen.split(split), seen.groups(split)
        guess, known = majority_probs(train, probs.shape[1], len(y)), y >= 0
        right, guessed = (one.argmax(1)[known] == y[known] for one in (probs, guess))
        gains = {
            "accuracy_difference": paired_difference(right, guessed, of(groups, known)),
            "balanced_accuracy_difference": balanced_difference(y[known], right, guessed, of(groups, known)),
        }
        found[split] = _named(classification(y, guess, groups=groups) | gains)
    return found


def _mistakes(seen: Evidence, classes: Sequence[str]) -> dict[str, Any]:
    """Per-class scores and the confusion matrix of the evaluated split; rows are given, columns predicted."""
    split = evaluated_split(seen.table)
    (y, probs), groups = seen.split(split), seen.groups(split)
    counted = confusion(y, probs.argmax(1), len(classes))
    found = per_class(counted) if groups is None else per_class_in_groups(y, probs.argmax(1), len(classes), groups)
    scores = zip(classes, found, strict=True)
    return {
        "per_class": [
            {"label": label, "support": score.recall.n, **_named(score._asdict())} for label, score in scores
        ],
        "confusion": {
            "matrix": counted.tolist() if len(classes) <= GRID_CLASSES else None,
            "pairs": [
                {"label": classes[given], "predicted": classes[predicted], "count": times}
                for given, predicted, times in most_confused(counted, PAIRS)
            ],
        },
    }


def _surprising(seen: Evidence, classes: Sequence[str]) -> dict[str, Any]:
    rows, final = shown(seen), surprise(seen.y, seen.probs)
    return {
        "train": [example(seen, classes, row, mean) for row, mean in _with(rows.train, mean_surprise(seen.losses))],
        "validation": [example(seen, classes, row, bits) for row, bits in _with(rows.validation, final)],
    }


def _with(rows: Sequence[int], bits: NDArray[np.float64]) -> list[tuple[int, float]]:
    return [(row, float(bits[row])) for row in rows]


def example(seen: Evidence, classes: Sequence[str], row: int, bits: float) -> dict[str, Any]:
    """One example with both labels, the given and the predicted, and the final model's probability of each."""
    probs, given = seen.probs[row], int(seen.y[row])
    predicted = int(probs.argmax())
    return {
        "row": row,
        "id": str(seen.table.frame["id"][row]),
        "label": classes[given],
        "predicted": classes[predicted],
        "bits": bits,
        "probability": float(probs[given]),
        "predicted_probability": float(probs[predicted]),
    }


def _training(run: "Run") -> dict[str, Any]:
    epochs = checked(run.epochs, EPOCHS, run.path / "epochs.jsonl")
    if not all(epoch and "epoch" in epoch for epoch in epochs):
        raise RunError(f"{run.path / 'epochs.jsonl'} is damaged: a line has no number of its epoch. Train again")
    origin = checked(run.origin, ORIGIN, run.path / "origin.json")
    return {
        "epochs": epochs,
        "best_epoch": best_epoch(epochs),
        "recipe": applying(run.recipe),
        "timings": origin.get("timings", {}),
        "origin": {name: origin.get(name) for name in (*ABOUT, "seed")},
    }


def best_epoch(epochs: Sequence[Mapping[str, Any]]) -> int | None:
    """The number of the epoch whose weights were kept: the last one that was best so far."""
    return next((int(epoch["epoch"]) for epoch in reversed(epochs) if epoch.get("best")), None)


def _next(run: "Run", model: Mapping[str, Any]) -> str:
    return f"unfazed predict {shlex.quote(run.path.resolve().name)} {GIVEN.get(str(model.get('modality')), 'FILE')}"


def _model(run: "Run", model: Mapping[str, Any]) -> dict[str, Any]:
    weights = run.path / "model.safetensors"
    return {
        "family": model.get("family"),
        "parameters": model.get("parameters"),
        "bytes": weights.stat().st_size if weights.exists() else None,
    }
