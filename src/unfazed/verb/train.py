"""`unfazed train`: labelled data in; a model, its whole record and an honest report out.

Axis letters: N rows of the table, K classes, E epochs.
"""

import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any

import torch

from unfazed.analysis.stopping import best_epoch, stalled
from unfazed.checkpoint import load, remove
from unfazed.criterion import cross_entropy
from unfazed.device import best_device, describe
from unfazed.errors import RecipeError, RunError, did_you_mean
from unfazed.loader import Loader, block_rows
from unfazed.loop import State, Step, annealed, training
from unfazed.modality.image import MODALITY
from unfazed.recipe import Recipe, knobs, read_recipe, recipe_from
from unfazed.report.events import Finished, Finishing, Measured, Planned, Stalled
from unfazed.report.page import write_report
from unfazed.report.terminal import Event, show, silently
from unfazed.report.words import short
from unfazed.run import Run, vacant
from unfazed.schedule import ANNEALING, Course
from unfazed.source import SourceOptions
from unfazed.verb.encode import Cache, neighbours
from unfazed.verb.interrupt import held_back
from unfazed.verb.measure import measure
from unfazed.verb.plan import Plan, expected_seconds, plan
from unfazed.verb.prepare import Prepared, prepare
from unfazed.verb.record import Record
from unfazed.verb.setup import check_unchanged, source_of, write_setup

SAVE_EVERY = 30.0  # seconds of work that a killed process may lose


def train(
    source: Any,
    *,
    out: str | Path | None = None,
    target: str | None = None,
    recipe: Recipe | str | Path | None = None,
    progress: bool = True,
    cache: Cache = "disk",
    **settings: Any,
) -> Run:
    """Train on `source` and write a run folder.

    source: a folder, a table file, a polars or pandas frame, or `"sample:digits"`.
    out: the run folder; None makes a fresh one under `runs/`. target: the label column of a table.
    cache: where decoded inputs are kept: "disk" for this and later runs, "memory" for this one, "none" to decode them
    again for every batch. The result is the same.
    recipe: a `Recipe` or a TOML file; `settings` override it. They are the fields of `Recipe`
    (`epochs=20`, `learning_rate=0.003` …) and of `SourceOptions` (`label_regex`, `header`, `group`, `time`).

    Raises:
        UsageError: the settings or the source cannot be used; the message says which, where and what to do.
    """
    options, chosen = separated({**settings, "target": target}, recipe)
    return _followed(training_events(source, options, chosen, out, cache), progress)


def separated(settings: Mapping[str, Any], recipe: Recipe | str | Path | None) -> tuple[SourceOptions, Recipe]:
    """The settings as source options and a recipe, over what `recipe` says.

    Raises:
        RecipeError: a name is unknown or a value out of range.
    """
    source_names = {field.name for field in fields(SourceOptions)}
    names = source_names | {field.name for field, _ in knobs()}
    unknown = [name for name in settings if name not in names]
    if unknown:
        raise RecipeError("\n".join(f"{name}: no such setting.{did_you_mean(name, names)}" for name in unknown))
    base = asdict(recipe) if isinstance(recipe, Recipe) else read_recipe(recipe) if recipe is not None else {}
    chosen = recipe_from({**base, **{name: value for name, value in settings.items() if name not in source_names}})
    return SourceOptions(**{name: value for name, value in settings.items() if name in source_names}), chosen


def resume(run: str | Path | Run, source: Any = None, *, progress: bool = True, cache: Cache = "disk") -> Run:
    """Go on with a run that was stopped or killed; on a CPU it ends bit for bit as if nothing had happened.

    source: only for a run that was begun on a frame in memory, the same frame again. cache: as for `train`.

    Raises:
        RunError: there is no run, or it is finished.
        SourceError: the source has changed; the message says what.
    """
    return _followed(resumed_events(run, source, cache), progress)


def _followed(events: Iterator[Event], progress: bool) -> Run:
    """The finished run, its making shown or not."""
    if not progress:
        return silently(events)
    from rich.console import Console

    return show(events, Console(stderr=True))


def training_events(
    source: Any, options: SourceOptions, recipe: Recipe, out: str | Path | None = None, cache: Cache = "disk"
) -> Iterator[Event]:
    """Everything `train` does, as a generator: nothing happens until it is iterated. The last event is `Finished`."""
    clock = Clock()
    if out is not None:
        vacant(out)  # before anything is read
    prepared = yield from _prepared(source, options, recipe, cache)
    planned = plan(prepared, recipe, best_device())
    run = Run.create(out)
    write_setup(run, source, options, prepared, planned)
    clock.lap("read")
    yield from _completed(run, prepared, planned, clock)


def resumed_events(path: str | Path | Run, source: Any = None, cache: Cache = "disk") -> Iterator[Event]:
    """Everything that is left to do of a run, as a generator like `training_events`."""
    clock, run = Clock(), Run.open(path)
    kept = load(run)
    if kept is None and run.finished:
        raise RunError(f"{run.path} is finished: there is nothing to go on with")
    prepared = yield from _prepared(*source_of(run, source), run.recipe, cache)
    check_unchanged(run.table(), prepared.table)
    planned = plan(prepared, run.recipe, best_device())
    clock.lap("read")
    yield from _completed(run, prepared, planned, clock, kept)


