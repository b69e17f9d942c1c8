"""From a recipe with `"auto"` in it to one with numbers: rules over the data and the machine, never a stopwatch.

The expected time is measured, and nothing depends on it.
"""

import copy
import math
import time
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple, cast

import torch

from unfazed.analysis.symmetry import Agreement, chosen_flip, mirror_agreement
from unfazed.batch import Batch
from unfazed.criterion import cross_entropy
from unfazed.device import best_precision, memory
from unfazed.loader import Loader
from unfazed.loop import Step, training
from unfazed.model.convnet import ConvNet, Pooling, default_width
from unfazed.outputs import outputs
from unfazed.recipe import AUTO, Recipe, weight_decay_of
from unfazed.report.facts import finite
from unfazed.verb.prepare import Prepared
from unfazed.verb.time_limit import Pace

SAMPLED_ROWS = 2000  # training images that the stem takes its filters from and that flips are measured on
TIMED_STEPS = 5
TIMED_ROWS = 64
MEASURING = 3.0  # seconds for the linear baseline, the latency, the pictures and the report


class Plan(NamedTuple):
    """What will be trained."""

    recipe: Recipe  # without any "auto"
    model: ConvNet
    flips: dict[str, Any] | None  # what the choice of mirror images rests on; None where the recipe chose


def plan(prepared: Prepared, recipe: Recipe, device: torch.device) -> Plan:
    """Resolve every `"auto"` and build the model, initialised from training rows."""
    rows = torch.from_numpy(prepared.table.rows("train"))
    size = prepared.examples.x.shape[-1]
    torch.manual_seed(recipe.seed)
    sample = prepared.examples.batch(rows[torch.randperm(len(rows))[:SAMPLED_ROWS]])
    flips = mirror_agreement(sample.x.numpy(), sample.y.numpy(), recipe.seed) if recipe.flip == AUTO else None
    recipe = recipe.resolved(batch_size=default_batch_size(len(rows)))
    batches = math.ceil(len(rows) / recipe.batch_size)
    recipe = recipe.resolved(
        epochs=math.ceil(recipe.steps / batches) if recipe.steps else default_epochs(len(rows)),
        micro_batch_size=recipe.batch_size,
        flip=chosen_flip(flips) if flips else "none",
        precision=best_precision(device),
        image_size=size,
        start_size=default_start_size(size),
        shuffle=default_shuffle(len(prepared.table) * math.prod(prepared.examples.x.shape[1:])),
        width=default_width(size, len(rows)),
        weight_decay=weight_decay_of(recipe),
    )
    recipe = recipe.resolved(patience=default_patience(recipe.epochs))
    model = ConvNet(len(prepared.table.classes), size, recipe.width, recipe.dropout, cast(Pooling, recipe.pooling))
    model.initialise(sample.x)
    return Plan(recipe, model.to(device), _evidence(flips, recipe.flip) if flips else None)


def _evidence(flips: Agreement, chosen: str) -> dict[str, Any]:
    """How often images are recognised as they are and mirrored, for the report."""
    measured = {
        "original": flips.original,
        "horizontal": flips.horizontal.accuracy,
        "vertical": flips.vertical.accuracy,
    }
    told: dict[str, Any] = finite({name: estimate._asdict() for name, estimate in measured.items()})
    return {"chosen": chosen, "n": flips.original.n, **told}


def default_shuffle(size: int) -> str:
    """For `size` bytes of encoded examples: any order, unless they are not to stay in memory."""
    return "blocks" if size > memory() // 2 else "full"


def default_epochs(rows: int) -> int:
    """Passes over `rows` training rows: a quarter of the data gets twice the passes, half of the steps."""
    return round(min(60, max(8, 14 * math.sqrt(9000 / rows))))


def default_patience(epochs: int) -> int:
    """Epochs without anything better that are borne with; a long schedule is long before its best."""
    return max(10, epochs // 4)


def default_start_size(image_size: int) -> float:
    """Share of the side that images begin with: all of it where there is little to leave out."""
    return 0.6 if image_size >= 32 else 1.0


def default_batch_size(rows: int) -> int:
    """Examples per step for `rows` training rows."""
    return 128 if rows >= 5000 else 64 if rows >= 500 else 16


def pace(plan: Plan, prepared: Prepared, loader: Loader) -> Pace:
    """How fast this machine trains and scores, from a few steps on a copy of the model."""
    model, device = copy.deepcopy(plan.model), loader.device
    took, before = [], time.perf_counter()
    events = training(model, loader, cross_entropy(), replace(plan.recipe, compile="no", start_size=1.0))
    for _ in islice((event for event in events if isinstance(event, Step)), TIMED_STEPS):
        _wait(device)
        now = time.perf_counter()
        took.append(now - before)
        before = now
    validation = torch.from_numpy(prepared.table.rows("validation"))
    batch = prepared.examples.batch(validation[:TIMED_ROWS])
    row = {precision: _row(model, batch, precision) for precision in (plan.recipe.precision, "float32")}
    train = len(prepared.table.rows("train"))
    everything = row[plan.recipe.precision] * train + row["float32"] * (len(prepared.table) - train)
    return Pace(min(took), row[plan.recipe.precision] * len(validation), everything + MEASURING)


def _row(model: ConvNet, batch: Batch, precision: str) -> float:
    """Seconds to score one example of the batch."""
    before = time.perf_counter()
    outputs(model, [batch], precision)
    return (time.perf_counter() - before) / len(batch.y)


def _wait(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
