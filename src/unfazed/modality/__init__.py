"""What differs between kinds of data, and nothing else: training, evaluation, server and export share it."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from unfazed.errors import InputError, RunError
from unfazed.table import Table

Raw = Any  # one input, read but not yet prepared: pixels [H, W, 3], a text, a row as a dictionary …


class Preprocessor(Protocol):
    """What `fit` learnt from the training rows: a frozen value that survives JSON."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one encoded input."""
        ...

    @property
    def dtype(self) -> str:
        """Of its numbers, by numpy's name."""
        ...

    def to_json(self) -> str:
        """The value as JSON text."""
        ...

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The value that `to_json` wrote; raises RunError for anything else."""
        ...


def itself(data: bytes, columns: Sequence[str] | None = None) -> bytes:
    """The identity of a content in which every byte counts."""
    return data


class Modality(NamedTuple):
    """The functions of one kind of data, and its names.

    find(source, options) -> Table; where inputs are `values`, a preprocessor besides says which columns to take.
    listed(frame, preprocessor, where, folders, path=None) -> inputs: of a table without labels, one a row; where it
        stands, for messages; the folders that its paths may be below; the column that is said to hold the inputs;
        raises SourceError.
    load(input) -> bytes: the content that a row's `input` stands for, a file's or its own; raises InputError.
    identity(bytes, columns) -> bytes: what equal contents have in common, however they are written; of a row as far as
        the columns go, where they are given.
    read(source) -> Raw: one input from a path, bytes or an object in memory; raises InputError.
    inspect(bytes) -> what `fit` has to know of an input: from its header where that tells; raises InputError.
    fit(what was found in the training rows, recipe, columns they were taken from) -> Preprocessor.
    known(row, preprocessor) -> the columns of a row, a mapping, that were learnt from, where `read` would take all of
        them; raises InputError.
    encode(raw, preprocessor) -> array: pure, the same everywhere.
    length(x) -> how much of each of x [n, ...] is not padding, [n]; a function of x alone.
    fitting(what was found in all rows, preprocessor) -> how inputs are brought to one shape, in words.
    augment(x, generator, recipe) -> x: a batch, on its device, a function of the generator alone.
    shrink(x, scale) -> x: a batch at a share of its full size, cheaper to train on.
    notices(x [n, ...], y [n] or [n, K], preprocessor) -> what a person should hear of the training rows before they
        are learnt, of some of them where they are files; y are classes, the tenths that the numbers to predict lie in,
        or an indicator of each label.
    news(raw inputs, preprocessor, columns of their table) -> what the training rows had not, or had and these have not,
        in sentences.
    """

    name: str
    items: str  # what people call its inputs
    decoder: str  # and its version: what was decoded by another one is not used again
    extensions: frozenset[str]  # of the files that hold one input each, lower case with their point
    values: bool  # whether inputs stand in the table itself, rather than in files that it names
    find: Callable[..., Table]
    listed: Callable[..., list[str]]
    load: Callable[[str], bytes]
    read: Callable[[Any], Raw]
    inspect: Callable[[bytes], Any]
    fit: Callable[..., Any]
    encode: Callable[[Raw, Any], NDArray[Any]]
    length: Callable[[NDArray[Any]], NDArray[np.int64]]
    fitting: Callable[[Sequence[Any], Any], str]
    augment: Callable[..., Any] | None
    shrink: Callable[..., Any] | None
    preprocessor: type[Preprocessor]
    identity: Callable[..., bytes] = itself
    known: Callable[..., Any] | None = None
    notices: Callable[..., list[str]] | None = None
    news: Callable[..., list[str]] | None = None


def news_of(
    inputs: Iterable[Any], modality: Modality, preprocessor: Any, columns: Sequence[str] | None = None
) -> list[str]:
    """What of inputs, or of the `columns` of their table where they stand in one, is not as it was in training."""
    return [] if modality.news is None else modality.news(_readable(inputs, modality), preprocessor, columns)


def encoded(item: Any, modality: Modality, preprocessor: Any) -> NDArray[Any]:
    """One input as a model takes it; of a row the columns that were learnt from.

    Raises:
        InputError: it cannot be used; the message is the reason.
    """
    if modality.known is not None and isinstance(item, Mapping):
        item = modality.known(item, preprocessor)
    return modality.encode(modality.read(item), preprocessor)


def _readable(inputs: Iterable[Any], modality: Modality) -> Iterator[Raw]:
    for one in inputs:
        with suppress(InputError):  # which is told where it is predicted
            yield modality.read(one)


def described_by(text: str, modality: str, items: str) -> dict[str, Any]:
    """What the JSON of a preprocessor says, which may come from a stranger; its values are still to be checked.

    Raises:
        RunError: it is no JSON object, or of another modality or format.
    """
    try:
        values = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RunError(f"the preprocessor is not JSON: {error}") from error
    if not isinstance(values, dict) or (values.get("format"), values.get("modality")) != (1, modality):
        raise RunError(f"the preprocessor is not one for {items} in format 1")
    return values


def cause(error: Exception) -> str:
    """What a decoder said, in one line of at most 100 characters."""
    said = re.sub(r"Error opening <_io\.BytesIO[^>]*>: ", "", " ".join(str(error).split())) or type(error).__name__
    return said if len(said) <= 100 else said[:99] + "…"


def whole(x: NDArray[Any]) -> NDArray[np.int64]:
    """The length of inputs x [n, ..., L] without padding: L of each."""
    return np.full(len(x), x.shape[-1], np.int64)
