import csv
import io
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import test_gaussian
import test_regression
import trained

from unfazed import Predictor
from unfazed.certainty import Asked, promised
from unfazed.cli import main
from unfazed.errors import RunError, UsageError
from unfazed.report.predictions import Prediction, Told
from unfazed.run import Run


def paths(run: Run, split: str = "test") -> list[str]:
    return [run.table().frame["input"][int(row)] for row in run.table().rows(split)]


def said(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[str, str]:
    with pytest.raises(SystemExit):
        main(arguments)
    return tuple(capsys.readouterr())


def test_sets_hold_the_validation_labels_as_often_as_asked() -> None:
    """On the rows they come from, exactly so often: the rank that the level asks for."""
    run = trained.run()
    rows = run.table().rows("validation")
    found = Predictor.open(run).predict(paths(run, "validation"), confidence_level=0.8)
    labels = run.table().frame["label"]
    held = [labels[int(row)] in one for row, one in zip(rows, found.sets, strict=True)]
    assert np.mean(held) >= 0.8
    assert all(one[0] == label for one, label in zip(found.sets, found.labels, strict=True))


def test_a_higher_level_makes_wider_intervals() -> None:
    run, predictor = test_regression.run(), Predictor.open(test_regression.run())
    low, high = (predictor.predict(paths(run)[:3], confidence_level=level).intervals for level in (0.5, 0.8))
    assert (high[:, 0] < low[:, 0]).all() and (low[:, 1] < high[:, 1]).all()


def test_intervals_are_around_the_number_and_hold_the_validation_targets() -> None:
    run = test_regression.run()
    rows = run.table().rows("validation")
    inputs = [run.table().frame["input"][int(row)] for row in rows]
    found = Predictor.open(run).predict(inputs, confidence_level=0.8)
    targets = run.table().targets()[rows]
    held = (found.intervals[:, 0] <= targets + 1e-4) & (targets - 1e-4 <= found.intervals[:, 1])
    assert 0.8 <= held.mean() <= 0.8 + 3 / len(rows)
    assert np.allclose(found.intervals.mean(1), found.numbers, rtol=1e-5)
    with pytest.raises(UsageError, match="max risk is for classes, and .* predicts numbers"):
        promised(run, Asked(max_risk=0.1))


def test_intervals_are_wider_where_the_model_says_that_it_is_less_sure() -> None:
    run = test_gaussian.run()
    found = Predictor.open(run).predict(paths(run), confidence_level=0.9)
    width = found.intervals[:, 1] - found.intervals[:, 0]
    assert np.allclose(width / found.deviations, width[0] / found.deviations[0], rtol=1e-4)
    targets = run.table().targets()[run.table().rows("test")]
    held = (found.intervals[:, 0] <= targets) & (targets <= found.intervals[:, 1])
    assert held.mean() == pytest.approx(0.9, abs=0.07)
    told = run.report["certainty"]["intervals"][1]
    assert told["coverage"]["value"] == pytest.approx(held.mean(), abs=0.01) and told["coverage"]["n"] == len(targets)


def test_an_unreadable_item_has_neither_set_nor_answer(tmp_path: Path) -> None:
    found = Predictor.open(trained.run()).predict([tmp_path / "gone.png"], confidence_level=0.9, max_risk=0.4)
    assert found.sets == [[]] and found.answered.tolist() == [False]
    nothing = Predictor.open(trained.run()).predict([], confidence_level=0.9)
    assert nothing.sets == [] and nothing.answered is None


def test_sets_for_every_class_say_how_few_rows_the_rarest_has() -> None:
    run = trained.run()
    rows = run.table().y()[run.table().rows("validation")]
    (said,) = promised(run, Asked(0.5, class_conditional=True)).words
    assert said.endswith(f"from n = {len(rows)} validation rows, {np.bincount(rows).min()} of the rarest class")


def test_answers_are_those_above_the_line() -> None:
    run = trained.run()
    certainty = promised(run, Asked(max_risk=0.3))
    recorded = run.scores()["probs"][run.table().rows("test")]
    found = Predictor.open(run).predict(paths(run), max_risk=0.3)
    clear = np.abs(recorded.max(1) - certainty.answers.threshold) > 1e-4
    assert np.array_equal(found.answered[clear], (recorded.max(1) > certainty.answers.threshold)[clear])
    assert "at most" in certainty.words[0] and "n = " in certainty.words[0]
    assert "with 95 % certainty" in certainty.words[0] and "chosen the epoch" in certainty.words[0]


def fewer(run: Run, folder: Path, count: int) -> Run:
    """A copy of which only `count` validation rows are left."""
    copy = Run(shutil.copytree(run.path, folder))
    table, rows = copy.table(), copy.table().rows("validation")
    sides = np.array(table.frame["split"].to_list(), dtype=object)
    sides[rows[count:]] = None
    copy.write_table(table.with_split(sides.tolist()))
    return copy


def test_too_few_validation_rows_are_named_with_what_they_suffice_for(tmp_path: Path) -> None:
    copy = fewer(trained.run(), tmp_path / "run", 8)
    with pytest.raises(UsageError, match=r"level 0.9 needs at least 9 validation rows, and the run has 8: ask for at"):
        promised(copy, Asked(0.9))
    assert promised(copy, Asked(0.888)).words
    with pytest.raises(UsageError, match="at least 99 validation rows .* 8 validation rows, of which it gets"):
        promised(copy, Asked(max_risk=0.05))
    with pytest.raises(UsageError, match="needs 4 validation rows of each, and there are too few of"):
        promised(copy, Asked(0.8, True))


def test_rows_in_groups_promise_less_and_it_is_said(tmp_path: Path) -> None:
    copy = Run(shutil.copytree(trained.run().path, tmp_path / "run"))
    table = copy.table()
    patients = [f"patient {row % 9}" for row in range(len(table))]
    copy.write_table(replace(table, frame=table.frame.with_columns(group=pl.Series(patients))))
    with pytest.raises(UsageError, match=r"come in 9 groups, and the bound wants rows that err independently"):
        promised(copy, Asked(max_risk=0.4))
    (said,) = promised(copy, Asked(0.8)).words
    assert "only 9 groups, and of new groups" in said and "95 of 100" not in said
    alone = [f"patient {row}" for row in range(len(table))]
    copy.write_table(replace(table, frame=table.frame.with_columns(group=pl.Series(alone))))
    assert promised(copy, Asked(0.8, max_risk=0.4)).words == promised(trained.run(), Asked(0.8, max_risk=0.4)).words


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Asked(1.0), "confidence level 1: it is a share between 0 and 1, such as 0.9"),
        (Asked(float("nan")), "confidence level nan"),
        (Asked(max_risk=-0.1), "max risk -0.1"),
        (Asked(class_conditional=True), "needs a confidence level"),
    ],
)
def test_what_is_no_probability_is_refused(asked: Asked, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        promised(trained.run(), asked)


@pytest.mark.parametrize(
    "text",
    [
        "{}",
        "[]",
        '{"temperature": 2}',
        '{"temperature": {"value": 1e9, "low": 1, "high": 1, "n": 3}}',
        '{"temperature": {"value": "1", "low": 1, "high": 1, "n": 3}}',
    ],
)
def test_a_damaged_calibration_is_one_error(tmp_path: Path, text: str) -> None:
    copy = Run(shutil.copytree(trained.run().path, tmp_path / "run"))
    copy.write_text("calibration.json", text)
    with pytest.raises(RunError, match=r"calibration\.json is damaged"):
        Predictor.open(copy)


def test_a_finished_run_that_lost_its_calibration_is_refused_and_one_that_has_none_yet_is_not(tmp_path: Path) -> None:
    copy = Run(shutil.copytree(trained.run().path, tmp_path / "run"))
    (copy.path / "calibration.json").unlink()
    with pytest.raises(RunError, match=r"has no calibration\.json: it was lost"):
        Predictor.open(copy)
    (copy.path / "report.json").unlink()
    found = Predictor.open(copy).predict(paths(copy)[:8])
    assert np.allclose(found.probs, copy.scores()["probs"][copy.table().rows("test")[:8]], atol=1e-5)


def test_the_command_prints_sets_answers_and_what_they_promise(capsys: pytest.CaptureFixture[str]) -> None:
    run = trained.run()
    asked = ["predict", str(run.path), *paths(run)[:5], "--confidence-level", "0.9", "--max-risk", "0.4"]
    out, err = said(capsys, *asked)
    rows = list(csv.DictReader(io.StringIO(out)))
    assert len(rows) == 5 and {"set", "answer"} <= set(rows[0])
    assert all(row["label"] == row["set"].split("|")[0] and row["answer"] in ("", row["label"]) for row in rows)
    assert "sets hold the class in 0.9 of new cases" in err and "unfazed: answered " in err and "of 5 inputs" in err
    assert Told([]).answers == "answered 0 of 0 inputs"
    unsure = Prediction("a", "cat", None, {"cat": 0.6, "dog": 0.4}, {"answer": None})
    unread = Prediction("b", None, "empty file", {}, {"answer": None})
    told = Told([unsure, unsure._replace(promised={"answer": "cat"}), unread])
    list(told)
    assert told.answers.startswith("answered 1 of 3 inputs; of 1 the model is not sure enough")
    out, _ = said(capsys, *asked, "--format", "jsonl")
    first = json.loads(out.splitlines()[0])
    assert first["set"] == rows[0]["set"].split("|") and "promised" not in first


def test_the_command_prints_intervals(capsys: pytest.CaptureFixture[str]) -> None:
    run = test_regression.run()
    out, err = said(capsys, "predict", str(run.path), paths(run)[0], "--confidence-level", "0.8")
    (row,) = csv.DictReader(io.StringIO(out))
    assert float(row["low"]) < float(row["prediction"]) < float(row["high"])
    assert "intervals hold the number" in err
