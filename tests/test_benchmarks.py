"""The benchmarks that compare steps still run: they stand outside the package, which changes under them."""

import sys
from itertools import islice
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import recording, step


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
