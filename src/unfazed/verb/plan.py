"""From a recipe with `"auto"` in it to one with numbers: rules over the data and the machine, never a stopwatch.

The expected time is measured, and nothing depends on it.
"""

import copy
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import NamedTuple

import torch

from unfazed.analysis.symmetry import Agreement, chosen_flip, mirror_agreement
from unfazed.batch import Batch
from unfazed.criterion import cross_entropy
from unfazed.device import best_precision
from unfazed.loader import Loader
from unfazed.loop import training
from unfazed.model.convnet import ConvNet, default_width
from unfazed.recipe import AUTO, Recipe
from unfazed.verb.prepare import Prepared

INITIALISING_ROWS = 2000  # training images from which the stem takes its filters
TIMED_STEPS = 3


class Plan(NamedTuple):
    """What will be trained."""

    recipe: Recipe  # without any "auto"
    model: ConvNet
    flips: Agreement | None  # what the choice of mirror images rests on; None where the recipe chose


def plan(prepared: Prepared, recipe: Recipe, device: torch.device) -> Plan:
    """Resolve every `"auto"` and build the model, initialised from training rows."""
    rows = torch.from_numpy(prepared.table.rows("train"))
    size = prepared.examples.x.shape[-1]
    flips = mirror_agreement(prepared.examples.x[rows].numpy(), prepared.examples.y[rows].numpy(), recipe.seed) \
        if recipe.flip == AUTO else None
    batch_size = default_batch_size(len(rows))
    recipe = recipe.resolved(
        epochs=default_epochs(len(rows)),
        batch_size=batch_size,
        flip=chosen_flip(flips) if flips else "none",
        precision=best_precision(device),
        image_size=size,
        width=default_width(size, len(rows)),
    )
    recipe = replace(recipe, image_size=size).resolved(micro_batch_size=recipe.batch_size)
    torch.manual_seed(recipe.seed)
    model = ConvNet(len(prepared.table.classes), size, recipe.width, recipe.dropout, recipe.pooling)
    chosen = torch.randperm(len(rows))[:INITIALISING_ROWS]
    model.initialise(prepared.examples.x[rows[chosen]])
    return Plan(recipe, model.to(device), flips)


def default_epochs(rows: int) -> int:
    """Passes over `rows` training rows."""
    return 12 if rows >= 5000 else 20


def default_batch_size(rows: int) -> int:
    """Examples per step for `rows` training rows."""
    return 128 if rows >= 5000 else 64 if rows >= 500 else 16


class _Prefix:
    """The first batches of a loader, served as if they were all."""

    def __init__(self, loader: Loader, batches: int):
        self.loader, self.batches, self.rows = loader, min(batches, len(loader)), loader.rows

    def __len__(self) -> int:
        return self.batches

    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]:
        """The first batches of epoch `number`."""
        for _, batch in zip(range(self.batches - skip), self.loader.epoch(number, skip), strict=False):
            yield batch


def expected_seconds(plan: Plan, loader: Loader) -> float:
    """Seconds that training will take, from a few steps on a copy of the model."""
    prefix = _Prefix(loader, TIMED_STEPS)
    recipe = replace(plan.recipe, epochs=1)
    seconds, before = [], time.perf_counter()
    for event in training(copy.deepcopy(plan.model), prefix, cross_entropy(recipe.label_smoothing), recipe):
        if loader.device.type == "cuda":
            torch.cuda.synchronize(loader.device)
        now = time.perf_counter()
        seconds.append(now - before)
        before = now
        del event
    return min(seconds[:-1]) * len(loader) * plan.recipe.epochs
