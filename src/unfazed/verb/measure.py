"""What is measured once, when training is over: scores of every row, baselines, latency, the pictures to show."""

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from itertools import cycle, islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from unfazed.analysis.baselines import weighed_alike
from unfazed.analysis.calibration import scaled, temperature
from unfazed.analysis.comparison import surprise_difference
from unfazed.analysis.errors import r2_difference, regression
from unfazed.analysis.groups import of
from unfazed.analysis.intervals import Estimate, Floats, paired_difference
from unfazed.analysis.metrics import balanced_difference, classification
from unfazed.analysis.multilabel import best_thresholds, chosen, f1_difference, multilabel
from unfazed.analysis.surprise import in_nats
from unfazed.device import describe
from unfazed.errors import InputError
from unfazed.loader import for_evaluation
from unfazed.model.build import embedding_width
from unfazed.outputs import one_batch, outputs
from unfazed.recipe import Recipe
from unfazed.report.events import Finishing
from unfazed.report.facts import finite, rows_to_show
from unfazed.run import Run
from unfazed.table import SPLITS, Table
from unfazed.target import outputs_of
from unfazed.verb.corrected import effect
from unfazed.verb.kinds import kind
from unfazed.verb.label_issues import labels_to_check, too_many
from unfazed.verb.plan import Plan
from unfazed.verb.prepare import Prepared

TIMED_PREDICTIONS = 50
WARM_UP = 3
SCORED = 4096  # rows scored at once


def measure(run: Run, prepared: Prepared, planned: Plan, device: torch.device, expected: float) -> Iterator[Finishing]:
    """Measure with the best weights and write scores, measurements and exhibits, saying what is being done."""
    planned.model.load_state_dict(run.weights())
    yield Finishing("scoring every example")
    probs, embeddings = scores(prepared, planned)
    arrays: dict[str, NDArray[Any]] = {"probs": probs, "embeddings": embeddings}
    del embeddings
    if prepared.table.task != "regression" and not too_many(prepared.table):
        yield Finishing("asking a simple model for a second opinion")
        its = kind(prepared.modality.name).second_opinion(prepared, planned.recipe.seed)
        arrays["out_of_sample"] = its.astype(np.float16)
    run.write_arrays("scores.npz", arrays)
    del arrays
    held_out = prepared.table.rows("validation")
    probs = scaled(probs, calibrate(run, prepared.table, held_out, probs[held_out]))
    write_thresholds(run, prepared, probs)
    told: dict[str, Any] = {}
    for fact in baselines(prepared, probs, planned.recipe):
        if isinstance(fact, Finishing):
            yield fact
        else:
            told = fact
    yield Finishing("looking for wrong labels")
    checked = labels_to_check(run, prepared.table, prepared.dropped)
    yield Finishing("measuring the latency")
    run.write_json(
        "measurements.json",
        finite(
            {
                "baselines": told,
                "latency": latency(prepared, planned, device) or None,
                "flip": run.origin.get("flip"),
                "labels": checked,
                "duplicates": prepared.duplicates._asdict(),
                "corrections": effect(
                    prepared.corrections, prepared.table, probs, planned.recipe, prepared.dropped
                ),
                "expected_seconds": round(expected, 3),
            }
        ),
    )
    yield Finishing("choosing what to show")
    rows = rows_to_show(prepared.table, probs, run.dynamics()["losses"])
    rows = list(dict.fromkeys([*rows, *(one["row"] for one in (checked or {}).get("first", []))]))
    run.write_exhibits(kind(prepared.modality.name).exhibits(prepared, planned.model, rows))


def calibrate(run: Run, table: Table, rows: NDArray[np.int64], probs: NDArray[np.float32]) -> float:
    """The temperature that the run's predictor applies: fitted to the probabilities [n, K] of validation rows [n].

    It is kept in the run. Numbers and sets of labels have none: 1.
    """
    if table.task != "classification":
        return 1.0
    found = temperature(table.y()[rows], probs, table.groups(rows))
    run.write_temperature(found)
    return found.value


def write_thresholds(run: Run, prepared: Prepared, probs: NDArray[np.float32]) -> None:
    """Choose by the validation rows from which probability on a label is predicted, and write it; `probs` [N, K]."""
    if prepared.table.task == "multilabel":
        rows = prepared.table.rows("validation")
        run.write_thresholds(best_thresholds(prepared.table.indicators()[rows], probs[rows]).tolist())


def scores(prepared: Prepared, planned: Plan) -> tuple[NDArray[np.floating], NDArray[np.float16]]:
    """Probabilities, or numbers, [N, K] and embeddings [N, D] of every row, one part after the other, to be small.

    Rows that were trained on are scored in the precision of training, all others in that of prediction.
    """
    n, device = len(prepared.table), next(planned.model.parameters()).device
    probs = np.empty((n, outputs_of(prepared.table, planned.recipe.loss)), np.float32)
    embeddings = np.empty((n, embedding_width(planned.model)), np.float16)
    trained_on = np.isin(np.arange(n), prepared.table.rows("train"))
    for taken, precision in ((trained_on, planned.recipe.precision), (~trained_on, "float32")):
        for rows in torch.split(torch.from_numpy(np.flatnonzero(taken)), SCORED):
            scored = outputs(planned.model, for_evaluation(prepared.examples, rows, device), precision)
            probs[rows.numpy()], embeddings[rows.numpy()] = scored.probs, scored.embeddings
    return prepared.in_units(probs), embeddings


