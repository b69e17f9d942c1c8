"""The table: one row an example, the row index that every other array of a run shares.

Axis letters: N rows, K classes.
"""

import json
import math
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray

from unfazed.errors import RunError
from unfazed.files import replacing, unreadable
from unfazed.label_sets import joined, parts

SPLITS = ("train", "validation", "test")
SPLIT_NAMES = {  # what people call them
    "train": "train", "training": "train", "valid": "validation", "val": "validation", "validation": "validation",
    "dev": "validation", "test": "test", "testing": "test",
}
FORMAT = 1
_LONGEST_NAME = 60  # characters that a sentence has room for
_CELLS = 4  # of a row that are shown of it
_BRIEF = 120  # characters of an input beside a row's number
_COLUMNS: dict[str, Any] = {
    "id": pl.String, "input": pl.String, "label": pl.String, "split": pl.String,
    "group": pl.String, "time": pl.Float64, "weight": pl.Float64, "sha256": pl.String,
}
_BALANCED, _MILD = 0.99, 0.9  # label entropy as a share of its maximum
_A_PART = 20  # numbers at least that make a part of the targets, for each side to get some of every part
_Result = TypeVar("_Result")


@dataclass(frozen=True, eq=False)
class Table:
    """Immutable columns over a polars frame.

    `frame` has: id (unique), input (an absolute path, a text, or a row as JSON), label, split (`SPLITS`; null = on no
    side), group, time (seconds or any number; larger = later), weight (1 = ordinary) and sha256 (of the input's bytes;
    null = not read). All but id, input and weight may be null.
    `classes` outlive their rows: a part of a table keeps the label space of the whole. `columns` are those of the
    source that inputs were taken from; none where it is no table. `decimal` is the mark before the fraction of numbers
    to predict in the source; in `label` they have a point.
    """

    frame: pl.DataFrame
    root: str
    kind: str
    classes: list[str]  # none where labels are numbers to be predicted as such; the single ones of sets of labels
    notes: tuple[str, ...] = ()
    task: str = "classification"
    columns: tuple[str, ...] = ()
    decimal: str = "."

    @classmethod
    def of(cls, columns: pl.DataFrame, root: str, kind: str, notes: Sequence[str] = ()) -> "Table":
        """A table from some of the columns: absent ones are null, weights 1, and the classes are the labels there."""
        given = {"weight": pl.lit(1.0), **{name: pl.col(name) for name in columns.columns}}
        frame = columns.select(
            given.get(name, pl.lit(None)).cast(dtype).alias(name) for name, dtype in _COLUMNS.items()
        )
        labels = [label for label in frame["label"].drop_nulls().unique() if label]
        return cls(frame, root, kind, sorted(labels, key=natural_key), tuple(notes))

    def __len__(self) -> int:
        return len(self.frame)

    def targets(self) -> NDArray[np.float64]:
        """The label of each row as a number [N]; nan where it is none."""
        return np.array([number_in(label) for label in self.frame["label"]], dtype=np.float64)

    def y(self) -> NDArray[np.int64]:
        """The class number of each row [N], -1 where it has no label; what sides are mixed by.

        Of numbers it is the tenth that the row's lies in; of sets of labels the rarest label, K where there is none.
        """
        if self.task == "regression":
            return _tenths(self.targets())
        if self.task == "multilabel":
            return _rarest(self.indicators())
        number = {label: index for index, label in enumerate(self.classes)}
        return np.array([number.get(label, -1) for label in self.frame["label"]], dtype=np.int64)

    def indicators(self, rows: NDArray[np.int64] | None = None) -> NDArray[np.float32]:
        """1 for each label of each row's set, or its class, else 0 [N, K], or [n, K] of some rows; no label: nan."""
        number = {label: index for index, label in enumerate(self.classes)}
        labels = self.frame["label"] if rows is None else self.frame["label"].gather(rows)
        found = np.zeros((len(labels), len(self.classes)), np.float32)
        for row, text in enumerate(labels):
            if text is None:
                found[row] = np.nan
            elif known := [number[part] for part in self.singles(text) if part in number]:
                found[row, known] = 1.0
        return found

    def singles(self, label: str) -> list[str]:
        """The single labels of a set; of a class itself alone."""
        return parts(label) if self.task == "multilabel" else [label]

    def counts(self) -> NDArray[np.int64]:
        """Rows of each class [K]."""
        if self.task == "multilabel":
            return np.asarray(np.nansum(self.indicators(), axis=0, dtype=np.float64), dtype=np.int64)
        y = self.y()
        return np.bincount(y[y >= 0], minlength=len(self.classes)).astype(np.int64)

    @property
    def outputs(self) -> int:
        """How many numbers a model gives of an example: K, or the one that is predicted."""
        return 1 if self.task == "regression" else len(self.classes)

    @property
    def target(self) -> str | None:
        """The column of the labels, which `kind` names last; None where they are names of folders or of files."""
        _, found, name = self.kind.rpartition('labels in "')
        return name.removesuffix('"') if found else None

    def rows(self, split: str) -> NDArray[np.int64]:
        """The row numbers of one side."""
        return np.flatnonzero((self.frame["split"] == split).fill_null(False).to_numpy())

    def groups(self, rows: NDArray[np.int64]) -> NDArray[np.int64] | None:
        """The number of each row's group [n]; None where no two of these rows share one. A row without has its own."""
        names = self.frame["group"].gather(rows)
        if not names.drop_nulls().is_duplicated().any():
            return None
        own = np.arange(len(names)) + len(names)
        return np.where(names.is_null().to_numpy(), own, names.rank("dense").fill_null(0).cast(pl.Int64).to_numpy())

    def where(self, rows: ArrayLike) -> "Table":
        """The rows of a boolean mask [N], or of row numbers in the order given."""
        chosen = np.asarray(rows)
        index = np.flatnonzero(chosen) if chosen.dtype == bool else chosen.astype(np.int64)
        return replace(self, frame=self.frame[index])

    def with_split(self, split: Sequence[str | None], weight: ArrayLike | None = None) -> "Table":
        """The same rows on the sides given [N], with the weights given [N]."""
        columns = [pl.Series("split", list(split), dtype=pl.String)]
        if weight is not None:
            columns.append(pl.Series("weight", np.asarray(weight, dtype=np.float64)))
        return replace(self, frame=self.frame.with_columns(columns))

    def with_content(self, sha256: Sequence[str]) -> "Table":
        """The same rows with the hash of each input [N]; empty = not known."""
        return replace(self, frame=self.frame.with_columns(pl.Series("sha256", [text or None for text in sha256],
                                                                     dtype=pl.String)))

    def with_notes(self, *notes: str) -> "Table":
        """The same table with more said about it."""
        return replace(self, notes=(*self.notes, *notes))

    def write(self, path: str | Path) -> None:
        """Write a Parquet file, whole or not at all."""
        about = {"format": FORMAT, "root": self.root, "kind": self.kind, "classes": self.classes, "notes": self.notes,
                 "task": self.task, "columns": self.columns}
        if self.decimal != ".":
            about["decimal"] = self.decimal
        with replacing(Path(path)) as new:
            self.frame.write_parquet(new, metadata={"unfazed": json.dumps(about)})

    @classmethod
    def read(cls, path: str | Path) -> "Table":
        """The table that `write` wrote.

        Raises:
            RunError: the file is missing, damaged, or not a table of this format.
        """
        try:
            data = Path(path).read_bytes()
            about = json.loads(_parquet(pl.read_parquet_metadata, data)["unfazed"])
            frame = read_parquet(data).select(pl.col(name).cast(dtype) for name, dtype in _COLUMNS.items())
            if about["format"] != FORMAT:
                raise ValueError(f"its format is {about['format']!r}, this version reads {FORMAT}")
            classes, notes = [str(label) for label in about["classes"]], [str(note) for note in about["notes"]]
            task = str(about["task"])
            if task not in _IN_WORDS:
                raise ValueError(f"its task is {task[:40]!r}, this version knows {', '.join(_IN_WORDS)}")
            columns = tuple(str(name) for name in about["columns"])
            decimal = "," if about.get("decimal") == "," else "."
            table = cls(frame, str(about["root"]), str(about["kind"]), classes, tuple(notes), task, columns, decimal)
        except FileNotFoundError as error:
            raise RunError(f"there is no table {path}") from error
        except (pl.exceptions.PolarsError, OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise unreadable(Path(path), error) from error
        return table


def read_parquet(source: str | Path | bytes) -> pl.DataFrame:
    """The frame in a Parquet file, or in its bytes.

    Raises:
        ValueError: it is no Parquet, or damaged. OSError: the file cannot be read.
    """
    return _parquet(pl.read_parquet, source if isinstance(source, bytes) else Path(source).read_bytes())


def describe(table: Table, items: str = "examples") -> str:
    """What was found, in one line, for people: counts, classes, source, balance (in bits) and what was noticed."""
    sides = [f"{len(table.rows(split)):,} {split}" for split in SPLITS if len(table.rows(split))]
    unlabelled = int((table.y() < 0).sum()) if table.task == "regression" else table.frame["label"].null_count()
    parts = [
        *_IN_WORDS[table.task](table, items),
        ", ".join(sides),
        f"{unlabelled:,} without a label" if unlabelled else "",
        *table.notes,
    ]
    return "; ".join(part for part in parts if part)


def number_in(text: str | None) -> float:
    """The number that a label of a table is; nan for anything else: 1_1 is a name, though Python reads 11."""
    try:
        number = float("" if text is None or "_" in text else text)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) else math.nan


