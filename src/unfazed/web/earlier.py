"""What people had decided about a run's labels before it was trained: the corrections that it was trained with."""

from collections.abc import Iterable
from typing import Any

from unfazed.corrections import CHANGING, Correction, still_holds
from unfazed.label_sets import NO_LABELS
from unfazed.table import Table


def decided_before(earlier: Iterable[Correction], table: Table) -> dict[int, dict[str, Any]]:
    """By row, what the page is told of a decision, and the label that it `was` about; where that label, or the
    content, is another one now, nothing was decided.
    """
    rows = {name: row for row, name in enumerate(table.frame["id"])}
    return {
        rows[one.id]: _told(rows[one.id], one)
        for one in earlier
        if one.id in rows and still_holds(one, rows[one.id], table)
    }


def _told(row: int, one: Correction) -> dict[str, Any]:
    said = {"who": one.who, "when": one.when, "why": one.why, "was": one.label}
    corrected = one.corrected if one.action == "relabel" else ""
    return {"row": row, "number": 0, "action": one.action, "corrected": corrected, "earlier": True, **said}


def in_terms_of_the_source(before: Correction, found: Correction) -> Correction:
    """What holds when a decision about a label comes after one that the run was trained with: the source still has
    the label that the earlier one was about.
    """
    if found.action in ("keep", "unsure") and before.action in CHANGING:
        return before
    if found.corrected == (before.label or NO_LABELS):
        return found._replace(label=before.label, action="keep")
    return found._replace(label=before.label)
