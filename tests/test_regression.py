"""Numbers from one end to the other: trained, resumed, reported, predicted, evaluated."""

import json
import shutil
from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from PIL import Image

import unfazed
from unfazed.criterion import criterion_of, error, probabilities, surprise
from unfazed.errors import RecipeError, RunError, UsageError
from unfazed.report.numbers import evidence
from unfazed.report.page import write_report
from unfazed.report.predictions import written
from unfazed.run import Run
from unfazed.target import Scale
from unfazed.verb.evaluate import evaluate
from unfazed.verb.predict import predicted
from unfazed.web.review import Review

SETTINGS = {"epochs": 12, "batch_size": 32, "seed": 0, "augmentation": 0.0, "precision": "float32", "flip": "none"}


@cache
def source() -> Path:
    """300 grey squares; the label is their brightness, a number from 0 to 1000."""
    folder, generator = Path(mkdtemp(prefix="unfazed-test-")), np.random.default_rng(0)
    rows = []
    for row in range(300):
        level = int(generator.integers(0, 250))
        noise = generator.integers(0, 6, (8, 8))
        Image.fromarray((level + noise).astype(np.uint8)).save(folder / f"{row}.png")
        rows.append((f"{row}.png", 4.0 * level + 0.25 * float(generator.integers(0, 4))))
    pl.DataFrame(rows, schema=["file", "level"], orient="row").write_csv(folder / "levels.csv")
    return folder / "levels.csv"


@cache
def run() -> Run:
    return unfazed.train(source(), target="level", out=source().parent / "run", progress=False, **SETTINGS)


def test_a_number_is_learnt_and_reported_in_its_own_units() -> None:
    report = run().report
    assert report["task"] == "image regression" and run().recipe.task == "regression"
    assert run().recipe.loss == "squared"
    assert report["test"]["r2"]["value"] > 0.9
    assert report["test"]["mae"]["value"] < 100 < report["baselines"]["mean"]["test"]["mae"]["value"]
    assert report["headline"].startswith("“level” predicted: off by ")
    assert report["baselines"]["linear"]["test"]["r2"]["value"] > 0.9
    assert report["epochs"][-1]["validation"]["rmse"] == pytest.approx(
        report["validation"]["rmse"]["value"], rel=0.5
    ), "an epoch's error is in the target's units too"


def test_what_a_comma_means_is_remembered_for_other_data(tmp_path: Path) -> None:
    names = [str(file) for file in sorted(source().parent.glob("*.png"))]
    levels = {name: 1.5 * row + 1000 for row, name in enumerate(names)}
    german = {name: f"{level:,.1f}".translate(str.maketrans(",.", ".,")) for name, level in levels.items()}
    train = pl.DataFrame({"file": names[:200], "level": [german[name] for name in names[:200]]})
    train.write_csv(tmp_path / "train.csv")
    trained = unfazed.train(tmp_path / "train.csv", target="level", out=tmp_path / "run", progress=False,
                            **{**SETTINGS, "epochs": 1})  # fmt: skip
    labels = dict(trained.table().frame.select("input", "label").iter_rows())
    assert {name: float(label) for name, label in labels.items()} == {name: levels[name] for name in names[:200]}
    thousands = pl.DataFrame({"file": names[200:], "level": [german[name][:-2] for name in names[200:]]})
    thousands.write_csv(tmp_path / "new.csv")
    off = evaluate(trained, tmp_path / "new.csv", target="level")["metrics"]["mae"]["value"]
    assert off < 600, "1.300 is thirteen hundred, as in training"


def test_scores_are_in_the_units_of_the_target_and_dynamics_are_of_every_epoch() -> None:
    predicted_numbers, table = run().scores()["probs"][:, 0], run().table()
    train = table.rows("train")
    assert np.corrcoef(predicted_numbers, table.targets())[0, 1] > 0.95
    assert run().dynamics()["losses"].shape == (len(run().epochs), 300)
    assert np.isfinite(run().dynamics()["losses"][:, train]).all()


