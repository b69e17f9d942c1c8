"""Labels to check, in words: for the terminal, the page and the model card."""

from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from unfazed.analysis.intervals import Estimate
from unfazed.report.words import count as counted
from unfazed.report.words import percent, printable

if TYPE_CHECKING:
    import polars as pl

SHOWN = 25


def listing(frame: "pl.DataFrame", estimate: Estimate, file: Path | None) -> Group:
    """The headline, the worst labels, and where the others are."""
    table = Table("wrong", "given", "suggested", "split", "id", box=None, header_style="dim", padding=(0, 1, 0, 2))
    for row in frame.head(SHOWN).iter_rows(named=True):
        names = (printable(row[name] or "") for name in ("label", "suggested", "split", "id"))
        table.add_row(percent(row["error_probability"]), *(Text(name) for name in names))
    rest = len(frame) - SHOWN
    more = f"{counted(rest)} more: --csv FILE writes them all" if rest > 0 else ""
    return Group(Text(headline(estimate), "bold"), "", table, "", Text(str(file) if file else more, "dim"))


def headline(estimate: Estimate) -> str:
    """How many labels are wrong."""
    ends = f"{counted(round(estimate.low))} to {counted(round(estimate.high))}"
    return f"about {counted(round(estimate.value))} of {counted(estimate.n)} labels are wrong ({ends})"
