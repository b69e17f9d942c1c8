"""`unfazed diagnose`: what limits a run, from its files alone; no torch, a second at most."""

from pathlib import Path
from typing import Any

from unfazed.report.facts import facts
from unfazed.report.shapes import only_run_errors
from unfazed.run import Run


def diagnose(run: str | Path | Run) -> dict[str, Any]:
    """What limits `run`: `cause`, `confidence` ("high", "moderate", "low"), `paragraph`, `action` and `evidence`.

    The causes are those of `unfazed.analysis.diagnosis`, "fine" and "can't tell" among them. `layers` are the
    gradients and constant units by layer. Test rows do not choose the cause.

    Raises:
        RunError: there is no run, it is not finished, or its files are damaged.
    """
    opened = Run.open(run)
    with only_run_errors(opened.path):
        found: dict[str, Any] = facts(opened)["diagnosis"]
    return found
