import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
import trained
from PIL import Image

import unfazed
from unfazed.analysis.calibration import scaled
from unfazed.errors import RecipeError, SourceError, UsageError
from unfazed.recipe import applying
from unfazed.report.events import Finished, Found, Measured, Planned, Stalled
from unfazed.run import Run
from unfazed.source import SourceOptions
from unfazed.verb.train import separated, training_events

FILES = {
    "recipe.toml",
    "origin.json",
    "table.parquet",
    "preprocessor.json",
    "epochs.jsonl",
    "dynamics.npz",
    "scores.npz",
    "model.safetensors",
    "model.json",
    "problems.csv",
    "calibration.json",
    "measurements.json",
    "checks.json",
    "exhibits.parquet",
    "report.html",
    "report.json",
    "README.md",
}


def test_a_run_holds_its_files_and_nothing_half_written() -> None:
    assert {path.name for path in trained.run().path.iterdir()} == FILES


def test_real_labels_beat_the_commonest_class_and_shuffled_ones_do_not(tmp_path: Path) -> None:
    accuracy = trained.run().report["test"]["accuracy"]
    majority = trained.run().report["baselines"]["majority"]["test"]["accuracy"]
    assert accuracy["low"] > majority["high"]
    files = sorted(trained.source().rglob("*.png"))
    labels = np.random.default_rng(0).permutation([file.parent.name for file in files])
    frame = pl.DataFrame({"path": [str(file) for file in files], "label": labels})
    shuffled = unfazed.train(frame, out=tmp_path / "run", target="label", progress=False, **trained.SETTINGS)
    told = shuffled.report
    assert told["test"]["accuracy"]["low"] <= told["baselines"]["majority"]["test"]["accuracy"]["value"]


def test_the_golden_run_same_seed_same_dynamics_bit_for_bit(tmp_path: Path) -> None:
    again = unfazed.train(trained.source(), out=tmp_path / "again", progress=False, **trained.SETTINGS)
    for name, array in trained.run().dynamics().items():
        assert np.array_equal(array, again.dynamics()[name], equal_nan=array.dtype.kind == "f"), name
    assert all(torch.equal(weight, again.weights()[name]) for name, weight in trained.run().weights().items())
    other = unfazed.train(trained.source(), out=tmp_path / "other", progress=False, **trained.SETTINGS, seed=1)
    assert not np.array_equal(trained.run().dynamics()["losses"], other.dynamics()["losses"], equal_nan=True)


def test_dynamics_cover_the_training_rows_of_every_epoch() -> None:
    run = trained.run()
    train, losses = run.table().rows("train"), run.dynamics()["losses"]
    assert losses.shape == (trained.SETTINGS["epochs"], len(run.table()))
    assert losses.dtype == np.float16
    assert not np.isnan(losses[:, train]).any()
    assert np.isnan(np.delete(losses, train, axis=1)).all()
    assert 1 <= int(run.dynamics()["window"]) <= trained.SETTINGS["epochs"]


def test_the_kept_weights_are_those_of_the_best_epoch_and_scores_are_theirs() -> None:
    run = trained.run()
    best = min(run.epochs, key=lambda line: line["validation"]["loss"])
    assert [line["epoch"] for line in run.epochs if line["best"]] == [best["epoch"]]
    rows, y = run.table().rows("validation"), run.table().y()
    probs = run.scores()["probs"][rows]
    measured = -np.log(probs[np.arange(len(rows)), y[rows]]).mean()
    rounding = 1e-4 if run.recipe.precision == "float32" else 0.02  # while training, in the precision of training
    assert measured == pytest.approx(best["validation"]["log_loss"], rel=rounding)
    told = scaled(probs, run.temperature.value)[np.arange(len(rows)), y[rows]]  # what a user gets
    assert run.report["validation"]["log_loss"]["value"] == pytest.approx(-np.log(told).mean(), rel=1e-3)


def test_the_recipe_is_recorded_as_resolved_and_repeats_the_run(tmp_path: Path) -> None:
    run = trained.run()
    assert "auto" not in applying(run.recipe).values()
    again = unfazed.train(trained.source(), out=tmp_path / "run", recipe=run.path / "recipe.toml", progress=False)
    assert np.array_equal(run.dynamics()["losses"], again.dynamics()["losses"], equal_nan=True)


def test_nothing_of_this_machine_travels_that_need_not() -> None:
    report = (trained.run().path / "report.json").read_text() + (trained.run().path / "README.md").read_text()
    assert str(trained.source().parent) not in report


