"""The commands about labels."""

import shlex
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from unfazed.console import console_of_output
from unfazed.errors import UsageError


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
    console.print(f"  next    unfazed review {shlex.quote(str(run))}", soft_wrap=True, markup=False)


def review(
    run: Path,
    /,
    *,
    reviewer: str | None = None,
    host: str = "127.0.0.1",
    port: int = 0,
    browser: bool = True,
    export: Path | None = None,
    static: Path | None = None,
    limit: int = 200,
) -> None:
    """Check the labels of a run in the browser, the most doubtful first; then train again with the corrections.

    Parameters
    ----------
    run
        The run folder. Decisions are kept in it, under review/.
    reviewer
        Who decides; by default the name of the user.
    host
        The address to listen on. Anybody who can reach it and has the link can decide.
    port
        By default any that is free.
    browser
        Whether to open the page where there is a screen.
    export
        Write what was decided to this file, corrections.csv say, for unfazed train SOURCE --corrections; no page.
    static
        Write the page as one HTML file that needs no server, for decisions elsewhere; it gives back a corrections.csv.
    limit
        How many examples such a file holds.
    """
    if export is not None and static is not None:
        raise UsageError("--export and --static are two things: ask for one of them")
    from unfazed.web.open import exported, retraining, served, static_file

    console = console_of_output()
    if export is not None:
        counted = exported(run, export)
        then = f"  file    {export}\n  next    {retraining(run, export)}"
        console.print(f"{counted}\n{then}", soft_wrap=True, markup=False)
    elif static is not None:
        console.print(f"{static_file(run, static, limit)}\n  page    {static}", soft_wrap=True, markup=False)
    else:
        for line in served(run, reviewer, host, port, browser):
            console.print(line, soft_wrap=True, markup=False)
        then = f"unfazed review {shlex.quote(str(run))} --export corrections.csv"
        console.print(f"  next    {then}", soft_wrap=True, markup=False)
