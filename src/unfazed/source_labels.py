"""What stands in a column of labels, or of text: values, lists of them, and sets of labels as text."""

import math
from pathlib import Path
from typing import Any

import polars as pl

from unfazed.blanks import is_blank
from unfazed.errors import SourceError
from unfazed.label_sets import SEPARATOR, joined
from unfazed.table import clean_label, listed

SETS = "lists of labels"  # what the kind of a table says of a column of lists
_WITHOUT_NULL = (".csv", ".tsv")  # formats in which an empty cell is all that can be said of nothing


def labels_of(column: pl.Series, where: str) -> list[str | None]:
    """Labels as text, those of a list joined.

    Where some hold a separator, and so may be sets, an empty text stays one: the empty set.
    """
    if holds_lists(column):
        return _joined_lists(column, where)
    found = [clean_label(value) if value else None for value in texts(column, where)]
    if column.dtype != pl.String or not any(label and SEPARATOR in label for label in found):
        return found
    empty = [True] * len(column) if Path(where).suffix.lower() in _WITHOUT_NULL else column.is_not_null().to_list()
    return [(label or "") if known else label for label, known in zip(found, empty, strict=True)]


def holds_lists(column: pl.Series) -> bool:
    """Whether a column of labels holds a list in each row."""
    return isinstance(column.dtype, pl.List | pl.Array)


def _joined_lists(column: pl.Series, where: str) -> list[str | None]:
    """Lists of labels as text; a null is no set, and a null in a list no label."""
    inner = column.dtype.inner  # type: ignore[attr-defined]
    if not (inner.is_integer() or inner in (pl.String, pl.Null, pl.Boolean, pl.Categorical, pl.Enum)):
        raise SourceError(f'column "{column.name}" of {where} holds {column.dtype}: lists of text or of whole numbers '
                          "are needed for labels")
    values = [None if one is None else [str(label) for label in one if label is not None] for one in column.to_list()]
    if wrong := next((label for one in values for label in one or () if SEPARATOR in label), None):
        raise SourceError(f'the label {listed([wrong])} in column "{column.name}" of {where} holds "{SEPARATOR}", '
                          "which stands between the labels of a set: write it with another character")
    return [None if one is None else joined(one) for one in values]


def texts(column: pl.Series, where: str) -> list[str | None]:
    """Values as text: whole numbers without a point, durations in seconds, null for null, NaN and the empty string."""
    column = in_seconds(column)
    if column.dtype == pl.Float32:
        column = column.cast(pl.String).cast(pl.Float64)  # 4.3 is not 4.300000190734863
    if column.dtype.is_float():
        return [_number(value) for value in column]
    if column.dtype.is_nested() or column.dtype in (pl.Binary, pl.Object):
        raise SourceError(f'column "{column.name}" of {where} holds {column.dtype}: text or numbers are needed')
    return [value or None for value in column.cast(pl.String)]


def cell_text(value: Any) -> str:
    """The value of one cell as `texts` has that of a column; what no column could hold as Python writes it."""
    if isinstance(value, str):
        return value
    try:
        found = texts(pl.Series([value]), "a row")[0]
    except (SourceError, pl.exceptions.PolarsError, TypeError, OverflowError):
        found = None if is_blank(str(value)) else str(value)  # NaT and NA of pandas are blank
    return found or ""


def in_seconds(column: pl.Series) -> pl.Series:
    """Durations as numbers of seconds; any other column as it is."""
    return column.dt.total_microseconds() / 1e6 if column.dtype == pl.Duration else column


def _number(value: float | None) -> str | None:
    if value is None or math.isnan(value):
        return None
    return str(int(value)) if math.isfinite(value) and value == int(value) else str(value)
