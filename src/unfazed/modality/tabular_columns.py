"""The columns of a table: what kind each one is, found out from its training values, and its values as numbers.

number      finite numbers; 1,234.5 and, where a whole column agrees, 1.234,5, 12 kg, 27.9k or 12:05
category    one of some names; what training has not seen, or only once, shares code 0
boolean     yes or no
date        a date or a time: its distance in days, month, day, weekday and hour, as far as they vary
text        free text, identifier: different in nearly every row, constant: the same in all. These are left out.
"""

import math
import re
import shlex
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from statistics import fmean, median
from typing import Final, Literal, NamedTuple, TypeVar, get_args

from unfazed import dates
from unfazed.errors import UsageError
from unfazed.modality import tabular_values as values
from unfazed.modality.tabular_numbers import PLAIN, Found, Notation, notation_of, number
from unfazed.modality.tabular_values import Value
from unfazed.table import brief, listed

Kind = Literal["number", "category", "boolean", "date", "text", "identifier", "constant"]

_EPOCH: Final = datetime(2000, 1, 1)
KINDS: Final = get_args(Kind)
LEFT_OUT: Final = ("text", "identifier", "constant")
PARTS: Final[dict[str, Callable[[datetime], float]]] = {
    "time": lambda at: (at - _EPOCH).total_seconds() / 86_400,
    "month": lambda at: at.month,
    "day": lambda at: at.day,
    "weekday": lambda at: at.isoweekday(),
    "hour": lambda at: at.hour + at.minute / 60,
}
MOST_CATEGORIES = 1000  # the commonest are kept
RARE = 2  # a category of fewer training rows is not told apart from those never seen
LARGEST = 1e15  # of an encoded number: its square and sums of squares are float32, too
_MOSTLY = 0.95  # of a column's values that must be of a kind; the others count as missing
_DIFFERENT = 0.95  # share of different values from which a column names its rows
_FEW = 20  # different whole numbers may be chance in fewer rows
_GAPS = 2  # a numbering of the rows, some of which are validation and test rows
_EXACT = 1e15  # whole numbers from which on are told apart by more digits than any measurement has
_ONE_WORD, _WORDS = 1.5, 4  # a cell, on average: below the first different ones are identifiers, from the second text
_NAME_OF_IDENTIFIER = re.compile(  # the index of a pandas frame has no name, or this one, in a CSV file
    r"(?i:(?:^|[\W_])(?:id|uuid|guid|key|index))$|I[dD]$|^$|^Unnamed: \d+$"
)


_ODD = 3  # values that are not of their column's kind, of which examples are kept
_ISO = "write them alike, such as 2023-01-31"
_SEVERAL_LAYOUTS = f"looks like dates in several layouts: {_ISO}"
_EITHER_LAYOUT = f"looks like dates in which day, month and year cannot be told apart: {_ISO}"
_READ_AS = f"is read with the {{}}, since its values do not tell day, month and year apart: {_ISO}, if not"
_SEVERAL_NOTATIONS = "looks like numbers in several units or notations: write them alike"
_WRITTEN: Final = {
    "number": "Write numbers as 1234.5",
    "date": "Write dates as 2023-01-31",
    "boolean": "Write yes or no, true or false, 1 or 0",
}

T = TypeVar("T")


