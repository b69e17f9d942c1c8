"""A run that has to end in time: the plan, its revision, and what is written down."""

from pathlib import Path
from typing import Any

import problems
import pytest
import trained

from unfazed.errors import UsageError
from unfazed.report.events import Fitted, Planned
from unfazed.run import Run
from unfazed.verb import plan, running
from unfazed.verb import time_limit as module
from unfazed.verb.time_limit import Cost, Pace, TimeLimit, time_limit
from unfazed.verb.train import resumed_events, separated, training_events


class Clock:
    """A clock that moves when it is told to."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch):
        self.now = 1000.0
        monkeypatch.setattr(module.time, "perf_counter", lambda: self.now)


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    return Clock(monkeypatch)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), ("90s", 90), ("10m", 600), ("1h30m", 5400), ("1.5h", 5400), ("2d", 172_800), ("1H 5M", 3900)],
)
def test_how_a_time_is_said(text: Any, seconds: float) -> None:
    limit = time_limit(text)
    assert limit is not None and limit.seconds == seconds


@pytest.mark.parametrize("text", ["soon", "", "0", "-5", "m", "1e99", "nan", float("nan"), "0.5s", "5m3h"])
def test_what_is_no_time(text: Any) -> None:
    with pytest.raises(UsageError, match="say 90s, 10m or 1h30m"):
        time_limit(text)


@pytest.mark.parametrize(
    ("text", "meant"), [("1h30", "1h30m"), ("1d12", "1d12h"), ("5m 30", "5m30s"), ("1d5m7.5", "1d5m7.5s")]
)
def test_a_number_without_a_unit_behind_one_with_a_unit_is_asked_about(text: str, meant: str) -> None:
    with pytest.raises(UsageError, match=f"{text}.*without a unit: say {meant}$"):
        time_limit(text)


def test_no_limit_is_none() -> None:
    assert time_limit(None) is None


def test_as_many_steps_as_fit_between_reading_and_reporting(clock: Clock) -> None:
    limit = TimeLimit(100)
    clock.now += 10  # reading
    limit.begin(Pace(step=0.5, epoch=2.0, finish=20.0), 0)
    end = limit.end(0, batches=10)
    assert end == 100  # 70 seconds at half a second and a fifth of two
    assert 10 + limit.pace.of(end, 10) == pytest.approx(100)  # type: ignore[union-attr]


@pytest.mark.parametrize(("ahead", "revised"), [(0.8, None), (1.0, 180)])
def test_more_steps_fit_while_images_are_small(clock: Clock, ahead: float, revised: int | None) -> None:
    limit = TimeLimit(100)
    limit.begin(Pace(step=0.5, epoch=0.0, finish=20.0), 0)
    assert limit.end(0, batches=10, ahead=0.8) == 200
    clock.now += 40  # for 100 steps of 0.8: as fast as was believed
    assert limit.due(100)
    assert limit.revised(100, 200, 10, 10**9, Cost(now=0.8, ahead=ahead)) == revised


def simulated(clock: Clock, limit: TimeLimit, pace: Pace, true: Pace, most: int = 10**9) -> tuple[float, int]:
    """Seconds that a run takes whose steps and epochs truly take other times than was believed; and its revisions."""
    began, batches = clock.now, 10
    limit.begin(pace, 0)
    end, step, revisions = min(most, limit.end(0, batches)), 0, 0
    while step < end:
        step += 1
        clock.now += true.step
        revised = limit.revised(step, end, batches, most) if limit.due(step) else None
        if revised is not None:
            end, revisions = max(step, revised), revisions + 1
        if step % batches == 0:
            clock.now += true.epoch
            limit.epoch_took(true.epoch)
    return clock.now + true.finish - began, revisions


@pytest.mark.parametrize("factor", [0.3, 0.7, 1.0, 1.5, 4.0])
@pytest.mark.parametrize("epoch", [0.2, 5.0])
def test_it_ends_in_time_on_a_machine_of_another_speed_than_measured(clock: Clock, factor: float, epoch: float) -> None:
    pace = Pace(step=0.1, epoch=1.0, finish=10.0)
    took, revisions = simulated(clock, TimeLimit(300), pace, pace._replace(step=0.1 * factor, epoch=epoch))
    assert took == pytest.approx(300, rel=0.05)
    assert revisions < 25


def test_a_plan_that_holds_is_left_alone(clock: Clock) -> None:
    pace = Pace(step=0.1, epoch=1.0, finish=10.0)
    assert simulated(clock, TimeLimit(300), pace, pace) == (pytest.approx(300, rel=0.02), 0)


def test_no_more_steps_than_were_asked_for_however_fast_the_machine(clock: Clock) -> None:
    pace = Pace(step=0.1, epoch=1.0, finish=10.0)
    took, revisions = simulated(clock, TimeLimit(300), pace, pace._replace(step=0.02), most=500)
    assert (took, revisions) == (pytest.approx(500 * 0.02 + 50 + 10), 0)


def events(out: Path, limit: TimeLimit | None, **settings: Any) -> list[Any]:
    chosen = {key: value for key, value in {**trained.SETTINGS, **settings}.items() if value is not None}
    return list(training_events(trained.source(), *separated(chosen, None), out, limit=limit))


def test_the_plan_is_shaped_and_written_down(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pace is a fixed one here: 20 steps fit; one epoch has 14."""
    monkeypatch.setattr(TimeLimit, "end", lambda limit, step, batches, ahead: 20)
    monkeypatch.setattr(TimeLimit, "revised", lambda *_: None)
    told = events(tmp_path / "run", TimeLimit(60), epochs=None)
    planned = next(event for event in told if isinstance(event, Planned))
    run = Run.open(tmp_path / "run")
    assert (planned.steps, run.recipe.steps, run.recipe.epochs) == (20, 20, 2)
    assert [line["step"] for line in run.epochs] == [14, 20]  # the second pass was cut short
    losses = run.dynamics()["losses"][:, run.table().rows("train")]
    assert not (losses[0] != losses[0]).any() and (losses[1] != losses[1]).any()
    assert run.report["epochs"][-1]["epoch"] == 2
    again = events(tmp_path / "again", None, epochs=None, steps=run.recipe.steps)[-1].run
    assert again.report["test"] == run.report["test"]  # repeating asks no clock


