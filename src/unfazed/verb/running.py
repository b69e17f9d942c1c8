"""The middle of a run: training, and every decision about it.

Decisions are made in one place, by the first process, between two steps: keep the state, anneal after a stall, end
earlier or later to meet a time limit, stop after Ctrl-C. To change the course is to leave `training` and to call it
again on a changed state. Other processes do what the first one tells them after every event.

Axis letters: N rows of the table.
"""

import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass, field, replace
from enum import IntEnum

from torch import nn

from unfazed.analysis.stopping import best_epoch, stalled
from unfazed.criterion import criterion_of
from unfazed.device import wait_for
from unfazed.loader import Loader
from unfazed.loop import Epoch, State, Step, annealed, fitted, training
from unfazed.outputs import most_at_once
from unfazed.processes import Processes
from unfazed.report.events import Fitted, Measured, MemoryShort, Notice, Stalled
from unfazed.report.words import count
from unfazed.schedule import ANNEALING, Course
from unfazed.verb.interrupt import Press, noted
from unfazed.verb.plan import Plan, default_patience
from unfazed.verb.record import Record
from unfazed.verb.time_limit import Cost, TimeLimit

SAVE_EVERY = 30.0  # seconds of work that a killed process may lose; twice that where keeping it takes long
SAVING = 0.05  # share of the time that may go into it

Event = Step | Measured | Stalled | Fitted | MemoryShort | Notice


class Order(IntEnum):
    """What every process does after an event."""

    GO_ON = 0
    SAVE = 1  # the state is gathered, and kept by the first process
    STOP = 2  # the same, and training is left for good
    LEAVE = 3  # the course changes


class Change(IntEnum):
    """How the course changes; a number from 0 on is the step that training is to end with."""

    NONE = -1
    ANNEAL = -2
    DONE = -3


