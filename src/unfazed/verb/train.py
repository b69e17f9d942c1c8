"""`unfazed train`: labelled data in; a model, its whole record and an honest report out.

Axis letters: N rows of the table, K classes, E epochs.
"""

import time
import tomllib
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, fields
from functools import partial
from pathlib import Path
from typing import Any, Unpack

import torch

from unfazed.checkpoint import held, load, put_back_best, remove
from unfazed.device import best_device, check_compiler, describe, keep_freed_memory
from unfazed.errors import DiskFullError, OutOfMemoryError, ProcessLostError, RunError, UsageError
from unfazed.files import remove_leftovers
from unfazed.loader import Loader, block_rows
from unfazed.modality.choice import chosen as chosen_modality
from unfazed.outputs import most_at_once
from unfazed.processes import ALONE, Processes, joined
from unfazed.recipe import AUTO, Recipe, check_kind, read_recipe, recipe_from, written
from unfazed.report.events import Advance, Finished, Finishing, Found, Notice, Planned
from unfazed.report.page import write_report
from unfazed.report.terminal import Event, show, silently
from unfazed.report.words import short
from unfazed.run import Run, vacant
from unfazed.samples import local
from unfazed.sharding import check
from unfazed.source import SourceOptions
from unfazed.verb.encode import Cache, neighbours
from unfazed.verb.examine import EXAMINING, examine, trial_steps
from unfazed.verb.interrupt import ignored
from unfazed.verb.launch import end_with_launcher, follows, leave_word
from unfazed.verb.measure import calibrate, measure, scores, write_thresholds
from unfazed.verb.plan import Plan, pace, plan, require_time, shaped, with_loss
from unfazed.verb.prepare import Prepared, prepare
from unfazed.verb.record import Record
from unfazed.verb.running import Running, evaluated_in_parts, followed, trained
from unfazed.verb.settings import Settings
from unfazed.verb.setup import check_unchanged, source_of, write_setup
from unfazed.verb.time_limit import Pace, TimeLimit
from unfazed.verb.time_limit import time_limit as limit_of
from unfazed.verb.trackers import tracked, tracker_names


def train(
    source: Any,
    *,
    out: str | Path | None = None,
    target: str | None = None,
    recipe: Recipe | str | Path | None = None,
    time_limit: str | float | None = None,
    tracker: str | Sequence[str] | None = None,
    progress: bool = True,
    cache: Cache = "disk",
    **settings: Unpack[Settings],
) -> Run:
    """Train on `source` and write a run folder.

    source: a folder, a table file, a polars or pandas frame, a data set of Hugging Face's library or its name,
    `"hf:NAME"`, or `"sample:digits"`.
    out: the run folder; None makes a fresh one under `runs/`. target: the label column of a table.
    cache: where decoded inputs are kept: "disk" for this and later runs, "memory" for this one, "none" to decode them
    again for every batch. The result is the same. Texts and rows of tables go to the disk only where they are too large
    for the memory.
    time_limit: seconds, or `"10m"`, `"1h30m"`: the run, report included, is shaped to take about that long.
    tracker: `"tensorboard"`, `"mlflow"`, `"wandb"` … or several of them, told about the run.
    recipe: a `Recipe` or a TOML file; `settings` override it. They are the fields of `Recipe`
    (`epochs=20`, `learning_rate=0.003` …) and of `SourceOptions` (`path`, `input`, `label_regex`, `header`, `group`,
    `time`, `corrections`, `more`).

    Raises:
        UsageError: the settings or the source cannot be used; the message says which, where and what to do.
        TrainingError: the loss is no longer a number. OutOfMemoryError, DiskFullError: there is too little of it.
    """
    limit, trackers = limit_of(time_limit), tracker_names(tracker)
    options, chosen = separated({**settings, "target": target}, recipe)
    events = training_events(source, options, chosen, out, cache, limit)
    return _followed(tracked(events, trackers), progress)


def separated(settings: Mapping[str, Any], recipe: Recipe | str | Path | None) -> tuple[SourceOptions, Recipe]:
    """The settings as source options and a recipe, over what `recipe` says.

    Raises:
        RecipeError: names are unknown or values out of range; one message names every one of them.
    """
    source_names = [field.name for field in fields(SourceOptions)]
    base = asdict(recipe) if isinstance(recipe, Recipe) else read_recipe(recipe) if recipe is not None else {}
    of_recipe = {name: value for name, value in settings.items() if name not in source_names}
    chosen = recipe_from({**base, **of_recipe}, (*source_names, "out"))
    return SourceOptions(**{name: value for name, value in settings.items() if name in source_names}), chosen


def resume(run: str | Path | Run, source: Any = None, *, progress: bool = True, cache: Cache = "disk") -> Run:
    """Go on with a run that was stopped or killed; on a CPU it ends bit for bit as if nothing had happened.

    source: only for a run that was begun on a frame in memory, the same frame again. cache: as for `train`.

    Raises:
        RunError: there is no run, or it is finished.
        SourceError: the source has changed; the message says what.
        TrainingError, OutOfMemoryError, DiskFullError: as `train`.
    """
    return _followed(resumed_events(run, source, cache), progress)


