"""Several processes train as one, and none is left waiting for another."""

import os
import signal
import subprocess
import sys
import time
from functools import cache
from itertools import islice
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import pytest
import ranks
import torch
import trained
from problems import Small

from unfazed import checkpoint
from unfazed.batch import Batch
from unfazed.criterion import cross_entropy
from unfazed.errors import RunError, UsageError
from unfazed.loop import training
from unfazed.processes import ALONE, Processes, joined
from unfazed.run import Run
from unfazed.verb.launch import _environment, _free_port, launched
from unfazed.verb.train import resumed_events

HERE = Path(__file__).parent
STEPS = (1, 2, 4, 6)
CALM = ["gradients", "locally", "gathered", "sharded-adamw", "sharded-sgd", "resharded"]
CALM += ["skewed-0", "skewed-1", "interrupted"]
CALM += [f"short-{rank}-{step}" for rank in (0, 1) for step in STEPS]
CALM += [f"beforehand-{step}" for step in STEPS]
PATIENT = 30.0  # seconds within which every process has to end


def started(what: list[str], folder: Path) -> list["subprocess.Popen[bytes]"]:
    port = _free_port()
    command = [sys.executable, str(HERE / "ranks.py"), ",".join(what), str(folder)]
    environments = [_environment(rank, 2, port, folder / "note") for rank in (0, 1)]
    return [subprocess.Popen(command, env=environment, cwd=HERE) for environment in environments]


@cache
def calm() -> dict[str, list[dict[str, Any]]]:
    """Everything that two processes do without dying, done once: by name, what each rank found."""
    folder = Path(mkdtemp(prefix="unfazed-test-"))
    for process in started(CALM, folder):
        assert process.wait(timeout=300) == 0
    return {what: [torch.load(folder / f"{what}-{rank}.pt") for rank in (0, 1)] for what in CALM}


def assert_close(one: list[torch.Tensor], other: list[torch.Tensor], tolerance: float) -> None:
    for a, b in zip(one, other, strict=True):
        assert torch.allclose(a, b, rtol=0, atol=tolerance)


def test_gradients_are_those_of_one_process() -> None:
    alone = ranks.gradients()
    for rank in calm()["gradients"]:
        assert_close(rank["gradients"], alone["gradients"], 1e-6)
        assert_close(rank["weights"], alone["weights"], 1e-6)
        assert rank["loss"].item() == pytest.approx(alone["loss"].item(), abs=1e-6)


def test_dynamics_are_gathered_whole() -> None:
    alone = ranks.gradients()
    for rank in calm()["gradients"]:
        for name in ("losses", "margins", "probs"):
            assert not rank[name].isnan().any()
            assert torch.allclose(rank[name], alone[name], atol=1e-5)
        assert torch.allclose(rank["state"]["losses"], alone["state"]["losses"], atol=1e-5, equal_nan=True)


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("rank", [0, 1])
def test_one_rank_short_of_memory_is_a_run_told_beforehand(rank: int, step: int) -> None:
    for found, expected in zip(calm()[f"short-{rank}-{step}"], calm()[f"beforehand-{step}"], strict=True):
        assert_close(found["weights"], expected["weights"], 0.0)
        assert found["sizes"] == [32] * (step - 1) + [4] * (7 - step)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_weights_in_parts_are_trained_as_in_one_process(optimizer: str) -> None:
    """With clipping, L1, momenta and averaged weights."""
    alone, found = ranks.sharded(optimizer=optimizer), calm()[f"sharded-{optimizer}"]
    for rank in found:
        assert_close(rank["weights"], alone["weights"], 1e-5)
        assert_close(rank["averages"], alone["averages"], 1e-5)
    held = [sum(set(rank["held"])) for rank in found]
    assert sum(held) == alone["held"][0] and max(held) < 0.6 * sum(held)


def test_weights_in_parts_go_on_from_a_state_that_is_whole() -> None:
    begun = calm()["sharded-adamw"]
    alone = ranks.sharded(state=begun[0]["state"])  # and one process goes on from theirs
    assert_close(alone["weights"], begun[0]["weights"], 1e-5)
    for rank in calm()["resharded"]:
        assert_close(rank["same"], begun[0]["weights"], 0.0)
        assert_close(rank["other"], begun[0]["weights"], 1e-5)


