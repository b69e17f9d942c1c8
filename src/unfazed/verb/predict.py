"""`unfazed predict`: what the model says of files, folders, and the paths in table files."""

import os
import re
import sys
from codecs import BOM_UTF8
from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import polars as pl

from unfazed.certainty import NOTHING_PROMISED, Certainty
from unfazed.errors import UsageError
from unfazed.modality import Modality, news_of
from unfazed.predictor import BATCH, Predictions, Predictor
from unfazed.report.events import Notice
from unfazed.report.predictions import Prediction
from unfazed.run import Run
from unfazed.samples import local
from unfazed.source import existing, near, read_of
from unfazed.source_folder import files_below, stored
from unfazed.source_table import ADDRESSES, KINDS, Read, table_in
from unfazed.table import natural_key

STANDARD_INPUT = "/dev/stdin"  # what "-" stands for on the command line
_FILE_NAME = re.compile(r"\S+\.[A-Za-z]\w{0,4}")  # of a text it is unlikely to be the whole
_TAKES = {  # of kinds of which not every input is a file
    "text": "texts, text files, folders of them, or a table file with texts",
    "tabular": "a table file, or rows as JSON objects",
}
NUMBERS = ("prediction", "deviation")  # what a model that predicts numbers says, the second where it knows it


def predicted(
    run: str | Path | Run,
    items: Sequence[str],
    *,
    path: str | None = None,
    header: bool = True,
    certainty: Certainty = NOTHING_PROMISED,
) -> Iterator[Prediction | Notice]:
    """One prediction an input, in order, a batch at a time; an input that cannot be read has a problem and no label.
    Notices say what is not as it was in training.

    items: files, folders (every such file below them), and CSV, TSV, Parquet or JSONL files with a column of paths,
    or with the columns that the run was trained on; for texts, also texts themselves.
    path: the column of paths of the tables among them. header: the first line of a CSV or TSV file has names.
    certainty: what the run's validation rows promise (`promised`); sets, intervals and abstention follow from it.

    Raises:
        UsageError: nothing was given, or the only item is a folder or a table without inputs, or `path` without a
            table.
        RunError: the run cannot be opened.
    """
    if path and not any(_is_table(item) for item in items):
        raise UsageError(f'path "{path}": a column, but none of the items is a table file')
    predictor = Predictor.open(run)
    if not all(items) or not items:
        takes = _TAKES.get(predictor.modality.name, "files, folders, or a table file with a column of paths")
        raise UsageError(f"nothing to predict: give {takes}")
    inputs = (
        one
        for item in items
        for one in _listed(item, predictor, path, header, alone=len(items) == 1)
    )
    while chunk := list(islice(inputs, BATCH)):
        yield from (one for one in chunk if isinstance(one, Notice))
        asked = [one for one in chunk if isinstance(one, Input)]
        predictions = predictor.predictions([one.content for one in asked], certainty)
        sets = None if predictions.thresholds is None else predictions.label_sets
        for row, one in enumerate(asked):
            yield _told(one, predictions, row, sets[row] if sets else None)


def _told(one: "Input", predictions: Predictions, row: int, labels: list[str] | None) -> Prediction:
    """What the `row`-th prediction says of an input; `labels`: its set of them, where sets are predicted."""
    said = dict(zip(predictions.classes or NUMBERS, predictions.probs[row].tolist(), strict=False))
    label, problem = predictions.labels[row], one.problem or predictions.problems[row]
    promised: dict[str, Any] = {}
    if predictions.sets is not None:
        promised["set"] = predictions.sets[row] if label is not None else None
    if predictions.intervals is not None:
        low, high = predictions.intervals[row].tolist()
        promised |= {"low": low, "high": high} if label is not None else {"low": None, "high": None}
    if predictions.answered is not None:
        promised["answer"] = label if predictions.answered[row] else None
    about = (stored(one.name), label, problem)
    if not predictions.classes:
        return Prediction(*about, {}, promised, numbers=said)
    return Prediction(*about, said, promised, labels=labels)


class Input(NamedTuple):
    """One thing to predict."""

    name: str  # for people
    content: str | Path  # what the predictor takes
    problem: str | None = None  # why what it stands for cannot be listed


def _listed(
    item: str, predictor: Predictor, path: str | None, header: bool, alone: bool
) -> Iterator[Input | Notice]:
    """The inputs of an item; one that has none, or cannot be opened, is the end only where it is all that was asked."""
    try:
        about = (predictor.modality, predictor.preprocessor, predictor.target)
        yield from listed_inputs(item, *about, path=path, header=header)
    except UsageError as error:
        if alone:
            raise
        yield Input(item, "", str(error))


