"""What a page shows of an example: a picture, a sound, words; each kind of data has its own.

Sounds are data URIs like pictures, within a budget of their own.
"""

import base64
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from unfazed.report import words as said
from unfazed.report.markup import Html, join, tag
from unfazed.report.pictures import Picture, pictures
from unfazed.report.rows import FEW, SHOWN, row_figure
from unfazed.run import Exhibit

SOUNDS = 3_000_000  # bytes of all sounds in a page
SOUND_KINDS = {b"RIFF": "audio/wav", b"OggS": "audio/ogg", b"fLaC": "audio/flac", b"ID3": "audio/mpeg",
               b"\xff": "audio/mpeg"}  # fmt: skip
LONGEST = 1200  # characters of a text that are shown
HEATS = 4  # shades of a word, for and against
FAINT = 0.25  # bits: where no word weighs as much, none gets the deepest shade


class Drawn(NamedTuple):
    """An exhibit ready for the page."""

    picture: Picture | None
    sound: str | None
    words: list[tuple[str, float]] | None
    cells: list[tuple[str, str, float]] | None


def drawn(exhibits: Mapping[int, Exhibit], rows: Iterable[int]) -> dict[int, Drawn]:
    """The exhibits of the rows, in order, as far as the budgets reach; damaged ones are left out."""
    wanted = list(dict.fromkeys(rows))
    shown = pictures({row: one.image for row, one in exhibits.items() if one.image}, wanted)
    sounds, spent = {}, 0
    for row in wanted:
        sound = _sound(exhibits[row].sound) if row in exhibits else None
        if sound and spent + len(sound) <= SOUNDS:
            sounds[row] = sound
            spent += len(sound)
    nothing = Exhibit()
    found = {
        row: Drawn(shown.get(row), sounds.get(row), one.words, one.cells)
        for row in wanted
        for one in [exhibits.get(row, nothing)]
    }
    return {row: one for row, one in found.items() if any(part is not None for part in one)}


def legend(exhibits: Iterable[Drawn], of_numbers: bool) -> Html | None:
    """What shades and bars mean, in a line; none where there are none."""
    found = list(exhibits)
    ends = ("for a higher number", "for a lower one") if of_numbers else ("for the predicted class", "against it")
    if any(one.cells for one in found):
        sides = f"to the right: it speaks {ends[0]}; to the left: {ends[1]}"
        return tag("p", f"A bar shows how much the value counted, beside the others of its row. {sides[0].upper()}"
                        f"{sides[1:]}.", class_="soft small")
    if any(weight for one in found for _, weight in one.words or ()):
        shades = (tag("span", "so", class_="for-3"), tag("span", "so", class_="against-3"))
        return tag("p", "Words shaded ", shades[0], f" speak {ends[0]}, those shaded ", shades[1], f" {ends[1]}; ",
                   "the deeper, the more.", class_="soft small text")  # fmt: skip
    return None


def shown(exhibit: Drawn | None, name: str, brief: bool = False) -> Html:
    """An exhibit as the page shows it; of a row in brief, the columns of the greatest weight alone."""
    if exhibit is None:
        return tag("div", "not shown", class_="blank")
    parts = []
    if exhibit.picture:
        small = "small-source" if exhibit.picture.small else None
        parts.append(tag("img", src=exhibit.picture.source, alt=name, loading="lazy", class_=small))
    if exhibit.sound:
        parts.append(tag("audio", src=exhibit.sound, controls=True, preload="none"))
    if exhibit.words is not None:
        parts.append(_text(exhibit.words))
    if exhibit.cells is not None:
        parts.append(row_figure(exhibit.cells, FEW if brief else SHOWN))
    return join(*parts)


def _text(words: list[tuple[str, float]]) -> Html:
    """Words in order, each shaded by how much it speaks for the predicted class, or against it."""
    most = max([FAINT, *(abs(weight) for _, weight in words)])
    parts: list[Html | str] = []
    length = 0
    for word, weight in words:
        length += len(word)
        if length > LONGEST:
            parts.append("…")
            break
        bare = word.rstrip()
        parts += [_word(bare, weight, most), word[len(bare) :]]
    return tag("p", *parts, class_="text", dir="auto")


def _word(word: str, weight: float, most: float) -> Html | str:
    heat = round(HEATS * abs(weight) / most)
    if not heat:
        return word
    side = "for" if weight > 0 else "against"
    return tag("span", word, class_=f"{side}-{heat}", title=f"{side} it: {said.bits(abs(weight))}")


def _sound(data: bytes | None) -> str | None:
    kind = next((kind for start, kind in SOUND_KINDS.items() if data and data.startswith(start)), None)
    return f"data:{kind};base64,{base64.b64encode(data).decode()}" if data and kind else None
