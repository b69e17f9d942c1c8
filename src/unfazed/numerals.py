"""Numbers as people write them: 1,234.5 or 1.234,5. Which mark stands before the fraction is told by a whole column."""

import math
import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from unfazed.errors import UsageError

DECIMALS: Final = (".", ",")
LONGEST: Final = 100  # characters
_CODE = re.compile(r"[+-]?0[0-9]+")
_UNITS = "$€£¥% "
_WITH_UNIT = re.compile(r"(?:(?P<before>[A-Z]{3}) ?)?(?P<number>[+-]?[0-9][0-9.,]*) ?(?P<unit>(?:°|[^\W\d_])\S{0,9})?")
_MOSTLY = 0.9  # of different texts that have to be numbers with one unit
_NUMERALS = {
    decimal: re.compile(
        rf"[+-]?(?:[1-9][0-9]{{0,2}}(?:{thousands}[0-9]{{3}})+|[0-9]*)(?:{re.escape(decimal)}[0-9]*)?"
        r"(?:[eE][+-]?[0-9]+)?"
    )
    for decimal, thousands in ((".", ","), (",", r"\."))
}


def is_code(text: str) -> bool:
    """Whether a text is written with digits but is no amount: 007, 02139."""
    return _CODE.fullmatch(text.strip()) is not None


def plain(text: str, decimal: str = ".") -> str | None:
    """The numeral as programs write it: a point before the fraction, nothing between thousands; None where it is none.

    decimal: the mark before its fraction; the other one stands between its thousands. Signs of currency and per cent
    around it are ignored: a column has one unit.
    """
    found = text.strip().strip(_UNITS)
    if len(found) > LONGEST or not _NUMERALS[decimal].fullmatch(found):
        return None
    return found.replace(",", "") if decimal == "." else found.replace(".", "").replace(",", ".")


def number(text: str, decimal: str = ".") -> float | None:
    """The finite number that a text is; see `plain`."""
    try:
        found = float(plain(text, decimal) or "")
    except ValueError:  # "" and "." and "e5"
        return None
    return found if math.isfinite(found) else None


def decimal_mark(counts: Mapping[str, int], preferred: str = ".") -> tuple[str, int]:
    """The decimal mark with which most texts, of which there are `counts`, are numbers, and how many are.

    Where both do, it is the `preferred` one: "1,234" alone is a thousand.
    """
    found = {mark: sum(count for text, count in counts.items() if number(text, mark) is not None)
             for mark in (preferred, *DECIMALS)}  # fmt: skip
    best = max(found, key=lambda mark: found[mark])
    return best, found[best]


def plain_numbers(texts: Sequence[str | None], preferred: str = ".") -> tuple[list[str | None], str]:
    """The texts of a column, numbers among them as `plain` has them and others as they are; its decimal mark."""
    counts = Counter(text for text in texts if text)
    mark, _ = decimal_mark(counts, preferred)
    read = {text: plain(text, mark) or text for text in counts}
    return [text and read[text] for text in texts], mark


def typed_numbers(texts: Sequence[str | None], decimal: str, where: str) -> list[str | None]:
    """What people typed for a source that has `decimal` before the fraction, as `plain_numbers`.

    Raises:
        UsageError: one may be another number as the source writes numbers, and no other tells: people write both.
    """
    read, mark = plain_numbers(texts)
    if plain_numbers(texts, decimal)[1] == mark:
        return read
    for text in texts:
        one, other = number(text or "", mark), number(text or "", decimal)
        if one is not None and other is not None and one != other:
            raise UsageError(
                f'{where}: "{text}" may be {one:.15g}, or {other:.15g} as the source writes numbers, with "{decimal}" '
                f"before the fraction. Write {_in_one_way(one)} or {_in_one_way(other)}"
            )
    return read


def _in_one_way(value: float) -> str:
    """The number so that no mark in it can stand between thousands."""
    text = f"{value:.15g}"
    return text if number(text, ",") in (None, value) else f"{text}0"


def without_unit(texts: Collection[str]) -> str:
    """What to do about numbers with a unit that most of the different texts are, 5117 km or EUR 40; empty where not."""
    found = [match for text in texts if (match := _WITH_UNIT.fullmatch(text.strip()))]
    units = Counter(match["before"] or match["unit"] for match in found if bool(match["before"]) != bool(match["unit"]))
    (unit, count), = units.most_common(1) or [("", 0)]
    if count <= _MOSTLY * len(texts):
        return ""
    first = next(match for match in found if unit in (match["before"], match["unit"]))
    return (f'These look like numbers with the unit "{unit}": write {first["number"]} instead of "{first[0]}", and so '
            "on, in the column, and the number is predicted")
