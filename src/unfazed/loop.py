"""The training loop: a generator of facts.

`training` trains a model and yields what happened, in order. The caller's `for` body decides what to
do about it: draw progress, save, stop, prune. Nothing calls back, so there is no order of callbacks
to get wrong and nothing to restore but one `state`.

Three rules keep that true. No context manager is held across a `yield`. After each `yield` the model
is put back in training mode. Randomness is a function of (seed, step), so whatever the caller draws
changes nothing and a run goes on from the middle of an epoch by skipping batches.

Axis letters: N rows of the table, B examples of a batch, K classes.
"""

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from unfazed.batch import Batch
from unfazed.criterion import Criterion, surprise
from unfazed.errors import TrainingError
from unfazed.loader import mixed_seed
from unfazed.recipe import Recipe, weight_decay_of
from unfazed.schedule import Course, learning_rate

State = dict[str, Any]


class Batches(Protocol):
    """Where batches come from: `Loader`, or anything that serves them so."""

    rows: int  # N, the whole table, not only the rows served

    def __len__(self) -> int: ...  # batches in an epoch
    def epoch(self, number: int, skip: int = 0) -> Iterator[Batch]: ...  # a function of its arguments alone


class Step(NamedTuple):
    """One optimizer step was made."""

    number: int  # steps so far, from 1
    total: int  # steps planned
    learning_rate: float
    loss: Tensor  # [] nats, on the device: reading it waits for the GPU
    examples: int
    state: Callable[[], State]  # what is needed to go on from here; live, so save it before the next event


class Epoch(NamedTuple):
    """One pass was made. The arrays come from the training pass itself: each example before its update."""

    number: int  # from 1
    losses: Tensor  # [N] cross-entropy of the original label, nats; nan where a row was not served
    margins: Tensor  # [N] logit of the label minus the largest other; nan likewise
    probs: Tensor  # [N, K]; nan likewise
    model: nn.Module  # the weights to evaluate and keep: averaged where the recipe says so
    state: Callable[[], State]


@dataclass
class Dynamics:
    """The record of one pass, filled batch by batch on the device."""

    losses: Tensor
    margins: Tensor
    probs: Tensor

    @classmethod
    def empty(cls, rows: int, classes: int, device: torch.device) -> "Dynamics":
        """All nan, for `rows` N and `classes` K."""
        shapes = ((rows,), (rows,), (rows, classes))
        return cls(*(torch.full(shape, torch.nan, device=device) for shape in shapes))

    def record(self, batch: Batch, output: Tensor) -> None:
        """Write what `output` [B, K] says of the batch's original labels."""
        surprised = surprise(output, batch.y)
        self.losses[batch.index] = surprised.loss
        self.margins[batch.index] = surprised.margin
        self.probs[batch.index] = surprised.probs