def _prepared(source: Any, options: SourceOptions, recipe: Recipe, cache: Cache) -> Generator[Event, None, Prepared]:
    for event in prepare(source, options, recipe, MODALITY, cache):
        if isinstance(event, Prepared):
            return event
        yield event
    raise AssertionError("the preparation ended without a result")


def _completed(
    run: Run, prepared: Prepared, planned: Plan, clock: "Clock", kept: Mapping[str, Any] | None = None
) -> Iterator[Event]:
    """Train, from the beginning or from what was kept; measure, report."""
    device = best_device()
    prepared = prepared._replace(examples=prepared.examples.on(device))
    loader = _loader(prepared, planned.recipe, device)
    record = Record(run, prepared, planned.recipe.label_smoothing)
    state = record.restore(kept) if kept else None
    steps, done = len(loader) * planned.recipe.epochs, state["step"] if state else 0
    expected = expected_seconds(planned, prepared, loader) * (steps - done) / steps
    yield Planned(_in_words(prepared, planned), describe(device), planned.recipe, steps, expected)
    record.restart_clock()
    yield from _trained(planned, loader, record, state)
    clock.lap("train")
    yield from measure(run, prepared, planned, device, expected)
    clock.lap("evaluate")
    _write_timings(run, clock)
    yield Finishing("writing the report")
    write_report(run)
    remove(run)
    yield Finished(run)


class Clock:
    """Seconds of each stage."""

    def __init__(self) -> None:
        self.started = self.last = time.perf_counter()
        self.laps: dict[str, float] = {}

    def lap(self, name: str) -> None:
        """The stage that ends here is called `name`."""
        now = time.perf_counter()
        self.laps[name] = now - self.last
        self.last = now


def _loader(prepared: Prepared, recipe: Recipe, device: torch.device) -> Loader:
    examples = prepared.examples
    rows = torch.from_numpy(prepared.table.rows("train"))
    if recipe.shuffle == "blocks":
        rows = torch.from_numpy(neighbours(prepared.table, rows.numpy()))
    if recipe.class_weights == "balanced":
        examples = examples._replace(weight=examples.weight * _balance(examples.y, rows))
    return Loader(
        examples,
        rows,
        recipe.batch_size,
        seed=recipe.seed,
        device=device,
        augment=partial(MODALITY.augment, strength=recipe.augmentation, flip=recipe.flip),
        block=block_rows(examples.x.shape[1:]) if recipe.shuffle == "blocks" else None,
    )


def _balance(y: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Weights [N] under which every class weighs the same, 1 on average over the training rows."""
    counts = torch.bincount(y[rows], minlength=int(y.max()) + 1)
    share = len(rows) / (counts.clamp_min(1) * (counts > 0).sum())
    return share[y].float()


def _trained(planned: Plan, loader: Loader, record: Record, state: State | None) -> Iterator[Event]:
    """Train, record every epoch, keep the best weights; anneal or stop when validation has stalled."""
    recipe = planned.recipe
    if state is None or Course(*state["course"]).stalled_at is None:
        state = yield from _until_stalled(planned, loader, record, state)
        if state is None:
            return
        annealing = recipe.schedule in ANNEALING
        yield Stalled(best_epoch(record.validation_losses), annealing)
        if not annealing:
            return
    yield from _until_stalled(planned, loader, record, annealed(state), patience=0)


def _until_stalled(
    planned: Plan, loader: Loader, record: Record, state: State | None, patience: int | None = None
) -> Generator[Event, None, State | None]:
    """Train on from `state` to the end, or until validation stalls; then the state at which it did.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; the step was finished and everything kept.
    """
    recipe = planned.recipe
    patience = recipe.patience if patience is None else patience
    if state is not None and record.at_end_of_epoch(state["step"]) and stalled(record.validation_losses, patience):
        return state
    criterion = cross_entropy(recipe.label_smoothing)
    for event, interrupted in held_back(training(planned.model, loader, criterion, recipe, state=state)):
        if isinstance(event, Step):
            record.step(event)
            yield event
        else:
            yield Measured(record.epoch(event))
            if event.number < recipe.epochs and stalled(record.validation_losses, patience):
                return event.state()
        record.save(event.state, within=0.0 if interrupted else SAVE_EVERY)
        if interrupted:
            raise KeyboardInterrupt(f"stopped; {record.run.how_to_go_on}")
    return None


def _in_words(prepared: Prepared, planned: Plan) -> str:
    count = sum(weight.numel() for weight in planned.model.parameters())
    recipe = planned.recipe
    size = f"{recipe.image_size} × {recipe.image_size} pixels ({prepared.fitting})"
    return f"residual convnet, {short(count)} parameters, on {size}; mirror images: {recipe.flip}"


def _write_timings(run: Run, clock: Clock) -> None:
    """Complete the origin with what each stage took."""
    timings = {**clock.laps, "total": sum(clock.laps.values())}
    run.write_json("origin.json", {**run.origin, "timings": {name: round(took, 3) for name, took in timings.items()}})
