"""Which content a file had when it was read last, so that a later run need not read it again to know.

As in git's index, a file is the same while its inode, size and times of change, in nanoseconds, are: the time of the
last change of its inode cannot be set back. One that was changed less than two seconds before it was read is not noted,
since it might change once more within one tick of its file system's clock. The notes are a convenience: where they
cannot be read or written, files are read.
"""

import os
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from unfazed.reading import Reading, reading

TICK = 2.0  # seconds: the coarsest clock of a file system
TOGETHER = 4096  # notes written at once
_TABLE = (
    "CREATE TABLE IF NOT EXISTS files "
    "(path TEXT, kind TEXT, state TEXT, sha256 TEXT, height INT, width INT, PRIMARY KEY (path, kind)) WITHOUT ROWID"
)


class Seen:
    """Reads files, or remembers what they were. Its methods may be called from several threads."""

    def __init__(self, path: Path, kind: str, inspect: Callable[[bytes], tuple[int, int]]):
        """path: of the notes. kind: what decides, besides the content, what `inspect` finds in a file's bytes."""
        self.kind, self.inspect = kind, inspect
        self._lock = threading.Lock()
        self._new: list[tuple[str | int, ...]] = []
        self._notes: sqlite3.Connection | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._notes = _connected(path)
        except sqlite3.Error as error:
            if getattr(error, "sqlite_errorname", "") not in ("SQLITE_BUSY", "SQLITE_LOCKED"):  # damaged: begun anew
                with suppress(OSError):
                    path.unlink()
        except OSError:
            pass

    def look(self, path: str) -> Reading:
        """What `inspect` finds in the file at `path`, and its hash."""
        state = _state(path)
        if state and (found := self._noted(path, state)):
            return found
        one = reading(path, self.inspect)
        if state and one.problem is None and one.raw is not None and state == _state(path):
            with self._lock:
                self._new.append((path, self.kind, state, one.sha256, *one.raw))
                if len(self._new) >= TOGETHER:
                    self._write()
        return one

    def close(self) -> None:
        """Write what is new."""
        with self._lock:
            self._write()
            if self._notes is not None:
                self._notes.close()
                self._notes = None

    def _noted(self, path: str, state: str) -> Reading | None:
        with self._lock, suppress(sqlite3.Error, UnicodeError):
            if self._notes is not None:
                asked = "SELECT height, width, sha256 FROM files WHERE path = ? AND kind = ? AND state = ?"
                row = self._notes.execute(asked, (path, self.kind, state)).fetchone()
                return Reading((row[0], row[1]), row[2], None) if row else None
        return None

    def _write(self) -> None:
        new, self._new = self._new, []
        with suppress(sqlite3.Error, UnicodeError):
            if self._notes is not None and new:
                with self._notes:
                    self._notes.executemany("INSERT OR REPLACE INTO files VALUES (?, ?, ?, ?, ?, ?)", new)


def _connected(path: Path) -> sqlite3.Connection:
    notes = sqlite3.connect(path, timeout=10, check_same_thread=False)
    try:
        notes.execute(_TABLE)
        notes.execute("SELECT path, kind, state, sha256, height, width FROM files LIMIT 1")
    except sqlite3.Error:
        notes.close()
        raise
    return notes


def _state(path: str) -> str:
    """What changes when a file does; empty where it may be changing now, or cannot be asked."""
    try:
        status = os.stat(path)  # noqa: PTH116
    except (OSError, ValueError):
        return ""
    if time.time() - max(status.st_mtime, status.st_ctime) < TICK:
        return ""
    return f"{status.st_dev} {status.st_ino} {status.st_size} {status.st_mtime_ns} {status.st_ctime_ns}"
