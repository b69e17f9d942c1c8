"""What differs between kinds of data, and nothing else: training, evaluation, server and export share it."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from unfazed.table import Table

Raw = NDArray[np.uint8]  # one input, read but not yet prepared


class Preprocessor(Protocol):
    """What `fit` learnt from the training rows: a frozen value that survives JSON."""

    @property
    def shape(self) -> tuple[int, ...]:
        """Of one encoded input."""
        ...

    def to_json(self) -> str:
        """The value as JSON text."""
        ...

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The value that `to_json` wrote; raises RunError for anything else."""
        ...


class Modality(NamedTuple):
    """The functions of one kind of data, and its names.

    find(source, options) -> Table.
    read(source) -> Raw: one input from a path, bytes or an object in memory; raises InputError.
    inspect(bytes) -> size that `read` would find, from the header where it tells; raises InputError.
    fit(sizes of training rows, setting) -> Preprocessor.
    encode(raw, preprocessor) -> array: pure, the same everywhere.
    augment(x, generator, strength, flip) -> x: a batch, on its device, a function of the generator alone.
    shrink(x, scale) -> x: a batch at a share of its full size, cheaper to train on.
    """

    name: str
    items: str  # what people call its inputs
    decoder: str  # and its version: what was decoded by another one is not used again
    find: Callable[..., Table]
    read: Callable[[Any], Raw]
    inspect: Callable[[bytes], tuple[int, int]]
    fit: Callable[[Iterable[tuple[int, int]], Any], Any]
    encode: Callable[[Raw, Any], NDArray[np.uint8]]
    augment: Callable[..., Any]
    shrink: Callable[..., Any]
    preprocessor: type[Preprocessor]
