"""Sets of labels from one end to the other: trained, resumed, reported, predicted, evaluated; all kinds of data."""

import ast
import json
import math
import re
import shutil
from dataclasses import replace
from functools import cache
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import numpy as np
import polars as pl
import pytest
import soundfile
from PIL import Image
from rich.console import Console
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.metrics import f1_score

import unfazed
from unfazed import Classifier
from unfazed.analysis.multilabel import best_thresholds
from unfazed.corrections import Correction
from unfazed.errors import RecipeError, RunError, UsageError
from unfazed.label_sets import parts
from unfazed.predictor import Predictions
from unfazed.report.facts import facts
from unfazed.report.label_issues import listing
from unfazed.report.labels import sentences
from unfazed.report.page import write_report
from unfazed.report.predictions import written
from unfazed.report.terminal import evaluation, summary
from unfazed.run import Run
from unfazed.sample_sounds import RATE, sounds
from unfazed.verb.evaluate import evaluate
from unfazed.verb.label_issues import labels_to_check, told
from unfazed.verb.predict import predicted
from unfazed.web.review import Review

AREAS = {
    "net": ("socket", "ftplib", "smtplib"), "files": ("zipfile", "shutil", "tarfile"), "": ("decimal", "statistics"),
}  # fmt: skip
SETTINGS: dict[str, Any] = {"epochs": 4, "precision": "float32", "batch_size": 16, "learning_rate": 0.005}


def docstrings(module: str) -> list[str]:
    found = find_spec(module)
    assert found and found.origin
    kinds = ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef
    nodes = [node for node in ast.walk(ast.parse(Path(found.origin).read_text())) if isinstance(node, kinds)]
    return [text[:120] for node in nodes if (text := ast.get_docstring(node)) and len(text) >= 30]


@cache
def texts() -> Path:
    """Docstrings of Python's library, alone or two in one text, with their areas: "net", "files" or none of them."""
    pool = {area: [text for module in names for text in docstrings(module)] for area, names in AREAS.items()}
    generator, rows = np.random.default_rng(0), []
    for _ in range(240):
        chosen = generator.choice(list(AREAS), size=generator.integers(1, 3), replace=False).tolist()
        text = "\n\n".join(pool[area][generator.integers(len(pool[area]))] for area in chosen)
        rows.append((text, "|".join(sorted(filter(None, chosen)))))
    path = Path(mkdtemp(prefix="unfazed-test-")) / "texts.csv"
    pl.DataFrame(rows, schema=["text", "areas"], orient="row").write_csv(path)
    return path


@cache
def run() -> Run:
    """A finished run; tests that change it copy it first."""
    return unfazed.train(texts(), target="areas", out=texts().parent / "run", progress=False, **SETTINGS)


def printed(renderable: Any) -> str:
    console = Console(width=100, record=True, file=StringIO())
    console.print(renderable)
    return console.export_text()


def test_sets_are_learnt_and_reported_beside_the_baselines() -> None:
    report = run().report
    assert report["task"] == "text multilabel" and report["classes"] == ["files", "net"]
    assert run().recipe.task == "multilabel" and run().recipe.loss == "binary-cross-entropy"
    model, linear = report["test"], report["baselines"]["linear"]["test"]
    guess = report["baselines"]["majority"]["test"]
    assert model["f1_micro"]["low"] > guess["f1_micro"]["value"]
    assert model["subset_accuracy"]["value"] > guess["subset_accuracy"]["value"]
    assert model["log_loss"]["value"] < guess["log_loss"]["value"]
    difference = linear["f1_micro_difference"]
    assert difference["value"] == pytest.approx(model["f1_micro"]["value"] - linear["f1_micro"]["value"])
    assert difference["n"] == model["f1_micro"]["n"] == linear["f1_micro"]["n"] == report["counts"]["test"]
    left = linear["log_loss_difference"]
    assert left["value"] == pytest.approx(model["log_loss"]["value"] - linear["log_loss"]["value"], rel=1e-4)
    assert left["low"] < left["value"] < left["high"] and left["n"] == report["counts"]["test"]
    assert report["headline"].startswith("F1 ") and "of the sets are exactly right" in report["headline"]
    assert any("TF-IDF with logistic regression reaches F1" in one["text"] for one in report["verdict"])


