"""`unfazed query`: which unlabelled examples are most worth labelling next. Nothing is changed.

Axis letters: N rows of the run, n unlabelled examples, D embedding width, d principal components, K classes.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unfazed.analysis.intervals import Floats, Integers
from unfazed.analysis.multilabel import chosen as chosen_labels
from unfazed.analysis.neighbours import Sphere, closest, distances
from unfazed.analysis.query import (
    COPY,
    Vectors,
    diverse_uncertain,
    farthest_first,
    margin_uncertainty,
    most_uncertain,
    set_uncertainty,
)
from unfazed.analysis.residuals import expected_errors
from unfazed.errors import RunError, UsageError, did_you_mean
from unfazed.files import write_out
from unfazed.label_sets import joined
from unfazed.predictor import Predictor
from unfazed.report.events import Advance, Finishing, Notice
from unfazed.report.query import Query, reasons
from unfazed.report.shapes import only_run_errors
from unfazed.run import Run
from unfazed.table import Table
from unfazed.verb.label_issues import residuals
from unfazed.verb.queries import CANDIDATE, asked_before
from unfazed.verb.unlabelled import Pool, inputs_of

BY = ("both", "uncertainty", "diversity")
COUNT = 100
CANDIDATES = 5  # classes that are kept of each example, the likeliest
NEIGHBOURS = 8  # training rows that are kept of each, the nearest
REFERENCES = 100_000  # training rows that distances are measured to; of more a part
JUDGES = 10  # training rows whose residuals say what error to expect of a number
FAR = 0.99  # of the validation rows are nearer to the training rows than what is called unlike them


def query(
    run: str | Path | Run,
    data: Any,
    *,
    count: int = COUNT,
    by: str = "both",
    path: str | None = None,
    header: bool = True,
) -> Query:
    """The `count` examples of unlabelled `data` that are most worth labelling next, the best first.

    data: a folder, a table file, a file or a text, several of them in a list, or a polars or pandas frame: what
    `unfazed predict` takes. Contents that the run has already, on whatever side, are not proposed.
    by: "uncertainty", what the model cannot tell; "diversity", what is unlike everything labelled; or "both".
    path: the column of paths of a table. header: the first line of a CSV or TSV file has names.

    The frame has `rank`, `id`, `input`, `predicted`, `probability`, `uncertainty` (one less the margin between the two
    likeliest classes; of sets of labels their entropy in bits; of numbers the error to expect, in their units),
    `distance` (to the nearest training row; 1 is the usual one of a validation row), `reason`, `sha256`, `candidates`
    (the likeliest classes) and `neighbours` (the nearest training rows, by number).

    Raises:
        UsageError: the data holds nothing to choose from, or a setting is out of range.
        InputError: none of the inputs can be read.
        RunError: there is no such run, or a file of it is missing, since it is not finished, or damaged.
    """
    for event in query_events(run, data, count, by, path, header):
        if isinstance(event, Query):
            return event
    raise AssertionError("the events ended without a result")


def query_events(
    run: str | Path | Run, data: Any, count: int = COUNT, by: str = "both", path: str | None = None, header: bool = True
) -> Iterator[Advance | Finishing | Notice | Query]:
    """Everything `query` does, as a generator: nothing happens until it is iterated. The last event is the `Query`."""
    run = Run.open(run)
    _check(count, by)
    with only_run_errors(run.path):
        labelled = _labelled(run)
        predictor = Predictor.open(run)
        waiting = asked_before(run)
    pool = Pool(predictor, set(labelled.table.frame["sha256"].drop_nulls()), waiting)
    yield from pool.read(list(inputs_of(data, predictor, path, header)))
    pool.check()
    yield Finishing("choosing")
    yield _ranked(pool, labelled, min(count, len(pool.inputs)), by)


def _check(count: int, by: str) -> None:
    if by not in BY:
        raise UsageError(f'by must be {", ".join(BY[:-1])} or {BY[-1]}, got "{by}".{did_you_mean(by, BY)}')
    if count < 1:
        raise UsageError(f"count must be 1 or more, got {count:,}: it says how many examples to choose")


class _Labelled(NamedTuple):
    """The rows of the run, and where they lie."""

    run: Run
    table: Table
    embeddings: NDArray[np.floating]  # [N, D]


def _labelled(run: Run) -> _Labelled:
    table, embeddings = run.table(), run.scores().get("embeddings")
    if embeddings is None or embeddings.ndim != 2 or len(embeddings) != len(table):
        raise RunError(f"{run.path}: table.parquet and scores.npz are not of one run. Train again")
    return _Labelled(run, table, embeddings)


class _Space(NamedTuple):
    """Where the unlabelled examples lie among the training rows."""

    units: Vectors  # [n, d] on the sphere around the training rows' mean
    references: Vectors  # [M, d] the training rows, likewise
    rows: Integers  # [M] of the run's table
    nearest: Floats  # [n] distance to the nearest training row
    usual: float  # such a distance of a validation row, the median
    far: float  # distance that few validation rows exceed


def _space(pool: Pool, labelled: _Labelled) -> _Space:
    table, seed = labelled.table, labelled.run.recipe.seed
    rows = table.rows("train")
    if len(rows) > REFERENCES:
        rows = np.sort(np.random.default_rng(seed).choice(rows, REFERENCES, replace=False))
    sphere = Sphere.around(labelled.embeddings[rows])
    references, units = sphere.units(labelled.embeddings[rows]), sphere.units(pool.embeddings())
    held_out = distances(sphere.units(labelled.embeddings[table.rows("validation")]), references)
    usual, far = (float(np.quantile(held_out, share)) if len(held_out) else 1.0 for share in (0.5, FAR))
    return _Space(units, references, rows, distances(units, references).astype(np.float64), usual or 1.0, far or 1.0)


def _ranked(pool: Pool, labelled: _Labelled, count: int, by: str) -> Query:
    space, probs, predictor = _space(pool, labelled), pool.probs(), pool.predictor
    uncertainty = _uncertainty(predictor, probs, labelled, space)
    order = _chosen(uncertainty, space, count, by)
    near = space.rows[closest(space.units[order], space.references, NEIGHBOURS)]
    chosen = [pool.inputs[row] for row in order]
    predicted, probability = _predicted(predictor, probs[order])
    candidates = _candidates(predictor, probs[order])
    distance = space.nearest[order] / space.usual
    far = space.far / space.usual
    why = reasons(labelled.run.task, candidates, uncertainty[order].tolist(), distance.tolist(), far)
    frame = pl.DataFrame(
        {
            "rank": np.arange(1, len(order) + 1),
            "id": [one.name for one in chosen],
            "input": [one.input for one in chosen],
            "predicted": predicted,
            "probability": pl.Series(probability, dtype=pl.Float64).fill_nan(None),
            "uncertainty": uncertainty[order],
            "distance": distance,
            "reason": why,
            "sha256": [one.sha256 for one in chosen],
            "candidates": pl.Series(candidates, dtype=CANDIDATE),
            "neighbours": pl.Series(near.tolist(), dtype=pl.List(pl.Int64)),
        },
        schema_overrides=dict.fromkeys(("id", "input", "predicted", "reason", "sha256"), pl.String),
    )
    return Query(frame, by, len(pool.inputs), pool.known, pool.waiting, pool.repeated, pool.problems, pool.notes)


def _uncertainty(predictor: Predictor, probs: NDArray[np.floating], labelled: _Labelled, space: _Space) -> Floats:
    """How unsure the model is of each [n]; of numbers the error to expect, in their units."""
    if predictor.thresholds is not None:
        return set_uncertainty(probs)
    if predictor.classes:
        return margin_uncertainty(probs)
    if probs.shape[1] == 2:
        return probs[:, 1].astype(np.float64)
    found, trained = residuals(labelled.run, labelled.table)
    found[labelled.table.rows("test")] = np.nan  # asked once, at the end
    judges = np.flatnonzero(np.isfinite(found[space.rows]))
    near = closest(space.units, space.references[judges], JUDGES)
    return expected_errors(found, trained, space.rows[judges[near]])


def _chosen(uncertainty: Floats, space: _Space, count: int, by: str) -> Integers:
    """The examples to label, the best first [k]."""
    apart = COPY * space.usual
    if by == "uncertainty":
        return most_uncertain(uncertainty, space.units, count, apart)
    if by == "diversity":
        return farthest_first(space.nearest, space.units, count, apart)
    return diverse_uncertain(uncertainty, space.units, count, apart)


def _predicted(predictor: Predictor, probs: NDArray[np.floating]) -> tuple[list[str], Floats]:
    """The prediction of each as text, and its probability, nan for a number [n]."""
    if predictor.thresholds is not None:
        held = chosen_labels(probs, np.array(predictor.thresholds))
        names = [joined(predictor.classes[k] for k in np.flatnonzero(row)) for row in held]
        return names, np.where(held, probs, 1 - probs).prod(axis=1, dtype=np.float64)
    if predictor.classes:
        return [predictor.classes[k] for k in probs.argmax(1)], probs.max(1).astype(np.float64)
    return [f"{number:.6g}" for number in probs[:, 0]], np.full(len(probs), np.nan)


def _candidates(predictor: Predictor, probs: NDArray[np.floating]) -> list[list[dict[str, Any]]]:
    """The likeliest classes of each with their probabilities; none of numbers."""
    if not predictor.classes:
        return [[] for _ in probs]
    best = np.argsort(-probs, axis=1, kind="stable")[:, :CANDIDATES]
    return [
        [{"label": predictor.classes[k], "probability": float(row[k])} for k in its]
        for row, its in zip(probs, best, strict=True)
    ]


def write_csv(found: Query, path: Path) -> None:
    """Write the list as CSV, with an empty column `label` for people to fill in, and without the columns of lists.

    Raises:
        UsageError: the file cannot be written.
    """
    first, rest = ["rank", "id", "input"], ["predicted", "probability", "uncertainty", "distance", "reason", "sha256"]
    flat = found.frame.select(*first, pl.lit(None, pl.String).alias("label"), *rest)
    write_out(path, flat.write_csv().encode())
