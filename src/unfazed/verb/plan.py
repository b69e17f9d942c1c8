"""What will be trained: every field that the recipe left open, the model, and how long it is going to take."""

import copy
import math
import time
from dataclasses import replace
from itertools import islice
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import nn

from unfazed.analysis.ridge import ROWS
from unfazed.batch import Batch
from unfazed.criterion import criterion_of
from unfazed.device import best_precision, evaluation_batch, memory, wait_for
from unfazed.errors import RecipeError, UsageError
from unfazed.loader import Loader, seeded
from unfazed.loop import Step, training
from unfazed.model.build import for_task
from unfazed.model.gaussian import with_deviation
from unfazed.outputs import outputs
from unfazed.recipe import AUTO, Recipe, check_kind
from unfazed.report.words import seconds as in_time
from unfazed.schedule import Course
from unfazed.table import enumerated
from unfazed.verb.kinds import kind
from unfazed.verb.prepare import Prepared
from unfazed.verb.time_limit import Pace, TimeLimit

LOSSES_OF = {"classification": ("cross-entropy",), "multilabel": ("binary-cross-entropy",),
             "regression": ("squared", "absolute", "huber", "gaussian")}  # fmt: skip
NO_CLASS = {"regression": "numbers have no classes", "multilabel": "an example of several labels has no one class"}
TIMED_STEPS = 5
TIMED_ROWS = 64
MEASURING = 3.0  # seconds for the baselines, the latency, the exhibits and the report
GROWING = 1.4  # times the scoring of every example: the baselines and the audit of labels grow with the rows too
OPINION = 1e-3  # seconds for what a simple model says of an example
OF_A_CLASS = 3e-5  # more, of a text for each class: one after the other is fitted, to some of the texts


class Plan(NamedTuple):
    """What will be trained."""

    recipe: Recipe  # without any "auto"
    model: nn.Module
    words: str  # the model in words
    details: str
    evidence: dict[str, Any] | None  # what a choice rests on: of mirror images, where the recipe left them open


def plan(prepared: Prepared, recipe: Recipe, device: torch.device) -> Plan:
    """Resolve every `"auto"` and build the model, initialised from training rows.

    Raises:
        RecipeError: a setting means nothing for this kind of data.
    """
    name = prepared.modality.name
    check_kind(recipe, name)
    recipe = with_loss(replace(recipe, modality=name, task=prepared.table.task))
    with seeded(recipe.seed, device):
        design = kind(name).design(prepared, recipe, device)
    recipe = design.recipe.resolved(
        micro_batch_size=design.recipe.batch_size,
        precision=best_precision(device),
        shuffle=default_shuffle(_bytes(prepared)),
        patience=default_patience(design.recipe.epochs),
    )
    model = with_deviation(design.model) if recipe.loss == "gaussian" else design.model
    return Plan(recipe, for_task(model, recipe.task).to(device), design.words, design.details, design.evidence)


def with_loss(recipe: Recipe) -> Recipe:
    """The recipe with the loss of its task.

    Raises:
        RecipeError: another task's was asked for.
    """
    fitting, without = LOSSES_OF[recipe.task], NO_CLASS.get(recipe.task)
    if recipe.loss not in (AUTO, *fitting):
        raise RecipeError(f"loss = {recipe.loss!r} is not for {recipe.task}: it wants {enumerated(fitting, 'or')}")
    if recipe.class_weights == "balanced" and without:
        raise RecipeError(f'class_weights = "balanced" is for classification: {without}')
    if recipe.task == "regression" and recipe.label_smoothing not in (AUTO, 0):
        raise RecipeError(
            f"label_smoothing = {recipe.label_smoothing:g} is for classification: numbers have no classes. Leave it out"
        )
    if without:  # smoothed targets of sets would claim that rare labels are common
        recipe = recipe.resolved(label_smoothing=0.0)
    return recipe.resolved(loss=fitting[0])