def listed_inputs(
    item: str,
    modality: Modality,
    preprocessor: Any = None,
    target: str | None = None,
    *,
    path: str | None = None,
    header: bool = True,
) -> Iterator[Input | Notice]:
    """The inputs that `item` stands for: itself, the files below a folder, or the rows of a table file.

    "sample:NAME" and "hf:NAME" are the folders and tables that `train` takes them for. "/dev/stdin" is the standard
    input: a text or the name of a file a line, or for a model of rows a table, as CSV or JSONL. A folder is walked as
    in training. A table's row without a path is an empty input, one that cannot be read. Rows that are inputs
    themselves are called by their number, 1 for the first. `target`: the column of labels of the training table, which
    is left out.

    Raises:
        UsageError: a folder or a table file has no inputs, or there is no such table.
    """
    source: Any = local(item)
    place = Path(item if isinstance(source, Read) else source)
    if item == STANDARD_INPUT and modality.name != "tabular":
        yield from (Input(line, line) if modality.values else _named(line, modality) for line in _lines())
    elif item and _kind(place) == "folder":
        yield from _below(item, place, modality)
    elif not isinstance(source, Read) and _is_itself(item, place, modality, path):
        if _FILE_NAME.fullmatch(item) or place.suffix.lower() in (*KINDS, *modality.extensions):
            yield Notice(f'there is no file "{item}": it is predicted as a text')
        yield Input(item, item)
    elif isinstance(source, Read) or _is_table(place) or modality.name == "tabular":
        read = _read(source, header)
        folders = list(dict.fromkeys([str(place.parent), "."]))
        contents = modality.listed(read.frame, preprocessor, item, folders, **({"path": path} if path else {}))
        news = [] if path else _news(contents, read.frame, modality, preprocessor, target)
        yield from (Notice(f"{item}: {note}") for note in (*read.notes, *news))
        names = [f"{item}:{row}" for row in range(1, len(contents) + 1)] if modality.values else contents
        yield from map(Input, names, contents)
    else:
        yield _named(item, modality)


def _lines() -> Iterator[str]:
    for number, line in enumerate(sys.stdin.buffer):
        yield os.fsdecode((line if number else line.removeprefix(BOM_UTF8)).rstrip(b"\r\n"))


def _read(source: Any, header: bool) -> Read:
    if isinstance(source, str) and source == STANDARD_INPUT:
        data = sys.stdin.buffer.read().removeprefix(BOM_UTF8)
        return table_in(data, "JSONL" if data.lstrip().startswith(b"{") else "CSV", header, "the standard input")
    return read_of(existing(source) if isinstance(source, str | Path) else source, header)


def _below(item: str, folder: Path, modality: Modality) -> Iterator[Input]:
    """The files below a folder."""
    below = files_below(folder, modality.extensions)
    if not below:
        wanted = ", ".join(sorted(modality.extensions or KINDS))
        said = f"looked for {wanted}" if modality.extensions else f"name its tables ({wanted}) themselves"
        raise UsageError(f"{item} has no files to predict: {said}")
    yield from (_file(file, modality) for file in sorted(below, key=natural_key))


def _news(
    contents: Sequence[str], frame: pl.DataFrame, modality: Modality, preprocessor: Any, target: str | None
) -> list[str]:
    """What a person should know of a table before they read what is predicted of its rows."""
    labels = f'"{target}" holds the labels, and is left out; unfazed evaluate measures the model on them'
    others = [name for name in frame.columns if name != target]
    return [labels] * (target in frame.columns) + news_of(contents, modality, preprocessor, others)


def _named(item: str, modality: Modality) -> Input:
    """A file by the name that a person gave it; where there is none, the problem says which one is near."""
    missing = item and not os.path.lexists(item) and not item.startswith(ADDRESSES)
    hint = near(Path(item).absolute()) if missing else ""
    return _file(item, modality)._replace(problem=f"no such file.{hint}" if hint else None)


def _file(name: str, modality: Modality) -> Input:
    """A file as an input; a text model must not take its name for the text."""
    return Input(name, Path(name) if modality.values else name)


def _is_table(item: str | Path) -> bool:
    return Path(item).suffix.lower() in KINDS


def _is_itself(item: str, place: Path, modality: Modality, path: str | None) -> bool:
    """Whether an item is a text, or a row, rather than the name of a file with some.

    A text may end as such a name does: it has blanks, and no file of that name, or of one near it, is there.
    """
    if not modality.values or _kind(place) == "file":
        return False
    if modality.name == "tabular":
        return item.lstrip().startswith("{")
    if place.suffix.lower() not in (*KINDS, *modality.extensions):
        return True
    return not path and " " in item and not (_kind(place.parent) == "folder" and near(place.absolute()))


def _kind(path: Path) -> Literal["folder", "file", ""]:
    """What there is of that name."""
    try:
        return "folder" if path.is_dir() else "file" if path.is_file() else ""
    except OSError:  # too long for a name
        return ""
