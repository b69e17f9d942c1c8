"""The columns of a table that texts stand in: which were learnt from, and whether they hold names of files instead."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from unfazed.errors import InputError
from unfazed.source_labels import cell_text
from unfazed.source_table import are_addresses, endings
from unfazed.source_values import free_texts, lacking
from unfazed.table import listed

if TYPE_CHECKING:
    import polars as pl

    from unfazed.modality.text import TextPreprocessor

EXTENSIONS = frozenset({".txt", ".text", ".md", ".rst", ".htm", ".html"})


def are_files(frame: "pl.DataFrame", target: str | None, named: Sequence[str]) -> bool:
    """Whether a column, of the `named` ones where there are any, holds names of files of texts.

    Addresses, which would have to be downloaded first, are none beside a column of texts, or where they are asked for.
    """
    looked = frame.select(name for name in named or frame.columns if name in frame.columns and name != target)
    files = [name for name in looked.columns if _mostly(ending in EXTENSIONS for ending in endings(looked, name))]
    local = [name for name in files if not are_addresses(looked, name)]
    return bool(local) or (bool(files) and not named and not free_texts(looked.drop(files)))


def are_there(columns: Sequence[str], frame: "pl.DataFrame") -> bool:
    """Whether a table has any of the columns."""
    return any(name in frame.columns for name in columns)


def news(given: Iterable[str], preprocessor: "TextPreprocessor", present: Sequence[str] | None = None) -> list[str]:
    """The columns that a table lacks of those that were learnt from, and its other ones, where those that are `present`
    are known.
    """
    if present is None or not preprocessor.columns:
        return []
    more = [name for name in present if name not in preprocessor.columns]
    return lacking(present, preprocessor.columns) + ([f"not learnt from: {listed(more)}"] if more else [])


def known(row: Mapping[str, Any], preprocessor: "TextPreprocessor") -> Mapping[str, Any]:
    """Of a row the columns that were learnt from, in their order and null where it lacks them; all of it where the
    training texts stood in files.

    Raises:
        InputError: it has none of them.
    """
    if not preprocessor.columns:
        return row
    if not any(name in row for name in preprocessor.columns):
        raise InputError(f"it has none of the columns {listed(preprocessor.columns)}; it has {listed(list(row))}")
    return {name: row.get(name) for name in preprocessor.columns}


def joined(row: Mapping[str, Any]) -> str:
    """Several columns as one text, a line each, without those that are empty; a single one as it is."""
    if len(row) == 1:
        return cell_text(next(iter(row.values())))
    lines = ((name, cell_text(value)) for name, value in row.items())
    return "\n".join(f"{name}: {value}" for name, value in lines if value.strip())


def _mostly(values: Iterable[bool]) -> bool:
    found = list(values)
    return 2 * sum(found) > len(found)
