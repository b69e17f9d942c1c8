"""Finding out what a source is: a folder of class folders, folders or files by side, a table file, a frame.

A source that can be used becomes a `Table` that says what it was; one that cannot is one `SourceError`.
"""

import os
import stat
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from unfazed.errors import SourceError, did_you_mean
from unfazed.files import expanded
from unfazed.numerals import without_unit
from unfazed.source_folder import Found, class_folders, extensions_seen, matching_names, stored
from unfazed.source_table import (
    ADDRESSES,
    KINDS,
    Columns,
    InputsOf,
    Read,
    from_pandas,
    labelled,
    path_inputs,
    paths,
    read_frame,
    require,
)
from unfazed.spelling import alike
from unfazed.table import SPLIT_NAMES, SPLITS, Table, brief, enumerated, listed, merged_key

_UNREADABLE = 0.5  # a larger share of inputs that fail means that the source is not what it was taken for
_COLUMNS = ("path", "target", "group", "time")  # options that name a column of a table


@dataclass(frozen=True, kw_only=True)
class SourceOptions:
    """What a source does not say by itself.

    path, target, group, time: columns of a table: the file, the label, what must stay on one side, what orders the
    rows. input: columns of a table that are to be learnt from, separated by commas.
    label_regex: its first group, searched in a file's name, is the label. header: the table's first line has names.
    corrections: a file of labels that people corrected, as `unfazed review` writes it. more: a file of examples that
    people labelled since, for the training rows alone, as `unfazed review` of a query writes it. merge_case: labels
    that differ only in case or white space are one class, in the commonest spelling.
    """

    path: str | None = None
    input: str | None = None
    target: str | None = None
    label_regex: str | None = None
    header: bool = True
    group: str | None = None
    time: str | None = None
    corrections: str | None = None
    more: str | None = None
    merge_case: bool = False

    @property
    def inputs(self) -> list[str]:
        """The columns named by `input`."""
        return [name.strip() for name in (self.input or "").split(",") if name.strip()]


def find(
    source: Any, options: SourceOptions, extensions: Collection[str], inputs_of: InputsOf = path_inputs
) -> Table:
    """The table of a folder, of a CSV, TSV, Parquet or JSONL file, or of a polars or pandas frame.

    extensions: lower case with their point; only such files count in a folder. inputs_of: what the rows of a table
    file or a frame hold besides their labels.

    Raises:
        SourceError: it cannot be used; the message says what is wrong, where, and what to do.
    """
    if isinstance(source, str | Path):
        path = existing(source)
        if path.is_dir():
            return _from_folder(path, options, extensions, inputs_of)
        return _from_file(path, options, inputs_of)
    return _from_frame(source, options, inputs_of)


def check_classes(table: Table) -> None:
    """Raise SourceError unless there are two classes or more, each with two examples or more: enough to train."""
    where, counts = f"{table.root} ({table.kind})", table.counts()
    if not len(counts):
        raise SourceError(f"no row of {where} has a label")
    if len(counts) == 1:
        raise SourceError(f'only one class, "{table.classes[0]}", in {where}: a classifier needs two or more.'
                          f"{_inner(table)}")
    if single := [label for label, count in zip(table.classes, counts, strict=True) if count == 1]:
        raise SourceError(_too_small(table, single))


def check_readable(total: int, problems: Collection[str], where: str = "the source") -> None:
    """Raise SourceError where more than half of `total` inputs have a problem; it names the commonest reasons."""
    if len(problems) > _UNREADABLE * total:
        reasons = "; ".join(f"{count:,} × {reason}" for reason, count in Counter(problems).most_common(3))
        raise SourceError(f"{len(problems):,} of {total:,} inputs of {where} cannot be used: {reasons}. "
                          "Is this the right source, and of the right kind?")


