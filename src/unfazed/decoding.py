"""From bytes to text: files of people and programs, in whatever encoding they were written."""

import codecs
import re
from typing import NamedTuple

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
SNIFFED = 65_536  # characters that tell whether it is text at all
BINARY = 0.05  # share of control characters among them from which on it is not; of random bytes it is an eighth
_CONTROLS = re.compile("[\x00-\x07\x0b\x0e-\x1a\x1c-\x1f\x7f-\x9f]")  # none that moves a cursor or colours a terminal


class Decoded(NamedTuple):
    """A text and the encoding that it was written in."""

    text: str
    encoding: str  # UTF-8, UTF-16, UTF-32 or Windows-1252


def decoded(data: bytes) -> Decoded:
    """The text: in UTF-8, or UTF-16 or 32 where a mark says so; what is not valid UTF-8 is Windows-1252, unless most
    of it is UTF-8: then the rest becomes U+FFFD.

    Raises:
        ValueError: it is no text, but a picture, an archive, a program; the message is the reason.
    """
    found = _decoded(data)
    sniffed = found.text[:SNIFFED]
    controls = len(_CONTROLS.findall(sniffed))
    controls += sniffed.count("\ufffd") if found.encoding == "Windows-1252" else 0  # five bytes are no character in it
    if controls > BINARY * len(sniffed):
        raise ValueError(f"not a text: starts with {data[:12]!r}")
    return found


def _decoded(data: bytes) -> Decoded:
    marked = next((name for mark, name in MARKS if data.startswith(mark)), None)
    if marked is not None:
        return Decoded(data.decode(marked, "replace"), marked.removesuffix("-sig").upper())
    try:
        return Decoded(data.decode(), "UTF-8")
    except UnicodeDecodeError:
        text = data.decode(errors="replace")
    bad = text.count("\ufffd")
    valid = sum(character > "\x7f" for character in text) - bad
    return Decoded(text, "UTF-8") if valid > bad else Decoded(data.decode("cp1252", "replace"), "Windows-1252")
