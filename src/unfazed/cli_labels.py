"""The commands about labels: which are wrong, which are worth asking for, and the page on which people decide."""

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from unfazed.cli_flags import PAGE, PAGE_FLAGS, PageFlags
from unfazed.console import console_of_output, print_whole
from unfazed.errors import UsageError
from unfazed.files import is_standard_output

if TYPE_CHECKING:
    from rich.console import Console


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
        List every label, not only those worth reading: the first 1,000 here, all of them in the file of --csv.
    csv
        A file for the whole list, or - for the standard output: id, input, split, label, suggested,
        error_probability, estimated_precision (the share expected to be wrong of the rows down to this one), …
    """
    from unfazed.report.label_issues import listing
    from unfazed.run import Run
    from unfazed.verb.label_issues import label_issues as found_in
    from unfazed.verb.label_issues import told, write_csv

    opened, console = Run.open(run), console_of_output(csv)
    issues = found_in(opened, every=all_)
    if csv is not None:
        write_csv(issues, opened.table().frame["id"].to_list(), csv)
    listed = listing(issues.frame, told(issues), opened.recipe.modality, _said(csv), all_)
    print_whole(console, listed)
    console.print(f"  next    unfazed review {shlex.quote(str(run))}", soft_wrap=True, markup=False)


def review(
    run: Path,
    /,
    *,
    page: Annotated[PageFlags, Parameter(name="*")] = PAGE_FLAGS,
    export: Path | None = None,
    static: Path | None = None,
    limit: int = 200,
) -> None:
    """Check the labels of a run in the browser, the most doubtful first; or label the examples of a query.

    Parameters
    ----------
    run
        The run folder; decisions are kept in it, under review/. Or the folder of a query, RUN/queries/1.
    export
        Write what was decided to this file (-: the standard output), for unfazed train SOURCE --corrections, or --more
        for a query; no page.
    static
        Write the page as one HTML file that needs no server, for decisions elsewhere; it gives back such a CSV.
    limit
        How many examples such a file holds.
    """
    if export is not None and static is not None:
        raise UsageError("--export and --static are two things: ask for one of them")
    from unfazed.web.open import exported, retraining, static_file

    console = console_of_output(export or static)
    if export is not None:
        counted = exported(run, export)
        then = "" if is_standard_output(export) else f"\n  file    {export}\n  next    {retraining(run, export)}"
        console.print(f"{counted}{then}", soft_wrap=True, markup=False)
    elif static is not None:
        console.print(f"{static_file(run, static, limit)}\n  page    {_said(static)}", soft_wrap=True, markup=False)
    else:
        _serve(run, page, console)


def query(
    run: Path,
    unlabelled: list[str],
    /,
    *,
    count: int = 100,
    by: Literal["both", "uncertainty", "diversity"] = "both",
    csv: Path | None = None,
    path: str | None = None,
    header: bool = True,
    review: Annotated[bool, Parameter(negative="", group=PAGE)] = False,
    page: Annotated[PageFlags, Parameter(name="*")] = PAGE_FLAGS,
) -> None:
    """Rank what is most worth labelling next among unlabelled examples; then label it, and train again with it.

    Parameters
    ----------
    run
        The run folder. The list is kept in it, under queries/.
    unlabelled
        Files, folders, texts, or CSV, TSV, Parquet or JSONL files of paths, texts or rows, as for unfazed predict.
    count
        How many examples to choose.
    by
        What the model cannot tell (uncertainty), what is unlike all that is labelled (diversity), or both at once.
    csv
        A file for the list (-: the standard output), with an empty column label: filled in, it is what unfazed train
        SOURCE --more takes.
    path
        The column of paths of a table; by default the one with the most that are files.
    header
        Whether the first line of such a table names its columns.
    review
        Open the page on which they are labelled, at once.
    """
    from unfazed.report.query import follow, listing
    from unfazed.run import Run
    from unfazed.verb.queries import keep
    from unfazed.verb.query import query_events, write_csv

    console = console_of_output(csv)
    found = follow(query_events(run, unlabelled, count, by, path, header), console)
    folder = keep(Run.open(run), found.frame, ", ".join(Path(item).name or item for item in unlabelled))
    if csv is not None:
        write_csv(found, csv)
    print_whole(console, listing(found, Run.open(run).recipe.modality, _said(csv)))
    if review:
        _serve(folder, page, console)
    else:
        console.print(f"  next    unfazed review {shlex.quote(str(folder))}", soft_wrap=True, markup=False)


def _said(file: Path | None) -> str | None:
    """A file that is written, for people."""
    return "the standard output" if is_standard_output(file) else str(file) if file is not None else None


def _serve(folder: Path, page: PageFlags, console: "Console") -> None:
    """Serve the page of a run or of a query until Ctrl-C, and say what to do with the decisions."""
    from unfazed.verb.queries import is_query
    from unfazed.web.open import served

    for line in served(folder, page.reviewer, page.host, page.port, page.browser):
        console.print(line, soft_wrap=True, markup=False)
    file = "labels.csv" if is_query(folder) else "corrections.csv"
    then = f"unfazed review {shlex.quote(str(folder))} --export {file}"
    console.print(f"  next    {then}", soft_wrap=True, markup=False)
