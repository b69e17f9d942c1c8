"""`compile = "yes"`: other kernels, the same training."""

import shutil

import pytest
import torch
from problems import Small, loader, recipe

from unfazed.criterion import cross_entropy
from unfazed.errors import UsageError
from unfazed.loop import Step, training


def three_steps(**settings: str) -> list[Step]:
    events = training(Small(dropout=0.0, norm=False), loader(), cross_entropy(0.1), recipe(**settings))
    return [event for event, _ in zip(events, range(3), strict=False) if isinstance(event, Step)]


@pytest.mark.skipif(not (shutil.which("g++") or shutil.which("clang++")), reason="wants a C++ compiler")
def test_a_compiled_model_trains_as_the_plain_one_does(monkeypatch: pytest.MonkeyPatch) -> None:
    kernels: list[object] = []
    compiled = torch.compile
    monkeypatch.setattr(torch, "compile", lambda model: kernels.append(model) or compiled(model))
    plain, made = three_steps()[-1].state(), three_steps(compile="yes")[-1].state()
    assert len(kernels) == 1
    assert plain["model"].keys() == made["model"].keys()  # a run's weights do not tell whether it was compiled
    for name, weight in plain["model"].items():
        torch.testing.assert_close(made["model"][name], weight, rtol=1e-4, atol=1e-5)


def test_without_a_compiler_it_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name: None)
    with pytest.raises(UsageError, match=r"needs a C\+\+ compiler .* install g\+\+"):
        three_steps(compile="yes")
