"""Every content of a table encoded once: into the cache on disk, into memory, or each time that a batch asks.

Contents are encoded, and so lie, in the order of their hash. That is a random order as far as their classes go, the
same on every machine: a stretch of the array is a fair sample of the data, and can be read in one go.
Axis letters: N rows of the table, U different contents, S records, B examples of a batch.
"""

import warnings
from collections.abc import Generator
from contextlib import suppress
from hashlib import sha256
from typing import Any, Literal, get_args

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unfazed.batch import Examples
from unfazed.cache import Contents, Encoding, Memory, Store, digests, opened
from unfazed.errors import CacheError, InputError, SourceError, UsageError, did_you_mean
from unfazed.modality import Modality, Preprocessor, whole
from unfazed.reading import parallel
from unfazed.report.events import Advance, Notice
from unfazed.table import Table

Cache = Literal["none", "memory", "disk"]
CHUNK_BYTES, CHUNK = 8 << 20, 1024  # written at once: what a killed process may have to decode again


class Encoder:
    """Encodes tables of one source, one after the other; what one of them had encoded, the next has."""

    def __init__(self, modality: Modality, cache: Cache):
        self.modality = modality
        self.cache: Cache = cache
        self.store: Store | Memory | None = None

    def encode(self, table: Table, preprocessor: Preprocessor) -> Generator[Advance | Notice, None, dict[str, str]]:
        """Encode what is not encoded yet, saying how far it is; the contents that cannot be decoded, and why.

        Raises:
            CacheError: there is no room, neither on the disk nor in memory.
            SourceError: the source is changing.
        """
        if self.cache == "none":
            return {}
        if self.store is None or self.store.encoding != self._encoding(preprocessor):
            self.store = yield from self._opened(table, preprocessor)
        try:
            return (yield from self._fill(self.store, table, preprocessor))
        except CacheError as error:  # the disk has become full
            self.store = yield from self._instead(error, table, preprocessor)
            return (yield from self._fill(self.store, table, preprocessor))

    def examples(self, table: Table, preprocessor: Preprocessor) -> Examples:
        """The rows of a table that was encoded."""
        if self.store is None:
            return _examples(table, Undecoded(table, self.modality, preprocessor), None, self.modality)
        slot = torch.from_numpy(self.store.slots(contents_of(table)))
        assert bool((slot >= 0).all())
        return _examples(table, _tensor(self.store.records()), slot, self.modality)

    def _encoding(self, preprocessor: Preprocessor) -> Encoding:
        name, decoder = self.modality.name, self.modality.decoder
        return Encoding(name, decoder, preprocessor.to_json(), preprocessor.shape, preprocessor.dtype)

    def _opened(self, table: Table, preprocessor: Preprocessor) -> Generator[Notice, None, Store | Memory]:
        contents = np.unique(contents_of(table))
        if self.cache == "memory":
            return Memory(self._encoding(preprocessor), len(contents))
        if self.modality.values:  # encoded by what these training rows say: of no use to runs on others
            with suppress(CacheError):
                return Memory(self._encoding(preprocessor), len(contents))
        try:
            return opened(self._encoding(preprocessor), contents)
        except CacheError as error:
            return (yield from self._instead(error, table, preprocessor))

    def _instead(self, why: CacheError, table: Table, preprocessor: Preprocessor) -> Generator[Notice, None, Memory]:
        """Memory in place of the disk."""
        try:
            store = Memory(self._encoding(preprocessor), len(np.unique(contents_of(table))))
        except CacheError as error:
            raise CacheError(f"{why}. Memory is no way out: {error}") from error
        yield Notice(f"{why}. This run keeps them in memory")
        return store

    def _fill(
        self, store: Store | Memory, table: Table, preprocessor: Preprocessor
    ) -> Generator[Advance, None, dict[str, str]]:
        """Decode what the store lacks, on all cores."""
        contents, first = np.unique(contents_of(table), return_index=True)
        lacking = store.slots(contents) < 0
        contents, rows = contents[lacking], first[lacking]
        columns = table.frame.select("input", "sha256")[rows]
        records = parallel(lambda row: encoded(row, self.modality, preprocessor), columns.iter_rows())
        chunk = max(1, min(CHUNK, CHUNK_BYTES // store.encoding.record_bytes))
        problems: dict[str, str] = {}
        waiting: dict[int, NDArray[Any]] = {}
        for position, record in enumerate(records):
            if isinstance(record, str):
                problems[columns["sha256"][position]] = record
            else:
                waiting[position] = record
            if waiting and (len(waiting) == chunk or position + 1 == len(rows)):
                store.append(contents[list(waiting)], np.stack(list(waiting.values())))
                waiting = {}
            yield Advance(position + 1, len(rows), "decoding")
        return problems


class Undecoded:
    """The examples of a table, decoded whenever a batch asks for them: slow, and nothing is kept."""

    def __init__(self, table: Table, modality: Modality, preprocessor: Preprocessor):
        self.columns = table.frame.select("input", "sha256")
        self.modality, self.preprocessor = modality, preprocessor
        self.shape = (len(table), *preprocessor.shape)
        self.device = torch.device("cpu")

    def __getitem__(self, index: Tensor) -> Tensor:
        """The examples of the rows `index` [B].

        Raises:
            SourceError: one cannot be decoded any more.
        """
        rows = self.columns[index.numpy()].iter_rows()
        records = list(parallel(lambda row: encoded(row, self.modality, self.preprocessor), rows))
        failed = next((record for record in records if isinstance(record, str)), None)
        if failed is not None:
            raise SourceError(f"an input of the source could be decoded at first and now cannot: {failed}")
        return torch.from_numpy(np.stack(records))


def check_cache(cache: str) -> None:
    """Raise UsageError unless `cache` is one of the three."""
    options = get_args(Cache)
    if cache not in options:
        raise UsageError(f'cache must be {", ".join(options)}, got "{cache}".{did_you_mean(str(cache), options)}')


def contents_of(table: Table) -> Contents:
    """The content of each row [N]."""
    return digests(table.frame["sha256"].to_list())


def neighbours(table: Table, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """The `rows` in the order in which they are encoded."""
    return rows[np.argsort(contents_of(table)[rows], kind="stable")]


def encoded(row: tuple[Any, ...], modality: Modality, preprocessor: Preprocessor) -> NDArray[Any] | str:
    """An input, given what stands for it and its sha256, encoded; or why it cannot be decoded.

    Raises:
        SourceError: it has not the content any more with which it was found.
    """
    path, content = row
    try:
        data = modality.load(path)
    except InputError as error:
        raise SourceError(f"{path} could be read at first and now cannot: {error}. Is the source changing?") from error
    if not modality.values and sha256(modality.identity(data)).hexdigest() != content:
        raise SourceError(f"{path} is not what it was when it was first read: is the source changing?")
    try:
        return modality.encode(modality.read(data), preprocessor)
    except InputError as error:
        return str(error)


def _examples(table: Table, x: Any, slot: Tensor | None, modality: Modality) -> Examples:
    length = torch.full((len(table),), x.shape[-1])
    if modality.length is not whole:
        places = torch.arange(len(table)) if slot is None else slot
        for rows in torch.split(torch.arange(len(table)), CHUNK):
            length[rows] = torch.from_numpy(modality.length(x[places[rows]].numpy()))
    weight = torch.tensor(table.frame["weight"].to_list(), dtype=torch.float32)
    return Examples(x, length, torch.from_numpy(table.y()), weight, slot)


def _tensor(array: NDArray[Any]) -> Tensor:
    """The array as a tensor, without a copy. One that is mapped can't be written to, of which torch would warn."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        return torch.from_numpy(array)
