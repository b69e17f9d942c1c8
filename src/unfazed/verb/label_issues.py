"""`unfazed label-issues`: the labels of a run that are probably wrong, worst first. Nothing is changed or deleted."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unfazed.analysis.intervals import Estimate, Floats, Integers
from unfazed.analysis.label_issues import MOST_CLASSES, LabelIssues, checked
from unfazed.analysis.label_issues import label_issues as found_in
from unfazed.analysis.residuals import number_issues
from unfazed.analysis.set_issues import MOST, set_issues
from unfazed.corrections import CHANGING, Correction, applied_in, still_holds
from unfazed.errors import RunError, UnfazedError, UsageError
from unfazed.files import write_out
from unfazed.label_sets import joined, labels_of
from unfazed.report.facts import finite
from unfazed.report.shapes import only_run_errors
from unfazed.run import Run
from unfazed.table import SPLITS, Table
from unfazed.target import scale_of

WORTH_READING = 0.1  # probability of being wrong from which on a label is listed
FAR = 8.0  # times the usual residual, from which on a number is
SHOWN = 12  # labels that the report shows


class Depth(NamedTuple):
    """What reading the first rows of the list brings."""

    rows: int
    precision: float  # share of them expected to be wrong
    found: float  # share of all wrong labels expected to be among them


@dataclass(frozen=True, eq=False)
class Issues:
    """A run's labels, the worst first, and how many are wrong."""

    frame: pl.DataFrame
    count: Estimate  # of wrong labels among the n that there are; nan where that can't be told
    depths: list[Depth]  # how far to read
    worth: int  # rows that are worth reading, however many the frame has
    disagreement: float  # share of labels, not trained on, that are not what the model and the neighbours would give
    corrected: int = 0  # sets not trained on that people changed or dropped: if any, how many are wrong is unknown
    checked: int = 0  # labels that people have looked at, and said what they are: these are not counted
    what: str = "labels"  # or "sets of labels", or "numbers"


def label_issues(run: str | Path | Run, every: bool = False) -> Issues:
    """The labels of a run that are probably wrong, worst first; with `every`, all labels.

    The frame has `row` (of every array of the run), `id`, `input`, `split`, `label`, `suggested`, `error_probability`,
    what the order rests on (`margin`, `agreement` of the neighbours and `simple`, a simple model's probability of the
    label, lower = worse; of numbers `residual`, in units of their neighbours') and `neighbours`, the nearest rows.
    Labels that people have kept or corrected are right: they come last, without scores. Where numbers are predicted,
    how many are wrong can't be told, and `error_probability` is null; so it is where sets of labels that were not
    trained on were corrected.

    Raises:
        RunError: there is no such run, or a file of it is missing or damaged.
        UsageError: there are too many classes, or too many sets of too many labels.
    """
    run = Run.open(run)
    with only_run_errors(run.path):
        table, measured = run.table(), run.measurements.get("corrections") or {}
        if why := too_many(table):
            raise UsageError(f"the labels of {run.path} cannot be checked: {why}")
        return _issues(run, table, every, measured.get("dropped_of") or {})


def _issues(run: Run, table: Table, every: bool, dropped: Mapping[str, int]) -> Issues:
    """The audit, told; `dropped`: rows of each side that corrections took out."""
    said = {one.id: one for one in applied_in(run.path)}
    ids = table.frame["id"].cast(pl.String).to_list()
    if table.task == "classification":
        given, looked_at = _as_given(table, [said.get(name) for name in ids])
        found = audited(run, table, given)
        if looked_at.any():
            trained = (table.frame["split"] == "train").fill_null(False).to_numpy()
            found = checked(found, table.y(), looked_at, ~trained)
        return replace(_told(table, found, every, 0), checked=int(looked_at.sum()))
    held_out = {name for name, split in zip(ids, table.frame["split"], strict=True) if split != "train"}
    relabelled = sum(one.action in CHANGING for name, one in said.items() if name in held_out)
    corrected = relabelled + sum(dropped.get(split, 0) for split in SPLITS if split != "train")
    return _told(table, audited(run, table), every, corrected if table.classes else 0)


def _as_given(table: Table, said: Sequence[Correction | None]) -> tuple[Integers, NDArray[np.bool_]]:
    """Labels [N] as they were before anybody corrected them, and those [N] that people have kept or changed."""
    classes = {label: number for number, label in enumerate(table.classes)}
    y, looked_at = table.y().copy(), np.zeros(len(table), dtype=bool)
    for row, one in enumerate(said):
        if one is not None and one.action in ("keep", "relabel") and still_holds(one, row, table):
            y[row], looked_at[row] = classes.get(one.label, y[row]), True
    return y, looked_at


