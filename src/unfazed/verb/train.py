"""`unfazed train`: labelled data in; a model, its whole record and an honest report out.

Axis letters: N rows of the table, K classes, E epochs.
"""

import platform
import time
from collections.abc import Generator, Iterator, Mapping
from dataclasses import asdict, fields
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

import unfazed
from unfazed.analysis.stopping import best_epoch, stalled
from unfazed.criterion import cross_entropy
from unfazed.device import best_device, describe
from unfazed.errors import RecipeError, did_you_mean
from unfazed.loader import Loader
from unfazed.loop import Epoch, State, Step, annealed, training
from unfazed.modality.image import MODALITY
from unfazed.model.build import FAMILY
from unfazed.recipe import Recipe, knobs, read_recipe, recipe_from
from unfazed.report.events import Finished, Finishing, Measured, Planned, Stalled
from unfazed.report.page import write_report
from unfazed.report.terminal import Event, show, silently
from unfazed.report.words import short
from unfazed.run import FORMAT, Run, vacant
from unfazed.schedule import ANNEALING
from unfazed.source import SourceOptions
from unfazed.verb.measure import measure
from unfazed.verb.plan import Plan, expected_seconds, plan
from unfazed.verb.prepare import Prepared, prepare
from unfazed.verb.record import Record


def train(
    source: Any,
    *,
    out: str | Path | None = None,
    target: str | None = None,
    recipe: Recipe | str | Path | None = None,
    progress: bool = True,
    **settings: Any,
) -> Run:
    """Train on `source` and write a run folder.

    source: a folder, a table file, a polars or pandas frame, or `"sample:digits"`.
    out: the run folder; None makes a fresh one under `runs/`. target: the label column of a table.
    recipe: a `Recipe` or a TOML file; `settings` override it. They are the fields of `Recipe`
    (`epochs=20`, `learning_rate=0.003` …) and of `SourceOptions` (`label_regex`, `header`, `group`, `time`).

    Raises:
        UsageError: the settings or the source cannot be used; the message says which, where and what to do.
    """
    options, chosen = separated({**settings, "target": target}, recipe)
    events = training_events(source, options, chosen, out)
    if not progress:
        return silently(events)
    from rich.console import Console

    return show(events, Console(stderr=True))


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


def training_events(
    source: Any, options: SourceOptions, recipe: Recipe, out: str | Path | None = None
) -> Iterator[Event]:
    """Everything `train` does, as a generator: nothing happens until it is iterated. The last event is `Finished`."""
    clock = Clock()
    if out is not None:
        vacant(out)  # before anything is read
    prepared = None
    for event in prepare(source, options, recipe, MODALITY):
        if isinstance(event, Prepared):
            prepared = event
        else:
            yield event
    assert prepared is not None
    device = best_device()
    planned = plan(prepared, recipe, device)
    loader = _loader(prepared, planned.recipe, device)
    expected = expected_seconds(planned, prepared, loader)
    clock.lap("read")
    run = Run.create(out)
    _write_setup(run, prepared, planned, str(source) if isinstance(source, str | Path) else type(source).__name__)
    steps = len(loader) * planned.recipe.epochs
    yield Planned(_in_words(prepared, planned), describe(device), planned.recipe, steps, expected)
    yield from _trained(run, prepared, planned, loader)
    clock.lap("train")
    yield from measure(run, prepared, planned, device, expected)
    clock.lap("evaluate")
    _write_origin(run, clock)
    yield Finishing("writing the report")
    write_report(run)
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
    if recipe.class_weights == "balanced":
        examples = examples._replace(weight=examples.weight * _balance(examples.y, rows))
    return Loader(
        examples,
        rows,
        recipe.batch_size,
        seed=recipe.seed,
        device=device,
        augment=partial(MODALITY.augment, strength=recipe.augmentation, flip=recipe.flip),
    )


def _balance(y: torch.Tensor, rows: torch.Tensor) -> torch.Tensor:
    """Weights [N] under which every class weighs the same, 1 on average over the training rows."""
    counts = torch.bincount(y[rows], minlength=int(y.max()) + 1)
    share = len(rows) / (counts.clamp_min(1) * (counts > 0).sum())
    return share[y].float()


def _trained(run: Run, prepared: Prepared, planned: Plan, loader: Loader) -> Iterator[Event]:
    """Train, record every epoch, keep the best weights; anneal or stop when validation has stalled."""
    recipe, record = planned.recipe, Record(run, prepared)
    stalled_state = yield from _until_stalled(planned, loader, record, None, recipe.patience)
    if stalled_state is None:
        return
    annealing = recipe.schedule in ANNEALING
    yield Stalled(best_epoch(record.validation_losses), annealing)
    if annealing:
        yield from _until_stalled(planned, loader, record, annealed(stalled_state), patience=0)


def _until_stalled(
    planned: Plan, loader: Loader, record: Record, state: State | None, patience: int
) -> Generator[Event, None, State | None]:
    """Train on from `state` to the end, or until validation stalls; then the state at which it did."""
    recipe = planned.recipe
    for event in training(planned.model, loader, cross_entropy(recipe.label_smoothing), recipe, state=state):
        match event:
            case Step():
                record.step(event)
                yield event
            case Epoch():
                yield Measured(record.epoch(event))
                if event.number < recipe.epochs and stalled(record.validation_losses, patience):
                    return event.state()
    return None


def _in_words(prepared: Prepared, planned: Plan) -> str:
    count = sum(weight.numel() for weight in planned.model.parameters())
    recipe = planned.recipe
    size = f"{recipe.image_size} × {recipe.image_size} pixels ({prepared.fitting})"
    return f"residual convnet, {short(count)} parameters, on {size}; mirror images: {recipe.flip}"


def _write_setup(run: Run, prepared: Prepared, planned: Plan, source: str) -> None:
    """Everything known before the first step, so that a run that is killed can be understood."""
    run.write_recipe(planned.recipe)
    run.write_table(prepared.table)
    run.write_text("preprocessor.json", prepared.preprocessor.to_json())
    run.write_problems(prepared.problems)
    run.write_json(
        "model.json",
        {
            "format": FORMAT,
            "modality": "image",
            "task": "classification",
            "family": FAMILY,
            "arguments": planned.model.arguments,
            "classes": prepared.table.classes,
            "parameters": sum(weight.numel() for weight in planned.model.parameters()),
        },
    )
    run.write_json(
        "origin.json",
        {
            "format": FORMAT,
            "unfazed": unfazed.__version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "platform": platform.platform(),
            "device": describe(best_device()),
            "seed": planned.recipe.seed,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "source": source,
            "data": {"sha256": prepared.fingerprint, "rows": len(prepared.table)},
        },
    )


def _write_origin(run: Run, clock: Clock) -> None:
    """Complete the origin with what each stage took."""
    timings = {**clock.laps, "total": sum(clock.laps.values())}
    run.write_json("origin.json", {**run.origin, "timings": {name: round(took, 3) for name, took in timings.items()}})
