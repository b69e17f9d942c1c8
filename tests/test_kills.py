"""A process killed inside any write goes on, and ends as if nothing had happened; a full disk loses nothing."""

import errno
import os
import signal
import sys
from pathlib import Path

import killing
import pytest
import trained

from unfazed import checkpoint
from unfazed.errors import DiskFullError
from unfazed.report.events import Measured
from unfazed.run import Run
from unfazed.verb import running
from unfazed.verb.train import resumed_events, training_events

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="kills need fork")
WRITES = {  # by name: the occurrence that is killed; the first of a run, and one in its middle
    "recipe.toml": 1,
    "table.parquet": 1,
    "preprocessor.json": 1,
    "model.json": 1,
    "origin.json": 1,
    "arrays.safetensors": 20,
    "state.json": 20,
    "best.safetensors": 15,
    "current": 20,
    "model.safetensors": 2,
    "dynamics.npz": 3,
    "epochs.jsonl": 3,
    "scores.npz": 1,
    "measurements.json": 1,
    "thumbnails.parquet": 1,
    "report.html": 1,
    "report.json": 1,
    "README.md": 1,
}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, dict[str, int]]:
    """A run that nobody killed, and how often each file was written."""
    out = tmp_path_factory.mktemp("whole") / "run"
    counts = killing.writes(out)
    return Run.open(out), counts


def test_every_write_of_a_run_is_one_that_is_killed_here(whole: tuple[Run, dict[str, int]]) -> None:
    others = {"problems.csv", "duplicates.csv", "store.json"}  # like their neighbours; tests of the cache kill the last
    assert set(whole[1]) - others == set(WRITES)
    assert all(count >= WRITES[name] for name, count in whole[1].items() if name in WRITES)


@pytest.mark.parametrize("name", WRITES)
def test_a_kill_inside_a_write(tmp_path: Path, whole: tuple[Run, dict[str, int]], name: str) -> None:
    out = tmp_path / "run"
    assert killing.killed_in_write(out, name, WRITES[name]) == -signal.SIGKILL
    if not killing.begun(out):  # killed before there was anything to lose: the folder can be removed
        return
    assert killing.forked(lambda: killing.made(out)) == 0
    assert list(killing.differences(whole[0], Run.open(out))) == []


def full_from(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A disk with no room for files of that name."""
    fsync = os.fsync

    def failing(handle: int) -> None:
        if sys.platform.startswith("linux") and f".{name}." in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", failing)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads names of open files from /proc")
@pytest.mark.parametrize("name", ["arrays.safetensors", "dynamics.npz", "scores.npz", "report.html"])
def test_a_full_disk_is_one_error_and_loses_nothing(
    tmp_path: Path, whole: tuple[Run, dict[str, int]], name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    monkeypatch.setattr(running, "SAVE_EVERY", 0.0)
    events = training_events(trained.source(), *killing.settings(), out)
    while not isinstance(next(events), Measured):
        pass
    with monkeypatch.context() as full, pytest.raises(DiskFullError, match=rf"no room .*{name}.*--resume"):
        full_from(full, name)
        list(events)
    assert checkpoint.load(Run.open(out)) is not None
    assert len(list((out / "state").iterdir())) == 2  # one state and the pointer: what did not fit is gone
    list(resumed_events(out))
    assert list(killing.differences(whole[0], Run.open(out))) == []


def test_a_full_disk_is_told_in_the_terminal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from unfazed.cli import main

    def full(*_: object) -> None:
        raise DiskFullError("no room on the disk to write x")

    monkeypatch.setattr("unfazed.verb.train.training_events", full)
    with pytest.raises(SystemExit) as ended:
        main(["train", str(tmp_path)])
    assert ended.value.code == 1 and capsys.readouterr().err == "unfazed: no room on the disk to write x\n"
