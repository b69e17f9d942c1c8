"""`unfazed label-issues`: the labels of a run that are probably wrong, worst first. Nothing is changed or deleted."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unfazed.analysis.intervals import Estimate
from unfazed.analysis.label_issues import LabelIssues
from unfazed.analysis.label_issues import label_issues as found_in
from unfazed.errors import RunError, UsageError
from unfazed.files import write_bytes
from unfazed.run import Run
from unfazed.table import Table

WORTH_READING = 0.1  # probability of being wrong from which on a label is listed


class Depth(NamedTuple):
    """What reading the first rows of the list brings."""

    rows: int
    precision: float  # share of them expected to be wrong
    found: float  # share of all wrong labels expected to be among them


class Issues(NamedTuple):
    """A run's labels, the worst first, and how many are wrong."""

    frame: pl.DataFrame  # row, id, input, split, label, suggested, error_probability, margin, agreement, neighbours
    count: Estimate  # of wrong labels among the n that there are
    depths: list[Depth]  # how far to read


def label_issues(run: str | Path | Run, every: bool = False) -> Issues:
    """The labels of a run that are probably wrong, worst first; with `every`, all labels.

    The frame has `row` (of every array of the run), `id`, `input`, `split`, `label`, `suggested`, `error_probability`,
    `margin` and `agreement` (lower = worse) and `neighbours`, the nearest rows.

    Raises:
        RunError: there is no such run, or a file of it is missing or damaged.
    """
    run = Run.open(run)
    table = run.table()
    issues = found_in(table.y(), beliefs(run, table), run.scores()["embeddings"], run.recipe.seed)
    return Issues(_frame(table, issues, every), issues.count, _depths(issues))


def beliefs(run: Run, table: Table) -> NDArray[np.float32]:
    """Probabilities [N, K] that no row's own label has bent.

    Of training rows, the mean over the epochs before memorisation; of others, what the finished model says.
    """
    window, probs = run.dynamics().get("window_probs"), run.scores().get("probs")
    shape = (len(table), table.outputs)
    if window is None or probs is None or window.shape != shape or probs.shape != shape:
        raise RunError(f"{run.path}: dynamics.npz or scores.npz is not of this run, or too old for an audit of labels")
    return np.where(np.isfinite(window), window, probs).astype(np.float32)


def _frame(table: Table, issues: LabelIssues, every: bool) -> pl.DataFrame:
    order = issues.order
    if not every:
        order = order[issues.error_probability[order] >= WORTH_READING]
    rows = table.frame[order]
    classes = np.array(table.classes, dtype=object)
    return pl.DataFrame(
        {
            "row": order,
            **{name: rows[name] for name in ("id", "input", "split", "label")},
            "suggested": pl.Series(classes[issues.suggested[order]].tolist(), dtype=pl.String),
            "error_probability": issues.error_probability[order],
            "margin": issues.margins[order],
            "agreement": issues.agreement[order],
            "neighbours": pl.Series(issues.neighbours[order].tolist(), dtype=pl.List(pl.Int64)),
        }
    )


def _depths(issues: LabelIssues) -> list[Depth]:
    found = np.cumsum(issues.error_probability[issues.order])
    steps = [n for base in (10, 20, 50) for n in (base * 10**power for power in range(8)) if n <= len(found)]
    return [
        Depth(rows, float(found[rows - 1] / rows), float(found[rows - 1] / max(found[-1], 1e-12)))
        for rows in sorted({*steps, len(found)} - {0})
    ]


def write_csv(issues: Issues, path: Path) -> None:
    """Write the list as CSV, neighbours as row numbers separated by spaces.

    Raises:
        UsageError: the file cannot be written.
    """
    flat = issues.frame.with_columns(pl.col("neighbours").cast(pl.List(pl.String)).list.join(" "))
    first = ["id", "input", "split", "label", "suggested", "error_probability"]
    text = flat.select(*first, pl.exclude(first)).write_csv()
    try:
        write_bytes(path, text.encode())
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error
