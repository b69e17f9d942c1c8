"""The training loop: a generator of facts.

`training` trains a model and yields what happened, in order. The caller's `for` body decides what to
do about it: draw progress, save, stop, prune. Nothing calls back, so there is no order of callbacks
to get wrong and nothing to restore but one `state`.

Three rules keep that true. No context manager is held across a `yield`. After each `yield` the model
is put back in training mode. Randomness is a function of (seed, step), so whatever the caller draws
changes nothing, nor is changed, and a run goes on from the middle of an epoch by skipping batches.

Axis letters: N rows of the table, B examples of a batch, K classes.
"""

import copy
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple, Protocol, cast

import torch
from torch import Tensor, nn

from unfazed.batch import Batch
from unfazed.criterion import Criterion, surprise
from unfazed.errors import TrainingError
from unfazed.loader import mixed_seed, seeded
from unfazed.memory import at_once, halving
from unfazed.processes import ALONE, Processes
from unfazed.recipe import Recipe, learning_rate_of, weight_decay_of
from unfazed.schedule import Course, learning_rate
from unfazed.sharding import check, in_parts, local, part_of, shard, undivided, whole

State = dict[str, Any]
_SMALLER = "make the model smaller (width)"
_FEWER = "train on fewer examples, or tell fewer classes apart"


class Batches(Protocol):
    """Where batches come from: `Loader`, or anything that serves them so."""

    rows: int  # N, the whole table, not only the rows served

    def __len__(self) -> int: ...  # batches in an epoch
    def epoch(self, number: int, skip: int = 0, scale: float = 1.0) -> Iterator[Batch]: ...  # nothing else counts


class Step(NamedTuple):
    """One optimizer step was made."""

    number: int  # steps so far, from 1
    total: int  # steps planned
    learning_rate: float
    loss: Tensor  # [] nats, on the device: reading it waits for the GPU
    examples: int  # of all processes, to one a process
    micro_batch_size: int  # examples in a forward pass; less than the recipe's where memory ran out
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

    def whole(self, processes: Processes) -> "Dynamics":
        """The record of all processes, each of which has served some of the rows."""
        gathered = "the record of an epoch was gathered"
        return self if processes.count == 1 else at_once(partial(self._gathered, processes), gathered, _FEWER)

    def _gathered(self, processes: Processes) -> "Dynamics":
        absent = processes.sum((~self.losses.isnan()).float()) == 0
        arrays = [processes.sum(array.nan_to_num(0.0, torch.inf, -torch.inf)) for array in vars(self).values()]
        for array in arrays:
            array[absent] = torch.nan
        return Dynamics(*arrays)


class Average:
    """An exponential moving average of a model's weights and buffers, over a horizon in steps.

    A horizon that is a share of the run serves short and long runs alike (Ajroldi et al. 2025,
    arXiv:2502.06761). It starts short, so that the random first weights are soon forgotten.
    """

    def __init__(self, model: nn.Module, twin: nn.Module, horizon: float):
        """`twin`: a copy of the model, which becomes the average."""
        self.model = twin.eval().requires_grad_(False)
        self.decay = 1 - 1 / max(1.0, horizon)
        means, values = self.model.state_dict().values(), model.state_dict().values()
        pairs = [(local(mean), local(value)) for mean, value in zip(means, values, strict=True)]
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
    processes: Processes = ALONE,
) -> Iterator[Step | Epoch]:
    """Train `model` in place, yielding a `Step` per update and an `Epoch` per pass.

    A generator: nothing happens until it is iterated, and leaving the loop stops the training. With the
    `state` of an earlier event it goes on from there, bit for bit on a CPU. After an event one may also
    call `annealed` or `fitted` on its state and train on from that: the rest of the run is then the
    annealing, or ends at another step.

    Where memory runs out, the micro-batch is halved and the same batch is run again; the batch, the
    learning rate and the schedule stay as they were. Batch norm sees smaller micro-batches from then on.

    With several `processes` each calls this with a loader that serves its share of every batch; then
    all of them must iterate alike, and `state()` is a joint call. Where they are `sharded` it is a copy of `model`
    that is trained, in parts; `model` takes up the weights to evaluate at the end of each pass. Memory that runs out
    then ends the training.

    Raises:
        UsageError: the recipe does not go with sharded weights.
        TrainingError: the loss is no longer a number (checked once an epoch, to not wait for the device).
        OutOfMemoryError: a single example does not fit, or the loader has no room for a batch, or weights are
            sharded and a process's part of a batch does not fit.
        ProcessLostError: another process has ended.
    """
    engine = at_once(partial(_Engine, model, loader, criterion, recipe, processes), "training was set up", _SMALLER)
    if state is not None:
        at_once(partial(engine.restore, state), "training was taken up where it had been left", _SMALLER)
        state = None  # copied: else another model, optimizer and average stayed in memory to the end
        if engine.dynamics is not None and engine.pass_ended:  # left between a last step and its epoch
            yield engine.finish()
    while engine.step < engine.course.end:
        number, skip = divmod(engine.step, len(loader))
        for batch in loader.epoch(number, skip, engine.course.scale(recipe, engine.step)):
            yield engine.update(batch)
            if engine.pass_ended:
                break
        yield engine.finish()


