"""`unfazed compare`: runs measured against one another, example by example.

Axis letters: n examples that are test rows of every run, K classes.
"""

from collections import Counter
from dataclasses import asdict
from itertools import combinations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unfazed.analysis.comparison import (
    by_name,
    chance_of_none,
    examples_needed,
    holm,
    mcnemar,
    paired_bootstrap,
    surprise_test,
)
from unfazed.analysis.errors import r2_difference, regression
from unfazed.analysis.groups import Groups
from unfazed.analysis.intervals import SIGNIFICANT, from_resamples, paired_difference
from unfazed.analysis.metrics import classification
from unfazed.analysis.multilabel import Sets, chosen, f1_differences, f1_parts, multilabel
from unfazed.analysis.surprise import in_nats
from unfazed.errors import SourceError, UsageError
from unfazed.report import facts, numbers, sets
from unfazed.report.facts import finite
from unfazed.report.shapes import only_run_errors
from unfazed.run import Run
from unfazed.spelling import same
from unfazed.table import SPLITS, Table

_CHOSEN_BY = [name for name in SPLITS if name != "test"]  # the sides that weights come from


class Side(NamedTuple):
    """One run's answers, and the rows of it that all have in common."""

    run: Run
    table: Table
    outputs: NDArray[np.floating]  # [N, K] of all its rows: calibrated probabilities; or the numbers [N, 1]
    merged: bool = False  # whether labels that differ only in case are one to any of the runs

    def sets(self, rows: NDArray[np.int64]) -> Sets:
        """The sets of labels [n, K] that it predicts."""
        return chosen(self.outputs[rows], np.array(self.run.thresholds))


def compare(*runs: str | Path | Run) -> dict[str, Any]:
    """Two or more runs on the examples that are test rows of each, matched by their content and label.

    `rows` counts these examples, and `groups` the groups that they come in, where they do; `left_out` says for each run
    how many of its test rows are not, how many of these another trained on, how many are of a group that one of the
    runs keeps together and another trained on, and how many have another label there.
    Labels that were corrected between two runs are compared by neither label: somebody looked at them because of what
    a run said, so that they would favour one of the two.
    `metrics` has those of each run on them, with 95 % intervals. `comparisons` has, for every two of the runs, the
    `difference` (first less second) of accuracy, of the mean absolute error, or of sets of labels of their micro F1,
    with its interval, the probability `p` that chance alone does as much (McNemar's exact test for accuracy, else a
    paired bootstrap; of groups, whole ones change sides or are drawn), `p_corrected` for all comparisons (Holm),
    `distinguishable`, and `rows_needed`: how many examples might show a difference like the one seen. All of that is
    about these two models: of runs that differ in the seed alone many are told apart too. So `settings` names what
    differs in their recipes, and `same_data` says whether they hold the same examples with the same labels.

    Raises:
        UsageError: fewer than two runs; runs of different tasks, or that know different labels; no test rows.
        SourceError: the runs have no test row in common.
        RunError: a run cannot be read.
    """
    opened = [Run.open(run) for run in runs]
    _check(opened)
    merged = any((run.origin.get("options") or {}).get("merge_case") for run in opened)
    sides = [_side(run)._replace(merged=merged) for run in opened]
    for side in sides:
        if not len(side.table.rows("test")):
            raise UsageError(f"{side.run.path} has no test rows, and the others chose its weights: compare wants some")
    torn = _torn(sides)
    rows = _common(sides, torn)
    groups = _groups(sides, rows)
    pairs = [_pair(*two, rows, sides, groups) for two in combinations(range(len(sides)), 2)]
    told: dict[str, Any] = finite({
        "task": opened[0].task,
        "rows": len(rows[0]),
        "groups": None if groups is None else len(np.unique(groups)),
        "runs": [str(run.path) for run in opened],
        "left_out": [_left_out(side, its, sides, torn) for side, its in zip(sides, rows, strict=True)],
        "metrics": [_metrics(side, its, groups) for side, its in zip(sides, rows, strict=True)],
        "comparisons": _corrected(pairs),
    })  # fmt: skip
    return told


def _check(runs: list[Run]) -> None:
    if len(runs) < 2:
        raise UsageError(f"compare wants two runs or more, got {len(runs)}")
    paths = [run.path.resolve() for run in runs]
    if twice := next((path for path in paths if paths.count(path) > 1), None):
        raise UsageError(f"{twice} is named twice: a run is no better than itself")
    if other := next((run for run in runs if run.task != runs[0].task), None):
        raise UsageError(
            f"{runs[0].path} is a {runs[0].task} run and {other.path} a {other.task} run: there is no common measure"
        )
    if other := next((run for run in runs if run.task == "multilabel" and run.classes != runs[0].classes), None):
        raise UsageError(f"{runs[0].path} and {other.path} know different labels: their sets have no common measure")