def test_prediction_says_what_the_report_measured() -> None:
    table = run().table()
    rows = table.rows("test")
    found = unfazed.Predictor.open(run()).predict([table.frame["input"][int(row)] for row in rows])
    assert found.classes == [] and found.probs.shape == (len(rows), 1)
    assert np.allclose(found.numbers, run().scores()["probs"][rows, 0], atol=1e-2)
    off = np.abs(found.numbers - table.targets()[rows]).mean()
    assert off == pytest.approx(run().report["test"]["mae"]["value"], rel=1e-3)
    assert found.labels[0] == str(found.numbers[0]), "no digit less than the number has"
    assert np.isnan(found.deviations).all(), "a squared error says nothing of how sure it is"
    first = next(iter(predicted(run(), [table.frame["input"][0]])))
    assert first.problem is None and first.label is not None and first.confidence is None


def test_numbers_far_from_zero_that_differ_a_little_stay_different() -> None:
    predictor, items = unfazed.Predictor.open(run()), run().table().frame["input"][:40].to_list()
    near = predictor.predict(items).numbers
    predictor.scale = Scale(1.7e9, 600.0)
    far = predictor.predict(items)
    assert len(set(far.numbers)) == len(set(far.labels)) == len(set(near)) > 30
    assert far.labels[0] == str(far.numbers[0]) and len(far.labels[0]) <= len("1700000123.12345")
    assert run().scores()["probs"].dtype == np.float64


def test_the_target_that_was_trained_on_is_that_of_other_tables_where_they_have_it(tmp_path: Path) -> None:
    rows = pl.read_csv(source()).with_columns(pl.col("file").map_elements(lambda name: str(source().parent / name)))
    rows.with_columns(id=pl.col("file").hash() % 1000).write_csv(tmp_path / "new.csv")
    assert evaluate(run(), tmp_path / "new.csv")["metrics"] == evaluate(run(), source(), target="level")["metrics"]
    rows.rename({"level": "brightness"}).write_csv(tmp_path / "new.csv")
    assert evaluate(run(), tmp_path / "new.csv")["metrics"]["r2"]["value"] > 0.9


def test_predicted_numbers_are_written_as_numbers_with_every_digit(tmp_path: Path) -> None:
    (tmp_path / "damaged.png").write_bytes(b"no picture")
    items = [str(tmp_path / "damaged.png"), run().table().frame["input"][0]]
    number = str(unfazed.Predictor.open(run()).predict(items[1:]).numbers[0])
    heading, damaged, row = (str(line) for line in written(predicted(run(), items), "csv", probs=False))
    assert heading == "input,prediction,problem"
    assert damaged.startswith(f"{items[0]},,") and row == f"{items[1]},{number},"
    told = [json.loads(str(line)) for line in written(predicted(run(), items), "jsonl", probs=False)]
    assert told[0]["prediction"] is None
    assert told[1] == {"input": items[1], "prediction": float(number), "problem": None}
    table = next(iter(written(predicted(run(), items), "table", probs=False)))
    assert [column.header for column in table.columns] == ["input", "prediction"]  # type: ignore[union-attr]
    with pytest.raises(UsageError, match="which have no classes"):
        next(iter(written(predicted(run(), items), "csv", probs=True)))


def test_a_classifier_has_no_numbers() -> None:
    from unfazed.predictor import Predictions

    with pytest.raises(UsageError, match="predicts classes, not numbers"):
        _ = Predictions(["a"], np.ones((1, 2), np.float32), np.ones((1, 2), np.float32), [None], ["a", "b"]).numbers


def test_evaluation_measures_what_was_not_trained_on() -> None:
    facts = evaluate(run(), source(), target="level")
    assert facts["rows"] == facts["own_test"] == len(run().table().rows("test"))
    assert facts["metrics"]["r2"]["value"] == pytest.approx(run().report["test"]["r2"]["value"], abs=1e-4)


