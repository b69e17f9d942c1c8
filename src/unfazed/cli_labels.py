"""The commands about labels."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from unfazed.console import console_of_output


def label_issues(
    run: Path,
    /,
    *,
    all_: Annotated[bool, Parameter(name="--all", negative="")] = False,
    csv: Path | None = None,
) -> None:
    """Show which labels of a run are probably wrong, worst first, and how many there are. Nothing is changed.

    Parameters
    ----------
    run
        The run folder.
    all_
        Rank every label, not only those worth reading.
    csv
        A file for the whole list: id, input, split, label, suggested, error_probability, …
    """
    from unfazed.report.label_issues import listing
    from unfazed.verb.label_issues import label_issues as found_in
    from unfazed.verb.label_issues import told, write_csv

    issues, console = found_in(run, every=all_), console_of_output()
    if csv is not None:
        write_csv(issues, csv)
    written = None if csv is None else str(csv)
    console.print(listing(issues.frame, told(issues), written), soft_wrap=not console.is_terminal)
