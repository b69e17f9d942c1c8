"""The facts of a run that predicts numbers, beside `facts` for classes.

Axis letters: N rows, E epochs. Every metric is {"value", "low", "high", "n"} with a 95 % interval; errors are in the
units of the target.
"""

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.errors import closer, density, likelihood, regression
from unfazed.analysis.intervals import Floats, Integers
from unfazed.analysis.surprise import BITS_PER_NAT
from unfazed.analysis.targets import carried_by_few
from unfazed.errors import RunError
from unfazed.report.selection import SURPRISING, Shown, evaluated_split
from unfazed.report.shapes import arrays_of
from unfazed.table import SPLITS, Table
from unfazed.target import Scale

if TYPE_CHECKING:
    from unfazed.run import Run

Facts = Mapping[str, Any]
POINTS = 600  # of the picture of what is predicted against what is true


class Evidence(NamedTuple):
    """The arrays that the facts are computed from."""

    table: Table
    targets: Floats  # [N]
    predicted: Floats  # [N]
    deviations: Floats | None  # [N], where the model says how sure it is
    losses: NDArray[np.floating]  # [E, N] of standardised targets: squared errors, or with deviations nats

    @classmethod
    def of(cls, table: Table, probs: NDArray[np.floating], losses: NDArray[np.floating]) -> "Evidence":
        """From predictions [N, 1], or with their deviations [N, 2]."""
        outputs = probs.astype(np.float64)
        return cls(table, table.targets(), outputs[:, 0], outputs[:, 1] if outputs.shape[1] == 2 else None, losses)

    def split(self, name: str) -> tuple[Floats, Floats]:
        """Targets and predictions of one split."""
        rows = self.table.rows(name)
        return self.targets[rows], self.predicted[rows]

    def surprise(self, scale: Scale) -> Floats:
        """The finished model's loss of each row [N], as `losses` has it."""
        if self.deviations is None:
            return ((self.predicted - self.targets) / scale.deviation) ** 2
        return likelihood(self.targets, self.predicted, self.deviations, scale.deviation)


def evidence(run: "Run") -> Evidence:
    """The run's table, targets, predictions and losses, checked against one another.

    Raises:
        RunError: a file is missing or damaged, or the files contradict one another.
    """
    table = run.table()
    probs, losses = arrays_of(run, table, 1, 2)
    if probs.shape[1] == 2 and not (probs[:, 1] > 0).all():
        raise RunError(f"{run.path / 'scores.npz'} is damaged: deviations are not all above 0. Train again")
    return Evidence.of(table, probs, losses)


def selection(seen: Evidence) -> Shown:
    """Training rows by their median loss over the epochs, validation rows by the finished model's.

    The median: what was memorised ends low, and in the first epochs whatever is far from the mean is far off.
    """
    final = seen.surprise(Scale.of(seen.table))
    return Shown(_largest(_median(seen), seen.table.rows("train")), _largest(final, seen.table.rows("validation")))


def _median(seen: Evidence) -> Floats:
    """Each training row's loss in the median epoch [N]; nan for all other rows."""
    trained, median = seen.table.rows("train"), np.full(len(seen.table), np.nan)
    if len(seen.losses):
        known = trained[np.isfinite(seen.losses[:, trained]).any(0)]
        median[known] = np.nanmedian(seen.losses[:, known].astype(np.float64), axis=0)
    return median


def _largest(values: Floats, rows: Integers) -> list[int]:
    known = rows[np.isfinite(values[rows])]
    found: list[int] = known[np.argsort(-values[known], kind="stable")[:SURPRISING]].tolist()
    return found


