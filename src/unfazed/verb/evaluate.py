"""`unfazed evaluate`: a run measured on other labelled data."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unfazed.analysis.errors import density, regression
from unfazed.analysis.groups import Groups
from unfazed.analysis.intervals import Estimate
from unfazed.analysis.metrics import classification
from unfazed.analysis.multilabel import multilabel
from unfazed.corrections import applied_in
from unfazed.errors import SourceError
from unfazed.label_sets import parts
from unfazed.modality import Modality, news_of
from unfazed.numerals import plain
from unfazed.predictor import Predictions, Predictor
from unfazed.reading import parallel, reading
from unfazed.report.facts import finite
from unfazed.run import Run
from unfazed.samples import local
from unfazed.source import SourceOptions, columns_of
from unfazed.spelling import Spelling, without_blanks
from unfazed.table import SPLITS, Table, brief, in_one_order, number_in
from unfazed.target import Scale, decided, with_plain_numbers


class _Known(NamedTuple):
    """What a run knows of examples, by their content as far as the columns of others go."""

    used: set[str | None]  # it was trained or chosen on
    own_test: Counter[str | None]  # it is tested on
    whole: bool  # the others have every column that it was trained with
    dropped: set[str]  # its corrections drop
    relabelled: dict[tuple[str, str | float], str]  # what its corrections make of the label of a content
    groups: set[str]  # it was trained or chosen on, and is not tested on


def evaluate(
    run: str | Path | Run,
    source: Any,
    *,
    path: str | None = None,
    target: str | None = None,
    label_regex: str | None = None,
    header: bool = True,
) -> dict[str, Any]:
    """Metrics of `run` on `source`, each with its 95 % interval and n, under scikit-learn's names.

    Only what can be held against the model is measured: not the inputs it was trained or chosen on (known by
    their content), nor others of their groups (by the column that the run was trained with), and, where the source is
    split already, only its test rows. Corrections that the run was trained with hold here too. Besides `metrics` and
    `rows` the result counts how many of these are the run's own test rows (`own_test`; `whole_test`: all of them are
    there, with every column), have a corrected label (`relabelled`), repeat the content of another (`copies`, beyond
    its group), and in how many `groups` they come (null where each is a stranger), and what was left out: `seen`,
    `seen_groups`, `dropped` (by corrections), `unlabelled`, `unknown` (labels the model does not know, with their
    counts) and `problems` (id and reason of each input that cannot be read); `split` is "test" or "all", and `notes`
    say what was noticed of the source.

    Raises:
        SourceError: the source cannot be used, or nothing in it can be measured.
        RunError: the run cannot be opened.
    """
    run = Run.open(run)
    predictor = Predictor.open(run)
    options = SourceOptions(path=path, target=target, label_regex=label_regex, header=header)
    found = _found(run, predictor, local(source), options)
    table, split = _measured_rows(found)
    by_run = _known(run, predictor.modality, table.columns)
    digests = _digests(table, predictor.modality, table.columns)
    reasons = _left_out(table, digests, by_run)
    left_out, kept = Counter(reasons), [row for row, reason in enumerate(reasons) if not reason]
    table, digests = table.where(np.array(kept, dtype=np.int64)), [digests[row] for row in kept]
    own = np.array([digest in by_run.own_test for digest in digests], dtype=bool)
    table, relabelled = _corrected(table, digests, by_run)
    predictions = predictor.predictions(table.frame["input"].to_list())
    readable = np.array([problem is None for problem in predictions.problems], dtype=bool)
    labels = [label if can else None for label, can in zip(table.frame["label"], readable, strict=True)]
    groups = table.groups(np.arange(len(table)))
    known, metrics = _measured(labels, predictions, predictor.scale, groups)
    unknown = Counter(
        name
        for label, can in zip(labels, known, strict=True)
        if label is not None and not can
        for name in _unknown(label, predictions)
    )
    if not known.any():
        raise SourceError(_nothing_to_measure(table, left_out, sorted(unknown), predictor.classes))
    problems = [
        {"id": name, "reason": reason}
        for name, reason in zip(table.frame["id"], predictions.problems, strict=True)
        if reason is not None
    ]
    given = table.frame["input"].filter(readable)
    news = news_of(given, predictor.modality, predictor.preprocessor, table.columns or None)
    facts: dict[str, Any] = finite(
        {
            "rows": int(known.sum()),
            "split": split,
            "groups": None if groups is None else len(np.unique(groups[known])),
            "notes": [*table.notes, *news],
            "metrics": {name: estimate._asdict() for name, estimate in metrics.items()},
            "own_test": int((own & known).sum()),
            "whole_test": by_run.whole and by_run.own_test <= Counter(np.array(digests, dtype=object)[known].tolist()),
            "relabelled": int((relabelled & known).sum()),
            "copies": _copies(digests, known, groups),
            **{reason: left_out[reason] for reason in ("seen", "seen_groups", "dropped")},
            "unlabelled": sum(label is None and bool(can) for label, can in zip(labels, readable, strict=True)),
            "unknown": dict(sorted(unknown.items())),
            "problems": problems,
        }
    )
    return facts


def _measured(
    labels: list[str | None], predictions: Predictions, scale: Scale | None, groups: Groups
) -> tuple[NDArray[np.bool_], dict[str, Estimate]]:
    """Which labels [n] can be held against the predictions, and the metrics on these; `scale`: of numbers."""
    if predictions.thresholds is not None:
        return _measured_sets(labels, predictions, groups)
    if scale is not None:
        targets = np.array([number_in(label) for label in labels])
        found = regression(targets, predictions.numbers, groups=groups)
        if predictions.probs.shape[1] == 2:
            found |= density(targets, predictions.numbers, predictions.deviations, scale, groups)
        return np.isfinite(targets), found
    number = {label: index for index, label in enumerate(predictions.classes)}
    y = np.array([number.get(label or "", -1) for label in labels], dtype=np.int64)
    return y >= 0, classification(y, predictions.probs, groups=groups)


def _measured_sets(
    labels: list[str | None], predictions: Predictions, groups: Groups
) -> tuple[NDArray[np.bool_], dict[str, Estimate]]:
    """Likewise of sets of labels: one that holds a label which the model does not know says too much to be measured."""
    number = {label: index for index, label in enumerate(predictions.classes)}
    y = np.full(predictions.probs.shape, np.nan)
    for row, label in enumerate(labels):
        if label is not None and not _unknown(label, predictions):
            y[row] = 0.0
            y[row, [number[name] for name in parts(label)]] = 1.0
    return ~np.isnan(y).any(1), multilabel(y, predictions.probs, predictions.indicators, groups=groups)


def _unknown(label: str, predictions: Predictions) -> list[str]:
    """What of a label, or of a set of them, the model does not know."""
    names = [label] if predictions.thresholds is None else parts(label)
    return [name for name in names if name not in predictions.classes]


def _found(run: Run, predictor: Predictor, source: Any, options: SourceOptions) -> Table:
    """The rows of the source, with the columns that the run was trained with as far as it has them.

    Where inputs stand in a table, any other column might be taken for one of labels that was named and is missing.
    """
    asked = run.origin.get("options", {})
    values, typed, group = predictor.modality.values, asked.get("target"), asked.get("group")
    there = columns_of(source, options.header) if group or not options.target else []
    if not options.target and there:
        known = [name for name in (typed, predictor.target) if name in there]
        options = replace(options, target=known[0] if known else typed if values else None)
    options = replace(options, group=group if group in there else None)
    found = predictor.modality.find(source, options, *[predictor.preprocessor] * values)
    if group and not options.group:
        found = found.with_notes(
            f'the run kept rows of one "{brief(group)}" together, and there is no such column: rows of groups '
            "that it was trained on are measured too, each row counts as one by itself, and intervals are too narrow "
            "where several belong together"
        )
    if run.task == "regression":  # not all labels need be numbers here
        return with_plain_numbers(without_blanks(found), run.table().decimal)
    return decided(found, run.task, Spelling(bool(asked.get("merge_case")), predictor.classes))


def _measured_rows(table: Table) -> tuple[Table, str]:
    """The test rows where the source has some, else all."""
    test = table.rows("test")
    return (table.where(test), "test") if len(test) else (table, "all")


def _digests(table: Table, modality: Modality, columns: Sequence[str]) -> list[str | None]:
    """The content of each row as a hash, as far as the columns go; null where it cannot be read."""
    identity = partial(modality.identity, columns=columns or None)
    look = partial(reading, read=lambda _: None, load=modality.load, identity=identity)
    return [one.sha256 or None for one in parallel(look, table.frame["input"].to_list())]


def _known(run: Run, modality: Modality, columns: Sequence[str]) -> _Known:
    """What the run knows of examples, by their content as far as the columns go.

    Until it is finished it must not be measured on its test either: who looks, and then goes on, has chosen by it.
    Files may have changed or gone since, so that the hash of then counts. A group that the source itself has on both
    sides is tested on nevertheless, in the run as here.
    """
    trained, corrections = run.table(), applied_in(run.path)
    of_then = trained.frame["sha256"].to_list()
    contents = np.array(_digests(trained, modality, columns) if modality.values else of_then, dtype=object)
    sides = {split: set(contents[trained.rows(split)]) - {None} for split in SPLITS}
    groups = {split: set(trained.frame["group"].gather(trained.rows(split)).drop_nulls()) for split in SPLITS}
    row_of = {name: row for row, name in enumerate(trained.frame["id"])}
    relabelled = {}
    for one in corrections:
        if one.action == "relabel" and (row := row_of.get(one.id)) is not None and contents[row]:
            as_read = plain(one.label, trained.decimal) if run.task == "regression" else None
            for label in (one.label, as_read or one.label):
                relabelled[contents[row], _key(label, run.task)] = trained.frame["label"][row]
    dropped = {one.sha256 for one in corrections if one.action == "drop"} - {"", *contents}
    used, its_groups = sides["train"] | sides["validation"], groups["train"] | groups["validation"]
    whole = not columns or {*trained.columns} <= {*columns}
    if run.finished:
        own = Counter(content for content in contents[trained.rows("test")].tolist() if content not in {None, *used})
        return _Known(used, own, whole, dropped, relabelled, its_groups - groups["test"])
    return _Known(used | sides["test"], Counter(), whole, dropped, relabelled, its_groups | groups["test"])


def _key(label: str, task: str) -> str | float:
    """What equal labels of a task have in common."""
    return number_in(label) if task == "regression" else in_one_order(label) if task == "multilabel" else label


def _left_out(table: Table, digests: Sequence[str | None], known: _Known) -> list[str]:
    """Why each row is not measured; empty where it is, if it can be read and has a label."""
    return [
        "seen" if digest in known.used
        else "dropped" if digest in known.dropped
        else "seen_groups" if group in known.groups
        else ""
        for digest, group in zip(digests, table.frame["group"], strict=True)
    ]  # fmt: skip


def _corrected(table: Table, digests: Sequence[str | None], known: _Known) -> tuple[Table, NDArray[np.bool_]]:
    """The table with the labels that the run's corrections make of its own, and which rows [n] these are of."""
    found = table.frame["label"].to_list()
    labels = [
        label if label is None else known.relabelled.get((digest or "", _key(label, table.task)), label)
        for label, digest in zip(found, digests, strict=True)
    ]
    changed = np.array([old != new for old, new in zip(found, labels, strict=True)], dtype=bool)
    return replace(table, frame=table.frame.with_columns(label=pl.Series(labels, dtype=pl.String))), changed


def _copies(digests: Sequence[str | None], known: NDArray[np.bool_], groups: Groups) -> int:
    """How many of the rows of a mask [n] repeat the content of another of them, one of another group."""
    rows = np.flatnonzero(known).tolist()
    different = {(digests[row], row if groups is None else int(groups[row])) for row in rows}
    return len(different) - len({digests[row] for row in rows})


def _nothing_to_measure(table: Table, left_out: Counter[str], unknown: list[str], classes: list[str]) -> str:
    if not len(table) and (count := left_out["seen"] + left_out["dropped"] + left_out["seen_groups"]):
        if not left_out["dropped"] + left_out["seen_groups"]:
            return f"the model was trained or chosen on every one of the {count:,} examples: evaluate it on others"
        return (
            f"the model was trained or chosen on all {count:,} examples, or on others of their groups, or its "
            "corrections drop them: evaluate it on others"
        )
    if not unknown or not classes:
        return f"no input of {table.root} can be read and has a label"
    return (
        f"no label of {table.root} is one the model knows: it has {', '.join(unknown[:5])}; "
        f"the model knows {', '.join(classes[:5])}{' …' if len(classes) > 5 else ''}"
    )
