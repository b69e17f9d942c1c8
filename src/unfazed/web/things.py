"""The thing that a label is about, as a browser shows it: a picture made anew, a text, a player, a row of a table.

Nothing of a stranger's file reaches the page as it is: pictures and sounds are decoded and encoded again.
"""

import threading
from collections.abc import Collection, Mapping, Sequence
from functools import cached_property, lru_cache
from io import BytesIO
from typing import Any, NamedTuple

from unfazed.errors import InputError, UnfazedError
from unfazed.modality import Modality
from unfazed.modality.choice import named
from unfazed.reading import reading
from unfazed.run import Exhibit, Run
from unfazed.table import Table
from unfazed.web.weights import Weights

LARGEST = 4096  # pixels a side of a picture at full size
MEDIUM = 640  # in a file that holds many
SMALL = 192  # among others
LOSSLESS = 256  # pixels a side up to which a picture is sent without loss
LONGEST, BRIEF = 20_000, 240  # letters of a text: by itself, among others
COLUMNS, FEW = 200, 5  # of a row, likewise
SECONDS = 60.0  # of a recording
SPECTROGRAM = (960, 300)  # pixels, at full size
KEPT = 512  # small pictures in memory
AT_ONCE = 2  # files that are decoded at the same time: each may need half a gigabyte

Shown = dict[str, Any]
Cell = tuple[str, str, float]  # column, value, what it says in bits


class Picture(NamedTuple):
    """Bytes that a browser can show or play."""

    kind: str  # as HTTP names it
    data: bytes


