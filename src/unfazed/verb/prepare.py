"""From a source to encoded examples: find, read, split, fit, encode.

Axis letters: N rows of the table that can be used.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from unfazed.batch import Examples
from unfazed.errors import InputError, SourceError
from unfazed.modality import Modality, Preprocessor
from unfazed.reading import parallel, readings
from unfazed.recipe import Recipe
from unfazed.report.events import Advance, Found
from unfazed.samples import local
from unfazed.source import SourceOptions, check_classes, usable
from unfazed.split import Duplicates, assign_splits
from unfazed.table import Table, describe, row_name

KEPT_BYTES = 1 << 30  # raw inputs held between reading and encoding; the rest is read a second time

Problem = tuple[str, str, str]  # id, input, reason


class Prepared(NamedTuple):
    """Everything training needs to know of the data."""

    table: Table
    examples: Examples
    preprocessor: Preprocessor
    problems: list[Problem]
    duplicates: Duplicates
    fingerprint: str  # sha256 over the contents and labels of all rows
    fitting: str  # how inputs of other sizes are brought to one


class Raws:
    """Raw inputs by row, as many as fit in memory; the others are read again."""

    def __init__(self, modality: Modality):
        self.modality = modality
        self.kept: dict[str, Any] = {}
        self.room = KEPT_BYTES

    def keep(self, path: str, raw: NDArray[Any]) -> None:
        """Hold `raw` while there is room."""
        if raw.nbytes <= self.room:
            self.kept[path] = raw
            self.room -= raw.nbytes

    def get(self, path: str) -> Any:
        """The raw input at `path`; raises SourceError where it has gone since it was first read."""
        raw = self.kept.pop(path, None)
        try:
            return self.modality.read(path) if raw is None else raw
        except InputError as error:
            raise SourceError(
                f"{path} could be read at first and now cannot: {error}. Is the source changing?"
            ) from error


@dataclass
class Reader:
    """Reads a table's inputs once; afterwards knows which rows can be used, their contents and their sizes."""

    table: Table
    modality: Modality

    def __post_init__(self) -> None:
        self.raws = Raws(self.modality)
        self.reasons: list[str | None] = []  # why a row cannot be used [N]
        self.contents: list[str] = []  # of the rows that can
        self.sizes: list[tuple[int, int]] = []  # likewise

    def read(self) -> Iterator[Advance]:
        """Read every input, saying how far it is."""
        total = len(self.table)
        inputs, labels = self.table.frame["input"].to_list(), self.table.frame["label"].to_list()
        for row, one in readings(inputs, self.modality.read):
            self.reasons.append(one.problem or ("no label" if labels[row] is None else None))
            if self.reasons[row] is None:
                assert one.raw is not None
                self.contents.append(one.sha256)
                self.sizes.append(one.raw.shape[:2])
                self.raws.keep(inputs[row], one.raw)
            yield Advance(row + 1, total)

    @property
    def problems(self) -> list[Problem]:
        """The rows that cannot be used."""
        rows = zip(self.table.frame["id"], self.table.frame["input"], self.reasons, strict=True)
        return [(name, path or "", reason) for name, path, reason in rows if reason is not None]


def prepare(
    source: Any, options: SourceOptions, recipe: Recipe, modality: Modality
) -> Iterator[Advance | Found | Prepared]:
    """Read and split the source, saying how far it is and what was found; the last thing yielded is `Prepared`.

    Raises:
        SourceError: the source as a whole cannot be used.
    """
    found = modality.find(local(source), options)
    check_classes(found)
    reader = Reader(found, modality)
    yield from reader.read()
    table, duplicates = assign_splits(
        usable(found, reader.reasons), reader.contents, recipe.validation, recipe.test, recipe.seed,
        options.group or "group",
    )
    yield Found(_sentences(table, modality, reader.problems))
    preprocessor = modality.fit([reader.sizes[row] for row in table.rows("train")], recipe.image_size)
    examples = encode_all(table, reader.raws, preprocessor)
    yield Prepared(
        table,
        examples,
        preprocessor,
        reader.problems,
        duplicates,
        fingerprint(table, reader.contents),
        _fitting(reader.sizes, preprocessor),
    )


def encode_all(table: Table, raws: Raws, preprocessor: Any) -> Examples:
    """Every row of the table, encoded on all cores into one array."""

    def encoded(path: str) -> NDArray[Any]:
        return raws.modality.encode(raws.get(path), preprocessor)

    arrays = parallel(encoded, table.frame["input"].to_list())
    first = next(arrays)
    x = np.empty((len(table), *first.shape), first.dtype)
    for row, array in enumerate(chain([first], arrays)):
        x[row] = array
    length = torch.full((len(table),), x.shape[-1])
    weight = torch.tensor(table.frame["weight"].to_list(), dtype=torch.float32)
    return Examples(torch.from_numpy(x), length, torch.from_numpy(table.y()), weight)


def fingerprint(table: Table, contents: Sequence[str]) -> str:
    """One hash over the content and label of every row, whatever their order and wherever they lie."""
    from hashlib import sha256

    rows = sorted(zip(contents, table.frame["label"].to_list(), strict=True))
    return sha256("\n".join(f"{content} {label}" for content, label in rows).encode()).hexdigest()


def _fitting(sizes: Sequence[tuple[int, int]], preprocessor: Any) -> str:
    if set(sizes) == {(preprocessor.image_size, preprocessor.image_size)}:
        return "as they are"
    return {"crop": "the centre square, resized", "pad": "resized whole, padded"}[preprocessor.aspect]


def _sentences(table: Table, modality: Modality, problems: Sequence[Problem]) -> list[str]:
    lines = [describe(replace(table, notes=()), modality.items), *table.notes]
    if problems:
        name, path, reason = problems[0]
        first = row_name(name, path, table.root)
        lines.append(f"{len(problems):,} cannot be used (the first: {first}: {reason}); see problems.csv")
    return lines
