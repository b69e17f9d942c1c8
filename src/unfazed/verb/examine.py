"""What a diagnosis rests on and only the model and the inputs can tell, measured once, after training: `checks.json`.

A few seconds at most: nothing is looked at inside a step, what training would have done is tried on copies.
"""

import copy
import math
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unfazed.analysis.doubts import copies, variation
from unfazed.analysis.intervals import Floats, paired_mean
from unfazed.analysis.learning_curve import learning_curve
from unfazed.analysis.signs import Layer, Trial
from unfazed.analysis.surprise import BITS_PER_NAT, binary_entropy, set_surprise, surprise
from unfazed.analysis.tabular import leaks, leaks_of_numbers
from unfazed.batch import Batch
from unfazed.criterion import Criterion, criterion_of
from unfazed.errors import OutOfMemoryError, TrainingError
from unfazed.loader import Loader, for_evaluation
from unfazed.loop import training
from unfazed.memory import halving
from unfazed.modality.tabular import TabularPreprocessor, column_names, leaks_of_labels
from unfazed.outputs import outputs
from unfazed.recipe import AUTO, Recipe, range_of
from unfazed.report.facts import finite
from unfazed.run import Run
from unfazed.verb.kinds import kind
from unfazed.verb.plan import Plan, plan
from unfazed.verb.prepare import Prepared

CAUTIOUS = 0.25  # of the learning rate, for going on
HELD_OUT = 512  # validation rows that trials are judged by
STEPS = (30, 60)  # of a trial, fewest and most; between them a twentieth of the run's, so that no clock decides
EXAMINING = 10  # steps that scoring the trials and measuring the layers take as long as
LOOKED_AT = 2000  # inputs compared with one another, of each side
BATCH, PART = 128, 32  # training rows whose gradients are measured, and how many at a time at most
FULL_SCALE = {"image": 255.0, "audio": 1000.0}  # of an encoded number; of a sample less, for soft recordings
SAME = 1e-6  # spread of a unit, as a share of its largest value, below which it is constant


def examine(run: Run, prepared: Prepared, planned: Plan, loader: Loader, steps: int) -> None:
    """Write `checks.json`, with the kept weights in the model, after a training of so many steps."""
    rows = {side: prepared.table.rows(side) for side in ("train", "validation")}
    draw = np.random.default_rng(planned.recipe.seed)
    train, validation = (draw.permutation(rows[side])[:LOOKED_AT] for side in rows)
    usual = _usual(prepared, planned, loader.device)
    run.write_json(
        "checks.json",
        finite(
            {
                "usual_rate": usual.recipe.learning_rate,
                "usual_epochs": usual.recipe.epochs,
                "passes": steps / len(loader),
                "usual_width": usual.recipe.width if usual.recipe.width != AUTO else None,
                **trials(prepared, planned, loader, usual, trial_steps(steps)),
                "layers": [one._asdict() for one in layers(prepared, planned, usual.model, train[:BATCH])],
                **of_inputs(prepared, train, validation),
                "leaks": leaking(prepared, rows["train"]),
            }
        ),
    )


