"""Writing files so that a reader, or the next process after a crash, sees the old content or the new, never a part."""

import csv
import errno
import os
import re
import secrets
import stat
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from io import FileIO, StringIO
from pathlib import Path

from unfazed.errors import DiskFullError, OutOfMemoryError, RunError, UnfazedError, UsageError

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

STANDARD_OUTPUT = Path("/dev/stdout")  # what "-" stands for where a command writes
FULL = (errno.ENOSPC, errno.EDQUOT)  # what the system says where there is no room
_STREAMS = {"/dev/stdout": 1, "/dev/stderr": 2}
_DESCRIPTOR = re.compile(r"/(?:dev|proc/self)/fd/(\d+)")
_MOST_LINKS = 40  # from one to the next, as the system follows them


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A new file beside `path` to write to; it takes the name `path` when the block ends without an error.

    The permissions of a file that it replaces stay.
    """
    with writing(path):
        kept = _permissions(path)
        new = path.parent / f".{path.name}.{secrets.token_hex(4)}.part"
        new.touch(0o666 if kept is None else kept | 0o600, exist_ok=False)
        try:
            yield new
            with new.open("rb+") as file:
                os.fsync(file.fileno())
            if kept is not None:
                new.chmod(kept)
            new.replace(path)
        finally:
            new.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """A disk with no room for `path`, and a folder that may not be written to, as errors of ours."""
    try:
        yield
    except OSError as error:
        if error.errno in FULL:
            raise DiskFullError(f"no room on the disk to write {path}: make some; what was saved is whole") from error
        if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
            raise UsageError(f"cannot write {path}: {error.strerror}. {path.parent} has to be writable") from error
        raise


def unreadable(path: Path, why: object) -> UnfazedError:
    """What to raise for a file of a run, given what reading it raised: not all that cannot be read is damaged."""
    if isinstance(why, MemoryError):
        return OutOfMemoryError(f"memory ran out while {path} was read ({why}): make some free, or, if the file was "
                                "never so large, restore it from a copy")  # fmt: skip
    if isinstance(why, OSError):
        return RunError(f"{path} cannot be read: {why.strerror or why}. Make it readable, or restore it from a copy")
    return RunError(f"{path} is damaged: {why}. Train again, or restore the file from a copy")


def remove_leftovers(folder: Path) -> None:
    """Remove the new files that a killed process was writing in `folder`; no other may be writing there now."""
    for left in folder.glob(".*.part"):
        with writing(left):
            left.unlink(missing_ok=True)


def write_bytes(path: Path, data: bytes) -> None:
    """Put `data` in `path`, all or nothing."""
    with replacing(path) as new:
        new.write_bytes(data)


def write_out(path: Path, data: bytes) -> None:
    """Put `data` where a user wants it: all or nothing in a file, which links may lead to; a stream is written to.

    Only what users name: a link within a run folder, which may be somebody else's, is replaced itself.

    Raises:
        UsageError: nothing can be written there.
    """
    try:
        target = _target(path)
        if (descriptor := _descriptor(target)) is not None:
            _write_to(descriptor, data)
        elif is_stream(target):
            with target.open("wb", buffering=0) as file:
                _write_to(file.fileno(), data)
        elif target.is_symlink():
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
        else:
            write_bytes(target, data)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror}") from error


def is_stream(path: Path) -> bool:
    """Whether a name is of a pipe, a device or a file that is open already, rather than of one to be made."""
    path = _target(path)
    if _descriptor(path) is not None:
        return True
    try:
        mode = path.stat().st_mode
    except OSError:
        return False
    return not (stat.S_ISREG(mode) or stat.S_ISDIR(mode))


def is_standard_output(path: Path | None) -> bool:
    """Whether a name is of what this process prints to."""
    return path is not None and _descriptor(_target(path)) == 1


def _target(path: Path) -> Path:
    """What links lead to, as far as can be seen; the open files of this process by their numbers."""
    with suppress(OSError):
        for _ in range(_MOST_LINKS):
            if _descriptor(path) is not None or not path.is_symlink():
                break
            path = path.parent / path.readlink()
    return path


def _descriptor(path: Path) -> int | None:
    """The number of an open file that the system has under a name."""
    found = _DESCRIPTOR.fullmatch(path.as_posix())
    return int(found[1]) if found else _STREAMS.get(path.as_posix())


def _write_to(descriptor: int, data: bytes) -> None:
    """Go on with an open file where it is: to open it by its name would begin again."""
    sys.stdout.flush()
    rest = memoryview(data)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def as_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table with one line of names."""
    text = StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows(rows)
    return text.getvalue()


@contextmanager
def locked(file: FileIO, wait: bool = True) -> Iterator[None]:
    """One writer at a time; the system lets go where a process dies.

    Raises:
        OSError: another one has it, and nobody is to `wait`.
    """
    if sys.platform == "win32":
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_LOCK if wait else msvcrt.LK_NBLCK, 1)
    else:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    try:
        yield
    finally:
        if sys.platform == "win32":
            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_UNLCK, 1)
        else:
            fcntl.flock(file.fileno(), fcntl.LOCK_UN)


def expanded(path: str | Path) -> Path:
    """The path, "~" and what is under it in the home folder; any other name that begins so is a file's own."""
    path = Path(path)
    return path.expanduser() if path.parts[:1] == ("~",) else path


def cache_folder() -> Path:
    """Where whatever can be made again is kept: $XDG_CACHE_HOME/unfazed or ~/.cache/unfazed."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "unfazed"


def _permissions(path: Path) -> int | None:
    """Of a file that is there, but not of one that a link leads to."""
    try:
        mode = path.lstat().st_mode
    except OSError:
        return None
    return mode & 0o777 if stat.S_ISREG(mode) else None
