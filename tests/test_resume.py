"""A run that was stopped or killed anywhere goes on, and ends as if nothing had happened."""

import gc
import itertools
import os
import re
import shutil
import signal
import subprocess
import sys
import time
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import trained

import unfazed
from unfazed import checkpoint
from unfazed.errors import (
    DiskFullError,
    OutOfMemoryError,
    ProcessLostError,
    RunError,
    SourceError,
    TrainingError,
    UnfazedError,
)
from unfazed.loop import State, Step, training
from unfazed.model.convnet import ConvNet
from unfazed.report.events import Finishing, Measured, Planned
from unfazed.run import Run
from unfazed.table import Table
from unfazed.verb import measure, record, running, train
from unfazed.verb.setup import changes
from unfazed.verb.train import resumed_events, separated, training_events

SETTINGS: dict[str, Any] = {**trained.SETTINGS, "epochs": 6, "dropout": 0.2, "class_weights": "balanced"}
GROWING: dict[str, Any] = {**SETTINGS, "image_size": 32, "width": 4, "epochs": 5, "flip": "none"}
STALLING: dict[str, Any] = {**SETTINGS, "epochs": 16, "patience": 1, "learning_rate": 0.1}


@pytest.fixture(autouse=True)
def saved_at_every_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "SAVE_EVERY", 0.0)


def events(out: Path, settings: dict[str, Any] = SETTINGS) -> Iterator[Any]:
    return training_events(trained.source(), *separated(settings, None), out)


def finished(told: Iterator[Any]) -> Run:
    return list(told)[-1].run


def killed_after(told: Iterator[Any], kind: type, number: int) -> None:
    """Let events happen up to the `number`th of a kind, then no more: nothing is said to the generator."""
    for event in told:
        number -= isinstance(event, kind)
        if number == 0:
            return
    raise AssertionError("it ended before it could be killed")


