"""What can go wrong, as a tree, and how to say it.

    UnfazedError
    ├── UsageError         the request cannot be carried out as asked; the command exits with status 2
    │   ├── RecipeError    settings out of range or unknown
    │   ├── SourceError    the data as a whole cannot be used
    │   ├── CacheError     there is no room for the encoded examples, or they cannot be kept where they should
    │   └── RunError       a run folder is missing, damaged, foreign or newer than this version
    ├── TrainingError      training cannot go on: the loss is no longer a number; the command exits with status 1
    │   └── ProcessLostError   another process of the same training has ended
    ├── OutOfMemoryError   memory ran out, and smaller parts did not help or are impossible
    ├── DiskFullError      there is no room to write
    └── InputError         one input cannot be used: a row of problems.csv, never the end of a run; of those that
                           `predict` was given the others are predicted, and it exits with status 1

    UnfazedWarning         (a UserWarning) what was asked for is done, and something about it should be known

A message says what was wrong, where, what was found there, and what to do.
"""

import sys
from collections.abc import Iterable
from difflib import get_close_matches


class UnfazedError(Exception):
    """Whatever this package raises on purpose."""


class UsageError(UnfazedError):
    """The request cannot be carried out as asked."""


class RecipeError(UsageError):
    """Settings are unknown or out of range; the message names every one of them."""


class SourceError(UsageError):
    """The data as a whole cannot be used."""


class CacheError(UsageError):
    """There is no room for the encoded examples, or they cannot be kept where they should be."""


class RunError(UsageError):
    """A run folder is missing, damaged, foreign or newer than this version."""


class TrainingError(UnfazedError):
    """Training cannot go on."""


class ProcessLostError(TrainingError):
    """Another process of the same training has ended."""


class OutOfMemoryError(UnfazedError):
    """Memory ran out, and smaller parts did not help or are impossible."""


class DiskFullError(UnfazedError):
    """The disk, or a quota on it, is full."""


class InputError(UnfazedError):
    """One input cannot be used; the message is the short reason that `problems.csv` shows."""


class UnfazedWarning(UserWarning):
    """What was asked for is done, and something about it should be known; the command says it on the standard error."""


def levels_outside() -> int:
    """The `stacklevel` by which a warning of the caller points to the user's line, past scikit-learn's and our own."""
    frame, level = sys._getframe(1), 1
    while frame.f_back and str(frame.f_globals.get("__name__")).partition(".")[0] in _BETWEEN:
        frame, level = frame.f_back, level + 1
    return level


_BETWEEN = ("unfazed", "sklearn", "joblib")
_ELSEWHERE = {  # what other tools call an option
    "lr": "learning_rate", "wd": "weight_decay", "bs": "batch_size", "batch": "batch_size",
    "max_epochs": "epochs", "num_epochs": "epochs", "n_epochs": "epochs", "random_state": "seed",
    "val": "validation", "val_split": "validation", "validation_split": "validation", "test_size": "test",
    "o": "out", "output": "out", "output_dir": "out", "out_dir": "out", "run_dir": "out", "save_dir": "out",
    "label": "target", "labels": "target", "label_column": "target", "config": "recipe", "checkpoint": "resume",
}  # fmt: skip


def did_you_mean(name: str, options: Iterable[str]) -> str:
    """A sentence to end an error with, naming the nearest option; empty where none is near."""
    plain = {_plain(option): option for option in options}
    same = _ELSEWHERE.get(_plain(name), "")
    near = [same] if same in plain else get_close_matches(_plain(name), list(plain), n=1, cutoff=0.6)
    return f' Did you mean "{plain[near[0]]}"?' if near else ""


def _plain(name: str) -> str:
    """--learning-rate as Python has it."""
    return name.lstrip("-").replace("-", "_")
