"""From raw inputs to predictions: the only way, for the command line, the server and Python alike.

Axis letters: n items, K classes, D embedding width.
"""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Sized
from dataclasses import dataclass
from itertools import chain, islice
from pathlib import Path
from reprlib import repr as shortened
from typing import Any

import numpy as np
import polars as pl
import torch
from numpy.typing import NDArray

from unfazed.analysis.calibration import scaled
from unfazed.analysis.multilabel import chosen
from unfazed.analysis.shares import probability
from unfazed.certainty import NOTHING_PROMISED, Asked, Certainty, deviations, inside, promised
from unfazed.device import best_device
from unfazed.errors import InputError, RunError, UnfazedError, UnfazedWarning, UsageError, levels_outside
from unfazed.items import several
from unfazed.label_sets import joined
from unfazed.modality import Modality, Preprocessor, encoded, news_of
from unfazed.modality.choice import named
from unfazed.model.build import build, embedding_width
from unfazed.model.gaussian import GaussianHead
from unfazed.outputs import one_batch, outputs
from unfazed.reading import parallel
from unfazed.run import Run
from unfazed.source import read_of
from unfazed.target import Scale, scale_of

BATCH = 256  # items decoded and predicted at once
SHOWN = 3  # classes that a repr names
ROWS, WIDTH = 10, 80  # of the table that a repr is
ARRAYS = ("labels", "probs", "embeddings", "problems", "sets", "intervals", "answered")  # of `Predictions`, [n, ...]
COLUMNS = ("label", "deviation", "confidence", "set", "low", "high", "answered", "problem")  # of it, where not empty


@dataclass(frozen=True, eq=False, repr=False)
class Predictions:
    """What the model says of n items, in their order. An item that cannot be read has no label and nan elsewhere.

    Columns, each of n values: `len()` is n, and loops go over one of them, `for label in predictions.labels`.

    Where numbers are predicted there are no classes: `probs` [n, 1] holds them, `numbers` [n] too, and a label is the
    number as text. With `loss = "gaussian"` `probs` is [n, 2], and `deviations` [n] says how sure each number is. Where
    sets of labels are predicted each of the K classes is a label with a probability of its own: a label is then the set
    as text, "beach|sunset", "" for none of them, and `label_sets` has the names.
    """

    labels: list[str | None]
    probs: NDArray[np.floating]  # [n, K] float32; of numbers float64
    embeddings: NDArray[np.float32]  # [n, D]
    problems: list[str | None]  # why an item could not be read
    classes: list[str]  # names of the K classes
    thresholds: list[float] | None = None  # [K] of sets: from which probability on a label is in it
    sets: list[list[str]] | None = None  # classes that hold the true one as often as asked, the likeliest first
    intervals: NDArray[np.float64] | None = None  # [n, 2] the ends that hold the true number as often as asked
    answered: NDArray[np.bool_] | None = None  # [n] whether the model is sure enough for the risk allowed

    def __len__(self) -> int:
        """n, the number of items."""
        return len(self.labels)

    def __repr__(self) -> str:
        """The first ones as a small table, for a prompt or a notebook."""
        n, what = len(self), f"{len(self.classes):,} classes" if self.classes else "numbers"
        first = [self._cells(*one) for one in zip(range(min(n, ROWS)), self.confidence, self.deviations, strict=False)]
        names = [name for name in first[0] if any(cells[name] for cells in first)] if first else []
        heads = names if self.classes else [name.replace("label", "number") for name in names]
        lines = _aligned([["", *heads], *([str(row), *(cells[name] for name in names)]
                                          for row, cells in enumerate(first))])  # fmt: skip
        more = [f"… {n - ROWS:,} more; see .labels and .probs"] if n > ROWS else []
        return "\n".join([f"Predictions n={n:,}, {what}", *(lines if first else []), *more])

    def _cells(self, row: int, sure: float, deviation: float) -> dict[str, str]:
        """What a line of a table says of an item, by column; empty where there is nothing to say."""
        label, problem = self.labels[row], self.problems[row]
        if label is None or problem is not None:
            return dict.fromkeys(COLUMNS, "") | {"label": "None", "problem": shortened(problem)}
        low, high = ("", "") if self.intervals is None else (f"{end:.6g}" for end in self.intervals[row])
        return {
            "label": shortened(label) if self.classes else label,
            "deviation": f"{deviation:.6g}".replace("nan", ""),
            "confidence": probability(sure).replace("nan %", ""),
            "set": "" if self.sets is None else shortened(self.sets[row]),
            "low": low,
            "high": high,
            "answered": "" if self.answered is None else "yes" if self.answered[row] else "no",
            "problem": "",
        }

    @property
    def numbers(self) -> NDArray[np.float64]:
        """The predicted numbers [n].

        Raises:
            UsageError: the model predicts classes.
        """
        if self.classes:
            raise UsageError("the model predicts classes, not numbers: see labels and probs")
        return self.probs[:, 0].astype(np.float64)

    @property
    def deviations(self) -> NDArray[np.float64]:
        """The standard deviation [n] that the model expects of each number's error; nan where it says none."""
        gaussian = not self.classes and self.probs.shape[1] == 2
        return self.probs[:, 1].astype(np.float64) if gaussian else np.full(len(self.probs), np.nan)

    @property
    def label_sets(self) -> list[list[str] | None]:
        """The names of the labels in each predicted set [n]; None where an item could not be read.

        Raises:
            UsageError: the model predicts one class of each item, or numbers.
        """
        return [
            None if problem is not None else [self.classes[k] for k in np.flatnonzero(row)]
            for problem, row in zip(self.problems, self.indicators, strict=True)
        ]

    @property
    def indicators(self) -> NDArray[np.bool_]:
        """Which labels are in each predicted set [n, K]; none where an item could not be read.

        Raises:
            UsageError: the model predicts one class of each item, or numbers.
        """
        if self.thresholds is None:
            raise UsageError("the model predicts no sets of labels: see labels")
        return chosen(self.probs, np.array(self.thresholds))

    @property
    def confidence(self) -> NDArray[np.floating]:
        """Probability of each label [n], or of the whole set, as if its labels were independent; nan for numbers."""
        if not self.classes:
            return np.full(len(self.probs), np.nan, np.float32)
        if self.thresholds is not None:
            return np.asarray(np.where(self.indicators, self.probs, 1 - self.probs).prod(axis=1))
        return np.asarray(self.probs.max(axis=1, initial=0.0))


