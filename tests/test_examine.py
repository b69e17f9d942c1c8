"""What is measured of a finished run for its diagnosis, and how the command, the page and the card tell it."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
import trained
from torch import nn

import unfazed
from unfazed.analysis.causes import LOW, UNTOLD
from unfazed.batch import Batch
from unfazed.cli import main
from unfazed.criterion import cross_entropy
from unfazed.errors import RunError
from unfazed.report.diagnosed import _ahead_on_test, _best_simpler
from unfazed.report.page import write_report
from unfazed.report.typed import typed
from unfazed.verb import examine
from unfazed.verb.examine import _measured


class Small(nn.Module):
    """Three layers, of which the second is followed by units that may all be dead."""

    def __init__(self, bias: float) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.second, self.head = nn.Linear(6, 8), nn.Linear(8, 8), nn.Linear(8, 3)
        nn.init.constant_(self.second.bias, bias)

    def forward(self, x: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        hidden = self.second(self.first(x).relu()).relu()
        return self.head(hidden)


def batch() -> Batch:
    torch.manual_seed(1)
    rows = torch.arange(30)
    return Batch(rows, torch.randn(30, 6), rows, rows % 3, torch.ones(30))


def test_dead_units_stop_the_gradient_of_the_layers_before_them() -> None:
    alive, dead = (_measured(Small(bias), cross_entropy(), batch()) for bias in (0.0, -100.0))
    assert list(alive) == ["first", "second", "head"]
    assert all(gradient > 0 for gradient, _ in alive.values()) and alive["head"][1] < 1
    assert dead["head"][1] == 1 and dead["second"][0] == dead["first"][0] == 0


def test_a_rate_at_its_lowest_is_tried_as_it_is(tmp_path: Path) -> None:
    settings = {**trained.SETTINGS, "epochs": 1, "learning_rate": 2e-8}
    run = unfazed.train(trained.source(), out=tmp_path / "run", progress=False, **settings)
    checks = json.loads((run.path / "checks.json").read_text())
    assert checks["trials"][0]["learning_rate"] == 1e-8


def test_layers_are_measured_in_parts_as_they_are_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once = _measured(Small(0.0), cross_entropy(), batch())

    def starved(model, part):
        if len(part.y) > 4:
            raise MemoryError
        return cross_entropy()(model, part)

    for criterion, most in ((cross_entropy(), 7), (starved, 32)):
        monkeypatch.setattr(examine, "PART", most)
        in_parts = _measured(Small(0.0), criterion, batch())
        for name, (gradient, constant) in at_once.items():
            assert in_parts[name] == (pytest.approx(gradient, rel=1e-5), constant)


def test_a_run_holds_what_its_diagnosis_rests_on() -> None:
    run = trained.run()
    found = run.report["diagnosis"]
    assert found == unfazed.diagnose(run.path)
    checks = json.loads(run.read_text("checks.json"))
    assert checks["usual_rate"] == 0.01 and checks["usual_width"] == 32
    assert checks["usual_epochs"] > trained.SETTINGS["epochs"]
    assert found["layers"][0]["name"] == "stem"
    assert checks["variation"] > 0.1 and checks["copies"]["value"] < 0.1
    assert 0 < checks["loss"] < checks["guess_loss"]


def test_a_learning_rate_that_is_too_low_is_found_by_trying(tmp_path: Path) -> None:
    run = unfazed.train(trained.source(), out=tmp_path / "run", progress=False,
                        **{**trained.SETTINGS, "epochs": 3, "learning_rate": 1e-6})  # fmt: skip
    assert run.report["diagnosis"]["cause"] == LOW
    assert run.report["diagnosis"]["action"] == "Train again with --learning-rate 0.01"


def test_rows_of_every_class_are_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The rows of a folder come class by class: the first of them alone would be no sample."""
    of_layers, measured = [], examine.layers
    monkeypatch.setattr(examine, "layers", lambda *given: of_layers.extend(given[-1]) or measured(*given))
    monkeypatch.setattr(examine, "BATCH", 12)
    monkeypatch.setattr(examine, "HELD_OUT", 12)
    run = unfazed.train(trained.source(), out=tmp_path / "run", progress=False, validation=0.3,
                        **{**trained.SETTINGS, "epochs": 1})  # fmt: skip
    checks = json.loads(run.read_text("checks.json"))
    assert checks["guess_loss"] > 0.8 and checks["passes"] == 1  # of 4 classes alike: 1.39
    assert len(of_layers) == 12 and len(set(run.table().y()[of_layers])) > 1


def test_what_a_trial_gains_is_judged_by_groups_where_rows_come_in_some(monkeypatch: pytest.MonkeyPatch) -> None:
    """In two of four groups every row gains by the trial, in the other two every row loses."""
    kept, groups = np.ones(80), np.repeat(np.arange(4), 20)
    after = kept - np.array([0.4, 0.4, -0.3, -0.3])[groups]
    monkeypatch.setattr(examine, "losses", lambda prepared, model, rows: model[rows])
    monkeypatch.setattr(examine, "guess_loss", lambda prepared, rows: 2.0)
    monkeypatch.setattr(examine, "_trained_on", lambda *_: after)
    planned = SimpleNamespace(model=kept, recipe=SimpleNamespace(seed=0, learning_rate=0.01))
    loader, gains = SimpleNamespace(processes=SimpleNamespace(count=1)), []
    for of in (lambda rows: None, lambda rows: groups[rows]):
        table = SimpleNamespace(rows=lambda side: np.arange(80), groups=of)
        told = examine.trials(SimpleNamespace(table=table), planned, loader, planned, 30)  # type: ignore[arg-type]
        gains.append(told["trials"][0]["gain"])
    strangers, found = gains
    assert strangers["value"] == pytest.approx(found["value"]) and strangers["n"] == found["n"] == 80
    assert strangers["high"] - strangers["low"] < 0.2 and found["low"] < -0.3


