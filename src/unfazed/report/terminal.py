"""What a run tells people in a terminal: live progress, one line an epoch, the summary.

On a terminal the current epoch is a moving line; elsewhere (a pipe, nohup, a notebook's log) only the
lines that stay are written.
"""

import shlex
import time
from collections.abc import Iterable
from dataclasses import asdict
from typing import Any

from rich.console import Console, Group
from rich.progress import Progress, ProgressColumn, SpinnerColumn, TextColumn
from rich.progress_bar import ProgressBar
from rich.text import Text

from unfazed.analysis.surprise import BITS_PER_NAT
from unfazed.loop import Step
from unfazed.recipe import SKILLS
from unfazed.report.diagnosed import brief
from unfazed.report.events import (
    Advance,
    Finished,
    Finishing,
    Fitted,
    Found,
    Measured,
    MemoryShort,
    Notice,
    Planned,
    Stalled,
)
from unfazed.report.numbers_verdict import bits_explained
from unfazed.report.tables import Hanging, metrics_table
from unfazed.report.verdict import GUESSES, imbalanced, items, task
from unfazed.report.words import GIVEN, count, figure, narrow, percent, printable, seconds, with_path
from unfazed.run import Run
from unfazed.table import said_id

Event = Advance | Notice | Found | Planned | Step | Measured | Stalled | Fitted | MemoryShort | Finishing | Finished
REFRESH = 0.25  # seconds between two looks at the loss: reading it waits for the device
RANKED = ("roc_auc", "average_precision")  # of rare classes: told where accuracy says little
HEADING = (
    "            surprise, bits       validation   learning\n"
    "  epoch    training  validation    accuracy       rate      time   ★ lowest loss"
)
HEADING_OF_DENSITIES = HEADING.replace("  accuracy", "        R²")
HEADING_OF_NUMBERS = (
    "         root mean squared error    validation   learning\n"
    "  epoch    training  validation            R²       rate      time   ★ lowest loss"
)
HEADING_OF_SETS = (
    "            surprise, bits       validation   learning\n"
    "  epoch    training  validation          F1       rate      time   ★ lowest loss"
)
HEADINGS = {"regression": HEADING_OF_NUMBERS, "multilabel": HEADING_OF_SETS}


def show(events: Iterable[Event], console: Console) -> Run:
    """Show the events as they come; the finished run."""
    with _Display(console) as display:
        for event in events:
            display.take(event)
            if isinstance(event, Finished):
                return event.run
    raise AssertionError("the events ended without a finished run")


def silently(events: Iterable[Event]) -> Run:
    """Let the events happen and show nothing; the finished run."""
    for event in events:
        if isinstance(event, Finished):
            return event.run
    raise AssertionError("the events ended without a finished run")