def test_dynamics_are_of_whole_sets() -> None:
    table, dynamics = run().table(), run().dynamics()
    train = table.rows("train")
    assert dynamics["losses"].shape == (len(run().epochs), len(table))
    assert np.isfinite(dynamics["losses"][:, train]).all() and np.isfinite(dynamics["margins"][:, train]).all()
    assert np.isnan(dynamics["losses"][:, table.rows("test")]).all()
    assert dynamics["window_probs"].shape == (len(table), 2)
    first = run().epochs[0]["train"]["log_loss"]
    assert first == pytest.approx(dynamics["losses"][0, train].astype(float).mean(), rel=1e-3)
    wrong = dynamics["margins"][-1, train] < 0
    assert (dynamics["losses"][-1, train][wrong] > np.log(2) - 1e-2).all(), "a label on the wrong side costs a bit"


def test_the_best_epoch_is_that_of_the_lowest_validation_loss() -> None:
    losses = [epoch["validation"]["loss"] for epoch in run().epochs]
    assert run().report["best_epoch"] == 1 + int(np.argmin(losses))
    best = run().epochs[int(np.argmin(losses))]["validation"]["log_loss"]
    assert run().report["validation"]["log_loss"]["value"] == pytest.approx(best, rel=1e-3)


def test_thresholds_are_chosen_on_validation_and_kept() -> None:
    table, probs = run().table(), run().scores()["probs"]
    rows = table.rows("validation")
    assert run().thresholds == best_thresholds(table.indicators()[rows], probs[rows]).tolist()
    assert [row["threshold"] for row in run().report["per_class"]] == run().thresholds
    test = table.rows("test")
    predicted_sets = probs[test] >= np.array(run().thresholds)
    expected = f1_score(table.indicators()[test], predicted_sets, average="micro")
    assert run().report["test"]["f1_micro"]["value"] == pytest.approx(expected)


def test_prediction_says_what_the_report_measured() -> None:
    table = run().table()
    rows = table.rows("test")
    found = unfazed.Predictor.open(run()).predict([table.frame["input"][int(row)] for row in rows])
    assert found.classes == ["files", "net"] and found.thresholds == run().thresholds
    assert np.allclose(found.probs, run().scores()["probs"][rows], atol=1e-5)
    truth = table.indicators()[rows]
    measured = f1_score(truth, found.indicators, average="micro")
    assert measured == pytest.approx(run().report["test"]["f1_micro"]["value"])
    assert found.labels == ["|".join(names or []) for names in found.label_sets]
    one = found.indicators[0]
    assert found.confidence[0] == pytest.approx(np.where(one, found.probs[0], 1 - found.probs[0]).prod())


def test_an_input_that_cannot_be_read_has_no_set() -> None:
    found = unfazed.Predictor.open(run()).predict(["Open a socket to a host", ""])
    assert found.problems[1] and found.labels[1] is None and found.label_sets[1] is None
    assert found.label_sets[0] is not None and not found.indicators[1].any()


def test_a_classifier_has_no_sets() -> None:
    from unfazed.predictor import Predictions

    with pytest.raises(UsageError, match="predicts no sets"):
        _ = Predictions(["a"], np.ones((1, 2), np.float32), np.ones((1, 2), np.float32), [None], ["a", "b"]).label_sets


def test_predictions_are_written_as_text_and_as_lists(tmp_path: Path) -> None:
    items = ["Open a socket to a host, and close the connection.", str(empty(tmp_path))]
    rows = [list(written(predicted(run(), items), form, True)) for form in ("csv", "jsonl")]
    assert rows[0][0] == "input,label,confidence,problem,probability of files,probability of net"
    facts = json.loads(str(rows[1][0]))
    assert facts["label"] == "|".join(facts["labels"]) and 0 < facts["confidence"] <= 1
    chance = np.prod([p if name in facts["labels"] else 1 - p for name, p in facts["probs"].items()])
    assert facts["confidence"] == pytest.approx(chance)
    assert json.loads(str(rows[1][1]))["label"] is None and str(rows[0][2]).endswith(",empty text,,")


