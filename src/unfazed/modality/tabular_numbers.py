"""Numbers in the cells of a column, as it writes them: (1,234.50), USD 12, 12.3 kg, 27.9k, 12:05.

Which mark stands before the fraction, which units stand beside the numbers, and whether they are times on a clock or
durations is found out from the training values of the whole column, since "12 A" alone may be a name.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import product
from typing import Final, NamedTuple

from unfazed import numerals
from unfazed.modality import tabular_values as values
from unfazed.modality.tabular_values import Value
from unfazed.numerals import DECIMALS, LONGEST

MULTIPLES: Final = {
    **dict.fromkeys(("k", "K"), 1e3), **dict.fromkeys(("m", "M", "mn", "Mn", "mio", "Mio", "MM"), 1e6),
    **dict.fromkeys(("b", "B", "bn", "Bn", "G"), 1e9), "T": 1e12,
}  # fmt: skip
CLOCKS: Final = (0, 2, 3)  # parts between colons: none, hours and minutes, and seconds
_SIGNS = frozenset("%$€£¥₹₽₩₺₴₪")
_CURRENCY = (
    "AED ARS AUD BGN BRL CAD CHF CLP CNY COP CZK DKK EGP EUR GBP HKD HUF IDR ILS INR ISK JPY KRW KZT MAD MXN MYR NGN "
    "NOK NZD PEN PHP PKR PLN RMB RON RSD RUB SAR SEK SGD THB TRY TWD UAH USD UYU VND ZAR "
    "US$ A$ C$ R$ S$ HK$ NZ$ Fr Fr. kr Kr kr. Rs Rs. zł Kč Ft Lei"
)
_UNIT = (
    "mm cm dm m km in ft yd mi nm µm μm mg g kg lb lbs oz ml mL cl dl m² m2 m³ m3 km² km2 cm² cm2 cm³ cm3 ft² ft2 ha "
    "ms s sec secs min mins h hr hrs kB KB MB GB TB kb Mb Gb bps kbps Mbps W kW MW Wh kWh MWh mV kV mA mAh "
    "Hz kHz MHz GHz Pa hPa kPa bar psi mph kmh km/h kph m/s rpm ° °C °F cal kcal kJ MJ ppm ppb dB dBm px pt bp "
    "sqft sqm \" ' ″ ′"
)
_CURRENCIES = frozenset(_CURRENCY.split())
_ATTACHED = _CURRENCIES | frozenset(MULTIPLES) | frozenset(_UNIT.split())  # to a numeral; 12A may be a name
_WORD = r"[^\W\d_][^\d\s()\-:,+<>=]*"
_AMOUNT = re.compile(
    r"(?P<open>\()?\s*(?P<sign>[-+−])?\s*(?P<before>[^\W\d_]{1,3}[.$]?|[$€£¥₹₽₩₺₴₪])?(?P<apart>\s*[-+−]?\s*)"
    r"(?P<numeral>[.,]?[0-9][0-9.,]*(?:[eE][+-]?[0-9]+)?)(?P<gap>\s*)"
    rf"(?P<after>(?:[kc]?m|ft)[23²³]|{_WORD}(?: {_WORD}){{0,2}}|[%$€£¥₹₽₩₺₴₪\"'″′]|°[CF]?)?"
    r"\s*(?P<trailing>[-−])?\s*(?P<close>\))?"
)
_CLOCK = re.compile(r"([-+])?(?:([0-9]{1,6}) days?,? )?([0-9]{1,4}):([0-5][0-9])(?::([0-5][0-9](?:[.,][0-9]+)?))?")
_MOST_UNITS = 5  # different ones, of a column that is said to look like one of numbers
_MAY_BE_UNITS = frozenset({"m", "b", "T", "G"})  # where no other multiple occurs: metres
_LARGE = 1000  # from which on a number among those may be in another unit: 950,000 beside 1.2m
_PLURAL = 3  # letters from which on an s at the end of a unit is its plural: day and days, but m and ms


class Notation(NamedTuple):
    """How a column writes its numbers.

    units: what may stand beside them, all of `MULTIPLES` where they are multiples, and a sign: $ or %. clock: one of
    CLOCKS.
    """

    decimal: str = "."
    units: tuple[str, ...] = ()
    clock: int = 0


PLAIN: Final = Notation()


class Found(NamedTuple):
    """The notation of most values of a column, the share that it reads, and that of numbers in whatever notation.

    codes: whether any is written as no amount is: 007.
    """

    notation: Notation
    share: float
    every: float
    codes: bool


class _Amount(NamedTuple):
    numeral: str
    units: tuple[str, ...]
    sign: int
    brackets: bool
    trailing: bool  # minus


Amounts = list[tuple[_Amount, int]]  # with the number of rows of each


def number(value: Value, notation: Notation = PLAIN) -> float | None:
    """The finite number that the value is; of a time on a clock or a duration, hours before minutes, its seconds."""
    if not isinstance(value, str):
        return values.number(value)
    if notation.clock:
        return _seconds(value, notation.clock)
    plain = numerals.number(value, notation.decimal)
    if plain is not None and _SIGNS.isdisjoint(value):
        return None if _may_differ(plain, notation) else plain
    found = _amount(value)
    return None if found is None else _read(found, notation)


def notation_of(counts: Mapping[str, int], least: float) -> Found | None:
    """How the texts, of which there are `counts`, are written; None where less than the share `least` are numbers."""
    total = sum(counts.values())
    room = (1 - least) * total
    amounts: Amounts = []
    for text, count in counts.items():
        if found := _amount(text):
            amounts.append((found, count))
        else:
            room -= count
            if room < 0:
                return _clock_of(counts, least)
    if _are_names([found for found, _ in amounts]):
        return _clock_of(counts, least)
    most = sum(count for _, count in amounts)
    best, read = Notation(), -1
    for units, decimal in product((_units(amounts), ()), DECIMALS):
        notation = Notation(decimal, units)
        count = _count(amounts, [notation])
        best, read = (notation, count) if count > read else (best, read)
        if read == most:
            break
    every = most if read == most else _count(amounts, _notations(amounts))
    codes = any(numerals.is_code(found.numeral) for found, _ in amounts)
    return Found(best, read / total, every / total, codes)


def _are_names(amounts: Sequence[_Amount]) -> bool:
    """Whether numbers number a list, (1), (2), …, or are marks at school: 2, 2-, 3."""
    if all(found.brackets for found in amounts):
        return True
    return any(found.trailing for found in amounts) and all(len(found.numeral) == 1 for found in amounts)


def _amount(text: str) -> _Amount | None:
    """The parts of a number beside its units; None where it is none, or stands beside what may be part of a name."""
    one_space = " ".join(text.split()) if len(text) <= LONGEST else ""  # else many ways to match them
    found = _AMOUNT.fullmatch(one_space)
    if found is None:
        return None
    before, after = found["before"] or "", found["after"] or ""
    numeral = found["numeral"]
    signs = [sign for sign in (*found.group("open", "sign", "trailing"), found["apart"].strip()) if sign]
    if len(signs) > 1 or bool(found["open"]) != bool(found["close"]):
        return None
    if after and not found["gap"] and after not in _SIGNS and after not in _ATTACHED:
        return None
    if before and before not in _SIGNS and not (before in _CURRENCIES and (found["apart"] or not numeral.isdecimal())):
        return None
    units = tuple(unit for unit in (before, after) if unit)
    return _Amount(numeral, units, 1 if signs in ([], ["+"]) else -1, bool(found["open"]),
                   bool(found["trailing"]))  # fmt: skip


def _read(found: _Amount, notation: Notation) -> float | None:
    if not all(unit in notation.units for unit in found.units):
        return None
    bare = numerals.number(found.numeral, notation.decimal)
    if bare is None or (not found.units and _may_differ(bare, notation)):
        return None
    multiples = _are_multiples(notation)
    return found.sign * bare * math.prod(MULTIPLES.get(unit, 1.0) for unit in found.units if multiples)


def _are_multiples(notation: Notation) -> bool:
    return notation.units[: len(MULTIPLES)] == tuple(MULTIPLES)


def _may_differ(bare: float, notation: Notation) -> bool:
    """Whether a number without a unit may be in another one than its column: 0.12 beside 12%, 950,000 beside 1.2m."""
    if "%" in notation.units:
        return 0 < abs(bare) < 1
    return abs(bare) >= _LARGE and not _MAY_BE_UNITS.isdisjoint(notation.units) and not _are_multiples(notation)


def _count(amounts: Amounts, notations: Sequence[Notation]) -> int:
    """How many are numbers in any of the notations."""
    return sum(n for found, n in amounts if any(_read(found, notation) is not None for notation in notations))


def _notations(amounts: Amounts) -> list[Notation]:
    """Those in which a column could be meant; where many units occur, they are names, as of streets."""
    units = tuple({unit for found, _ in amounts for unit in found.units})
    known = units if len(units) <= _MOST_UNITS else ()
    return [Notation(decimal, said) for said in ((), known) for decimal in DECIMALS]


def _units(amounts: Amounts) -> tuple[str, ...]:
    """What stands beside numbers of a column: beside most of them multiples or one unit, and a currency, or beside any
    the commonest sign. Bare ones are in that too.
    """
    tally: Counter[str] = Counter()
    currencies: Counter[tuple[str, ...]] = Counter()
    for found, count in amounts:
        known = tuple(unit for unit in found.units if unit in _SIGNS or unit in _CURRENCIES)
        currencies[known] += count
        tally.update({unit: count for unit in found.units if unit not in known})
    half = sum(count for _, count in amounts) / 2
    del currencies[()]
    (currency, beside), = currencies.most_common(1) or [((), 0)]
    if beside < half and _SIGNS.isdisjoint(currency):
        currency = ()
    if tally and all(unit in MULTIPLES for unit in tally) and not _MAY_BE_UNITS.issuperset(tally):
        return (*MULTIPLES, *currency)
    stems: dict[str, list[str]] = {}
    for unit in tally:
        stems.setdefault(_singular(unit), []).append(unit)
    common = (_both(stem) for stem, units in stems.items() if sum(tally[unit] for unit in units) >= half)
    return (*next(common, ()), *currency)


def _both(stem: str) -> tuple[str, ...]:
    return (stem, f"{stem}s") if len(stem) >= _PLURAL and stem.isalpha() else (stem,)


def _singular(unit: str) -> str:
    return unit[:-1] if len(unit) > _PLURAL and unit.endswith("s") else unit


def _clock_of(counts: Mapping[str, int], least: float) -> Found | None:
    """The notation of times on a clock or durations; None where less than the share `least` are such."""
    total = sum(counts.values())
    room = (1 - least) * total
    clocks = dict.fromkeys(CLOCKS[1:], 0)
    for text, count in counts.items():
        if found := _CLOCK.fullmatch(text.strip()):
            clocks[2 if found[5] is None else 3] += count
        else:
            room -= count
            if room < 0:
                return None
    clock = max(clocks, key=lambda clock: clocks[clock])
    every = sum(clocks.values())
    return Found(Notation(clock=clock), clocks[clock] / total, every / total, False) if every else None


def _seconds(text: str, clock: int) -> float | None:
    """12:05:00, as a time of day is written by programs, is 12:05 too."""
    found = _CLOCK.fullmatch(text.strip()) if len(text) <= LONGEST else None
    if found is None:
        return None
    sign, days, hours, minutes, second = found.groups()
    seconds = float((second or "0").replace(",", "."))
    if clock != (2 if second is None else 3) and (second is None or seconds):
        return None
    return (-1 if sign == "-" else 1) * (86_400.0 * int(days or 0) + 3600 * int(hours) + 60 * int(minutes) + seconds)