def too_many(table: Table) -> str | None:
    """Why there are too many classes, or too many sets of too many labels, to judge them; None where there are not."""
    n, classes = len(table), len(table.classes)
    if table.task == "multilabel" and n * classes > MOST:
        return f"{n:,} sets of {classes:,} labels are too many to judge together (at most {MOST:,} yeses and noes)"
    if table.task == "classification" and classes > MOST_CLASSES:
        return f"{classes:,} classes are too many to tell which are given for which (at most {MOST_CLASSES:,})"
    return None


def audited(run: Run, table: Table, y: Integers | None = None) -> LabelIssues:
    """The audit of a run's labels, as arrays; of classes by other labels `y` [N], if given.

    Raises:
        RunError: a file is missing or damaged, or they contradict one another.
    """
    window, probs, embeddings, simple = _record(run, table)
    seed, trained = run.recipe.seed, np.isfinite(window[:, 0])
    if table.task == "regression":
        return number_issues(table.targets(), _numbers(run, window, probs), embeddings, trained, seed)
    belief = probs.astype(np.float32, copy=False)
    np.copyto(belief, window, where=trained[:, None])
    del window, probs  # of many classes each is large
    if table.task == "multilabel":
        return set_issues(table.indicators(), belief, embeddings, _splits(table, trained), simple, seed)
    return found_in(table.y() if y is None else y, belief, embeddings, _splits(table, trained), simple, seed)


def residuals(run: Run, table: Table) -> tuple[Floats, NDArray[np.bool_]]:
    """How far each number of a run is from what is predicted [N], nan = unknown; and which rows were trained on [N].

    Raises:
        RunError: a file is missing or damaged, or they contradict one another.
    """
    window, probs, *_ = _record(run, table)
    return table.targets() - _numbers(run, window, probs), np.isfinite(window[:, 0])


class _Record(NamedTuple):
    window: NDArray[np.floating]  # [N, K], predictions before memorisation
    probs: NDArray[np.floating]  # [N, K], of the finished model
    embeddings: NDArray[np.floating]  # [N, D]
    simple: NDArray[np.floating] | None  # [N, K], of a simple model; None where none was asked


def _record(run: Run, table: Table) -> _Record:
    window, scores = run.dynamics().get("window_probs"), run.scores()
    probs, embeddings = scores.get("probs"), scores.get("embeddings")
    if window is None or probs is None or embeddings is None:
        raise RunError(f"{run.path}: dynamics.npz or scores.npz lacks what labels are judged by. Train again")
    outputs = probs.shape[1:] if table.task == "regression" else (len(table.classes),)
    simple = scores.get("out_of_sample")
    shapes = {one.shape for one in (window, probs, simple) if one is not None}
    if shapes != {(len(table), *outputs)} or len(embeddings) != len(table):
        raise RunError(f"{run.path}: the files are not of one run: table.parquet, scores.npz and dynamics.npz disagree")
    return _Record(window, probs, embeddings, simple)


def _numbers(run: Run, window: NDArray[np.floating], probs: NDArray[np.floating]) -> Floats:
    """What is predicted of each row [N], of those that were trained on before memorisation."""
    return np.where(np.isfinite(window[:, 0]), _in_units(run, window[:, 0]), probs[:, 0].astype(np.float64))


def _in_units(run: Run, outputs: NDArray[np.floating]) -> NDArray[np.float64]:
    try:
        scale = scale_of(run.model)
    except UnfazedError as error:
        raise RunError(f"{run.path / 'model.json'} is damaged: {error}. Train again") from error
    if scale is None:
        raise RunError(f"{run.path}: the files are not of one run: by table.parquet numbers are predicted, "
                       "by model.json classes. Train again")  # fmt: skip
    return scale.original(outputs[:, None])[:, 0]


def _splits(table: Table, trained: NDArray[np.bool_]) -> Integers:
    """The number of each row's split [N]; a row that was never trained on counts as held out, wherever it is."""
    number = {name: place for place, name in enumerate(SPLITS)}
    split = np.array([number.get(name, -1) for name in table.frame["split"]], dtype=np.int64)
    return np.where((split == 0) & ~trained, -1, split)


