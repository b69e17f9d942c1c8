"""What people decided about labels: a file that only grows, and what holds at the moment.

A decision is on the disk before anybody hears of it. It names the line that it was based on: where another one has come
in between, from this server or from another one on the same run, it is refused and the other one shown.
"""

import json
import os
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from io import FileIO
from pathlib import Path
from typing import Any

from unfazed.corrections import ACTIONS
from unfazed.errors import RunError, UnfazedError, UsageError
from unfazed.files import locked, writing

FOLDER = "review"
ALLOWED = (*ACTIONS, "label")  # the last one where there was no label before


@dataclass(frozen=True)
class Decision:
    """A line of the file. `number` counts them from 1; `undoes` is the number of the one that is taken back, or 0."""

    number: int
    row: int
    action: str
    corrected: str  # the label to be, where the action is "relabel" or "label"; else empty
    who: str
    when: str
    why: str
    based_on: int  # the number of the last line about the row that the person had seen; 0 = none
    session: str  # of the browser that it came from, at random
    undoes: int = 0


class ConflictError(UnfazedError):
    """Somebody else has decided in between."""

    def __init__(self, row: int, current: Decision | None, number: int):
        super().__init__("somebody else has decided about this in the meantime")
        self.row, self.current, self.number = row, current, number


class Decisions:
    """The decisions of a run: `RUN/review/decisions.jsonl`. Safe for many threads and several processes."""

    def __init__(self, folder: Path, rows: int):
        """`rows`: how many the run has.

        Raises:
            RunError: the file is damaged. UsageError: it cannot be read.
        """
        self.path = folder / "decisions.jsonl"
        self.rows = rows
        self.lines: list[Decision] = []
        self._standing: dict[int, list[Decision]] = {}  # by row, those that nobody took back
        self._latest: dict[int, int] = {}  # by row, the number of the last line about it
        self._end = 0  # bytes that were read: whole lines
        self._last = b""  # the last one of these
        self._mutex = threading.Lock()
        try:
            self.refresh()
        except OSError as error:
            raise UsageError(f"cannot read {self.path}: {error.strerror}") from error

    def begin(self) -> None:
        """Make the file, where there is none yet.

        Raises:
            UsageError: it cannot be written to.
        """
        try:
            with self._mutex, self._file():
                pass
        except OSError as error:
            raise UsageError(f"cannot keep decisions in {self.path}: {error.strerror}") from error

    def refresh(self) -> None:
        """Take up what other processes have decided; nothing is written.

        Raises:
            RunError: the file is damaged, or not the one any more that was read before.
        """
        self._check_folder()
        with self._mutex:
            try:
                with _opened(self.path, os.O_RDONLY) as file:
                    self._read(file)
            except FileNotFoundError:
                self._take_up(b"")

    def snapshot(self, row: int) -> tuple[Decision | None, int]:
        """What holds for a row, and the last line about it at the same moment: the next decision is based on it."""
        with self._mutex:
            return self._at(row)

    def _at(self, row: int) -> tuple[Decision | None, int]:
        standing = self._standing.get(row)
        return standing[-1] if standing else None, self._latest.get(row, 0)

    def standing(self) -> dict[int, Decision]:
        """What holds, by row."""
        with self._mutex:
            return {row: decisions[-1] for row, decisions in self._standing.items() if decisions}

    def decide(self, draft: Decision) -> Decision:
        """Write a decision; `number` and `when` of the draft are set here.

        Raises:
            ConflictError: it is not based on the last line about its row.
        """
        with self._mutex, self._file() as file, locked(file):
            self._read(file)
            current, number = self._at(draft.row)
            if draft.based_on != number:
                raise ConflictError(draft.row, current, number)
            return self._append(file, asdict(draft))

    def undo(self, who: str, session: str) -> Decision | None:
        """Take back the last decision of a session that still holds; None where there is none.

        Those that somebody else has overruled since are passed over: there is nothing of them to take back.
        A name would not tell whose it is: two people may have the same. It only says who takes it back.
        """
        with self._mutex, self._file() as file, locked(file):
            self._read(file)
            mine = (one for one in reversed(self.lines) if one.session == session)
            last = next((one for one in mine if self._at(one.row)[0] == one), None)
            if last is None:
                return None
            number = self._latest[last.row]
            return self._append(file, asdict(last) | {"who": who, "based_on": number, "undoes": last.number})

    def _check_folder(self) -> None:
        if self.path.parent.is_symlink():  # of a stranger's run, it may lead anywhere
            raise UsageError(f"{self.path.parent} is a link: decisions are kept in the run itself. Remove the link")

    @contextmanager
    def _file(self) -> Iterator[FileIO]:
        """The file to be written to."""
        with writing(self.path):
            self._check_folder()
            self.path.parent.mkdir(exist_ok=True)
            with _opened(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND) as file:
                yield file

    def _append(self, file: FileIO, said: Mapping[str, Any]) -> Decision:
        """One line at the end, on the disk when this returns. What a killed process left half written goes first."""
        os.ftruncate(file.fileno(), self._end)
        when = datetime.now(UTC).isoformat(timespec="seconds")
        decision = Decision(**{**said, "number": len(self.lines) + 1, "when": when})
        line = json.dumps(asdict(decision), ensure_ascii=False).encode() + b"\n"
        left = memoryview(line)
        try:
            while len(left):
                left = left[file.write(left) :]
            os.fsync(file.fileno())
        except OSError:
            os.ftruncate(file.fileno(), self._end)
            raise
        self._take(decision, line)
        return decision

    def _read(self, file: FileIO) -> None:
        file.seek(self._end - len(self._last))
        self._take_up(file.readall())

    def _take_up(self, found: bytes) -> None:
        """`found`: the file from the last line on that was read before."""
        if not found.startswith(self._last):
            raise RunError(
                f"{self.path} is not the file any more that was read: its line {len(self.lines)} is another one, or "
                "gone. Put the file back, or start the review again with what is there"
            )
        for line in found[len(self._last) :].split(b"\n")[:-1]:
            self._take(self._parsed(line), line + b"\n")

    def _parsed(self, line: bytes) -> Decision:
        try:
            decision = Decision(**json.loads(line))
            numbers = (decision.number, decision.row, decision.based_on, decision.undoes)
            texts = (
                decision.action, decision.corrected, decision.who, decision.when, decision.why, decision.session
            )  # fmt: skip
            sound = (
                all(type(number) is int for number in numbers)
                and all(type(text) is str for text in texts)
                and decision.number == len(self.lines) + 1
                and 0 <= decision.row < self.rows
                and decision.action in ALLOWED
            )
        except (TypeError, ValueError, RecursionError) as error:
            raise self._damaged(str(error)) from error
        if not sound:
            raise self._damaged("it is no decision about a row of this run")
        return decision

    def _damaged(self, why: str) -> RunError:
        return RunError(f"{self.path}, line {len(self.lines) + 1}, is damaged: {why}. Move it away, or mend the line")

    def _take(self, decision: Decision, line: bytes) -> None:
        self._end += len(line)
        self._last = line
        self.lines.append(decision)
        self._latest[decision.row] = decision.number
        standing = self._standing.setdefault(decision.row, [])
        if decision.undoes:
            standing[:] = [one for one in standing if one.number != decision.undoes]
        else:
            standing.append(decision)


def _opened(path: Path, flags: int) -> FileIO:
    flags |= getattr(os, "O_BINARY", 0) | getattr(os, "O_NOFOLLOW", 0)
    return FileIO(os.open(path, flags, 0o666), "r+" if flags & os.O_RDWR else "r")
