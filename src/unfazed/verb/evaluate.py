"""`unfazed evaluate`: a run measured on other labelled data."""

from pathlib import Path
from typing import Any

import numpy as np

from unfazed.analysis.metrics import classification
from unfazed.errors import SourceError
from unfazed.modality.image import MODALITY
from unfazed.predictor import Predictor
from unfazed.run import Run
from unfazed.samples import local
from unfazed.source import SourceOptions
from unfazed.table import Table


def evaluate(
    run: str | Path | Run,
    source: Any,
    *,
    target: str | None = None,
    label_regex: str | None = None,
    header: bool = True,
) -> dict[str, Any]:
    """Metrics of `run` on `source`, each with its 95 % interval and n, under scikit-learn's names.

    Where the source is split already, only its test rows are measured. The result has `metrics`,
    `rows`, `split`, `problems` (id and reason of each input that could not be read) and `unknown` (labels the
    model was not trained on, with their counts: those rows cannot be right and are left out of the metrics).

    Raises:
        SourceError: the source cannot be used, or no label in it is one of the model's.
        RunError: the run cannot be opened.
    """
    predictor = Predictor.open(run)
    options = SourceOptions(target=target, label_regex=label_regex, header=header)
    table, split = _measured_rows(MODALITY.find(local(source), options))
    predictions = predictor.predict(table.frame["input"].to_list())
    number = {label: index for index, label in enumerate(predictor.classes)}
    labels = table.frame["label"].to_list()
    y = np.array([number.get(label, -1) for label in labels], dtype=np.int64)
    readable = np.array([problem is None for problem in predictions.problems])
    unknown = sorted({label for label in labels if label is not None and label not in number})
    if not (readable & (y >= 0)).any():
        raise SourceError(_nothing_in_common(source, unknown, predictor.classes))
    y[~readable] = -1
    known = y >= 0
    return {
        "rows": int(known.sum()),
        "split": split,
        "metrics": {name: estimate._asdict() for name, estimate in
                    classification(y[known], predictions.probs[known]).items()},
        "problems": [{"id": name, "reason": problem} for name, problem in
                     zip(table.frame["id"], predictions.problems, strict=True) if problem is not None],
        "unknown": {label: labels.count(label) for label in unknown},
    }


def _measured_rows(table: Table) -> tuple[Table, str]:
    """The test rows where the source has some, else all."""
    test = table.rows("test")
    return (table.where(test), "test") if len(test) else (table, "all")


def _nothing_in_common(source: Any, unknown: list[str], classes: list[str]) -> str:
    if not unknown:
        return f"no input of {source} can be read and has a label"
    return (f"no label of {source} is one the model knows: it has {', '.join(unknown[:5])}; "
            f"the model knows {', '.join(classes[:5])}{' …' if len(classes) > 5 else ''}")
