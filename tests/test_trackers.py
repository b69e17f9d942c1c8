"""Trackers hear what happens; they neither change it nor end it."""


from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trained

import unfazed
from unfazed.errors import UsageError
from unfazed.report.events import Finished, Measured
from unfazed.run import Run
from unfazed.verb.trackers import tracked, tracker_names
from unfazed.verb.train import separated, training_events


def run_with(tmp_path: Path, tracker: str) -> Run:
    return unfazed.train(
        trained.source(), out=tmp_path / "run", tracker=tracker, progress=False, **trained.SETTINGS
    )


def test_tensorboard_has_the_curves_and_the_run_is_the_same(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    run = run_with(tmp_path, "tensorboard")
    seen = EventAccumulator(str(run.path / "tensorboard"))
    seen.Reload()
    told = seen.Scalars("validation/accuracy")
    assert [one.step for one in told] == [line["step"] for line in run.epochs]
    assert [one.value for one in told] == pytest.approx([line["validation"]["accuracy"] for line in run.epochs])
    assert seen.Scalars("test/accuracy")[0].value == pytest.approx(run.report["test"]["accuracy"]["value"])
    assert np.array_equal(run.dynamics()["losses"], trained.run().dynamics()["losses"], equal_nan=True)


def test_mlflow_on_sqlite_has_the_recipe_and_the_curves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import mlflow

    address = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    monkeypatch.chdir(tmp_path)
    run = run_with(tmp_path, "mlflow")
    client = mlflow.MlflowClient(address)
    experiment = client.get_experiment_by_name("unfazed")
    (told,) = client.search_runs([experiment.experiment_id])
    assert told.info.run_name == run.path.name and told.info.status == "FINISHED"
    assert told.data.params["learning_rate"] == str(run.recipe.learning_rate)
    history = client.get_metric_history(told.info.run_id, "train/log_loss")
    assert [one.value for one in history] == pytest.approx([line["train"]["log_loss"] for line in run.epochs])


def test_a_tracker_that_fails_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    class Failing:
        name, requires_logging_directory = "tensorboard", True
        calls: list[str] = []  # noqa: RUF012

        def __init__(self, *_: Any, **__: Any) -> None: ...

        def store_init_configuration(self, values: dict[str, Any]) -> None:
            self.calls.append("configuration")

        def log(self, values: dict[str, Any], step: int) -> None:
            self.calls.append("log")
            raise ConnectionError("no answer")

        def finish(self) -> None:
            self.calls.append("finish")

    monkeypatch.setitem(LOGGER_TYPE_TO_CLASS, "tensorboard", Failing)
    events = training_events(trained.source(), *separated({**trained.SETTINGS, "epochs": 2}, None), tmp_path / "run")
    with pytest.warns(RuntimeWarning, match="tracker tensorboard failed and is left out: no answer"):
        told = list(tracked(events, ["tensorboard"]))
    assert isinstance(told[-1], Finished) and sum(isinstance(event, Measured) for event in told) == 2
    assert Failing.calls == ["configuration", "log"]


def test_names_are_judged_before_anything_is_read() -> None:
    assert tracker_names(None) == tracker_names("") == []
    assert tracker_names("tensorboard, mlflow") == ["tensorboard", "mlflow"]
    with pytest.raises(UsageError, match='no tracker \'tensorbord\'.*Did you mean "tensorboard"'):
        tracker_names("tensorbord")
    with pytest.raises(UsageError, match="no tracker ''"):
        tracker_names("tensorboard,")
    with pytest.raises(UsageError, match="pip install aim"):
        tracker_names("aim")
