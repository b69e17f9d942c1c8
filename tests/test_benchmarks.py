"""The benchmarks that compare steps still run: they stand outside the package, which changes under them."""

import sys
from itertools import islice
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import accuracy, certainty, recording, step, tables
from benchmarks.__main__ import commands
from benchmarks.rivals import __main__ as rivals


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


def test_a_table_is_not_replaced_by_one_of_some_of_its_cells(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tables, "HERE", tmp_path)
    monkeypatch.setattr(tables, "CELLS", tmp_path / "cells")
    cells = [tmp_path / "cells" / f"{name}.json" for name in "ab"]
    (tmp_path / "all.md").write_text("of both")
    tables.publish("all.md", "of none", cells)
    assert (tmp_path / "all.md").read_text() == "of both"
    assert (tmp_path / "cells" / "all.md").read_text() == "of none" and "2 cells are missing" in capsys.readouterr().out
    for cell in cells:
        cell.touch()
    tables.publish("all.md", "of both, anew", cells)
    assert (tmp_path / "all.md").read_text() == "of both, anew"


def test_all_cells_of_a_table_can_be_named() -> None:
    """By these names a table knows that it is whole."""
    assert len({accuracy._cell(name, seed) for name in accuracy.FLOORS for seed in accuracy.SEEDS}) == 12
    assert {path.name for path in map(certainty._cell, certainty.chosen(Path()))} >= {
        path.name for path in tables.CELLS.glob("certainty-*.json")
    }
    assert {f"rivals-{name}.json" for name in rivals._names()} >= {path.name for path in tables.CELLS.glob("rivals-*")}
