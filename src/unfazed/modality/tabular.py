"""Rows of a table: what stands in its columns, to one row of float32 numbers.

Axis letters: F features, the numbers that a row becomes.
A value that is missing, or not of its column's kind, is nan; a category is its code, and one that training has not seen
is code 0. What kind a column is of is found out from the training rows and can be said otherwise: `--columns`.
"""

import json
import math
import shlex
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from itertools import chain
from types import NoneType
from typing import Any, Final

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unfazed.analysis.shares import percent
from unfazed.analysis.tabular import Leak, leaks
from unfazed.dates import LAYOUTS
from unfazed.errors import InputError, RunError, UsageError, did_you_mean
from unfazed.modality import Modality, described_by, whole
from unfazed.modality import tabular_columns as columns
from unfazed.modality import tabular_values as values
from unfazed.modality import tabular_words as words
from unfazed.modality.tabular_columns import KINDS, PARTS, Column, Kind, column_of
from unfazed.modality.tabular_numbers import CLOCKS
from unfazed.modality.tabular_values import Value
from unfazed.numerals import DECIMALS
from unfazed.recipe import Recipe
from unfazed.source import SourceOptions
from unfazed.source import find as find_source
from unfazed.source_table import Inputs
from unfazed.source_values import known_columns, lacking, row_inputs, rows
from unfazed.table import Table, listed

Row = dict[str, Value]

MOST_BYTES = 10_000_000  # of one row as JSON
MOST_COLUMNS = 10_000
LABELS_LOOKED_AT, ROWS_LOOKED_AT = 20, 2_000  # of sets, for a column that tells a label alone: a matter of seconds
FORMAT: Final = {"format": 1, "modality": "tabular"}


