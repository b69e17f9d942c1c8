"""From a source to encoded examples: find, read, split, fit, encode.

Axis letters: N rows of the table that can be used.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import replace
from functools import partial
from typing import Any, NamedTuple, TypeVar

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray
from torch import Tensor

from unfazed.batch import Examples
from unfazed.cache import notes
from unfazed.corrections import Correction, Outcome, correct, read_corrections
from unfazed.errors import SourceError
from unfazed.labelled import Added, Labelled, join, read_labels, rows_beside
from unfazed.modality import Modality, Preprocessor
from unfazed.reading import Reading, parallel, reading
from unfazed.recipe import Recipe
from unfazed.report.events import Advance, Found, Notice
from unfazed.seen import Seen
from unfazed.source import SourceOptions, usable
from unfazed.spelling import Spelling, alike, as_known
from unfazed.split import Duplicates, described, draw_splits
from unfazed.table import Table, describe, in_brief, row_name
from unfazed.target import Scale, check_labels, decided, problem_of
from unfazed.verb.encode import Cache, Encoder, check_cache

Problem = tuple[str, str, str]  # id, input, reason
_Said = TypeVar("_Said", Correction, Labelled)
_NOTICED = 200  # training rows, of files, that are looked at for what a person should hear
_LONGEST = 4096  # characters of an input in problems.csv: those of the longest path


class Prepared(NamedTuple):
    """Everything training needs to know of the data."""

    modality: Modality
    table: Table
    examples: Examples
    preprocessor: Preprocessor
    problems: list[Problem]
    duplicates: Duplicates
    fingerprint: str  # sha256 over the contents and labels of all rows
    scale: Scale | None  # of the numbers to predict
    fitting: str  # how inputs of other sizes are brought to one
    corrections: list[Outcome]  # of labels that people corrected
    labelled: list[Added]  # examples that people labelled since
    dropped: dict[str, int]  # by corrections, of each side

    def x(self, rows: NDArray[np.int64]) -> NDArray[Any]:
        """The encoded inputs of some rows [n], as they are served: [n, ...]."""
        return self.examples.batch(torch.from_numpy(rows)).x.cpu().numpy()

    def in_units(self, outputs: NDArray[Any]) -> NDArray[Any]:
        """What a model says [n, K], numbers in the units of the source."""
        return outputs if self.scale is None else self.scale.original(outputs)


class Reader:
    """Reads a table's inputs once; afterwards knows which rows can be used, their contents, and what to fit to."""

    def __init__(self, table: Table, look: Callable[[str], Reading]):
        """`look`: what is to be known of an input, as its raw, and its hash."""
        self.table, self.look = table, look
        self.reasons: list[str | None] = []  # why a row cannot be used [N of the source]
        self.digests: list[str] = []  # sha256 [N of the source]
        self._facts: list[Any] = []

    def read(self) -> Iterator[Advance]:
        """Read every input, saying how far it is."""
        total = len(self.table)
        inputs, labels = self.table.frame["input"].to_list(), self.table.frame["label"].to_list()
        for row, one in enumerate(parallel(self.look, inputs)):
            self.reasons.append(problem_of(labels[row], self.table.task) or one.problem)
            self.digests.append(one.sha256)
            self._facts.append(one.raw)
            yield Advance(row + 1, total)

    def leave_out(self, reasons: Mapping[str, str]) -> None:
        """The contents in `reasons` turned out to be of no use."""
        self.reasons = [
            reason or reasons.get(content) for reason, content in zip(self.reasons, self.digests, strict=True)
        ]

    @property
    def contents(self) -> list[str]:
        """Of the rows that can be used [N]."""
        return [content for content, reason in zip(self.digests, self.reasons, strict=True) if reason is None]

    @property
    def facts(self) -> list[Any]:
        """What is known of them, likewise."""
        return [fact for fact, reason in zip(self._facts, self.reasons, strict=True) if reason is None]

    @property
    def problems(self) -> list[Problem]:
        """The rows that cannot be used; of an input that is no path and very long the beginning."""
        rows = zip(self.table.frame["id"], self.table.frame["input"], self.reasons, strict=True)
        return [(name, _shown(given or ""), reason) for name, given, reason in rows if reason is not None]


