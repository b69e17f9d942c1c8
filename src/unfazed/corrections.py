"""Labels that people corrected: `corrections.csv`, and what of it fits the source as it is now.

A correction names the example, its content (sha256) and the label that it was made against. It is applied where all
three are as they were, and refused with the reason elsewhere: never to another content, never over another change.
"""

import csv
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unfazed.csv_files import lines_in, rows_of
from unfazed.errors import RunError, SourceError, UsageError, did_you_mean
from unfazed.files import unreadable
from unfazed.label_sets import joined, parts
from unfazed.numerals import plain, typed_numbers
from unfazed.table import SPLITS, Table, clean_label, in_one_order, is_number, listed, natural_key, number_in

FILE = "corrections.csv"
ACTIONS = ("keep", "relabel", "drop", "unsure")
CHANGING = ("relabel", "drop")
NEEDED = ("id", "corrected")  # of a file that a person writes: all of it are new labels
_UNSTATED = "\0"  # of a file that has no such column: nothing to check, until the source says it
_LONGEST_LABEL = 200
_NAMED = 3  # corrections that do not fit are told of one by one


class Correction(NamedTuple):
    """One decision, as a line of `corrections.csv`; all of it is text."""

    id: str
    input: str
    label: str  # as the source had it
    corrected: str  # empty where the action says no label
    action: str  # one of ACTIONS
    who: str
    when: str  # ISO 8601
    why: str
    sha256: str  # of the content that was looked at
    run: str  # the run folder that the decision was made in


COLUMNS = (*Correction._fields, "applied")  # of the file that a run keeps


class Outcome(NamedTuple):
    """What became of a correction."""

    correction: Correction
    refused: str  # why it was not applied; empty where it was, or where there was nothing to apply


class Corrected(NamedTuple):
    """A table of N rows after its corrections."""

    table: Table  # the rows that are left, with their corrected labels
    kept: NDArray[np.int64]  # their numbers in the table before
    outcomes: list[Outcome]


def read_corrections(path: str | Path) -> list[Correction]:
    """The lines of a corrections file; one that a person wrote needs no more than the columns id and corrected.

    Raises:
        UsageError: it is none; the message names the line.
    """
    absent: list[str] = []

    def check(names: Sequence[str], path: str | Path) -> None:
        absent.extend(_checked_columns(names, path))

    lines = lines_in(path, Correction._fields, check, f"unfazed review RUN --export {FILE}")
    found = [_correction(_filled(Correction(*line), absent), where) for where, line in lines]
    return _without_repeats(found, path)


def _checked_columns(names: Sequence[str], path: str | Path) -> list[str]:
    """The columns that a file has not, if it can do without them: one that has another in their place cannot."""
    absent = [name for name in Correction._fields[:-1] if name not in names]  # `run` only serves the comparison
    other = [name for name in names if name not in COLUMNS]
    lacking = [name for name in NEEDED if name in absent] or (absent if other else [])
    if lacking:
        beside = f" and has {listed(other)}, which it should not" if other else ""
        raise UsageError(
            f"{path} is no corrections file: it lacks the columns {listed(lacking)}{beside}. `unfazed review RUN` "
            f"makes one. By hand, {listed(NEEDED)} are enough; with label and sha256 it is checked what they are for"
        )
    return absent


def _filled(found: Correction, absent: Sequence[str]) -> Correction:
    """A line of a file without some columns: its new labels are corrections of whatever is there."""
    defaults = {"action": "relabel", "label": _UNSTATED, "sha256": _UNSTATED}
    return found._replace(**{name: value for name, value in defaults.items() if name in absent})


def _correction(found: Correction, where: str) -> Correction:
    """What a line says, checked; raises UsageError."""
    if found.action not in ACTIONS:
        near = did_you_mean(found.action, ACTIONS)
        raise UsageError(f'{where}: the action is "{found.action[:40]}"; it must be {", ".join(ACTIONS)}.{near}')
    if not found.id:
        raise UsageError(f"{where}: it has no id")
    label = clean_label(found.corrected)
    if found.action == "relabel" and label is None:
        raise UsageError(f"{where}: the action is relabel, but the corrected label is empty")
    return found._replace(corrected=label or "")


def valid_label(text: str, where: str, task: str = "classification", decimal: str = ".") -> str:
    """A label that a person typed, in the form that sources' labels have; `decimal`: see `numerals.typed_numbers`.

    Raises:
        UsageError: there is nothing in it, or too much, or it is no number, or may be two, where numbers are predicted.
    """
    label = clean_label(text)
    if label is None:
        raise UsageError(f"{where} is empty: a label is 1 to {_LONGEST_LABEL} printable letters")
    if len(label) > _LONGEST_LABEL or not label.isprintable():
        raise UsageError(f"{where}: a label is 1 to {_LONGEST_LABEL} printable letters, got {label!r:.60}")
    if task == "regression" and not is_number(label := str(typed_numbers([label], decimal, where)[0])):
        raise UsageError(f'{where}: a number is predicted here, got "{label[:40]}"')
    return label


