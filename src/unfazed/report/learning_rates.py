"""What a learning-rate range test tells people: sentences, a plot in the terminal, figures for programs.

Axis letters: S steps, one learning rate each, rising; R repeats of the test.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console, Group, RenderableType
from rich.text import Text

from unfazed.analysis.range_test import Bracket
from unfazed.analysis.surprise import BITS_PER_NAT
from unfazed.recipe import Recipe
from unfazed.report.events import Advance, Found, Notice, Tried
from unfazed.report.facts import finite
from unfazed.report.terminal import moving_line
from unfazed.report.text_plot import curve
from unfazed.report.words import bits, count, figure, printable

ERRORS = {"squared": "squared error", "absolute": "absolute error", "huber": "Huber's loss"}  # all others are in nats
QUESTIONS = {
    "classification": "Are the labels right, and are there enough examples of each class?",
    "multilabel": "Are the labels right, and are there enough examples of each?",
    "regression": "Are the numbers right, and do the inputs say anything of them?",
}
TALLEST = 3  # times the first loss: an end above that would press the curve to the floor
ROWS = 12  # of the plot in a terminal
WIDEST = 100
CAUTION = (
    "A range test sees the first steps only, and its noise: how long the run is and how it is regularised matter too. "
    "Where it counts, train at a few rates of the bracket and compare them on validation."
)


@dataclass(frozen=True, eq=False)
class LearningRates:
    """What a range test found. Losses are what training minimises: nats, or errors of standardised numbers."""

    bracket: Bracket | None  # None where the loss never clearly fell
    peaks: list[float]  # what each repeat would suggest on its own, where it suggests something
    recipe: Recipe = field(repr=False)  # without any "auto"
    command: str | None  # `unfazed train …` on the same source, without a learning rate; None for a frame in memory
    rates: NDArray[np.float64] = field(repr=False)  # [S]
    losses: NDArray[np.float64] = field(repr=False)  # [R, S], nan after a repeat has diverged
    smoothed: NDArray[np.float64] = field(repr=False)  # [S], over all repeats; nan once half have diverged

    @property
    def peak(self) -> float | None:
        """The learning rate suggested."""
        return self.bracket.peak if self.bracket else None

    @property
    def low(self) -> float | None:
        """The lower end of what is worth trying."""
        return self.bracket.low if self.bracket else None

    @property
    def high(self) -> float | None:
        """The upper end of what is worth trying."""
        return self.bracket.high if self.bracket else None

    @property
    def onward(self) -> str | None:
        """What to do next, as a command or a line of Python."""
        if self.bracket is None:
            return None
        if self.command is None:
            return f"unfazed.train(frame, learning_rate={rounded(self.bracket.peak)})"
        return f"{self.command} --learning-rate {rounded(self.bracket.peak)}"


def rounded(rate: float) -> str:
    """A learning rate with two digits: 1e-5, 0.014, 1."""
    return f"{rate:.2g}".replace("e-0", "e-").replace("e+0", "e")


def sentences(found: LearningRates) -> list[str]:
    """What was found, on what it rests, and how far to trust it; the most important first."""
    repeats, steps = found.losses.shape
    basis = (
        f"This rests on {count(repeats, 'repeats')} of at most {steps} steps, {found.recipe.batch_size} examples each, "
        f"with {found.recipe.optimizer}"
    )
    if found.bracket is None:
        return [f"No suggestion: {_no_fall(found)}. {basis}.", QUESTIONS[found.recipe.task]]
    low, high = rounded(found.bracket.low), rounded(found.bracket.high)
    limited = found.bracket.limited
    end = "above which it climbs back" if limited else "where the test ended: the loss had not climbed back"
    lines = [
        f"Worth trying: {low}, where the loss falls fastest, to {high}, {end}.",
        f"{basis}; {_spread(found.peaks, repeats)}.",
        _compared(found.recipe.learning_rate, found.bracket),
        CAUTION,
    ]
    return lines


def _no_fall(found: LearningRates) -> str:
    told = int(np.isfinite(found.smoothed).sum())
    if not told:
        return "the loss was no number from the first step on"
    end = rounded(found.rates[told - 1])
    return f"the loss never clearly fell between {rounded(found.rates[0])} and {end}, where the test ended"


def measured(criterion: str) -> tuple[float, str]:
    """By what a loss is multiplied for people, and in what it is then."""
    if criterion in ERRORS:
        return 1.0, f"({ERRORS[criterion]} of the standardised numbers)"
    return BITS_PER_NAT, "in bits"


def level(loss: float, criterion: str) -> str:
    """A loss as minimised, for people: nats become bits, an error of standardised numbers has no unit."""
    return figure(loss, 2) if criterion in ERRORS else bits(loss * BITS_PER_NAT)


def _spread(peaks: list[float], repeats: int) -> str:
    if repeats == 1:
        return "how much another repeat would differ is not known"
    if not peaks:
        return "no repeat on its own suggests a rate"
    said = ", ".join(rounded(peak) for peak in sorted(peaks))
    return f"one by one they suggest {said}" + (" (the others nothing)" if len(peaks) < repeats else "")


def _compared(given: float, bracket: Bracket) -> str:
    if bracket.low <= given <= bracket.high:
        return f"The recipe's {rounded(given)} lies within the bracket."
    side = "below" if given < bracket.low else "above"
    return f"The recipe's {rounded(given)} lies {side} the bracket."


def as_facts(found: LearningRates) -> dict[str, Any]:
    """Everything for programs, JSON-ready: rates as tried, losses as minimised, null where a repeat had diverged."""
    ends = found.bracket._asdict() if found.bracket else dict.fromkeys(Bracket._fields)
    facts: dict[str, Any] = finite(
        {
            **ends,
            "repeats": len(found.losses),
            "repeat_peaks": found.peaks,
            "optimizer": found.recipe.optimizer,
            "batch_size": found.recipe.batch_size,
            "given": found.recipe.learning_rate,
            "notes": sentences(found),
            "next": found.onward,
            "rates": found.rates.tolist(),
            "losses": found.losses.tolist(),
            "smoothed": found.smoothed.tolist(),
        }
    )
    return facts


def follow(
    events: Iterable[Advance | Found | Notice | Tried | LearningRates], console: Console | None
) -> LearningRates:
    """Let the events happen, showing them where there is a console; the result."""
    line = moving_line(console or Console(quiet=True))
    with line:
        task = line.add_task("reading", total=None, detail="")
        for event in events:
            match event:
                case LearningRates():
                    return event
                case Advance(done, total, stage):
                    line.update(task, description=stage, completed=done, total=total, detail=f"{done:,} of {total:,}")
                case Tried(done, total, rate, loss, criterion):
                    said = f"rate {rounded(rate)} · loss {level(loss, criterion)}"
                    line.update(task, description="trying rates", completed=done, total=total, detail=said)
                case Notice(text) if console:
                    console.print(Text(printable(text)), soft_wrap=not console.is_terminal)
                case Found(lines) if console:
                    console.print(Text(printable(lines[0]), style="bold"), soft_wrap=not console.is_terminal)
    raise AssertionError("the events ended without a result")


def told(found: LearningRates, width: int) -> Group:
    """The result for a terminal: the suggestion, the curve with the bracket under it, sentences, what to do next."""
    head = "no suggestion" if found.peak is None else f"suggested learning rate: {rounded(found.peak)}"
    lines = [Text(f"  {said}") for said in sentences(found)]
    parts: list[RenderableType] = ["", Text(head, style="bold"), "", *plotted(found, min(width, WIDEST)), "", *lines]
    if found.onward:
        parts += ["", Text.assemble(("  next  ", "dim"), found.onward)]
    return Group(*parts)


def plotted(found: LearningRates, width: int) -> list[Text]:
    """The smoothed loss over the learning rate on a logarithmic axis, the bracket under it."""
    curved, unit = drawn(found), measured(found.recipe.loss)[1]
    if np.isfinite(curved).sum() < 2:
        return []
    last = int(np.isfinite(curved).sum())
    place, columns = np.log10(found.rates[:last]), width - 12
    rows = curve(place.tolist(), curved[:last].tolist(), columns, ROWS)
    levels = np.linspace(curved[:last].max(), curved[:last].min(), ROWS)
    ends = [_column(rate, found.rates[:last], columns) for rate in (found.low, found.high) if rate]
    lines = [Text(f"  training loss {unit}, over the learning rate", style="dim")]
    for row, text in enumerate(rows):
        label = f"{levels[row]:8.2f} ┤" if row % 4 == 0 or row == ROWS - 1 else " " * 9 + "│"
        line = Text.assemble((label, "dim"), text)
        if ends:
            line.stylize("bold cyan", 10 + ends[0], 10 + ends[1] + 1)
        lines.append(line)
    return [*lines, *_axis(found.rates[:last], columns), *_marks(found, found.rates[:last], columns)]


def _column(rate: float, rates: NDArray[np.float64], columns: int) -> int:
    """Where a rate lies on an axis of so many characters."""
    share = math.log(rate / rates[0]) / math.log(rates[-1] / rates[0])
    return round(share * (columns - 1))


def drawn(found: LearningRates) -> NDArray[np.float64]:
    """The smoothed loss [S] as people see it, nan also from where it is far above the first, past the bracket."""
    curved = found.smoothed * measured(found.recipe.loss)[0]
    far = (curved > TALLEST * abs(curved[0])) & (found.rates > (found.high or found.rates[0]))
    return np.where(np.logical_or.accumulate(far), np.nan, curved)


def decades(rates: NDArray[np.float64]) -> list[float]:
    """The powers of ten among the rates, ends included."""
    first, last = math.ceil(math.log10(rates[0]) - 1e-9), math.floor(math.log10(rates[-1]) + 1e-9)
    return [10.0**exponent for exponent in range(first, last + 1)]


def _axis(rates: NDArray[np.float64], columns: int) -> list[Text]:
    rule, names = ["─"] * columns, [" "] * (columns + 12)
    for rate in decades(rates):
        at, name = _column(rate, rates, columns), rounded(rate)
        rule[at] = "┬"
        start = 10 + at - len(name) // 2
        names[start : start + len(name)] = name
    return [
        Text(" " * 9 + "└" + "".join(rule), style="dim"),
        Text("".join(names).rstrip(), style="dim"),
    ]


def _marks(found: LearningRates, rates: NDArray[np.float64], columns: int) -> list[Text]:
    """The bracket as a line, with the suggestion on it."""
    if found.bracket is None:
        return []
    low, peak, high = (_column(rate, rates, columns) for rate in found.bracket[:3])
    line = ["─"] * (high - low + 1)
    line[0], line[-1] = "├", "┤"
    line[peak - low] = "●"
    return [Text(" " * (10 + low) + "".join(line), style="bold cyan")]