def trial_steps(steps: int) -> int:
    """How many steps are tried after a training of `steps`."""
    return min(STEPS[1], max(STEPS[0], steps // 20))


def _usual(prepared: Prepared, planned: Plan, device: torch.device) -> Plan:
    """The untrained network, and the recipe that would be taken had nobody set a learning rate, a width or a length."""
    undecided = replace(planned.recipe, learning_rate=AUTO, width=AUTO, epochs=AUTO, steps=0)
    usual = plan(prepared, undecided, device)
    if usual.model.arguments == planned.model.arguments:
        return usual
    return plan(prepared, planned.recipe, device)._replace(recipe=usual.recipe)


def trials(prepared: Prepared, planned: Plan, loader: Loader, usual: Plan, steps: int) -> dict[str, Any]:
    """The validation loss of the kept weights, and after some more steps at the run's rate, and at the usual one.

    Going on is tried at a quarter of the run's highest rate: a schedule of a few steps at all of it does harm first.
    """
    draw = np.random.default_rng(planned.recipe.seed)  # in a table's order the first rows may be of one class
    rows = draw.permutation(prepared.table.rows("validation"))[:HELD_OUT]
    kept, groups = losses(prepared, planned.model, rows), prepared.table.groups(rows)
    told: dict[str, Any] = {"loss": float(kept.mean()), "guess_loss": guess_loss(prepared, rows), "trials": []}
    if loader.processes.count > 1:
        return told
    own, its = planned.recipe.learning_rate, usual.recipe.learning_rate
    wanted = [(planned.model, True, max(own * CAUTIOUS, range_of("learning_rate")[0]))]
    if own != its:
        wanted.append((planned.model, True, its) if own < its else (usual.model, False, its))
    for model, is_kept, rate in wanted:
        after = losses(prepared, _trained_on(model, loader, planned.recipe, rate, steps), rows)
        found = Trial(is_kept, rate, steps, float(after.mean()), paired_mean(kept - after, groups=groups))
        told["trials"].append(found._asdict() | {"gain": found.gain._asdict()})
    return told


def _trained_on(model: nn.Module, loader: Loader, recipe: Recipe, rate: float, steps: int) -> nn.Module:
    """A copy of the model after so many steps of a short schedule; where that fails, the copy as it is then."""
    twin = copy.deepcopy(model)
    recipe = replace(
        recipe, learning_rate=rate, steps=steps, epochs=-(-steps // len(loader)), schedule="one-cycle", ema=0.0,
        compile="no", start_size=1.0 if recipe.start_size != AUTO else AUTO,
    )  # fmt: skip
    try:
        for _ in training(twin, loader, criterion_of(recipe.loss, recipe.label_smoothing), recipe):
            pass
    except (TrainingError, OutOfMemoryError):
        pass
    return twin


def losses(prepared: Prepared, model: nn.Module, rows: NDArray[np.int64]) -> Floats:
    """Cross-entropy [n] in nats, of sets that of all labels, or the squared error of a standardised number.

    What is no number counts as 1,000.
    """
    batches = for_evaluation(prepared.examples, torch.from_numpy(rows), next(model.parameters()).device)
    probs = outputs(model, batches).probs
    y = prepared.examples.y.numpy()[rows]
    if prepared.scale is not None:
        found = (probs[:, 0].astype(np.float64) - y) ** 2
    else:
        found = (set_surprise if y.ndim == 2 else surprise)(y, probs) / BITS_PER_NAT
    return np.asarray(np.nan_to_num(found, nan=1e3, posinf=1e3))


def guess_loss(prepared: Prepared, rows: NDArray[np.int64]) -> float:
    """The loss of who knows only the shares of the classes, or of each label, or the mean."""
    y = prepared.examples.y.numpy()[rows].astype(np.float64)
    if y.ndim == 2:
        return float(binary_entropy(y.mean(0)).sum()) / BITS_PER_NAT
    if prepared.scale is not None:
        return float(((y - y.mean()) ** 2).mean())
    share = np.unique(y, return_counts=True)[1] / len(y)
    return float(-(share * np.log(share)).sum())


def of_inputs(prepared: Prepared, train: NDArray[np.int64], validation: NDArray[np.int64]) -> dict[str, Any]:
    """How far inputs differ, how many held-out ones have a near copy in training, what more of them would buy."""
    features = kind(prepared.modality.name).features
    known, asked = features(prepared, train), features(prepared, validation)
    span = FULL_SCALE.get(prepared.modality.name)
    x = prepared.x(train[:HELD_OUT])
    curve = None
    if prepared.table.task == "classification":
        y = prepared.table.y()
        groups = prepared.table.groups(validation)
        curve = learning_curve(known, y[train], asked, y[validation], len(prepared.table.classes), groups)
    return {
        "variation": variation(x, span) if span else None,
        "copies": copies(known, asked)._asdict() if len(train) >= HELD_OUT // 8 else None,
        "curve": curve._asdict() | {"gain": curve.gain._asdict()} if curve else None,
    }


def leaking(prepared: Prepared, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
    """Columns of a table that tell the target alone, and how well: share of rows told rightly, of numbers R²."""
    if not isinstance(prepared.preprocessor, TabularPreprocessor):
        return []
    owners, codes = column_names(prepared.preprocessor), prepared.preprocessor.codes
    x = prepared.x(rows)
    if prepared.scale is not None:
        found = leaks_of_numbers(x, prepared.table.targets()[rows], codes)
    else:
        table = prepared.table
        if table.task == "multilabel":
            every = leaks_of_labels(x, table.indicators()[rows], codes)
        else:
            every = leaks(x, table.y()[rows], codes)
        found = [(leak.feature, leak.accuracy.value) for leak in every]
    return [{"column": owners[feature], "right": right} for feature, right in found]


def layers(prepared: Prepared, planned: Plan, untrained: nn.Module, rows: NDArray[np.int64]) -> list[Layer]:
    """Each layer that has weights, in order, on some training rows: trained, and as it was at the start."""
    batch = prepared.examples.batch(torch.from_numpy(rows))
    criterion = criterion_of(planned.recipe.loss, planned.recipe.label_smoothing)
    now, before = (_measured(copy.deepcopy(model), criterion, batch) for model in (planned.model, untrained))
    return [Layer(name, *now[name], *before[name]) for name in now if name in before]


def _measured(model: nn.Module, criterion: Criterion, batch: Batch) -> dict[str, tuple[float, float]]:
    """By layer: root mean square of the gradient of its weights, share of constant units among those it reads."""
    model.eval().requires_grad_(True)
    return halving(partial(_measured_in_parts, model, criterion, batch), len(batch.y), PART)[0]


def _measured_in_parts(
    model: nn.Module, criterion: Criterion, batch: Batch, size: int
) -> dict[str, tuple[float, float]]:
    units = {
        name: Units(module)
        for name, module in model.named_modules()
        if any(weight.ndim > 1 for weight in module.parameters(recurse=False))
    }
    device = next(model.parameters()).device
    model.zero_grad()
    try:
        for part in batch.split(size):
            (criterion(model, part.to(device)).loss.sum() / len(batch.y)).backward()  # type: ignore[no-untyped-call]
    finally:
        for one in units.values():
            one.hook.remove()
    return {name: (_size(one.module), one.constant) for name, one in units.items() if one.seen}


def _size(module: nn.Module) -> float:
    found = [weight.grad for weight in module.parameters(recurse=False) if weight.ndim > 1 and weight.grad is not None]
    return math.sqrt(sum(float(g.square().mean()) for g in found) / len(found)) if found else 0.0


class Units:
    """What a layer reads of examples that come in parts."""

    def __init__(self, module: nn.Module):
        self.module, self.seen = module, False
        self.ends: tuple[Tensor, Tensor] | None = None  # smallest and largest value of each unit
        self.hook = module.register_forward_pre_hook(self._read)

    @property
    def constant(self) -> float:
        """The share of units that are the same for every example and place; none of numbers that name something."""
        if self.ends is None:
            return 0.0
        low, high = self.ends
        largest = torch.maximum(low.abs(), high.abs()).clamp_min(1e-30)
        return float((high - low <= SAME * largest).float().mean())

    def _read(self, module: nn.Module, inputs: tuple[Any, ...]) -> None:
        x: Tensor = inputs[0]
        if not x.numel():  # a table without categories
            return
        self.seen = True
        if not x.is_floating_point():
            return
        is_map = isinstance(module, nn.Conv1d | nn.Conv2d)
        units = x.detach().movedim(1, -1).flatten(0, -2) if is_map else x.detach().flatten(1)
        ends = units.amin(0), units.amax(0)
        if self.ends is not None:
            ends = torch.minimum(ends[0], self.ends[0]), torch.maximum(ends[1], self.ends[1])
        self.ends = ends
