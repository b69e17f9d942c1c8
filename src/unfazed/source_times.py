"""The column of a table that says when: numbers, dates, or text that is either, as seconds or numbers to be ordered."""

from typing import Final

import polars as pl

from unfazed import dates
from unfazed.errors import SourceError
from unfazed.table import listed

_YEAR_FIRST = r"^\s*\d{4}-\d{2}-\d{2}"
_DO: Final = "write them alike, as 2023-01-31 or 2023-01-31 14:05, or as numbers"


def seconds(column: pl.Series, where: str) -> pl.Series:
    """Times as numbers: seconds since 1970 where they are dates, else the numbers themselves.

    Raises:
        SourceError: any value is neither, or day and month cannot be told apart.
    """
    if column.dtype == pl.String:
        column = _parsed(column, where)
    if column.dtype.is_numeric():
        return column.cast(pl.Float64).fill_nan(None)
    if column.dtype in (pl.Date, pl.Datetime):
        return column.cast(pl.Datetime("us")).dt.epoch("us").cast(pl.Float64) / 1e6
    raise SourceError(f'time "{column.name}" of {where} holds {column.dtype}: numbers, dates or text needed, such as '
                      "2023-01-31")  # fmt: skip


def _parsed(column: pl.Series, where: str) -> pl.Series:
    given = column.is_not_null()
    values = column.cast(pl.Float64, strict=False)
    if (values.is_not_null() == given).all():
        return values
    if column.str.contains(_YEAR_FIRST).all():  # else polars takes the day for the first in 1/2/2023
        values = _as_datetime(column)
        if (values.is_not_null() == given).all():
            return values
    return _by_layout(column, where)


def _as_datetime(column: pl.Series) -> pl.Series:
    try:
        return column.str.to_datetime(strict=False, time_unit="us")
    except pl.exceptions.PolarsError:
        return pl.Series(column.name, [None] * len(column), dtype=pl.Datetime("us"))


def _by_layout(column: pl.Series, where: str) -> pl.Series:
    """Dates in the layout of the whole column."""
    texts = column.drop_nulls().unique().to_list()
    found = dates.layout_of(dict.fromkeys(texts, 1), 0.0) or dates.Layout("year first", 0.0, 0.0, True)
    read = {text: dates.instant(text, found.name) for text in texts}
    wrong = [text for text, at in read.items() if at is None]
    what = f'time "{column.name}" of {where} holds'
    if wrong and found.every < 1:
        wrong = [text for text in wrong if not any(dates.moment(text, layout) for layout in dates.LAYOUTS)]
        raise SourceError(f"{what} text that is neither dates nor numbers, such as {listed(wrong, 1)}: {_DO}")
    if wrong:
        raise SourceError(f"{what} dates in several layouts, such as {listed(wrong, 1)} where most have the "
                          f"{found.name}: {_DO}")  # fmt: skip
    if not found.sure:
        which = f"day, month and year cannot be told apart, such as {listed(texts, 1)}"
        raise SourceError(f"{what} dates whose {which}: {_DO}")
    return column.replace_strict(list(read), list(read.values()), default=None, return_dtype=pl.Datetime("us"))
