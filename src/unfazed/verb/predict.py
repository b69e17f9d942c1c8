"""`unfazed predict`: what the model says of files, folders, and the paths in table files."""

from collections.abc import Collection, Iterator, Sequence
from itertools import islice
from pathlib import Path

from unfazed.errors import UsageError
from unfazed.modality.image import EXTENSIONS
from unfazed.predictor import BATCH, Predictor
from unfazed.report.predictions import Prediction
from unfazed.run import Run
from unfazed.source_table import KINDS, read_frame
from unfazed.table import natural_key


def predicted(run: str | Path | Run, items: Sequence[str]) -> Iterator[Prediction]:
    """One prediction an input, in order, a batch at a time.

    items: files, folders (every image below them), and CSV, TSV, Parquet or JSONL files with a column of paths.

    Raises:
        UsageError: nothing was given, or a folder or a table has no inputs.
        RunError: the run cannot be opened.
    """
    predictor = Predictor.open(run)
    if not items:
        raise UsageError("nothing to predict: name files, folders, or a table file with a column of paths")
    inputs = (path for item in items for path in listed_inputs(item, EXTENSIONS))
    while chunk := list(islice(inputs, BATCH)):
        predictions = predictor.predict(chunk)
        for row, path in enumerate(chunk):
            label, problem = predictions.labels[row], predictions.problems[row]
            yield Prediction(str(path), label, problem, dict(zip(predictions.classes, predictions.probs[row].tolist(),
                                                                 strict=True)))


def listed_inputs(item: str, extensions: Collection[str]) -> Iterator[Path]:
    """The inputs that `item` stands for: itself, the files below a folder, or the paths in a table file.

    Raises:
        UsageError: a folder or a table file has no inputs.
    """
    path = Path(item)
    if path.is_dir():
        below = [file for file in path.rglob("*") if file.suffix.lower() in extensions and not file.is_dir()]
        if not below:
            raise UsageError(f"{item} has no files to predict: looked for {', '.join(sorted(extensions))}")
        yield from sorted(below, key=lambda file: natural_key(str(file)))
    elif path.suffix.lower() in KINDS:
        yield from _in_table(path)
    else:
        yield path


def _in_table(path: Path) -> Iterator[Path]:
    """The paths in the first column whose first value is a file, seen from the table's folder or from here."""
    frame = read_frame(path, header=True)
    for name in frame.columns:
        values = [str(value) for value in frame[name].drop_nulls()]
        for folder in (path.parent, Path()):
            if values and (folder / values[0]).is_file():
                yield from (folder / value for value in values)
                return
    raise UsageError(f"{path} has no column of paths: no first value in {', '.join(frame.columns)} is a file")