def usable(table: Table, problems: Sequence[str | None]) -> Table:
    """The rows without a problem [N], and the classes that still have rows.

    Raises:
        SourceError: see `check_classes`; or more than half of the labelled rows have a problem, or one class is left.
    """
    labelled = table.frame["label"].is_not_null()
    wrong = [problem for problem, known in zip(problems, labelled, strict=True) if problem and known]
    check_readable(int(labelled.sum()), wrong, table.root)
    kept = table.where(np.array([problem is None for problem in problems], dtype=bool))
    if table.task == "regression":
        return kept
    if table.task == "classification":
        check_classes(table)
    counts = kept.counts()
    lost = [label for label, count in zip(kept.classes, counts, strict=True) if not count]
    single = [label for label, count in zip(kept.classes, counts, strict=True) if count == 1]
    if len(kept.classes) - len(lost) < (1 if table.task == "multilabel" else 2):
        raise SourceError(f"inputs that can be read are left of one class only in {table.root}; lost: {listed(lost)}")
    if lost:
        kept = replace(kept, classes=[label for label in kept.classes if label not in lost])
        kept = kept.with_notes(f"classes left out, none of their inputs can be read: {listed(lost)}")
    if single:
        kept = kept.with_notes(f"classes with one readable example: {listed(single)}")
    return kept


def _too_small(table: Table, single: Sequence[str]) -> str:
    """Which classes have one example, and how to go on; where most have, the labels may be names of the examples."""
    have = "has one example" if len(single) == 1 else "have one example each"
    column = 'labels in "' in table.kind
    where = f"{table.root} ({table.kind})"
    said = f"{len(single):,} of {len(table.classes):,} classes in {where} {have}: {listed(single, 10)}"
    most = column and 2 * len(single) > len(table.classes)
    if most and (hint := without_unit(table.classes)):
        return f"{said}. {hint}"
    holder = "row" if column else "folder" if "class folders" in table.kind else "file"
    doubt = " Or is that not the column of labels? --target names another." * most
    keys = set(map(merged_key, single))
    near = "".join(f" {one}." for one in alike([label for label in table.classes if merged_key(label) in keys]))
    return (
        f"{said}. A class needs two or more, one to learn from and one to be tested on: add examples, "
        f"merge it with another class, or remove its {holder}.{doubt}{near}"
    )


def existing(source: str | Path) -> Path:
    """The absolute path of a source; raises SourceError where there is nothing."""
    if source == "":
        raise SourceError("the source is empty: name a folder or a table file")
    if str(source).startswith(ADDRESSES):
        raise SourceError(f"{source} is an address: nothing is downloaded, so download it first")
    path = expanded(source).absolute()
    try:
        if path.is_dir():
            next(path.iterdir(), None)
        elif not stat.S_ISREG(path.stat().st_mode):
            raise SourceError(f"{path} is a stream, not a file: write what it says to a file first")
        return path
    except PermissionError as error:
        raise SourceError(f"no permission to open {path}") from error
    except (OSError, ValueError) as error:  # ValueError: a null byte in the name
        raise SourceError(f"there is nothing at {path}.{near(path)}") from error


def near(path: Path) -> str:
    """Which name is near that of a file that is not there, as a sentence; empty where none is."""
    try:
        return did_you_mean(path.name, [other.name for other in path.parent.iterdir()])
    except (OSError, ValueError):
        return f" There is no folder {path.parent} either"


def _from_folder(
    root: Path, options: SourceOptions, extensions: Collection[str], inputs_of: InputsOf
) -> Table:
    sides = sides_in(root, prefer_files=bool(options.target or options.path or not extensions))
    if any(path.is_file() for _, path in sides):
        return _from_files(root, [(side, path) for side, path in sides if path.is_file()], options, inputs_of)
    _refuse_columns(root, options)
    kind = "folder labelled by file names" if options.label_regex else "folder of class folders"
    if sides:
        kind = f"folder with {enumerated(path.name for _, path in sides)} folders"
    folders: Sequence[tuple[str | None, Path]] = sides or [(None, root)]
    parts = [(side, _found(folder, options, extensions)) for side, folder in folders]
    found = Found.total([part for _, part in parts])
    if not found.files:
        raise _nothing(root, found, extensions)
    columns = {
        "id": [stored(os.path.relpath(file.path, root)).replace(os.sep, "/") for file in found.files],
        "input": [stored(file.path) for file in found.files],
        "label": [file.label for file in found.files],
        "split": [side for side, part in parts for _ in part.files],
    }
    return Table.of(pl.DataFrame(columns), str(root), kind, list(found.notes()))


def _found(folder: Path, options: SourceOptions, extensions: Collection[str]) -> Found:
    if options.label_regex is not None:
        return matching_names(folder, options.label_regex, extensions)
    return class_folders(folder, extensions)