def is_number(text: str | None) -> bool:
    """Whether a label of a table is a number."""
    return not math.isnan(number_in(text))


def _tenths(targets: NDArray[np.float64]) -> NDArray[np.int64]:
    """Which tenth of the targets each [N] lies in, equal ones in one; -1 for nan. Of few targets: which larger part."""
    known = np.isfinite(targets)
    parts = int(np.clip(known.sum() // _A_PART, 1, 10))
    ends = np.quantile(targets[known], np.arange(1, parts) / parts) if known.any() else np.zeros(0)
    tenth = np.searchsorted(np.unique(ends), targets, side="left")
    return np.where(known, tenth, -1)


def _rarest(indicators: NDArray[np.float32]) -> NDArray[np.int64]:
    """The label of each row [N] that the fewest rows have; K for none of them, -1 for nan."""
    counts = np.nansum(indicators, axis=0, dtype=np.float64)
    rows, classes = indicators.shape
    rarest = np.full(rows, classes, dtype=np.int64)
    for label in np.argsort(-counts, kind="stable"):
        rarest[indicators[:, label] == 1] = label
    return np.where(np.isnan(indicators).any(1), -1, rarest)


def in_one_order(label: str) -> str:
    """A set of labels as text, the single ones in the order of classes."""
    return joined(sorted(parts(label), key=natural_key))


def natural_key(text: str) -> tuple[list[str | tuple[int, str]], str]:
    """A sorting key that puts "class 2" before "class 10"."""
    parts = re.split(r"(\d+)", text.casefold())
    return [_magnitude(part) if index % 2 else part for index, part in enumerate(parts)], text


def clean_label(text: str) -> str | None:
    """A label as written: outer white space gone, accents in one form (NFC), null where nothing is left."""
    return unicodedata.normalize("NFC", text.strip()) or None


def merged_key(label: str) -> str:
    """What labels that differ only in case or white space have in common."""
    return "".join(label.casefold().split())


def row_name(name: str, path: str, root: str) -> str:
    """What to call a row for people: its id, and where that is only a row's number, its path beside it."""
    if not re.fullmatch(r"(.+:)?\d+", name):
        return name
    number = said_id(name)
    folder = Path(root) if Path(root).is_dir() else Path(root).parent
    beside = str(Path(path).relative_to(folder)) if Path(path).is_relative_to(folder) else path
    beside = in_brief(beside)
    brief = beside if len(beside) <= _BRIEF else beside[: _BRIEF - 1] + "…"  # a text or a row that is its own input
    return f"{number}, {brief}" if path else number


def said_id(name: str) -> str:
    """An id for people: a number alone is that of a row of the table, counted from 1 without the names of columns."""
    return f"row {name}" if name.isdecimal() else name


def in_brief(content: str) -> str:
    """A row that is its own input by its first cells: age 37, workclass Private, …; other inputs as they are."""
    try:
        row = json.loads(content) if content.startswith("{") else None
    except (ValueError, RecursionError):
        row = None
    if not isinstance(row, dict):
        return content
    cells = [f"{brief(name)} {brief(str(value))}" for name, value in row.items() if value is not None]
    return ", ".join(cells[:_CELLS]) + (", …" if len(cells) > _CELLS else "")


def listed(names: Sequence[str], most: int = 5) -> str:
    """Names in quotes, the first few; of a very long one the beginning and the end."""
    shown = ", ".join(f'"{brief(name)}"' for name in names[:most])
    return shown + (", …" if len(names) > most else "")


def enumerated(names: Iterable[str], word: str = "and") -> str:
    """Names with commas, and the word before the last: a, b and c."""
    *first, last = names
    return f"{', '.join(first)} {word} {last}" if first else last


def brief(name: str) -> str:
    """A name in at most 60 characters."""
    return name if len(name) <= _LONGEST_NAME else f"{name[:40]}…{name[-19:]}"


def _parquet(read: Callable[[BytesIO], _Result], data: bytes) -> _Result:
    """`read` with one kind of error: over damaged pages Polars panics, which is no `Exception`."""
    try:
        return read(BytesIO(data))
    except (Exception, pl.exceptions.PanicException) as error:
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(f"not a Parquet file, or a damaged one: {reason}") from error


def _magnitude(digits: str) -> tuple[int, str]:
    """What orders digit strings as numbers, however long: `int` refuses more than 4,300 digits."""
    if not digits.isascii():
        digits = "".join(str(unicodedata.decimal(digit)) for digit in digits)
    significant = digits.lstrip("0")
    return len(significant), significant


def _classes_in_words(table: Table, items: str) -> list[str]:
    entropy, most = _entropy(table.counts()) / np.log(2), np.log2(max(len(table.classes), 1))
    return [
        f"{len(table):,} {items} in {len(table.classes):,} class{'es' * (len(table.classes) != 1)}, {table.kind}",
        f"label entropy {entropy:.2f} of {most:.2f} bits: {_balance(table)}",
    ]


def _numbers_in_words(table: Table, items: str) -> list[str]:
    targets = table.targets()
    low, middle, high = np.nanquantile(targets, [0, 0.5, 1])
    return [
        f"{len(table):,} {items} with a number each to predict, {table.kind}",
        f"from {low:.6g} to {high:.6g}, half of them below {middle:.6g}",
    ]


def _sets_in_words(table: Table, items: str) -> list[str]:
    known = table.indicators()[table.frame["label"].is_not_null().to_numpy()]
    counts, n = known.sum(0, dtype=np.float64), max(len(known), 1)
    shares = np.stack([counts, n - counts]) / n
    bits = float(-(shares * np.log2(np.where(shares > 0, shares, 1.0))).sum() + 0.0)
    often, seldom = int(counts.argmax()), int(counts.argmin())
    each = [f'"{table.classes[k]}" on {100 * counts[k] / n:.2g} %' for k in dict.fromkeys([often, seldom])]
    none = int((known.sum(1) == 0).sum())
    labels = f"{len(table.classes):,} label{'s' * (len(table.classes) != 1)}"
    return [
        f"{len(table):,} {items} with any of {labels}, {table.kind}",
        f"{counts.sum() / n:.2f} labels each, {none:,} with none, {', '.join(each)}",
        f"entropy of the labels {bits:.2f} bits",
    ]


_IN_WORDS: dict[str, Callable[[Table, str], list[str]]] = {
    "classification": _classes_in_words, "regression": _numbers_in_words, "multilabel": _sets_in_words,
}


def _balance(table: Table) -> str:
    counts = table.counts()
    share = _entropy(counts) / np.log(len(counts)) if len(counts) > 1 else 0.0
    if share >= _BALANCED:
        return "balanced"
    if len(counts) < 2:
        return "one class"
    commonest = int(counts.argmax())
    degree = "mildly imbalanced" if share >= _MILD else "imbalanced"
    percent = round(100 * counts[commonest] / max(counts.sum(), 1))
    return f'{degree}, {percent} % are "{brief(table.classes[commonest])}"'


def _entropy(counts: NDArray[np.int64]) -> float:
    shares = counts[counts > 0] / max(counts.sum(), 1)
    return float(-(shares * np.log(shares)).sum() + 0.0)