def baselines(prepared: Prepared, probs: NDArray[np.float32], recipe: Recipe) -> Iterator[Finishing | dict[str, Any]]:
    """What simpler models can do, saying which is being fitted; last their facts by name.

    Each has `words`, `rows`, how many it was fitted to, and for each held-out split its metrics.
    `accuracy_difference` is the accuracy of the model, with its `probs` [N, K], less the baseline's, example by
    example, and `log_loss_difference` that of the surprise, in nats: two intervals that overlap may still belong to
    models that differ for sure. Where the `recipe` weighs classes alike, the simpler models' probabilities do, too.
    """
    held_out = {split: prepared.table.rows(split) for split in SPLITS[1:]}
    asked = np.concatenate(list(held_out.values()))
    told: dict[str, Any] = {}
    yield Finishing("training the baseline")
    alike = recipe.class_weights == "balanced"
    for one in kind(prepared.modality.name).baselines(prepared, asked, recipe.seed):
        its = dict(zip(SPLITS[1:], np.split(one.probs, [len(held_out[SPLITS[1]])]), strict=True))
        its = _weighed_alike(prepared.table, held_out["validation"], its) if alike else its
        words = f"{one.words} (classes weighed alike)" if alike else one.words
        told[one.name] = {"words": words, "rows": one.rows} | {
            split: {name: estimate._asdict() for name, estimate in metrics.items()}
            for split, metrics in _compared(prepared, held_out, probs, its).items()
        }
        yield Finishing(f"compared with {words}")
    yield told


def _compared(
    prepared: Prepared,
    held_out: Mapping[str, NDArray[np.int64]],
    probs: NDArray[np.float32],
    simpler: Mapping[str, NDArray[np.floating]],
) -> dict[str, dict[str, Estimate]]:
    """`_beside` for each split, the `simpler` model's temperature, or thresholds, chosen as the model's own."""
    if prepared.table.task == "classification":
        simpler = _calibrated(prepared.table, held_out["validation"], simpler)
    if prepared.table.task != "multilabel":
        return {split: _beside(prepared, rows, probs, simpler[split]) for split, rows in held_out.items()}
    y, rows = prepared.table.indicators(), held_out["validation"]
    own, its = (best_thresholds(y[rows], one) for one in (probs[rows], simpler["validation"]))
    found = {}
    for split, rows in held_out.items():
        predicted = chosen(simpler[split], its)
        groups = prepared.table.groups(rows)
        difference = f1_difference(y[rows], chosen(probs[rows], own), predicted, groups=groups)
        metrics = multilabel(y[rows], simpler[split], predicted, groups=groups)
        left = surprise_difference(y[rows], probs[rows], simpler[split], groups)
        found[split] = {**metrics, "f1_micro_difference": difference, "log_loss_difference": in_nats(left)}
    return found


def _weighed_alike(
    table: Table, rows: NDArray[np.int64], simpler: Mapping[str, NDArray[np.floating]]
) -> dict[str, Floats]:
    """The probabilities [n, K] of each split as if the classes were equally common; they are calibrated first."""
    y = table.y()[table.rows("train")]
    return {split: weighed_alike(probs, y) for split, probs in _calibrated(table, rows, simpler).items()}


def _calibrated(
    table: Table, rows: NDArray[np.int64], simpler: Mapping[str, NDArray[np.floating]]
) -> dict[str, NDArray[np.float32]]:
    """The probabilities [n, K] of each split at the temperature that suits those of the validation rows [n] best."""
    heat = temperature(table.y()[rows], simpler["validation"], table.groups(rows)).value
    return {split: scaled(probs, heat) for split, probs in simpler.items()}


def _beside(
    prepared: Prepared, rows: NDArray[np.int64], probs: NDArray[np.float32], simpler: NDArray[np.floating]
) -> dict[str, Estimate]:
    """Metrics of what a `simpler` model says of some rows, and the difference to the model's `probs` [N, K]."""
    groups = prepared.table.groups(rows)
    if prepared.scale is not None:
        targets, own = prepared.table.targets()[rows], probs[rows, 0]
        its = prepared.in_units(simpler)[:, 0]
        difference = r2_difference(targets, own, its, groups)
        return {**regression(targets, its, groups=groups), "r2_difference": difference}
    y = prepared.table.y()[rows]
    known = y >= 0
    right, its = (one.argmax(1)[known] == y[known] for one in (probs[rows], simpler))
    differences = {
        "accuracy_difference": paired_difference(right, its, of(groups, known)),
        "balanced_accuracy_difference": balanced_difference(y[known], right, its, of(groups, known)),
    }
    left = in_nats(surprise_difference(y, probs[rows], simpler, groups))
    return {**classification(y, simpler, groups=groups), **differences, "log_loss_difference": left}


def latency(prepared: Prepared, planned: Plan, device: torch.device) -> dict[str, Any]:
    """Milliseconds from an input to its probabilities, one at a time: median and 95th percentile."""
    took, modality = [], prepared.modality
    for item in islice(cycle(prepared.table.frame["input"][:TIMED_PREDICTIONS]), TIMED_PREDICTIONS + WARM_UP):
        started = time.perf_counter()
        with suppress(InputError):  # gone since it was read
            x = modality.encode(modality.read(modality.load(item)), prepared.preprocessor)[None]
            outputs(planned.model, [one_batch(x, modality.length(x))])
            took.append(1000 * (time.perf_counter() - started))
    if len(took) <= WARM_UP:
        return {}
    p50, p95 = np.percentile(took[WARM_UP:], [50, 95])
    n = len(took) - WARM_UP
    return {"p50_ms": round(float(p50), 3), "p95_ms": round(float(p95), 3), "n": n, "device": describe(device)}