def _side(run: Run) -> Side:
    with only_run_errors(run.path):
        if run.task == "regression":
            of_numbers = numbers.evidence(run)
            return Side(run, of_numbers.table, of_numbers.predicted[:, None])
        if run.task == "multilabel":
            of_sets = sets.evidence(run)
            return Side(run, of_sets.table, of_sets.probs)
        seen = facts.evidence(run)
        return Side(run, seen.table, seen.probs)


def _keys(side: Side) -> pl.DataFrame:
    """Rows with what tells them from others: content, how often it came before, label however it is spelt, side."""
    content, key = pl.coalesce("sha256", "id").alias("content"), same(side.table, side.merged)
    labels = pl.Series("label", [label and key(label) for label in side.table.frame["label"]], dtype=pl.String)
    frame = side.table.frame.select(content, labels, "split").with_row_index("row")
    return frame.with_columns(turn=pl.int_range(pl.len()).over("content", "label", "split"))


def _common(sides: list[Side], torn: pl.DataFrame) -> list[NDArray[np.int64]]:
    """The row numbers [n] of the common examples in each run, in the same order; none of the contents in `torn`.

    Raises:
        SourceError: there are none.
    """
    tested = (pl.col("split") == "test") & pl.col("label").is_not_null()
    keyed = [_keys(side).filter(tested).join(torn, on="content", how="anti") for side in sides]
    joined = keyed[0].select("content", "label", "turn", row_0="row")
    for number, other in enumerate(keyed[1:], 1):
        renamed = other.select("content", "label", "turn", pl.col("row").alias(f"row_{number}"))
        joined = joined.join(renamed, on=["content", "label", "turn"], how="inner")
    if joined.is_empty():
        names = " and ".join(str(side.run.path) for side in sides)
        raise SourceError(
            f"{names} have no test row in common: they are of other data, or were split otherwise. Train them on the "
            "same source with the same seed and --group, or say its split column"
        )
    return [joined.sort("row_0")[f"row_{number}"].to_numpy().astype(np.int64) for number in range(len(sides))]


def _torn(sides: list[Side]) -> pl.DataFrame:
    """The contents of test rows of a run of whose groups another run trained on other rows.

    Groups that the run itself has on both sides, as its source has them, are none of these.
    """
    keys = [_keys(side).with_columns(side.table.frame["group"]) for side in sides]
    chosen_by = [one.filter(pl.col("split").is_in(_CHOSEN_BY)) for one in keys]
    found = []
    for number, (own, used) in enumerate(zip(keys, chosen_by, strict=True)):
        others = pl.concat(chosen_by[:number] + chosen_by[number + 1 :])
        groups = own.join(others, on="content", how="semi").join(used, on="group", how="anti")  # null is no group
        found.append(own.filter(pl.col("split") == "test").join(groups, on="group", how="semi").select("content"))
    return pl.concat(found).unique()


def _groups(sides: list[Side], rows: list[NDArray[np.int64]]) -> Groups:
    """The groups of the common examples [n], of the run that knows the fewest; None where none knows any."""
    known = [found for side, its in zip(sides, rows, strict=True) if (found := side.table.groups(its)) is not None]
    return min(known, key=lambda groups: len(np.unique(groups)), default=None)


def _left_out(side: Side, rows: NDArray[np.int64], sides: list[Side], torn: pl.DataFrame) -> dict[str, int]:
    """How many of a run's test rows are not compared on, how many of these another has trained on, or labels otherwise.

    torn: the contents of `_torn` groups. What is left are rows that another has not at all, or not on any side.
    """
    test = _keys(side).filter(pl.col("split") == "test")
    left = test.filter(~pl.col("row").is_in(rows.tolist()))
    others = pl.concat([_keys(other) for other in sides if other is not side])
    used = others.filter(pl.col("split").is_in(_CHOSEN_BY))
    seen = left.join(used, on="content", how="semi")
    left = left.join(used, on="content", how="anti")
    tested = others.filter((pl.col("split") == "test") & pl.col("label").is_not_null())
    elsewhere = left.join(torn, on="content", how="anti").join(tested, on="content", how="semi")
    relabelled = elsewhere.filter(pl.col("label").is_not_null()).join(tested, on=["content", "label"], how="anti")
    return {
        "test_rows": len(test),
        "left_out": len(test) - len(rows),
        "trained_on_by_another": len(seen),
        "of_groups_trained_on": len(left.join(torn, on="content", how="semi")),
        "labelled_otherwise": len(relabelled),
    }


def _metrics(side: Side, rows: NDArray[np.int64], groups: Groups) -> dict[str, Any]:
    if side.run.task == "regression":
        found = regression(side.table.targets()[rows], side.outputs[rows, 0].astype(np.float64), groups=groups)
    elif side.run.task == "multilabel":
        found = multilabel(side.table.indicators()[rows], side.outputs[rows], side.sets(rows), groups=groups)
    else:
        found = classification(side.table.y()[rows], side.outputs[rows], groups=groups)
    return {name: estimate._asdict() for name, estimate in found.items()}