def numbers(seen: Evidence, baselines: Facts) -> dict[str, Any]:
    """What differs from the facts of a classifier: metrics, the guess of the mean, examples, the points to draw."""
    scale, split = Scale.of(seen.table), evaluated_split(seen.table)
    blind = np.full(len(seen.table), scale.deviation) if seen.deviations is not None else None
    guess = seen._replace(predicted=np.full(len(seen.table), scale.mean), deviations=blind)
    middle = float(np.nanmedian(seen.split("train")[0]))
    return {
        "target": {"name": seen.table.target, **scale._asdict()},
        **{name: _measured(seen, name, scale) for name in SPLITS},
        "baselines": {
            "mean": {name: _guessed(guess, name, scale) | _closer(seen, name, scale.mean) for name in SPLITS[1:]},
            "median": {name: _always(seen, name, middle) for name in SPLITS[1:]},
            **baselines,
        },
        "evaluated_on": split,
        "squared_error": _carried(seen, split),
        "points": _points(seen, split),
        "surprising": _surprising(seen, scale),
    }


def _measured(seen: Evidence, split: str, scale: Scale) -> dict[str, Any]:
    targets, predicted = seen.split(split)
    rows = seen.table.rows(split)
    groups = seen.table.groups(rows)
    found = regression(targets, predicted, groups=groups)
    if seen.deviations is not None:
        found |= density(targets, predicted, seen.deviations[rows], scale, groups)
    return {name: estimate._asdict() for name, estimate in found.items()}


def _points(seen: Evidence, split: str) -> list[tuple[float, float]]:
    """Pairs (target, prediction) of some rows, drawn evenly."""
    targets, predicted = seen.split(split)
    known = np.flatnonzero(np.isfinite(targets))
    every = max(1, -(-len(known) // POINTS))
    return [(float(targets[row]), float(predicted[row])) for row in known[::every]]


def _guessed(guess: Evidence, split: str, scale: Scale) -> dict[str, Any]:
    """What the mean is worth; nobody asks by how much it differs from itself."""
    return {name: its for name, its in _measured(guess, split, scale).items() if name != "nll_difference"}


def _closer(seen: Evidence, split: str, guess: float) -> dict[str, Any]:
    """By how much, and how often, the model is closer to the targets than who always says the same."""
    targets, predicted = seen.split(split)
    groups = seen.table.groups(seen.table.rows(split))
    found = closer(targets, predicted, np.full(len(targets), guess), groups)
    return {name: estimate._asdict() for name, estimate in found.items()}


def _always(seen: Evidence, split: str, guess: float) -> dict[str, Any]:
    """What it is worth always to say the same; the median of the training targets is the least off on average."""
    targets, _ = seen.split(split)
    groups = seen.table.groups(seen.table.rows(split))
    found = regression(targets, np.full(len(targets), guess), groups=groups)
    return {name: estimate._asdict() for name, estimate in found.items()} | _closer(seen, split, guess)


def _carried(seen: Evidence, split: str) -> dict[str, Any]:
    """What share of the squared error the largest hundredth of the rows, at least one, make, and whose is the most."""
    targets, predicted = seen.split(split)
    rows, share, first = carried_by_few(targets, predicted)
    ids = seen.table.frame["id"]
    named = str(ids[int(seen.table.rows(split)[first])]) if len(targets) else None
    return {"rows": rows, "share": share, "n": int(np.isfinite(targets).sum()), "first": named}


def _surprising(seen: Evidence, scale: Scale) -> dict[str, Any]:
    shown, median, final = selection(seen), _median(seen), seen.surprise(scale)
    ranked = {"train": (shown.train, median), "validation": (shown.validation, final)}
    return {
        split: [example(seen, row) | _ranked(seen, float(by[row]), scale) for row in rows]
        for split, (rows, by) in ranked.items()
    }


def _ranked(seen: Evidence, loss: float, scale: Scale) -> dict[str, float]:
    """What an example is ranked by, in units that people read: bits, or how far off in units of the target."""
    if seen.deviations is not None:
        return {"bits": loss * BITS_PER_NAT}
    return {"off": math.sqrt(max(loss, 0.0)) * scale.deviation}


def example(seen: Evidence, row: int) -> dict[str, Any]:
    """One example with its target and what the finished model says."""
    target, predicted = float(seen.targets[row]), float(seen.predicted[row])
    told = {"row": row, "id": str(seen.table.frame["id"][row]), "target": target, "predicted": predicted,
            "error": predicted - target}  # fmt: skip
    return told if seen.deviations is None else {**told, "deviation": float(seen.deviations[row])}