def annealed(state: State, recipe: Recipe) -> State:
    """The state with its schedule left here: the learning rate goes straight to zero and the run ends."""
    return {**state, "course": tuple(Course(*state["course"]).annealed(recipe, state["step"]))}


def fitted(state: State, recipe: Recipe, end: int) -> State:
    """The state with the rest of its schedule stretched or shortened, so that the run ends after `end` steps."""
    return {**state, "course": tuple(Course(*state["course"]).fitted(recipe, state["step"], end))}


class _Engine:
    """What one update needs: model, optimizer, averaged weights and the counters."""

    def __init__(self, model: nn.Module, loader: Batches, criterion: Criterion, recipe: Recipe, processes: Processes):
        check(recipe, processes)
        self.criterion, self.recipe, self.processes = criterion, recipe, processes
        processes.broadcast_all(model.state_dict().values())
        self.given = model  # which stays whole
        self.model = self._twin(model) if processes.sharded else model
        self.called = cast(nn.Module, torch.compile(self.model)) if recipe.compile == "yes" else self.model
        self.weights = [p for p in self.model.parameters() if p.requires_grad]
        self.device = self.weights[0].device
        self.buffers = _alike(self.model.buffers())  # batch norm's, put back where a batch has to be run again
        self.kept_buffers = [[buffer.clone() for buffer in buffers] for buffers in self.buffers]
        self.running = [buffer for buffer in self.model.buffers() if buffer.is_floating_point()]
        self.optimizer = optimizer_of(self.model, recipe)
        self.course = Course.of(recipe, len(loader))
        horizon = recipe.ema * self.course.end
        self.average = Average(self.model, self._twin(model), horizon) if recipe.ema else None
        self.micro_batch_size = recipe.micro_batch_size
        self.step = 0
        self.rows = loader.rows
        self.losses = torch.zeros((), device=self.device)  # sum over steps: not finite once any was not
        self.dynamics: Dynamics | None = None

    def _twin(self, model: nn.Module) -> nn.Module:
        """A copy of the model; this process's part of one where weights are sharded."""
        twin = copy.deepcopy(model)
        return shard(twin, self.processes) if self.processes.sharded else twin

    @property
    def pass_ended(self) -> bool:
        """Whether the last step was the last one of its pass, or of the run."""
        return self.step % self.course.steps == 0 or self.step == self.course.end

    def update(self, batch: Batch) -> Step:
        """Make one optimizer step on `batch`."""
        self.model.train()
        rate = learning_rate(self.recipe, self.course, self.step)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss = self._gradients(batch)
        at_once(self._move, "the weights were updated", _SMALLER)
        self.losses += loss
        examples = len(batch.y) * self.processes.count
        return Step(self.step, self.course.end, rate, loss, examples, self.micro_batch_size, self.state)

    def _move(self) -> None:
        """Move the weights, and their average, by the gradients."""
        if self.recipe.l1:
            _add_l1(self.optimizer, self.recipe.l1)
        if self.recipe.clip:
            nn.utils.clip_grad_norm_(self.weights, self.recipe.clip)
        self.optimizer.step()
        self.step += 1
        if self.average:
            self.average.update(self.step)
        if not self.synchronous and (self.step % self.recipe.local_steps == 0 or self.pass_ended):
            averaged = [mean for mean, _ in self.average.floats] if self.average else []
            self.processes.mean_all([*self.weights, *self.running, *averaged])

    @property
    def synchronous(self) -> bool:
        """Whether the processes share their gradients, rather than the mean of their weights from time to time."""
        return self.recipe.local_steps == 1

    def _gradients(self, batch: Batch) -> Tensor:
        """Set the gradients of the batch's weighted mean loss, over all processes; that loss []."""
        total = batch.weight.sum()
        if self.synchronous:
            self.processes.sum(total)
        _copy(self.buffers, self.kept_buffers)

        def attempt(size: int) -> Tensor:
            _copy(self.kept_buffers, self.buffers)
            self.optimizer.zero_grad()
            with seeded(mixed_seed(self.recipe.seed, self.step, self.processes.rank), self.device):
                return self._accumulate(batch, size, total.clamp_min(1e-12))

        size = self.micro_batch_size  # not the batch's own: processes whose shares differ by one halve alike
        if self.processes.sharded:
            with undivided():
                loss = attempt(len(batch.y))
        else:
            loss, self.micro_batch_size = halving(attempt, size, size, self._any)
        if self.synchronous and self.processes.count > 1:
            summed = [] if self.processes.sharded else [w.grad for w in self.weights if w.grad is not None]
            sharing = partial(self.processes.sum_all, [loss, *summed])
            at_once(sharing, "the processes shared their gradients", _SMALLER)
            self.processes.mean_all(self.running)
        return loss

    def _accumulate(self, batch: Batch, size: int, total: Tensor) -> Tensor:
        """Add the gradients of this process's batch, `size` examples at a time; its share of the loss []."""
        mean = torch.zeros((), device=self.device)
        for part in batch.split(size):
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.recipe.precision == "bfloat16"):
                loss, output = self.criterion(self.called, part)
            share = (loss * part.weight).sum() / total
            times = self.processes.count if self.processes.sharded else 1  # FSDP takes the mean over the processes
            (share * times).backward()  # type: ignore[no-untyped-call]
            mean += share.detach()
            if self.dynamics is None:
                self.dynamics = self._record(output.shape[1])
            self.dynamics.record(part, output)
        return mean

    def _record(self, classes: int) -> Dynamics:
        return at_once(
            lambda: Dynamics.empty(self.rows, classes, self.device),
            f"the record of an epoch was made: {classes:,} probabilities for each of {self.rows:,} examples", _FEWER,
        )

    def _any(self, short: bool) -> bool:
        """Whether memory ran out anywhere: then no process may go on to the gradients."""
        return self.processes.any(short) if self.synchronous else short

    def finish(self) -> Epoch:
        """Close a pass."""
        number = -(-self.step // self.course.steps)
        assert self.dynamics is not None
        dynamics, self.dynamics = self.dynamics.whole(self.processes), None
        numbers = self.losses.isfinite() and all(bool(local(weight).isfinite().all()) for weight in self.weights)
        if self.processes.any(not numbers):
            rate = learning_rate_of(self.recipe)
            raise TrainingError(
                f"the loss is not a number in epoch {number}: the learning rate {rate:g} is too high for this model "
                f"and data. Try a tenth: learning_rate = {rate / 10:g}"
            )
        kept = self.average.model if self.average else self.model
        if self.processes.sharded:
            self.given.load_state_dict(whole(kept.state_dict()))
            kept = self.given
        return Epoch(number, dynamics.losses, dynamics.margins, dynamics.probs, kept, self.state)

    def state(self) -> State:
        """Everything needed to go on from here."""
        return {
            "step": self.step,
            "course": tuple(self.course),
            "micro_batch_size": self.micro_batch_size,
            "model": whole(self.model.state_dict()),
            "optimizer": whole(self.optimizer.state_dict()),
            "average": whole(self.average.model.state_dict()) if self.average else None,
            "dynamics": vars(self.dynamics.whole(self.processes)) if self.dynamics is not None else None,
        }

    def restore(self, state: State) -> None:
        """Take up `state`; the tensors in it are copied."""
        self.step, self.course = state["step"], Course(*state["course"])
        self.micro_batch_size = state["micro_batch_size"]
        _load(self.model, state["model"])
        self.optimizer.load_state_dict(self._optimizer_state(state["optimizer"]))
        if self.average:
            _load(self.average.model, state["average"])
        if state["dynamics"] is not None:
            kept = {name: array.to(self.device, copy=True) for name, array in state["dynamics"].items()}
            if not self.processes.first:  # one process keeps what was recorded before, so that it counts once
                kept = {name: torch.full_like(array, torch.nan) for name, array in kept.items()}
            self.dynamics = Dynamics(**kept)

    def _optimizer_state(self, state: State) -> State:
        """A copy of the optimizer's state, cut and laid out in memory as the weights are: fused ones count on it."""
        ordered = [weight for group in self.optimizer.param_groups for weight in group["params"]]
        moments = {
            number: {name: _like(ordered[number], value) for name, value in values.items()}
            for number, values in state["state"].items()
        }
        return {**state, "state": moments}


def _like(weight: Tensor, value: Any) -> Any:
    if not isinstance(value, Tensor) or value.shape != weight.shape:
        return copy.deepcopy(value)
    return torch.empty_like(weight, requires_grad=False).copy_(part_of(value, weight))


def _load(model: nn.Module, state: State) -> None:
    own = model.state_dict()
    model.load_state_dict({name: part_of(value, own[name]) if name in own else value for name, value in state.items()})


def _alike(tensors: Iterable[Tensor]) -> list[list[Tensor]]:
    """The tensors by data type: on a GPU those of a list are copied at once if they are of one."""
    lists: dict[torch.dtype, list[Tensor]] = {}
    for tensor in tensors:
        lists.setdefault(tensor.dtype, []).append(tensor)
    return list(lists.values())


def _copy(values: list[list[Tensor]], into: list[list[Tensor]]) -> None:
    for given, taking in zip(values, into, strict=True):
        torch._foreach_copy_(taking, given)


def optimizer_of(model: nn.Module, recipe: Recipe) -> torch.optim.Optimizer:
    """The recipe's optimizer over the trainable parameters, weight decay on matrices and kernels only."""
    trainable = [p for p in model.parameters() if p.requires_grad and p.numel()]
    groups = [
        {"params": [p for p in trainable if p.ndim > 1], "weight_decay": weight_decay_of(recipe)},
        {"params": [p for p in trainable if p.ndim <= 1], "weight_decay": 0.0},
    ]
    groups = [group for group in groups if group["params"]]
    if recipe.optimizer == "sgd":
        fused, nesterov = not in_parts(trainable[0]), recipe.momentum > 0  # torch has no fused SGD on DTensors
        return torch.optim.SGD(groups, learning_rate_of(recipe), recipe.momentum, nesterov=nesterov, fused=fused)
    return torch.optim.AdamW(groups, learning_rate_of(recipe), (recipe.momentum, 0.99), fused=True)


@torch.no_grad()
def _add_l1(optimizer: torch.optim.Optimizer, l1: float) -> None:
    for group in optimizer.param_groups:
        if group["params"][0].ndim > 1:
            for weight in group["params"]:
                weight.grad.add_(weight.sign(), alpha=l1)