def test_broken_inputs_are_problems_and_never_end_the_run(tmp_path: Path) -> None:
    folder = shutil.copytree(trained.source(), tmp_path / "digits")
    (folder / "digit 0" / "empty.png").write_bytes(b"")
    (folder / "digit 1" / "text.jpg").write_text("no image")
    whole = next((folder / "digit 2").glob("*.png")).read_bytes()
    (folder / "digit 2" / "half.png").write_bytes(whole[: len(whole) // 2])
    (folder / "digit 3" / "ünï çødé 😀.png").write_bytes(whole)
    (folder / "digit 3" / "dangling.png").symlink_to(tmp_path / "nowhere")
    run = unfazed.train(folder, out=tmp_path / "run", progress=False, **{**trained.SETTINGS, "epochs": 1})
    problems = {Path(problem["id"]).name: problem["reason"] for problem in run.problems()}
    assert set(problems) == {"empty.png", "text.jpg", "half.png", "dangling.png"}
    assert all(problems.values())
    assert "digit 3/ünï çødé 😀.png" in run.table().frame["id"].to_list()
    assert run.report["problems"]["count"] == 4
    assert run.report["duplicates"]["count"] == 2  # the copy, and what it is a copy of
    assert run.report["duplicates"]["conflicting"] == 2
    assert [row["conflicting"] for row in run.report["duplicates"]["first"]] == [True, True]
    assert "😀.png" in (run.path / "duplicates.csv").read_text()


def test_a_stall_anneals_under_one_cycle_and_stops_under_a_constant_rate(tmp_path: Path) -> None:
    def events(schedule: str) -> list[object]:
        settings = {**trained.SETTINGS, "epochs": 24, "patience": 1, "schedule": schedule, "learning_rate": 0.1}
        return list(training_events(trained.source(), *separated(settings, None), tmp_path / schedule))

    for schedule, annealing in (("one-cycle", True), ("constant", False)):
        told = events(schedule)
        measured = [event.facts for event in told if isinstance(event, Measured)]
        stall = next(event for event in told if isinstance(event, Stalled))
        after = [event for event in told[told.index(stall) :] if isinstance(event, Measured)]
        assert stall.annealing is annealing
        assert len(measured) < 24
        assert len(after) == (6 if annealing else 0)
        finished = told[-1]
        assert isinstance(finished, Finished)
        best = min(measured, key=lambda line: line["validation"]["loss"])
        assert finished.run.report["best_epoch"] == best["epoch"]


def test_events_tell_the_story_in_order(tmp_path: Path) -> None:
    settings = {**trained.SETTINGS, "epochs": 2}
    told = list(training_events(trained.source(), *separated(settings, None), tmp_path / "run"))
    kinds = [type(event) for event in told if isinstance(event, Found | Planned | Measured | Finished)]
    assert kinds == [Found, Planned, Measured, Measured, Finished]
    plan = next(event for event in told if isinstance(event, Planned))
    assert plan.expected_seconds > 0
    assert plan.recipe.epochs == 2


def test_balanced_class_weights_lift_the_rare_class(tmp_path: Path) -> None:
    """Weights enter the loss, dynamics stay those of plain cross-entropy; simpler models weigh classes alike, too."""
    source, settings = tmp_path / "digits", {**trained.SETTINGS, "epochs": 1}
    for name, count in (("digit 1", 60), ("digit 3", 9)):
        (source / name).mkdir(parents=True)
        for path in sorted((trained.source() / name).iterdir())[:count]:
            shutil.copy(path, source / name)
    weighted = unfazed.train(source, out=tmp_path / "a", progress=False, class_weights="balanced", **settings)
    plain = unfazed.train(source, out=tmp_path / "b", progress=False, **settings)
    one, other = weighted.dynamics()["losses"], plain.dynamics()["losses"]
    assert not np.array_equal(one, other, equal_nan=True)
    assert "classes weighed alike" in weighted.report["baselines"]["linear"]["words"]
    assert "alike" not in plain.report["baselines"]["linear"]["words"]


@pytest.mark.parametrize(
    "settings",
    [
        {"pooling": "max"},
        {"optimizer": "sgd", "learning_rate": 0.05},
        {"precision": "bfloat16"},
        {"precision": "float32"},
        {"image_size": 16},
        {"augmentation": 0.0, "flip": "both", "dropout": 0.3},
        {"micro_batch_size": 5},
        {"schedule": "triangular"},
        {"schedule": "step", "ema": 0.0},
    ],
)
def test_every_choice_of_the_recipe_trains(tmp_path: Path, settings: dict[str, object]) -> None:
    run = unfazed.train(trained.source(), out=tmp_path / "run", progress=False, **{**trained.SETTINGS, **settings})
    assert run.report["test"]["accuracy"]["value"] > 0.5
    for name, value in settings.items():
        assert getattr(run.recipe, name) == value


def test_settings_go_where_they_belong_and_unknown_ones_are_named() -> None:
    options, recipe = separated({"label_regex": "x", "epochs": 3}, None)
    assert isinstance(options, SourceOptions) and options.label_regex == "x" and recipe.epochs == 3
    with pytest.raises(RecipeError, match='epoch: no such setting. Did you mean "epochs"'):
        unfazed.train("anywhere", epoch=3)
    with pytest.raises(RecipeError, match='lr: .* Did you mean "learning_rate".*\n.*Did you mean "out"'):
        unfazed.train("anywhere", lr=0.1, run_dir="runs/a")


def test_unusable_requests_are_one_error_and_leave_no_folder(tmp_path: Path) -> None:
    with pytest.raises(SourceError):
        unfazed.train(tmp_path / "nowhere", out=tmp_path / "run", progress=False)
    assert not (tmp_path / "run").exists()
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").touch()
    with pytest.raises(UsageError, match="not empty"):
        unfazed.train(trained.source(), out=tmp_path / "full", progress=False, **trained.SETTINGS)


def test_a_source_of_broken_files_is_one_error(tmp_path: Path) -> None:
    for label in "ab":
        (tmp_path / label).mkdir()
        for number in range(4):
            (tmp_path / label / f"{number}.png").write_bytes(b"")
        Image.new("RGB", (8, 8)).save(tmp_path / label / "fine.png")
    with pytest.raises(SourceError, match="8 of 10"):
        unfazed.train(tmp_path, out=tmp_path.parent / f"{tmp_path.name}-run", progress=False)


def test_the_origin_says_what_made_the_run() -> None:
    origin = json.loads((trained.run().path / "origin.json").read_text())
    assert origin["unfazed"] == unfazed.__version__
    assert origin["data"]["rows"] == len(trained.run().table())
    assert set(origin["timings"]) == {"read", "train", "evaluate", "total"}
    assert Run.open(trained.run().path).report["timings"]["total"] > 0