def set_in(text: str, where: str, known: Sequence[str]) -> str:
    """A set of labels that a person typed, the single ones in one order; those that are `known` stay as they are.

    Raises:
        UsageError: a new one is no label.
    """
    return in_one_order(joined(part if part in known else valid_label(part, where) for part in parts(text)))


def _without_repeats(corrections: Sequence[Correction], path: str | Path) -> list[Correction]:
    """One correction an example; files of several people may be joined as long as they agree."""
    found: dict[str, Correction] = {}
    for one in corrections:
        earlier = found.setdefault(one.id, one)
        if _said(earlier) != _said(one):
            said = " and ".join(" ".join(filter(None, [each.action, each.corrected])) for each in (earlier, one))
            raise UsageError(f'{path} decides twice about "{one.id}": {said}. Leave one of the two lines')
    return list(found.values())


def _said(one: Correction) -> tuple[str, ...]:
    """What a correction says, whatever the order of a set's labels."""
    return one.action, in_one_order(one.corrected), in_one_order(one.label)


def correct(table: Table, corrections: Sequence[Correction]) -> Corrected:
    """The table, divided and with its contents known, with its labels corrected and dropped rows gone.

    Rows stay on their sides, whatever their labels become. A new label that is the old one keeps it. Notes say what was
    done, and name what was refused.

    Raises:
        SourceError: nothing fits, or nothing is left of a side.
        UsageError: a corrected label is not of the task, or may be two numbers.
    """
    if not corrections:
        return Corrected(table, np.arange(len(table)), [])
    rows = {name: row for row, name in enumerate(table.frame["id"])}
    said = _in_form(corrections, table)
    refusals = [_misfit(one, table, rows.get(one.id)) for one in said]
    full = [_completed(one, table, rows.get(one.id)) for one in said]
    changing = [one for one, refused in zip(full, refusals, strict=True) if one.action in CHANGING and not refused]
    _check_some_fit(list(map(Outcome, full, refusals)), changing, table)
    labels = table.frame["label"].to_list()
    new = {one.id: _checked(one, table) for one in changing if one.action == "relabel"}
    there = {name for name, label in new.items() if _equal(label, labels[rows[name]], table)}
    outcomes = [
        Outcome(_kept(one, labels[rows[one.id]], table) if one.id in there else one, refused)
        for one, refused in zip(full, refusals, strict=True)
    ]
    for name in new.keys() - there:
        labels[rows[name]] = new[name]
    dropped = {rows[one.id] for one in changing if one.action == "drop"}
    kept = np.array([row for row in range(len(table)) if row not in dropped], dtype=np.int64)
    frame = table.frame.with_columns(pl.Series("label", labels, dtype=pl.String))
    left = replace(table, frame=frame).where(kept)
    _check_sides(table, left)
    left = replace(left, classes=_classes(left))
    if left.task != "regression" and not left.classes:
        raise SourceError("the corrections leave no label at all: keep some")
    if there:
        left = left.with_notes(f"new labels that the source has already: {len(there):,}")
    return Corrected(left.with_notes(*_told(outcomes, len(new) - len(there), table, left)), kept, outcomes)


def _equal(label: str | None, other: str | None, table: Table) -> bool:
    """Whether two labels are one: numbers, however they are written."""
    return number_in(label) == number_in(other) if table.task == "regression" else label == other


def _kept(one: Correction, label: str | None, table: Table) -> Correction:
    """A relabelling whose label the source has already; it keeps the one that it was made against if that is the same.

    Where it is not, people have corrected the source since: that stays a label that was corrected.
    """
    if one.label != label and not (table.task == "regression" and plain(one.label, table.decimal) == label):
        return one
    return one._replace(action="keep", label=label or "", corrected=label or "")


def _completed(one: Correction, table: Table, row: int | None) -> Correction:
    """A correction with the label and the content that it was applied to, where its file did not say them."""
    unstated = [name for name in ("label", "sha256") if getattr(one, name) == _UNSTATED]
    return one._replace(**{name: "" if row is None else table.frame[name][row] or "" for name in unstated})


def _in_form(corrections: Sequence[Correction], table: Table) -> Sequence[Correction]:
    """Corrections with numbers as tables have them, and as the pages that know of a run write them.

    What a comma means in those that people typed is told by all of them together.
    """
    if table.task != "regression":
        return corrections
    typed = [None if one.run and is_number(one.corrected) else one.corrected for one in corrections]
    numbers = typed_numbers(typed, table.decimal, "the corrected labels")
    return [one._replace(corrected=number or one.corrected) for one, number in zip(corrections, numbers, strict=True)]


def _checked(one: Correction, table: Table) -> str:
    """The corrected label; of a set the single ones in one order, of a number a number."""
    if table.task == "multilabel":
        return set_in(one.corrected, one.id, table.classes)
    return valid_label(one.corrected, one.id, table.task) if table.task == "regression" else one.corrected


