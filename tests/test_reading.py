"""Reading in parallel: in order, bounded, and closed when the reader stops listening."""

import os
import threading
import time
from hashlib import sha256
from pathlib import Path

import pytest

from unfazed import reading as module
from unfazed.errors import InputError
from unfazed.reading import cores, file_bytes, parallel, reading

LONG = 3 * module.LONG


def test_results_keep_their_order() -> None:
    def slow_now_and_then(number: int) -> int:
        time.sleep(0.02 if number % 10 == 5 else LONG)
        return number * number

    assert list(parallel(slow_now_and_then, range(50))) == [number * number for number in range(50)]
    assert list(parallel(abs, range(3000))) == list(range(3000))
    assert list(parallel(abs, [])) == []


def test_few_results_wait() -> None:
    started = []

    def slow(number: int) -> None:
        started.append(number)
        time.sleep(LONG)

    results = parallel(slow, range(1000))
    for _ in range(module.PROBED + 1):
        next(results)
    time.sleep(0.05)
    assert len(started) <= module.PROBED + 2 * cores() + 1
    results.close()  # type: ignore[attr-defined]
    assert len(started) < 1000


def test_only_what_takes_long_is_handed_to_threads() -> None:
    def thread(pause: float) -> int:
        time.sleep(pause)
        return threading.get_ident()

    one = {threading.get_ident()}
    assert set(parallel(thread, [0.0] * 100)) == one
    assert set(parallel(thread, [LONG] * 100)) - one
    assert len(set(parallel(thread, [0.02, *[0.0] * 100]))) == 1, "one that was slow, as the first often is, decides"


def test_an_error_that_is_no_input_error_is_not_swallowed() -> None:
    def broken(data: bytes) -> bytes:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        reading(__file__, broken)


def test_a_reading_has_the_hash_of_the_file_even_where_it_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "good").write_bytes(b"good")
    (tmp_path / "bad").write_bytes(b"bad")

    def read(data: bytes) -> bytes:
        if data == b"bad":
            raise InputError("no good")
        return data

    good, bad, gone = (reading(tmp_path / name, read) for name in ("good", "bad", "gone"))
    assert good == (b"good", sha256(b"good").hexdigest(), None)
    assert bad == (None, sha256(b"bad").hexdigest(), "no good")
    assert gone == (None, "", "no such file")


@pytest.mark.parametrize(
    "name, reason",
    [
        ("folder", "is a folder"),
        ("dangling", "a link to a file that is not there"),
        ("loop", "a link that leads to itself"),
        ("missing", "no such file"),
        ("file/inside", "no such file"),
        ("n" * 5000, "the name is too long"),
        ("a\0b", "the name holds a null byte"),
        ("pipe", "not a regular file"),
        ("huge", "over the limit"),
    ],
)
def test_files_that_are_none(name: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to(tmp_path / "gone")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "huge").write_bytes(b"x" * 100)
    monkeypatch.setattr(module, "MAX_BYTES", 99)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match=reason):
        file_bytes(tmp_path / name)


def test_addresses_are_named_as_such() -> None:
    with pytest.raises(InputError, match="download"):
        file_bytes("https://example.org/cat.png")
    with pytest.raises(InputError, match="no path"):
        file_bytes("")
