"""The labels that are probably wrong, as a table for a terminal."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.table import Column, Table
from rich.text import Text

from unfazed.report.labels import named, sentences
from unfazed.report.terminal import Hanging
from unfazed.report.words import count, figure, percent, printable

if TYPE_CHECKING:
    import polars as pl

SHOWN = 25


def listing(frame: "pl.DataFrame", told: Mapping[str, Any], written: str | None) -> Group:
    """How many labels are wrong, the worst ones, and where the others are."""
    first, *others = sentences(told)
    said = [Hanging(first, "bold"), *(Hanging(one) for one in others)]
    if not len(frame):
        return Group(*said)
    numbers = "residual" in frame.columns
    heads = ("× usual" if numbers else "wrong", "given", "suggested", "split", "id")
    columns = (Column(name, no_wrap=True, overflow="ellipsis", ratio=1 if name == "id" else None) for name in heads)
    table = Table(*columns, box=None, header_style="dim", pad_edge=False, padding=(0, 1, 0, 2), expand=True)
    for row in frame.head(SHOWN).iter_rows(named=True):
        sure = figure(abs(row["residual"]), 1) if numbers else percent(row["error_probability"])
        labels = (named(row[name], told) for name in ("label", "suggested"))
        table.add_row(sure, *(Text(printable(text or "")) for text in (*labels, row["split"], row["id"])))
    rest = len(frame) - SHOWN
    more = "--csv FILE writes all of them" if written is None else f"all of them are in {written}"
    left = Text(f"  {count(rest)} more; {more}" if rest > 0 else f"  {more}", "dim")
    return Group(*said, "", table, "", left)