class _Display:
    """The moving line and what it needs to know."""

    def __init__(self, console: Console):
        self.console = console
        self.progress = moving_line(console)
        self.task = self.progress.add_task("reading", total=None, detail="")
        self.looked = self.started = 0.0
        self.epochs = self.epoch_steps = self.examples = self.first = 0
        self.detail = ""

    def __enter__(self) -> "_Display":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.progress.stop()

    def take(self, event: Event) -> None:
        match event:
            case Advance():
                self._move(event.stage, event.done, event.total, f"{event.done:,} of {event.total:,}")
            case Notice():
                self._say(Text(printable(event.text), style="yellow"))
            case Found():
                self._found(event)
            case Planned():
                self._planned(event)
            case Step():
                self._step(event)
            case Measured():
                self._say(epoch_line(event.facts, self.epochs))
            case Stalled():
                then = "now annealing the learning rate" if event.annealing else "stopping"
                self._say(Text(f"  no better validation surprise since epoch {event.epoch}: {then}", style="yellow"))
            case Fitted():
                self.epochs = -(-event.steps // self.epoch_steps)
                change = "fewer" if event.steps < event.planned else "more"
                self._say(
                    Text(f"  {change} steps fit the time limit: {event.steps:,}, not {event.planned:,}", style="yellow")
                )
            case MemoryShort():
                self._say(Text(f"  {memory_line(event)}", style="yellow"))
            case Finishing():
                self._move(event.stage, None, None, "")

    def _move(self, description: str, done: int | None, total: int | None, detail: str) -> None:
        self.progress.update(self.task, description=description, completed=done or 0, total=total, detail=detail)

    def _say(self, line: "Text | Hanging | str") -> None:
        self.console.print(line, soft_wrap=not self.console.is_terminal, highlight=False)

    def _found(self, event: Found) -> None:
        for row, line in enumerate(event.lines):
            self._say(Hanging(printable(line), "bold" if row == 0 else ""))

    def _planned(self, event: Planned) -> None:
        self.epochs, self.epoch_steps = -(-event.steps // event.batches), event.batches
        self._say(Hanging(f"{event.model}; {event.recipe.precision} on {event.device}"))
        length = f"{count(self.epochs, 'epochs')}, {count(event.steps, 'steps')}"
        self._say(f"{length}: training takes about {seconds(max(1.0, event.expected_seconds))}\n")
        heading = HEADING_OF_DENSITIES if event.recipe.loss == "gaussian" else HEADINGS.get(event.recipe.task, HEADING)
        self._say(Text(heading, style="dim"))

    def _step(self, step: Step) -> None:
        now = time.perf_counter()
        if not self.started:
            self.started, self.first = now, step.number - 1
        self.examples += step.examples
        if now - self.looked < REFRESH or not self.console.is_terminal:
            return
        self.looked = now
        elapsed = now - self.started
        left = elapsed / (step.number - self.first) * (step.total - step.number)
        speed = f" · {self.examples / elapsed:,.0f}/s · {seconds(left)} left" if elapsed else ""
        self._move(
            f"epoch {(step.number - 1) // self.epoch_steps + 1}/{self.epochs}",
            step.number,
            step.total,
            f"step {step.number:,}/{step.total:,} · rate {step.learning_rate:.2g} · "
            f"loss {step.loss.item() * BITS_PER_NAT:.2f} bits{speed}",
        )
        self.progress.refresh()


def moving_line(console: Console) -> Progress:
    """A line that moves on a terminal and leaves no trace; elsewhere nothing. Its tasks have a `detail`."""
    return Progress(
        SpinnerColumn(style="cyan"),
        TextColumn("{task.description}"),
        _Bar(),
        TextColumn("{task.fields[detail]}"),
        console=console,
        transient=True,
        disable=not console.is_terminal,
        refresh_per_second=8,
    )


class _Bar(ProgressColumn):
    """A bar that pulses while the total is unknown."""

    def render(self, task: Any) -> ProgressBar:
        return ProgressBar(total=task.total, completed=task.completed, width=24, pulse=task.total is None)


def epoch_line(facts: dict[str, Any], epochs: int) -> Text:
    """One epoch in one line: surprise in bits or error; accuracy, F1 or R²; learning rate, seconds; best: a star."""
    measured = facts["validation"]
    numbers = "rmse" in measured
    nats = "log_loss" if "log_loss" in measured else "nll" if "nll" in measured else None
    train, validation = (
        figure(facts[split][nats] * BITS_PER_NAT) if nats else narrow(facts[split]["rmse"])
        for split in ("train", "validation")
    )
    share = measured.get("accuracy", measured.get("f1_micro"))
    skill = figure(measured["r2"]) if numbers else percent(share)
    line = Text(
        f"  {facts['epoch']:>3}/{epochs:<4} {train:>8} {validation:>11} {skill:>11} "
        f"{facts['learning_rates'][-1]:>10.2g} {seconds(facts['seconds']):>9}"
    )
    if facts["best"]:
        line.append("  ★", style="green")
    return line


def memory_line(event: MemoryShort) -> str:
    """What was done about it."""
    at_once = count(event.micro_batch_size, "examples")
    return f"memory ran out: {at_once} at a time from here on; the batch stays {event.batch_size:,}"


def as_json(event: Event) -> dict[str, Any] | None:
    """An event for machines; None for those that only move the display."""
    match event:
        case Notice():
            return {"event": "notice", "text": event.text}
        case Found():
            return {"event": "found", "lines": event.lines}
        case Planned():
            return {
                "event": "planned",
                "model": event.model,
                "device": event.device,
                "recipe": asdict(event.recipe),
                "steps": event.steps,
                "expected_seconds": event.expected_seconds,
                "run": str(event.run.path),
            }
        case Measured():
            return {"event": "epoch", **event.facts}
        case Stalled():
            return {"event": "stalled", "epoch": event.epoch, "annealing": event.annealing}
        case Fitted():
            return {"event": "fitted", **event._asdict()}
        case MemoryShort():
            return {"event": "memory short", **event._asdict()}
        case Finished():
            return {"event": "finished", "run": str(event.run.path), "report": event.run.report}
        case _:
            return None


def summary(run: Run) -> Group:
    """What came out, the figures with their intervals, and what to do next."""
    told = run.report
    split = told["evaluated_on"]
    guess = "commonest set" if task(told) == "multilabel" else "commonest class"
    columns = {
        "model": told[split],
        **{name: facts.get(split, {}) for name, facts in told["baselines"].items() if name not in GUESSES and facts},
        **({guess: its} if (its := told["baselines"].get("majority", {}).get(split)) else {}),
        **({"mean": its} if (its := told["baselines"].get("mean", {}).get(split)) else {}),
    }
    if not imbalanced(told):
        columns = {name: {key: its[key] for key in its if key not in RANKED} for name, its in columns.items()}
    tones = {"good": "green", "caution": "yellow"}
    verdict = [
        Hanging(printable(with_path(said["text"], run.path)), tones.get(said["tone"], ""), indent=2)
        for said in told["verdict"]
    ]
    onward = f"unfazed predict {shlex.quote(str(run.path))} {GIVEN.get(told['task'].partition(' ')[0], 'FILE')}"
    rows = Text.assemble(("  report  ", "dim"), str(run.path / "report.html"), ("\n  next    ", "dim"), onward)
    rows.no_wrap, rows.overflow = True, "ignore"  # to be copied: what the terminal breaks is whole again elsewhere
    diagnosis = [Hanging(text, style, indent=2) for text, style in brief(told["diagnosis"], run.path)]
    headline = Hanging(printable(told["headline"]), "bold")
    n = told[split][SKILLS[task(told)]]["n"]
    table = metrics_table(columns, count(n, f"{split} {items(told)}"))
    return Group("", headline, *verdict, "", *diagnosis, "", table, "", rows)


_LEFT_OUT = {
    "seen": "that the model was trained or chosen on",
    "seen_groups": "of groups that the model was trained or chosen on",
    "dropped": "that the run's corrections drop",
    "unlabelled": "without a label",
}


def evaluation(facts: dict[str, Any]) -> Group:
    """What `evaluate` measured, and what it left out and why."""
    which = " (the test rows of the source)" if facts["split"] == "test" else ""
    groups = f" in {count(facts['groups'], 'groups')}" if facts["groups"] else ""
    said = [f"{count(facts['rows'], 'examples')}{groups} measured{which}", *facts["notes"]]
    if "nll" in facts["metrics"]:
        said.append(bits_explained())
    if facts["own_test"] == facts["rows"]:
        whole = "the run's own test rows: nothing new beside its report"
        part = f"{count(facts['own_test'])} of the run's own test rows"
        said.append(f"these are {whole if facts['whole_test'] else part}")
    elif facts["own_test"]:
        said.append(f"{count(facts['own_test'])} of them are the run's own test rows, measured in its report already")
    if facts["relabelled"]:
        said.append(f"{count(facts['relabelled'])} of them: the label is the one that the run's corrections gave")
    if facts["copies"]:
        said.append(f"{count(facts['copies'])} of them with the content of another: each counts by itself, and "
                    "intervals are too narrow where they are copies")
    for name, why in _LEFT_OUT.items():
        if facts[name]:
            said.append(f"left out: {count(facts[name])} {why}")
    if facts["unknown"]:
        names = ", ".join(f"{label} ({count(number)})" for label, number in facts["unknown"].items())
        said.append(f"left out, with labels that the model does not know: {names}")
    if facts["problems"]:
        first = facts["problems"][0]
        which = f"{said_id(first['id'])}: {first['reason']}"
        said.append(f"{count(len(facts['problems']))} cannot be read (the first: {which})")
    return Group(*(Hanging(printable(line)) for line in said), "", metrics_table({"model": facts["metrics"]}))
