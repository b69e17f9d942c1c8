"""The facts and the verdict of a run that predicts numbers, beside `facts` and `verdict` for classes.

Axis letters: N rows, E epochs. Every metric is {"value", "low", "high", "n"} with a 95 % interval; errors are in the
units of the target.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.errors import regression
from unfazed.analysis.intervals import Floats, Integers
from unfazed.errors import RunError
from unfazed.report.selection import SURPRISING, evaluated_split
from unfazed.report.verdict import CAUTION, GOOD, PLAIN, Sentence, items, sentence, simpler, spoken
from unfazed.report.words import count, figure, number, percent
from unfazed.table import SPLITS, Table

if TYPE_CHECKING:
    from unfazed.run import Run

Facts = Mapping[str, Any]
POINTS = 600  # of the picture of what is predicted against what is true
METRICS = ("rmse", "mae", "r2")


class Evidence(NamedTuple):
    """The arrays that the facts are computed from."""

    table: Table
    targets: Floats  # [N]
    predicted: Floats  # [N]
    losses: NDArray[np.floating]  # [E, N], squared errors of standardised targets

    def split(self, name: str) -> tuple[Floats, Floats]:
        """Targets and predictions of one split."""
        rows = self.table.rows(name)
        return self.targets[rows], self.predicted[rows]


class Shown(NamedTuple):
    """Row numbers of the examples that surprise the model, the most surprising first."""

    train: list[int]
    validation: list[int]


def evidence(run: "Run") -> Evidence:
    """The run's table, targets, predictions and losses, checked against one another."""
    table = run.table()
    probs, losses = run.scores().get("probs"), run.dynamics().get("losses")
    if probs is None or losses is None or probs.shape != (len(table), 1) or losses.shape[1:] != (len(table),):
        raise RunError(f"{run.path}: the files are not of one run: table.parquet, scores.npz and dynamics.npz disagree")
    return Evidence(table, table.targets(), probs[:, 0].astype(np.float64), losses)


def numbers_to_show(table: Table, probs: NDArray[np.floating], losses: NDArray[np.floating]) -> list[int]:
    """The rows worth showing, each once."""
    shown = selection(Evidence(table, table.targets(), probs[:, 0].astype(np.float64), losses))
    return list(dict.fromkeys([*shown.train, *shown.validation]))


def selection(seen: Evidence) -> Shown:
    """Training rows by their median error over the epochs, validation rows by the finished model's.

    The median: what was memorised ends low, and in the first epochs whatever is far from the mean is far off.
    """
    trained = seen.table.rows("train")
    median = np.full(len(seen.table), np.nan)
    if len(seen.losses):
        known = trained[np.isfinite(seen.losses[:, trained]).any(0)]
        median[known] = np.nanmedian(seen.losses[:, known].astype(np.float64), axis=0)
    off = np.abs(seen.predicted - seen.targets)
    return Shown(_largest(median, trained), _largest(off, seen.table.rows("validation")))


def _largest(values: Floats, rows: Integers) -> list[int]:
    known = rows[np.isfinite(values[rows])]
    found: list[int] = known[np.argsort(-values[known], kind="stable")[:SURPRISING]].tolist()
    return found


def numbers(seen: Evidence, baselines: Facts) -> dict[str, Any]:
    """What differs from the facts of a classifier: metrics, the guess of the mean, examples, the points to draw."""
    scored = {split: regression(*seen.split(split)) for split in SPLITS}
    train, _ = seen.split("train")
    mean = float(np.nanmean(train))
    guessed = {
        split: regression(targets, np.full(len(targets), mean))
        for split in SPLITS[1:]
        for targets, _ in [seen.split(split)]
    }
    split, shown = evaluated_split(seen.table), selection(seen)
    return {
        "target": {"mean": mean, "deviation": float(np.nanstd(train))},
        **{name: _named(metrics) for name, metrics in scored.items()},
        "baselines": {"mean": {name: _named(metrics) for name, metrics in guessed.items()}, **baselines},
        "evaluated_on": split,
        "points": _points(seen, split),
        "surprising": {
            "train": [example(seen, row) for row in shown.train],
            "validation": [example(seen, row) for row in shown.validation],
        },
    }


def _named(metrics: Mapping[str, Any]) -> dict[str, Any]:
    return {name: estimate._asdict() for name, estimate in metrics.items()}


def _points(seen: Evidence, split: str) -> list[tuple[float, float]]:
    """Pairs (target, prediction) of some rows, drawn evenly."""
    targets, predicted = seen.split(split)
    known = np.flatnonzero(np.isfinite(targets))
    every = max(1, -(-len(known) // POINTS))
    return [(float(targets[row]), float(predicted[row])) for row in known[::every]]


def example(seen: Evidence, row: int) -> dict[str, Any]:
    """One example with its target and what the model says."""
    target, predicted = float(seen.targets[row]), float(seen.predicted[row])
    return {"row": row, "id": str(seen.table.frame["id"][row]), "target": target, "predicted": predicted,
            "error": predicted - target}  # fmt: skip


def headline(told: Facts) -> str:
    """The one sentence: how far off, and the share of the variance explained, with n."""
    split = told["evaluated_on"]
    error, explained = told[split]["mae"], told[split]["r2"]
    if not error["n"]:
        return f"no {items(told)} with a target were kept apart, so nothing is known about new ones"
    on = count(error["n"], f"{split} {items(told)}")
    share = f"R² {figure(explained['value'])} ({_ends(explained)})"
    return f"off by {number(error['value'])} on average over {on}; {share}"


def _ends(estimate: Facts) -> str:
    return f"{figure(estimate['low'])} – {figure(estimate['high'])}"


def verdict(told: Facts) -> list[dict[str, str]]:
    """Sentences with a tone each, the most important first."""
    split = told["evaluated_on"]
    if not told[split]["mae"]["n"]:
        return []
    said = [_against_mean(told), *(_against(told, *one) for one in simpler(told))]
    return spoken(split, said)


def _against_mean(told: Facts) -> Sentence:
    split = told["evaluated_on"]
    error, r2 = told["baselines"]["mean"][split]["mae"], told[split]["r2"]
    always = f"Always naming the mean would be off by {number(error['value'])} on average"
    if r2["low"] is not None and r2["low"] > 0:
        return PLAIN, f"{always}; the model takes {percent(r2['value'])} of the variance away."
    return CAUTION, f"{always}: the model is not shown to be better than that."


def _against(told: Facts, words: str, baseline: Facts) -> Sentence:
    measured = baseline.get(told["evaluated_on"], {})
    its, gain = measured.get("r2"), measured.get("r2_difference")
    if not its or not gain or None in (its["value"], gain["value"], gain["low"], gain["high"]):
        return None
    said = f"{sentence(words)} reaches R² {figure(its['value'])} ({_ends(its)})"
    if gain["low"] <= 0 <= gain["high"]:
        return CAUTION, f"{said}: on this set the model is not distinguishable from it."
    ends = sorted((abs(gain["low"]), abs(gain["high"])))
    by = f"{figure(abs(gain['value']))} ({figure(ends[0])} – {figure(ends[1])}, compared example by example)"
    if gain["low"] > 0:
        return GOOD, f"{said}: the model is better by {by}."
    return CAUTION, f"{said}: it beats the model, by {by}."
