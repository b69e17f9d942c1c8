"""A run: a folder with fixed file names, the hand-over between training and everything after it.

This class only reads and writes the files. It never imports torch, so that reports need none, and
never unpickles: opening somebody's run cannot execute code.

Axis letters: E epochs, N rows of the table, K classes, D embedding width.
"""

import csv
import json
import math
import os
import shlex
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.calibration import COLDEST, HOTTEST
from unfazed.analysis.intervals import Estimate
from unfazed.csv_files import rows_of
from unfazed.errors import RecipeError, RunError, UnfazedError, UsageError
from unfazed.files import as_csv, replacing, unreadable, write_bytes
from unfazed.recipe import AUTO, TASKS, Recipe, knobs, read_recipe, recipe_from, written
from unfazed.source import near
from unfazed.table import Table, read_parquet

if TYPE_CHECKING:
    from torch import Tensor

FORMAT = 1
CALIBRATION = "calibration.json"
Arrays = Mapping[str, NDArray[Any]]


class Exhibit(NamedTuple):
    """What a report shows of one example; what there is depends on the kind of data."""

    image: bytes | None = None  # PNG or JPEG
    sound: bytes | None = None  # a file that browsers play
    words: list[tuple[str, float]] | None = None  # pieces of it in order, and the bits by which each speaks for the
    # predicted class: the surprise that leaving it out adds
    cells: list[tuple[str, str, float]] | None = None  # likewise of a row: column, value, bits


