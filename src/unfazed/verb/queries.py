"""The queries that a run keeps: `RUN/queries/1`, `2` …, each a list of examples to be labelled.

Axis letters: k examples of a query, N rows of the run.
"""

import io
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import polars as pl

from unfazed.errors import RunError, UsageError
from unfazed.files import unreadable, write_bytes
from unfazed.run import Run
from unfazed.table import read_parquet

FOLDER = "queries"
FILE = "query.parquet"
DECISIONS = "decisions.jsonl"  # beside it, what people decided
CANDIDATE = pl.List(pl.Struct({"label": pl.String, "probability": pl.Float64}))
COLUMNS: dict[str, Any] = {
    "id": pl.String, "input": pl.String, "predicted": pl.String, "probability": pl.Float64, "uncertainty": pl.Float64,
    "distance": pl.Float64, "reason": pl.String, "sha256": pl.String, "candidates": CANDIDATE,
    "neighbours": pl.List(pl.Int64),
}  # fmt: skip
MOST = 1000  # queries of a run


class Asked(NamedTuple):
    """A query that is kept."""

    run: Run
    folder: Path
    frame: pl.DataFrame  # [k] COLUMNS, the most worth labelling first
    data: str  # what was chosen from, for people


def keep(run: Run, frame: pl.DataFrame, data: str) -> Path:
    """Keep a query in a new folder of the run; the folder.

    Raises:
        UsageError: the run cannot be written to.
    """
    try:
        (run.path / FOLDER).mkdir(exist_ok=True)
        if (run.path / FOLDER).is_symlink():  # of a stranger's run, it may lead anywhere
            raise UsageError(f"{run.path / FOLDER} is a link: queries are kept in the run itself. Remove the link")
        folder = _fresh(run.path / FOLDER)
        buffer = io.BytesIO()
        frame.select(*COLUMNS).write_parquet(buffer, metadata={"unfazed": json.dumps({"data": data})})
        write_bytes(folder / FILE, buffer.getvalue())
    except OSError as error:
        raise UsageError(f"cannot keep the query in {run.path / FOLDER}: {error.strerror}") from error
    return folder


def _fresh(parent: Path) -> Path:
    last = max((int(place.name) for place in parent.iterdir() if place.name.isdecimal()), default=0)
    for number in range(last + 1, last + MOST):
        with suppress(FileExistsError):
            (parent / str(number)).mkdir()
            return parent / str(number)
    raise UsageError(f"{parent} is full")


def is_query(path: Path) -> bool:
    """Whether a folder is that of a query, rather than of a run, or one that may not be entered."""
    try:
        return (path / FILE).is_file()
    except OSError:
        return False


def opened(folder: Path) -> Asked:
    """The query in a folder of a run.

    Raises:
        RunError: it is damaged, cannot be read, or is in no run.
    """
    run = Run.open(folder.resolve().parent.parent)
    try:
        data = (folder / FILE).read_bytes()
        frame = read_parquet(data).select(pl.col(name).cast(dtype) for name, dtype in COLUMNS.items())
        about = json.loads(pl.read_parquet_metadata(io.BytesIO(data)).get("unfazed", "{}"))
        near = frame["neighbours"].explode().drop_nulls()
        if frame.null_count().select("id", "input", "predicted", "reason", "sha256", "candidates").sum_horizontal()[0]:
            raise ValueError("a value is missing")
        if not frame["sha256"].str.contains("^[0-9a-f]{64}$").all():  # else any file could be shown for the one chosen
            raise ValueError("a sha256 is none")
        if len(near) and not 0 <= near.min() <= near.max() < len(run.table()):  # type: ignore[operator]
            raise ValueError("its neighbours are no rows of the run")
        return Asked(run, folder, frame, str(about.get("data", "")))
    except OSError as error:
        raise unreadable(folder / FILE, error) from error
    except (pl.exceptions.PolarsError, ValueError, AttributeError, RecursionError) as error:
        raise RunError(f"{folder / FILE} is damaged: {str(error).splitlines()[0]}. Query again") from error


def kept(run: Run) -> Iterator[Path]:
    """The folders of a run's queries, in their order."""
    found = [place for place in (run.path / FOLDER).glob("*") if place.name.isdecimal() and is_query(place)]
    yield from sorted(found, key=lambda place: int(place.name))


def asked_before(run: Run) -> set[str]:
    """The contents of the queries that people have begun to decide about: those are labelled there."""
    return {digest for folder in kept(run) if is_begun(folder) for digest in opened(folder).frame["sha256"]}


def is_begun(folder: Path) -> bool:
    """Whether people have begun to decide about the examples of a query."""
    try:
        return (folder / DECISIONS).stat().st_size > 0
    except OSError:
        return False