def _followed(events: Iterator[Event], progress: bool) -> Run:
    """The finished run, its making shown or not; one of several processes speaks."""
    if not progress or follows():
        return silently(events)
    from rich.console import Console

    return show(events, Console(stderr=True))


def training_events(
    source: Any,
    options: SourceOptions,
    recipe: Recipe,
    out: str | Path | None = None,
    cache: Cache = "disk",
    limit: TimeLimit | None = None,
) -> Iterator[Event]:
    """Everything `train` does, as a generator: nothing happens until it is iterated. The last event is `Finished`."""
    if limit is not None and recipe.compile == "yes":
        raise UsageError('compile = "yes" does not go with a time limit: nobody knows how long it takes. Leave one out')
    clock, processes = Clock(), _joined()
    if out is not None and processes.first:
        vacant(out)  # before anything is read
    prepared = yield from prepared_from(source, options, recipe, cache, processes)
    if not processes.first:
        yield Finished(_alongside(prepared, processes))
        return
    if limit is not None:
        require_time(limit)
    planned, prepared, loader = _ready(prepared, recipe, processes)
    speed = pace(planned, prepared, loader)
    if limit is not None:
        speed = _with_trials(speed, limit, len(loader))
        planned = shaped(planned, limit, speed, len(loader), recipe)
    run = Run.create(out)
    with held(run):
        write_setup(run, source, options, prepared, planned)
        clock.lap("read")
        record = Record(run, prepared, planned.recipe, processes)
        with _resumable(run):
            yield from _completed(Running(planned, loader, record, processes, limit), speed, clock)
    yield Finished(run)


def resumed_events(path: str | Path | Run, source: Any = None, cache: Cache = "disk") -> Iterator[Event]:
    """Everything that is left to do of a run, as a generator like `training_events`."""
    run, processes = Run.open(path), _joined()
    if processes.first:
        with held(run), _resumable(run):
            yield from _resumed(run, source, cache, processes)
        yield Finished(run)
        return
    prepared = yield from prepared_from(*source_of(run, source), run.recipe, cache, processes)
    check_unchanged(run, prepared)
    yield Finished(_alongside(prepared, processes))


def _resumed(run: Run, source: Any, cache: Cache, processes: Processes) -> Iterator[Event]:
    clock, kept = Clock(), load(run)
    if kept is None and run.finished:
        remove(run)  # what is left of one, where the run was killed while dropping it
        raise RunError(f"{run.path} is finished: there is nothing to go on with")
    remove_leftovers(run.path)
    prepared = yield from prepared_from(*source_of(run, source), run.recipe, cache, processes)
    check_unchanged(run, prepared)
    planned, prepared, loader = _ready(prepared, run.recipe, processes)
    speed = pace(planned, prepared, loader)
    clock.lap("read")
    record = Record(run, prepared, planned.recipe, processes)
    running = Running(planned, loader, record, processes, None)
    if kept is not None:
        put_back_best(run)
        running.state = record.restore(kept)
        running.believe(running.state)
        kept = None  # what the training has taken up is to be let go of
    yield from _completed(running, speed, clock)


def _joined() -> Processes:
    """The processes of this training; the first one, which speaks for all, stops where their launcher is killed."""
    processes = joined()
    if processes.first:
        end_with_launcher()
    return processes


@contextmanager
def _resumable(run: Run) -> Iterator[None]:
    """What ends the block says how to go on, where the same need not happen again."""
    leave_word(run.how_to_go_on)
    try:
        yield
    except (DiskFullError, OutOfMemoryError, ProcessLostError) as error:
        raise type(error)(f"{error}; {run.how_to_go_on}") from error
    except KeyboardInterrupt as interrupt:
        raise KeyboardInterrupt(f"stopped; {run.how_to_go_on}") from interrupt


def fitted(source: Any, options: SourceOptions, recipe: Recipe, out: Path) -> Run:
    """A run that is trained and nothing more: neither measured nor reported, for who does that themselves."""
    events, processes = prepared_from(source, options, recipe), ALONE
    while True:
        try:
            next(events)
        except StopIteration as ended:
            prepared = ended.value
            break
    planned, prepared, loader = _ready(prepared, recipe, processes)
    run = Run.create(out)
    write_setup(run, source, options, prepared, planned)
    record = Record(run, prepared, planned.recipe, processes)
    record.restart_clock()
    for _ in trained(Running(planned, loader, record, processes, None)):
        pass
    planned.model.load_state_dict(run.weights())
    calibrate(run, prepared.table, prepared.table.rows("validation"), record.validation_probs(planned.model))
    if prepared.table.task == "multilabel":
        write_thresholds(run, prepared, scores(prepared, planned)[0])
    return run


