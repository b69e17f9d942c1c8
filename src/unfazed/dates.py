"""Dates as people write them. Whether the day or the month comes first in 1/2/2023 is told by a whole column.

What has the year first, 2023-01-31, or names its month, 31 Jan 2023, means the same in every column.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

LAYOUTS: Final = ("year first", "day first", "month first")
_SHORTEST, _LONGEST = 6, 100  # characters
_NOON = 12
_MOSTLY = 0.95  # of the values that have the year first
_NONE = (None, None, None)
_NAMES = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTHS = {said: number for number, name in enumerate(_NAMES, 1) for said in (name, name[:3])} | {"sept": 9}
_TIME = (
    r"(?:(?:T|,? +)(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]\d+)?)?\s*(?:([AP])\.?M\.?)?\s*"
    r"(?:Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}", re.ASCII | re.IGNORECASE)
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_TIME}", re.ASCII | re.IGNORECASE)
_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th)?"
_MONTH = r"(?P<month>[a-z]{3,9})"
_NAMED = tuple(
    re.compile(rf"(?:(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*,? +)?{pattern}{_TIME}", re.ASCII | re.IGNORECASE)
    for pattern in (
        rf"{_DAY}[-/. ]*{_MONTH}[-/., ]*(?P<year>\d{{4}})",  # 31 Jan 2023, 31-Jan-2023, 31JAN2023
        rf"{_DAY}(?P<mark>[-/ ]){_MONTH}(?P=mark)'?(?P<year>\d{{2}})",  # 31-Jan-23
        rf"{_MONTH}[-. ]+{_DAY}(?:, *|[- ]+)(?P<year>\d{{4}})",  # Jan 31, 2023
        rf"(?P<year>\d{{4}})[- ]{_MONTH}[- ]{_DAY}",  # 2023-Jan-31
    )
)


class Layout(NamedTuple):
    """How the dates of a column are written.

    name: one of LAYOUTS, that of most values. share: of the values that are dates in it; every: of those that are dates
    in any. sure: false where day and month might as well be the other way round.
    """

    name: str
    share: float
    every: float
    sure: bool


def moment(text: str, layout: str = "year first") -> datetime | None:
    """The date, with its time of day as it is on the clock there: an offset from UTC is ignored; None where it is none.

    layout: one of LAYOUTS. What has the year first, as ISO 8601, or names its month is read in each of them. Years of
    two digits are those from 1969 to 2068, as in POSIX.
    """
    return _readings(text)[LAYOUTS.index(layout)]


def layout_of(counts: Mapping[str, int], least: float) -> Layout | None:
    """How the texts, of which there are `counts`, are written; None where less than the share `least` are dates."""
    total = sum(counts.values())
    others = 0
    dates = [0] * len(LAYOUTS)
    dotted = False
    for text, count in counts.items():
        readings = _readings(text)
        others += 0 if any(readings) else count
        if others > (1 - least) * total:
            return None
        dates = [before + count * (reading is not None) for before, reading in zip(dates, readings, strict=True)]
        dotted = dotted or (readings[0] is None and "." in text.strip()[:3] and any(readings))
    if others == total:
        return None
    year, day, month = dates
    best = max(range(len(LAYOUTS)), key=lambda layout: dates[layout])
    sure = best == 0 or dotted or day != month  # 1.2.2024 has the day first wherever it is written
    if not sure and year >= _MOSTLY * total:  # the others then are few enough to be left out
        best, sure = 0, True
    return Layout(LAYOUTS[best], dates[best] / total, 1 - others / total, sure)


def _readings(text: str) -> tuple[datetime | None, datetime | None, datetime | None]:
    """What the text means in each of the LAYOUTS."""
    if not _SHORTEST <= len(text) <= _LONGEST:
        return _NONE
    said = text.strip()
    if found := _YEAR_LAST.fullmatch(said):
        one, _, two, year, *time = found.groups()
        return None, _datetime(year, two, one, time), _datetime(year, one, two, time)
    certain = _year_first(said) if said[:4].isdecimal() and said[4:5] in "-/." else _named(said)
    return certain, certain, certain


def _year_first(said: str) -> datetime | None:
    found = _YEAR_FIRST.fullmatch(said)
    if not found:
        return _named(said)
    year, _, month, day, *time = found.groups()
    return _datetime(year, month, day, time)


def _named(said: str) -> datetime | None:
    for pattern in _NAMED:
        if found := pattern.fullmatch(said):
            month = _MONTHS.get(found["month"].lower())
            return _datetime(found["year"], month, found["day"], found.groups()[-4:]) if month else None
    return None


def _datetime(year: str, month: str | int, day: str, time: Sequence[str | None]) -> datetime | None:
    hour, minute, second = (int(part or 0) for part in time[:3])
    half = (time[3] or "").lower()
    if half and not 1 <= hour <= _NOON:
        return None
    hour = hour % _NOON + _NOON * (half == "p") if half else hour
    try:
        return datetime(_year(year), int(month), int(day), hour, minute, second)
    except ValueError:  # the 31st of February, 25:00
        return None


def _year(digits: str) -> int:
    year = int(digits)
    return year if len(digits) == 4 else year + (2000 if year < 69 else 1900)