@dataclass(frozen=True)
class TabularPreprocessor:
    """The columns of the training rows, in their order."""

    columns: tuple[Column, ...]

    @property
    def features(self) -> tuple[str, ...]:
        """Names of the F numbers that a row becomes."""
        return tuple(chain.from_iterable(column.features for column in self.columns))

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names of the columns, those that are left out included: with them a row's content is what it was."""
        return tuple(column.name for column in self.columns)

    @property
    def codes(self) -> tuple[int, ...]:
        """For each feature the number of its codes, 0 = a number [F]."""
        return tuple(chain.from_iterable(column.codes for column in self.columns))

    @property
    def shape(self) -> tuple[int]:
        """Of one encoded row, [F]."""
        return (len(self.features),)

    @property
    def dtype(self) -> str:
        """Of one encoded row."""
        return "float32"

    @cached_property
    def encoders(self) -> tuple[tuple[str, Callable[[Value], list[float]]], ...]:
        """The columns that are learnt from, each with the function from its value to its features."""
        return tuple((column.name, columns.encoder(column)) for column in self.columns if column.features)

    def __getstate__(self) -> dict[str, Any]:
        return {"columns": self.columns}  # the encoders are made anew where they are needed

    def to_json(self) -> str:
        """The preprocessor as JSON text."""
        return json.dumps({**FORMAT, "columns": [asdict(column) for column in self.columns]}, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> "TabularPreprocessor":
        """The preprocessor that `to_json` wrote.

        Raises:
            RunError: damaged, of another modality or format, or out of range: the text may come from a stranger.
        """
        found = described_by(text, "tabular", "tables").get("columns")
        if not isinstance(found, list) or not 0 < len(found) <= MOST_COLUMNS:
            raise RunError("the preprocessor is damaged: it has no columns")
        read = cls(tuple(_column_from(given) for given in found))
        if len({column.name for column in read.columns}) < len(found) or not read.features:
            raise RunError("the preprocessor is damaged: its columns have no features, or the same name")
        return read


def find(
    source: Any, options: SourceOptions | None = None, fitted: TabularPreprocessor | None = None
) -> Table:
    """The rows of a table file or a frame, with their labels; raises SourceError.

    fitted: of a model that they are for; of its columns those are taken that are there.
    """
    options = options or SourceOptions()

    def inputs_of(
        frame: pl.DataFrame, wanted: Mapping[str, str | None], where: str, folders: Sequence[str]
    ) -> Inputs:
        named = options.inputs or known_columns(frame, fitted.inputs if fitted else (), where)
        return row_inputs(frame, wanted, where, folders, named)

    return find_source(source, options, frozenset(), inputs_of)


def listed_rows(
    frame: pl.DataFrame, preprocessor: TabularPreprocessor, where: str, folders: Sequence[str], path: str | None = None
) -> list[str]:
    """The rows of a table without labels, as JSON objects of the columns that the preprocessor knows.

    Raises:
        SourceError: it has none of them, or one holds lists, or what else is neither numbers nor text.
    """
    known_columns(frame, preprocessor.inputs, where)
    return rows(frame, preprocessor.inputs, where)


def load(given: str) -> bytes:
    """The bytes that a table's `input` stands for: itself."""
    return given.encode("utf-8", "surrogatepass")


def identity(data: bytes, columns: Sequence[str] | None = None) -> bytes:
    """The row's values, of the `columns` alone where they are given, without what its file's format adds."""
    try:
        row = read(data)
    except InputError:
        return data
    known = {name: values.identity(value) for name, value in row.items() if columns is None or name in columns}
    said = {name: known[name] for name in sorted(known) if known[name] is not None}
    return json.dumps(said, ensure_ascii=False).encode()


def read(source: Any) -> Row:
    """One row, from a mapping of columns to values or from a JSON object, as text or bytes.

    Raises:
        InputError: it is neither, too large, or a value in it is not text, a number, a boolean or null.
    """
    row = source if isinstance(source, Mapping) else _parsed(source)
    if not isinstance(row, Mapping):
        raise InputError(f"a row is a JSON object of columns and values, this is {_json_name(row)}")
    if not 0 < len(row) <= MOST_COLUMNS:
        raise InputError(f"a row has 1 to {MOST_COLUMNS:,} columns, this one {len(row):,}")
    return {_valid(str(name)): _plain(name, value) for name, value in row.items()}


def fit(facts: Sequence[Row], recipe: Recipe, columns: Sequence[str] = ()) -> TabularPreprocessor:
    """The columns of training rows, each of the kind its values suggest or `recipe.columns` says.

    Raises:
        UsageError: the recipe names a column or a kind that there is not, or no column is left to learn from.
    """
    names = list(dict.fromkeys(chain.from_iterable(facts)))
    said = said_kinds(recipe.columns)
    if wrong := [f'"{name}".{did_you_mean(name, names)}' for name in said if name not in names]:
        raise UsageError(f"--columns: there is no column {' '.join(wrong)} The columns: {listed(names, 20)}")
    found = (column_of(name, [row.get(name) for row in facts], said.get(name)) for name in names)
    preprocessor = TabularPreprocessor(tuple(found))
    if not preprocessor.features:
        about = ". ".join([words.described(preprocessor.columns), *words.doubts(preprocessor.columns)])
        texts = [column.name for column in preprocessor.columns if column.kind == "text"]
        of_texts = f", or learn from {listed(texts)} as text: --modality text" if texts else ""
        raise UsageError(f"no column is left to learn from: {about}. "
                         f"Say what a column is: --columns NAME=number{of_texts}")  # fmt: skip
    return preprocessor


def fitting(facts: Sequence[Row], preprocessor: TabularPreprocessor) -> str:
    """The kinds of the columns, for a person to check."""
    return words.described(preprocessor.columns)


def said_kinds(text: str) -> dict[str, Kind]:
    """The kinds in "age=number,zip=category"; raises UsageError naming every one that is no kind."""
    pairs = [part.rpartition("=") for part in text.split(",") if part.strip()]
    wrong = [f'"{"".join(pair).strip()}".{did_you_mean(pair[2].strip(), KINDS)}' for pair in pairs
             if pair[2].strip() not in KINDS or not pair[0].strip()]  # fmt: skip
    if wrong:
        raise UsageError(f"--columns wants NAME=KIND,… with one of {', '.join(KINDS)}; got {' '.join(wrong)}")
    return {name.strip(): kind.strip() for name, _, kind in pairs}  # type: ignore[misc]


def encode(row: Row, preprocessor: TabularPreprocessor) -> NDArray[np.float32]:
    """The row as float32 [F]; nan = missing. A column that is not in it is missing, one too many is ignored.

    Raises:
        InputError: it has none of the columns that are learnt from.
    """
    encoders = preprocessor.encoders
    if not any(name in row for name, _ in encoders):
        wanted = words.names(name for name, _ in encoders)
        raise InputError(f"it has none of the columns {wanted}; it has {words.names(row)}")
    encoded = [encoder(row.get(name)) for name, encoder in encoders]
    return np.fromiter(chain.from_iterable(encoded), np.float32, len(preprocessor.codes))


def news(
    given: Iterable[Row], preprocessor: TabularPreprocessor, present: Sequence[str] | None = None
) -> list[str]:
    """The columns that are not there or new; those in which rows have categories that training had not, or are missing
    where they never were. `present`: the columns of their table; else those that any row has.
    """
    given = list(given)
    learnt = [column for column in preprocessor.columns if column.features]
    there = list(dict.fromkeys(chain.from_iterable(given))) if present is None else present
    told = lacking(there, [column.name for column in learnt])
    if more := [name for name in there if name not in preprocessor.inputs]:
        told.append(f"not learnt from: {listed(more, words.NAMED)}")
    for column in (column for column in learnt if column.name in there):
        told += words.news_of(column, [row.get(column.name) for row in given])
    return told


def notices(x: NDArray[np.float32], y: NDArray[Any], preprocessor: TabularPreprocessor) -> list[str]:
    """What was found of the columns, and alarms: one that tells the target alone, an identifier that is learnt from.

    `y` are classes [n], or of sets of labels an indicator of each [n, K]: then one that tells a label alone.
    """
    owners = column_names(preprocessor)
    worst: dict[str, Leak] = {}  # of a date, the part that tells most
    for leak in leaks(x, y, preprocessor.codes) if y.ndim == 1 else leaks_of_labels(x, y, preprocessor.codes):
        worst.setdefault(owners[leak.feature], leak)
    found = [_alarm(name, leak, "the target" if y.ndim == 1 else "a label") for name, leak in worst.items()]
    alike = [column.name for column in preprocessor.columns if column.features and column.apparent == "identifier"]
    identifiers = (
        f"learnt from because --columns says so, though different in nearly every row, as identifiers are: "
        f"{words.names(alike)}. What they tell of the training rows may not hold for others"
    )
    doubts = words.doubts(preprocessor.columns)
    return [f"columns: {words.described(preprocessor.columns)}", *doubts, *found, *([identifiers] if alike else [])]


def column_names(preprocessor: TabularPreprocessor) -> list[str]:
    """The column that each of the F features comes from."""
    return [column.name for column in preprocessor.columns for _ in column.features]


def leaks_of_labels(x: NDArray[np.float32], y: NDArray[Any], codes: Sequence[int]) -> list[Leak]:
    """The features that tell one of the commonest labels alone; the more labels, the fewer rows are looked at."""
    labels = np.argsort(-np.nansum(y, axis=0), kind="stable")[:LABELS_LOOKED_AT]
    every = max(1, min(len(labels), len(x) // ROWS_LOOKED_AT))
    found = [leak for label in labels for leak in leaks(x[::every], (y[::every, label] > 0).astype(int), codes)]
    return sorted(found, key=lambda leak: -leak.accuracy.value)


def _alarm(name: str, leak: Leak, what: str) -> str:
    own = leak.accuracy
    return (
        f'"{name}" alone tells {what} of {percent(own.value)} of {own.n:,} training rows (the commonest class is '
        f"{percent(leak.commonest)}): is it known before {what} is? If not, leave it out: "
        f"--columns {shlex.quote(f'{name}=identifier')}"
    )


def _parsed(source: Any) -> Any:
    if not isinstance(source, str | bytes | bytearray):
        raise InputError(f"a row is a mapping or a JSON object, got {type(source).__name__}")
    if len(source) > MOST_BYTES:
        raise InputError(f"a row of {len(source):,} bytes is more than {MOST_BYTES:,}")
    try:
        return json.loads(source)
    except (ValueError, RecursionError) as error:  # UnicodeDecodeError is a ValueError
        raise InputError(f"not a JSON object of columns and values: {str(error).splitlines()[0][:80]}") from error


def _plain(name: Any, value: Any) -> Value:
    """The value as a table's row has it: numpy's as Python's, dates as ISO 8601, durations in seconds, NaN as null."""
    if type(value) not in (str, int, float, bool, NoneType):
        value = _simpler(value)
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, str):
        return _valid(value)
    if value is None or isinstance(value, int | float):
        return value
    raise InputError(f'column "{str(name)[:40]}" holds {_json_name(value)}: text, a number, true, false or null needed')


def _simpler(value: Any) -> Any:
    if getattr(getattr(value, "dtype", None), "kind", "") in ("M", "m"):
        value = value.astype(f"{value.dtype.kind}8[us]")  # nanoseconds would become a whole number
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    if isinstance(value, timedelta):
        return value.total_seconds()
    if isinstance(value, Decimal):
        return float(value) if value.is_finite() else None
    if type(value).__name__ == "NAType":  # of pandas
        return None
    return str(value.isoformat()) if hasattr(value, "isoformat") else value


def _json_name(value: Any) -> str:
    return {dict: "an object", list: "a list", str: "text", bool: "a boolean"}.get(type(value), type(value).__name__)


def _valid(text: str) -> str:
    """The text without halves of surrogate pairs, which JSON can hold and no file."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def _column_from(given: Any) -> Column:
    """The column that `to_json` wrote; raises RunError for anything else."""
    try:
        lists = {name: given[name] for name in ("units", "parts", "categories", "odd")}
        column = Column(**{**given, **{name: tuple(texts) for name, texts in lists.items()}})
    except KeyError as error:
        raise RunError(f"the preprocessor is of an older version, or damaged: a column lacks {error}. "
                       "Train again") from error  # fmt: skip
    except TypeError as error:
        raise RunError(f"the preprocessor is damaged: {error}") from error
    if not all(isinstance(texts, list) for texts in lists.values()) or not _is_sound(column):
        raise RunError(f"the preprocessor is damaged: no column is like {str(given)[:200]}")
    return column


def _is_sound(column: Column) -> bool:
    texts = (column.name, column.doubt, *column.units, *column.parts, *column.categories, *column.odd)
    numbers, counts = (column.centre, column.scale), (column.missing, column.strange)
    return (
        all(type(text) is str for text in texts)
        and all(type(number) is float and math.isfinite(number) for number in numbers)
        and all(type(count) is int and count >= 0 for count in counts)
        and column.scale > 0
        and column.kind in KINDS
        and column.apparent in KINDS
        and column.decimal in DECIMALS
        and column.layout in LAYOUTS
        and type(column.clock) is int
        and column.clock in CLOCKS
        and column.parts == tuple(part for part in PARTS if part in column.parts)
        and len(set(column.categories)) == len(column.categories) <= columns.MOST_CATEGORIES
    )


MODALITY = Modality(
    name="tabular",
    items="rows",
    decoder="json",
    extensions=frozenset(),
    values=True,
    find=find,
    listed=listed_rows,
    load=load,
    read=read,
    inspect=read,
    fit=fit,
    encode=encode,
    length=whole,
    fitting=fitting,
    augment=None,
    shrink=None,
    preprocessor=TabularPreprocessor,
    identity=identity,
    notices=notices,
    news=news,
)
