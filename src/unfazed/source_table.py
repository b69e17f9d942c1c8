"""Table files and frames as sources: which column is the path, the label, the side, the group and the time."""

import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from unfazed.csv_files import separator_of
from unfazed.decoding import decoded
from unfazed.errors import SourceError, did_you_mean
from unfazed.source_labels import SETS, holds_lists, labels_of, texts
from unfazed.source_times import seconds
from unfazed.table import SPLIT_NAMES, brief, listed, read_parquet
from unfazed.wrong_lines import wrong_line

KINDS = {
    ".csv": "CSV", ".tsv": "TSV", ".parquet": "Parquet", ".pq": "Parquet", ".jsonl": "JSONL", ".ndjson": "JSONL",
}
_OBVIOUS = ("label", "labels", "class", "target", "category")
ADDRESSES = ("http://", "https://", "s3://", "gs://")
_LONGEST_PATH = 4096
_AGAIN = "_duplicated_"  # what polars puts between a name that was there before and a number
_NARROW = ("float32", "float[pyarrow]")  # what pandas calls it
_NAMED = 3  # of columns that were renamed
_TRIED = 100  # values of a column that are looked for on disk


class Inputs(NamedTuple):
    """What the rows of a table hold besides their labels."""

    columns: list[str]  # in which it stands
    values: list[str]  # one a row; empty where there is nothing
    said: str  # 'paths in "file"'
    others: list[str]  # columns that might have been meant, unless they have another role
    about_others: str = ""  # what to say of them, {} for their names


InputsOf = Callable[[pl.DataFrame, Mapping[str, str | None], str, Sequence[str]], Inputs]


class Columns(NamedTuple):
    """What was found in a table: the columns of `Table`, which of the source's columns they are, what was noticed."""

    frame: pl.DataFrame
    inputs: str
    target: str
    notes: list[str]
    names: tuple[str, ...]  # of the columns that inputs were taken from
    lists: bool = False  # whether the column of labels holds lists

    def roles(self) -> str:
        """Which columns were taken, for the line that says what was found."""
        return f'{self.inputs}, {SETS if self.lists else "labels"} in "{brief(self.target)}"'


class Paths(NamedTuple):
    """The column of a table that holds paths, what it says in each row, and the other columns it might have been."""

    column: str
    inputs: list[str]  # empty where the column is null
    others: list[str]  # columns in which files were found too


class Read(NamedTuple):
    """A table, and what a person should know of how it was read."""

    frame: pl.DataFrame
    notes: list[str]


def read_frame(path: Path, header: bool) -> Read:
    """The table in a file; every CSV and TSV value as text, so that the label 01 stays 01.

    Raises:
        SourceError: it is not readable as what its extension says.
    """
    try:
        return table_in(path.read_bytes(), KINDS[path.suffix.lower()], header, str(path))
    except OSError as error:
        raise SourceError(f"cannot read {path}: {error.strerror}") from error


def table_in(data: bytes, kind: str, header: bool, where: str) -> Read:
    """The table that bytes hold, of one of the `KINDS`.

    Raises:
        SourceError: they are not readable as that.
    """
    try:
        if kind == "Parquet":
            return Read(read_parquet(data), [])
        text, encoding = decoded(data)
        notes = [] if encoding == "UTF-8" else [f"{Path(where).name} is read as {encoding}"]
        if kind == "JSONL":
            return Read(pl.read_ndjson(text.encode(), infer_schema_length=None), notes)
        frame = _separated(text, "\t" if kind == "TSV" else separator_of(text), header)
        return Read(frame, [*notes, *_renamed(frame)])
    except (pl.exceptions.PolarsError, ValueError) as error:
        why = wrong_line(data, kind) or str(error).splitlines()[0]
        raise SourceError(f"cannot read {where} as {kind}: {why}") from error


