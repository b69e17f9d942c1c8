"""Tables whose inputs stand in the table itself: a text, or a row of numbers and categories.

A text is one column, or several joined with their names. A row is a JSON object of its columns; what stands in a CSV
stays text there, since only the training rows may decide what is a number.
"""

import json
from collections.abc import Mapping, Sequence
from contextlib import suppress

import polars as pl

from unfazed.errors import SourceError, did_you_mean
from unfazed.source_labels import in_seconds, texts
from unfazed.source_table import Inputs, obvious_target, require, split_column
from unfazed.table import listed

_SAMPLED = 1000  # rows that tell whether a column holds text
_COLUMNS = 3  # beside texts, from which on it is said how to learn from them
_WORDS, _CHARACTERS = 3, 20  # of the mean value, from which on a column may hold text
_DIFFERENT = 0.5  # share of different values, likewise
_LONG = 50  # characters from which on a text is what its table is about, whatever else stands there,
_WHOLE = 0.9  # if so large a share of the rows has one


def free_texts(frame: pl.DataFrame) -> list[str]:
    """The columns that hold text: mostly different values, of several words or as long as a sentence."""
    return [name for name in frame.columns if frame[name].dtype == pl.String and _is_text(_some(frame[name]))]


def is_about_texts(frame: pl.DataFrame) -> bool:
    """Whether a table without its labels is one of texts, rather than one of rows in which text stands as well.

    Objects and lists count for nothing: no model of rows can learn from them.
    """
    frame = frame.select(name for name in frame.columns if not _is_foreign(frame[name].dtype))
    found = free_texts(frame)
    if not found:
        return False
    if frame.width - len(found) <= 1:
        return True
    whole = [name for name in found if _filled(frame[name]) >= _WHOLE]
    lengths = (float(_some(frame[name]).str.len_chars().mean() or 0) for name in whole)  # type: ignore[arg-type]
    return max(lengths, default=0.0) >= _LONG


def text_inputs(
    frame: pl.DataFrame, wanted: Mapping[str, str | None], where: str, folders: Sequence[str], named: Sequence[str] = ()
) -> Inputs:
    """The text of each row, as `InputsOf`; `named` columns, else those that hold text.

    Raises:
        SourceError: none does, or there are no rows.
    """
    free = _free(frame, wanted, where, folders, named)
    found = list(named) or free_texts(frame.select(free))
    if not found:
        target = wanted.get("target")
        with suppress(SourceError):  # it may have to be asked for
            target = target or obvious_target(frame, [], where)
        strings = [name for name in free if name != target and frame[name].dtype == pl.String]
        found = strings if len(strings) == 1 else []
    if not found:
        raise SourceError(f"no column of {where} holds texts: name it with --input. Its columns: {listed(free, 20)}")
    others = [name for name in free if name not in found]
    said = f"texts in {listed(found, 20)}"
    more = "; --modality tabular learns from columns, not from texts" if len(others) >= _COLUMNS else ""
    return Inputs(found, joined(frame, found, where), said, others, f"not used: {{}}. --input names what is{more}")


def row_inputs(
    frame: pl.DataFrame, wanted: Mapping[str, str | None], where: str, folders: Sequence[str], named: Sequence[str] = ()
) -> Inputs:
    """Each row as a JSON object, as `InputsOf`; of the `named` columns, else of all without another role.

    Raises:
        SourceError: there are none, or no rows.
    """
    free = _free(frame, wanted, where, folders, named)
    target = wanted.get("target") or obvious_target(frame, [n for n in frame.columns if n not in free], where)
    found = list(named) or [name for name in free if name != target]
    usable = [name for name in found if not _is_foreign(frame[name].dtype)]
    if not usable:
        raise SourceError(f'{where} has no column besides "{target}" to predict it from')
    foreign = [name for name in found if name not in usable]
    said = f"{len(usable):,} columns" if len(usable) > 1 else f'rows of "{usable[0]}"'
    return Inputs(usable, rows(frame, usable), said, foreign, "left out, neither numbers nor text: {}")


def known_columns(frame: pl.DataFrame, columns: Sequence[str], where: str) -> list[str]:
    """Those of the `columns` that a model was trained on which the frame has.

    Raises:
        SourceError: it has none of them.
    """
    present = [name for name in columns if name in frame.columns]
    if columns and not present:
        one, near = "column" if len(columns) == 1 else "columns", did_you_mean(columns[0], frame.columns)
        numbered = all(name.isdecimal() for name in columns)  # as they are where no first line names them
        headless = " Is its first line data, as there? Then add --no-header." if numbered else ""
        raise SourceError(f"the model was trained on the {one} {listed(columns, 20)}, and {where} has none of "
                          f"that name.{near}{headless} Its columns: {listed(frame.columns, 20)}")
    return present