def test_epochs_that_were_asked_for_are_not_exceeded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TimeLimit, "end", lambda limit, step, batches, ahead: 1000)
    monkeypatch.setattr(TimeLimit, "revised", lambda *_: None)
    events(tmp_path / "run", TimeLimit(60), epochs=2)
    assert Run.open(tmp_path / "run").recipe.steps == 28


def test_a_revision_changes_the_end_and_the_recipe(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TimeLimit, "end", lambda limit, step, batches, ahead: 56)
    monkeypatch.setattr(TimeLimit, "due", lambda *_: True)
    monkeypatch.setattr(TimeLimit, "revised", lambda limit, step, end, *_: 31 if (step, end) == (17, 56) else None)
    monkeypatch.setattr(plan, "default_patience", lambda epochs: 40 + epochs)
    monkeypatch.setattr(running, "default_patience", lambda epochs: 40 + epochs)
    told = events(tmp_path / "run", TimeLimit(60), epochs=None)
    assert [event for event in told if isinstance(event, Fitted)] == [Fitted(31, 56)]
    planned = next(event for event in told if isinstance(event, Planned))
    run = Run.open(tmp_path / "run")
    assert (planned.recipe.patience, run.recipe.patience) == (44, 43)
    assert run.recipe.steps == 31 and [line["step"] for line in run.epochs] == [14, 28, 31]
    rates = [rate for line in run.epochs for rate in line["learning_rates"]]
    assert rates[-1] < 0.1 * max(rates)  # the schedule came to its end all the same


def test_patience_that_was_asked_for_is_not_revised(tmp_path: Path) -> None:
    loader = problems.loader()
    recipe = problems.recipe(patience=7, steps=400, epochs=50)
    limit = TimeLimit(60)
    limit.begin(Pace(0.5, 0.0, 0.0), 0)
    shaped = plan.shaped(plan.Plan(recipe, problems.Small(), "", "", None), limit, limit.pace, len(loader), recipe)
    assert shaped.recipe.steps < 400 and shaped.recipe.patience == 7 and not limit.sets_patience


def test_a_limit_that_leaves_nothing_is_refused_with_what_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as short, pytest.raises(UsageError, match=r"leaves no time to train.*One epoch needs"):
        short.setattr(TimeLimit, "end", lambda limit, step, batches, ahead: 0)
        events(tmp_path / "run", TimeLimit(60))
    monkeypatch.setattr("unfazed.verb.train.pace", None)  # nothing is planned any more
    with pytest.raises(UsageError, match=r"leaves no time to train: reading the data took .*Allow more"):
        events(tmp_path / "run", TimeLimit(0.01))
    assert not (tmp_path / "run").exists()


def test_resuming_asks_no_clock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TimeLimit, "end", lambda limit, step, batches, ahead: 20)
    settings = separated({**trained.SETTINGS, "epochs": "auto"}, None)
    told = training_events(trained.source(), *settings, tmp_path / "run", limit=TimeLimit(60))
    next(event for event in told if isinstance(event, Planned))
    told.close()  # type: ignore[attr-defined]
    list(resumed_events(tmp_path / "run"))
    assert Run.open(tmp_path / "run").epochs[-1]["step"] == 20
