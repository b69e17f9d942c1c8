"""What correcting labels changed: a run against the one that its corrections came from, where nobody touched a label.

Axis letters: n rows that both runs are measured on, K classes.
"""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.calibration import scaled
from unfazed.analysis.comparison import by_name, surprise_difference
from unfazed.analysis.errors import r2_difference, regression
from unfazed.analysis.intervals import Estimate, paired_difference, proportion
from unfazed.analysis.multilabel import Sets, best_thresholds, chosen, f1_difference, multilabel
from unfazed.corrections import CHANGING, Correction, Outcome, applied_in, people_in
from unfazed.errors import UnfazedError
from unfazed.recipe import Recipe
from unfazed.report.selection import evaluated_split
from unfazed.run import Run
from unfazed.table import SPLITS, Table, in_one_order
from unfazed.target import outputs_of

REFUSED = 20  # corrections that were not applied and are told of one by one


class _Audit(NamedTuple):
    """The rows that both runs are measured on: their numbers in the tables of either, [n] each."""

    now: NDArray[np.int64]
    before: NDArray[np.int64]


def effect(
    outcomes: list[Outcome],
    table: Table,
    probs: NDArray[np.floating],
    recipe: Recipe,
    dropped: Mapping[str, int] = MappingProxyType({}),
) -> dict[str, Any] | None:
    """Facts for the report: how many were applied, by whom, what was refused, and `audit`; None without corrections.

    `dropped_of` says how many rows of each side are gone. `held_out` says how many of them, with the rows `dropped` of
    each side, changed the side that the run is measured on, and what `probs` [N, K], calibrated, are worth on its rows
    that nobody relabelled.
    `audit` compares `probs` [N, K], calibrated, with those of the run that the corrections came from, on the rows of
    the held-out split that were on the same side there and whose labels nobody touched; or it says in `missing` why it
    cannot. `had` says how many of the corrections that run was trained with itself.
    """
    if not outcomes:
        return None
    applied = [one for one, refused in outcomes if one.action in CHANGING and not refused]
    refused = [{"id": one.id, "why": why} for one, why in outcomes if why]
    actions, people = Counter(one.action for one in applied), Counter(one.who for one in applied)
    moments = sorted(one.when for one in applied if one.when)
    try:
        audit = _audited(outcomes, table, probs, recipe)
    except UnfazedError as error:
        audit = {"missing": str(error)}
    return {
        "relabelled": actions["relabel"],
        "dropped": actions["drop"],
        "dropped_of": {split: number for split, number in dropped.items() if split in SPLITS},
        "who": {name: people[name] for name in people_in(people)},
        "first": moments[0] if moments else None,
        "last": moments[-1] if moments else None,
        "refused": {"count": len(refused), "first": refused[:REFUSED]},
        "held_out": _held_out(applied, table, probs, dropped),
        "audit": audit,
    }


def _held_out(
    applied: list[Correction], table: Table, probs: NDArray[np.floating], dropped: Mapping[str, int]
) -> dict[str, Any]:
    split, relabelled = evaluated_split(table), [one.id for one in applied if one.action == "relabel"]
    rows = table.rows(split)
    changed = table.frame["id"].is_in(relabelled).to_numpy()[rows]
    metric, measured = _UNTOUCHED[table.task](table, probs, rows[~changed])
    return {
        "split": split,
        "relabelled": int(changed.sum()),
        "dropped": dropped.get(split, 0),
        "metric": metric,
        "untouched": measured._asdict(),
    }


def _right(table: Table, probs: NDArray[np.floating], rows: NDArray[np.int64]) -> tuple[str, Estimate]:
    rows = rows[table.y()[rows] >= 0]
    return "accuracy", proportion(probs[rows].argmax(1) == table.y()[rows], table.groups(rows))


def _explained(table: Table, probs: NDArray[np.floating], rows: NDArray[np.int64]) -> tuple[str, Estimate]:
    return "r2", regression(table.targets()[rows], probs[rows, 0], groups=table.groups(rows))["r2"]


def _found(table: Table, probs: NDArray[np.floating], rows: NDArray[np.int64]) -> tuple[str, Estimate]:
    predicted, groups = _predicted(table, probs)[rows], table.groups(rows)
    return "f1_micro", multilabel(table.indicators(rows), probs[rows], predicted, groups=groups)["f1_micro"]


_UNTOUCHED = {"classification": _right, "regression": _explained, "multilabel": _found}


