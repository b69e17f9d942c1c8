"""What the files of a run have to look like: what is damaged or foreign is found where it comes in.

A shape of JSON is a type, or several; `[shape]`, a list of them; `{name: shape}`, an object, where `...` stands for
every other name; or `Estimate`. Null and absent are the same: unknown. Names without a shape pass as they are.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Estimate
from unfazed.errors import RunError
from unfazed.table import Table

if TYPE_CHECKING:
    from unfazed.run import Run

Floating = NDArray[np.floating]
NUMBER = (int, float)
SCORES = {...: Estimate}
BASELINE = {"words": str, "rows": int, ...: SCORES}
LABELS = {
    "count": Estimate,
    "disagreement": NUMBER,
    "worth": int,
    "missing": str,
    **dict.fromkeys(("corrected", "checked"), int),
    "what": str,
    "depths": [{"rows": int, "precision": NUMBER, "found": NUMBER}],
    "first": [
        {"row": int, "suggested": str, "error_probability": NUMBER, "residual": NUMBER, "neighbours": {...: int}},
    ],
}
MEASUREMENTS = {
    "baselines": {...: BASELINE},
    "latency": {"p50_ms": NUMBER, "p95_ms": NUMBER, "n": int, "device": str},
    "flip": {"chosen": str, "n": int, "original": Estimate, "horizontal": Estimate, "vertical": Estimate},
    "duplicates": {"count": int, "conflicting": int},
    "corrections": {
        **dict.fromkeys(("relabelled", "dropped"), int),
        **dict.fromkeys(("first", "last"), str),
        "who": {...: int},
        "refused": {"count": int, "first": [{"id": str, "why": str}]},
        "held_out": {
            **dict.fromkeys(("split", "metric"), str),
            **dict.fromkeys(("relabelled", "dropped"), int),
            "untouched": Estimate,
        },
        "audit": {
            **dict.fromkeys(("missing", "run", "split", "metric"), str),
            **dict.fromkeys(("before", "after", "difference", "bits_less"), Estimate),
            "settings": [str],
        },
    },
    "labels": LABELS,
}
CHECKS = {
    **dict.fromkeys(("usual_rate", "usual_epochs", "usual_width", "passes"), NUMBER),
    **dict.fromkeys(("loss", "guess_loss", "variation"), NUMBER),
    "trials": [{"kept": bool, "learning_rate": NUMBER, "steps": int, "loss": NUMBER, "gain": Estimate}],
    "layers": [{"name": str, ...: NUMBER}],
    "copies": Estimate,
    "curve": {"rows": [int], "skill": [NUMBER], "gain": Estimate},
    "leaks": [{"column": str, "right": NUMBER}],
}
ABOUT = ("unfazed", "python", "torch", "numpy", "platform", "device", "created")
ORIGIN = {"timings": {...: NUMBER}, "seed": int, **dict.fromkeys(ABOUT, str)}
MODEL = {"modality": str, "task": str, "family": str, "parameters": int}
MEANS = dict.fromkeys(("log_loss", "accuracy", "f1_micro", "rmse", "r2", "nll", "loss"), NUMBER)
EPOCHS = [{"epoch": int, "best": bool, "learning_rates": [NUMBER], "train": MEANS, "validation": MEANS}]
NAMES = {int: "a whole number", str: "a text", bool: "true or false", NUMBER: "a number"}
DAMAGE = (TypeError, ValueError, KeyError, AttributeError, IndexError, ArithmeticError, RecursionError)
LONGEST = 60  # characters of a wrong value that are quoted
CERTAIN = 1 + 1e-3  # a probability that was rounded


@contextmanager
def only_run_errors(path: Path) -> Iterator[None]:
    """The last resort: what reading a damaged run may raise becomes one error that names the run and the cause.

    Raises:
        RunError: in place of the error.
    """
    try:
        yield
    except DAMAGE as error:
        cause = f"{type(error).__name__}: {error}"
        raise RunError(f"{path} cannot be reported, its files are damaged or foreign ({cause}). Train again") from error


def arrays_of(run: "Run", table: Table, *columns: int) -> tuple[Floating, Floating]:
    """`probs` [N, K] of scores.npz and `losses` [E, N] of dynamics.npz, for K any of `columns`; they fit the `table`.

    Raises:
        RunError: one is missing, `probs` are not all numbers, or the files of the run contradict one another.
    """
    probs, losses = run.scores().get("probs"), run.dynamics().get("losses")
    if probs is None or losses is None:
        raise RunError(f"{run.path}: scores.npz lacks probs, or dynamics.npz lacks losses. Train again")
    if (table.task, table.classes) != (run.task, run.classes):
        raise RunError(f"{run.path}: the files are not of one run: table.parquet and model.json name other classes")
    rows = len(table)
    if probs.shape not in [(rows, outputs) for outputs in columns] or losses.shape[1:] != (rows,):
        raise RunError(
            f"{run.path}: the files are not of one run: table.parquet has {rows} rows and the model "
            f"{' or '.join(map(str, columns))} outputs, but scores.npz holds probs of shape {probs.shape} and "
            f"dynamics.npz losses of {losses.shape}"
        )
    if not np.issubdtype(losses.dtype, np.floating):
        raise RunError(f"{run.path / 'dynamics.npz'} is damaged: losses are {losses.dtype}, not numbers. Train again")
    if not np.issubdtype(probs.dtype, np.floating) or not np.isfinite(probs).all():
        raise RunError(f"{run.path / 'scores.npz'} is damaged: probs are not all numbers. Train again")
    return probs, losses


def probabilities_of(run: "Run", table: Table) -> tuple[Floating, Floating]:
    """The same of a model of classes or labels, each of its `probs` from 0 to 1.

    Raises:
        RunError: as `arrays_of`, or one is no probability.
    """
    probs, losses = arrays_of(run, table, len(run.classes))
    if not ((probs >= 0) & (probs <= CERTAIN)).all():
        raise RunError(f"{run.path / 'scores.npz'} is damaged: probs are not all from 0 to 1. Train again")
    return probs, losses


def checked(value: Any, shape: Any, file: Path, place: str = "") -> Any:
    """The value, without nulls in objects and with nan and infinities as null, if it has the shape.

    Raises:
        RunError: it has another; the message names the file and the place in it.
    """
    if value is None:
        return None
    if shape is Estimate:
        return _estimate(value, file, place)
    if isinstance(shape, dict):
        return _object(value, shape, file, place)
    if isinstance(shape, list):
        _demand(isinstance(value, list), value, "a list", file, place)
        return [checked(inner, shape[0], file, f"{place}[{number}]") for number, inner in enumerate(value)]
    right = isinstance(value, shape) and (shape is bool or not isinstance(value, bool))
    _demand(right, value, NAMES[shape], file, place)
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _object(value: Any, shape: dict[Any, Any], file: Path, place: str) -> dict[str, Any]:
    _demand(isinstance(value, dict), value, "an object", file, place)
    found = {}
    for name, inner in value.items():
        expected = shape.get(name, shape.get(...))
        where = f"{place}.{name}" if place else name
        found[name] = inner if expected is None else checked(inner, expected, file, where)
    return {name: inner for name, inner in found.items() if inner is not None}


def _estimate(value: Any, file: Path, place: str) -> dict[str, Any]:
    """An estimate; its nulls stay."""
    whole = isinstance(value, dict) and set(value) == set(Estimate._fields)
    _demand(whole, value, "an estimate", file, place)
    shapes = {name: int if name == "n" else NUMBER for name in Estimate._fields}
    return {name: checked(value[name], shape, file, f"{place}.{name}") for name, shape in shapes.items()}


def _demand(right: bool, value: Any, expected: str, file: Path, place: str) -> None:
    if not right:
        got = repr(value) if len(repr(value)) <= LONGEST else f"{repr(value)[:LONGEST]}…"
        raise RunError(f"{file} is damaged: {place or 'its content'} is {got}, not {expected}. Train again")
