"""What is measured once, when training is over: scores of every row, baselines, latency, the pictures to show."""

import time
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from itertools import cycle, islice
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from unfazed.analysis.baselines import linear_model, linear_rows
from unfazed.analysis.intervals import Estimate, paired_difference
from unfazed.analysis.metrics import classification
from unfazed.device import describe, evaluation_batch
from unfazed.errors import InputError
from unfazed.loader import in_order
from unfazed.modality.image import MODALITY
from unfazed.model.build import embedding_width
from unfazed.outputs import one_batch, outputs
from unfazed.report.events import Finishing
from unfazed.report.facts import finite
from unfazed.report.selection import rows_to_show
from unfazed.run import Run
from unfazed.table import SPLITS
from unfazed.verb.plan import Plan
from unfazed.verb.prepare import Prepared

TIMED_PREDICTIONS = 50
WARM_UP = 3
SCORED = 4096  # rows scored at once
THUMBNAIL = 96  # pixels


def measure(run: Run, prepared: Prepared, planned: Plan, device: torch.device, expected: float) -> Iterator[Finishing]:
    """Measure with the best weights and write scores, measurements and thumbnails, saying what is being done."""
    planned.model.load_state_dict(run.weights())
    yield Finishing("scoring every example")
    probs, embeddings = scores(prepared, planned)
    run.write_arrays("scores.npz", {"probs": probs, "embeddings": embeddings})
    del embeddings
    yield Finishing("training the linear baseline")
    linear = linear_baseline(prepared, probs, planned.recipe.seed)
    yield Finishing("measuring the latency")
    run.write_json(
        "measurements.json",
        finite(
            {
                "linear": linear,
                "latency": latency(prepared, planned, device) or None,
                "flip": run.origin.get("flip"),
                "duplicates": prepared.duplicates._asdict(),
                "expected_seconds": round(expected, 3),
            }
        ),
    )
    yield Finishing("choosing the pictures")
    y = prepared.examples.y.numpy()
    rows = rows_to_show(prepared.table, y, probs, run.dynamics()["losses"])
    paths = prepared.table.frame["input"]
    run.write_thumbnails({row: picture for row in rows if (picture := thumbnail(paths[row])) is not None})


def scores(prepared: Prepared, planned: Plan) -> tuple[NDArray[np.float32], NDArray[np.float16]]:
    """Probabilities [N, K] and embeddings [N, D] of every row, one part after the other: they are kept small.

    Rows that were trained on are scored in the precision of training, all others in that of prediction.
    """
    n, size = len(prepared.table), evaluation_batch(next(planned.model.parameters()).device)
    probs = np.empty((n, len(prepared.table.classes)), np.float32)
    embeddings = np.empty((n, embedding_width(planned.model)), np.float16)
    trained_on = np.isin(np.arange(n), prepared.table.rows("train"))
    for chosen, precision in ((trained_on, planned.recipe.precision), (~trained_on, "float32")):
        for rows in torch.split(torch.from_numpy(np.flatnonzero(chosen)), SCORED):
            scored = outputs(planned.model, in_order(prepared.examples, rows, size), precision)
            probs[rows.numpy()], embeddings[rows.numpy()] = scored.probs, scored.embeddings
    return probs, embeddings


def linear_baseline(prepared: Prepared, probs: NDArray[np.float32], seed: int) -> dict[str, Any]:
    """What one layer can do: metrics of a linear model on pixels, fitted to some of the training rows.

    `accuracy_difference` is the accuracy of the model, with its `probs` [N, K], less the linear model's, example by
    example: two intervals that overlap may still belong to models that differ for sure. `rows`: how many it was
    fitted to.
    """
    y = prepared.examples.y.numpy()
    train, *held_out = (prepared.table.rows(split) for split in SPLITS)
    rows = train[linear_rows(y[train], seed)]
    asked = np.concatenate(held_out)
    model = linear_model(_pixels(prepared, rows), y[rows], len(prepared.table.classes), seed)
    parts = np.split(asked, range(SCORED, len(asked), SCORED))
    linear = np.concatenate([model(_pixels(prepared, part)) for part in parts])
    told: dict[str, Any] = {"rows": len(rows)}
    for split, its in zip(SPLITS[1:], np.split(np.arange(len(asked)), [len(held_out[0])]), strict=True):
        beside = _beside(y[asked[its]], probs[asked[its]], linear[its], seed)
        told[split] = {name: estimate._asdict() for name, estimate in beside.items()}
    return told


def _pixels(prepared: Prepared, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
    return prepared.examples.batch(torch.from_numpy(rows)).x.cpu().numpy()


def _beside(
    y: NDArray[np.int64], probs: NDArray[np.float32], linear: NDArray[np.float64], seed: int
) -> dict[str, Estimate]:
    difference = paired_difference(probs.argmax(1) == y, linear.argmax(1) == y)
    return {**classification(y, linear, seed), "accuracy_difference": difference}


def latency(prepared: Prepared, planned: Plan, device: torch.device) -> dict[str, Any]:
    """Milliseconds from a file to its probabilities, one at a time: median and 95th percentile."""
    took = []
    for path in islice(cycle(prepared.table.frame["input"][:TIMED_PREDICTIONS]), TIMED_PREDICTIONS + WARM_UP):
        started = time.perf_counter()
        with suppress(InputError):  # gone since it was read
            array = MODALITY.encode(MODALITY.read(path), prepared.preprocessor)
            outputs(planned.model, [one_batch(array[None])])
            took.append(1000 * (time.perf_counter() - started))
    if len(took) <= WARM_UP:
        return {}
    p50, p95 = np.percentile(took[WARM_UP:], [50, 95])
    n = len(took) - WARM_UP
    return {"p50_ms": round(float(p50), 3), "p95_ms": round(float(p95), 3), "n": n, "device": describe(device)}


def thumbnail(path: str) -> bytes | None:
    """A PNG or JPEG of at most 96 pixels a side, whole: what a person judges. None where it can no longer be read."""
    try:
        picture = Image.fromarray(MODALITY.read(path))
    except InputError:
        return None
    picture.thumbnail((THUMBNAIL, THUMBNAIL))
    buffer = BytesIO()
    if max(picture.size) <= 32:
        picture.save(buffer, "PNG", optimize=True)
    else:
        picture.save(buffer, "JPEG", quality=85)
    return buffer.getvalue()
