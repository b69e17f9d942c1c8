"""Examples that people labelled because a model asked for them: `labels.csv`, and how they join the training rows.

A model chose them, so they are no fair sample: measured on them, a model looks worse, or better, than it is (Farquhar,
Gal and Rainforth 2021). None is ever held out; validation and test rows stay as they are without them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unfazed.csv_files import lines_in
from unfazed.errors import RunError, SourceError, UsageError, did_you_mean
from unfazed.files import expanded
from unfazed.label_sets import parts
from unfazed.numerals import typed_numbers
from unfazed.table import SPLITS, Table, clean_label, in_one_order, is_number, listed, natural_key

FILE = "labels.csv"
NEEDED = ("input", "label")
_NAMED = 3  # examples that are not added are told of one by one


class Labelled(NamedTuple):
    """One labelled example, as a line of `labels.csv`; all of it is text. Lines without a label wait for one."""

    input: str  # the path of a file, relative to the folder of labels.csv; a text; a row as a JSON object
    label: str  # of sets "a|b", and "|" for none of the labels
    who: str = ""
    when: str = ""  # ISO 8601
    why: str = ""
    sha256: str = ""  # of the content that was looked at; empty = whatever is there now
    run: str = ""  # the run that asked for it


COLUMNS = (*Labelled._fields, "added")  # of the file that a run keeps


class Added(NamedTuple):
    """What became of a labelled example."""

    labelled: Labelled
    refused: str  # why it is no training row; empty where it is one


class Joined(NamedTuple):
    """The rows of a divided table and the labelled examples that were added to its training rows."""

    table: Table
    kept: NDArray[np.int64]  # their numbers among the rows before: the table's, then the new ones that can be read
    outcomes: list[Added]


def read_labels(path: str | Path) -> list[Labelled]:
    """The lines of a file of labels, one for each input.

    Raises:
        UsageError: it is none; the message names the line.
    """
    if expanded(path).is_dir():
        raise UsageError(f"{path} is a folder: --more takes a CSV with the columns input and label")
    lines = lines_in(path, Labelled._fields, _check_columns, f"unfazed review RUN/queries/1 --export {FILE}")
    found = [_labelled(Labelled(*line), where) for where, line in lines]
    if not (labels := [one for one in found if one.label]):
        raise UsageError(f"{path} holds no labels: its column label is empty in all of its {len(found):,} rows")
    return _without_repeats(labels, path)


def _check_columns(names: Sequence[str], path: str | Path) -> None:
    if {"id", "corrected"} <= {*names}:
        raise UsageError(f"{path} is a corrections file: --corrections takes it, --more takes examples to be added")
    missing = [name for name in NEEDED if name not in names]
    if missing:
        raise UsageError(
            f"{path} is no file of labels: it lacks the columns {listed(missing)}.{did_you_mean(missing[0], names)} "
            "An input is a path, a text, or a row as a JSON object"
        )


def _labelled(found: Labelled, where: str) -> Labelled:
    """What a line says, checked; raises UsageError."""
    if not found.input.strip():
        raise UsageError(f"{where}: it has no input")
    return found._replace(label=clean_label(found.label) or "")


def _without_repeats(labels: Sequence[Labelled], path: str | Path) -> list[Labelled]:
    """One line an input; files of several people may be joined as long as they agree."""
    found: dict[str, Labelled] = {}
    for one in labels:
        earlier = found.setdefault(one.input, one)
        if in_one_order(earlier.label) != in_one_order(one.label):
            raise UsageError(
                f'{path} labels "{one.input[:80]}" twice: "{earlier.label}" and "{one.label}". Leave one of the lines'
            )
    return list(found.values())


def rows_beside(source: Table, labels: Sequence[Labelled], path: str | Path, values: bool) -> Table:
    """The labelled examples as rows like those of the `source`, of its task, on no side yet.

    values: whether an input is the example itself, rather than the path of its file.

    Raises:
        UsageError: they are numbers, and it cannot be told which.
    """
    folder, name = expanded(path).absolute().parent, Path(path).name
    inputs = [one.input if values else str(Path(folder, one.input)) for one in labels]
    ids = [f"{name}:{number}" for number in range(1, len(labels) + 1)] if values else inputs
    columns = {"id": ids, "input": inputs, "label": _in_form(labels, source, path)}
    return replace(source, frame=Table.of(pl.DataFrame(columns), source.root, source.kind).frame, notes=())


def join(
    drawn: Table, new: Table, problems: Sequence[str | None], contents: Sequence[str], labels: Sequence[Labelled]
) -> Joined:
    """A divided table with the `new` rows [m] among its training rows, as far as they may be; its other rows stay.

    problems [m]: why a new row cannot be used, null where it can. contents [m]: the sha256 of each. A content that is
    held out is never trained on, and one that is trained on already comes in once.

    Raises:
        SourceError: none of the new rows can be added.
    """
    sides = _sides(drawn)
    outcomes = []
    for one, problem, content, place in zip(labels, problems, contents, new.frame["input"], strict=True):
        refused = f"it cannot be used: {problem}" if problem else _misfit(one, content, sides)
        outcomes.append(Added(one._replace(input=place), refused))
        if not refused:
            sides[content] = "train"
    chosen = np.flatnonzero([not refused for _, refused in outcomes])
    if not len(chosen):
        raise SourceError(_nothing(outcomes, drawn.root))
    digests = pl.Series("sha256", [contents[row] for row in chosen.tolist()], dtype=pl.String)
    added = new.frame[chosen].with_columns(digests, pl.lit("train").alias("split"))
    table = replace(drawn, frame=pl.concat([drawn.frame, added]))
    table = replace(table, classes=_classes(drawn, added["label"].to_list()))
    place = np.cumsum([problem is None for problem in problems]) - 1
    kept = np.concatenate([np.arange(len(drawn)), len(drawn) + place[chosen]])
    return Joined(table.with_notes(*_told(outcomes, drawn, table)), kept, outcomes)


def _sides(table: Table) -> dict[str, str]:
    """The side that each content is on; where on several, one that is held out."""
    rows = table.frame.select("sha256", "split").drop_nulls().rows()
    return dict(sorted(rows, key=lambda row: SPLITS.index(row[1])))


def _misfit(one: Labelled, content: str, sides: Mapping[str, str]) -> str:
    if one.sha256 and one.sha256 != content:
        return "its content is not the one that was labelled"
    side = sides.get(content)
    if side == "train":
        return "its content is a training row already"
    return f"its content is a {side} row, which is not to be trained on" if side else ""


def _nothing(outcomes: Sequence[Added], root: str) -> str:
    first, why = outcomes[0]
    return f"none of {len(outcomes):,} labelled examples can be added to {root} (the first, {first.input[:80]}: {why})"


def _classes(drawn: Table, labels: Iterable[str]) -> list[str]:
    """The classes of the source and of the new labels, in their order; none of numbers."""
    if drawn.task == "regression":
        return []
    names = {single for label in labels for single in (parts(label) if drawn.task == "multilabel" else [label])}
    return sorted({*drawn.classes, *names}, key=natural_key)


def _told(outcomes: Sequence[Added], drawn: Table, table: Table) -> Iterator[str]:
    """What was done, in sentences."""
    refused = [(one.input, why) for one, why in outcomes if why]
    count = len(outcomes) - len(refused)
    yield (
        f"{count:,} labelled examples more, training rows all of them: what a model asked for is no fair sample. "
        "Validation and test rows are what they are without them"
    )
    for label in table.classes:
        if label not in drawn.classes:
            new = "label" if table.task == "multilabel" else "class"
            yield f'a new {new}, "{label}", which no validation or test row has.{did_you_mean(label, drawn.classes)}'
    if drawn.frame["group"].null_count() < len(drawn):
        yield f"of the {count:,} it is not known whether they belong to a group of held-out rows"
    for name, why in refused[:_NAMED]:
        yield f"a labelled example was not added, {name[:80]}: {why}"
    if len(refused) > _NAMED:
        yield f"{len(refused) - _NAMED:,} more were not added; see {FILE} in the run"


def _in_form(labels: Sequence[Labelled], source: Table, path: str | Path) -> Sequence[str | None]:
    """Labels as the table has them: of a set the single ones in one order, of which there may be none.

    Numbers that a page wrote, which says when, are so already.
    """
    said = [one.label for one in labels]
    if source.task == "multilabel":
        return list(map(in_one_order, said))
    if source.task != "regression":
        return said
    typed = [None if one.when and is_number(one.label) else one.label for one in labels]
    read = typed_numbers(typed, source.decimal, str(path))
    return [number or one for number, one in zip(read, said, strict=True)]


def kept_lines(outcomes: Iterable[Added]) -> list[tuple[str, ...]]:
    """The lines that a run keeps of its labelled examples: `COLUMNS`."""
    return [(*one, f"no: {refused}" if refused else "yes") for one, refused in outcomes]


def labels_in(folder: Path) -> list[Labelled]:
    """The labelled examples that a run was trained with, added or not; none without the file.

    Raises:
        RunError: the file is damaged.
    """
    if not (folder / FILE).exists():
        return []
    try:
        return read_labels(folder / FILE)
    except UsageError as error:
        raise RunError(f"{folder / FILE} is damaged: {error}") from error