def _told(table: Table, issues: LabelIssues, every: bool, corrected: int) -> Issues:
    if table.task == "regression":
        worth = int((np.abs(issues.scores["residual"][issues.order]) >= FAR).sum())
    else:
        worth = int((issues.error_probability[issues.order] >= WORTH_READING).sum())
    if corrected:  # the share of wrong labels is not known: listed is where the judges object
        doubted = issues.scores["margin"][issues.order] < 0
        worth, order = int(doubted.sum()), np.concatenate([issues.order[doubted], issues.order[~doubted]])
        unknown = np.full(len(issues.error_probability), np.nan)
        nothing = Estimate(np.nan, np.nan, np.nan, issues.count.n)
        issues = replace(issues, order=order, error_probability=unknown, count=nothing)
    frame = _frame(table, issues, issues.order if every else issues.order[:worth])
    what = "numbers" if table.task == "regression" else labels_of(table.task)
    return Issues(frame, issues.count, _depths(issues, worth), worth, issues.disagreement, corrected, what=what)


def _frame(table: Table, issues: LabelIssues, order: Integers) -> pl.DataFrame:
    rows, suggested = table.frame[order], issues.suggested[order]
    classes = np.array(table.classes, dtype=object)
    if table.task == "regression":
        names = [f"{number:.6g}" for number in suggested]
    elif table.task == "multilabel":
        names = [joined(classes[one > 0]) for one in suggested]
    else:
        names = classes[suggested].tolist()
    return pl.DataFrame(
        {
            "row": order,
            **{name: rows[name] for name in ("id", "input", "split", "label")},
            "suggested": pl.Series(names, dtype=pl.String),
            "error_probability": pl.Series(issues.error_probability[order]).fill_nan(None),
            **{name: pl.Series(values[order]).fill_nan(None) for name, values in issues.scores.items()},
            "neighbours": pl.Series(issues.neighbours[order]).cast(pl.List(pl.Int64)),
        }
    )


def _depths(issues: LabelIssues, worth: int) -> list[Depth]:
    """The precision at round depths, at what is worth reading, and at the end."""
    found = np.cumsum(issues.error_probability[issues.order])
    if not len(found) or np.isnan(found[-1]):
        return []
    rounds = [n * 10**power for power in range(1, 8) for n in (1, 2, 5)]
    depths = sorted({depth for depth in (*rounds, worth, len(found)) if 0 < depth <= len(found)})
    return [Depth(n, float(found[n - 1] / n), float(found[n - 1] / max(found[-1], 1e-12))) for n in depths]


def write_csv(issues: Issues, ids: Sequence[str], path: Path) -> None:
    """Write the list as CSV, neighbours by the ids [N] of the run's rows, with "|" between.

    `estimated_precision` is the share expected to be wrong of the rows up to and including each one.

    Raises:
        UsageError: the file cannot be written.
    """
    first = ["id", "input", "split", "label", "suggested", "error_probability", "estimated_precision"]
    near = [joined(ids[row] for row in rows or ()) for rows in issues.frame["neighbours"].to_list()]
    precision = pl.col("error_probability").cum_sum() / pl.int_range(1, pl.len() + 1)
    flat = issues.frame.with_columns(pl.Series("neighbours", near, pl.String), precision.alias("estimated_precision"))
    write_out(path, flat.select(*first, pl.exclude(first)).write_csv().encode())


def labels_to_check(
    run: Run, table: Table, dropped: Mapping[str, int] = MappingProxyType({})
) -> dict[str, Any] | None:
    """What the report says of the labels: the count, how far to read, and the first rows with their evidence.

    `dropped`: rows of each side that corrections took out. Where there are too many classes, or sets of labels, it is
    why they were not judged, `missing`.
    """
    if why := too_many(table):
        return {"missing": why}
    issues = _issues(run, table, False, dropped)
    labels = table.frame["label"]
    first = []
    for row in issues.frame.head(SHOWN).iter_rows(named=True):
        near = Counter(labels[neighbour] for neighbour in row["neighbours"]) if table.classes else Counter()
        its = {name: row.get(name) for name in ("row", "suggested", "error_probability", "residual")}
        first.append(its | {"neighbours": dict(near.most_common(3))})
    return {**told(issues), "first": first}


def told(issues: Issues) -> dict[str, Any]:
    """What is to be said of the issues."""
    facts: dict[str, Any] = finite(
        {
            "count": issues.count._asdict(),
            "disagreement": issues.disagreement,
            "corrected": issues.corrected,
            "checked": issues.checked,
            "what": issues.what,
            "worth": issues.worth,
            "depths": [depth._asdict() for depth in issues.depths],
        }
    )
    return facts