def from_pandas(frame: Any) -> Read:
    """A pandas frame as a polars frame, column by column: neither pandas nor pyarrow is imported."""
    values = frame.astype(object).where(frame.notna(), None)
    names = _distinct(list(map(str, frame.columns)))
    cells = {name: _cells(values.iloc[:, index].tolist()) for index, name in enumerate(names)}
    narrow = {name: pl.Float32 for name, kind in zip(names, frame.dtypes, strict=True) if str(kind).lower() in _NARROW}
    found = pl.DataFrame(cells, schema_overrides=narrow, strict=False)  # as float64 they would have more digits
    return Read(found, _renamed(found))


def _distinct(names: Sequence[str]) -> list[str]:
    """Names as they are, those that came before with a number, as polars gives it."""
    seen: Counter[str] = Counter()
    said = []
    for name in names:
        said.append(f"{name}{_AGAIN}{seen[name] - 1}" if seen[name] else name)
        seen[name] += 1
    return said


def _renamed(frame: pl.DataFrame) -> list[str]:
    """What was done to columns of one name."""
    parted = [(name, *name.rpartition(_AGAIN)[::2]) for name in frame.columns if _AGAIN in name]
    again = [(name, before) for name, before, number in parted if before in frame.columns and number.isdecimal()]
    said = ", ".join(f'another "{before}" is "{name}"' for name, before in again[:_NAMED])
    more = f" and {len(again) - _NAMED:,} more" if len(again) > _NAMED else ""
    return [f"columns share a name: {said}{more}"] if again else []


def _cells(values: list[Any]) -> list[Any]:
    """The values of a column with everything that stands for a list or a path as one: pandas reads lists as arrays."""
    return [_cell(value) for value in values]


def _cell(value: Any) -> Any:
    if isinstance(value, np.ndarray | tuple | set | frozenset):
        return list(value)
    if isinstance(value, np.datetime64 | np.timedelta64):  # nanoseconds would become a whole number
        return value.astype(f"{value.dtype.kind}8[us]").item()
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def paths(
    frame: pl.DataFrame, where: str, folders: Sequence[str], path: str | None = None, target: str | None = None
) -> Paths:
    """The column with the most values that are existing files; each row's path, from the folder that fits best.

    folders: where relative paths may start. path: the column, where it is known. target: one that holds something else.

    Raises:
        SourceError: there are no rows, no such column, or the names of the columns are data.
    """
    require(frame, {"path": path}, where, folders)
    if frame.is_empty():
        raise SourceError(f"{where} has no rows; if its first line is data: --no-header")
    columns = [path] if path else [name for name in frame.columns if name != target]
    tried = {name: _some(frame[name]) for name in columns if frame[name].dtype == pl.String}
    files = {(name, folder): [value for value in values if _is_file(folder, value)]
             for name, values in tried.items() for folder in folders}
    name, folder = max(files, key=lambda key: len(files[key]), default=("", ""))
    if not files.get((name, folder)):
        raise _no_paths(frame, where, folders, path, target)
    if _is_data(name, folder, files[name, folder]):
        raise _headless(name, where)
    inputs = [str(Path(folder, value)) if value else "" for value in texts(frame[name], where)]
    return Paths(name, inputs, [other for other in tried if other != name and any(files[other, f] for f in folders)])


def path_inputs(
    frame: pl.DataFrame, wanted: Mapping[str, str | None], where: str, folders: Sequence[str]
) -> Inputs:
    """The column of paths, as `InputsOf`; see `paths`."""
    name, values, others = paths(frame, where, folders, wanted.get("path"), wanted.get("target"))
    about = f'paths of files are also in {{}}: "{name}" was taken, --path names another'
    return Inputs([name], values, f'paths in "{name}"', others, about)