@pytest.mark.parametrize("what", ["kept", "averages"])
def test_ranks_that_train_alone_take_the_mean_of_weights_averages_and_buffers(what: str) -> None:
    one, other = (found[what] for found in calm()["locally"])
    for step in (1, 2, 4, 5):
        assert not torch.equal(one[step - 1][0], other[step - 1][0])
    for step in (3, 6):
        assert_close(one[step - 1], other[step - 1], 0.0)

    alone = []  # the first three steps of each rank, by itself
    for rank in range(2):
        chosen, criterion = ranks.recipe(ema=0.5), cross_entropy(0.1)
        steps = training(Small(dropout=0), ranks.loader(Processes(rank, 2)), criterion, chosen)
        *_, last = islice(steps, 3)
        alone.append(last.state()["model" if what == "kept" else "average"])
    for name, mean in zip(Small().state_dict(), one[2], strict=True):
        if mean.is_floating_point():
            assert torch.allclose(mean, (alone[0][name] + alone[1][name]) / 2, atol=1e-6), name


def test_after_ctrl_c_every_rank_stays_until_the_first_one_has_kept_everything() -> None:
    assert [rank["step"] for rank in calm()["interrupted"]] == [5, 5]


@pytest.mark.parametrize(("skewed", "steps"), [(0, 10), (1, 28)])
def test_a_time_limit_is_held_by_the_clock_of_the_first_rank(skewed: int, steps: int) -> None:
    """The first one's clock jumps hours ahead in the tenth step of 28: time is up for all. Another's is not asked."""
    for rank in calm()[f"skewed-{skewed}"]:
        assert rank["steps"] == list(range(1, steps + 1))
        assert rank["recorded"] == steps and rank["tested"] > 0


def test_what_processes_tell_each_other() -> None:
    for found in calm()["gathered"]:
        assert found["all_gather"][:, 0].tolist() == list(range(7))
        assert (found["broadcast"], found["text"], found["any"]) == (40, "ä first", [True, True, False])


@pytest.mark.parametrize("rows", [2, 7, 30, 151])
def test_every_row_is_served_once_by_one_process(rows: int) -> None:
    served = [
        [batch.index for batch in ranks.Loader(ranks.unequal(), torch.arange(rows), 30, processes=part).epoch(3)]
        for part in (Processes(0, 2), Processes(1, 2))
    ]
    assert sorted(torch.cat([*served[0], *served[1]]).tolist()) == list(range(rows))
    whole: list[Batch] = list(ranks.Loader(ranks.unequal(), torch.arange(rows), 30).epoch(3))
    for batch, *parts in zip(whole, *served, strict=True):
        assert torch.equal(batch.index, torch.cat(parts))


def test_batches_too_small_to_share_are_refused() -> None:
    with pytest.raises(UsageError, match="40 processes cannot share batches of 25"):
        ranks.loader(Processes(0, 40))


@pytest.mark.parametrize(
    ("what", "errors"),
    [
        ("starved", ["OutOfMemoryError"] * 2),
        ("starved_sharded", ["ProcessLostError", "OutOfMemoryError"]),
        ("dying", ["ProcessLostError"]),
    ],
)
def test_nobody_waits_for_a_rank_that_cannot_go_on(tmp_path: Path, what: str, errors: list[str]) -> None:
    processes = started([what], tmp_path)
    for process in processes:
        process.wait(timeout=60 + PATIENT)
    found = [torch.load(path) for path in sorted(tmp_path.glob("*.pt"))]
    assert [one.get("error") for one in found] == errors


# The whole command

SETTINGS = {"epochs": 6, "width": 8, "batch_size": 15, "learning_rate": 0.02, "dropout": 0.1}


def command(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "unfazed", "train", *map(str, arguments)]


def begun(out: Path, **settings: object) -> "subprocess.Popen[str]":
    flags = [f"--{name.replace('_', '-')}={value}" for name, value in {**SETTINGS, **settings}.items()]
    told = command(trained.source(), "--out", out, "--num-processes", 2, *flags)
    return subprocess.Popen(told, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, str]:
    """A run of two processes, and what was printed."""
    out = tmp_path_factory.mktemp("pair") / "run"
    process = begun(out)
    said, errors = process.communicate(timeout=300)
    assert process.returncode == 0, errors
    return Run.open(out), said


def test_the_command_trains_in_two_processes_and_one_speaks(pair: tuple[Run, str]) -> None:
    run, said = pair
    assert said.count("  6/6") == 1 and "2 processes" in said
    train = run.table().rows("train")
    losses = run.dynamics()["losses"][:, train]
    assert losses.shape[0] == 6 and np.isfinite(losses).all()
    assert run.report["test"]["accuracy"]["value"] > 0.8