def test_the_sets_of_a_batch_are_made_once_not_once_a_row(monkeypatch: pytest.MonkeyPatch) -> None:
    made = []
    sets = Predictions.label_sets.fget

    def counted(predictions: Predictions) -> Any:
        made.append(len(predictions))
        return sets(predictions)  # type: ignore[misc]

    monkeypatch.setattr(Predictions, "label_sets", property(counted))
    told = list(predicted(run(), [f"a socket of number {row}" for row in range(20)]))
    assert len(told) == 20 and len(made) <= 2 and all(one.labels is not None for one in told)


def empty(folder: Path) -> Path:
    path = folder / "empty.txt"
    path.write_text("")
    return path


def test_evaluation_measures_what_was_not_trained_on(tmp_path: Path) -> None:
    facts = evaluate(run(), texts(), target="areas")
    assert facts["rows"] == facts["own_test"] == len(run().table().rows("test"))
    for name in ("f1_micro", "f1_macro", "subset_accuracy", "hamming_loss", "log_loss"):
        assert facts["metrics"][name]["value"] == pytest.approx(run().report["test"][name]["value"], rel=1e-3)
    assert "exact sets" in printed(evaluation(facts))
    lists = [["net"], ["files", "mail"], [], None]
    new = pl.DataFrame({"text": [f"a socket of number {row} is new" for row in range(4)], "areas": lists})
    facts = evaluate(run(), new, target="areas")
    assert facts["rows"] == 2 and facts["unknown"] == {"mail": 1} and facts["unlabelled"] == 1


def test_the_page_the_card_and_the_terminal_speak_of_sets() -> None:
    page, card = ((run().path / name).read_text() for name in ("report.html", "README.md"))
    assert "Label by label" in page and "Average precision" in page and "Always the commonest set" in page
    assert "Surprise of one set of labels" in page and "confusion" not in page.lower()
    assert "| F1 over all labels |" in card and "predict([" in card and ".label_sets" in card
    assert "| label | precision | recall | F1 | average precision | threshold | n |" in card
    assert 'pipeline_tag: "text-classification"' in card and "multi-label-classification" in card
    said = printed(summary(run()))
    assert "F1 (micro)" in said and "commonest set" in said and "Hamming loss" in said


def test_every_share_that_is_said_of_sets_has_its_interval_and_the_groups_that_it_comes_from(tmp_path: Path) -> None:
    made = Run(shutil.copytree(run().path, tmp_path / "run"))
    table = made.table()
    alone = made.report
    named = pl.Series([f"author {row % 6}" for row in range(len(table))])
    made.write_table(replace(table, frame=table.frame.with_columns(group=named)))
    found, n = facts(Run(made.path)), alone["test"]["f1_micro"]["n"]
    said = {told["groups"]["test"]: " ".join(line["text"] for line in told["verdict"]) for told in (alone, found)}
    share = r"[\d.]+ % \([\d.]+ – [\d.]+ %"
    assert re.search(rf"; {share}\) of the sets are exactly right$", alone["headline"])
    left = rf"bits are left \([\d.]+ – [\d.]+, n = {n}\): [\d.]+ % of the surprise is gone \([−\d.]+ – [\d.]+ %\)"
    assert re.search(left, said[None])
    assert re.search(rf"be exactly right [\d.]+ % of the time \([\d.]+ – [\d.]+ %, n = {n}\)", said[None])
    assert f"{n} test texts in 6 groups" in found["headline"] and f"n = {n} in 6 groups" in said[6]
    for name in ("f1_micro", "subset_accuracy", "log_loss", "hamming_loss"):
        one, other = found["test"][name], alone["test"][name]
        assert one["value"] == pytest.approx(other["value"]) and one["low"] <= one["value"] <= one["high"]


def test_labels_of_a_stranger_are_text_on_the_page(tmp_path: Path) -> None:
    source = pl.read_csv(texts()).with_columns(pl.col("areas").str.replace("files", "<b>files</b>")).drop_nulls()
    made = unfazed.train(source, target="areas", out=tmp_path / "run", progress=False, **{**SETTINGS, "epochs": 1})
    page = (made.path / "report.html").read_text()
    assert "&lt;b&gt;files&lt;/b&gt;" in page and "<b>files</b>" not in page


