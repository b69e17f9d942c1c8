"""Which examples a report shows: the most surprising ones, and some of every kind of mistake.

Axis letters: N rows, K classes, E epochs. The choice is a function of the run's arrays, so that training, which
writes the thumbnails, and the page, which shows them, agree without passing a list.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Floats, Integers
from unfazed.analysis.metrics import confusion, most_confused
from unfazed.analysis.surprise import mean_surprise, most_surprising, surprise
from unfazed.table import Table

SURPRISING = 24  # of each: training, validation
PER_CELL = 12
ALTOGETHER = 240
GRID_CLASSES = 30  # a larger matrix is a list of pairs: nobody reads ten thousand cells
PAIRS = 40


class Shown(NamedTuple):
    """Row numbers: the surprising ones, highest first, and of classes those of each cell (given, predicted)."""

    train: list[int]
    validation: list[int]
    cells: Mapping[tuple[int, int], list[int]] = MappingProxyType({})

    @property
    def rows(self) -> list[int]:
        """All of them, each once: at most 240."""
        of_cells = (row for rows in self.cells.values() for row in rows)
        return list(dict.fromkeys([*self.train, *self.validation, *of_cells]))


def selection(table: Table, y: Integers, probs: NDArray[np.floating], losses: NDArray[np.floating]) -> Shown:
    """What the page of a model of classes shows, by place; labels [N], probs [N, K], losses [E, N] in nats."""
    bits = surprise(y, probs)
    overall = np.where(y >= 0, mean_surprise(losses), np.nan)
    train, validation = table.rows("train"), table.rows("validation")
    return Shown(
        train=train[most_surprising(overall[train], SURPRISING)].tolist(),
        validation=validation[most_surprising(bits[validation], SURPRISING)].tolist(),
        cells=_cells(table.rows(evaluated_split(table)), y, probs, bits),
    )


def evaluated_split(table: Table) -> str:
    """The split that mistakes are counted on: test, or validation where there is no test."""
    return "test" if len(table.rows("test")) else "validation"


def _cells(rows: Integers, y: Integers, probs: NDArray[np.floating], bits: Floats) -> dict[tuple[int, int], list[int]]:
    """Examples of each cell, the most surprising first, dealt out in rounds: every cell gets one before any gets two.

    Mistakes come before what was right, and frequent mistakes before rare ones.
    """
    members: dict[tuple[int, int], list[int]] = {}
    labelled, predicted = rows[y[rows] >= 0], probs.argmax(1)
    for row in labelled[most_surprising(bits[labelled], len(labelled))].tolist():
        members.setdefault((int(y[row]), int(predicted[row])), []).append(row)
    order = _order(confusion(y[labelled], predicted[labelled], probs.shape[1]))
    dealt = [(cell, turn) for turn in range(PER_CELL) for cell in order if turn < len(members[cell])]
    shown: dict[tuple[int, int], list[int]] = {}
    for cell, turn in dealt[: ALTOGETHER - 2 * SURPRISING]:
        shown.setdefault(cell, []).append(members[cell][turn])
    return shown


def _order(counted: Integers) -> list[tuple[int, int]]:
    """The cells that the page shows, most important first: of a large matrix only the commonest mistakes."""
    if len(counted) > GRID_CLASSES:
        return [(given, predicted) for given, predicted, _ in most_confused(counted, PAIRS)]
    mistakes = [(given, predicted) for given, predicted, _ in most_confused(counted, counted.size)]
    return mistakes + [(k, k) for k in range(len(counted)) if counted[k, k]]
