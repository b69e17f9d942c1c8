"""What the labels of a table are: classes to tell apart, sets of labels, or numbers to predict.

Whole numbers may be either: a rating, the name of a class, a count. They are taken for numbers where they are many and
few rows share one, unless any is written as a code, 007, and the user is told where it could be the other way round.
"""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unfazed.errors import SourceError, UnfazedError
from unfazed.label_sets import SEPARATOR, are_sets, joined, parts
from unfazed.numerals import is_code, plain_numbers, without_unit
from unfazed.source import check_classes
from unfazed.source_labels import SETS
from unfazed.spelling import AS_WRITTEN, Spelling, spelt, with_blank_classes, without_blanks
from unfazed.table import Table, listed, natural_key, number_in

_MANY = 20  # different numbers above which they may be a measurement
_SHARED = 50  # rows a number from which on it rather names a class
_MOSTLY = 0.9  # share of the labels that are numbers, whatever the rest is
_LEAST = 10  # examples
_RESOLUTION = float(np.finfo(np.float32).epsneg)  # of what a model says, below 1
_MOST_DECIMALS = 100  # rounding to more overflows


class Scale(NamedTuple):
    """Where the targets of the training rows lie: a network learns numbers around 0 and of size 1."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, table: Table) -> "Scale":
        """The scale of the training rows' targets."""
        targets = table.targets()[table.rows("train")]
        return cls(float(np.nanmean(targets)), float(np.nanstd(targets)) or 1.0)

    def standardised(self, targets: NDArray[np.float64]) -> NDArray[np.float32]:
        """Targets in units of their deviation around their mean."""
        return ((targets - self.mean) / self.deviation).astype(np.float32)

    def original(self, outputs: NDArray[np.floating]) -> NDArray[np.float64]:
        """What a model says, a number [..., 1] or with its deviation [..., 2], in the units of the source.

        A number has the decimals that float32 tells apart at the size of a deviation, and no more.
        """
        found = outputs.astype(np.float64) * self.deviation
        found[..., 0] += self.mean
        decimals = math.ceil(-math.log10(self.deviation * _RESOLUTION))
        if abs(decimals) <= _MOST_DECIMALS:
            found[..., 0] = np.round(found[..., 0], decimals)
        return found


def scale_of(description: Mapping[str, Any]) -> Scale | None:
    """The scale that a run's `model.json` holds; None where classes are predicted.

    Raises:
        UnfazedError: it ought to hold one, and does not.
    """
    if description.get("task") != "regression":
        return None
    said = description.get("scale")
    values = [said.get(name) for name in Scale._fields] if isinstance(said, dict) else []
    known = [float(value) for value in values if isinstance(value, int | float) and math.isfinite(value)]
    if len(known) != len(Scale._fields):
        raise UnfazedError(f"model.json predicts numbers, but their scale is {str(said)[:60]!r}")
    return Scale(*known)


def outputs_of(table: Table, loss: str) -> int:
    """How many numbers a model gives of an example: K; 1 where that is what it predicts, 2 with its variance."""
    return 2 if loss == "gaussian" else table.outputs


def decided(table: Table, asked: str = "auto", spelling: Spelling = AS_WRITTEN) -> Table:
    """The table with its task: as `asked` for, else by its labels; what can be doubted is noted.

    Labels that are numbers to be predicted are as `with_plain_numbers` has them, others as `spelling` has them.

    Raises:
        SourceError: its labels are not numbers, and were to be.
    """
    table = without_blanks(table, spelling.known)
    if asked == "multilabel" or (asked == "auto" and _are_sets(table)):
        return spelt(_of_sets(with_blank_classes(table, spelling.known), told=asked == "auto"), spelling)
    table = _without_empty(table, told=asked == "auto")
    labels = [label for label in table.frame["label"] if label is not None]
    plain = with_plain_numbers(table)
    different = set(plain.frame["label"]) - {None}
    numbers = np.array([number for label in different if (number := number_in(label)) == number])
    mostly = len(numbers) > _MOSTLY * max(1, len(different))
    numbers = np.unique(numbers)  # 1 and 1.0 are one
    column = 'labels in "' in table.kind  # the names of folders are classes
    measured = column and mostly and _is_measured(numbers, len(labels)) and not any(map(is_code, labels))
    if asked == "classification" or (asked == "auto" and not measured):
        doubtful = asked == "auto" and column and mostly and len(numbers) > 2
        table = spelt(with_blank_classes(table, spelling.known), spelling)
        if column and len(different) > _MANY and not mostly and (hint := without_unit(sorted(different))):
            return table.with_notes(f"the labels are taken for classes. {hint}")
        return table.with_notes(_doubt(len(numbers))) if doubtful else table
    if not mostly:
        said = f"most labels of {table.root} ({table.kind}) are not numbers, such as {listed(labels, 3)}"
        hint = without_unit(sorted(different))
        raise SourceError(f"task regression: {said}{'. ' * bool(hint)}{hint}")
    found = replace(plain, classes=[], task="regression")
    note = "the label is a number and is predicted as one; --task classification takes each value for a class"
    return found.with_notes(note) if asked == "auto" else found


