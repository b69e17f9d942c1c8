"""Baselines are as well calibrated as the model that they stand beside."""

from pathlib import Path

import numpy as np
import pytest
from fake_run import fake_run

from unfazed.analysis.calibration import scaled, temperature
from unfazed.verb.measure import _compared
from unfazed.verb.prepare import Prepared


def test_a_baseline_gets_its_temperature_from_validation_rows_too(tmp_path: Path) -> None:
    """One that differs from the model in being too sure alone surprises as little, once that is taken away."""
    run = fake_run(tmp_path / "run", skill=2.0)
    table, probs = run.table(), run.scores()["probs"].astype(np.float32)
    held_out = {split: table.rows(split) for split in ("validation", "test")}
    rows, y = held_out["validation"], table.y()
    best = scaled(probs, temperature(y[rows], probs[rows]).value)
    too_sure = {split: scaled(best[its], 0.3) for split, its in held_out.items()}
    prepared = Prepared.__new__(Prepared, *[None] * len(Prepared._fields))._replace(table=table)
    found = _compared(prepared, held_out, best, too_sure)["test"]
    assert found["accuracy_difference"].value == 0
    raw = -np.log(np.maximum(too_sure["test"][np.arange(len(y[held_out["test"]])), y[held_out["test"]]], 1e-7)).mean()
    own = -np.log(best[held_out["test"], y[held_out["test"]]]).mean()
    assert raw > own + 0.3, "what this is for"
    assert found["log_loss"].value == pytest.approx(own, abs=0.1)
    assert abs(found["log_loss_difference"].value) < 0.1
