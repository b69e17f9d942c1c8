"""Dates as people write them. Whether the day or the month comes first in 1/2/2023 is told by a whole column.

What has the year first, 2023-01-31, or names its month, 31 Jan 2023, means the same in every column.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Final, NamedTuple

LAYOUTS: Final = ("year first", "day first", "month first", "short year first")
_SHORTEST, _LONGEST = 6, 100  # characters
_NOON = 12
_MOSTLY = 0.95  # of the values that have the year first
_CLEARLY = 2  # times as many different days of the month in one reading as in the other
_NONE = (None, None, None, None)
_NAMES = (
    "january", "february", "march", "april", "may", "june", "july", "august", "september", "october", "november",
    "december",
)  # fmt: skip
_MONTHS = {said: number for number, name in enumerate(_NAMES, 1) for said in (name, name[:3])} | {"sept": 9}
_TIME = (
    r"(?:(?:T|,? +)(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d+))?)?\s*(?:([AP])\.?M\.?)?\s*"
    r"(?:Z|UTC|GMT|([+-]\d{2}:?\d{2}))?)?"
)
_YEAR_FIRST = re.compile(rf"(\d{{4}})([-/.])(\d{{1,2}})\2(\d{{1,2}}){_TIME}", re.ASCII | re.IGNORECASE)
_YEAR_LAST = re.compile(rf"(\d{{1,2}})([-/.])(\d{{1,2}})\2(\d{{4}}|\d{{2}}){_TIME}", re.ASCII | re.IGNORECASE)
_LIKE_VERSION = re.compile(r"\s*(?:0?[1-9]|1[0-2])\.\d{1,2}\.\d{2}\s*", re.ASCII)  # 3.11.14
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
    in any. sure: false where day, month and year might as well stand in another order, or be the parts of a version.
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
    found = _readings(text)[LAYOUTS.index(layout)]
    return found and found.replace(microsecond=0, tzinfo=None)


def instant(text: str, layout: str = "year first") -> datetime | None:
    """The date in UTC, to the microsecond, which is what its clock says where it names no offset; see `moment`."""
    found = _readings(text)[LAYOUTS.index(layout)]
    try:
        return found and (found.astimezone(UTC) if found.tzinfo else found).replace(tzinfo=None)
    except OverflowError:  # an hour before the year 1
        return None


def layout_of(counts: Mapping[str, int], least: float) -> Layout | None:
    """How the texts, of which there are `counts`, are written; None where less than the share `least` are dates."""
    total = sum(counts.values())
    others = 0
    dates = [0] * len(LAYOUTS)
    days: list[set[int]] = [set() for _ in LAYOUTS]
    versions = True
    for text, count in counts.items():
        readings = _readings(text)
        if not any(readings):
            others += count
            if others > (1 - least) * total:
                return None
            continue
        versions = versions and _LIKE_VERSION.fullmatch(text) is not None
        for layout, reading in enumerate(readings):
            if reading:
                dates[layout] += count
                days[layout].add(reading.day)
    if others == total:
        return None
    best, sure = _best(dates, list(map(len, days)))
    if not sure and dates[0] >= _MOSTLY * total:  # the others then are few enough to be left out
        best, sure = 0, True
    return Layout(LAYOUTS[best], dates[best] / total, 1 - others / total, sure and not versions)


def _best(dates: Sequence[int], days: Sequence[int]) -> tuple[int, bool]:
    """The layout that reads most of the dates, and whether no other might be meant.

    20-05-14 has the year either first or last: the days of a column vary more than its years.
    """
    year, day, month, short = range(len(LAYOUTS))
    most = max(dates)
    tied = [layout for layout in (year, month, day, short) if dates[layout] == most]
    if tied == [day, short]:
        tied.sort(key=lambda layout: -days[layout])
        return tied[0], days[tied[0]] >= _CLEARLY * days[tied[1]]
    return tied[0], tied[0] == year or len(tied) == 1


def _readings(text: str) -> tuple[datetime | None, datetime | None, datetime | None, datetime | None]:
    """What the text means in each of the LAYOUTS, with its offset from UTC. 1.2.2024 never has the month first."""
    if not _SHORTEST <= len(text) <= _LONGEST:
        return _NONE
    said = text.strip()
    if found := _YEAR_LAST.fullmatch(said):
        one, mark, two, last, *time = found.groups()
        month_first = None if mark == "." else _datetime(last, one, two, time)
        short = _datetime(one, two, last, time) if len(one) == len(last) == 2 else None
        return None, _datetime(last, two, one, time), month_first, short
    certain = _year_first(said) if said[:4].isdecimal() and said[4:5] in "-/." else _named(said)
    return certain, certain, certain, certain


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
            return _datetime(found["year"], month, found["day"], found.groups()[-6:]) if month else None
    return None


def _datetime(year: str, month: str | int, day: str, time: Sequence[str | None]) -> datetime | None:
    hour, minute, second = (int(part or 0) for part in time[:3])
    fraction, half, offset = (part or "" for part in time[3:])
    if half and not 1 <= hour <= _NOON:
        return None
    hour = hour % _NOON + _NOON * (half in "pP") if half else hour
    try:
        parts = int(month), int(day), hour, minute, second, int(fraction[:6].ljust(6, "0"))
        return datetime(_year(year), *parts, tzinfo=_zone(offset) if offset else None)
    except ValueError:  # the 31st of February, 25:00
        return None


def _zone(offset: str) -> timezone:
    """That of +02:00 or +0200; raises ValueError for a day and more."""
    hours, minutes = int(offset[1:3]), int(offset[-2:])
    return timezone((-1 if offset[0] == "-" else 1) * timedelta(hours=hours, minutes=minutes))


def _year(digits: str) -> int:
    year = int(digits)
    return year if len(digits) == 4 else year + (2000 if year < 69 else 1900)
