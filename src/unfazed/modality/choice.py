"""Which modality a source is of: by the extensions of its files, else by what stands in its table.

A modality's module is imported when it is chosen: training on images never loads what reads sound.
"""

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import suppress
from importlib import import_module
from itertools import islice
from pathlib import Path
from typing import Any

import polars as pl

from unfazed.errors import SourceError, UsageError, did_you_mean
from unfazed.modality import Modality
from unfazed.recipe import MODALITIES
from unfazed.source import SourceOptions, existing, frame_of, sides_in
from unfazed.source_folder import PHOTOS
from unfazed.source_table import endings, obvious_target
from unfazed.source_values import is_about_texts

_EXTENSIONS = {
    **dict.fromkeys((".wav", ".wave", ".flac", ".ogg", ".oga", ".opus", ".mp3"), "audio"),
    **dict.fromkeys((".m4a", ".aac", ".wma", ".aif", ".aiff"), "audio"),  # whose error says what to convert them to
    **dict.fromkeys((".txt", ".text", ".md", ".rst", ".htm", ".html"), "text"),
}  # those of images are their module's
_FILES = 2000  # of a folder that are looked at


def named(name: str) -> Modality:
    """The modality of that name.

    Raises:
        UsageError: there is none.
    """
    if name not in MODALITIES:
        near = did_you_mean(name, MODALITIES)
        raise UsageError(f'modality must be auto, {", ".join(MODALITIES)}, got "{name}".{near}')
    modality: Modality = import_module(f"unfazed.modality.{name}").MODALITY
    return modality


def chosen(source: Any, options: SourceOptions, name: str = "auto") -> Modality:
    """The modality of that name, or the one that a source looks like.

    Raises:
        SourceError: there is nothing, or it cannot be read. UsageError: see `named`.
    """
    if name != "auto":
        return named(name)
    if isinstance(source, str | Path):
        source = existing(source)
        if source.is_dir():
            return named(_of_folder(source, options))
    return named(_of_frame(frame_of(source, options.header), options))


def _of_folder(root: Path, options: SourceOptions) -> str:
    for _, path in sides_in(root, prefer_files=bool(options.target or options.path)):
        return _of_frame(frame_of(path, options.header), options) if path.is_file() else _commonest(_below(path))
    return _commonest(_below(root))


def _below(root: Path) -> Iterator[str]:
    return (Path(name).suffix for _, _, names in os.walk(root) for name in sorted(names) if not name.startswith("."))


def _commonest(extensions: Iterable[str]) -> str:
    """What most files are whose extension says it; image where none does: its error then says what is wanted.

    Of as many sounds or images as texts, the texts are about these.
    """
    known = Counter(filter(None, map(_of_extension, islice(extensions, _FILES))))
    return max(known, key=lambda name: (known[name], name != "text"), default="image")


def _of_frame(frame: pl.DataFrame, options: SourceOptions) -> str:
    if options.path is not None:
        return _commonest(endings(frame, options.path))
    for name in (name for name in options.inputs or frame.columns if name != options.target):
        found = endings(frame, name)
        if 2 * sum(map(_is_known, found)) > len(found):
            return _commonest(filter(_is_known, found))
    named_here = [name for name in (options.target, options.group, options.time) if name]
    with suppress(SourceError):  # which column it is may have to be asked for; then all of them are looked at
        named_here.append(options.target or obvious_target(frame, named_here, ""))
    inputs = options.inputs or [name for name in frame.columns if name not in named_here]
    return "text" if is_about_texts(frame.select(name for name in inputs if name in frame.columns)) else "tabular"


def _is_known(extension: str) -> bool:
    return _of_extension(extension) is not None


def _of_extension(extension: str) -> str | None:
    """The modality that a file of that extension is of, though it may have to be converted; None where none is."""
    from unfazed.modality.image import EXTENSIONS

    found = extension.lower()
    return "image" if found in EXTENSIONS or found in PHOTOS else _EXTENSIONS.get(found)
