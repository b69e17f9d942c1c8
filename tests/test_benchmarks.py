"""The benchmarks that compare steps still run: they stand outside the package, which changes under them."""

import sys
from itertools import islice
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import recording, step
from benchmarks.__main__ import commands


@pytest.mark.parametrize("steps", [step.ours, step.by_hand, lambda: recording.steps(record=False)])
def test_steps_of_each_loop_change_the_weights(steps, monkeypatch: pytest.MonkeyPatch) -> None:
    models, made = [], step.problem

    def problem():
        models.append(made())
        return models[-1]

    for module in (step, recording):
        monkeypatch.setattr(module, "problem", problem)
        monkeypatch.setattr(module, "BATCH", 8)
    monkeypatch.setattr(step, "ROWS", 64)
    monkeypatch.setattr(recording, "ROWS", 64)
    running = steps()
    next(running)
    before = models[0][0].head.weight.clone()
    list(islice(running, 2))
    assert (models[0][0].head.weight != before).any()


def test_one_command_runs_every_benchmark_that_there_is() -> None:
    folder = Path(step.__file__).parent
    runnable = {file.stem for file in folder.glob("*.py") if "__main__" in file.read_text()} - {"__main__"}
    assert {name for name, *_ in commands("data", "python")} == runnable | {"rivals"}
    assert all(len(others) == 0 for _, *others in commands())