def with_plain_numbers(table: Table, preferred: str = ".") -> Table:
    """The table whose labels that are numbers have a point before the fraction and nothing else that is no digit.

    What a comma means is told by all labels together; `preferred`: the decimal mark where they allow both.
    """
    labels = table.frame["label"].to_list()
    plain, mark = plain_numbers(labels, preferred)
    changed = next(((old, new) for old, new in zip(labels, plain, strict=True) if old != new), None)
    notes = [f'numbers to predict such as "{changed[0]}" are read as {changed[1]}'] if changed else []
    frame = table.frame.with_columns(label=pl.Series(plain, dtype=pl.String))
    return replace(table, frame=frame, decimal=mark).with_notes(*notes)


def _are_sets(table: Table) -> bool:
    """Whether the labels are sets: a column of lists, or of text that `are_sets`."""
    if f'{SETS} in "' in table.kind:
        return True
    return 'labels in "' in table.kind and are_sets([label for label in table.frame["label"] if label])


def _of_sets(table: Table, told: bool) -> Table:
    """The table with its labels as sets, the names of each in the order of the classes."""
    sets = [None if label is None else parts(label) for label in table.frame["label"]]
    classes = sorted({label for one in sets for label in one or ()}, key=natural_key)
    place = {label: number for number, label in enumerate(classes)}
    texts = [None if one is None else joined(sorted(one, key=place.__getitem__)) for one in sets]
    frame = table.frame.with_columns(label=pl.Series(texts, dtype=pl.String))
    notes = []
    if told:
        notes.append("an example may have several labels at once, and each is predicted by itself (multi-label); "
                     "--task classification takes each set of labels for one class")
    empty = int((table.frame["label"] == "").sum())
    if empty and f'{SETS} in "' not in table.kind:
        many = "an empty cell is" if empty == 1 else f"{empty:,} empty cells are"
        notes.append(f'{many} taken for "none of the labels": leave out rows that nobody has looked at')
    return replace(table, frame=frame, classes=classes, task="multilabel").with_notes(*notes)


def _without_empty(table: Table, told: bool) -> Table:
    """The table whose labels are no sets: an empty one is none, and one with a separator in it stays whole."""
    held = sorted({label for label in table.frame["label"] if label and SEPARATOR in label})
    if not held and not (table.frame["label"] == "").any():
        return table
    table = replace(table, frame=table.frame.with_columns(label=pl.col("label").replace("", None)))
    if not held or not told or 'labels in "' not in table.kind:
        return table
    return table.with_notes(f'labels with "{SEPARATOR}" in them, such as {listed(held, 2)}, are taken as they stand: '
                            "their parts seldom come back in others; --task multilabel takes them for sets")


def check_labels(table: Table) -> None:
    """Raise SourceError unless a model can learn from the labels: see `check_classes` and `check_targets`."""
    if table.task == "regression":
        check_targets(table)
    elif table.task == "multilabel":
        check_sets(table)
    else:
        check_classes(table)


def problem_of(label: str | None, task: str) -> str | None:
    """Why a row cannot be learnt from for its label; None where it can."""
    if label is None:
        return "no label"
    return f"its label is no number: {label[:40]}" if task == "regression" and math.isnan(number_in(label)) else None


def check_targets(table: Table) -> None:
    """Raise SourceError unless there are numbers enough to learn from, and they differ."""
    targets = table.targets()
    known = targets[np.isfinite(targets)]
    if len(known) < _LEAST:
        raise SourceError(f"{table.root} ({table.kind}) has {len(known):,} numbers to learn from: {_LEAST} are needed")
    if (known == known[0]).all():
        raise SourceError(f"every label of {table.root} ({table.kind}) is {known[0]:g}: there is nothing to predict")


def check_sets(table: Table) -> None:
    """Raise SourceError unless there is a label that two examples or more have, and two or more have not."""
    counts, labelled = table.counts(), len(table) - table.frame["label"].null_count()
    if not len(counts):
        raise SourceError(f"no row of {table.root} ({table.kind}) has a label")
    if not ((counts > 1) & (counts < labelled - 1)).any():
        raise SourceError(
            f"there is nothing to tell apart in {table.root} ({table.kind}): each of its {len(counts):,} labels "
            f"({listed(table.classes)}) is on at most one of the {labelled:,} labelled rows, or on all but one at most"
        )


def _is_measured(numbers: NDArray[np.float64], rows: int) -> bool:
    """Whether different numbers are a measurement: many, and with decimals, or seldom the same."""
    if len(numbers) <= _MANY:
        return False
    decimals = int((numbers != np.round(numbers)).sum())
    if 2 * decimals >= len(numbers):
        return True
    counted_off = numbers.min() in (0, 1) and numbers.max() - numbers.min() + 1 == len(numbers)
    return rows < _SHARED * len(numbers) or not counted_off


def _doubt(count: int) -> str:
    return f"the labels are {count:,} different numbers, taken for classes; --task regression predicts them as numbers"