def sides_in(root: Path, prefer_files: bool) -> list[tuple[str, Path]]:
    """Folders or table files named after sides, where `train` and another are there; in the order of the sides."""
    folders, files = [], []
    for path in sorted(root.iterdir()):
        if path.stem.casefold() in SPLIT_NAMES and path.suffix.lower() in KINDS and path.is_file():
            files.append((SPLIT_NAMES[path.stem.casefold()], path))
        elif path.name.casefold() in SPLIT_NAMES and path.is_dir():
            folders.append((SPLIT_NAMES[path.name.casefold()], path))
    for sides in (files, folders) if prefer_files else (folders, files):
        if {"train"} < {side for side, _ in sides}:
            return sorted(sides, key=lambda pair: SPLITS.index(pair[0]))
    return []


def _from_files(
    root: Path, sides: Sequence[tuple[str, Path]], options: SourceOptions, inputs_of: InputsOf
) -> Table:
    parts: dict[str, Columns] = {}
    unlabelled = []
    for side, path in sides:
        read, folders = read_frame(path, options.header), (str(path.parent), str(Path.cwd()))
        if parts:
            first = next(iter(parts.values()))
            options = replace(options, target=first.target)
            if first.target not in read.frame.columns or read.frame[first.target].is_null().all():
                unlabelled.append(f'{path.name} has no labels in "{brief(first.target)}" and is left out: '
                                  "unfazed predict says what the model makes of it")
                continue
            read = read._replace(frame=_like(first, read.frame, options, str(path), folders))
        found = _labelled(read, options, str(path), folders, inputs_of)
        name = pl.lit(f"{path.name}:") + pl.col("id")
        rows = found.frame.with_columns(name.alias("id"), pl.lit(side).alias("split"))
        parts[path.name] = found._replace(frame=rows)
    first = next(iter(parts.values()))
    frame = pl.concat([part.frame for part in parts.values()], how="diagonal_relaxed")
    notes = list(dict.fromkeys(note for part in parts.values() for note in part.notes))
    kind = f"folder with {enumerated(parts)}, {first.roles()}"
    return replace(Table.of(frame, str(root), kind, [*notes, *unlabelled]), columns=first.names)


def _like(
    first: Columns, frame: pl.DataFrame, options: SourceOptions, where: str, folders: Sequence[str]
) -> pl.DataFrame:
    """The columns of a table that have a role in the `first` one, so that none of the others can have it here.

    Raises:
        SourceError: one that inputs are taken from there is missing.
    """
    require(frame, {}, where, folders, first.names)
    roles = {*first.names, *(getattr(options, name) for name in _COLUMNS)}
    return frame.select(name for name in frame.columns if name in roles)


def _from_file(path: Path, options: SourceOptions, inputs_of: InputsOf) -> Table:
    kind = KINDS.get(path.suffix.lower())
    read = read_of(path, options.header)
    found = _labelled(read, options, str(path), (str(path.parent), str(Path.cwd())), inputs_of)
    return replace(Table.of(found.frame, str(path), f"{kind} table, {found.roles()}", found.notes), columns=found.names)


def _from_frame(source: Any, options: SourceOptions, inputs_of: InputsOf) -> Table:
    kind = "polars" if isinstance(source, Read) else type(source).__module__.partition(".")[0]
    found = _labelled(read_of(source, options.header), options, f"the {kind} frame", (str(Path.cwd()),), inputs_of)
    table = Table.of(found.frame, str(Path.cwd()), f"{kind} frame, {found.roles()}", found.notes)
    return replace(table, columns=found.names)


def columns_of(source: Any, header: bool = True) -> list[str]:
    """The columns of a table, or of the first of a folder of tables by side; none of a folder of files."""
    if isinstance(source, str | Path):
        source = existing(source)
        if source.is_dir():
            tables = [path for _, path in sides_in(source, prefer_files=True) if path.is_file()]
            return frame_of(tables[0], header).columns if tables else []
    return frame_of(source, header).columns


def frame_of(source: Any, header: bool = True) -> pl.DataFrame:
    """The rows of a table file, or of a polars or pandas frame; raises SourceError, see `read_of`."""
    return read_of(source, header).frame