@dataclass
class Running:
    """What training needs besides its state."""

    planned: Plan
    loader: Loader
    record: Record
    processes: Processes
    limit: TimeLimit | None
    state: State | None = None  # to go on from; let go of once it is taken up, as it may hold much of the memory
    course: Course = field(init=False)  # of the training that is under way

    def place(self) -> tuple[Course, int]:
        """The course that lies before the state, or before the beginning, and how many steps of it are made."""
        if self.state is None:
            return Course.of(self.planned.recipe, len(self.loader)), 0
        return Course(*self.state["course"]), self.state["step"]

    def events(self) -> Iterator[Step | Epoch]:
        """Training from the state on, or from the beginning."""
        self.course, _ = self.place()
        state, self.state = self.state, None
        recipe = self.planned.recipe
        criterion = criterion_of(recipe.loss, recipe.label_smoothing)
        return training(self.planned.model, self.loader, criterion, recipe, state=state, processes=self.processes)

    def change(self, change: int) -> None:
        """Change the course of the state; the recipe says the new end."""
        if self.state is None or change == Change.NONE:
            return
        if change == Change.ANNEAL:
            self.state = annealed(self.state, self.planned.recipe)
            return
        epochs = max(1, -(-change // len(self.loader)))
        patience = default_patience(epochs) if self.limit and self.limit.sets_patience else self.planned.recipe.patience
        self.amend(steps=change, epochs=epochs, patience=patience)
        self.state = fitted(self.state, self.planned.recipe, change)

    def believe(self, state: State) -> None:
        """Make the recipe say what the state does, where the run was killed between the two."""
        course = Course(*state["course"])
        if course.falling_from is None and course.end != Course.of(self.planned.recipe, course.steps).end:
            self.amend(steps=course.end, epochs=course.epochs)

    def amend(self, **values: int) -> None:
        """Change what the recipe says, here and in the run, where the machine has not allowed what was planned."""
        recipe = replace(self.planned.recipe, **values)  # type: ignore[arg-type]
        self.planned = self.planned._replace(recipe=recipe)
        if self.processes.first:
            self.record.run.write_recipe(recipe)

    def stalled(self) -> bool:
        """Whether the epochs recorded so far say that going on brings nothing."""
        recipe, losses = self.planned.recipe, self.record.validation_losses
        planned = Course.of(recipe, len(self.loader)).epochs
        return len(losses) < planned and stalled(losses, recipe.patience)


def trained(running: Running) -> Iterator[Event]:
    """Train to the end from the state, recording every epoch; for the first process.

    Raises:
        KeyboardInterrupt: Ctrl-C was pressed; the step was finished and everything kept.
    """
    with noted() as press:
        yield from _trained(running, press)
        running.record.complete()


def _trained(running: Running, press: Press) -> Iterator[Event]:
    change: int = Change.NONE
    if _ended_an_epoch(running):
        change = yield from _after_stall(running)
    while running.processes.broadcast(change) != Change.DONE:
        running.change(change)
        change = Change.DONE
        for event in running.events():
            yield from _noted(running, event)
            revision = yield from _revision(running, event)
            order = _order(running, event, revision, press.made)
            running.processes.broadcast(order)
            if order in (Order.SAVE, Order.STOP):
                running.record.save(event.state)
            if order == Order.STOP:
                running.processes.wait_for_first()  # the others stay until everything is kept
                raise KeyboardInterrupt
            if order == Order.LEAVE:
                running.state, change = event.state(), revision
                del event  # it holds the optimizer and the average, which are made anew
                break


def followed(running: Running) -> None:
    """Train along with the first process, as it says.

    Raises:
        KeyboardInterrupt: it says that Ctrl-C was pressed.
    """
    while (change := running.processes.broadcast(0)) != Change.DONE:
        running.change(change)
        for event in running.events():
            if isinstance(event, Epoch):
                running.record.validation_probs(event.model)
            order = running.processes.broadcast(0)
            if order == Order.LEAVE:
                running.state = event.state()
                del event
                break
            if order != Order.GO_ON:
                event.state()  # for the first process, which keeps it: each may hold a part
            if order == Order.STOP:
                running.processes.wait_for_first()
                raise KeyboardInterrupt


def _noted(running: Running, event: Step | Epoch) -> Iterator[Event]:
    """Record the event; the news for people."""
    if isinstance(event, Step):
        running.record.step(event)
        yield event
        if event.micro_batch_size < running.planned.recipe.micro_batch_size:
            yield MemoryShort(event.micro_batch_size, running.planned.recipe.batch_size)
            running.amend(micro_batch_size=event.micro_batch_size)
        return
    began, most = time.perf_counter(), most_at_once(event.model)
    yield Measured(running.record.epoch(event))
    yield from evaluated_in_parts(event.model, most)
    if running.limit is not None:
        running.limit.epoch_took(time.perf_counter() - began)


def evaluated_in_parts(model: nn.Module, most: int) -> Iterator[Notice]:
    """Say so where memory has run out in evaluation since `most` examples at once were thought to fit."""
    if (now := most_at_once(model)) < most:
        yield Notice(f"  memory ran out in evaluation: {count(now, 'examples')} at a time from here on")


def _revision(running: Running, event: Step | Epoch) -> Generator[Event, None, int]:
    """How the course has to change after the event, saying so."""
    course, recipe, limit = running.course, running.planned.recipe, running.limit
    annealing = course.falling_from is not None
    if isinstance(event, Epoch):
        return Change.NONE if annealing else (yield from _after_stall(running))
    if limit is None or not _synchronous(running, event) or not limit.due(event.number):
        return Change.NONE
    most = event.total if annealing else limit.most  # an annealing may be shortened, never stretched
    cost = Cost(course.scale(recipe, event.number - 1) ** 2, course.cost(recipe, event.number))
    wait_for(running.loader.device)
    end = limit.revised(event.number, event.total, len(running.loader), most, cost)
    if end is None:
        return Change.NONE
    yield Fitted(end, event.total)
    return end


def _after_stall(running: Running) -> Generator[Event, None, int]:
    if not running.stalled():
        return Change.NONE
    annealing = running.planned.recipe.schedule in ANNEALING
    yield Stalled(best_epoch(running.record.validation_losses), annealing)
    return Change.ANNEAL if annealing else Change.DONE


def _order(running: Running, event: Step | Epoch, revision: int, interrupted: bool) -> Order:
    if not _synchronous(running, event):
        return Order.GO_ON
    if interrupted:
        return Order.STOP
    if revision != Change.NONE:
        return Order.LEAVE
    trained_out = isinstance(event, Epoch) and running.record.last_step == running.course.end
    return Order.SAVE if trained_out or running.record.age >= _save_every(running) else Order.GO_ON


def _save_every(running: Running) -> float:
    """Seconds until the state is kept again."""
    return SAVE_EVERY if running.record.saving <= SAVING * SAVE_EVERY else 2 * SAVE_EVERY


def _synchronous(running: Running, event: Step | Epoch) -> bool:
    """Whether all processes have the same weights now; until then there is nothing to keep or to leave with."""
    if isinstance(event, Epoch) or running.processes.count == 1:
        return True
    ended = event.number % len(running.loader) == 0 or event.number == event.total
    return ended or event.number % running.planned.recipe.local_steps == 0


def _ended_an_epoch(running: Running) -> bool:
    """Whether training goes on from the end of an epoch, and not within an annealing."""
    course, step = running.place()
    return running.record.at_end_of_epoch(step) and course.falling_from is None
