"""`unfazed lr-find`: the learning-rate range test on a source, with the data and the model that `train` would take.

Axis letters: S steps, one learning rate each, rising; R repeats of the test.
"""

import os
import shlex
from collections.abc import Iterator
from dataclasses import asdict, replace
from itertools import chain
from pathlib import Path
from typing import Any, Unpack

import numpy as np

from unfazed.analysis.intervals import Floats
from unfazed.analysis.range_test import bracket, diverged, smoothed
from unfazed.criterion import criterion_of
from unfazed.device import best_device
from unfazed.errors import UsageError
from unfazed.files import is_stream, write_out
from unfazed.loader import Loader
from unfazed.loop import Step, training
from unfazed.recipe import Recipe, range_of
from unfazed.report.events import Advance, Found, Notice, Tried
from unfazed.report.learning_rates import LearningRates, follow
from unfazed.report.learning_rates_page import page
from unfazed.source import SourceOptions
from unfazed.verb.encode import Cache
from unfazed.verb.interrupt import noted
from unfazed.verb.plan import Plan, plan
from unfazed.verb.prepare import Prepared
from unfazed.verb.settings import Settings, as_flag
from unfazed.verb.train import prepared_from, separated, training_loader

RANGES = {"adamw": (1e-5, 10.0), "sgd": (1e-4, 100.0)}  # of learning rates; a test stops where it diverges
STEPS_PER_DECADE = 20
MOST_REPEATS = 100


def lr_find(
    source: Any,
    *,
    target: str | None = None,
    recipe: Recipe | str | Path | None = None,
    repeats: int = 3,
    out: str | Path | None = None,
    progress: bool = True,
    cache: Cache = "disk",
    **settings: Unpack[Settings],
) -> LearningRates:
    """Find which learning rates are worth trying on `source`, in a few hundred steps; writes no run.

    source, target, recipe, cache, settings: as in `train`. The recipe's schedule and epochs play no part, and its
    learning rate is only compared with what is found. repeats: how often the test is made, each time with fresh
    weights and another order of the examples. out: an HTML file for the curve; nothing is written without it.

    Raises:
        UsageError: the settings or the source cannot be used; the message says which, where and what to do.
    """
    options, chosen = separated({**settings, "target": target}, recipe)
    events = range_test_events(source, options, chosen, repeats, out, cache)
    if not progress:
        return follow(events, None)
    from rich.console import Console

    return follow(events, Console(stderr=True))


def range_test_events(
    source: Any,
    options: SourceOptions,
    recipe: Recipe,
    repeats: int = 3,
    out: str | Path | None = None,
    cache: Cache = "disk",
) -> Iterator[Advance | Found | Notice | Tried | LearningRates]:
    """Everything `lr_find` does, as a generator: nothing happens until it is iterated. The last event is the result."""
    _check(repeats, out)
    prepared = yield from prepared_from(source, options, recipe, cache)
    low, high = RANGES[recipe.optimizer]
    rates = np.geomspace(low, high, round(STEPS_PER_DECADE * np.log10(high / low)))
    losses = np.full((repeats, len(rates)), np.nan)
    with noted() as press:  # what is imported only now may swallow a KeyboardInterrupt
        resolved = plan(prepared, recipe, best_device()).recipe
        for tried in _fill(losses, prepared, resolved, rates):
            if press.made:
                raise KeyboardInterrupt
            yield tried
    found = LearningRates(
        command=_command(source, options, recipe),
        recipe=resolved,
        rates=rates,
        losses=losses,
        smoothed=smoothed(rates, losses),
        bracket=bracket(rates, losses),
        peaks=[alone.peak for one in losses if (alone := bracket(rates, one[None]))],
    )
    if out is not None:
        write_out(Path(out), page(found).encode())
    yield found


def _fill(losses: Floats, prepared: Prepared, recipe: Recipe, rates: Floats) -> Iterator[Tried]:
    """Make the test as often as `losses` [R, S] has rows, each until it diverges, and write into them what it saw."""
    held = prepared._replace(examples=prepared.examples.on(best_device()))
    seeds = range_of("seed")[1] + 1
    for number, row in enumerate(losses):
        planned = plan(prepared, replace(recipe, seed=(recipe.seed + number) % seeds), best_device())
        loader = training_loader(held, planned.recipe)
        for at, step in enumerate(rising(planned, loader, rates.tolist())):
            row[at] = step.loss.item()
            if diverged(row[: at + 1]):
                break
            yield Tried(number * len(rates) + at + 1, losses.size, step.learning_rate, row[at], recipe.loss)


def rising(planned: Plan, loader: Loader, rates: list[float]) -> Iterator[Step]:
    """One step at each of the learning rates.

    `training` is called again for every step, from the state in which the last one left it: then no schedule
    has to exist that nobody should train with, and a loss that is no number is a step like any other.
    """
    epochs = -(-len(rates) // len(loader))
    recipe = replace(planned.recipe, schedule="constant", warmup=0.0, epochs=epochs, steps=0)
    recipe = replace(recipe, ema=0.0, start_size=1.0, compile="no")  # what would only take time
    criterion, state = criterion_of(recipe.loss, recipe.label_smoothing), None
    for rate in rates:
        step = next(training(planned.model, loader, criterion, replace(recipe, learning_rate=rate), state=state))
        assert isinstance(step, Step)
        yield step
        state = {**step.state(), "dynamics": None}  # without them no epoch is closed, nor its losses judged


def _check(repeats: int, out: str | Path | None) -> None:
    """Refuse, before anything is read, what cannot be carried out at the end."""
    if isinstance(repeats, bool) or not isinstance(repeats, int) or not 1 <= repeats <= MOST_REPEATS:
        raise UsageError(f"repeats = {repeats!r}: wants a whole number from 1 to {MOST_REPEATS}")
    if out is None or is_stream(path := Path(out)):
        return
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"out = {path}: the page is HTML; give it a name such as {path.with_suffix('.html')}")
    if path.is_dir() or not path.parent.is_dir():
        wrong = "that is a folder" if path.is_dir() else f"there is no folder {path.parent}"
        raise UsageError(f"out = {path}: {wrong}")
    if not os.access(path.parent, os.W_OK):
        raise UsageError(f"out = {path}: nothing may be written in {path.parent}")


def _command(source: Any, options: SourceOptions, recipe: Recipe) -> str | None:
    """`unfazed train` as it was asked for here, up to the learning rate; None for a frame in memory."""
    if not isinstance(source, str | Path):
        return None
    said = {**_differing(options, SourceOptions()), **_differing(recipe, Recipe())}
    flags = chain.from_iterable(as_flag(name, value) for name, value in said.items())
    return shlex.join(["unfazed", "train", str(source), *flags])


def _differing(chosen: Any, default: Any) -> dict[str, Any]:
    """The fields of a dataclass that are not as they are by default, but for the learning rate."""
    values, usual = asdict(chosen), asdict(default)
    return {name: value for name, value in values.items() if value != usual[name] and name != "learning_rate"}
