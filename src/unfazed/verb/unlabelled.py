"""Unlabelled data as a pool to choose from: read once, told apart by content from what a run has already, predicted.

Axis letters: n examples that can be chosen, D embedding width, K classes.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import sha256
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.errors import InputError, UsageError
from unfazed.modality import Modality
from unfazed.predictor import BATCH, Predictions, Predictor
from unfazed.reading import parallel
from unfazed.report.events import Advance, Notice
from unfazed.source import read_of
from unfazed.source_folder import stored
from unfazed.verb.predict import Input, listed_inputs


def inputs_of(data: Any, predictor: Predictor, path: str | None, header: bool) -> Iterator[Input | Notice]:
    """The inputs that `data` stands for; raises UsageError where it is nothing of the kind."""
    modality, preprocessor = predictor.modality, predictor.preprocessor
    if hasattr(data, "columns"):
        read, column = read_of(data), {"path": path} if path else {}
        contents = modality.listed(read.frame, preprocessor, "the frame", (str(Path.cwd()),), **column)
        yield from (Notice(f"the frame: {note}") for note in read.notes)
        names = map(str, range(1, len(contents) + 1)) if modality.values else contents
        yield from map(Input, names, contents)
        return
    items = [data] if isinstance(data, str | Path) else list(data)
    wrong = next((item for item in items if not isinstance(item, str | Path)), None)
    if wrong is not None:
        given = type(wrong).__name__
        raise UsageError(f"query takes names of files, folders and tables, texts, or a frame; got {given}")
    if not items or not all(map(str, items)):
        raise UsageError("nothing to choose from: name a folder, files, or a table of unlabelled examples")
    for item in items:
        yield from listed_inputs(str(item), modality, preprocessor, path=path, header=header)


class Unlabelled(NamedTuple):
    """An input as it was read."""

    name: str
    input: str  # as a run's table has it
    content: Any  # what the predictor takes
    sha256: str
    problem: str | None


def _loaded(modality: Modality, one: Input) -> Unlabelled:
    try:
        if one.problem is not None:
            raise InputError(one.problem)
        if not modality.values:
            path = str(Path(one.content).absolute()) if str(one.content) else ""
            data = modality.load(path)
            return Unlabelled(stored(one.name), stored(path), data, sha256(data).hexdigest(), None)
        text = modality.read(one.content) if isinstance(one.content, Path) else one.content
        digest = sha256(modality.identity(modality.load(text))).hexdigest()
        return Unlabelled(stored(one.name), text, text, digest, None)
    except InputError as error:
        return Unlabelled(stored(one.name), "", None, "", str(error))


@dataclass
class Pool:
    """The unlabelled examples that can be chosen, and what became of the others."""

    predictor: Predictor
    labelled: set[str]  # contents of the run
    asked: set[str]  # contents of earlier queries
    inputs: list[Unlabelled] = field(default_factory=list)  # [n], without their contents
    problems: list[tuple[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    known: int = 0
    waiting: int = 0
    repeated: int = 0

    def __post_init__(self) -> None:
        self._seen: set[str] = set()
        self._probs: list[NDArray[np.floating]] = []
        self._embeddings: list[NDArray[np.float16]] = []

    def read(self, listed: Sequence[Input | Notice]) -> Iterator[Advance | Notice]:
        """Read and predict what is listed, saying how far it is."""
        for one in listed:
            if isinstance(one, Notice):
                self.notes.append(one.text)
                yield one
        inputs = [one for one in listed if isinstance(one, Input)]
        remaining, done = iter(inputs), 0
        while chunk := list(islice(remaining, BATCH)):
            loaded = parallel(partial(_loaded, self.predictor.modality), chunk)
            fresh = [one for one in loaded if self._is_fresh(one)]
            if fresh:
                self._take(fresh, self.predictor.predictions([one.content for one in fresh]))
            done += len(chunk)
            yield Advance(done, len(inputs), "predicting")

    def check(self) -> None:
        """Raise UsageError or InputError where nothing is left to choose from."""
        if self.inputs:
            return
        total = self.known + self.waiting + self.repeated + len(self.problems)
        if not total:
            raise UsageError("nothing to choose from: there are no inputs")
        if len(self.problems) == total:
            name, reason = self.problems[0]
            raise InputError(f"none of {total:,} inputs can be read (the first: {name}: {reason})")
        waiting = f"; {self.waiting:,} are in an earlier query, to be labelled" if self.waiting else ""
        unread = f"; {len(self.problems):,} cannot be read" if self.problems else ""
        raise UsageError(
            f"nothing is left to choose from: {self.known:,} of {total:,} inputs are examples of the run "
            f"already{waiting}{unread}"
        )

    def probs(self) -> NDArray[np.floating]:
        """Calibrated probabilities, or numbers in their units [n, K]."""
        return np.concatenate(self._probs)

    def embeddings(self) -> NDArray[np.float16]:
        """[n, D], as exact as those of the run's own rows."""
        return np.concatenate(self._embeddings)

    def _is_fresh(self, one: Unlabelled) -> bool:
        """Whether nobody knows this content yet; else it is counted."""
        if one.problem is not None:
            self.problems.append((one.name, one.problem))
        elif one.sha256 in self.labelled:
            self.known += 1
        elif one.sha256 in self.asked:
            self.waiting += 1
        elif one.sha256 in self._seen:
            self.repeated += 1
        else:
            self._seen.add(one.sha256)
            return True
        return False

    def _take(self, loaded: Sequence[Unlabelled], predictions: Predictions) -> None:
        readable = [row for row, problem in enumerate(predictions.problems) if problem is None]
        self.problems += [
            (one.name, problem) for one, problem in zip(loaded, predictions.problems, strict=True) if problem
        ]
        self.inputs += [loaded[row]._replace(content=None) for row in readable]
        self._probs.append(predictions.probs[readable])
        with np.errstate(over="ignore"):
            self._embeddings.append(predictions.embeddings[readable].astype(np.float16))