def test_two_processes_go_on_bit_for_bit(pair: tuple[Run, str], tmp_path: Path) -> None:
    process = begun(tmp_path / "run")
    trained.waited_for(tmp_path / "run" / "epochs.jsonl", process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=60)
    assert process.returncode == 130 and "go on with" in said
    assert 1 <= len(Run(tmp_path / "run").epochs) < 6
    again = subprocess.run(
        command("--resume", tmp_path / "run", "--num-processes", 2), capture_output=True, text=True, check=False
    )
    assert again.returncode == 0, again.stderr
    whole, resumed = pair[0], Run.open(tmp_path / "run")
    assert np.array_equal(whole.dynamics()["losses"], resumed.dynamics()["losses"], equal_nan=True)
    assert all(torch.equal(weight, resumed.weights()[name]) for name, weight in whole.weights().items())


def ranks_of(launcher: "subprocess.Popen[str]") -> list[int]:
    """The numbers of the processes that it started."""
    return [int(word) for word in Path(f"/proc/{launcher.pid}/task/{launcher.pid}/children").read_text().split()]


@pytest.mark.parametrize(
    ("rank", "status", "why"),
    [
        (0, 1, "the first of 2 processes was ended by signal 9, as the system does where memory runs out"),
        (1, 128 + signal.SIGKILL, "another process of this training has ended"),
    ],
)
def test_a_dead_process_ends_all_and_the_run_can_go_on(tmp_path: Path, rank: int, status: int, why: str) -> None:
    process = begun(tmp_path / "run", epochs=200, patience=0)
    trained.waited_for(tmp_path / "run" / "epochs.jsonl", process)
    os.kill(ranks_of(process)[rank], signal.SIGKILL)
    killed = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert time.monotonic() - killed < PATIENT
    assert process.returncode == status
    assert said == f"unfazed: {why}; go on with: unfazed train --resume {tmp_path / 'run'}\n"
    assert not (tmp_path / "run" / "report.json").exists() and Run.open(tmp_path / "run").epochs


def test_who_is_left_by_a_killed_launcher_stops_and_until_then_the_run_is_nobody_elses(tmp_path: Path) -> None:
    process = begun(tmp_path / "run", epochs=200, patience=0)
    trained.waited_for(tmp_path / "run" / "epochs.jsonl", process)
    first = ranks_of(process)[0]
    with pytest.raises(RunError, match=rf"is being trained by another process \(pid {first}\): wait"):
        next(resumed_events(tmp_path / "run"))
    process.kill()
    _, said = process.communicate(timeout=PATIENT)  # until nobody is left who might say more
    assert said == f"unfazed: stopped; go on with: unfazed train --resume {tmp_path / 'run'}\n"
    assert checkpoint.load(Run(tmp_path / "run")) is not None


def test_a_number_of_processes_that_makes_no_sense() -> None:
    for count in (0, -1, 5000):
        with pytest.raises(UsageError, match="wants 1 to 1024"):
            launched(count, [])


@pytest.mark.parametrize(("flags", "lines"), [([], 1), (["--epochs=0"], 2)], ids=["found by the first", "by all"])
def test_what_is_wrong_is_said_once_and_nothing_else_is(tmp_path: Path, flags: list[str], lines: int) -> None:
    told = [sys.executable, "-m", "unfazed", "train", str(tmp_path / "nowhere"), "--num_processes", "2", *flags]
    done = subprocess.run(told, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith("unfazed: ") and done.stderr.count("\n") == lines, done.stderr


def test_processes_of_mpirun_do_not_all_take_the_first_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "2")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    with pytest.raises(UsageError, match="start with accelerate launch or torchrun"):
        joined()


def test_what_is_summed_is_copied_in_small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    exchanged: list[int] = []

    def summed(processes: Processes, tensor: torch.Tensor) -> torch.Tensor:
        exchanged.append(tensor.numel())
        return tensor.mul_(2)

    monkeypatch.setattr("unfazed.processes.EXCHANGED", 10)
    monkeypatch.setattr(Processes, "sum", summed)
    shapes = [(), (3, 3), (2,), (25,), (0,), (9,)]
    tensors = [torch.rand(shape) for shape in shapes]
    tensors += [torch.rand(2, 3, 2, 2).to(memory_format=torch.channels_last), torch.rand(4).bfloat16()]
    expected = [tensor.clone() * 2 for tensor in tensors]
    Processes(0, 2).sum_all(iter(tensors))
    assert exchanged == [10, 2, 25, 9, 24, 4]
    assert all(torch.equal(one, other) for one, other in zip(tensors, expected, strict=True))


def test_one_process_is_alone() -> None:
    assert ALONE.first and ALONE.count == 1 and ALONE.broadcast(3) == 3 and ALONE.broadcast_text("a") == "a"
    assert ALONE.part(torch.arange(5)).tolist() == [0, 1, 2, 3, 4]