def labelled(
    frame: pl.DataFrame,
    wanted: Mapping[str, str | None],
    where: str,
    folders: Sequence[str],
    inputs_of: InputsOf = path_inputs,
) -> Columns:
    """The rows of a table with their roles found out.

    wanted: column by role ("path", "target", "group", "time"), null where it is to be found out. folders: where
    relative paths may start, the first that fits. Row numbers become ids: 1 is the first below the names of columns.

    Raises:
        SourceError: a column is missing, or `inputs_of` finds no inputs.
    """
    require(frame, wanted, where, folders)
    inputs = inputs_of(frame, wanted, where, folders)
    roles = dict(wanted)
    if len(inputs.columns) == 1:
        roles["path"] = inputs.columns[0]
    split = split_column(frame, [*inputs.columns, wanted.get("target")])
    roles["split"] = split
    taken = [*inputs.columns, *(name for name in roles.values() if name)]
    target = wanted.get("target") or obvious_target(frame, taken, where)
    labels = labels_of(frame[target], where)
    numbers = [str(row) for row in range(1, len(frame) + 1)]
    columns: dict[str, Any] = {"id": numbers, "input": inputs.values, "label": labels}
    if split:
        columns["split"] = _sides(frame[split], where)
    if name := wanted.get("group"):
        columns["group"] = texts(frame[name], where)
    if name := wanted.get("time"):
        columns["time"] = seconds(frame[name], where)
    others = [name for name in inputs.others if name not in (target, *roles.values())]
    notes = [inputs.about_others.format(listed(others))] if others else []
    rows = pl.DataFrame(columns, schema_overrides={"label": pl.String, "split": pl.String})
    return Columns(rows, inputs.said, target, notes, tuple(inputs.columns), holds_lists(frame[target]))


def split_column(frame: pl.DataFrame, taken: Collection[str | None]) -> str | None:
    """The column that says the side of each row, where there is one."""
    return next((name for name in frame.columns if name.casefold() == "split" and name not in taken), None)


def _is_plain(text: str) -> bool:
    """Whether each line of a TSV is a row, with quotation marks in it that quote nothing, as most programs write it."""
    lines = [line.rstrip("\r") for line in text.split("\n") if line.strip()]
    fields = (field for line in lines for field in line.split("\t") if '"' in field)
    return len({line.count("\t") for line in lines}) == 1 and not all(map(_is_quoted, fields))


def _is_quoted(field: str) -> bool:
    return len(field) > 1 and field[0] == field[-1] == '"' and '"' not in field[1:-1].replace('""', "")


def _separated(text: str, separator: str, header: bool) -> pl.DataFrame:
    quote = None if separator == "\t" and _is_plain(text) else '"'
    frame = pl.read_csv(text.encode(), infer_schema=False, separator=separator, has_header=header, quote_char=quote)
    return frame if header else frame.rename({name: str(index) for index, name in enumerate(frame.columns)})


def require(
    frame: pl.DataFrame,
    wanted: Mapping[str, str | None],
    where: str,
    folders: Sequence[str],
    inputs: Sequence[str] = (),
) -> None:
    """Raise SourceError where a wanted column, or one of the inputs, is not there, or has two roles."""
    missing = [
        f'{role} "{name}" is not a column of {where}.{did_you_mean(name, frame.columns)}'
        for role, name in [*wanted.items(), *(("input", name) for name in inputs)]
        if name is not None and name not in frame.columns
    ]
    if missing:
        if name := _path_as_name(frame, folders):
            raise _headless(name, where)
        one = frame.width == 1 and Path(where).suffix.lower() == ".csv" and not frame.columns[0].isalnum()
        hint = ". It was read as one column: what separates its cells is to be a comma, a semicolon or a tab" * one
        raise SourceError(" ".join(missing) + f" Its columns: {listed(frame.columns, 20)}{hint}")
    if wanted.get("path") and wanted["path"] == wanted.get("target"):
        raise SourceError(f'path and target are both "{wanted["path"]}": a column of {where} holds one or the other. '
                          f"Its columns: {listed(frame.columns, 20)}")