def _bytes(prepared: Prepared) -> int:
    """Of all encoded examples."""
    number = np.dtype(prepared.preprocessor.dtype).itemsize
    return len(prepared.table) * math.prod(prepared.examples.x.shape[1:]) * number


def default_shuffle(size: int) -> str:
    """For `size` bytes of encoded examples: any order, unless they are not to stay in memory."""
    return "blocks" if size > memory() // 2 else "full"


def default_patience(epochs: int) -> int:
    """Epochs without anything better that are borne with; a long schedule is long before its best."""
    return max(10, epochs // 4)


def pace(plan: Plan, prepared: Prepared, loader: Loader) -> Pace:
    """How fast this machine trains and scores, from a few steps on a copy of the model."""
    model, device = copy.deepcopy(plan.model), loader.device
    took, before = [], time.perf_counter()
    events = training(model, loader, criterion_of(plan.recipe.loss), replace(plan.recipe, compile="no", start_size=1.0))
    for _ in islice((event for event in events if isinstance(event, Step)), TIMED_STEPS):
        wait_for(device)
        now = time.perf_counter()
        took.append(now - before)
        before = now
    validation = torch.from_numpy(prepared.table.rows("validation"))
    rows = evaluation_batch(device, prepared.examples.x.shape[1:]) if device.type == "cuda" else TIMED_ROWS
    batch = prepared.examples.batch(validation[:rows])
    row = {precision: _row(model, batch, precision) for precision in (plan.recipe.precision, "float32")}
    train = len(prepared.table.rows("train"))
    everything = row[plan.recipe.precision] * train + row["float32"] * (len(prepared.table) - train)
    table = prepared.table
    simple = simple_models(prepared.modality.name, len(table), len(table.classes))
    finish = GROWING * everything + simple + MEASURING
    return Pace(min(took), row[plan.recipe.precision] * len(validation), finish)


def require_time(limit: TimeLimit) -> None:
    """Raise UsageError where the limit has passed already, once the data is read."""
    taken = time.perf_counter() - limit.started
    if taken >= limit.seconds:
        raise UsageError(
            f"the time limit of {in_time(limit.seconds)} leaves no time to train: reading the data took "
            f"{in_time(taken)}. Allow more"
        )


def shaped(planned: Plan, limit: TimeLimit, speed: Pace, batches: int, asked: Recipe) -> Plan:
    """The plan with as many steps as fit into the time; no more than were `asked` for.

    Raises:
        UsageError: nothing fits.
    """
    limit.begin(speed, 0)
    course = asked_for = Course.of(planned.recipe, batches)
    for _ in range(2):  # what steps cost depends on how many there are
        steps = limit.end(0, batches, course.cost(planned.recipe, 0))
        course = course._replace(end=max(1, steps))
    if steps < 1:
        least = time.perf_counter() - limit.started + speed.of(batches, 1)
        raise UsageError(
            f"the time limit of {in_time(limit.seconds)} leaves no time to train: reading the data and reporting take "
            f"that long. One epoch needs about {in_time(least)} in all"
        )
    if asked.epochs != AUTO or asked.steps:
        limit.most = asked_for.end
        steps = min(steps, limit.most)
    epochs = -(-steps // batches)
    patience = default_patience(epochs) if asked.patience == AUTO else asked.patience
    limit.sets_patience = asked.patience == AUTO
    return planned._replace(recipe=replace(planned.recipe, steps=steps, epochs=epochs, patience=patience))


def simple_models(modality: str, rows: int, classes: int) -> float:
    """Seconds for what simple models say of the rows of a table."""
    return OPINION * rows + (OF_A_CLASS * classes * min(rows, ROWS) if modality == "text" else 0.0)


def _row(model: nn.Module, batch: Batch, precision: str) -> float:
    """Seconds to score one example of the batch."""
    if next(model.parameters()).is_cuda:
        outputs(model, [batch], precision)  # what a GPU computes first it has to load and to choose kernels for
    before = time.perf_counter()
    outputs(model, [batch], precision)
    return (time.perf_counter() - before) / len(batch.y)

