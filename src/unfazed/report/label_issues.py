"""The labels that are probably wrong, as a table for a terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Column, Table
from rich.text import Text

from unfazed.report.inputs import FILES, Elided, said_inputs
from unfazed.report.labels import is_counted, named, sentences
from unfazed.report.tables import Hanging
from unfazed.report.words import count, figure, percent, printable

if TYPE_CHECKING:
    import polars as pl

SHOWN = 25
DEPTHS = 3
MOST = 1000  # where every label is asked for, and no file


def listing(
    frame: "pl.DataFrame", told: Mapping[str, Any], modality: str, written: str | None = None, every: bool = False
) -> Group:
    """How many labels are wrong, the worst ones, and where the others are."""
    first, *others = [*sentences(told), *_depths(told)]
    said = [Hanging(first, "bold"), *(Hanging(one) for one in others)]
    if not len(frame):
        return Group(*said)
    numbers = "residual" in frame.columns
    shown = frame.head(MOST if every and written is None else SHOWN)
    inputs = _inputs(shown, modality)
    heads = ("× usual" if numbers else "wrong", "given", "suggested", "split", "id", *(["input"] if inputs else []))
    shrinking = ("given", "suggested", "input", *(["id"] if not inputs else []))
    columns = [Column(name, no_wrap=name not in shrinking) for name in heads]
    table = Table(*columns, box=None, header_style="dim", pad_edge=False, padding=(0, 0, 0, 2))
    for place, row in enumerate(shown.iter_rows(named=True)):
        sure = figure(abs(row["residual"]), 1) if numbers else percent(row["error_probability"])
        labels = (Elided(printable(named(row[name], told) or "")) for name in ("label", "suggested"))
        what = [Elided(printable(text), end=modality not in FILES) for text in inputs[place : place + 1]]
        table.add_row(sure, *labels, row["split"], Elided(printable(row["id"])), *what)
    rest = len(frame) - len(shown)
    more = "--csv FILE writes all of them" if written is None else f"all of them are in {written}"
    left = Text(f"  {count(rest)} more; {more}" if rest > 0 else f"  {more}", "dim")
    return Group(*said, "", table, "", left)


def _inputs(shown: "pl.DataFrame", modality: str) -> list[str]:
    """What there is of inputs beside their ids; nothing where the ids are their names."""
    known = all(path.replace("\\", "/").endswith(f"/{name}") for path, name in shown.select("input", "id").iter_rows())
    return [] if known and modality in FILES else said_inputs(shown["input"].to_list(), modality)


def _depths(told: Mapping[str, Any]) -> list[str]:
    """What reading a part of the list brings, in a sentence; nothing where the list is short, or that is unknown."""
    worth = (told.get("worth") or 0) if is_counted(told) else 0
    found = [one for one in told.get("depths") or [] if one["rows"] <= worth][-DEPTHS - 1 : -1]
    if not found:
        return []
    rows = " / ".join(count(one["rows"]) for one in found)
    wrong = " / ".join(f"{min(99, max(1, round(100 * one['precision'])))} %" for one in found)  # none is certain
    return [f"Reading the first {rows}: about {wrong} of them wrong."]