def prepared_from(
    source: Any, options: SourceOptions, recipe: Recipe, cache: Cache = "disk", processes: Processes = ALONE
) -> Generator[Advance | Found | Notice, None, Prepared]:
    """Read, split and encode the source, saying how far it is and what was found; returns the result.

    Of several processes the first one reads before the others do.
    """
    if not processes.first:
        processes.wait_for_first()
    source = local(source)
    modality = chosen_modality(source, options, recipe.modality)
    _check(recipe, modality.name)
    for event in prepare(source, options, recipe, modality, cache):
        if isinstance(event, Prepared):
            if processes.first:
                processes.wait_for_first()
            return event
        yield event
    raise AssertionError("the preparation ended without a result")


def _check(recipe: Recipe, modality: str) -> None:
    """Raise UsageError for what is known to be wrong before anything is read."""
    check_kind(recipe, modality)
    if recipe.task != AUTO:
        with_loss(recipe)
    if modality == "tabular":
        from unfazed.modality.tabular import said_kinds

        said_kinds(recipe.columns)


def _ready(prepared: Prepared, recipe: Recipe, processes: Processes) -> tuple[Plan, Prepared, Loader]:
    """The plan, the data, on the GPU where there is one with room for them, and the batches."""
    keep_freed_memory()
    if recipe.compile == "yes":
        check_compiler(best_device())
    if processes.sharded:
        recipe = recipe.resolved(start_size=1.0)  # what does not fit is to show at the first step: nothing is halved
    planned = plan(prepared, recipe, best_device())
    check(planned.recipe, processes)
    prepared = prepared._replace(examples=prepared.examples.on(best_device()))
    return planned, prepared, training_loader(prepared, planned.recipe, processes)


def _with_trials(speed: Pace, limit: TimeLimit, batches: int) -> Pace:
    """The pace with what the diagnosis tries after training as part of the finish."""
    limit.begin(speed, 0)
    tried = trial_steps(min(limit.most, limit.end(0, batches, 1.0))) + EXAMINING
    return speed._replace(finish=speed.finish + tried * speed.step)


def _completed(running: Running, speed: Pace, clock: "Clock") -> Iterator[Event]:
    """Train, from the beginning or from what was kept; measure, report."""
    run, planned, processes = running.record.run, running.planned, running.processes
    course, step = running.place()
    left = course.end - step
    expected = speed.of(left * course.cost(planned.recipe, step), -(-left // course.steps))
    yield Planned(
        _in_words(running), describe(best_device()), planned.recipe, course.end, course.steps, expected, run
    )
    for text in (str(run.path.absolute()), written(planned.recipe), "resumed" if running.state else ""):
        processes.broadcast_text(text)
    running.record.restart_clock()
    if running.limit is not None:
        running.limit.begin(speed, 0)
    yield from trained(running)
    clock.lap("train")
    most = most_at_once(running.planned.model)
    yield from measure(run, running.record.prepared, running.planned, best_device(), expected)
    yield from evaluated_in_parts(running.planned.model, most)
    yield Finishing("looking for what limits it")
    examine(run, running.record.prepared, running.planned, running.loader, running.record.last_step)
    clock.lap("evaluate")
    _write_timings(run, clock)
    yield Finishing("writing the report")
    write_report(run)
    remove(run)
    processes.wait_for_first()


def _alongside(prepared: Prepared, processes: Processes) -> Run:
    """Train along with the first process, which tells everything else; the finished run.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed.
    """
    path, recipe, resumed = (processes.broadcast_text("") for _ in range(3))
    run = Run(Path(path))
    planned, prepared, loader = _ready(prepared, recipe_from(tomllib.loads(recipe)), processes)
    record = Record(run, prepared, planned.recipe, processes)
    running = Running(planned, loader, record, processes, None)
    kept = load(run) if resumed else None
    running.state = kept["loop"] if kept else None
    del kept
    with ignored():
        followed(running)
        processes.wait_for_first()
    return run


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


def training_loader(prepared: Prepared, recipe: Recipe, processes: Processes = ALONE) -> Loader:
    """The training rows in batches, augmented as the recipe says."""
    examples, modality = prepared.examples, prepared.modality
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
        device=best_device(),
        augment=partial(modality.augment, recipe=recipe) if modality.augment else None,
        shrink=modality.shrink,
        block=block_rows(examples.x.shape[1:]) if recipe.shuffle == "blocks" else None,
        processes=processes,
    )


def _balance(y: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Weights [N] under which every class weighs the same, 1 on average over the training rows."""
    counts = torch.bincount(y[rows], minlength=int(y.max()) + 1)
    share = len(rows) / (counts.clamp_min(1) * (counts > 0).sum())
    return share[y].float()


def _in_words(running: Running) -> str:
    planned, processes = running.planned, running.processes
    count = sum(weight.numel() for weight in planned.model.parameters())
    shared = f"; {processes.count} processes" if processes.count > 1 else ""
    shared += ", the weights shared out among them" if processes.sharded else ""
    return f"{planned.words}, {short(count)} parameters, {planned.details}{shared}"


def _write_timings(run: Run, clock: Clock) -> None:
    """Complete the origin with what each stage took."""
    timings = {**clock.laps, "total": sum(clock.laps.values())}
    run.write_json("origin.json", {**run.origin, "timings": {name: round(took, 3) for name, took in timings.items()}})
