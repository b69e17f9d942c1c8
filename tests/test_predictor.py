import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
import trained
from PIL import Image

from unfazed import Predictions, Predictor, evaluate
from unfazed.analysis.calibration import scaled
from unfazed.certainty import Asked
from unfazed.errors import RunError, SourceError, UsageError
from unfazed.run import Run


def files(count: int = 12) -> list[Path]:
    return sorted(trained.source().rglob("*.png"))[:count]


def test_predictions_are_those_of_the_final_evaluation() -> None:
    run = trained.run()
    rows = run.table().rows("test")[:20]
    paths = [run.table().frame["input"][int(row)] for row in rows]
    predictions = Predictor.open(run).predict(paths)
    recorded = run.scores()["probs"][rows]
    assert np.allclose(predictions.probs, scaled(recorded, run.temperature.value), atol=1e-5)
    assert not np.allclose(predictions.probs, recorded, atol=1e-3)
    assert np.allclose(predictions.embeddings, run.scores()["embeddings"][rows], atol=2e-2, rtol=1e-2)  # kept in half
    assert predictions.labels == [run.classes[k] for k in predictions.probs.argmax(1)]
    assert predictions.confidence.tolist() == pytest.approx(predictions.probs.max(1).tolist())


def test_a_predictor_shows_itself_in_one_short_line() -> None:
    predictor = Predictor.open(trained.run())
    assert repr(predictor) == "<Predictor on cpu, classes=4: 'digit 0', 'digit 1', 'digit 2', …>".replace(
        "cpu", str(predictor.device)
    )


def test_predictions_show_themselves_as_a_small_table(tmp_path: Path) -> None:
    predictor = Predictor.open(trained.run())
    predictions = predictor.predict([*files(2), tmp_path / "gone.png"])
    sure = predictions.confidence
    assert repr(predictions).splitlines() == [
        "Predictions n=3, 4 classes",
        "   label      confidence  problem",
        f"0  'digit 0'  {100 * sure[0]:.1f} %",
        f"1  'digit 0'  {100 * sure[1]:.1f} %",
        "2  None                   'no such file'",
    ]
    promised = repr(predictor.predict(files(1), confidence_level=0.8, max_risk=0.4)).splitlines()[1]
    assert promised.split() == ["label", "confidence", "set", "answered"]
    assert repr(predictor.predict([])) == "Predictions n=0, 4 classes"
    numbers = Predictions(["1.5"], np.array([[1.5]], np.float32), np.zeros((1, 2), np.float32), [None], [])
    assert repr(numbers).splitlines() == ["Predictions n=1, numbers", "   number", "0  1.5"]
    sure = Predictions(["a"], np.array([[1, 0]], np.float32), np.zeros((1, 2), np.float32), [None], ["a", "b"])
    assert repr(sure).splitlines()[-1] == "0  'a'    > 99.9 %"
    long = {"labels": ["x\n" * 5000] * 500, "problems": [None] * 500, "probs": np.ones((500, 4), np.float32)}
    many = dataclasses.replace(predictions, **long)  # type: ignore[arg-type]
    lines = repr(many).splitlines()
    assert len(lines) == 13 and lines[-1].startswith("… 490 more") and max(map(len, lines)) <= 80


def test_predictions_are_as_many_as_the_items_and_are_compared_as_one_thing() -> None:
    predictor = Predictor.open(trained.run())
    first, again = predictor.predict(files(3)), predictor.predict(files(3))
    assert len(first) == len(first.labels) == 3 and len(predictor.predict([])) == 0
    assert (first == first, first == again) == (True, False)  # by identity: arrays have no one answer
    with pytest.raises(TypeError, match="not iterable"):
        list(first)  # type: ignore[call-overload]  # of items, or of columns?
    with pytest.raises(dataclasses.FrozenInstanceError):
        first.labels = []  # type: ignore[misc]


def test_a_copied_run_predicts_the_same_in_a_fresh_process(tmp_path: Path) -> None:
    copy = shutil.copytree(trained.run().path, tmp_path / "elsewhere")
    script = (
        "import json, sys; from unfazed import Predictor; "
        "print(json.dumps(Predictor.open(sys.argv[1]).predict(sys.argv[2:]).probs.tolist()))"
    )
    names = [str(file) for file in files()]
    done = subprocess.run(
        [sys.executable, "-c", script, str(copy), *names], capture_output=True, check=True, timeout=120
    )
    assert np.allclose(json.loads(done.stdout), Predictor.open(trained.run()).predict(names).probs, atol=1e-5)


