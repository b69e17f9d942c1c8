"""Experiment trackers: what a run tells TensorBoard, MLflow, Weights & Biases and others, through accelerate.

A tracker reads the events as they pass and changes none of them; one that fails is left out, and training goes on.
Nothing is sent anywhere unless the user names a tracker that does so.
"""

import time
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from unfazed.errors import UsageError, did_you_mean
from unfazed.loop import Step
from unfazed.report.events import Finished, Measured, Planned
from unfazed.report.terminal import Event
from unfazed.run import Run

EVERY = 1.0  # seconds between two losses of single steps: reading one waits for the device
PROJECT = "unfazed"
PACKAGES = {"comet_ml": ("comet_ml",), "tensorboard": ("tensorboard", "tensorboardX")}  # of others, their own name
METRICS = ("accuracy", "f1_micro", "f1_macro", "subset_accuracy", "log_loss", "r2", "mae", "rmse", "nll")


def tracker_names(text: str | Sequence[str] | None) -> list[str]:
    """The trackers that `text` names, separated by commas; every one of them can be used.

    Raises:
        UsageError: there is no such tracker, or its package is not installed.
    """
    if not text:
        return []
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    names = [name.strip() for name in (text.split(",") if isinstance(text, str) else text)]
    for name in names:
        if name not in LOGGER_TYPE_TO_CLASS:
            known = ", ".join(LOGGER_TYPE_TO_CLASS)
            raise UsageError(
                f"there is no tracker {name!r}; there are {known}.{did_you_mean(name, LOGGER_TYPE_TO_CLASS)}"
            )
        packages = PACKAGES.get(name, (name,))
        if not any(find_spec(package) for package in packages):
            raise UsageError(f"the tracker {name} is not installed: pip install {packages[0]}")
    return names


def tracked(events: Iterable[Event], names: Sequence[str]) -> Iterator[Event]:
    """The same events, told to the trackers `names` on their way."""
    trackers: list[Any] = []
    told = 0.0
    try:
        for event in events:
            match event:
                case Planned():
                    trackers = [tracker for name in names if (tracker := _started(name, event.run))]
                    _tell(trackers, "store_init_configuration", asdict(event.recipe))
                case Step() if trackers and time.perf_counter() - told > EVERY:
                    told = time.perf_counter()
                    values = {"train/loss": event.loss.item(), "learning_rate": event.learning_rate}
                    _tell(trackers, "log", values, event.number)
                case Measured() if trackers:
                    _tell(trackers, "log", _of_epoch(event.facts), event.facts["step"])
                case Finished() if trackers:
                    _tell(trackers, "log", _of_test(event.run), event.run.epochs[-1]["step"])
            yield event
    finally:
        _tell(trackers, "finish")


def _started(name: str, run: Run) -> Any:
    from accelerate import PartialState
    from accelerate.tracking import LOGGER_TYPE_TO_CLASS

    PartialState()  # without it accelerate's own messages fail
    kind = LOGGER_TYPE_TO_CLASS[name]
    try:
        if name == "mlflow":
            tracker = kind(PROJECT, run_name=run.path.name)
        elif kind.requires_logging_directory:
            tracker = kind(name, logging_dir=run.path)  # beside the run's own files
        else:
            tracker = kind(PROJECT)
        tracker.main_process_only = False  # whoever is not the first process has no trackers
        if hasattr(tracker, "start"):
            tracker.start()
        return tracker
    except Exception as error:  # a service that does not answer, a project that is not there
        _give_up(name, error)
        return None


def _tell(trackers: list[Any], method: str, *arguments: Any) -> None:
    """Call a method of every tracker; one that fails is told nothing more."""
    for tracker in trackers.copy():
        try:
            getattr(tracker, method)(*arguments)
        except Exception as error:
            trackers.remove(tracker)
            _give_up(tracker.name, error)


def _give_up(name: str, error: Exception) -> None:
    warnings.warn(f"the tracker {name} failed and is left out: {error}", RuntimeWarning, stacklevel=2)


def _of_epoch(facts: dict[str, Any]) -> dict[str, float]:
    found = {f"{split}/{name}": facts[split][name] for split in ("train", "validation") for name in facts[split]}
    return {**found, "epoch": facts["epoch"], "examples_per_second": facts["examples_per_second"]}


def _of_test(run: Run) -> dict[str, float]:
    told = run.report
    split = told["evaluated_on"]
    return {f"{split}/{name}": told[split][name]["value"] for name in METRICS if told[split].get(name)}
