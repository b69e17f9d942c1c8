"""Writing files so that a reader, or the next process after a crash, sees the old content or the new, never a part."""

import csv
import errno
import os
import sys
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from io import FileIO, StringIO
from pathlib import Path

from unfazed.errors import DiskFullError

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