def _some(column: pl.Series) -> list[str]:
    values = column.drop_nulls()
    return values.gather_every(max(len(values) // _TRIED, 1)).to_list()


def _no_paths(
    frame: pl.DataFrame, where: str, folders: Sequence[str], path: str | None, target: str | None
) -> SourceError:
    sampled = {name: _some(frame[name]) for name in frame.columns if frame[name].dtype == pl.String}
    tried = {name: values for name, values in sampled.items() if name != target and path in (name, None)}
    for name, values in tried.items():
        if any(value.startswith(ADDRESSES) for value in values):
            return SourceError(f'column "{name}" of {where} holds addresses, not files: download them first, '
                               "and give a column of paths")
    if name := _path_as_name(frame, folders):
        return _headless(name, where)
    if target and not path and any(_is_file(folder, value) for folder in folders for value in sampled.get(target, [])):
        return SourceError(f'the target "{target}" is the only column of {where} that holds paths of existing files: '
                           f"name another with --target. Its columns: {listed(frame.columns, 20)}")
    looked = " and from ".join(dict.fromkeys(str(Path(folder).resolve()) for folder in folders))
    none = f'column "{path}" of {where} holds no' if path else f"no column of {where} holds"
    return SourceError(f"{none} paths of existing files{_example(tried)}; looked from {looked}. "
                       f"Its columns: {listed(frame.columns, 20)}")


def endings(frame: pl.DataFrame, name: str) -> list[str]:
    """What some values of a column end with, as if they were paths; nothing where it does not hold text."""
    if name not in frame.columns or frame[name].dtype != pl.String:
        return []
    return [_ending(value) if len(value) <= _LONGEST_PATH else "" for value in _some(frame[name])]


def are_addresses(frame: pl.DataFrame, name: str) -> bool:
    """Whether most values of a column of text are addresses, which are not downloaded."""
    values = _some(frame[name])
    return 2 * sum(value.startswith(ADDRESSES) for value in values) > len(values)


def _example(tried: Mapping[str, Sequence[str]]) -> str:
    """What the column says that looks most like one of paths."""
    paths_in = {name: [value for value in values if _ending(value)] for name, values in tried.items()}
    name = max(paths_in, key=lambda name: len(paths_in[name]), default="")
    return f': there is no file "{paths_in[name][0]}" (column "{name}")' if paths_in.get(name) else ""


def _path_as_name(frame: pl.DataFrame, folders: Sequence[str]) -> str:
    """The name of a column that is itself a path, as where the first line is data; empty where there is none."""
    for name in frame.columns:
        if frame[name].dtype == pl.String and not name.isdecimal():
            endings = {_ending(value) for value in _some(frame[name])} - {""}
            if _ending(name) in endings or any(_is_file(folder, name) for folder in folders):
                return name
    return ""


def _ending(value: str) -> str:
    """The extension of a path, empty where there is none: 1.25 has none."""
    suffix = Path(value).suffix.lower()
    return suffix if suffix[1:2].isalpha() else ""


def _headless(name: str, where: str) -> SourceError:
    return SourceError(f'the first line of {where} is data, not names of columns ("{name}" is a path): add --no-header')


def _is_data(name: str, folder: str, files: Sequence[str]) -> bool:
    """Whether the name of the path column is itself a path: of a file, or of one gone that ends as the others."""
    endings = {Path(value).suffix for value in files} - {""}
    return not name.isdecimal() and (_is_file(folder, name) or Path(name).suffix in endings)


def _is_file(folder: str, name: str) -> bool:
    try:
        return Path(folder, name).is_file()
    except OSError:  # too long for a name
        return False


def obvious_target(frame: pl.DataFrame, taken: Sequence[str], where: str) -> str:
    """The column of labels: by its name, or the only one that is not `taken`; raises SourceError."""
    free = [name for name in frame.columns if name not in taken]
    for obvious in _OBVIOUS:
        if found := [name for name in free if name.casefold() == obvious]:
            return found[0]
    if len(free) == 1:
        return free[0]
    raise SourceError(f"which column of {where} is the label? Name it with --target. Its columns: {listed(free, 20)}")


def _sides(column: pl.Series, where: str) -> list[str | None]:
    names = [value.strip().casefold() if value else None for value in texts(column, where)]
    unknown = sorted({name for name in names if name and name not in SPLIT_NAMES})
    if unknown:
        raise SourceError(f'column "{column.name}" of {where} says {listed(unknown)}: it may say train, validation or '
                          "test. Rename it if it means something else")
    return [SPLIT_NAMES[name] if name else None for name in names]
