"""The columns of a table: what kind each one is, found out from its training values, and its values as numbers.

number      finite numbers; 1,234.5 and, where a whole column agrees, 1.234,5
category    one of some names; what training has not seen, or only once, shares code 0
boolean     yes or no
date        a date or a time: its distance in days, month, day, weekday and hour, as far as they vary
text        free text, identifier: different in nearly every row, constant: the same in all. These are left out.
"""

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from statistics import fmean, median
from typing import Final, Literal, TypeVar, get_args

from unfazed.modality import tabular_values as values
from unfazed.modality.tabular_values import Value
from unfazed.numerals import decimal_mark

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


T = TypeVar("T")


@dataclass(frozen=True)
class Column:
    """What `fit` learnt of one column.

    centre, scale: a number, or the time of a date, is encoded as (value - centre) / scale, since float32 has seven
    digits. categories: their names, the commonest first; code 1 is the first. missing: training rows without a value.
    strange: training rows whose value is not of the kind, which count as missing. apparent: the kind that the values
    suggest, where another was said.
    """

    name: str
    kind: Kind
    apparent: Kind
    centre: float = 0.0
    scale: float = 1.0
    decimal: str = "."
    layout: str = "year first"
    parts: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    missing: int = 0
    strange: int = 0

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


def column_of(name: str, cells: Sequence[Value], kind: Kind | None = None) -> Column:
    """The column of the training values `cells`, of its apparent kind unless `kind` is given."""
    present = Counter(values.text(value) for value in cells if not values.missing(value))
    apparent = apparent_kind(name, present, len(cells))
    column = Column(name, kind or apparent, apparent, missing=len(cells) - present.total())
    match column.kind:
        case "number":
            return _with_numbers(column, present)
        case "date":
            return _with_dates(column, present)
        case "boolean":
            return replace(column, strange=sum(count for value, count in present.items() if values.flag(value) is None))
        case "category":
            return replace(column, categories=_categories(present))
        case _:
            return column


def apparent_kind(name: str, present: Counter[str], rows: int) -> Kind:
    """The kind that the values of a column of `rows` rows suggest; `present` counts those that are not missing."""
    if not present or (len(present) == 1 and present.total() == rows):
        return "constant"
    if len(present) == 2 and all(values.flag(value) is not None for value in present):
        return "boolean"
    if _layout(present):
        return "date"
    if _decimal(present):
        return "identifier" if _counts_rows(name, present) else "number"
    return _kind_of_names(present)


def _kind_of_names(present: Counter[str]) -> Kind:
    words = sum(len(value.split()) * count for value, count in present.items()) / present.total()
    if len(present) >= _DIFFERENT * present.total():
        return "identifier" if words < _ONE_WORD else "text"
    return "text" if words >= _WORDS and 2 * len(present) > present.total() else "category"


def _counts_rows(name: str, present: Counter[str]) -> bool:
    """Whether whole numbers, all different, are those of the rows, called an identifier, or of 16 digits and more."""
    if len(present) < max(_FEW, present.total()):
        return False
    found = [number for value in present if (number := values.number(value)) is not None]
    if len(found) < len(present) or not all(map(float.is_integer, found)):
        return False
    if min(map(abs, found)) >= _EXACT:
        return True
    return max(found) - min(found) < _GAPS * len(found) or _NAME_OF_IDENTIFIER.search(name) is not None


def _decimal(present: Counter[str]) -> str | None:
    """The decimal mark with which the values are numbers; None where they are not, or any is a code such as 007."""
    if any(map(values.is_code, present)):
        return None
    mark, count = decimal_mark(present)
    return mark if count >= _MOSTLY * present.total() else None


def _layout(present: Counter[str]) -> str | None:
    """The order of day, month and year in the values; None where they are no dates or it cannot be told."""
    shares = {layout: _share(present, partial(values.moment, layout=layout)) for layout in values.LAYOUTS}
    best = max(shares, key=lambda layout: shares[layout])
    either = best != "year first" and shares["day first"] == shares["month first"]
    ambiguous = either and not any("." in value for value in present)  # 1.2.2024 has the day first wherever it is used
    return best if shares[best] >= _MOSTLY and not ambiguous else None


def _share(present: Counter[str], meaning: Callable[[str], object]) -> float:
    return sum(count for value, count in present.items() if meaning(value) is not None) / present.total()


def _with_numbers(column: Column, present: Counter[str]) -> Column:
    decimal = (_decimal(present) if present else None) or "."
    found = _meanings(present, partial(values.number, decimal=decimal))
    centre, scale = _standard(found)
    return replace(column, centre=centre, scale=scale, decimal=decimal, strange=present.total() - len(found))


def _with_dates(column: Column, present: Counter[str]) -> Column:
    layout = (_layout(present) if present else None) or "year first"
    found = _meanings(present, partial(values.moment, layout=layout))
    parts = tuple(part for part, part_of in PARTS.items() if len({part_of(at) for at in found}) > 1)
    centre, scale = _standard([PARTS["time"](at) for at in found])
    strange = present.total() - len(found)
    return replace(column, centre=centre, scale=scale, layout=layout, parts=parts, strange=strange)


def _meanings(present: Counter[str], meaning: Callable[[str], T | None]) -> list[T]:
    return [meant for value, count in present.items() if (meant := meaning(value)) is not None for _ in range(count)]


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
            return partial(_encoded_number, column=column)
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


def _encoded_number(value: Value, column: Column) -> list[float] | None:
    number = values.number(value, column.decimal)
    return None if number is None else [_standardised(number, column)]


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