class Run:
    """A run folder. `Run.open` for one that exists, `Run.create` for a new one."""

    def __init__(self, path: Path):
        self.path = path

    def __repr__(self) -> str:
        return f"Run({str(self.path)!r})"

    @classmethod
    def create(cls, path: str | Path | None = None) -> "Run":
        """A new folder; without a path, a fresh one under `runs/` named after the time.

        Raises:
            UsageError: the folder exists and is not empty, or cannot be made.
        """
        try:
            if path is None:
                return cls(_fresh(Path("runs")))
            vacant(path).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"cannot make the run folder {path or 'under runs/'}: {error.strerror}") from error
        return cls(Path(path))

    @classmethod
    def open(cls, path: "str | Path | Run") -> "Run":
        """An existing run.

        Raises:
            RunError: there is none, it may not be entered, or it was written by a newer version.
        """
        if isinstance(path, Run):
            return path
        run = cls(Path(path))
        try:
            there, begun = run.path.is_dir(), (run.path / "origin.json").is_file()
        except OSError as error:
            raise RunError(f"the run folder {path} cannot be opened: {error.strerror}") from error
        if not there:
            hint = near(run.path.absolute())
            make = f"`unfazed train SOURCE --out {shlex.quote(str(path))}`"
            raise RunError(f"there is no run folder {path}; {make} makes one.{hint}")
        if not begun:
            raise RunError(f"{path} is not a run folder: it has no origin.json. A run is what `unfazed train` writes")
        found = run.origin.get("format")
        if not isinstance(found, int) or found < 1:
            raise RunError(f"{path}/origin.json is damaged: its format is {found!r}, not a number from 1 to {FORMAT}")
        if found > FORMAT:
            by = run.origin.get("unfazed", "a newer version")
            raise RunError(f"{path} was written by Unfazed {by} (format {found}); this version reads format {FORMAT}. "
                           "Install the newer one")  # fmt: skip
        return run

    @property
    def finished(self) -> bool:
        """Whether the run came to its report."""
        return (self.path / "report.json").exists()

    @property
    def how_to_go_on(self) -> str:
        """What to do with a run that is not finished."""
        return f"go on with: unfazed train --resume {shlex.quote(str(self.path))}"

    # What was asked, and where it came from

    @property
    def origin(self) -> dict[str, Any]:
        """Versions, seed, device, data fingerprint and timings."""
        return self._json("origin.json")

    @cached_property
    def recipe(self) -> Recipe:
        """Every hyperparameter as it was resolved."""
        try:
            settings = read_recipe(self.path / "recipe.toml")
            recipe = recipe_from(settings)
        except RecipeError as error:
            raise self._damaged("recipe.toml", error) from error
        applied = [setting.name for setting, knob in knobs() if knob.applies(recipe.modality)]
        missing = [name for name in applied if settings.get(name, AUTO) == AUTO]
        if missing:
            raise self._damaged("recipe.toml", f"it does not say {', '.join(missing)}")
        return recipe

    @cached_property
    def preprocessor(self) -> dict[str, Any]:
        """How raw inputs become arrays; the modality checks it."""
        return self._json("preprocessor.json")

    @cached_property
    def model(self) -> dict[str, Any]:
        """Family, arguments and classes of the model."""
        return self._json("model.json")

    @property
    def classes(self) -> list[str]:
        """Names of the K classes, in the order of every K axis."""
        classes = self.model.get("classes")
        if not isinstance(classes, list) or len(classes) != len({name for name in classes if type(name) is str}):
            raise self._damaged("model.json", "it lists no classes, or one of them twice")
        return classes

    @property
    def task(self) -> str:
        """What the model predicts: "classification", "multilabel" or "regression"."""
        said = self.model.get("task")
        if said not in TASKS:
            raise self._damaged("model.json", f"task is {said!r}, not one of {', '.join(TASKS)}")
        return str(said)

    @property
    def thresholds(self) -> list[float]:
        """From which probability on each of the K labels of a set is predicted: one half until that is chosen."""
        said = self.model.get("thresholds") or [0.5] * len(self.classes)
        right = isinstance(said, list) and len(said) == len(self.classes)
        if not right or not all(isinstance(one, int | float) and 0 <= one <= 1 for one in said):
            raise self._damaged("model.json", f"thresholds are not {len(self.classes)} numbers from 0 to 1")
        return [float(one) for one in said]

    def table(self) -> Table:
        """The N examples that could be read."""
        return Table.read(self.path / "table.parquet")

    # What happened

    @property
    def epochs(self) -> list[dict[str, Any]]:
        """One fact sheet an epoch."""
        try:
            return [json.loads(line) for line in self.read_text("epochs.jsonl").splitlines()]
        except (ValueError, RecursionError) as error:
            raise self._damaged("epochs.jsonl", error) from error

    def dynamics(self) -> dict[str, NDArray[Any]]:
        """`losses` [E, N] nats, `margins` [E, N], `window_probs` [N, K], `window` [] epochs; nan = not trained on."""
        return self._arrays("dynamics.npz")

    def scores(self) -> dict[str, NDArray[Any]]:
        """`probs` [N, K], before calibration, and `embeddings` [N, D] of the finished model, for every row; of classes
        `out_of_sample` [N, K], a simple model's, fitted without the row. Numbers: [N, 1], or [N, 2] with deviations.
        """
        return self._arrays("scores.npz")

    @property
    def temperature(self) -> Estimate | None:
        """What corrects the recorded probabilities, with its interval; None for numbers, for sets, and before the end.

        Raises:
            RunError: it is damaged, or lost.
        """
        if not (self.path / CALIBRATION).exists():
            if self.finished and self.task == "classification":  # what is predicted must not differ in silence
                raise self._missing(CALIBRATION)
            return None
        said: Any = self._json(CALIBRATION).get("temperature")
        with suppress(TypeError, OverflowError):
            if all(map(math.isfinite, found := Estimate(**said))) and COLDEST <= found.value <= HOTTEST:
                return found
        raise self._damaged(CALIBRATION, f"its temperature is {str(said)[:60]}")

    def problems(self) -> list[dict[str, str]]:
        """Inputs that could not be used: id, input, reason."""
        try:
            return list(rows_of((self.path / "problems.csv").read_bytes().decode()))
        except FileNotFoundError:
            return []
        except (OSError, ValueError, csv.Error) as error:
            raise self._damaged("problems.csv", error) from error

    def exhibits(self) -> "dict[int, Exhibit]":
        """What a report shows of some rows."""
        path = self.path / "exhibits.parquet"
        if not path.exists():
            return {}
        try:
            frame = read_parquet(path)
            rows = zip(*(frame[name] for name in ("row", "image", "sound", "words", "cells")), strict=True)
            return {row: Exhibit(image, sound, _words(words), _cells(its)) for row, image, sound, words, its in rows}
        except Exception as error:  # polars raises many kinds for columns that are not there
            raise self._damaged(path.name, error) from error

    @property
    def measurements(self) -> dict[str, Any]:
        """What was measured once, after training: baselines, latency, which flips keep a label."""
        return self._json("measurements.json")

    @property
    def report(self) -> dict[str, Any]:
        """The facts of `report.json`: `run.report["test"]["accuracy"]["value"]`."""
        return self._json("report.json")

    @property
    def written(self) -> int | None:
        """When the weights were written, in nanoseconds; None where there are none."""
        try:
            return (self.path / "model.safetensors").stat().st_mtime_ns
        except OSError:
            return None

    def weights(self) -> "dict[str, Tensor]":
        """The weights that were best on the validation rows."""
        from safetensors.torch import load_file

        try:
            (self.path / "model.safetensors").open("rb").close()  # safetensors calls missing what it may not open
            return load_file(self.path / "model.safetensors")
        except FileNotFoundError as error:
            raise self._missing("model.safetensors") from error
        except Exception as error:  # safetensors raises its own kinds
            raise self._damaged("model.safetensors", error) from error

    # Writing, each file all or nothing

    def write_text(self, name: str, text: str) -> None:
        """Write a file of text."""
        write_bytes(self.path / name, text.encode())

    def write_json(self, name: str, value: Any) -> None:
        """Write strict JSON: no nan, no infinity."""
        self.write_text(name, json.dumps(value, indent=1, ensure_ascii=False, allow_nan=False) + "\n")

    def write_arrays(self, name: str, arrays: Arrays) -> None:
        """Write arrays; uncompressed, since the dynamics are written with every epoch."""
        with replacing(self.path / name) as new, new.open("wb") as file:
            np.savez(file, **arrays)  # type: ignore[arg-type]

    def write_temperature(self, temperature: Estimate) -> None:
        """Write what was fitted to the validation rows."""
        self.write_json(CALIBRATION, {"temperature": temperature._asdict(), "fitted_on": "validation"})

    def write_recipe(self, recipe: Recipe) -> None:
        """Write the recipe as resolved."""
        self.write_text("recipe.toml", written(recipe))

    def write_table(self, table: Table) -> None:
        """Write the N examples that could be read."""
        table.write(self.path / "table.parquet")

    def write_epochs(self, lines: Iterable[Mapping[str, Any]]) -> None:
        """Write one line of facts an epoch."""
        self.write_text("epochs.jsonl", "".join(json.dumps(line, allow_nan=False) + "\n" for line in lines))

    def write_csv(self, name: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
        """Write a table with one line of names."""
        self.write_text(name, as_csv(columns, rows))

    def write_thresholds(self, thresholds: Sequence[float]) -> None:
        """Say in `model.json` from which probability on each of the K labels of a set is predicted."""
        self.write_json("model.json", {**self.model, "thresholds": list(thresholds)})
        del self.model

    def write_weights(self, weights: "Mapping[str, Tensor]") -> None:
        """Write the model's weights."""
        from safetensors.torch import save

        copies = {name: weight.detach().cpu().contiguous() for name, weight in weights.items()}
        write_bytes(self.path / "model.safetensors", save(copies))

    def write_exhibits(self, exhibits: "Mapping[int, Exhibit]") -> None:
        """Write what a report shows of some rows."""
        import polars

        columns = {
            "row": list(exhibits),
            "image": [one.image for one in exhibits.values()],
            "sound": [one.sound for one in exhibits.values()],
            "words": [None if one.words is None else json.dumps(one.words) for one in exhibits.values()],
            "cells": [None if one.cells is None else json.dumps(one.cells) for one in exhibits.values()],
        }
        kinds = dict.fromkeys(("image", "sound"), polars.Binary) | dict.fromkeys(("words", "cells"), polars.String)
        with replacing(self.path / "exhibits.parquet") as new:
            polars.DataFrame(columns, schema={"row": polars.Int64, **kinds}).write_parquet(new)

    # Reading, with one kind of error

    def read_text(self, name: str) -> str:
        """A file of text.

        Raises:
            RunError: it is missing or cannot be read.
        """
        try:
            return (self.path / name).read_text(encoding="utf-8")
        except FileNotFoundError as error:
            raise self._missing(name) from error
        except (OSError, ValueError) as error:
            raise self._damaged(name, error) from error

    def _json(self, name: str) -> dict[str, Any]:
        try:
            value = json.loads(self.read_text(name))
        except (ValueError, RecursionError) as error:
            raise self._damaged(name, error) from error
        if not isinstance(value, dict):
            raise self._damaged(name, f"it holds a {type(value).__name__}, not an object")
        return value

    def _arrays(self, name: str) -> dict[str, NDArray[Any]]:
        try:
            with np.load(self.path / name, allow_pickle=False) as arrays:
                return dict(arrays)
        except FileNotFoundError as error:
            raise self._missing(name) from error
        except Exception as error:  # zipfile, zlib and numpy each raise their own kinds
            raise self._damaged(name, error) from error

    def _missing(self, name: str) -> RunError:
        if self.finished:
            return RunError(f"{self.path} has no {name}: it was lost. Restore it from a copy, or train again")
        return RunError(f"{self.path} has no {name}: the run is not finished; {self.how_to_go_on}")

    def _damaged(self, name: str, why: object) -> UnfazedError:
        return unreadable(self.path / name, why)


def _words(text: str | None) -> list[tuple[str, float]] | None:
    return None if text is None else [(str(word), float(weight)) for word, weight in json.loads(text)]


def _cells(text: str | None) -> list[tuple[str, str, float]] | None:
    return None if text is None else [(str(name), str(value), float(bits)) for name, value, bits in json.loads(text)]


def vacant(path: str | Path) -> Path:
    """The folder at which a run may be written. Nothing is made yet.

    Raises:
        UsageError: there is something already, or it cannot be made.
    """
    folder = Path(path)
    try:
        nearest = next(place for place in (folder, *folder.absolute().parents) if place.exists())
        if not (nearest.is_dir() and os.access(nearest, os.W_OK)):
            raise UsageError(f"{folder} cannot be a run folder: {nearest} is no folder that may be written to")
        occupied = folder.exists() and any(folder.iterdir())
    except OSError as error:
        raise UsageError(f"{folder} cannot be a run folder: {error.strerror}") from error
    if occupied:
        raise UsageError(f"{folder} is not empty: choose another folder with --out, or remove this one first")
    return folder


def _fresh(parent: Path) -> Path:
    """A folder named after the time, made here and now: two runs that start in the same second get two."""
    name = time.strftime("%Y-%m-%d-%H%M%S")
    for folder in (parent / name, *(parent / f"{name}-{n}" for n in range(2, 1000))):
        with suppress(FileExistsError):
            folder.mkdir(parents=True)
            return folder
    raise UsageError(f"{parent} has a thousand runs of this second")