def _audited(outcomes: list[Outcome], table: Table, probs: NDArray[np.floating], recipe: Recipe) -> dict[str, Any]:
    """The comparison.

    Raises:
        UnfazedError: it cannot be made; the message is the reason.
    """
    earlier = _earlier(outcomes)
    before, split = earlier.table(), evaluated_split(table)
    if before.task != table.task:
        raise UnfazedError(f"{earlier.path} is a run of another task, {before.task}")
    touched = {one.id for one, _ in outcomes if one.action in CHANGING}
    audit = _untouched(table, before, split, touched)
    if len(audit.now) < 2:
        raise UnfazedError(f"no {split} rows of the two runs are the same, with labels that nobody touched")
    old = earlier.scores().get("probs")
    if old is None or old.shape != (len(before), outputs_of(before, earlier.recipe.loss)):
        raise UnfazedError(f"{earlier.path} holds no scores of its rows")
    if earlier.temperature is not None:  # as `probs` are
        old = scaled(old, earlier.temperature.value)
    measured = _OF_TASK[table.task](table, probs, before, old, audit)
    now, then = asdict(recipe), asdict(earlier.recipe)
    return {
        "run": earlier.path.name,
        "had": len(_changes(one for one, refused in outcomes if not refused) & _changes(applied_in(earlier.path))),
        "split": split,
        "settings": [name for name in now if now[name] != then[name]],
        **{name: one._asdict() if isinstance(one, Estimate) else one for name, one in measured.items()},
    }


def _changes(corrections: Iterable[Correction]) -> set[tuple[str, ...]]:
    """What corrections make of which examples, those that leave them as they are not."""
    return {(one.id, one.action, in_one_order(one.corrected)) for one in corrections if one.action in CHANGING}


def _earlier(outcomes: list[Outcome]) -> Run:
    """The run that the corrections came from."""
    runs = sorted({one.run for one, _ in outcomes})
    if runs == [""]:
        raise UnfazedError("the corrections do not say which run they came from")
    if len(runs) > 1:
        raise UnfazedError(f"the corrections came from {len(runs)} runs")
    return Run.open(runs[0])


def _untouched(table: Table, before: Table, split: str, touched: set[str]) -> _Audit:
    """The rows of `split` in both tables with the same content and label, that no correction is about."""
    was = {one[0]: (row, one) for row, one in enumerate(_identities(before))}
    pairs = [
        (row, was[one[0]][0])
        for row, one in enumerate(_identities(table))
        if one[3] == split and one[0] not in touched and one[0] in was and was[one[0]][1] == one
    ]
    found = np.array(pairs, dtype=np.int64).reshape(-1, 2)
    return _Audit(found[:, 0], found[:, 1])


def _identities(table: Table) -> list[tuple[Any, ...]]:
    return table.frame.select("id", "sha256", "label", "split").rows()


def _of_classes(
    table: Table, probs: NDArray[np.floating], before: Table, old: NDArray[np.floating], audit: _Audit
) -> dict[str, Any]:
    y, was = table.y()[audit.now], before.y()[audit.before]
    now, then = probs[audit.now], old[audit.before]
    right, was_right, groups = now.argmax(1) == y, then.argmax(1) == was, table.groups(audit.now)
    names = sorted({*table.classes, *before.classes})
    number = np.array([names.index(label) for label in table.classes], dtype=np.int64)
    of_each = (by_name(then, before.classes, names), by_name(now, table.classes, names))
    return {
        "metric": "accuracy",
        "before": proportion(was_right, groups),
        "after": proportion(right, groups),
        "difference": paired_difference(right, was_right, groups),
        "bits_less": surprise_difference(np.where(y < 0, y, number[y]), *of_each, groups),
    }


def _of_numbers(
    table: Table, probs: NDArray[np.floating], before: Table, old: NDArray[np.floating], audit: _Audit
) -> dict[str, Any]:
    targets, now, then = table.targets()[audit.now], probs[audit.now, 0], old[audit.before, 0]
    groups = table.groups(audit.now)
    return {
        "metric": "r2",
        "before": regression(targets, then, groups=groups)["r2"],
        "after": regression(targets, now, groups=groups)["r2"],
        "difference": r2_difference(targets, now, then, groups),
    }


def _of_sets(
    table: Table, probs: NDArray[np.floating], before: Table, old: NDArray[np.floating], audit: _Audit
) -> dict[str, Any]:
    names = sorted({*table.classes, *before.classes})  # of which corrections may have made new ones, and ended others
    y = by_name(table.indicators(), table.classes, names)[audit.now]
    now, then = (
        by_name(_predicted(one, its), one.classes, names)[rows]
        for one, its, rows in ((table, probs, audit.now), (before, old, audit.before))
    )
    groups = table.groups(audit.now)
    return {
        "metric": "f1_micro",
        "before": multilabel(y, then.astype(np.float32), then, groups=groups)["f1_micro"],
        "after": multilabel(y, now.astype(np.float32), now, groups=groups)["f1_micro"],
        "difference": f1_difference(y, now, then, groups=groups),
    }


def _predicted(table: Table, probs: NDArray[np.floating]) -> Sets:
    """The sets [N, K] that a run predicts, its thresholds chosen on its validation rows as every run's are."""
    rows = table.rows("validation")
    return chosen(probs, best_thresholds(table.indicators()[rows], probs[rows]))


_OF_TASK = {"classification": _of_classes, "regression": _of_numbers, "multilabel": _of_sets}