def _misfit(one: Correction, table: Table, row: int | None) -> str:
    """Why a correction does not fit the source any more; empty where it does, or where it changes nothing."""
    if one.action not in CHANGING:
        return ""
    if row is None:
        return "the source has no such example that can be used"
    content, label = table.frame["sha256"][row], table.frame["label"][row]
    if one.sha256 != _UNSTATED and (content != one.sha256 or not content):
        return "its content is not the one that was looked at"
    corrected = in_one_order(one.corrected) if table.task == "multilabel" else one.corrected
    as_read = plain(one.label, table.decimal) if table.task == "regression" else None  # as the source may have it
    fits = label in (one.label, as_read) or one.label == _UNSTATED
    if not fits and not (one.action == "relabel" and label == corrected):
        return f'its label in the source is now "{label}", not "{one.label}"'
    return ""


def still_holds(one: Correction, row: int, table: Table) -> bool:
    """Whether a row of a table has the content that was looked at, and the label that it was to have."""
    content, label = table.frame["sha256"][row] or "", table.frame["label"][row] or ""
    if content != one.sha256:
        return False
    meant = one.corrected if one.action == "relabel" else one.label
    if table.task == "regression":
        return number_in(label) == number_in(meant)
    return bool(label == (in_one_order(meant) if table.task == "multilabel" else meant))


def _check_some_fit(outcomes: Sequence[Outcome], changing: Sequence[Correction], table: Table) -> None:
    refused = [(one.id, why) for one, why in outcomes if why]
    if refused and not changing:
        name, why = refused[0]
        raise SourceError(
            f"none of the {len(refused):,} corrections fits {table.root} (the first, {name}: {why}). "
            "Are they of this source?"
        )


def _check_sides(before: Table, left: Table) -> None:
    lost = [split for split in SPLITS if len(before.rows(split)) and not len(left.rows(split))]
    if lost:
        raise SourceError(f"the corrections drop every row of {' and '.join(lost)}: keep some of them")


def _classes(table: Table) -> list[str]:
    """The labels that are there now, those of classes that lost all of their rows not."""
    if table.task == "regression":
        return []
    labels = table.frame["label"].drop_nulls().unique().to_list()
    if table.task == "multilabel":
        labels = list({single for label in labels for single in parts(label)})
    return sorted(labels, key=natural_key)


def _told(outcomes: Sequence[Outcome], changed: int, before: Table, left: Table) -> Iterable[str]:
    """What was done, in sentences; `changed`: how many labels."""
    dropped = sum(one.action == "drop" and not refused for one, refused in outcomes)
    people = people_in(one.who for one, refused in outcomes if one.action in CHANGING and not refused)
    by = f" by {', '.join(people[:_NAMED])}{' and others' if len(people) > _NAMED else ''}" if people else ""
    yield f"labels corrected{by}: {changed:,} changed, {dropped:,} dropped; sides as before"
    if left.task != "regression":
        yield from _changed_classes(before.classes, left)
    refused = [(one.id, why) for one, why in outcomes if why]
    for name, why in refused[:_NAMED]:
        yield f"a correction was not applied, {name}: {why}"
    if len(refused) > _NAMED:
        yield f"{len(refused) - _NAMED:,} more corrections were not applied; see {FILE} in the run"


def _changed_classes(before: Sequence[str], left: Table) -> Iterable[str]:
    one, many = ("label", "labels") if left.task == "multilabel" else ("class", "classes")
    for label, count in zip(left.classes, left.counts().tolist(), strict=True):
        if label not in before:
            yield f'a new {one} from corrections, "{label}" ({count:,} examples).{did_you_mean(label, before)}'
    if gone := [label for label in before if label not in left.classes]:
        yield f"{many} without an example after corrections: {listed(gone)}"


def people_in(names: Iterable[str]) -> list[str]:
    """Who decided, in the order in which people are named everywhere; without those who did not say who they are."""
    return sorted({*names} - {""}, key=lambda name: (name.casefold(), name))


def kept_lines(outcomes: Iterable[Outcome]) -> list[tuple[str, ...]]:
    """The lines that a run keeps of its corrections: `COLUMNS`."""
    return [(*one, _status(one, refused)) for one, refused in outcomes]


def _status(one: Correction, refused: str) -> str:
    return f"no: {refused}" if refused else "yes" if one.action in CHANGING else "nothing to apply"


def applied_in(folder: Path) -> list[Correction]:
    """The corrections that a run was trained with, those that were refused not; none without the file.

    Raises:
        RunError: the file is damaged or cannot be read.
    """
    return [one for one, refused in outcomes_in(folder) if not refused]


def outcomes_in(folder: Path) -> list[Outcome]:
    """What became of the corrections that a run was trained with; none without the file.

    Raises:
        RunError: the file is damaged or cannot be read.
    """
    path = folder / FILE
    if not path.exists():
        return []
    try:
        status = [str(line.get("applied") or "") for line in rows_of(path.read_bytes().decode())]
        said = read_corrections(path)
        refusals = [one.removeprefix("no: ") if one.startswith("no: ") else "" for one in status]
        return [Outcome(*pair) for pair in zip(said, refusals, strict=True)]
    except OSError as error:
        raise unreadable(path, error) from error
    except (UsageError, ValueError, csv.Error) as error:
        raise RunError(f"{path} is damaged: {error}") from error
