"""Numbers as people read them."""

import math
import re
import shlex
from collections.abc import Callable, Mapping
from typing import Any

from unfazed.analysis import shares
from unfazed.analysis.shares import signed

ITEMS = {"image": "images", "text": "texts", "audio": "recordings", "tabular": "rows"}
ONE = {"text": "text", "audio": "recording", "tabular": "row"}  # else a file
GIVEN = {"text": "TEXT", "tabular": "TABLE"}  # what `unfazed predict` is given of them; else a FILE
UNKNOWN = "–"
LARGE = 1e6  # from here on figures have their leading digits alone
NO_INTERVAL = "interval not known"
_COMMAND = re.compile(r"\b(unfazed [a-z-]+) RUN\b")
# C0, DEL, C1, line separators, bidirectional embeddings, overrides and isolates, halves of surrogate pairs
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")


def printable(text: str) -> str:
    """The text with what could steer a terminal, or turn letters round, as visible escapes: "\\x1b[2J"."""
    return CONTROLS.sub(lambda found: _escape(ord(found[0])), text)


def _escape(code: int) -> str:
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def percent(share: float | None) -> str:
    """A share in percent; never rounded to 0 or to 100 % unless it is that."""
    if share is None or not math.isfinite(share):
        return UNKNOWN
    return shares.percent(share)


def interval(estimate: Mapping[str, Any]) -> str:
    """The ends of a share's interval: "96.8 – 99.4 %"."""
    if estimate.get("low") is None or estimate.get("high") is None:
        return UNKNOWN
    low, high = percent(estimate["low"]), percent(estimate["high"])
    return f"{low.removesuffix(' %')} – {high}"


def figure(value: float | None, digits: int = 3) -> str:
    """A plain number; from a million on its leading digits: −2.111e9."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    value = round(value, digits) + 0.0
    return _compact(value) if abs(value) >= LARGE else signed(f"{value:.{digits}f}")


def _compact(value: float) -> str:
    leading, power = f"{value:.3e}".split("e")
    return signed(f"{leading}e{int(power)}")


def number(value: float | None, digits: int = 4) -> str:
    """A number of unknown size with its leading digits: 0.01234, 48,310."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    if value == 0:
        return "0"
    places = max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return signed(f"{value:,.{min(places, 12)}f}" if abs(value) >= 1e-6 else f"{value:.{digits - 1}g}")


def narrow(value: float | None, large: float = LARGE) -> str:
    """A number of unknown size in few characters, where columns are narrow: 4.472e11 from `large` on."""
    return _compact(value) if value is not None and large <= abs(value) < math.inf else number(value)


def bounds(estimate: Mapping[str, Any], write: Callable[[float | None], str] = figure) -> str:
    """The ends of an interval that may be negative: "−3 to −1"."""
    if estimate.get("low") is None or estimate.get("high") is None:
        return NO_INTERVAL
    return f"{write(estimate['low'])} to {write(estimate['high'])}"


def ends(estimate: Mapping[str, Any], digits: int = 3) -> str:
    """The ends of a number's interval: "0.041 – 0.172"."""
    if estimate.get("low") is None or estimate.get("high") is None:
        return NO_INTERVAL
    return f"{figure(estimate['low'], digits)} – {figure(estimate['high'], digits)}"


def points(difference: float) -> str:
    """A difference of shares in percentage points."""
    return f"{100 * difference:.1f} points"


def bits(value: float | None, digits: int = 2) -> str:
    """A surprise with its unit."""
    if value is None or not math.isfinite(value):
        return UNKNOWN
    return f"{signed(f'{value:.{digits}f}')} {'bit' if round(value, digits) == 1 else 'bits'}"


def count(number: int | None, noun: str = "") -> str:
    """A number with separated thousands, and what it counts (given in the plural)."""
    if number is None:
        return UNKNOWN
    head, of, rest = noun.partition(" of ")
    said = head.removesuffix("es" if head.endswith("sses") else "s") + of + rest if number == 1 else noun
    return f"{number:,} {said}".strip()


def seconds(duration: float | None) -> str:
    """A duration in the units of its size."""
    if duration is None or not math.isfinite(duration):
        return UNKNOWN
    if duration < 1:
        return f"{1000 * duration:.0f} ms"
    if duration < 60:
        return f"{duration:.1f} s" if duration < 10 else f"{duration:.0f} s"
    minutes, rest = divmod(round(duration), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def milliseconds(duration: float | None) -> str:
    """A latency in ms, with three digits at most."""
    if duration is None or not math.isfinite(duration):
        return UNKNOWN
    return f"{duration:.{0 if duration >= 100 else 1 if duration >= 10 else 2}f} ms"


def size(number: float | None) -> str:
    """Bytes in the units of their size (1 kB = 1000 bytes)."""
    if number is None:
        return UNKNOWN
    for unit, scale in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= scale:
            return f"{number / scale:.{0 if number >= 100 * scale else 1}f} {unit}"
    return f"{number:.0f} bytes"


def short(number: float | None) -> str:
    """A large count in few characters: 77.4 k, 1.3 M."""
    if number is None:
        return UNKNOWN
    for unit, scale in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if number >= scale:
            return f"{number / scale:.3g} {unit}"
    return f"{number:.0f}"


def with_path(text: str, run: object) -> str:
    """The text with the run's path in the commands, to be copied: "unfazed query RUN FOLDER" has a word for any."""
    return _COMMAND.sub(lambda found: f"{found[1]} {shlex.quote(str(run))}", text)


def tight(text: str) -> str:
    """The text with numbers held together with their units and ranges on one line."""
    return text.replace(" %", "\u00a0%").replace(" – ", "\u00a0–\u2060\u00a0").replace("n = ", "n\u00a0=\u00a0")
