"""`compile = "yes"`: other kernels, the same training."""

import shutil
from pathlib import Path

import pytest
import torch
import trained
from problems import Small, loader, recipe

from unfazed.criterion import cross_entropy
from unfazed.errors import UsageError
from unfazed.loop import Step, training
from unfazed.verb.train import train


def three_steps(**settings: str) -> list[Step]:
    events = training(Small(dropout=0.0, norm=False), loader(), cross_entropy(0.1), recipe(**settings))
    return [event for event, _ in zip(events, range(3), strict=False) if isinstance(event, Step)]


@pytest.mark.skipif(not shutil.which("g++"), reason="wants a C++ compiler")
def test_a_compiled_model_trains_as_the_plain_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels: list[object] = []
    compiled = torch.compile
    monkeypatch.setattr(torch, "compile", lambda model: kernels.append(model) or compiled(model))
    plain, made = three_steps()[-1].state(), three_steps(compile="yes")[-1].state()
    assert len(kernels) == 1
    assert plain["model"].keys() == made["model"].keys()  # a run's weights do not tell whether it was compiled
    for name, weight in plain["model"].items():
        torch.testing.assert_close(made["model"][name], weight, rtol=1e-4, atol=1e-5)


def test_without_a_compiler_it_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CXX", "no-such-compiler")
    with pytest.raises(UsageError, match=r"needs a C\+\+ compiler .* no no-such-compiler: install it"):
        train(trained.source(), out=tmp_path / "run", compile="yes", progress=False)
    assert not (tmp_path / "run").exists()


def test_a_time_limit_cannot_know_how_long_it_takes(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="does not go with a time limit"):
        train(trained.source(), out=tmp_path / "run", compile="yes", time_limit="5m", progress=False)
