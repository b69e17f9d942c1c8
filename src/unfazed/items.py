"""What people give to `Predictor.predict`: several items, in a list, an array or a column; one in place of them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

from unfazed.errors import UsageError
from unfazed.modality import Modality
from unfazed.source_table import KINDS


def several(items: Any, modality: Modality) -> Iterable[Any]:
    """The items that a person means by a list, an array or a column of a frame.

    Raises:
        UsageError: it is one item, the name of a table, or rows without names of columns.
    """
    if isinstance(items, str | Path) and Path(items).suffix.lower() in KINDS:
        raise UsageError(f"predict takes a list of items or a frame, got the name of a table, {items}: read it, "
                         "for instance with polars, and give the frame; the command, unfazed predict, takes names")
    if isinstance(items, str | bytes | Path | Mapping) or hasattr(items, "getpixel"):
        raise UsageError(f"predict takes a list of items, got one {type(items).__name__}: say predict([item])")
    if hasattr(items, "to_list"):  # a column of a frame
        return cast(Iterable[Any], items.to_list())
    return _of_array(items, modality) if hasattr(items, "ndim") else cast(Iterable[Any], items)


def _of_array(array: Any, modality: Modality) -> Iterable[Any]:
    """The items in an array: texts and paths of one, images of four axes.

    Raises:
        UsageError: its numbers are one item, or rows without names.
    """
    if array.ndim == 1 and getattr(array.dtype, "kind", "") in "OUS":
        return cast(Iterable[Any], array.tolist())
    if array.ndim == 4:
        return cast(Iterable[Any], array)
    instead = {
        "tabular": "its columns have no names: give a frame, or a list of dictionaries",
        "text": "a text is a string: give a list of them",
        "audio": "that is one recording: say predict([(samples, rate)])",
    }.get(modality.name, "that is one item: say predict([item])")
    what = f"an array of shape {tuple(array.shape)}"
    raise UsageError(f"predict takes a list of {modality.items}, got {what}: {instead}")
