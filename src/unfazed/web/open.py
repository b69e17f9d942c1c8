"""`unfazed review`: the page on a server or in a file, and what was decided as `corrections.csv`."""

import base64
import html
import os
import shlex
import sys
import tempfile
import webbrowser
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import Any
from urllib.parse import quote

from unfazed.errors import InputError, RunError, UsageError
from unfazed.files import write_out, writing
from unfazed.label_sets import labels_of
from unfazed.report.words import count
from unfazed.run import Run
from unfazed.source import SourceOptions
from unfazed.verb.queries import is_query, opened
from unfazed.verb.settings import as_flag
from unfazed.web.labelling import Labelling
from unfazed.web.page import static_page
from unfazed.web.review import Review, Wanted
from unfazed.web.said import reviewer_name, user_name
from unfazed.web.server import ReviewServer
from unfazed.web.weights import Weights

MOST = 2000  # examples in a static file
DOOR = """<!DOCTYPE html>
<meta charset="utf-8"><meta name="referrer" content="no-referrer">
<meta http-equiv="refresh" content="0; url={address}">
<title>Review of labels</title><a href="{address}">The page</a>
"""


def served(path: Path, reviewer: str | None, host: str, port: int, browser: bool) -> Iterator[str]:
    """Serve the review of a run, or the labelling of a query, until Ctrl-C.

    Yields the link once it is there, and at the end what was decided. The page that is opened here knows the
    `reviewer`, by default the user; whoever else has the link is asked for a name.
    """
    name = reviewer_name(reviewer) if reviewer is not None else user_name()
    if not is_query(path):
        run = _finished(path)
        yield f"judging {count(len(run.table()), labels_of(run.task))} …"
    review = _review(path)
    review.onward = retraining(path, Path(review.file))
    review.decisions.begin()
    review.things.weights = Weights(review.run, review.table)
    server = ReviewServer(review, host, port)
    try:
        yield f"{_progress(review)}\n  page    {server.address}\n  stop    Ctrl-C; every decision is kept at once"
        opens = browser and _has_screen()
        with door(review.decisions.path.parent, f"{server.address}#{quote(name)}") if opens else nullcontext() as place:
            if place is not None:
                webbrowser.open(place.as_uri())
            server.serve_forever()
    except KeyboardInterrupt:
        yield f"\n{_progress(review)}"
    finally:
        server.server_close()


@contextmanager
def door(folder: Path, address: str) -> Iterator[Path]:
    """A page that leads to `address` and that its owner alone can read, until the block ends.

    Everybody on a machine can read what a browser was started with: the key must not stand there. The file is not with
    the system's temporary ones, which browsers that are confined by the system do not see.
    """
    with writing(folder):
        handle, name = tempfile.mkstemp(dir=folder, prefix="open-", suffix=".html")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(DOOR.format(address=html.escape(address)))
            yield Path(name).resolve()
        finally:
            Path(name).unlink(missing_ok=True)


def exported(path: Path, file: Path) -> str:
    """Write `corrections.csv`, of a query `labels.csv`; what is in it, in words.

    Raises:
        UsageError: nothing was decided, or the file cannot be written.
    """
    review = _review(path)
    counted = review.counted()
    if not counted:
        raise UsageError(f"nothing was decided about {path} yet: unfazed review {shlex.quote(str(path))}")
    write_out(file, review.export().encode())
    return counted


def retraining(path: Path, file: Path) -> str:
    """The command that trains again as the run was trained, with the corrections, or with what a query brought."""
    query = is_query(path)
    run = opened(path).run if query else Run.open(path)
    flag = "more" if query else "corrections"
    source, options = run.origin.get("source"), run.origin.get("options") or {}
    said: list[str] = ["unfazed", "train", str(source or "SOURCE")]
    usual = asdict(SourceOptions())
    for name, value in options.items():
        if name != flag and value != usual.get(name):
            said += as_flag(name, value)
    said += ["--recipe", str(run.path / "recipe.toml"), f"--{flag}", str(file)]
    return shlex.join(said)


def static_file(path: Path, file: Path, limit: int) -> str:
    """Write the page as one file with the `limit` most doubtful examples; what it holds, in words.

    What it gives back is what the server's export would: also what was decided before.

    Raises:
        UsageError: the limit is out of range, or the file cannot be written.
    """
    if not 1 <= limit <= MOST:
        raise UsageError(f"--limit must be 1 to {MOST:,} examples, got {limit:,}: the file holds them with neighbours")
    review = _review(path)
    run = review.run
    rows = [int(row) for row in review.order[:limit]]
    pictures: dict[str, str] = {}
    earlier = review.earlier()
    items = [_item(review, row, pictures, earlier) for row in rows]
    which = "the most worth labelling" if review.labelling else "the most doubtful"
    start = review.start() | {"rows": len(items), "onward": retraining(path, Path(review.file))}
    if len(items) < (review.worth or len(review.order)):
        start["lead"] = f"{review.lead} Here are {count(len(items))}, {which}."
    data = {
        "start": start,
        "fingerprint": f"{(run.origin.get('data') or {}).get('sha256')} {run.origin.get('created')} {path.name}",
        "path": str(run.path.resolve()),
        "columns": review.fields,
        "key": review.key,
        "decimal": review.table.decimal,
        "lines": review.lines(),
        "items": items,
        "pictures": pictures,
    }
    write_out(file, static_page(data).encode())
    return f"{count(len(items), 'examples')} of {count(len(review.order))}, {which}, with their neighbours"


def _item(
    review: Review, row: int, pictures: dict[str, str], earlier: Mapping[str, tuple[str, ...]]
) -> dict[str, Any]:
    """Everything about a row and the `earlier` line about it, its own pictures and its neighbours' among `pictures`."""
    about = review.example(row)
    correction = review.stated(row)
    for thing, larger in [(about["thing"], True), *((near["thing"], False) for near in about["neighbours"])]:
        for part in ("picture", "sound"):
            if part in thing and (larger or part == "picture"):
                _embed(review, thing[part], pictures)
    before = earlier.get(getattr(correction, review.key))
    said = {"input": correction.input, "sha256": correction.sha256, "before": before}
    return about | said | {"number": 0}


def _embed(review: Review, place: str, pictures: dict[str, str]) -> None:
    """Put a picture or a sound among `pictures`, under the place that the server would have it at."""
    if place in pictures:
        return
    kind, row, *_ = place.split("/")
    size = "medium" if place.endswith("full") else "small"
    try:
        found = review.things.sound(int(row)) if kind == "sound" else review.things.picture(int(row), size)
    except InputError:
        return
    pictures[place] = f"data:{found.kind};base64,{base64.b64encode(found.data).decode()}"


def _review(path: Path) -> Review:
    """What is to be decided: about the labels of a run, or about the examples of a query."""
    return Labelling(path) if is_query(path) else Review(_finished(path))


def _finished(path: Path) -> Run:
    run = Run.open(path)
    if not run.finished:
        raise RunError(f"{path} is not finished: {run.how_to_go_on}")
    return run


def _progress(review: Review) -> str:
    found = review.listed(Wanted(worth=True))
    one = review.asked.replace("s ", " ", 1) if found["of"] == 1 else review.asked
    return f"{count(found['of'])} {one}, {count(found['decided'])} of them decided"


def _has_screen() -> bool:
    """Whether a browser would open in a window, rather than take over the terminal."""
    screen = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return (screen or sys.platform in ("win32", "darwin")) and sys.stdout.isatty()