def assert_same(one: Run, other: Run) -> None:
    for name, array in one.dynamics().items():
        assert np.array_equal(array, other.dynamics()[name], equal_nan=array.dtype.kind == "f"), name
    assert all(torch.equal(weight, other.weights()[name]) for name, weight in one.weights().items())
    assert np.array_equal(one.scores()["probs"], other.scores()["probs"])
    timed = {"seconds", "examples_per_second"}
    lines = [[{key: line[key] for key in line.keys() - timed} for line in run.epochs] for run in (one, other)]
    assert lines[0] == lines[1]
    assert one.report["test"] == other.report["test"] and one.report["flip"] == other.report["flip"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Run:
    return finished(events(tmp_path_factory.mktemp("whole") / "run"))


@pytest.mark.parametrize(
    ("kind", "number"),
    [(Step, 2), (Step, 15), (Step, 40), (Measured, 2), (Measured, 6), (Finishing, 2), (Finishing, 5)],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_a_run_killed_anywhere_ends_bit_for_bit_the_same(tmp_path: Path, whole: Run, kind: type, number: int) -> None:
    killed_after(events(tmp_path / "run"), kind, number)
    resumed = finished(resumed_events(tmp_path / "run"))
    assert_same(whole, resumed)
    assert {path.name for path in resumed.path.iterdir()} == {path.name for path in whole.path.iterdir()}


def test_a_run_killed_again_and_again_ends_the_same(tmp_path: Path, whole: Run) -> None:
    killed_after(events(tmp_path / "run"), Step, 9)
    for number in (3, 11, 20):
        killed_after(resumed_events(tmp_path / "run"), Step, number)
    assert_same(whole, finished(resumed_events(tmp_path / "run")))


def test_a_stall_and_its_annealing_survive(tmp_path: Path) -> None:
    told = list(events(tmp_path / "whole", STALLING))
    stall = next(i for i, event in enumerate(told) if type(event).__name__ == "Stalled")
    before = sum(isinstance(event, Measured) for event in told[:stall])
    assert before < 12
    for name, number in (("at", before), ("before", before - 1), ("after", before + 1)):
        killed_after(events(tmp_path / name, STALLING), Measured, number)
        assert_same(told[-1].run, finished(resumed_events(tmp_path / name)))


def test_what_training_went_on_from_is_held_no_longer_than_it_takes_to_copy_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After a resume, and after a change of course, whose optimizer and average are another one's."""
    began: list[list[weakref.ref[torch.Tensor]]] = []

    def watching(*arguments: Any, state: State | None, **settings: Any) -> Iterator[Any]:
        if state is not None:
            moments = [values["exp_avg"] for values in state["optimizer"]["state"].values()]
            averages = [value for value in state["average"].values() if value.is_floating_point()]
            began.append([weakref.ref(tensor) for tensor in (*moments, *averages)])
        return training(*arguments, state=state, **settings)

    monkeypatch.setattr(running, "training", watching)
    killed_after(events(tmp_path / "run", STALLING), Measured, 1)
    held = []
    for event in resumed_events(tmp_path / "run"):
        if isinstance(event, Measured):
            gc.collect()
            held.append(sum(tensor() is not None for tensors in began for tensor in tensors))
        if len(began) == 2 and len(held) > 4:
            break
    assert [len(tensors) > 10 for tensors in began] == [True, True] and set(held) == {0}


def test_dynamics_that_are_not_written_at_every_epoch_are_whole_in_the_end(
    tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "OFTEN", 2)
    killed_after(events(tmp_path / "run"), Measured, 5)
    unfinished = Run(tmp_path / "run")
    assert len(unfinished.epochs) == 5 and len(unfinished.dynamics()["losses"]) == 2
    assert_same(whole, finished(resumed_events(unfinished)))


def test_a_run_killed_before_anything_was_saved_begins_again(tmp_path: Path, whole: Run) -> None:
    killed_after(events(tmp_path / "run"), Step, 1)
    shutil.rmtree(tmp_path / "run" / "state", ignore_errors=True)
    assert_same(whole, finished(resumed_events(tmp_path / "run")))


@pytest.mark.parametrize("write", range(1, 9))
def test_a_kill_inside_any_write_leaves_a_state_that_is_whole(
    tmp_path: Path, whole: Run, write: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The process dies between the new file and its name, at the `write`th write after the tenth step."""

    class Killed(BaseException):
        pass

    left = [None, write]
    replace = Path.replace

    def dying(path: Path, target: Path) -> Path:
        if left[0] is not None:
            left[1] = (left[1] or 0) - 1
            if left[1] == 0:
                raise Killed
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", dying)
    told = events(tmp_path / "run")
    killed_after(told, Step, 25)
    left[0] = 1  # type: ignore[call-overload]
    with pytest.raises(Killed):
        list(told)
    monkeypatch.undo()
    monkeypatch.setattr(running, "SAVE_EVERY", 0.0)
    assert_same(whole, finished(resumed_events(tmp_path / "run")))


def test_a_source_that_changed_is_one_error_that_says_what(tmp_path: Path) -> None:
    folder = shutil.copytree(trained.source(), tmp_path / "digits")
    killed_after(training_events(folder, *separated(SETTINGS, None), tmp_path / "run"), Step, 5)
    files = sorted((folder / "digit 0").iterdir())
    files[0].unlink()
    files[1].write_bytes(files[2].read_bytes())
    shutil.copy(files[3], folder / "digit 0" / "another.png")
    gone, changed = (f"digit 0/{file.name}" for file in files[:2])
    said = f'begun on: 1 gone ("{gone}"); 1 new ("digit 0/another.png"); 1 changed ("{changed}"). Put it back'
    with pytest.raises(SourceError, match=re.escape(said)):
        finished(resumed_events(tmp_path / "run"))


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"a": "1 x train", "b": "2 x test", "c": "3 y train"}, []),
        ({"b": "2 x train", "c": "3 y train"}, ['1 gone ("a")']),
        ({"a": "1 x train", "b": "2 x train", "c": "3 y test", "d": "4 y test"}, ['1 new ("d")']),
        ({"a": "9 x train", "b": "2 y test", "c": "8 x test"}, ['2 changed ("a", "c")', '1 with another label ("b")']),
        ({"a": "1 x test", "b": "2 x test", "c": "3 y train"}, ['1 on another side ("a")']),
    ],
)
def test_a_side_that_changed_is_told_only_where_nothing_else_did(now: dict[str, str], said: list[str]) -> None:
    def table(rows: dict[str, str]) -> Table:
        lines = [(name, *row.split()) for name, row in rows.items()]
        frame = pl.DataFrame(lines, schema=["id", "sha256", "label", "split"], orient="row")
        return Table.of(frame, "", "")

    assert changes(table({"a": "1 x train", "b": "2 x test", "c": "3 y train"}), table(now)) == said


def test_what_cannot_be_resumed_is_one_error(tmp_path: Path, whole: Run) -> None:
    with pytest.raises(RunError, match="is finished"):
        unfazed.resume(whole, progress=False)
    with pytest.raises(RunError, match="no run folder"):
        unfazed.resume(tmp_path / "nowhere", progress=False)
    killed_after(events(tmp_path / "run"), Step, 5)
    file = next((tmp_path / "run" / "state").glob("*/state.json"))
    for data in (b"garbage", b"[]"):
        file.write_bytes(data)
        with pytest.raises(RunError, match=r"state\.json is damaged"):
            unfazed.resume(tmp_path / "run", progress=False)
    (file.parent / "arrays.safetensors").write_bytes(b"garbage")
    with pytest.raises(RunError, match=r"arrays\.safetensors is damaged"):
        unfazed.resume(tmp_path / "run", progress=False)
    (file.parent / "arrays.safetensors").unlink()
    (file.parent / "arrays.safetensors").mkdir()
    with pytest.raises(RunError, match=r"arrays\.safetensors cannot be read: Is a directory"):
        unfazed.resume(tmp_path / "run", progress=False)


HOLDING = """
import sys, time
from pathlib import Path
from unfazed.checkpoint import held
from unfazed.run import Run

with held(Run(Path(sys.argv[1]))):
    print("held", flush=True)
    sys.stdin.readline()
"""


def test_a_run_that_another_process_trains_is_left_to_it_until_it_ends_or_dies(tmp_path: Path) -> None:
    killed_after(events(tmp_path / "run"), Step, 5)
    kept = sorted((tmp_path / "run" / "state").iterdir())
    for end in ("close", "kill"):
        other = subprocess.Popen(
            [sys.executable, "-c", HOLDING, str(tmp_path / "run")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert other.stdout and other.stdout.readline() == b"held\n"
        with pytest.raises(RunError, match=rf"is being trained by another process \(pid {other.pid}\): wait until"):
            next(resumed_events(tmp_path / "run"))
        other.kill() if end == "kill" else other.communicate(b"\n")
        other.wait(timeout=30)
        with checkpoint.held(Run(tmp_path / "run")):
            pass
        assert sorted((tmp_path / "run" / "state").iterdir()) == kept


def test_a_run_killed_while_its_state_is_dropped_is_finished(
    tmp_path: Path, whole: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(whole.path, tmp_path / "run")
    run = Run(tmp_path / "run")
    checkpoint.save(run, {"loop": {"step": 1}})
    with monkeypatch.context() as killed:
        killed.setattr(shutil, "rmtree", lambda folder, **_: next(folder.glob("*/arrays.safetensors")).unlink())
        checkpoint.remove(run)
    with pytest.raises(RunError, match="is finished"):
        finished(resumed_events(run))
    assert not (run.path / "state").exists()


def test_a_frame_must_be_handed_over_again(tmp_path: Path) -> None:
    files = sorted(trained.source().rglob("*.png"))
    frame = pl.DataFrame({"path": [str(f) for f in files], "label": [f.parent.name for f in files]})
    killed_after(training_events(frame, *separated({**SETTINGS, "target": "label"}, None), tmp_path / "run"), Step, 9)
    with pytest.raises(RunError, match="frame in memory"):
        unfazed.resume(tmp_path / "run", progress=False)
    assert unfazed.resume(tmp_path / "run", frame, progress=False).report["test"]["accuracy"]["n"] > 0


def test_a_run_whose_images_grow_goes_on_at_their_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sides: list[int] = []
    embed = ConvNet.embed

    def watched(model: ConvNet, x: torch.Tensor, length: torch.Tensor | None = None) -> torch.Tensor:
        if model.training:
            sides.append(x.shape[-1])
        return embed(model, x, length)

    def stepping() -> Iterator[Any]:
        for event in events(tmp_path / "whole", GROWING):
            if isinstance(event, Step):
                stepped.append(sides[-1])
            yield event

    stepped: list[int] = []  # without the steps that the pace is measured with, and the trials at the end
    monkeypatch.setattr(ConvNet, "embed", watched)
    whole = finished(stepping())
    assert whole.recipe.start_size == 0.6
    assert stepped[::14] == [24, 24, 28, 32, 32]
    killed_after(events(tmp_path / "run", GROWING), Step, 20)
    assert_same(whole, finished(resumed_events(tmp_path / "run")))


def test_nested_states_come_back_as_they_were(tmp_path: Path) -> None:
    run = Run(tmp_path)
    state = {
        "loop": {"step": 3, "optimizer": {"state": {0: {"step": torch.tensor(3.0)}}, "none": None}},
        "list": [1.5, "text", torch.arange(3), np.arange(4, dtype=np.float16), []],
    }
    checkpoint.save(run, state)
    found = checkpoint.load(run)
    assert found is not None
    assert found["loop"]["optimizer"]["state"][0]["step"] == 3.0 and found["loop"]["optimizer"]["none"] is None
    assert found["list"][:2] == [1.5, "text"] and found["list"][3].dtype == np.float16
    assert torch.equal(found["list"][2], torch.arange(3))


def unfinished(out: Path) -> subprocess.Popen[str]:
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in {**SETTINGS, "epochs": 60, "patience": 0}.items()]
    command = [sys.executable, "-m", "unfazed", "train", str(trained.source()), "--out", str(out), *flags]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**os.environ})


def test_tensors_that_share_memory_come_back_by_themselves(tmp_path: Path) -> None:
    whole = torch.arange(12.0).reshape(3, 4)
    state = {"loop": {"step": 1, "whole": whole, "same": whole, "row": whole[1], "turned": whole.T, "none": whole[:0]}}
    run = Run(tmp_path)
    checkpoint.save(run, state)
    whole.zero_()  # training goes on in the same memory
    found = checkpoint.load(run)
    expected = torch.arange(12.0).reshape(3, 4)
    assert found is not None
    for name, value in {"whole": expected, "same": expected, "row": expected[1], "turned": expected.T}.items():
        assert torch.equal(found["loop"][name], value), name
    assert found["loop"]["none"].shape == (0, 4)


def test_ctrl_c_stops_after_the_step_and_says_how_to_go_on(tmp_path: Path) -> None:
    process = unfinished(tmp_path / "run")
    trained.waited_for(tmp_path / "run" / "epochs.jsonl", process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert said.strip().endswith(f"go on with: unfazed train --resume {tmp_path / 'run'}")
    assert checkpoint.load(Run(tmp_path / "run")) is not None
    done = len(Run(tmp_path / "run").epochs)
    again = next(event for event in resumed_events(tmp_path / "run") if isinstance(event, Measured))
    assert again.facts["epoch"] == done + 1


@pytest.mark.parametrize(
    ("module", "name", "call"),
    [(record, "outputs", 3), (measure, "scores", 1), (measure, "baselines", 1), (train, "write_report", 1)],
    ids=["validation", "scores", "baseline", "report"],
)
def test_ctrl_c_in_whatever_follows_a_step(
    tmp_path: Path, whole: Run, module: Any, name: str, call: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, calls = getattr(module, name), itertools.count(1)

    def pressing(*arguments: Any) -> Any:
        if next(calls) == call:
            os.kill(os.getpid(), signal.SIGINT)
        return original(*arguments)

    monkeypatch.setattr(module, name, pressing)
    with pytest.raises(KeyboardInterrupt, match=rf"^stopped; go on with: unfazed train --resume {tmp_path / 'run'}$"):
        list(events(tmp_path / "run"))
    assert len(Run(tmp_path / "run").epochs) == (3 if name == "outputs" else 6)  # the epoch is finished first
    monkeypatch.setattr(module, name, original)
    resumed = finished(resumed_events(tmp_path / "run"))
    assert_same(whole, resumed)
    assert {path.name for path in resumed.path.iterdir()} == {path.name for path in whole.path.iterdir()}


@pytest.mark.parametrize(
    ("error", "hint"),
    [(OutOfMemoryError, True), (ProcessLostError, True), (DiskFullError, True), (TrainingError, False)],
)
def test_what_ends_a_run_that_can_go_on_says_how(
    tmp_path: Path, error: type[UnfazedError], hint: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*_: Any) -> Iterator[Any]:
        raise error("this happened")

    monkeypatch.setattr(train, "trained", failing)
    for told in (events(tmp_path / "run"), resumed_events(tmp_path / "run")):
        with pytest.raises(error, match="^this happened") as raised:
            list(told)
        assert str(raised.value).endswith(f"; go on with: unfazed train --resume {tmp_path / 'run'}") == hint
        assert type(raised.value) is error and not (tmp_path / "run" / "state").exists()


def test_an_epoch_takes_as_long_as_it_was_worked_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A clock on which a step takes one second and whatever lies between the two halves of a run takes hours."""
    now = [1000.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def timed(told: Iterator[Any]) -> Iterator[Any]:
        for event in told:
            now[0] += {Step: 1, Planned: 5000}.get(type(event), 0)
            yield event

    killed_after(timed(events(tmp_path / "run")), Step, 19)
    now[0] += 50_000
    run = finished(timed(resumed_events(tmp_path / "run")))
    assert [line["seconds"] for line in run.epochs] == [14.0] * 6


def test_resume_takes_nothing_else(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "unfazed", "train", "--resume", str(tmp_path)]
    for more in (["somewhere"], ["--epochs", "3"], ["--target", "x"]):
        done = subprocess.run([*command, *more], capture_output=True, text=True, check=False, timeout=60)
        assert done.returncode == 2 and "--resume goes on" in done.stderr
