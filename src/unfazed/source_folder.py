"""Folders as sources: which files, and which label each has from its folder or its name.

Hidden files and what systems leave behind are passed over in silence; other files of no use are counted.
"""

import os
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from unfazed.errors import SourceError
from unfazed.table import clean_label, listed

_LITTER = {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "__macosx"}
PHOTOS = (  # formats of cameras, telephones and drawing programs that nothing here reads
    ".heic", ".heif", ".raw", ".cr2", ".cr3", ".nef", ".arw", ".dng", ".orf", ".rw2", ".psd", ".svg",
)
CONVERT = "convert {} to JPEG or PNG first"
_RUN = {"origin.json", "recipe.toml"}  # files that say that a folder is a run: no data
_NAMED = 5  # extensions that a message lists before it goes on with "…"


class Labelled(NamedTuple):
    """A file and its label; null where its name gives none."""

    path: str
    label: str | None


@dataclass
class Found:
    """The labelled files of a folder, and what was left out."""

    files: list[Labelled] = field(default_factory=list)
    other: Counter[str] = field(default_factory=Counter)  # extension → files without use
    loose: int = 0  # files of the right kind outside the class folders
    empty: list[str] = field(default_factory=list)  # class folders without a file of the right kind
    closed: int = 0  # folders that could not be opened
    runs: int = 0  # run folders, which are passed over

    @classmethod
    def total(cls, parts: Collection["Found"]) -> "Found":
        """All of the parts together."""
        return cls(
            [file for part in parts for file in part.files],
            sum((part.other for part in parts), Counter()),
            sum(part.loose for part in parts),
            list(dict.fromkeys(name for part in parts for name in part.empty)),
            sum(part.closed for part in parts),
            sum(part.runs for part in parts),
        )

    def notes(self) -> Iterator[str]:
        """What was left out, each as a phrase."""
        useless = Counter({name: count for name, count in self.other.items() if name not in PHOTOS})
        if useless:
            files = "file" if useless.total() == 1 else "files"
            yield f"{useless.total():,} other {files} ignored ({extensions_seen(useless)})"
        yield from self.unreadable()
        if self.loose:
            yield f"{self.loose:,} files outside the class folders ignored"
        if self.empty:
            yield f"class folders without a usable file ignored: {listed(self.empty)}"
        if self.closed:
            yield f"{self.closed:,} folders could not be opened"

    def unreadable(self) -> Iterator[str]:
        """What to do about photos in formats that cannot be read."""
        photos = Counter({name: count for name, count in self.other.items() if name in PHOTOS}).most_common()
        if photos:
            kinds = ", ".join(f"{count:,} {name}" for name, count in photos)
            photo, it = ("photo", "it") if kinds.startswith("1 ") and len(photos) == 1 else ("photos", "them")
            yield f"{kinds} {photo} cannot be read: {CONVERT.format(it)}"


def class_folders(root: Path, extensions: Collection[str]) -> Found:
    """The files under each folder in `root`, at any depth, labelled by that folder's name."""
    found = Found()
    folders = _listing(root, extensions, found)
    found.loose = len(found.files)
    found.files = []
    for folder in folders:
        before = len(found.files), found.runs
        label = clean_label(stored(Path(folder).name))
        found.files.extend(Labelled(path, label) for path in _walk(folder, extensions, found, {_identity(str(root))}))
        if before == (len(found.files), found.runs):
            found.empty.append(stored(Path(folder).name))
    return found


def matching_names(root: Path, label_regex: str, extensions: Collection[str]) -> Found:
    """Every file under `root`, labelled by the first group of `label_regex` in its name.

    Raises:
        SourceError: it is no regular expression, has no group, or matches no name.
    """
    pattern = _compiled(label_regex)
    found = Found()
    for path in _walk(str(root), extensions, found, set()):
        match = pattern.search(Path(path).name)
        found.files.append(Labelled(path, clean_label(match[1] or "") if match else None))
    if found.files and all(file.label is None for file in found.files):
        names = [Path(file.path).name for file in found.files]
        raise SourceError(f'label_regex "{label_regex}" matches none of the {len(names):,} file names in {root}, '
                          f"such as {listed(names, 3)}. Its first group must be the label")
    return found


def files_below(folder: Path, extensions: Collection[str]) -> list[str]:
    """Every file under a folder, at any depth, sorted."""
    return _walk(str(folder), extensions, Found(), set())


def extensions_seen(other: Counter[str]) -> str:
    """Extensions by frequency, such as ".txt 10, .json 2"."""
    shown = ", ".join(f"{extension or 'without extension'} {count:,}" for extension, count in other.most_common(_NAMED))
    return shown + (", …" if len(other) > _NAMED else "")


def stored(name: str) -> str:
    """The name as text that can be stored; bytes that are not UTF-8 show as escapes."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _compiled(label_regex: str) -> re.Pattern[str]:
    try:
        pattern = re.compile(label_regex)
    except re.error as error:
        raise SourceError(f'label_regex "{label_regex}" is not a regular expression: {error}') from error
    if not pattern.groups:
        raise SourceError(f'label_regex "{label_regex}" has no group: put the part that is the label in ( )')
    return pattern


def _walk(folder: str, extensions: Collection[str], found: Found, seen: set[tuple[int, int]]) -> list[str]:
    """Files at any depth, sorted; a folder reached twice, through links, is entered once, so loops end."""
    inside = Found()
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        identity = _identity(current)
        if identity not in seen:
            seen.add(identity)
            waiting.extend(_listing(Path(current), extensions, inside))
    found.other += inside.other
    found.closed += inside.closed
    found.runs += inside.runs
    return sorted(file.path for file in inside.files)


def _listing(folder: Path, extensions: Collection[str], found: Found) -> list[str]:
    """The folders in a folder, sorted; its files go to `found`. A run folder holds none of either."""
    try:
        with os.scandir(folder) as entries:
            inside = list(entries)
    except OSError:
        found.closed += 1
        return []
    if {entry.name for entry in inside} >= _RUN:
        found.runs += 1
        return []
    folders = []
    for entry in inside:
        if entry.name.startswith(".") or entry.name.casefold() in _LITTER:
            continue
        extension = Path(entry.name).suffix.lower()
        if _is_folder(entry):
            folders.append(entry.path)
        elif extension in extensions:
            found.files.append(Labelled(entry.path, None))
        else:
            found.other[stored(extension)] += 1
    return sorted(folders)


def _is_folder(entry: "os.DirEntry[str]") -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself
        return False


def _identity(folder: str) -> tuple[int, int]:
    try:
        status = Path(folder).stat()
    except OSError:
        return (-1, -1)
    return status.st_dev, status.st_ino