class Average:
    """An exponential moving average of a model's weights and buffers, over a horizon in steps.

    A horizon that is a share of the run serves short and long runs alike (Ajroldi et al. 2025,
    arXiv:2502.06761). It starts short, so that the random first weights are soon forgotten.
    """

    def __init__(self, model: nn.Module, horizon: float):
        self.model = copy.deepcopy(model).eval().requires_grad_(False)
        self.decay = 1 - 1 / max(1.0, horizon)
        means, values = self.model.state_dict().values(), model.state_dict().values()
        pairs = list(zip(means, values, strict=True))
        self.floats = [pair for pair in pairs if pair[0].is_floating_point()]
        self.integers = [pair for pair in pairs if not pair[0].is_floating_point()]

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Move the average towards the model as it is after `step` steps."""
        decay = min(self.decay, (1 + step) / (10 + step))
        means, values = zip(*self.floats, strict=True)
        torch._foreach_lerp_(means, values, 1 - decay)
        for mean, value in self.integers:
            mean.copy_(value)


def training(
    model: nn.Module,
    loader: Batches,
    criterion: Criterion,
    recipe: Recipe,
    *,
    state: State | None = None,
) -> Iterator[Step | Epoch]:
    """Train `model` in place, yielding a `Step` per update and an `Epoch` per pass.

    A generator: nothing happens until it is iterated, and leaving the loop stops the training. With the
    `state` of an earlier event it goes on from there, bit for bit on a CPU. After an event one may also
    call `annealed` on its state and train on from that: the rest of the run is then the annealing.

    Raises:
        TrainingError: the loss is no longer a number (checked once an epoch, to not wait for the device).
    """
    engine = _Engine(model, loader, criterion, recipe)
    if state is not None:
        engine.restore(state)
        if engine.dynamics is not None and engine.step % len(loader) == 0:  # left between a last step and its epoch
            yield engine.finish(engine.step // len(loader))
    while engine.step < engine.course.end:
        number = engine.step // len(loader)
        for batch in loader.epoch(number, skip=engine.step % len(loader)):
            yield engine.update(batch)
        yield engine.finish(number + 1)


def annealed(state: State) -> State:
    """The state with its schedule left here: the learning rate goes straight to zero and the run ends."""
    course = Course(*state["course"])
    return state if course.stalled_at is not None else {**state, "course": (*course[:2], state["step"])}


class _Engine:
    """What one update needs: model, optimizer, averaged weights and the counters."""

    def __init__(self, model: nn.Module, loader: Batches, criterion: Criterion, recipe: Recipe):
        self.model, self.criterion, self.recipe = model, criterion, recipe
        self.weights = [p for p in model.parameters() if p.requires_grad]
        self.device = self.weights[0].device
        self.optimizer = optimizer_of(model, recipe)
        self.course = Course(recipe.epochs, len(loader))
        self.average = Average(model, recipe.ema * self.course.total) if recipe.ema else None
        self.step = 0
        self.rows = loader.rows
        self.losses = torch.zeros((), device=self.device)  # sum over steps: not finite once any was not
        self.dynamics: Dynamics | None = None

    def update(self, batch: Batch) -> Step:
        """Make one optimizer step on `batch`."""
        torch.manual_seed(mixed_seed(self.recipe.seed, self.step))
        self.model.train()
        rate = learning_rate(self.recipe, self.course, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        loss = self._accumulate(batch)
        if self.recipe.l1:
            _add_l1(self.optimizer, self.recipe.l1)
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(self.weights, self.recipe.clip)
        self.optimizer.step()
        self.step += 1
        if self.average:
            self.average.update(self.step)
        self.losses += loss
        return Step(self.step, self.course.end, rate, loss, len(batch.y), self.state)

    def _accumulate(self, batch: Batch) -> Tensor:
        """Add the gradients of the batch, micro-batch by micro-batch; its weighted mean loss []."""
        total = batch.weight.sum().clamp_min(1e-12)
        mean = torch.zeros((), device=self.device)
        for part in batch.split(self.recipe.micro_batch_size):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16"):
                loss, output = self.criterion(self.model, part)
            share = (loss * part.weight).sum() / total
            share.backward()  # type: ignore[no-untyped-call]
            mean += share.detach()
            if self.dynamics is None:
                self.dynamics = Dynamics.empty(self.rows, output.shape[1], self.device)
            self.dynamics.record(part, output)
        return mean

    def finish(self, number: int) -> Epoch:
        """Close the pass `number`."""
        dynamics, self.dynamics = self.dynamics, None
        assert dynamics is not None
        if not self.losses.isfinite() or not all(bool(weight.isfinite().all()) for weight in self.weights):
            raise TrainingError(
                f"the loss is not a number in epoch {number}: the learning rate {self.recipe.learning_rate:g} is too "
                f"high for this model and data. Try a tenth: learning_rate = {self.recipe.learning_rate / 10:g}"
            )
        kept = self.average.model if self.average else self.model
        return Epoch(number, dynamics.losses, dynamics.margins, dynamics.probs, kept, self.state)

    def state(self) -> State:
        """Everything needed to go on from here."""
        return {
            "step": self.step,
            "course": tuple(self.course),
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "average": self.average.model.state_dict() if self.average else None,
            "dynamics": vars(self.dynamics) if self.dynamics is not None else None,
        }

    def restore(self, state: State) -> None:
        """Take up `state`; the tensors in it are copied."""
        self.step, self.course = state["step"], Course(*state["course"])
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(copy.deepcopy(state["optimizer"]))
        if self.average:
            self.average.model.load_state_dict(state["average"])
        if state["dynamics"] is not None:
            self.dynamics = Dynamics(**{name: array.clone() for name, array in state["dynamics"].items()})


def optimizer_of(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over the trainable parameters, weight decay on matrices and kernels only."""
    trainable = [p for p in model.parameters() if p.requires_grad]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": weight_decay_of(recipe)},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "sgd":
        return torch.optim.SGD(groups, recipe.learning_rate, recipe.momentum, nesterov=recipe.momentum > 0, fused=True)
    return torch.optim.AdamW(groups, recipe.learning_rate, (recipe.momentum, 0.99), fused=True)


def _add_l1(optimizer: torch.optim.Optimizer, l1: float) -> None:
    for group in optimizer.param_groups:
        if group["params"][0].ndim > 1:
            for weight in group["params"]:
                weight.grad.add_(weight.sign(), alpha=l1)
