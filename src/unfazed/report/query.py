"""What is worth labelling next, and why, as people read it in a terminal.

Axis letters: k examples of a query.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.console import Console, Group
from rich.table import Column, Table
from rich.text import Text

from unfazed.report.events import Advance, Finishing, Notice
from unfazed.report.inputs import FILES, Elided, said_inputs
from unfazed.report.predictions import NONE
from unfazed.report.tables import Hanging
from unfazed.report.terminal import moving_line
from unfazed.report.words import count, number, printable
from unfazed.table import brief

if TYPE_CHECKING:
    import polars as pl

SHOWN = 20
UNSURE = 0.5  # margin below which two classes are both in question
SURE = 0.95  # probability from which on nothing is said of doubt
WORDS = {
    "both": "what the model is unsure of, in as many ways as possible",
    "uncertainty": "what the model is least sure of",
    "diversity": "what is least like the training rows and like each other",
}


@dataclass(frozen=True, eq=False)
class Query:
    """Unlabelled examples, the most worth labelling first, and what was found of the others."""

    frame: "pl.DataFrame"
    by: str  # uncertainty, diversity or both
    pool: int  # examples that there were to choose from
    known: int  # examples of the run itself, by their content
    waiting: int  # examples of an earlier query that people have begun to label
    repeated: int  # examples whose content had come before
    problems: list[tuple[str, str]]  # id and reason of what cannot be read
    notes: list[str]


def reasons(
    task: str,
    candidates: Sequence[Sequence[Mapping[str, Any]]],
    uncertainty: Sequence[float],
    distance: Sequence[float],
    far: float,
) -> list[str]:
    """Why each of k examples was chosen, in a few words.

    candidates: of each the likeliest classes. distance: in units of a validation row's; few of these reach `far`.
    """
    said = []
    for its, doubt, how_far in zip(candidates, uncertainty, distance, strict=True):
        parts = [_doubt(task, its, float(doubt))]
        if how_far >= far:
            parts.append(f"unlike any training row ({how_far:.1f} × the usual distance)")
        said.append("; ".join(part for part in parts if part) or "unlike those before it")
    return said


def _doubt(task: str, candidates: Sequence[Mapping[str, Any]], uncertainty: float) -> str:
    if task == "regression":
        return f"may be off by {number(uncertainty, 3)}"
    if task == "multilabel":
        open_ones = [one for one in candidates if 0.2 <= one["probability"] <= 0.8]
        names = " and ".join(f"{brief(one['label'])} ({_whole(one)} %)" for one in open_ones[:2])
        return f"unsure about {names}" if names else ""
    first, second = candidates[:2]
    if first["probability"] - second["probability"] < UNSURE:
        return f"{brief(first['label'])} or {brief(second['label'])}? {_whole(first)} / {_whole(second)} %"
    return f"only {_whole(first)} % sure" if first["probability"] < SURE else ""


def _whole(one: Mapping[str, Any]) -> str:
    return f"{100 * one['probability']:.0f}"


def follow(events: Iterable[Advance | Finishing | Notice | Query], console: Console) -> Query:
    """Let the events happen, showing how far they are; the result."""
    line = moving_line(console)
    with line:
        task = line.add_task("reading", total=None, detail="")
        for event in events:
            match event:
                case Advance(done, total, stage):
                    line.update(task, description=stage, completed=done, total=total, detail=f"{done:,} of {total:,}")
                case Finishing(stage):
                    line.update(task, description=stage, completed=0, total=None, detail="")
                case Notice(text):
                    console.print(printable(text), soft_wrap=not console.is_terminal, style="yellow", markup=False)
                case _:
                    return event
    raise AssertionError("the events ended without a result")


def listing(found: Query, modality: str, written: str | None) -> Group:
    """What was chosen, the first rows of it, and where all of it is."""
    frame = found.frame
    said = [Hanging(f"{count(len(frame))} of {count(found.pool, 'unlabelled examples')}: {WORDS[found.by]}", "bold")]
    said += [Hanging(line) for line in left_out(found)]
    classes = frame["probability"].null_count() < len(frame)
    heads = ("", "example", "predicted", *(["sure"] if classes else []), "why")
    columns = [Column(name, no_wrap=name in ("", "sure")) for name in heads]
    columns[0].justify = "right"
    table = Table(*columns, box=None, header_style="dim", pad_edge=False, padding=(0, 1, 0, 2))
    names = said_inputs(frame["id" if modality in FILES else "input"].to_list(), modality)
    for row, name in zip(frame.head(SHOWN).iter_rows(named=True), names, strict=False):
        sure = [f"{100 * row['probability']:.0f} %"] if classes else []
        example = Elided(printable(name), end=modality not in FILES)
        predicted, why = Elided(printable(row["predicted"] or NONE)), Elided(printable(row["reason"]), end=True)
        table.add_row(str(row["rank"]), example, predicted, *sure, why)
    rest = len(frame) - SHOWN
    more = "--csv FILE writes all of them" if written is None else f"all of them are in {written}"
    left = Text(f"  {count(rest)} more; {more}" if rest > 0 else f"  {more}", "dim")
    return Group(*said, "", table, "", left)


def left_out(found: Query) -> list[str]:
    """What of the data could not be chosen, and why, in sentences."""
    told = (
        (found.known, "is an example of the run already", "are examples of the run already"),
        (found.waiting, "waits in a query that is being labelled", "wait in a query that is being labelled"),
        (found.repeated, "is a copy of another", "are copies of others"),
    )
    said = [f"{count(found)} more {one if found == 1 else many}." for found, one, many in told if found]
    if found.problems:
        name, reason = found.problems[0]
        said.append(f"{count(len(found.problems))} cannot be read (the first: {printable(f'{name[:200]}: {reason}')}).")
    return said