def prepare(
    source: Any, options: SourceOptions, recipe: Recipe, modality: Modality, cache: Cache = "disk"
) -> Iterator[Advance | Notice | Found | Prepared]:
    """Read, split and encode a source on this disk, saying how far it is and what was found; `Prepared` comes last.

    An input is read for its hash and size first, and decoded only where no earlier run has done so. One that turns
    out to be damaged then is left out, and the rest is divided as if it had never been there.

    Raises:
        SourceError: the source as a whole cannot be used.
        CacheError: there is no room for the encoded inputs.
    """
    check_cache(cache)
    corrections = read_corrections(options.corrections) if options.corrections else []
    labels = read_labels(options.more) if options.more else []
    found = decided(modality.find(source, options), recipe.task, Spelling(options.merge_case))
    check_labels(found)
    _check_training_rows(found)
    labels = _named(labels, ("label",), found, options.merge_case)
    corrections = _named(corrections, ("label", "corrected"), found, options.merge_case)
    asked = _Asked(found, rows_beside(found, labels, options.more or "", modality.values), labels, corrections)
    with _looking(modality, cache) as look:
        reader = Reader(asked.rows(), look)
        yield from reader.read()
    encoder = Encoder(modality, cache)
    while True:
        divided = _divided(asked, reader, recipe, options.group or "group")
        table, facts = divided.table, divided.facts
        preprocessor = modality.fit([facts[row] for row in table.rows("train")], recipe, table.columns)
        damaged = yield from encoder.encode(table, preprocessor)
        if not damaged:
            break
        reader.leave_out(damaged)
    examples = encoder.examples(table, preprocessor)
    if modality.notices is not None:
        train = table.rows("train")
        if not modality.values:  # all files may not fit in memory
            train = train[:: -(-len(train) // _NOTICED)]
        x = examples.batch(torch.from_numpy(train)).x.numpy()
        table = table.with_notes(*modality.notices(x, _classes(table)[train], preprocessor))
    yield Found(_sentences(table, modality, reader.problems))
    scale = Scale.of(table) if table.task == "regression" else None
    yield Prepared(
        modality,
        table,
        examples._replace(y=_targets(table, scale)),
        preprocessor,
        reader.problems,
        divided.duplicates,
        fingerprint(table),
        scale,
        modality.fitting(facts, preprocessor),
        divided.outcomes,
        divided.added,
        divided.dropped,
    )


def _check_training_rows(table: Table) -> None:
    sides = set(table.frame["split"])
    if not sides & {"train", None}:
        raise SourceError(f"every row of {table.root} ({table.kind}) is a {' or '.join(sorted(sides))} row: there is "
                          "none to train on. Bring a training split, or leave out what says which side a row is on")


def _named(said: list[_Said], fields: Sequence[str], found: Table, merge_case: bool) -> list[_Said]:
    """What people said since, with the labels in these fields in the spelling that the source's classes have."""
    for field in fields:
        spelt = as_known([getattr(one, field) for one in said], found, merge_case)
        said = [one._replace(**{field: label}) for one, label in zip(said, spelt, strict=True)]
    return said


class _Asked(NamedTuple):
    """The source, and what people have said since."""

    found: Table
    new: Table  # labelled examples that the source has not
    labels: list[Labelled]  # likewise
    corrections: list[Correction]

    def rows(self) -> Table:
        """All rows that are to be read, those of the source first."""
        return replace(self.found, frame=pl.concat([self.found.frame, self.new.frame]))


class _Divided(NamedTuple):
    """The rows on their sides [N], what `fit` has to know of each, and what was found on the way."""

    table: Table
    facts: list[Any]
    duplicates: Duplicates
    outcomes: list[Outcome]
    added: list[Added]
    dropped: dict[str, int]


def _divided(asked: _Asked, reader: Reader, recipe: Recipe, group: str) -> _Divided:
    """Sides first, of the source alone and by the labels that it has: nothing said since moves a row to another."""
    count = len(asked.found)
    readable = usable(asked.found, reader.reasons[:count])
    contents = reader.contents[: len(readable)]
    drawn, leaked = draw_splits(readable, contents, recipe.validation, recipe.test, recipe.seed, group)
    kept, added = np.arange(len(drawn)), list[Added]()
    if asked.labels:
        drawn, kept, added = join(drawn, asked.new, reader.reasons[count:], reader.digests[count:], asked.labels)
    corrected = correct(drawn, asked.corrections)
    table, duplicates = described(corrected.table.with_notes(*alike(corrected.table.classes)), leaked)
    dropped = Counter(np.delete(drawn.frame["split"].to_numpy(), corrected.kept).tolist())
    facts = reader.facts
    facts = [facts[row] for row in kept[corrected.kept]]
    return _Divided(table, facts, duplicates, corrected.outcomes, added, dict(dropped))


def _classes(table: Table) -> NDArray[Any]:
    """What `notices` are told of the labels: classes [N], or an indicator of each label [N, K]."""
    return table.indicators() if table.task == "multilabel" else table.y()


def _targets(table: Table, scale: Scale | None) -> Tensor:
    """What is learnt [N]: class numbers, -1 = none; standardised numbers, nan = none; or sets [N, K], likewise."""
    if table.task == "multilabel":
        return torch.from_numpy(table.indicators())
    if scale is None:
        return torch.from_numpy(table.y())
    return torch.from_numpy(scale.standardised(table.targets()))


@contextmanager
def _looking(modality: Modality, cache: Cache) -> Iterator[Callable[[str], Reading]]:
    """How to find out what is to be known of an input, and its hash.

    By its header, and from notes where an earlier run has read it. Where nothing is kept, by decoding it: no damage
    may come to light later.
    """
    if modality.values:
        yield partial(reading, read=modality.inspect, load=modality.load, identity=modality.identity)
    elif cache == "disk":
        with closing(Seen(notes(), f"{modality.name}, {modality.decoder}", modality.inspect)) as seen:
            yield seen.look
    elif cache == "memory":
        yield partial(reading, read=modality.inspect)
    else:
        yield partial(reading, read=partial(_decoded, modality))


def _shown(given: str) -> str:
    """An input as `problems.csv` has it: a path, or the beginning of a text or of a row that is its own input."""
    return given if len(given) <= _LONGEST else f"{in_brief(given)[:_LONGEST]}…"


def _decoded(modality: Modality, data: bytes) -> Any:
    modality.read(data)
    return modality.inspect(data)


def fingerprint(table: Table) -> str:
    """One hash over the content and label of every row, whatever their order and wherever they lie."""
    from hashlib import sha256

    contents = table.frame["sha256"].fill_null("").to_list()
    rows = sorted(zip(contents, table.frame["label"].to_list(), strict=True))
    return sha256("\n".join(f"{content} {label}" for content, label in rows).encode()).hexdigest()


def _sentences(table: Table, modality: Modality, problems: Sequence[Problem]) -> list[str]:
    lines = [describe(replace(table, notes=()), modality.items), *table.notes]
    if problems:
        name, path, reason = problems[0]
        first = row_name(name, path, table.root)
        lines.append(f"{len(problems):,} cannot be used (the first: {first}: {reason}); see problems.csv")
    return lines