def test_a_run_that_was_stopped_goes_on_to_the_same_sets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from unfazed.verb import running

    kept = running.Record.epoch

    def stopped(self: Any, epoch: Any) -> Any:
        if epoch.number == 3:
            raise KeyboardInterrupt
        return kept(self, epoch)

    with monkeypatch.context() as patch:
        patch.setattr(running.Record, "epoch", stopped)
        with pytest.raises(KeyboardInterrupt):
            unfazed.train(texts(), target="areas", out=tmp_path / "run", progress=False, **SETTINGS)
    again = unfazed.resume(tmp_path / "run", progress=False)
    assert np.array_equal(again.scores()["probs"], run().scores()["probs"])
    assert again.thresholds == run().thresholds


@pytest.mark.parametrize(
    "wrong, message",
    [({"loss": "cross-entropy"}, "is not for multilabel"), ({"class_weights": "balanced"}, "is for classification")],
    ids=["loss", "class weights"],
)
def test_what_is_for_classes_is_refused(wrong: dict[str, Any], message: str, tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match=message):
        unfazed.train(texts(), target="areas", out=tmp_path / "run", progress=False, **{**SETTINGS, **wrong})


def test_label_smoothing_is_heeded() -> None:
    x, y = findings()
    probs = Classifier(epochs=8, label_smoothing=0.4).fit(x[:200], y[:200]).predict_proba(x[:200])
    assert 0.1 < np.median(probs.min(1)) < 0.3, "its targets are 0.2 and 0.8"


@pytest.mark.parametrize("said", [[0.5], [0.5, 2.0], [0.5, "x"], "high"])
def test_thresholds_of_a_stranger_are_checked(said: Any, tmp_path: Path) -> None:
    import shutil

    copy = Run(shutil.copytree(run().path, tmp_path / "run"))
    copy.write_json("model.json", {**run().model, "thresholds": said})
    for use in (lambda: unfazed.Predictor.open(copy), lambda: write_report(copy)):
        with pytest.raises(RunError, match="thresholds"):
            use()


def test_a_run_whose_files_disagree_is_refused(tmp_path: Path) -> None:
    import shutil

    copy = Run(shutil.copytree(run().path, tmp_path / "run"))
    copy.write_arrays("scores.npz", {"probs": np.zeros((7, 2), np.float32)})
    with pytest.raises(RunError, match="not of one run"):
        write_report(copy)


def test_pictures_of_two_digits(tmp_path: Path) -> None:
    data, generator, rows = load_digits(), np.random.default_rng(0), []
    known = np.flatnonzero(data.target < 3)
    for row in range(240):
        left, right = generator.choice(known, 2)
        pixels = np.concatenate([data.images[left], data.images[right]], axis=1)
        Image.fromarray((pixels * 15.9).astype(np.uint8)).save(tmp_path / f"{row}.png")
        rows.append((f"{row}.png", "|".join(sorted({str(data.target[one]) for one in (left, right)}))))
    pl.DataFrame(rows, schema=["file", "digits"], orient="row").write_csv(tmp_path / "digits.csv")
    settings = {"epochs": 6, "width": 8, "batch_size": 16, "augmentation": 0.0, "precision": "float32"}
    made = unfazed.train(tmp_path / "digits.csv", target="digits", out=tmp_path / "run", progress=False, **settings)
    told = made.report
    assert told["task"] == "image multilabel" and told["classes"] == ["0", "1", "2"]
    assert made.recipe.label_smoothing == 0.0
    assert told["test"]["f1_micro"]["low"] > told["baselines"]["majority"]["test"]["f1_micro"]["value"]
    assert told["baselines"]["linear"]["test"]["f1_micro"]["value"] > 0.5
    assert '<img src="data:image' in (made.path / "report.html").read_text()


