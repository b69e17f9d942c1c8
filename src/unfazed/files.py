"""Writing files so that a reader, or the next process after a crash, sees the old content or the new, never a part."""

import csv
import errno
import os
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import FileIO, StringIO
from pathlib import Path

from unfazed.errors import DiskFullError, UsageError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside `path` to write to; it takes the name `path` when the block ends without an error."""
    with told_if_full(path):
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
        os.close(handle)
        new = Path(name)
        try:
            yield new
            with new.open("rb+") as file:
                os.fsync(file.fileno())
            new.chmod(0o666 & ~_umask())
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)


@contextmanager
def told_if_full(path: Path) -> Iterator[None]:
    """A disk with no room for `path`, as an error of ours."""
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise DiskFullError(f"no room on the disk to write {path}: make some; what was saved is whole") from error


def remove_leftovers(folder: Path) -> None:
    """Remove the new files that a killed process was writing in `folder`; no other may be writing there now."""
    for left in folder.glob(".*.part"):
        left.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Put `data` in `path`, all or nothing."""
    with replacing(path) as new:
        new.write_bytes(data)


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with one line of names."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


def lines_in(
    path: str | Path, fields: Sequence[str], check: Callable[[Sequence[str], str | Path], None], made_by: str
) -> Iterator[tuple[str, list[str]]]:
    """The lines of a CSV file that people's decisions are in: where each stands, and its values of the `fields`.

    check: raises for names of columns, given with the path, that won't do. made_by: the command that writes such files.

    Raises:
        UsageError: there is none, it is no CSV, or a line has more values than columns.
    """
    try:
        with Path(path).expanduser().open(encoding="utf-8-sig", newline="") as file:
            lines = csv.DictReader(file, strict=True)
            check(lines.fieldnames or (), path)
            for line in lines:
                where = f"{path}, line {lines.line_num}"
                if None in line:
                    raise UsageError(f"{where}: more values than columns")
                yield where, [line.get(name) or "" for name in fields]
    except FileNotFoundError as error:
        raise UsageError(f"there is no {path}: `{made_by}` writes one") from error
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error


@contextmanager
def locked(file: FileIO) -> Iterator[None]:
    """One writer at a time; the system lets go where a process dies."""
    if sys.platform == "win32":
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
    else:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX)
    try:
        yield
    finally:
        if sys.platform == "win32":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            fcntl.flock(file.fileno(), fcntl.LOCK_UN)


def cache_folder() -> Path:
    """Where whatever can be made again is kept: $XDG_CACHE_HOME/unfazed or ~/.cache/unfazed."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unfazed"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
