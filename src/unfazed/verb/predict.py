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


def predicted(run: str | Path | Run, items: Sequence[str], header: bool = True) -> Iterator[Prediction]:
    """One prediction an input, in order, a batch at a time; an input that cannot be read has a problem and no label.

    items: files, folders (every image below them), and CSV, TSV, Parquet or JSONL files with a column of paths.
    header: the first line of a CSV or TSV file has names.

    Raises:
        UsageError: nothing was given, or a folder or a table has no inputs.
        RunError: the run cannot be opened.
    """
    predictor = Predictor.open(run)
    if not items:
        raise UsageError("nothing to predict: name files, folders, or a table file with a column of paths")
    inputs = (path for item in items for path in listed_inputs(item, EXTENSIONS, header))
    while chunk := list(islice(inputs, BATCH)):
        predictions = predictor.predict(chunk)
        for row, path in enumerate(chunk):
            probs = dict(zip(predictions.classes, predictions.probs[row].tolist(), strict=True))
            yield Prediction(stored(path), predictions.labels[row], predictions.problems[row], probs)


def listed_inputs(item: str, extensions: Collection[str], header: bool = True) -> Iterator[str]:
    """The inputs that `item` stands for: itself, the files below a folder, or the paths in a table file.

    A folder is walked as in training. A table's row without a path is an empty input, one that cannot be read.

    Raises:
        UsageError: a folder or a table file has no inputs.
    """
    path = Path(item)
    if item and _is_folder(path):
        below = files_below(path, extensions)
        if not below:
            raise UsageError(f"{item} has no files to predict: looked for {', '.join(sorted(extensions))}")
        yield from sorted(below, key=natural_key)
    elif path.suffix.lower() in KINDS:
        yield from paths(read_frame(path, header), item, list(dict.fromkeys([str(path.parent), "."]))).inputs
    else:
        yield item


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # too long for a name
        return False