@dataclass(frozen=True)
class Column:
    """What `fit` learnt of one column.

    centre, scale: a number, or the time of a date, is encoded as (value - centre) / scale, since float32 has seven
    digits. categories: their names, the commonest first; code 1 is the first. missing: training rows without a value.
    strange: training rows whose value is not of the kind, which count as missing; odd: some of these values. apparent:
    the kind that the values suggest, where another was said. doubt: what a person should know of how it was read.
    """

    name: str
    kind: Kind
    apparent: Kind
    centre: float = 0.0
    scale: float = 1.0
    decimal: str = "."
    units: tuple[str, ...] = ()
    clock: int = 0
    layout: str = "year first"
    parts: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    missing: int = 0
    strange: int = 0
    odd: tuple[str, ...] = ()
    doubt: str = ""

    @property
    def notation(self) -> Notation:
        """How the numbers are written."""
        return Notation(self.decimal, self.units, self.clock)

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the numbers that a value becomes: none, one, or the parts of a date."""
        if self.kind in LEFT_OUT:
            return ()
        return tuple(f"{self.name}: {part}" for part in self.parts) if self.kind == "date" else (self.name,)

    @property
    def codes(self) -> tuple[int, ...]:
        """For each feature the number of its codes, 0 .. codes - 1 with 0 for an unseen category; 0 = a number."""
        return (len(self.categories) + 1,) if self.kind == "category" else (0,) * len(self.features)


class Look(NamedTuple):
    """What the values of a column suggest: their kind, how it is written, and what should be said of it."""

    kind: Kind
    doubt: str = ""
    layout: dates.Layout | None = None
    numbers: Found | None = None


def column_of(name: str, cells: Sequence[Value], kind: Kind | None = None) -> Column:
    """The column of the training values `cells`, of its apparent kind unless `kind` is given.

    Raises:
        UsageError: there are values, and none is of the given kind.
    """
    present = Counter(values.text(value) for value in cells if not values.missing(value))
    look = look_of(name, present, len(cells))
    column = Column(name, kind or look.kind, look.kind, missing=len(cells) - present.total())
    if kind is None:
        column = replace(column, doubt=look.doubt)
    match column.kind:
        case "number":
            return _with_numbers(column, present, look.numbers or notation_of(present, 0.0))
        case "date":
            return _with_dates(column, present, look.layout or dates.layout_of(present, 0.0))
        case "boolean":
            return _with_strange(column, present, {value: values.flag(value) for value in present})
        case "category":
            return replace(column, categories=_categories(present))
        case _:
            return column


def look_of(name: str, present: Counter[str], rows: int) -> Look:
    """What the values of a column of `rows` rows suggest; `present` counts those that are not missing."""
    if not present or (len(present) == 1 and present.total() == rows):
        return Look("constant")
    if len(present) == 2 and {values.flag(value) for value in present} == {True, False}:  # F and N are both no
        return Look("boolean")
    layout = dates.layout_of(present, _MOSTLY)
    if layout and layout.sure and layout.share >= _MOSTLY:
        return Look("date", layout=layout)
    if layout:
        doubt = _SEVERAL_LAYOUTS if layout.share < _MOSTLY else _EITHER_LAYOUT
        return Look(_kind_of_names(present), doubt, layout=layout)
    numbers = notation_of(present, _MOSTLY)
    if numbers is None or numbers.codes:
        return Look(_kind_of_names(present), numbers=numbers)
    if numbers.share < _MOSTLY:
        doubt = _SEVERAL_NOTATIONS if numbers.every >= _MOSTLY else ""
        return Look(_kind_of_names(present), doubt, numbers=numbers)
    return Look("identifier" if _counts_rows(name, present, numbers.notation) else "number", numbers=numbers)


def _kind_of_names(present: Counter[str]) -> Kind:
    words = sum(len(value.split()) * count for value, count in present.items()) / present.total()
    if len(present) >= _DIFFERENT * present.total():
        return "identifier" if words < _ONE_WORD else "text"
    return "text" if words >= _WORDS and 2 * len(present) > present.total() else "category"


def _counts_rows(name: str, present: Counter[str], notation: Notation) -> bool:
    """Whether whole numbers, all different, are those of the rows, called an identifier, or of 16 digits and more."""
    if len(present) < max(_FEW, present.total()) or notation.clock:
        return False
    found = [read for value in present if (read := number(value, notation)) is not None]
    if len(found) < len(present) or not all(map(float.is_integer, found)):
        return False
    if min(map(abs, found)) >= _EXACT:
        return True
    return max(found) - min(found) < _GAPS * len(found) or _NAME_OF_IDENTIFIER.search(name) is not None


def _with_numbers(column: Column, present: Counter[str], numbers: Found | None) -> Column:
    notation = numbers.notation if numbers else PLAIN
    read = {value: number(value, notation) for value in present}
    centre, scale = _standard(_repeated(read, present))
    column = replace(column, centre=centre, scale=scale, **notation._asdict())
    return _with_strange(column, present, read)


def _with_dates(column: Column, present: Counter[str], found: dates.Layout | None) -> Column:
    layout = found.name if found else "year first"
    if found and not found.sure:
        column = replace(column, doubt=_READ_AS.format(layout))
    read = {value: values.moment(value, layout) for value in present}
    moments = _repeated(read, present)
    parts = tuple(part for part, part_of in PARTS.items() if len({part_of(at) for at in moments}) > 1)
    centre, scale = _standard([PARTS["time"](at) for at in moments])
    return _with_strange(replace(column, centre=centre, scale=scale, layout=layout, parts=parts), present, read)


def _repeated(read: Mapping[str, T | None], present: Counter[str]) -> list[T]:
    """What the values mean, each as often as it is there."""
    return [meant for value, meant in read.items() if meant is not None for _ in range(present[value])]


def _with_strange(column: Column, present: Counter[str], read: Mapping[str, object]) -> Column:
    """The column that knows of the values that are not of its kind; raises UsageError where all are such."""
    strange = [value for value, meant in read.items() if meant is None]
    if strange and len(strange) == len(present):
        raise UsageError(
            f'--columns: none of the {present.total():,} values of "{column.name}" in the training rows is a '
            f"{column.kind}, such as {listed(strange, _ODD)}. {_WRITTEN[column.kind]}, or say what else it is: "
            f"--columns {shlex.quote(f'{column.name}={column.apparent}')}"
        )
    count = sum(present[value] for value in strange)
    return replace(column, strange=count, odd=tuple(map(brief, strange[:_ODD])))


def _standard(found: Sequence[float]) -> tuple[float, float]:
    """The median and the mean distance from it, such that a float32 has room for what is encoded with them."""
    centre = median(found) if found else 0.0
    centre = centre if math.isfinite(centre) else 0.0  # the mean of two numbers near the largest
    farthest = max((abs(number / 2 - centre / 2) for number in found), default=0.0)
    shares = [abs(number / 2 - centre / 2) / farthest for number in found] if farthest else [0.0]
    scale = 2 * farthest * fmean(shares)
    return centre, scale if 1e-300 < scale < math.inf else 1.0


def _categories(present: Counter[str]) -> tuple[str, ...]:
    common = [(-count, name) for name, count in present.items() if count >= RARE]
    return tuple(name for _, name in sorted(common)[:MOST_CATEGORIES])


def encoder(column: Column) -> Callable[[Value], list[float]]:
    """The function from a value of the column to its features; nan = missing."""
    nothing = [math.nan] * len(column.features)
    meaning = _meaning(column)
    return lambda value: nothing if values.missing(value) else meaning(value) or nothing


def _meaning(column: Column) -> Callable[[Value], list[float] | None]:
    match column.kind:
        case "number":
            return partial(_encoded_number, column=column, notation=column.notation)
        case "boolean":
            return _encoded_flag
        case "date":
            return partial(_encoded_date, column=column)
        case "category":
            numbered = enumerate(column.categories, start=1)
            codes = {name: [float(code)] for code, name in numbered}
            return lambda value: codes.get(values.text(value), [0.0])
        case _:
            return lambda value: None


def _encoded_number(value: Value, column: Column, notation: Notation) -> list[float] | None:
    read = number(value, notation)
    return None if read is None else [_standardised(read, column)]


def _encoded_flag(value: Value) -> list[float] | None:
    flag = values.flag(value)
    return None if flag is None else [float(flag)]


def _encoded_date(value: Value, column: Column) -> list[float] | None:
    at = values.moment(value, column.layout)
    if at is None:
        return None
    parts = {part: PARTS[part](at) for part in column.parts}
    return [_standardised(part, column) if name == "time" else part for name, part in parts.items()]


def _standardised(number: float, column: Column) -> float:
    return min(max((number - column.centre) / column.scale, -LARGEST), LARGEST)
