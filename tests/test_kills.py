"""A process killed inside any write goes on, and ends as if nothing had happened; a full disk loses nothing."""

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import killing
import pytest

from unfazed import checkpoint
from unfazed.errors import DiskFullError
from unfazed.report.events import Measured
from unfazed.run import Run
from unfazed.verb import running
from unfazed.verb.train import resumed_events, training_events

SETUP = {"recipe.toml": 1, "table.parquet": 1, "preprocessor.json": 1, "model.json": 1, "origin.json": 1}
TRAINING = {  # by name: the occurrence that is killed, in the middle of a run
    "arrays.safetensors": 20,
    "state.json": 20,
    "best.safetensors": 15,
    "current": 20,
    "model.safetensors": 2,
    "dynamics.npz": 3,
    "epochs.jsonl": 3,
}
AFTERWARDS = {
    "scores.npz": 1,
    "calibration.json": 1,
    "measurements.json": 1,
    "checks.json": 1,
    "exhibits.parquet": 1,
    "report.html": 1,
    "report.json": 1,
    "README.md": 1,
}
# A run for each of the first; what follows training is gone through again, so one run is killed in all of it in turn.
CHAINS = [*({name: count} for name, count in (SETUP | TRAINING).items()), AFTERWARDS]
OTHERS = {"problems.csv", "duplicates.csv", "store.json"}  # like their neighbours; tests of the cache kill the last


@pytest.mark.skipif(not hasattr(os, "fork"), reason="kills need fork")
def test_a_kill_inside_any_write_ends_as_if_nothing_had_happened(tmp_path: Path) -> None:
    command = [sys.executable, "killing.py", str(tmp_path), json.dumps(CHAINS)]
    done = subprocess.run(command, cwd=Path(__file__).parent, capture_output=True, text=True, check=False, timeout=400)
    assert done.returncode == 0, done.stderr[-3000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert set(found["writes"]) - OTHERS == {name for chain in CHAINS for name in chain}  # no write is left out
    for chain, became in zip(CHAINS, found["chains"], strict=True):
        resumed = None if chain.keys() <= SETUP.keys() else 0  # nothing to go on with: the run was not begun
        killed = dict.fromkeys(chain, -signal.SIGKILL)
        assert became == {"ended": killed, "resumed": resumed, "differs": []}, done.stderr[-3000:]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run that nothing happened to."""
    out = tmp_path_factory.mktemp("whole") / "run"
    return list(training_events(killing.source(), *killing.settings(), out))[-1].run  # type: ignore[union-attr]


def full_from(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A disk with no room for files of that name."""
    fsync = os.fsync

    def failing(handle: int) -> None:
        if sys.platform.startswith("linux") and f".{name}." in str(Path(f"/proc/self/fd/{handle}").readlink()):
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", failing)


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads names of open files from /proc")
@pytest.mark.parametrize("name", ["recipe.toml", "table.parquet", "origin.json"])
def test_a_disk_that_is_full_before_the_run_is_set_up_leaves_nothing_of_it(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    full_from(monkeypatch, name)
    with pytest.raises(DiskFullError, match=rf"^no room on the disk for the run {out}: .*--out\. Training has not"):
        list(training_events(killing.source(), *killing.settings(), out))
    assert not out.exists()


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads names of open files from /proc")
@pytest.mark.parametrize("name", ["arrays.safetensors", "dynamics.npz", "scores.npz", "report.html"])
def test_a_full_disk_is_one_error_and_loses_nothing(
    tmp_path: Path, whole: Run, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "run"
    monkeypatch.setattr(running, "SAVE_EVERY", 0.0)
    events = training_events(killing.source(), *killing.settings(), out)
    while not isinstance(next(events), Measured):
        pass
    with monkeypatch.context() as full, pytest.raises(DiskFullError, match=rf"no room .*{name}.*--resume"):
        full_from(full, name)
        list(events)
    assert checkpoint.load(Run.open(out)) is not None
    assert len(list((out / "state").iterdir())) == 2  # one state and the pointer: what did not fit is gone
    list(resumed_events(out))
    assert list(killing.differences(whole, Run.open(out))) == []


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
