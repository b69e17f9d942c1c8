"""What inputs are called in a list in a terminal: files by their names, texts and rows by their beginnings."""

import os
from collections.abc import Iterator, Sequence

from rich.cells import cell_len, set_cell_size
from rich.console import Console, ConsoleOptions
from rich.measure import Measurement
from rich.text import Text

from unfazed.table import in_brief

FILES = ("image", "audio")  # kinds whose inputs are files
LONGEST = 200  # letters of a text or a row
_NARROW = 10  # cells below which a path or a class says nothing


class Elided:
    """A cell of a table that gives up its middle, or its end, where there is no room for the whole."""

    def __init__(self, text: str, *, end: bool = False):
        self.text, self.end = text, end

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement(min(_NARROW, cell_len(self.text)), cell_len(self.text))

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[Text]:
        shown = self.text if self.end else elided(self.text, options.max_width)
        yield Text(shown, no_wrap=True, overflow="ellipsis")


def elided(text: str, width: int) -> str:
    """The text in `width` cells, "…" for its middle where it is longer; the name at a path's end stays if it fits."""
    if cell_len(text) <= width:
        return text
    folder, slash, name = text.rpartition(os.sep)
    tail = cell_len(slash + name)
    if not folder or tail >= width:
        tail = width // 2
    return f"{set_cell_size(text, width - 1 - tail)}…{set_cell_size(text[::-1], tail)[::-1]}"


def said_inputs(inputs: Sequence[str], modality: str) -> list[str]:
    """Files without the folder that all are in; the beginning of each text or row, in one line."""
    if modality not in FILES:
        return [_in_one_line(text) for text in inputs]
    folder = _common(inputs)
    return [name.removeprefix(folder) for name in inputs]


def _common(names: Sequence[str]) -> str:
    """The folder that all files are in, with its separator; empty where there is none."""
    try:
        folder = os.path.commonpath([os.path.dirname(name) for name in names])  # noqa: PTH120
    except ValueError:  # some absolute, some not
        return ""
    return folder + os.sep if folder.strip(os.sep) else ""


def _in_one_line(text: str) -> str:
    said = " ".join(in_brief(text).split())
    return said if len(said) <= LONGEST else said[: LONGEST - 1] + "…"