def test_paths_images_and_arrays_are_the_same_thing() -> None:
    predictor, path = Predictor.open(trained.run()), files(1)[0]
    image = Image.open(path)
    found = predictor.predict([path, str(path), image, np.asarray(image.convert("RGB")), path.read_bytes()])
    assert np.allclose(found.probs, found.probs[0], atol=1e-6)


def test_one_item_or_many_give_the_same_probabilities() -> None:
    predictor = Predictor.open(trained.run())
    many = predictor.predict(files(300)).probs
    single = np.concatenate([predictor.predict([file]).probs for file in files(10)])
    assert np.allclose(many[:10], single, atol=1e-5)


def test_what_cannot_be_read_is_said_and_the_rest_is_predicted(tmp_path: Path) -> None:
    (tmp_path / "broken.png").write_bytes(b"")
    found = Predictor.open(trained.run()).predict([files()[0], tmp_path / "broken.png", tmp_path / "missing.png"])
    assert found.labels[0] is not None and found.labels[1:] == [None, None]
    assert found.problems[0] is None and all(found.problems[1:])
    assert np.isnan(found.probs[1:]).all()


def test_nothing_to_predict_is_an_empty_prediction() -> None:
    found = Predictor.open(trained.run()).predict([])
    assert found.labels == [] and found.probs.shape == (0, 4)


def others(tmp_path: Path) -> Path:
    """Real digits that the run has never seen, of the same classes."""
    return trained.digits(tmp_path / "others", first=300, count=80)


def test_evaluate_measures_with_intervals(tmp_path: Path) -> None:
    facts = evaluate(trained.run(), others(tmp_path))
    accuracy = facts["metrics"]["accuracy"]
    assert accuracy["n"] == facts["rows"] == 80
    assert accuracy["low"] < accuracy["value"] <= accuracy["high"]
    assert (facts["split"], facts["seen"], facts["unlabelled"]) == ("all", 0, 0)


def test_evaluate_on_the_training_source_measures_the_test_rows_alone() -> None:
    facts, run = evaluate(trained.run(), trained.source()), trained.run()
    assert facts["rows"] == run.report["counts"]["test"]
    assert facts["seen"] == 300 - facts["rows"]
    assert facts["metrics"]["accuracy"]["value"] == run.report["test"]["accuracy"]["value"]


def test_evaluate_refuses_what_the_model_was_trained_on(tmp_path: Path) -> None:
    run = trained.run()
    for row in run.table().rows("train"):
        example = run.table().frame.row(int(row), named=True)
        (tmp_path / example["label"]).mkdir(exist_ok=True)
        shutil.copy(example["input"], tmp_path / example["label"])
    with pytest.raises(SourceError, match="trained or chosen on every one"):
        evaluate(run, tmp_path)


def test_evaluate_leaves_out_what_the_model_cannot_know(tmp_path: Path) -> None:
    folder = others(tmp_path)
    strange = len(list((folder / "digit 0").iterdir()))
    shutil.copytree(folder / "digit 0", folder / "letter o")
    (folder / "letter o" / "broken.png").write_bytes(b"")
    facts = evaluate(trained.run(), folder)
    assert facts["unknown"] == {"letter o": strange}
    assert facts["rows"] == 80
    assert [problem["reason"] for problem in facts["problems"]] == ["empty file"]
    for label in range(4):
        (folder / f"digit {label}").rename(folder / f"number {label}")
    with pytest.raises(SourceError, match="no label of .* is one the model knows"):
        evaluate(trained.run(), folder)


def test_evaluate_spells_labels_as_the_run_does_where_it_merged_them(tmp_path: Path) -> None:
    folder = others(tmp_path)
    for label in range(4):
        (folder / f"digit {label}").rename(folder / f"DIGIT {label}")
    shutil.copytree(trained.run().path, tmp_path / "run")
    origin = json.loads((tmp_path / "run" / "origin.json").read_text())
    (tmp_path / "run" / "origin.json").write_text(json.dumps({**origin, "options": {"merge_case": True}}))
    assert evaluate(tmp_path / "run", folder)["rows"] == 80