class Things:
    """What can be seen of the rows of a run. Safe for many threads.

    `weights`: where those come from that the report does not show, of examples at full size; None: there are none.
    """

    weights: Weights | None = None

    def __init__(self, run: Run, table: Table):
        self.run, self.table = run, table
        self.modality: Modality = named(str(run.model.get("modality", "image")))
        self._decoding = threading.BoundedSemaphore(AT_ONCE)
        self._small = lru_cache(KEPT)(self._drawn_small)

    @cached_property
    def exhibits(self) -> Mapping[int, Exhibit]:
        """What the run's report shows: words and cells with what each says for the predicted class."""
        return self.run.exhibits()

    def name(self, row: int) -> str:
        """What to call a row: its path within the source, or its number."""
        return str(self.table.frame["id"][row])

    def shown(self, row: int, small: bool = False, like: Shown | None = None) -> Shown:
        """What there is to see of a row, as JSON; pictures and sounds are named by where `picture` has them.

        like: another one that it is shown beside; rows of a table then show the same columns.
        """
        try:
            if like is not None and like["kind"] == "row":
                names = _weightiest(like["cells"], FEW)
                return {"kind": "row", "cells": self._cells(row, self.exhibits.get(row), FEW, names)}
            return self._shown(row, small)
        except UnfazedError as error:
            return {"kind": "none", "why": str(error)}

    def _shown(self, row: int, small: bool) -> Shown:
        size = "small" if small else "full"
        if self.modality.name == "image":
            return {"kind": "image", "picture": f"picture/{row}/{size}"}
        if self.modality.name == "audio":
            return {"kind": "audio", "picture": f"picture/{row}/{size}", "sound": f"sound/{row}"}
        weighable = not small and (self.modality.name == "tabular" or self.run.model.get("task") != "regression")
        known = self._known(row) if weighable else self.exhibits.get(row)
        missing = {"unweighed": self._unweighed(row)} if weighable and not _has_weights(known) else {}
        if self.modality.name == "tabular":
            return {"kind": "row", "cells": self._cells(row, known, FEW if small else COLUMNS), **missing}
        return {"kind": "text", "words": self._words(row, known, BRIEF if small else LONGEST), **missing}

    def _known(self, row: int) -> Exhibit | None:
        """What the report shows of a row, or would show."""
        known = self.exhibits.get(row)
        if self.weights is None:
            return known
        self.weights.prepare()
        return known if _has_weights(known) else self.weights.of(row)

    def _unweighed(self, row: int) -> str:
        """Why nobody knows which words mattered: "kept" for the first ones only, or it is told "soon"."""
        return "kept" if self.weights is None or self.weights.hopeless(row) else "soon"

    def picture(self, row: int, size: str) -> Picture:
        """A row as a picture, "small", "medium" or "full"; of a recording its spectrogram.

        Raises:
            InputError: it can no longer be read, or is not what the run was trained on.
        """
        return self._small(row) if size == "small" else self._drawn(row, MEDIUM if size == "medium" else LARGEST)

    def sound(self, row: int) -> Picture:
        """A recording as a WAV; of a long one the first minute.

        Raises:
            InputError: see `picture`.
        """
        import soundfile

        if self.modality.name != "audio":
            raise InputError(f"{self.modality.items} have no sound")
        with self._decoding:
            samples, rate = self._raw(row)
            buffer = BytesIO()
            soundfile.write(buffer, samples[: round(SECONDS * rate)], rate, format="WAV", subtype="PCM_16")
        return Picture("audio/wav", buffer.getvalue())

    def _drawn_small(self, row: int) -> Picture:
        return self._drawn(row, SMALL)

    def _drawn(self, row: int, side: int) -> Picture:
        with self._decoding:
            if self.modality.name == "image":
                return _encoded(self._raw(row), side)
            if self.modality.name == "audio":
                return self._spectrogram(row, (SMALL, SMALL) if side == SMALL else SPECTROGRAM)
        raise InputError(f"{self.modality.items} have no picture")

    def _spectrogram(self, row: int, size: tuple[int, int]) -> Picture:
        import numpy as np

        from unfazed.report.spectrogram import picture

        samples, rate = self._raw(row)
        heard = np.rint(samples[: round(SECONDS * rate)] * 32767).astype(np.int16)
        return Picture("image/jpeg", picture(heard, rate, size))

    def _raw(self, row: int) -> Any:
        """The input, read anew."""
        found = reading(self.table.frame["input"][row], self.modality.read, self.modality.load)
        if found.problem is not None:
            raise InputError(found.problem)
        was = self.table.frame["sha256"][row]
        if was != found.sha256 and not self.modality.values:  # what stands in the table stays as it is
            # without a hash any file could be shown for the one that was trained on
            why = "has changed since the run was trained" if was else "cannot be told from others: its hash is unknown"
            raise InputError(f"the file {why}. Train again before correcting its label")
        return found.raw

    def _words(self, row: int, known: Exhibit | None, most: int) -> list[tuple[str, float]]:
        """The text in pieces with what each says for the predicted class, in bits; one piece where nobody knows."""
        text = str(self._raw(row))
        text = text if len(text) <= most else text[: most - 1] + "…"
        words = known.words or [] if known is not None else []
        said = words[:-1] if words[-1:] == [("…", 0.0)] else words  # of a long one its beginning
        start = "".join(word for word, _ in said)
        if not text.startswith(start):
            return [(text, 0.0)]
        return [*said, (text[len(start) :], 0.0)] if len(text) > len(start) else said

    def _cells(
        self, row: int, known: Exhibit | None, most: int, names: Collection[str] | None = None
    ) -> list[Cell]:
        """Columns, their values, and what each says, in bits; of many the weightiest, in their order."""
        cells = list(known.cells or ()) if known is not None else []
        weighed = {name for name, _, _ in cells}
        for name, value in self._raw(row).items():
            if name not in weighed:  # what nothing was learnt from is to be seen too
                cells.append((name, "" if value is None else str(value), 0.0))
        wanted = _weightiest(cells, most) if names is None else names
        return [cell for cell in cells if cell[0] in wanted]


def _has_weights(known: Exhibit | None) -> bool:
    return known is not None and (known.words is not None or known.cells is not None)


def _weightiest(cells: Sequence[Cell], most: int) -> list[str]:
    """The names of the columns that say most; of equals the first ones."""
    return [name for name, _, _ in sorted(cells, key=lambda cell: -abs(cell[2]))[:most]]


def _encoded(pixels: Any, side: int) -> Picture:
    from PIL import Image

    image = Image.fromarray(pixels)
    image.thumbnail((side, side), Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = BytesIO()
    if max(image.size) <= LOSSLESS:
        image.save(buffer, "PNG")
        return Picture("image/png", buffer.getvalue())
    image.save(buffer, "JPEG", quality=92)
    return Picture("image/jpeg", buffer.getvalue())