def test_the_page_and_the_card_speak_of_numbers() -> None:
    page, card = ((run().path / name).read_text() for name in ("report.html", "README.md"))
    assert "of the variance of “level” explained" in page and "Predicted, by target" in page
    assert "confusion" not in page.lower()
    assert page.count('class="point"') > 50
    assert "by the error in the median epoch, the figure in bold" in page and "off by" in page
    assert "“level” for each of the images" in card
    assert "| R² |" in card and "| Mean absolute error |" in card and "probabilities" not in card


@pytest.mark.parametrize("rows", [1, 60])
def test_a_test_side_without_variance_is_reported(rows: int, tmp_path: Path) -> None:
    copy = Run(shutil.copytree(run().path, tmp_path / "run"))
    table, test = copy.table(), copy.table().rows("test")
    sides, labels = table.frame["split"].to_list(), table.frame["label"].to_list()
    for row in test[rows:]:
        sides[row] = None
    for row in test:
        labels[row] = labels[test[0]]
    copy.write_table(replace(table, frame=table.frame.with_columns(pl.Series("label", labels))).with_split(sides))
    write_report(copy)
    told = Run(copy.path).report
    assert told["test"]["r2"]["value"] is None and told["test"]["mae"]["n"] == rows
    assert "off by" in told["headline"] and "R²" not in told["headline"]
    assert told["headline"].removeprefix("“") in (copy.path / "report.html").read_text()


def test_a_model_worse_than_the_mean_is_not_said_to_explain_a_negative_share(tmp_path: Path) -> None:
    copy = Run(shutil.copytree(run().path, tmp_path / "run"))
    scores, targets = copy.scores(), copy.table().targets()
    copy.write_arrays("scores.npz", {**scores, "probs": (targets.mean() - 0.16 * (targets - targets.mean()))[:, None]})
    write_report(copy)
    page, r2 = (copy.path / "report.html").read_text(), Run(copy.path).report["test"]["r2"]["value"]
    hero = page[page.index("<h1") : page.index("</h1>")]
    assert -0.5 < r2 < -0.2 and f"−{abs(r2):.2f}" in hero and "R²" in hero
    assert "below 0: the mean of “level” over these very rows would have been closer" in hero
    assert "explained" not in hero and "%" not in hero


def test_a_reviewer_may_take_a_suggestion_and_is_asked_what_a_comma_means(tmp_path: Path) -> None:
    copy = Run(shutil.copytree(run().path, tmp_path / "run"))
    copy.write_table(replace(copy.table(), decimal=","))
    review = Review(copy)
    review.suggested[0] = "351.234"
    said = {"row": 0, "action": "relabel", "who": "ada", "based_on": 0}
    with pytest.raises(UsageError, match='the new label: "351,234" may be 351234, or 351.234 as the source writes'):
        review.decide(said | {"corrected": "351,234"})
    review.decide(said | {"corrected": "351.234"})
    assert [one.corrected for one in review.corrections()] == ["351.234"]


def test_a_run_that_was_stopped_goes_on_to_the_same_numbers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from unfazed.verb import train as verb

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(verb, "write_report", interrupted)
        with pytest.raises(KeyboardInterrupt):
            unfazed.train(source(), target="level", out=tmp_path / "run", progress=False, **SETTINGS)
    again = unfazed.resume(tmp_path / "run", progress=False)
    assert np.array_equal(again.scores()["probs"], run().scores()["probs"])


def test_a_loss_of_another_task_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="loss = 'cross-entropy' is not for regression"):
        unfazed.train(source(), target="level", out=tmp_path / "run", progress=False, loss="cross-entropy", **SETTINGS)


