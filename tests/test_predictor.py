import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import trained
from PIL import Image

from unfazed import Predictor, evaluate
from unfazed.errors import SourceError


def files(count: int = 12) -> list[Path]:
    return sorted(trained.source().rglob("*.png"))[:count]


def test_predictions_are_those_of_the_final_evaluation() -> None:
    run = trained.run()
    rows = run.table().rows("test")[:20]
    paths = [run.table().frame["input"][int(row)] for row in rows]
    predictions = Predictor.open(run).predict(paths)
    assert np.allclose(predictions.probs, run.scores()["probs"][rows], atol=1e-5)
    assert np.allclose(predictions.embeddings, run.scores()["embeddings"][rows], atol=2e-2, rtol=1e-2)  # kept in half
    assert predictions.labels == [run.classes[k] for k in predictions.probs.argmax(1)]
    assert predictions.confidence.tolist() == pytest.approx(predictions.probs.max(1).tolist())


def test_a_copied_run_predicts_the_same_in_a_fresh_process(tmp_path: Path) -> None:
    copy = shutil.copytree(trained.run().path, tmp_path / "elsewhere")
    script = ("import json, sys; from unfazed import Predictor; "
              "print(json.dumps(Predictor.open(sys.argv[1]).predict(sys.argv[2:]).probs.tolist()))")
    names = [str(file) for file in files()]
    done = subprocess.run([sys.executable, "-c", script, str(copy), *names], capture_output=True, check=True, timeout=120)
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


def test_evaluate_measures_with_intervals() -> None:
    facts = evaluate(trained.run(), trained.source())
    accuracy = facts["metrics"]["accuracy"]
    assert accuracy["n"] == facts["rows"] == 300
    assert accuracy["low"] < accuracy["value"] < accuracy["high"] or accuracy["value"] == 1.0
    assert facts["split"] == "all"


def test_evaluate_leaves_out_what_the_model_cannot_know(tmp_path: Path) -> None:
    folder = shutil.copytree(trained.source(), tmp_path / "digits")
    shutil.copytree(folder / "digit 0", folder / "letter o")
    facts = evaluate(trained.run(), folder)
    assert facts["unknown"] == {"letter o": len(list((folder / "letter o").iterdir()))}
    assert facts["rows"] == 300
    for label in range(4):
        (folder / f"digit {label}").rename(folder / f"number {label}")
    with pytest.raises(SourceError, match="no label of .* is one the model knows"):
        evaluate(trained.run(), folder)