def test_the_command_tells_it_and_what_it_rests_on(capsys: pytest.CaptureFixture[str]) -> None:
    run = trained.run()
    for flags, said in (([], "accuracy on validation rows"), (["--json"], '"evidence"')):
        with pytest.raises(SystemExit) as ended:
            main(["diagnose", str(run.path), *flags])
        assert ended.value.code == 0
        output = capsys.readouterr().out
        assert said in output
    assert json.loads(output)["cause"] == run.report["diagnosis"]["cause"]


def test_a_run_judged_by_one_group_is_not_diagnosed(tmp_path: Path) -> None:
    copied = unfazed.Run(Path(shutil.copytree(trained.run().path, tmp_path / "run")))
    table = copied.table()
    validation = set(table.rows("validation").tolist())
    whose = pl.Series(["one patient" if row in validation else None for row in range(len(table))], dtype=pl.String)
    copied.write_table(replace(table, frame=table.frame.with_columns(group=whose)))
    found = unfazed.diagnose(copied)
    assert found["cause"] == UNTOLD and "come in 1 group, too few to tell" in found["paragraph"]


def test_page_and_card_tell_it() -> None:
    run = trained.run()
    page, card = ((run.path / name).read_text() for name in ("report.html", "README.md"))
    assert page.index('class="limit ') < page.index('id="verdict"') < page.index('id="diagnosis"')
    assert "Gradients by layer" in page
    assert "## What limits it" in card


def test_what_is_to_be_typed_stands_apart_and_names_the_run() -> None:
    said, code = typed("Train again with --learning-rate 0.01", "first")
    assert said == "Train again with " and code == "<code>--learning-rate 0.01</code>"
    assert typed("Hold back: --epochs 4 --weight-decay auto, or call a row “no”", "first") == [
        "Hold back: ", "<code>--epochs 4</code>", " ", "<code>--weight-decay auto</code>", ", or call a row “no”"
    ]  # fmt: skip
    assert typed("Out: --columns 'a b=number'", "first")[1:] == ["<code>--columns &#x27;a b=number&#x27;</code>"]
    asked = typed("See unfazed query RUN FOLDER first", "a <b>")
    assert asked == ["See ", "<code>unfazed query &#x27;a &lt;b&gt;&#x27; FOLDER</code>", " first"]
    assert typed("Label more examples like these", "first") == ["Label more examples like these"]


def test_of_simpler_models_the_one_farthest_ahead_on_test_rows_is_told() -> None:
    def baseline(words: str, value: float) -> dict[str, object]:
        lead = {"value": value, "low": value - 0.02, "high": value + 0.02, "n": 300}
        return {"words": words, "test": {"accuracy_difference": lead}}

    told = {"baselines": {"linear": baseline("a linear model", -0.05), "boosting": baseline("boosting", -0.08)}}
    found = _ahead_on_test(told, "accuracy")
    assert found and found[0] == "boosting" and found[1].value == -0.08
    assert _ahead_on_test({"baselines": {"linear": baseline("a linear model", -0.01)}}, "accuracy") is None


def test_one_of_several_simpler_models_is_not_ahead_for_sure_as_often_as_chance_puts_one_ahead() -> None:
    def baseline(words: str, high: float) -> dict[str, Any]:
        lead = {"value": -0.05, "low": -0.1 - high, "high": high, "n": 300}
        skill = {"value": 0.8, "low": 0.7, "high": 0.9, "n": 300}
        measured = {"accuracy": skill, "accuracy_difference": lead}
        return {"words": words, "validation": measured, "test": measured}

    def told(*highs: float) -> dict[str, Any]:
        return {"baselines": {str(place): baseline(str(place), high) for place, high in enumerate(highs)}}

    for facts, is_sure in ((told(-0.004), True), (told(-0.004, -0.004), False), (told(-0.02, 0.01), True)):
        found, best = _ahead_on_test(facts, "accuracy"), _best_simpler(facts, "accuracy")
        assert (found is not None) == is_sure
        assert best and (best[2].high < 0) == is_sure


def test_a_run_without_checks_is_diagnosed_from_what_there_is(tmp_path: Path) -> None:
    copied = unfazed.Run(Path(shutil.copytree(trained.run().path, tmp_path / "run")))
    (copied.path / "checks.json").unlink()
    write_report(copied)
    assert copied.report["diagnosis"]["confidence"] != "high"
    lines = [{**line, "validation": {"log_loss": 1.0, "accuracy": 0.5}} for line in copied.epochs]
    copied.write_epochs(lines)
    assert unfazed.diagnose(copied)["cause"] == UNTOLD


@pytest.mark.parametrize("checks", ['{"trials": [{"kept": "yes"}]}', '{"copies": 3}', "[]", '{"trials": [{}]}'])
def test_checks_of_a_stranger_are_one_error(tmp_path: Path, checks: str) -> None:
    copied = unfazed.Run(Path(shutil.copytree(trained.run().path, tmp_path / "run")))
    (copied.path / "checks.json").write_text(checks)
    with pytest.raises(RunError):
        unfazed.diagnose(copied)