def _pair(
    first: int, second: int, rows: list[NDArray[np.int64]], sides: list[Side], groups: Groups
) -> dict[str, Any]:
    one, other = ((sides[number], rows[number]) for number in (first, second))
    measure = _DIFFER[sides[first].run.task]
    comparisons = len(sides) * (len(sides) - 1) // 2
    return {
        "first": first,
        "second": second,
        **measure(one, other, comparisons, groups),
        "settings": _settings(one[0].run, other[0].run),
        "same_data": _held(one[0].table) == _held(other[0].table),
    }


def _settings(run: Run, other: Run) -> list[str]:
    """What differs between the recipes of two runs."""
    own, its = asdict(run.recipe), asdict(other.recipe)
    return [name for name in own if own[name] != its[name]]


def _held(table: Table) -> Counter[tuple[Any, ...]]:
    """How often a table holds each content with its label, on whichever side."""
    return Counter(table.frame.select(pl.coalesce("sha256", "id"), "label").iter_rows())


def _classes_differ(
    one: tuple[Side, NDArray[np.int64]], other: tuple[Side, NDArray[np.int64]], comparisons: int, groups: Groups
) -> dict[str, Any]:
    own, other_own = (list(map(same(side.table, side.merged), side.table.classes)) for side, _ in (one, other))
    names = sorted({*own, *other_own})
    probs, its = by_name(one[0].outputs[one[1]], own, names), by_name(other[0].outputs[other[1]], other_own, names)
    right, its_right = (side.outputs[rows].argmax(1) == side.table.y()[rows] for side, rows in (one, other))
    y = np.array([names.index(label) for label in own], dtype=np.int64)[one[0].table.y()[one[1]]]
    surprises, chance = surprise_test(y, probs, its, groups)
    return {
        "metric": "accuracy",
        "difference": paired_difference(right, its_right, groups)._asdict(),
        "only_first_right": int((right & ~its_right).sum()),
        "only_second_right": int((its_right & ~right).sum()),
        "p": mcnemar(right, its_right, groups),
        "log_loss_difference": in_nats(surprises)._asdict(),
        "log_loss_p": chance,
        "rows_needed": examples_needed(right.astype(np.float64) - its_right, comparisons, groups),
    }


def _numbers_differ(
    one: tuple[Side, NDArray[np.int64]], other: tuple[Side, NDArray[np.int64]], comparisons: int, groups: Groups
) -> dict[str, Any]:
    targets = one[0].table.targets()[one[1]]
    said, its = (side.outputs[rows, 0].astype(np.float64) for side, rows in (one, other))
    differences = np.abs(said - targets) - np.abs(its - targets)
    found, chance = paired_bootstrap(differences, groups=groups)
    return {
        "metric": "mae",
        "difference": found._asdict(),
        "p": chance,
        "r2_difference": r2_difference(targets, said, its, groups)._asdict(),
        "rows_needed": examples_needed(differences, comparisons, groups),
    }


def _sets_differ(
    one: tuple[Side, NDArray[np.int64]], other: tuple[Side, NDArray[np.int64]], comparisons: int, groups: Groups
) -> dict[str, Any]:
    (side, rows), (its_side, its_rows) = one, other
    y, own, its = side.table.indicators()[rows], side.sets(rows), its_side.sets(its_rows)
    value, resampled = f1_differences(y, own, its, groups=groups)
    surprises, chance = surprise_test(y, side.outputs[rows], its_side.outputs[its_rows], groups)
    return {
        "metric": "f1_micro",
        "difference": from_resamples(value, resampled, len(y))._asdict(),
        "p": chance_of_none(resampled, len(y if groups is None else np.unique(groups))),
        "log_loss_difference": in_nats(surprises)._asdict(),
        "log_loss_p": chance,
        "rows_needed": examples_needed(value + f1_parts(y, own) - f1_parts(y, its), comparisons, groups),
    }


_DIFFER = {"classification": _classes_differ, "regression": _numbers_differ, "multilabel": _sets_differ}


def _corrected(pairs: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The pairs with their p corrected for the number of pairs, those of the metric and those of the surprise apart."""
    families = [name for name in ("p", "log_loss_p") if all(name in pair for pair in pairs)]
    corrected = {f"{name}_corrected": holm([pair[name] for pair in pairs]) for name in families}
    return [
        {
            **pair,
            **{name: chances[number] for name, chances in corrected.items()},
            "distinguishable": corrected["p_corrected"][number] <= SIGNIFICANT,
        }
        for number, pair in enumerate(pairs)
    ]
