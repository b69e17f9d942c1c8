"""`unfazed review`: the page on a server or in a file, and what was decided as `corrections.csv`."""

import base64
import os
import shlex
import sys
import webbrowser
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from unfazed.corrections import CHANGING, Correction
from unfazed.errors import InputError, RunError, UsageError
from unfazed.files import write_bytes
from unfazed.report.words import count
from unfazed.run import Run
from unfazed.web.page import static_page
from unfazed.web.review import Review, Wanted, reviewer_name, user_name
from unfazed.web.server import ReviewServer

MOST = 2000  # examples in a static file


def served(path: Path, reviewer: str | None, host: str, port: int, browser: bool) -> Iterator[str]:
    """Serve the review of a run until Ctrl-C; yields the link once it is there, and at the end what was decided."""
    run, name = _finished(path), reviewer_name(reviewer) if reviewer is not None else user_name()
    yield f"judging {count(len(run.table()), 'labels')} …"
    review = Review(run)
    server = ReviewServer(review, host, port, name)
    try:
        yield f"{_progress(review)}\n  page    {server.address}\n  stop    Ctrl-C; every decision is kept at once"
        if browser and _has_screen():
            webbrowser.open(server.address)
        server.serve_forever()
    except KeyboardInterrupt:
        yield f"\n{_progress(review)}"
    finally:
        server.server_close()


def exported(path: Path, file: Path) -> str:
    """Write `corrections.csv`; what is in it, in words.

    Raises:
        UsageError: nothing was decided, or the file cannot be written.
    """
    review = Review(_finished(path))
    corrections = review.corrections()
    if not corrections:
        raise UsageError(f"nothing was decided about {path} yet: unfazed review {shlex.quote(str(path))}")
    _write(file, review.export())
    return _counted(corrections)


def retraining(path: Path, file: Path) -> str:
    """The command that trains again as the run was trained, with the corrections."""
    run = Run.open(path)
    source, options = run.origin.get("source"), run.origin.get("options") or {}
    said: list[str] = ["unfazed", "train", str(source or "SOURCE")]
    for name, value in options.items():
        if name == "header" and value is False:
            said.append("--no-header")
        elif name not in ("header", "corrections") and value is not None:
            said += [f"--{name.replace('_', '-')}", str(value)]
    said += ["--recipe", str(run.path / "recipe.toml"), "--corrections", str(file)]
    return shlex.join(said)


def static_file(path: Path, file: Path, limit: int) -> str:
    """Write the page as one file with the `limit` most doubtful examples; what it holds, in words.

    Raises:
        UsageError: the limit is out of range, or the file cannot be written.
    """
    if not 1 <= limit <= MOST:
        raise UsageError(f"--limit must be 1 to {MOST:,} examples, got {limit:,}: the file holds them with neighbours")
    run = _finished(path)
    review = Review(run)
    rows = [int(row) for row in review.order[:limit]]
    pictures: dict[str, str] = {}
    items = [_item(review, row, pictures) for row in rows]
    data = {
        "start": review.start(user_name()) | {"rows": len(items)},
        "fingerprint": f"{(run.origin.get('data') or {}).get('sha256')} {run.origin.get('created')}",
        "path": str(run.path.resolve()),
        "columns": list(Correction._fields),
        "items": items,
        "pictures": pictures,
    }
    _write(file, static_page(data))
    return f"{count(len(items), 'examples')} of {count(len(review.table))}, the most doubtful, with their neighbours"


def _item(review: Review, row: int, pictures: dict[str, str]) -> dict[str, Any]:
    """Everything about a row, its own pictures and its neighbours' among `pictures`."""
    about = review.example(row)
    correction = review.stated(row)
    for thing, larger in [(about["thing"], True), *((near["thing"], False) for near in about["neighbours"])]:
        for part in ("picture", "sound"):
            if part in thing and (larger or part == "picture"):
                _embed(review, thing[part], pictures)
    return about | {"input": correction.input, "sha256": correction.sha256, "decision": None, "number": 0}


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


def _finished(path: Path) -> Run:
    run = Run.open(path)
    if not run.finished:
        raise RunError(f"{path} is not finished: {run.how_to_go_on}")
    return run


def _progress(review: Review) -> str:
    found = review.listed(Wanted(worth=True))
    return f"{count(found['of'], 'labels')} worth a look, {count(found['decided'])} of them decided"


def _counted(corrections: list[Correction]) -> str:
    actions = Counter(one.action for one in corrections)
    people = sorted({one.who for one in corrections})
    changing = sum(actions[action] for action in CHANGING)
    parts = ", ".join(f"{number:,} {action}" for action, number in actions.most_common())
    return f"{count(len(corrections), 'decisions')} by {', '.join(people)} ({parts}): {count(changing)} change the data"


def _write(file: Path, text: str) -> None:
    try:
        write_bytes(file, text.encode())
    except OSError as error:
        raise UsageError(f"cannot write {file}: {error.strerror}") from error


def _has_screen() -> bool:
    """Whether a browser would open in a window, rather than take over the terminal."""
    screen = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY"))
    return (screen or sys.platform in ("win32", "darwin")) and sys.stdout.isatty()
