"""`unfazed evaluate`: a run measured on other labelled data."""

from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.metrics import classification
from unfazed.errors import SourceError
from unfazed.modality.image import MODALITY
from unfazed.predictor import Predictor
from unfazed.reading import readings
from unfazed.report.facts import finite
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

    Only what can be held against the model is measured: not the inputs it was trained or chosen on (known by
    their content), and, where the source is split already, only its test rows. Besides `metrics` and `rows` the
    result counts what was left out: `seen`, `unlabelled`, `unknown` (labels the model does not know, with their
    counts) and `problems` (id and reason of each input that cannot be read); `split` is "test" or "all".

    Raises:
        SourceError: the source cannot be used, or nothing in it can be measured.
        RunError: the run cannot be opened.
    """
    run = Run.open(run)
    predictor = Predictor.open(run)
    options = SourceOptions(target=target, label_regex=label_regex, header=header)
    table, split = _measured_rows(MODALITY.find(local(source), options))
    seen = _seen(table, run.table())
    table = table.where(~seen)
    predictions = predictor.predict(table.frame["input"].to_list())
    readable = np.array([problem is None for problem in predictions.problems], dtype=bool)
    labels = [label if can else None for label, can in zip(table.frame["label"], readable, strict=True)]
    number = {label: index for index, label in enumerate(predictor.classes)}
    y = np.array([number.get(label or "", -1) for label in labels], dtype=np.int64)
    unknown = Counter(label for label in labels if label is not None and label not in number)
    if not (y >= 0).any():
        raise SourceError(_nothing_to_measure(table, int(seen.sum()), sorted(unknown), predictor.classes))
    problems = [
        {"id": name, "reason": reason}
        for name, reason in zip(table.frame["id"], predictions.problems, strict=True)
        if reason is not None
    ]
    facts: dict[str, Any] = finite(
        {
            "rows": int((y >= 0).sum()),
            "split": split,
            "metrics": {name: estimate._asdict() for name, estimate in classification(y, predictions.probs).items()},
            "seen": int(seen.sum()),
            "unlabelled": sum(label is None and bool(can) for label, can in zip(labels, readable, strict=True)),
            "unknown": dict(sorted(unknown.items())),
            "problems": problems,
        }
    )
    return facts


def _measured_rows(table: Table) -> tuple[Table, str]:
    """The test rows where the source has some, else all."""
    test = table.rows("test")
    return (table.where(test), "test") if len(test) else (table, "all")


def _seen(table: Table, trained: Table) -> NDArray[np.bool_]:
    """Whether the content of each row [N] was among the run's training or validation rows."""
    used = trained.frame.filter(trained.frame["split"].is_in(["train", "validation"]))["sha256"]
    known = set(used.drop_nulls().to_list())
    digests = readings(table.frame["input"].to_list(), lambda _: None)
    return np.array([one.sha256 in known for _, one in digests], dtype=bool)


def _nothing_to_measure(table: Table, seen: int, unknown: list[str], classes: list[str]) -> str:
    if seen and not len(table):
        return f"the model was trained or chosen on every one of the {seen:,} examples: evaluate it on others"
    if not unknown:
        return f"no input of {table.root} can be read and has a label"
    return (
        f"no label of {table.root} is one the model knows: it has {', '.join(unknown[:5])}; "
        f"the model knows {', '.join(classes[:5])}{' …' if len(classes) > 5 else ''}"
    )