class Predictor:
    """A trained model with its preprocessor. `Predictor.open(run).predict(items)`.

    `predict` is for people: a list, an array or a frame, with warnings of what is not as it was in training. Beneath it
    lie two for programs, which take items alone and warn of nothing: `predictions` says the same of them at once, and
    `batches` a part at a time, where all that is said would not fit in memory.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        modality: Modality,
        preprocessor: Preprocessor,
        classes: Sequence[str],
        scale: Scale | None = None,
        thresholds: Sequence[float] | None = None,
        run: Run | None = None,
    ):
        """`classes`: names of the K classes; none where numbers are predicted, of that `scale`.

        `thresholds` [K]: where sets of labels are predicted, the probabilities from which on each is in the set.
        `run`: where the temperature of its probabilities is found, and the validation rows that allow promises.
        """
        self.device = best_device()
        self.modality = modality
        self.model = model.to(self.device)
        self.preprocessor = preprocessor
        self.classes, self.scale, self.run = list(classes), scale, run
        said = run.model.get("target") if run else None
        self.target = said if isinstance(said, str) else None  # the column of labels that it learnt to predict
        self.thresholds = None if thresholds is None else list(thresholds)
        found = run.temperature if run else None
        self.temperature = found.value if found else 1.0
        self.outputs = len(self.classes) or (2 if isinstance(model.head, GaussianHead) else 1)
        self.width = embedding_width(model)
        self.written = run.written if run else None  # when the weights were
        self.promises: dict[Asked, Certainty] = {}

    def __repr__(self) -> str:
        said = [shortened(name) for name in self.classes[:SHOWN]]
        return _brief(f"Predictor on {self.device}, classes={len(self.classes):,}", said, len(self.classes))

    @classmethod
    def open(cls, run: str | Path | Run) -> "Predictor":
        """The predictor of a run folder; opening it executes no code from it.

        Raises:
            RunError: the run is missing, damaged, foreign or newer. OutOfMemoryError: there is no room for its weights.
        """
        run = Run.open(run)
        described, text, weights = run.model, run.read_text("preprocessor.json"), run.weights()
        try:
            modality = named(str(described.get("modality")))
            preprocessor = modality.preprocessor.from_json(text)
            model = build(described, weights)
            scale = scale_of(described)
        except UnfazedError as error:
            raise RunError(f"the model of {run.path} cannot be opened: {error}") from error
        _check(run, modality, preprocessor)
        thresholds = run.thresholds if run.task == "multilabel" else None
        kept = Run(run.path.absolute())  # wherever the process goes
        return cls(model, modality, preprocessor, run.classes, scale, thresholds, kept)

    def predict(
        self,
        items: Iterable[Any],
        *,
        confidence_level: float | None = None,
        class_conditional: bool = False,
        max_risk: float | None = None,
    ) -> Predictions:
        """What the model says of items, for people: checked, with warnings.

        confidence_level: also `sets` of classes, or `intervals` of numbers, that hold the truth in so large a share of
        inputs like the validation rows; `class_conditional`: for every class by its own. max_risk: also which items
        are `answered`: those of which, with 95 % certainty, no larger share is wrong.

        An item is a path, a Pillow image or an array [H, W, 3] for images; a path, or samples with their rate for
        sound; a text; or a row of a table as a dictionary. A frame stands for its rows.

        The same item gives the same probabilities to 1e-5 on every machine: prediction is in float32
        and never augments.

        Warns (`UnfazedWarning`) of columns that are missing or new, of categories that training had not, and of items
        that cannot be read.

        Raises:
            UsageError: `items` is one item, not several; or the run's validation rows do not allow what is asked.
        """
        certainty = self.certainty(Asked(confidence_level, class_conditional, max_risk))
        table = read_of(items) if hasattr(items, "columns") else None
        given = several(items, self.modality) if table is None else self._rows(table.frame)
        given = list(given) if self.modality.news else given  # which looks at them too
        predictions = self.predictions(given, certainty)
        names = table.frame.columns if table else chain.from_iterable(row for row in given if isinstance(row, Mapping))
        columns = [name for name in dict.fromkeys(names) if name != self.target] or None
        news = news_of(given, self.modality, self.preprocessor, columns) if len(predictions) else []
        for said in (*(table.notes if table else ()), *news, *_unread(predictions.problems)):
            warnings.warn(said, UnfazedWarning, stacklevel=levels_outside())
        return predictions

    def predictions(self, items: Iterable[Any], certainty: Certainty = NOTHING_PROMISED) -> Predictions:
        """What `predict` says of `items`, for programs: they are not looked at before, and nothing is warned of.

        certainty: what the run's validation rows promise (`certainty`), in place of what `predict` is asked for.
        """
        parts: Iterable[Predictions] = self.batches(items, certainty)
        parts = parts if isinstance(items, Sized) else list(parts)
        count = len(items) if isinstance(items, Sized) else sum(map(len, parts))
        whole, start = self._empty(count, certainty), 0
        for part in parts:
            for name in ARRAYS:
                if (values := getattr(whole, name)) is not None:
                    values[start : start + len(part)] = getattr(part, name)
            start += len(part)
        return whole

    def certainty(self, asked: Asked) -> Certainty:
        """What the run's validation rows promise of what is asked.

        Raises:
            UsageError: they do not allow it, or the predictor is of no run.
            RunError: the run's record is missing or damaged, or the run was trained anew.
        """
        if self.run is None and asked != Asked():
            raise UsageError("this predictor is of no run: without validation rows nothing can be promised")
        if asked not in self.promises:
            if self.run and asked != Asked() and self.run.written != self.written:
                raise RunError(f"{self.run.path} has other weights than when this predictor was opened: open it again")
            self.promises[asked] = promised(self.run, asked) if self.run else NOTHING_PROMISED
        return self.promises[asked]

    def _rows(self, frame: pl.DataFrame) -> list[str]:
        return self.modality.listed(frame, self.preprocessor, "the frame", (str(Path.cwd()),))

    def batches(self, items: Iterable[Any], certainty: Certainty = NOTHING_PROMISED) -> Iterator[Predictions]:
        """What `predictions` says, of 256 items at a time: for more than fit in memory, `items` being an iterator."""
        remaining = iter(items)
        while chunk := list(islice(remaining, BATCH)):
            yield self._predicted(list(parallel(self._encoded, chunk)), certainty)

    def _encoded(self, item: Any) -> NDArray[Any] | str:
        try:
            return encoded(item, self.modality, self.preprocessor)
        except InputError as error:
            return str(error)

    def _predicted(self, arrays: list[NDArray[Any] | str], certainty: Certainty) -> Predictions:
        readable = [row for row, array in enumerate(arrays) if not isinstance(array, str)]
        predictions = self._empty(len(arrays), certainty)
        predictions.problems[:] = [array if isinstance(array, str) else None for array in arrays]
        if readable:
            x = np.stack([arrays[row] for row in readable])
            scored = outputs(self.model, [one_batch(x, self.modality.length(x))])
            predictions.probs[readable] = self._in_units(scored.probs)
            predictions.embeddings[readable] = scored.embeddings
            sets = None if self.thresholds is None else predictions.label_sets
            for row in readable:
                named = sets[row] if sets else None
                predictions.labels[row] = self._label(predictions.probs[row]) if named is None else joined(named)
            self._fill(predictions, readable, scored.probs, certainty)
        return predictions

    def _fill(
        self, predictions: Predictions, rows: list[int], outputs: NDArray[np.float32], certainty: Certainty
    ) -> None:
        """Write what is promised of some rows, from what the model says of them, into `predictions`."""
        if certainty.answers is not None and predictions.answered is not None:
            predictions.answered[rows] = outputs.max(axis=1) > certainty.answers.threshold
        if certainty.bounds is None:
            return
        if predictions.sets is not None:
            order, held = (-outputs).argsort(axis=1, kind="stable"), inside(certainty, outputs)
            for row, ranked, one in zip(rows, order, held, strict=True):
                predictions.sets[row] = [self.classes[k] for k in ranked if one[k]]
        elif predictions.intervals is not None:
            numbers = predictions.probs[rows]
            off = certainty.bounds * deviations(numbers)
            predictions.intervals[rows] = np.stack([numbers[:, 0] - off, numbers[:, 0] + off], axis=1)

    def _in_units(self, outputs: NDArray[np.float32]) -> NDArray[Any]:
        """What the model says [n, K]: numbers in the units of the source, or calibrated probabilities."""
        return scaled(outputs, self.temperature) if self.scale is None else self.scale.original(outputs)

    def _label(self, probs: NDArray[np.floating]) -> str:
        return self.classes[int(probs.argmax())] if self.classes else str(probs[0])

    def _empty(self, count: int, certainty: Certainty) -> Predictions:
        nothing: list[str | None] = [None] * count
        probs = np.full((count, self.outputs), np.nan, np.float32 if self.classes else np.float64)
        embeddings = np.full((count, self.width), np.nan, np.float32)
        wanted, classes = certainty.bounds is not None, bool(self.classes)
        return Predictions(
            nothing,
            probs,
            embeddings,
            nothing.copy(),
            self.classes,
            self.thresholds,
            [[] for _ in range(count)] if wanted and classes else None,
            np.full((count, 2), np.nan) if wanted and not classes else None,
            np.zeros(count, bool) if certainty.answers is not None else None,
        )


_DECIDED: Mapping[str, Callable[[Any], dict[str, Any]]] = {  # arguments of a model, by its preprocessor
    "image": lambda preprocessor: {"image_size": preprocessor.image_size},
    "audio": lambda preprocessor: {"sample_rate": preprocessor.sample_rate},
    "text": lambda preprocessor: {"vocabulary": 1 + max(preprocessor.vocabulary.values())},
    "tabular": lambda preprocessor: {"codes": list(preprocessor.codes)},
}


def _check(run: Run, modality: Modality, preprocessor: Preprocessor) -> None:
    """Raise RunError unless the classes and the preprocessor of a run are those that its network was trained with."""
    numbers = run.task == "regression"
    outputs = len(run.classes) + numbers * (1 if run.model.get("distribution") is None else 2)
    wanted = {"classes": outputs, **_DECIDED[modality.name](preprocessor)}
    trained = dict(run.model["arguments"])
    for name, value in wanted.items():
        if trained.get(name) != value:
            file = "model.json" if name == "classes" else "preprocessor.json"
            why = f"does not fit the network, which was trained with another value of {name}"
            raise RunError(f"{run.path / file} {why}. Restore the file from a copy, or train again")


def _unread(problems: Sequence[str | None]) -> list[str]:
    """How many items could not be read, and why the first could not, as a sentence; none where all could."""
    wrong = [(number, problem) for number, problem in enumerate(problems) if problem is not None]
    if not wrong:
        return []
    number, problem = wrong[0]
    many = f"{len(wrong):,} of {len(problems):,} items cannot be read"
    return [f"{many} and have the label None; of the first, items[{number}]: {problem}. All reasons are in .problems"]


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows of cells as lines, each column as wide as its widest cell."""
    widths = [max(map(len, cells)) for cells in zip(*rows, strict=True)]
    lines = ("  ".join(map(str.ljust, cells, widths)).rstrip() for cells in rows)
    return [line if len(line) <= WIDTH else f"{line[: WIDTH - 1]}…" for line in lines]


def _brief(what: str, first: Sequence[str], count: int) -> str:
    """A repr of one line: what it is, and the first of the `count` things in it."""
    return f"<{what}: {', '.join(first)}{', …' if count > len(first) else ''}>" if count else f"<{what}>"