def test_recordings_of_two_sounds(tmp_path: Path) -> None:
    kinds = {name: [samples for kind, _, samples in sounds() if kind == name][:30] for name in ("bell", "drum")}
    generator, rows = np.random.default_rng(0), []
    for row in range(48):
        chosen = [[], ["bell"], ["drum"], ["bell", "drum"]][row % 4]
        mixed = generator.normal(0, 30, RATE // 2)
        for name in chosen:
            sound = kinds[name][generator.integers(30)][: RATE // 2]
            mixed[: len(sound)] += sound / 4
        soundfile.write(tmp_path / f"{row}.wav", mixed.astype(np.int16), RATE)
        rows.append((f"{row}.wav", "|".join(chosen)))
    pl.DataFrame(rows, schema=["file", "heard"], orient="row").write_csv(tmp_path / "sounds.csv")
    settings = {"epochs": 2, "width": 8, "batch_size": 8, "precision": "float32"}
    made = unfazed.train(tmp_path / "sounds.csv", target="heard", out=tmp_path / "run", progress=False, **settings)
    assert made.report["task"] == "audio multilabel" and made.report["classes"] == ["bell", "drum"]
    assert made.report["baselines"]["linear"]["test"]["f1_micro"]["n"] == made.report["counts"]["test"]
    found = unfazed.Predictor.open(made).predict([tmp_path / "3.wav"])
    assert found.probs.shape == (1, 2) and found.label_sets[0] is not None


def findings() -> tuple[pl.DataFrame, np.ndarray]:
    """Measurements of tumours, and which of three findings each has."""
    frame = load_breast_cancer(as_frame=True).frame
    x = pl.DataFrame({name: frame[name].to_list() for name in frame.columns if name.startswith("mean")})
    large = [frame[name] > frame[name].quantile(0.75) for name in ("worst area", "worst texture")]
    return x, np.stack([frame["target"] == 0, *large], axis=1).astype(np.int64)


def test_rows_of_a_table_with_lists(tmp_path: Path) -> None:
    x, y = findings()
    names = np.array(["malignant", "large", "rough"])
    source = x.with_columns(labels=pl.Series([names[row > 0].tolist() for row in y]))
    source.write_parquet(tmp_path / "table.parquet")
    made = unfazed.train(tmp_path / "table.parquet", out=tmp_path / "run", progress=False, epochs=8)
    told = made.report
    assert told["task"] == "tabular multilabel" and sorted(told["classes"]) == sorted(names)
    assert told["test"]["f1_micro"]["value"] > 0.75
    assert {"majority", "linear", "boosting"} == set(told["baselines"])
    assert "row-values" in (made.path / "report.html").read_text()


def test_a_column_that_tells_a_label_alone_is_an_alarm() -> None:
    from unfazed.modality.tabular import fit, notices, read

    generator = np.random.default_rng(0)
    given = (generator.random((400, 2)) < 0.3).astype(np.float32)
    rows = [read({"leak": float(given[row, 1]), "fair": float(generator.normal())}) for row in range(400)]
    preprocessor = fit(rows, unfazed.Recipe())
    x = np.stack([given[:, 1], generator.standard_normal(400)], axis=1).astype(np.float32)
    said = notices(x, given, preprocessor)
    assert any('"leak" alone tells a label of 100 %' in one for one in said) and not any('"fair"' in o for o in said)


def test_the_estimator_takes_and_gives_an_indicator_matrix() -> None:
    x, y = findings()
    y = np.concatenate([y, np.zeros((len(y), 1), np.int64)], axis=1)  # a label that nothing has
    model = Classifier(epochs=8).fit(x[:400], y[:400])
    predicted_sets, probs = model.predict(x[400:]), model.predict_proba(x[400:])
    assert predicted_sets.shape == probs.shape == (169, 4) and list(model.classes_) == [0, 1, 2, 3]
    assert f1_score(y[400:], predicted_sets, average="micro") > 0.75
    assert set(np.unique(predicted_sets)) == {0, 1} and not probs[:, 3].any()
    assert model.score(x[400:], y[400:]) == pytest.approx((predicted_sets == y[400:]).all(1).mean())
    assert not np.allclose(probs.sum(1), 1), "each label has a probability of its own"


def test_the_labels_of_sets_are_audited_listed_and_shown() -> None:
    found = unfazed.label_issues(run(), every=True)
    assert found.what == "sets of labels" and found.count.n == len(found.frame) == len(run().table())
    assert {"margin", "agreement", "simple"} <= set(found.frame.columns)
    assert not found.frame.filter(pl.col("label") == pl.col("suggested")).height
    told = run().report["labels"]
    assert told["what"] == "sets of labels" and told["count"]["n"] == found.count.n
    page = (run().path / "report.html").read_text()
    assert "sets of labels" in page and page.count('id="labels"') == page.count('id="classes"') == 1
    facts = {"count": found.count._asdict(), "what": found.what, "worth": 0, "depths": []}
    assert "none of them" in printed(listing(found.frame.filter(pl.col("label") == ""), facts, "text"))


def test_once_sets_that_were_not_trained_on_are_corrected_it_is_unknown_how_many_are_wrong(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    table = run().table()
    for split, action, unknown in (("test", "keep", 0), ("train", "relabel", 0), ("test", "relabel", 1)):
        name = table.frame["id"][int(table.rows(split)[0])]
        one = Correction(name, "", "a", "b", action, "ada", "", "", "", "")
        monkeypatch.setattr("unfazed.verb.label_issues.applied_in", lambda path, one=one: [one])
        found = unfazed.label_issues(run())
        assert found.corrected == unknown and math.isnan(found.count.value) == bool(unknown)
    assert found.frame["error_probability"].null_count() == len(found.frame) and (found.frame["margin"] < 0).all()
    first, why, *_ = sentences(told(found))
    assert first.endswith("are still wrong can't be told.") and "1 of these were corrected" in why
    monkeypatch.setattr("unfazed.verb.label_issues.applied_in", lambda path: [])
    assert labels_to_check(run(), table, {"train": 3, "validation": 1, "test": 2})["corrected"] == 3


def test_too_many_sets_of_too_many_labels_are_not_judged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unfazed.verb.label_issues.MOST", 100)
    with pytest.raises(UsageError, match="too many to judge"):
        unfazed.label_issues(run())
    assert "too many to judge" in labels_to_check(run(), run().table())["missing"]


def test_sets_are_diagnosed_by_f1() -> None:
    found = run().report["diagnosis"]
    evidence = found["evidence"]
    assert "F1 on validation rows" in evidence and " %, n = " in evidence["a guess that looks at no input"]
    assert "sets of labels estimated to be wrong" in evidence and found["layers"]
    assert any("more steps" in name for name in evidence)
    assert 'id="diagnosis"' in (run().path / "report.html").read_text()


def test_shuffled_sets_are_called_unrelated(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(600, 3))
    tags = [[name for name, one in zip("abc", row, strict=True) if one > 0.5] for row in generator.permutation(x)]
    frame = pl.DataFrame({"x": x[:, 0], "y": x[:, 1], "z": x[:, 2], "tags": tags})
    shuffled = unfazed.train(frame, target="tags", out=tmp_path / "run", progress=False, epochs=5, validation=0.25)
    assert unfazed.diagnose(shuffled)["cause"] == "labels unrelated to inputs"


def test_a_column_that_tells_a_label_is_a_leak(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(400, 2))
    seen = x + generator.normal(size=x.shape)
    tags = [[name for name, one in zip("ab", row, strict=True) if one > 0.3] for row in seen]
    named = ["yes" if "a" in row else "no" for row in tags]
    frame = pl.DataFrame({"x": x[:, 0], "y": x[:, 1], "told": named, "tags": tags})
    leaking = unfazed.train(frame, target="tags", out=tmp_path / "run", progress=False, epochs=2)
    found = unfazed.diagnose(leaking)
    assert found["cause"] == "leak" and "“told”" in found["paragraph"]


def test_without_a_label_on_validation_rows_nothing_is_diagnosed(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    sides = np.array(["train"] * 60 + ["validation"] * 30 + ["test"] * 10)
    tags = [["a"] if side != "validation" and generator.random() < 0.5 else [] for side in sides]
    frame = pl.DataFrame({"x": generator.normal(size=100), "split": sides, "tags": tags})
    made = unfazed.train(frame, target="tags", task="multilabel", out=tmp_path / "run", progress=False, epochs=2)
    found = unfazed.diagnose(made)
    assert found["cause"] == "can't tell" and "No validation row has any label" in found["paragraph"]


def test_a_simple_model_gives_probabilities_of_each_label_by_itself() -> None:
    said = run().scores()["out_of_sample"].astype(float)
    assert said.shape == (240, 2) and (said > 0).all() and (said < 1).all()
    y = run().table().indicators()
    assert np.corrcoef(said[:, 0], y[:, 0])[0, 1] > 0.3 and np.abs(said.sum(1) - 1).max() > 0.1


def test_given_and_suggested_labels_are_shown_with_their_probabilities() -> None:
    review = Review(run())
    for row in review.order[:20].tolist():
        shown = {one["label"] for one in review.example(row)["candidates"]}
        assert {*parts(review.labels[row] or ""), *parts(review.suggested[row] or "")} <= shown
