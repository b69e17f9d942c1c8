"""Data sets of Hugging Face's library as sources: an object that somebody loaded, or a name on the hub, `hf:NAME`.

The library is an extra, imported when it is needed. What it holds becomes a frame: names in place of class numbers, the
splits in a column, and images or sounds, which stand in its tables as bytes, as files in the cache.
"""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from unfazed.errors import SourceError, UsageError
from unfazed.files import cache_folder, write_bytes
from unfazed.source_table import Read
from unfazed.table import SPLIT_NAMES, listed

PREFIX = "hf:"
_SIGNATURES = (
    (b"\x89PNG", ".png"), (b"\xff\xd8\xff", ".jpg"), (b"RIFF....WEBP", ".webp"), (b"RIFF....WAVE", ".wav"),
    (b"fLaC", ".flac"), (b"OggS", ".ogg"), (b"ID3", ".mp3"),
)  # fmt: skip
_SUFFIXES = frozenset({
    ".avif", ".bmp", ".gif", ".j2k", ".jp2", ".jpeg", ".jpg", ".pgm", ".png", ".ppm", ".tif", ".tiff", ".webp",
    ".aac", ".aif", ".aiff", ".flac", ".m4a", ".mp3", ".oga", ".ogg", ".opus", ".wav", ".wave", ".wma",
})  # fmt: skip  # of files whose first bytes do not tell; a data set may say anything


def loaded(name: str) -> Read:
    """The data set NAME, or NAME:CONFIGURATION, of the hub; from the library's own cache where there is no network.

    Raises:
        UsageError: the library is not installed. SourceError: there is no such data set, or no way to it.
    """
    try:
        import datasets
    except ImportError as error:
        raise UsageError(f"{PREFIX}{name} needs the library datasets: pip install datasets") from error
    path, _, configuration = name.partition(":")
    try:
        return rows_of(datasets.load_dataset(path, configuration or None))
    except SourceError:
        raise
    except Exception as error:  # the library, its network client and its file formats each raise their own kinds
        reason = next(iter(str(error).splitlines()), type(error).__name__)
        raise SourceError(
            f"cannot load {PREFIX}{name} from the hub: {reason}. Is the name right, and is there a network? Without "
            "one, download the data set elsewhere and give its folder or its Parquet files"
        ) from error


def is_data_set(source: Any) -> bool:
    """Whether it is an object of the library; the library is not imported to know."""
    return type(source).__module__.partition(".")[0] == "datasets" and (
        hasattr(source, "features") or isinstance(source, Mapping)
    )


def rows_of(source: Any) -> Read:
    """The rows of a `Dataset`, or of the splits of a `DatasetDict`, whose column "split" says which.

    Splits whose names mean no side are left out, and that is said. A split that is the only one is divided like any
    other table, whatever its name.

    Raises:
        SourceError: it is streamed, or there are several splits and none has a name that is known.
    """
    if not isinstance(source, Mapping):
        return Read(_frame(source), [])
    if len(source) == 1:
        return Read(_frame(*source.values()), [])
    sides = {name: part for name, part in source.items() if name.casefold() in SPLIT_NAMES}
    if not sides:
        raise SourceError(f"the data set has the splits {listed(list(source), 20)}, and none of them is a training "
                          "split: load one of them, load_dataset(NAME, split=…), and hand it over")
    others = [f"{name} ({len(part):,} rows)" for name, part in source.items() if name not in sides]
    parts = [_frame(part).with_columns(split=pl.lit(name)) for name, part in sides.items()]
    notes = [f"splits of the data set that are left out: {', '.join(others)}"] if others else []
    return Read(pl.concat(parts, how="diagonal_relaxed"), notes)


def _frame(source: Any) -> pl.DataFrame:
    """The rows of a `Dataset`: names in place of class numbers, and paths of files in place of what they hold."""
    if not hasattr(source, "__len__"):
        raise SourceError("a streamed data set has no rows yet: load it without streaming=True")
    kinds = {name: type(feature).__name__ for name, feature in source.features.items()}
    for name in (name for name, kind in kinds.items() if kind in ("Image", "Audio")):
        source = source.cast_column(name, type(source.features[name])(decode=False))
    columns: pl.DataFrame = source.to_polars()
    for name, kind in kinds.items():
        if kind == "ClassLabel":
            columns = columns.with_columns(_named(pl.col(name), source.features[name]))
        elif type(inner := getattr(source.features[name], "feature", None)).__name__ == "ClassLabel":
            columns = columns.with_columns(pl.col(name).list.eval(_named(pl.element(), inner)))
        elif kind in ("Image", "Audio"):
            folder = _folder(source) / str(columns.get_column_index(name))
            columns = columns.with_columns(_files(columns[name], folder))
    return columns


def _named(numbers: pl.Expr, feature: Any) -> pl.Expr:
    """The names of classes in place of their numbers."""
    return numbers.replace_strict(dict(enumerate(feature.names)), default=None, return_dtype=pl.String)


def _folder(source: Any) -> Path:
    return cache_folder() / "hub" / str(source._fingerprint)


def _files(column: pl.Series, folder: Path) -> pl.Series:
    """Paths in place of contents: their own where the file is there, else of files in the cache, written once."""
    paths = []
    for row, cell in enumerate(column):
        path, data = (cell or {}).get("path"), (cell or {}).get("bytes")
        if data is None:
            paths.append(path)
            continue
        file = folder / f"{row}{_suffix(path, data)}"
        if not file.exists():
            _write(file, data)
        paths.append(str(file))
    return pl.Series(column.name, paths, dtype=pl.String)


def _write(file: Path, data: bytes) -> None:
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(file, data)
    except OSError as error:
        raise SourceError(
            f"cannot write {file}: {error.strerror}. Set XDG_CACHE_HOME to a folder with room"
        ) from error


def _suffix(path: str | None, data: bytes) -> str:
    known = (suffix for start, suffix in _SIGNATURES if re.match(start, data, re.DOTALL))
    said = Path(path or "").suffix.lower()
    return next(known, said if said in _SUFFIXES else "")
