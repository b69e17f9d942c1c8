"""What the value of a cell means: nothing, a number, a date, yes or no, or its own text.

A cell is text, as CSV has it, or a number or a boolean, as JSON and Parquet have them. None of these functions raises:
what a cell does not mean is None.
"""

import math
import re
from datetime import datetime
from functools import lru_cache
from typing import Final

from unfazed import dates, numerals
from unfazed.blanks import is_blank
from unfazed.numerals import LONGEST

Value = str | int | float | bool | None

FLAGS: Final = {
    **dict.fromkeys(("1", "true", "t", "yes", "y"), True),
    **dict.fromkeys(("0", "false", "f", "no", "n"), False),
}
_WITH_DIGITS = 10.0 ** (LONGEST - 1)  # whole numbers are written with all of them below it
_WHOLE = re.compile(r"[+-]?(?:0|[1-9][0-9]*)\.0+")
_WRITTEN = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")  # by any program, without separators
_ISO = re.compile(r"(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2}(?:\.\d+)?))?)?", re.ASCII)


def text(value: Value) -> str:
    """The value as a category's name: 3, 3.0, "3" and "3.0" are one, and so are True, "True" and "true"."""
    if isinstance(value, float) and value.is_integer() and abs(value) < _WITH_DIGITS:
        return str(int(value))
    try:
        said = str(value).strip()
    except ValueError:  # an integer of more digits than Python writes
        return f"{value:x}"
    if said.casefold() in ("true", "false"):
        return said.casefold()
    return said.partition(".")[0] if _WHOLE.fullmatch(said) else said


def identity(value: Value) -> str | None:
    """What is equal for equal values, whatever wrote them: a number, a date, yes or no, text; None = missing.

    37, "37", "37.0" and "3.7e1" are one, as CSV, JSON and Parquet have them; codes such as 007 stay as they are.
    """
    return _identity(value) if isinstance(value, str) and len(value) > LONGEST else _identity_of_short(value)


def _identity(value: Value) -> str | None:
    if missing(value):
        return None
    said = text(value)
    if len(said) <= LONGEST and _WRITTEN.fullmatch(said) and not is_code(said):
        return said.removeprefix("+") if said.removeprefix("-").isdecimal() else _shortest(float(said))
    return _iso(found) if (found := _ISO.fullmatch(said)) else said


_identity_of_short = lru_cache(1 << 16, typed=True)(_identity)  # most values come again; typed: 1 and True are equal


def _shortest(number: float) -> str:
    return str(int(number)) if math.isfinite(number) and number.is_integer() else repr(number)


def _iso(found: re.Match[str]) -> str:
    """A date without a time where that is midnight, and without the zeros at the end of its seconds."""
    day, minutes, seconds = found[1], found[2] or "00:00", found[3] or "00"
    exact = seconds.rstrip("0").rstrip(".") if "." in seconds else seconds
    return day if (minutes, exact) == ("00:00", "00") else f"{day} {minutes}:{exact or '00'}"


def missing(value: Value) -> bool:
    """Whether the value says that there is none: null, NaN, empty text, "?", "NA" and the like."""
    if isinstance(value, str):
        return is_blank(value)
    return value is None or (isinstance(value, float) and math.isnan(value))


def number(value: Value, decimal: str = ".") -> float | None:
    """The finite number that the value is; of a text see `numerals.plain`."""
    if isinstance(value, str):
        return numerals.number(value, decimal)
    try:
        found = math.nan if value is None else float(value)
    except OverflowError:  # an integer of a thousand digits
        return None
    return found if math.isfinite(found) else None


def is_code(value: Value) -> bool:
    """Whether the value is written with digits but is no amount: 007, 02139."""
    return isinstance(value, str) and numerals.is_code(value)


def flag(value: Value) -> bool | None:
    """Yes or no, as true and false, yes and no, 1 and 0, or their first letters."""
    return FLAGS.get(text(value).casefold())


def moment(value: Value, layout: str = "year first") -> datetime | None:
    """The date, see `dates.moment`."""
    return dates.moment(value, layout) if isinstance(value, str) else None
