"""Predictions as people and programs read them: a table, CSV, or JSON lines."""

import csv
import io
import json
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from typing import NamedTuple

from rich.table import Table
from rich.text import Text

from unfazed.report.words import printable

ROWS = 50  # of a table on a terminal, before its next heading


class Prediction(NamedTuple):
    """What the model says of one input, or why the input cannot be read."""

    input: str
    label: str | None
    problem: str | None
    probs: dict[str, float]  # by class; nan where there is a problem

    @property
    def confidence(self) -> float | None:
        """Probability of the label."""
        return self.probs[self.label] if self.label is not None else None


class Told:
    """Passes predictions on, and counts them and those that could be read."""

    def __init__(self, predictions: Iterable[Prediction]):
        self.predictions = predictions
        self.count = self.readable = 0

    def __iter__(self) -> Iterator[Prediction]:
        for prediction in self.predictions:
            self.count += 1
            self.readable += prediction.problem is None
            yield prediction


def written(predictions: Iterable[Prediction], form: str, probs: bool) -> Iterator[str | Table]:
    """The predictions in the form `"table"`, `"csv"` or `"jsonl"`, piece by piece; `probs` adds every class's."""
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
        table = Table("input", "label", "confidence", box=None, header_style="dim", pad_edge=False)
        names = list(part[0].probs) if probs else []
        for name in names:
            table.add_column(Text(printable(name)), justify="right")
        for prediction in part:
            shown = Text(
                printable(prediction.label or prediction.problem or ""), "" if prediction.label is not None else "red"
            )
            confidence = "" if prediction.confidence is None else f"{prediction.confidence:.1%}"
            shares = ["" if prediction.label is None else f"{prediction.probs[name]:.1%}" for name in names]
            table.add_row(Text(printable(prediction.input)), shown, confidence, *shares)
        yield table


def _csv(predictions: Iterable[Prediction], probs: bool) -> Iterator[str]:
    remaining = iter(predictions)
    first = next(remaining, None)
    if first is None:
        return
    names = list(first.probs) if probs else []
    yield _line(["input", "label", "confidence", "problem", *(f"probability of {name}" for name in names)])
    for one in chain([first], remaining):
        confidence = "" if one.confidence is None else f"{one.confidence:.6f}"
        shares = ["" if one.label is None else f"{one.probs[name]:.6f}" for name in names]
        yield _line([one.input, one.label or "", confidence, one.problem or "", *shares])


def _line(values: list[str]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="").writerow(values)
    return text.getvalue()


def _json(one: Prediction, probs: bool) -> str:
    facts: dict[str, object] = {**one._asdict(), "confidence": one.confidence}
    if one.label is None:
        facts["probs"] = None  # nan is not JSON
    if not probs:
        del facts["probs"]
    return json.dumps(facts, ensure_ascii=False)