@pytest.mark.parametrize("wrong", [{"class_weights": "balanced"}, {"label_smoothing": 0.1}])
def test_what_is_for_classes_is_refused(wrong: dict[str, Any], tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="is for classification"):
        unfazed.train(source(), target="level", out=tmp_path / "run", progress=False, **{**SETTINGS, **wrong})
    assert run().recipe.label_smoothing == 0, "nothing is smoothed by default either"


def test_a_run_on_rows_of_a_table_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from unfazed.verb import train as verb

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(verb, "write_report", interrupted)
        with pytest.raises(KeyboardInterrupt):
            unfazed.train("sample:diabetes", out=tmp_path / "run", progress=False, epochs=2)
    assert unfazed.resume(tmp_path / "run", progress=False).report["task"] == "tabular regression"


def test_a_run_whose_files_disagree_is_refused(tmp_path: Path) -> None:
    copy = Run(shutil.copytree(run().path, tmp_path / "run"))
    copy.write_arrays("scores.npz", {"probs": np.zeros((7, 1), np.float32)})
    with pytest.raises(RunError, match="not of one run"):
        write_report(copy)


def test_a_model_of_nothing_is_no_model_of_the_numbers_of_the_table(tmp_path: Path) -> None:
    copy = Run(shutil.copytree(run().path, tmp_path / "run"))
    copy.write_json("model.json", {})
    with pytest.raises(RunError, match="not of one run: by table.parquet numbers are predicted"):
        unfazed.label_issues(Run(copy.path))


@pytest.mark.parametrize(("file", "name", "wrong"), [
    ("scores.npz", "probs", np.nan), ("scores.npz", "probs", np.inf), ("scores.npz", "probs", "text"),
    ("dynamics.npz", "losses", "text"),
])  # fmt: skip
def test_predictions_and_losses_that_are_no_numbers_are_refused(
    file: str, name: str, wrong: float | str, tmp_path: Path
) -> None:
    copy = Run(shutil.copytree(run().path, tmp_path / "run"))
    with np.load(copy.path / file) as arrays:
        array = arrays[name].astype(str if wrong == "text" else np.float32)
    array[7] = wrong
    copy.write_arrays(file, {name: array})
    with pytest.raises(RunError, match=rf"{file} is damaged: {name} are"):
        evidence(copy)


class Answers(torch.nn.Module):
    """Says the numbers it was given, [B, 1] or, of M members, [B, M, 1]."""

    def __init__(self, output: torch.Tensor):
        super().__init__()
        self.output = output

    def forward(self, x: torch.Tensor, length: torch.Tensor) -> torch.Tensor:
        return self.output


def batch(y: list[float]) -> "unfazed.batch.Batch":  # type: ignore[name-defined]
    from unfazed.batch import Batch

    index = torch.arange(len(y))
    return Batch(index, index[:, None].float(), index, torch.tensor(y), torch.ones(len(y)))


@pytest.mark.parametrize(
    "loss, expected", [("squared", [0.25, 9.0]), ("absolute", [0.5, 3.0]), ("huber", [0.125, 2.5])]
)
def test_errors_are_those_of_their_names(loss: str, expected: list[float]) -> None:
    scored = criterion_of(loss)(Answers(torch.tensor([[0.5], [3.0]])), batch([0.0, 0.0]))
    assert scored.loss.tolist() == pytest.approx(expected)


def test_members_learn_for_themselves_and_speak_together() -> None:
    output = torch.tensor([[[1.0], [3.0]]])
    scored = error("squared")(Answers(output), batch([2.0]))
    assert scored.loss.tolist() == [1.0], "the mean of their losses, not the loss of their mean"
    assert scored.output.tolist() == [[2.0]] and probabilities(output).tolist() == [[2.0]]


def test_surprise_of_a_number_is_its_squared_error() -> None:
    found = surprise(torch.tensor([[2.5], [0.0]]), torch.tensor([2.0, 1.0]))
    assert found.loss.tolist() == [0.25, 1.0] and found.margin.tolist() == [-0.5, -1.0]
    assert found.probs.tolist() == [[2.5], [0.0]]
