"""A file is read again where it may have changed, and only there."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from unfazed import seen as module
from unfazed.errors import InputError
from unfazed.reading import Reading
from unfazed.seen import Seen


class Looker:
    """Counts the files that are read."""

    def __init__(self, notes: Path, kind: str = "test"):
        self.read = 0
        self.seen = Seen(notes, kind, self.inspect)

    def inspect(self, data: bytes) -> tuple[int, int]:
        self.read += 1
        if data == b"bad":
            raise InputError("damaged")
        return len(data), 7

    def look(self, *paths: Path) -> list[Reading]:
        found = [self.seen.look(str(path)) for path in paths]
        self.seen.close()
        return found


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    paths = [tmp_path / name for name in ("a", "b", "bad")]
    for path in paths:
        path.write_text(path.name)
        os.utime(path, (1000, 1000))
    return paths


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TICK", 0.0)


def test_a_file_is_read_once_and_then_known(tmp_path: Path, files: list[Path]) -> None:
    first = Looker(tmp_path / "n" / "notes")
    found = first.look(*files[:2])
    second = Looker(tmp_path / "n" / "notes")
    assert second.look(*files[:2]) == found
    assert (first.read, second.read) == (2, 0)
    assert Looker(tmp_path / "n" / "notes", "another kind").look(files[0])[0].raw == (1, 7)


def rewritten(path: Path) -> None:
    path.write_text("c")
    os.utime(path, (1000, 1000))  # as if nothing had happened


def replaced(path: Path) -> None:
    new = path.with_name("new")
    new.write_text("c")
    os.utime(new, (1000, 1000))
    new.replace(path)


@pytest.mark.parametrize("change", [rewritten, replaced])
def test_a_change_is_seen_though_size_and_time_are_the_same(
    tmp_path: Path, files: list[Path], change: Callable[[Path], None]
) -> None:
    Looker(tmp_path / "notes").look(*files[:2])
    change(files[0])
    again = Looker(tmp_path / "notes")
    found = again.look(*files[:2])
    assert again.read == 1 and found[0].sha256 != found[1].sha256
    assert found[0].sha256.startswith("2e7d2c03")  # of "c"


def test_a_problem_and_a_file_of_just_now_are_looked_at_every_time(
    tmp_path: Path, files: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(2):
        looker = Looker(tmp_path / "notes")
        assert [one.problem for one in looker.look(files[2], tmp_path / "none")] == ["damaged", "no such file"]
        assert looker.read == 1
    monkeypatch.setattr(module, "TICK", 1000.0)
    for _ in range(2):
        looker = Looker(tmp_path / "notes")
        looker.look(files[0])
        assert looker.read == 1


@pytest.mark.parametrize("trouble", ["garbage", "another database", "a folder"])
def test_notes_that_cannot_be_used_are_done_without(tmp_path: Path, files: list[Path], trouble: str) -> None:
    notes = tmp_path / "notes"
    if trouble == "a folder":
        notes.mkdir()
    elif trouble == "garbage":
        notes.write_bytes(b"garbage" * 1000)
    else:
        import sqlite3

        with sqlite3.connect(notes) as other:
            other.execute("CREATE TABLE files (something)")
        other.close()
    for _ in range(2):
        assert Looker(notes).look(files[0])[0].raw == (1, 7)
    if trouble != "a folder":  # begun anew
        again = Looker(notes)
        again.look(files[0])
        assert again.read == 0