def read_of(source: Any, header: bool = True) -> Read:
    """The rows of a table file, or of a polars or pandas frame, with notes on how they were read; what is read stays.

    Raises:
        SourceError: it is neither, or cannot be read.
    """
    if isinstance(source, Path):
        if source.suffix.lower() not in KINDS:
            raise SourceError(f"{source} is neither a folder nor a table: .csv, .tsv, .parquet or .jsonl. "
                              "Unpack archives first")
        return read_frame(source, header)
    if isinstance(source, Read):
        return source
    if isinstance(source, pl.LazyFrame):
        source = source.collect()
    elif type(source).__module__.partition(".")[0] == "pandas" and hasattr(source, "columns"):
        return from_pandas(source)
    if not isinstance(source, pl.DataFrame):
        raise SourceError(f"a source is a path, or a polars or pandas frame; got {type(source).__name__}")
    return Read(source, [])


def listed_paths(
    frame: pl.DataFrame, preprocessor: Any, where: str, folders: Sequence[str], path: str | None = None
) -> list[str]:
    """The paths in a table without labels, one a row; empty where there is none. The preprocessor says nothing of it.

    Raises:
        SourceError: no column holds paths of existing files.
    """
    return paths(frame, where, folders, path).inputs


def _labelled(
    read: Read, options: SourceOptions, where: str, folders: Sequence[str], inputs_of: InputsOf
) -> Columns:
    if options.label_regex is not None:
        raise SourceError(f"label_regex is for the file names of a folder; {where} is a table: name its label column "
                          "with --target")
    if inputs_of is path_inputs:
        refuse_input(options, where)
    wanted = {name: getattr(options, name) for name in _COLUMNS}
    found = labelled(read.frame, wanted, where, folders, inputs_of)
    if options.header and found.target in found.frame["label"]:
        found.notes.append(f'the first line was taken for the names of columns, yet "{brief(found.target)}" is also a '
                           "label: if that line is data, add --no-header")
    return found._replace(notes=[*read.notes, *found.notes])


def _refuse_columns(root: Path, options: SourceOptions) -> None:
    given = [f'{name} "{value}"' for name in (*_COLUMNS, "input") if (value := getattr(options, name))]
    if given:
        raise SourceError(f"{enumerated(given)}: a column, but {root} is a folder of files. Leave it out, or give a "
                          f"table with a path column{_tables_in(root)}")


def refuse_input(options: SourceOptions, where: str) -> None:
    """Raise SourceError where columns were named to learn from, and what is learnt from stands in files."""
    if options.input:
        raise SourceError(f'input "{options.input}": a column that is itself learnt from, but what is learnt from '
                          f"stands in files, which a column of {where} names: --path says which column that is")


def _nothing(root: Path, found: Found, extensions: Collection[str]) -> SourceError:
    if not extensions:
        return SourceError(f"{root} is a folder, and rows stand in a table: give the file ({', '.join(KINDS)}), or a "
                           f"folder with train.csv and test.csv. It holds {extensions_seen(found.other) or 'nothing'}"
                           f"{_tables_in(root)}")
    if found.loose:
        return SourceError(f"{found.loose:,} files in {root}, but no class folders: put each class in a folder of its "
                           "own, or say with --label-regex where the label stands in a file's name"
                           f"{_tables_in(root)}")
    if found.other:
        wanted = " ".join(sorted(extensions))
        photos = "".join(f"; {phrase}" for phrase in found.unreadable())
        return SourceError(f"no usable file in {root}: it holds {found.other.total():,} files with other extensions "
                           f"({extensions_seen(found.other)}){photos}. Wanted: {wanted}. Where they are "
                           f"something else than was thought, --modality says what{_tables_in(root)}")
    closed = f"; {found.closed:,} folders in it could not be opened" if found.closed else ""
    return SourceError(f"no file in {root}{closed}. A source is a folder with a folder of files for each class")


def _tables_in(root: Path) -> str:
    tables = sorted(str(path) for path in root.iterdir() if path.suffix.lower() in KINDS)
    return f". A table lies there: try {tables[0]}" if tables else ""


def _inner(table: Table) -> str:
    """A hint where the one class is a folder around the class folders."""
    inner = Path(table.root, table.classes[0])
    try:
        nested = sum(path.is_dir() for path in inner.iterdir()) >= 2
    except OSError:
        nested = False
    return f' Did you mean "{inner}"?' if nested else ""