def lacking(present: Sequence[str], learnt: Sequence[str]) -> list[str]:
    """Which columns a table lacks of those that a model learnt from, as a sentence; none where it has all."""
    gone = [name for name in learnt if name not in present]
    near = did_you_mean(gone[0], [name for name in present if name not in learnt]) if gone else ""
    it = "it has no column" if len(gone) == 1 else f"it has none of the {len(gone):,} columns"
    return [f"{it} {listed(gone, 10)}: what was learnt from there counts as missing.{near}"] if gone else []


def joined(frame: pl.DataFrame, columns: Sequence[str], where: str) -> list[str]:
    """One text a row: the column's, or those of several, each on a line of its own after its name."""
    values = [texts(frame[name], where) for name in columns]
    if len(columns) == 1:
        return [value or "" for value in values[0]]
    return [
        "\n".join(f"{name}: {value}" for name, value in zip(columns, row, strict=True) if value and value.strip())
        for row in zip(*values, strict=True)
    ]


def rows(frame: pl.DataFrame, columns: Sequence[str], where: str = "the table") -> list[str]:
    """One JSON object a row; columns that the frame lacks are null, and so are nan and infinities.

    Raises:
        SourceError: a column holds lists, or what else is neither numbers nor text.
    """
    present = [name for name in columns if name in frame.columns]
    if foreign := next((name for name in present if _is_foreign(frame[name].dtype)), None):
        kind = frame[foreign].dtype
        raise SourceError(f'column "{foreign}" of {where} holds {kind}: text or numbers are needed, as in training')
    plain = frame.select(_plain(frame[name]) for name in present)
    absent = dict.fromkeys([name for name in columns if name not in present])
    if not present:
        return [json.dumps(absent)] * len(frame)
    return [json.dumps({**row, **absent}, ensure_ascii=False) for row in plain.iter_rows(named=True)]


def _plain(column: pl.Series) -> pl.Series:
    """As JSON can hold it: nan and infinities as null, dates in ISO 8601, durations in seconds."""
    column = in_seconds(column)
    if column.dtype.is_float():
        finite = column.set(~column.is_finite().fill_null(True), None)
        return finite.cast(pl.String if column.dtype == pl.Float32 else pl.Float64)  # 0.1 is not 0.10000000149
    if column.dtype.is_integer() or column.dtype in (pl.Boolean, pl.String):
        return column
    if column.dtype in (pl.Date, pl.Datetime, pl.Time):
        return column.dt.to_string("iso")
    return column.cast(pl.Float64) if column.dtype.is_decimal() else column.cast(pl.String)


def _is_foreign(kind: pl.DataType) -> bool:
    return kind.is_nested() or kind in (pl.Binary, pl.Object)


def _free(
    frame: pl.DataFrame, wanted: Mapping[str, str | None], where: str, folders: Sequence[str], named: Sequence[str]
) -> list[str]:
    """The columns that have no other role."""
    require(frame, wanted, where, folders, named)
    if frame.is_empty():
        raise SourceError(f"{where} has no rows; if its first line is data: --no-header")
    if both := [name for name in named if name == wanted.get("target")]:
        raise SourceError(f'"{both[0]}" is to be both input and target of {where}: it can be one of them')
    taken = [name for name in wanted.values() if name]
    split = split_column(frame, taken)
    return [name for name in frame.columns if name not in (*taken, split)]


def _filled(column: pl.Series) -> float:
    """The share of rows that have a text."""
    return float((column.str.strip_chars() != "").fill_null(False).mean() or 0)  # type: ignore[arg-type]


def _some(column: pl.Series) -> pl.Series:
    return column.drop_nulls().head(_SAMPLED)


def _is_text(values: pl.Series) -> bool:
    if values.is_empty() or values.n_unique() < _DIFFERENT * len(values):
        return False
    words = float(values.str.count_matches(r"\S+").mean() or 0)  # type: ignore[arg-type]
    letters = float(values.str.count_matches(r"\p{L}").sum()) / max(1, int(values.str.len_chars().sum()))
    characters = float(values.str.len_chars().mean() or 0)  # type: ignore[arg-type]
    return letters >= 0.5 and (words >= _WORDS or characters >= _CHARACTERS)
