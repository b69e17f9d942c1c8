"""Predictions as people and programs read them: a table, CSV, or JSON lines."""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from itertools import chain, islice
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from rich.table import Table
from rich.text import Text

from unfazed.analysis.shares import probability
from unfazed.errors import UsageError
from unfazed.files import as_csv
from unfazed.report.events import Notice
from unfazed.report.inputs import Elided
from unfazed.report.words import printable
from unfazed.table import brief

ROWS = 50  # of a table on a terminal, before its next heading
NONE = "none of them"  # what people call an empty set of labels
_SHOWN = 200  # characters of an input in a sentence


class Prediction(NamedTuple):
    """What the model says of one input, or why the input cannot be read."""

    input: str
    label: str | None
    problem: str | None
    probs: dict[str, float]  # by class; nan where there is a problem
    promised: Mapping[str, Any] = MappingProxyType({})  # set: classes; low, high: ends; answer: the label, if sure
    numbers: dict[str, float] | None = None  # "prediction", "deviation" where the model says it; None for classes
    labels: list[str] | None = None  # those in the set, where sets of labels are predicted

    @property
    def confidence(self) -> float | None:
        """Probability of the label, or of the whole set as if labels were independent; None for none, or a number."""
        if self.labels is not None:
            return math.prod(share if name in self.labels else 1 - share for name, share in self.probs.items())
        return self.probs.get(self.label) if self.label is not None else None


class Told:
    """Passes predictions on; keeps what was noticed beside them, and counts them and those that have a problem."""

    def __init__(self, predictions: Iterable[Prediction | Notice]):
        self.predictions = predictions
        self.count = self.unread = self.answered = 0
        self.first: Prediction | None = None  # of those with a problem
        self.notices: list[str] = []

    def __iter__(self) -> Iterator[Prediction]:
        for one in self.predictions:
            if isinstance(one, Notice):
                self.notices.append(one.text)
                continue
            self.count += 1
            self.answered += one.promised.get("answer") is not None
            if one.problem is not None:
                self.unread += 1
                self.first = self.first or one
            yield one

    @property
    def answers(self) -> str:
        """How many inputs were answered, and why the others were not, where there is a risk to be kept."""
        unsure = self.count - self.unread - self.answered
        why = f"; of {unsure:,} the model is not sure enough for that risk: their answer is empty" if unsure else ""
        return f"answered {self.answered:,} of {self.count:,} inputs{why}"

    @property
    def failure(self) -> str | None:
        """How many inputs could not be predicted, and why the first could not; None where all could."""
        if self.first is None:
            return None
        many = "none" if self.unread == self.count else f"{self.unread:,}"
        which = f"the first: {self.first.input[:_SHOWN]}: {self.first.problem}"
        if many == "none":
            return f"none of {self.count:,} inputs can be read ({which})"
        return f"{many} of {self.count:,} inputs cannot be read ({which}); the others are predicted"


def written(predictions: Iterable[Prediction], form: str, probs: bool) -> Iterator[str | Table]:
    """The predictions in the form `"table"`, `"csv"` or `"jsonl"`, piece by piece; `probs` adds every class's.

    Raises:
        UsageError: `probs` of numbers.
    """
    remaining = iter(predictions)
    first = next(remaining, None)
    if first is None:
        return
    if probs and first.numbers:
        raise UsageError("--probs: this run predicts numbers, which have no classes. Leave it out")
    predictions = chain([first], remaining)
    match form:
        case "table":
            yield from _tables(predictions, probs)
        case "csv":
            yield from _csv(predictions, probs)
        case _:
            yield from (_json(prediction, probs) for prediction in predictions)


def _tables(predictions: Iterable[Prediction], probs: bool) -> Iterator[Table]:
    remaining = iter(predictions)
    while part := list(islice(remaining, ROWS)):
        numbers = list(part[0].numbers or ())
        table = Table("input", *(numbers[:1] or ["label"]), box=None, header_style="dim", pad_edge=False)
        for name in numbers[1:] if numbers else ["confidence"]:
            table.add_column(name, no_wrap=True)
        for name in part[0].promised:
            table.add_column(name)
        if probs:
            table.add_column("every class, the likeliest first")
        for one in part:
            shown = Text(printable(one.problem or ""), "red") if one.label is None else Elided(_said(one))
            sure = "" if one.confidence is None else probability(one.confidence)
            beside = list(_plainly(one).values())[1:] if one.numbers else [sure]
            promised = [Elided(printable(text)) for text in _promised(one)]
            every = [_every_class(one)] if probs else []
            table.add_row(Elided(printable(one.input)), shown, *beside, *promised, *every)
        yield table


def _promised(one: Prediction) -> list[str]:
    """The cells of what is promised: a set as "cat|dog", an end as a number, nothing where there is none."""
    said = one.promised.values()
    return ["|".join(value) if isinstance(value, list) else "" if value is None else
            f"{value:.6g}" if isinstance(value, float) else str(value) for value in said]  # fmt: skip


def _said(one: Prediction) -> str:
    return NONE if one.labels == [] else printable(one.label or "")


def _every_class(one: Prediction) -> Text:
    """Columns of their own would fit a terminal for a handful of classes only."""
    if one.label is None:
        return Text()
    ordered = sorted(one.probs.items(), key=lambda pair: -pair[1])
    # each is kept on one line
    shares = [(printable(brief(name)), probability(share).replace(" ", "")) for name, share in ordered]
    return Text(", ".join(" ".join(pair) for pair in shares))


def _csv(predictions: Iterable[Prediction], probs: bool) -> Iterator[str]:
    remaining = iter(predictions)
    first = next(remaining, None)
    if first is None:
        return
    predictions = chain([first], remaining)
    if first.numbers:
        yield _line(["input", *first.numbers, *first.promised, "problem"])
        for one in predictions:
            said = _plainly(one).values()
            yield _line([one.input, *said, *_promised(one), one.problem or ""])
        return
    names = list(first.probs) if probs else []
    shown = [f"probability of {name}" for name in names]
    yield _line(["input", "label", "confidence", "problem", *first.promised, *shown])
    for one in predictions:
        confidence = "" if one.confidence is None else f"{one.confidence:.6f}"
        shares = ["" if one.label is None else f"{one.probs[name]:.6f}" for name in names]
        yield _line([one.input, one.label or "", confidence, one.problem or "", *_promised(one), *shares])


def _plainly(one: Prediction) -> dict[str, str]:
    """A predicted number with all its digits, a deviation with those of a float32; nothing where it is nan."""
    said: dict[str, float] = one.numbers or {}
    exact = {name: number if name == "prediction" else np.float32(number) for name, number in said.items()}
    return {name: "" if math.isnan(number) else str(number) for name, number in exact.items()}


def _line(values: list[str]) -> str:
    """A line of CSV without its end; the module `csv` puts into quotes what stands in the end that it writes."""
    return as_csv(values, ()).removesuffix("\r\n")


def _json(one: Prediction, probs: bool) -> str:
    if one.numbers:
        told = {name: float(digits) if digits else None for name, digits in _plainly(one).items()}
        return json.dumps({"input": one.input, **told, **one.promised, "problem": one.problem}, ensure_ascii=False)
    facts: dict[str, object] = {**one._asdict(), "confidence": one.confidence, **one.promised}
    del facts["numbers"], facts["promised"]
    if one.label is None:
        facts["probs"] = None  # nan is not JSON
    if not probs:
        del facts["probs"]
    if one.labels is None:
        del facts["labels"]
    return json.dumps(facts, ensure_ascii=False)
