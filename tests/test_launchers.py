"""Processes that torchrun or accelerate starts, with weights in one piece or in parts, find one another and train."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
import trained

import unfazed
from unfazed.errors import UsageError
from unfazed.processes import ALONE, Processes
from unfazed.recipe import Recipe
from unfazed.sharding import check

FLAGS = ["--steps=3", "--width=8", "--batch-size=16"]
TORCHRUN = ["torch.distributed.run", "--nproc-per-node=2", "--standalone"]
ACCELERATE = ["accelerate.commands.launch", "--num_processes=2", "--num_machines=1", "--main_process_port=0"]


def trained_by(launcher: list[str], out: Path) -> str:
    """What was printed by `LAUNCHER -m unfazed train` into `out`."""
    command = [sys.executable, "-m", *launcher, "-m", "unfazed", "train", str(trained.source()), "--out", str(out)]
    told = {**os.environ, "HF_HOME": str(out.parent), "OMP_NUM_THREADS": "1"}  # and no configuration of this machine's
    done = subprocess.run([*command, *FLAGS], capture_output=True, text=True, check=False, timeout=300, env=told)
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def assert_whole(out: Path, said: str) -> None:
    assert said.count("next    unfazed predict") == 1  # one of the processes speaks
    run = unfazed.Run.open(out)
    assert run.report["test"]["accuracy"]["n"] > 0 and [line["step"] for line in run.epochs] == [3]
    picture = next(trained.source().rglob("*.png"))
    assert unfazed.Predictor.open(out).predict([picture]).probs.sum() == pytest.approx(1, abs=1e-5)


def test_torchrun(tmp_path: Path) -> None:
    said = trained_by(TORCHRUN, tmp_path / "run")
    assert_whole(tmp_path / "run", said)
    assert "2 processes;" in said


def test_accelerate_launch_with_fsdp(tmp_path: Path) -> None:
    said = trained_by([*ACCELERATE, "--use_fsdp", "--fsdp_version=2"], tmp_path / "run")
    assert_whole(tmp_path / "run", said)
    assert "2 processes, the weights shared out among them" in said


@pytest.mark.parametrize(("name", "value"), [("local_steps", 2), ("micro_batch_size", 15)])
def test_what_weights_in_parts_do_not_go_with(name: str, value: int) -> None:
    recipe = Recipe(**{"batch_size": 32, "micro_batch_size": 16, name: value})  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=rf"{name} = {value} does not go with sharded weights"):
        check(recipe, Processes(0, 2, sharded=True))
    check(recipe, ALONE)