def test_a_column_or_an_array_of_paths_is_a_list() -> None:
    predictor, paths = Predictor.open(trained.run()), [str(path) for path in files(2)]
    labels = predictor.predict(paths).labels
    for items in (np.array(paths), pl.Series(paths), pd.Series(paths)):
        assert predictor.predict(items).labels == labels


def test_one_item_in_place_of_a_list_is_refused() -> None:
    predictor = Predictor.open(trained.run())
    for item in ("a.png", Path("a.png"), b"bytes", np.zeros((8, 8, 3), np.uint8), Image.new("RGB", (8, 8))):
        with pytest.raises(UsageError, match=r"predict\(\[item\]\)"):
            predictor.predict(item)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"got the name of a table, photos\.csv: read it"):
        predictor.predict("photos.csv")
    assert len(predictor.predict(np.zeros((2, 8, 8, 3), np.uint8)).labels) == 2


@pytest.mark.parametrize("change", [lambda names: names[:-1], lambda names: [*names, "z"], lambda names: []])
def test_classes_that_are_not_those_of_the_network_are_refused(change: Any, tmp_path: Path) -> None:
    run = Run(shutil.copytree(trained.run().path, tmp_path / "run"))
    run.write_json("model.json", {**run.model, "classes": change(run.classes)})
    with pytest.raises(RunError, match=r"model\.json does not fit the network, .* another value of classes"):
        Predictor.open(tmp_path / "run")


def test_two_classes_of_one_name_are_refused(tmp_path: Path) -> None:
    run = Run(shutil.copytree(trained.run().path, tmp_path / "run"))
    run.write_json("model.json", {**run.model, "classes": [*run.classes[:-1], run.classes[0]]})
    with pytest.raises(RunError, match=r"model\.json is damaged: it lists no classes, or one of them twice"):
        Predictor.open(tmp_path / "run")


def test_a_preprocessor_of_another_run_is_refused(tmp_path: Path) -> None:
    run = Run(shutil.copytree(trained.run().path, tmp_path / "run"))
    run.write_json("preprocessor.json", {**run.preprocessor, "image_size": 16})
    with pytest.raises(RunError, match=r"preprocessor\.json does not fit the network, .* another value of image_size"):
        Predictor.open(tmp_path / "run")


def test_what_is_damaged_is_told_with_the_run_that_it_is_of(tmp_path: Path) -> None:
    run = Run(shutil.copytree(trained.run().path, tmp_path / "run"))
    run.write_json("preprocessor.json", {**run.preprocessor, "image_size": 0})
    with pytest.raises(RunError, match=rf"the model of {run.path} cannot be opened: the preprocessor is damaged"):
        Predictor.open(run)
    run.write_json("model.json", {**run.model, "task": "regression"})
    shutil.copy(trained.run().path / "preprocessor.json", run.path)
    with pytest.raises(RunError, match=rf"the model of {run.path} cannot be opened: .* their scale is"):
        Predictor.open(run.path)


def test_what_is_promised_is_read_once_wherever_the_process_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(trained.run().path, tmp_path / "run")
    monkeypatch.chdir(tmp_path)
    predictor = Predictor.open("run")
    monkeypatch.chdir(tmp_path.parent)
    first = predictor.predict(files(3), confidence_level=0.8).sets
    (tmp_path / "run" / "scores.npz").unlink()
    assert predictor.predict(files(3), confidence_level=0.8).sets == first


def test_nothing_is_promised_by_another_training(tmp_path: Path) -> None:
    path = shutil.copytree(trained.run().path, tmp_path / "run")
    predictor = Predictor.open(path)
    Run(path).write_weights({name: 2 * weight for name, weight in Run(path).weights().items()})
    with pytest.raises(RunError, match="has other weights than when this predictor was opened: open it again"):
        predictor.predict(files(1), confidence_level=0.8)


def test_an_iterator_is_predicted_as_a_list_is() -> None:
    predictor, paths = Predictor.open(trained.run()), files(300)
    asked = predictor.certainty(Asked(0.8, max_risk=0.4))
    whole, parts = predictor.predictions(paths, asked), predictor.predictions(iter(paths), asked)
    for name in ("labels", "problems", "sets", "probs", "embeddings", "answered"):
        assert list(map(str, getattr(whole, name))) == list(map(str, getattr(parts, name))), name
    assert len(whole.labels) == len(whole.probs) == 300 and whole.intervals is parts.intervals is None
