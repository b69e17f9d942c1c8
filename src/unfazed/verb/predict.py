"""`unfazed predict`: what the model says of files, folders, and the paths in table files."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path

from unfazed.errors import UsageError
from unfazed.modality.image import EXTENSIONS
from unfazed.predictor import BATCH, Predictor
from unfazed.report.predictions import Prediction
from unfazed.run import Run
from unfazed.source_folder import files_below, stored
from unfazed.source_table import KINDS, paths, read_frame
from unfazed.table import natural_key


def predicted(
    run: str | Path | Run, items: Sequence[str], *, path: str | None = None, header: bool = True
) -> Iterator[Prediction]:
    """One prediction an input, in order, a batch at a time; an input that cannot be read has a problem and no label.

    items: files, folders (every image below them), and CSV, TSV, Parquet or JSONL files with a column of paths.
    path: the column of paths of the tables among them. header: the first line of a CSV or TSV file has names.

    Raises:
        UsageError: nothing was given, or a folder or a table has no inputs, or `path` without a table.
        RunError: the run cannot be opened.
    """
    if not all(items) or not items:
        raise UsageError("nothing to predict: name files, folders, or a table file with a column of paths")
    if path and not any(_is_table(item) for item in items):
        raise UsageError(f'path "{path}": a column, but none of the items is a table file')
    predictor = Predictor.open(run)
    inputs = (name for item in items for name in listed_inputs(item, EXTENSIONS, path, header))
    while chunk := list(islice(inputs, BATCH)):
        predictions = predictor.predict(chunk)
        for row, name in enumerate(chunk):
            probs = dict(zip(predictions.classes, predictions.probs[row].tolist(), strict=True))
            yield Prediction(stored(name), predictions.labels[row], predictions.problems[row], probs)


def listed_inputs(
    item: str, extensions: Collection[str], path: str | None = None, header: bool = True
) -> Iterator[str]:
    """The inputs that `item` stands for: itself, the files below a folder, or the paths in a table file.

    A folder is walked as in training. A table's row without a path is an empty input, one that cannot be read.

    Raises:
        UsageError: a folder or a table file has no inputs.
    """
    place = Path(item)
    if item and _is_folder(place):
        below = files_below(place, extensions)
        if not below:
            raise UsageError(f"{item} has no files to predict: looked for {', '.join(sorted(extensions))}")
        yield from sorted(below, key=natural_key)
    elif _is_table(item):
        yield from paths(read_frame(place, header), item, list(dict.fromkeys([str(place.parent), "."])), path).inputs
    else:
        yield item


def _is_table(item: str) -> bool:
    return Path(item).suffix.lower() in KINDS


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # too long for a name
        return False
