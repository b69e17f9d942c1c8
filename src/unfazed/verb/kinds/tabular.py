"""Rows of tables: an ensemble in one network, a linear model and boosted trees beside it, what each column says.

Axis letters: n rows, F features, K classes, D draws of a value.
"""

import json
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unfazed.analysis.intervals import Integers
from unfazed.analysis.tabular import (
    BOOSTED_LABELS,
    BOOSTING_ROWS,
    LINEAR_ROWS,
    Rows,
    boosting_model,
    boosting_numbers,
    boosting_sets,
    expansion,
    linear_model,
    linear_numbers,
    linear_sets,
)
from unfazed.modality import whole
from unfazed.modality.tabular import TabularPreprocessor
from unfazed.model.tables import Size, TableNet
from unfazed.outputs import one_batch, outputs
from unfazed.recipe import Recipe, weight_decay_of
from unfazed.run import Exhibit
from unfazed.target import outputs_of
from unfazed.verb.kinds import Baseline, Design, Kind, lasting, opinion_on_waves
from unfazed.verb.prepare import Prepared

SAMPLED_ROWS = 100_000  # training rows that the bins of numbers are laid by
FEW_ROWS = 3000  # are learnt by heart at a high learning rate and with little weight decay
_LEAST = np.finfo(np.float32).tiny  # no probability is zero
DRAWS = 16  # values from other rows that stand for not knowing one
PREDICTED = 100_000  # rows at most that are made up to explain those that are shown
MADE_UP = 50_000_000  # values at most of those that are made up at once

_MODELS = {
    "linear": ("a linear model on the columns", LINEAR_ROWS, linear_model, linear_numbers, linear_sets),
    "boosting": (
        "scikit-learn's histogram gradient boosting", BOOSTING_ROWS, boosting_model, boosting_numbers, boosting_sets,
    ),
}


def design(prepared: Prepared, recipe: Recipe, device: torch.device) -> Design:
    """Members and bins as fit the number of training rows."""
    rows = torch.from_numpy(prepared.table.rows("train"))
    sample = prepared.examples.batch(rows[torch.randperm(len(rows))[:SAMPLED_ROWS]])
    few = len(rows) < FEW_ROWS
    rate = {"adamw": 3e-3 if few else 1e-2, "sgd": 0.1 if few else 0.3}[recipe.optimizer]
    recipe = lasting(recipe, len(rows), default_batch_size(len(rows)), default_epochs(len(rows))).resolved(
        learning_rate=rate, weight_decay=weight_decay_of(recipe, 1.0 if few else 0.3), label_smoothing=0.0
    )
    codes = _preprocessor(prepared).codes
    size = Size(bins=default_bins(len(rows)), embedding=default_embedding(len(codes)))
    model = TableNet(outputs_of(prepared.table, recipe.loss), codes, size, recipe.dropout)
    model.initialise(sample.x)
    details = f"{size.members} members in one, on {len(codes)} features, numbers in up to {size.bins} bins"
    return Design(recipe, model, "network for tables", details)


def default_batch_size(rows: int) -> int:
    """Examples per step for `rows` training rows."""
    return 256 if rows >= 10_000 else 128 if rows >= 3000 else 64 if rows >= 500 else 16


def default_epochs(rows: int) -> int:
    """Passes over `rows` training rows: steps grow with the root of their number."""
    steps = min(3000, max(400, 12 * math.sqrt(rows)))
    return max(3, round(steps * default_batch_size(rows) / rows))


def default_bins(rows: int) -> int:
    """Bins of a number, at most, for `rows` training rows: as many as a histogram of them would have."""
    return min(128, max(8, math.isqrt(rows)))


def default_embedding(features: int) -> int:
    """Width of a feature's embedding: less where there are many features."""
    return max(2, min(8, 512 // features))


def baselines(prepared: Prepared, asked: Integers, seed: int) -> Iterator[Baseline]:
    """A linear model and boosted trees on the same columns, fitted to the training rows."""
    train, codes = prepared.table.rows("train"), _preprocessor(prepared).codes
    x, y = prepared.x(train), prepared.examples.y.numpy()[train]
    for name, (words, most, of_classes, of_numbers, of_sets) in _MODELS.items():
        if prepared.table.task == "multilabel":
            if name == "boosting" and y.shape[1] > BOOSTED_LABELS:
                continue
            model = of_sets(x, y, codes, seed)
        elif prepared.scale is None:
            model = of_classes(x, y, codes, len(prepared.table.classes), seed)
        else:
            model = of_numbers(x, y, codes, seed)
        yield Baseline(name, words, min(most, len(train)), model(prepared.x(asked)))


def exhibits(prepared: Prepared, model: nn.Module, rows: Sequence[int]) -> dict[int, Exhibit]:
    """Each row's values in order, and the bits by which each speaks for the predicted class; or, where a number is
    predicted, what it adds to it in the units of the source.

    Not knowing a value is the mean prediction over values of other rows in its place.
    """
    preprocessor, train = _preprocessor(prepared), prepared.table.rows("train")
    columns = [column for column in preprocessor.columns if column.features]
    features = len(columns) * len(preprocessor.codes)
    draws = max(1, min(DRAWS, PREDICTED // (len(rows) * len(columns) + 1), MADE_UP // (features + 1)))
    others = prepared.x(np.random.default_rng(0).choice(train, draws))
    places = np.split(np.arange(len(preprocessor.codes)), np.cumsum([len(column.features) for column in columns])[:-1])
    shown = {}
    for row in rows:
        values = json.loads(prepared.table.frame["input"][row])
        known, without = _without(model, prepared.x(np.array([row]))[0], others, places)
        if prepared.scale is None:
            weights = np.log2(known.max()) - np.log2(np.maximum(without[:, known.argmax()], _LEAST))
        else:
            weights = prepared.in_units(known)[0] - prepared.in_units(without)[:, 0]
        cells = zip(columns, weights.round(4).tolist(), strict=True)
        shown[row] = Exhibit(cells=[(column.name, _said(values.get(column.name)), weight) for column, weight in cells])
    return shown


def _without(
    model: nn.Module, x: Rows, others: Rows, places: Sequence[Integers]
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """What the model says of x [F]: [K]; and without each column, its features at `places`: [columns, K]."""
    replaced = np.tile(x, (len(places), len(others), 1))  # [columns, D, F]
    for column, place in enumerate(places):
        replaced[column][:, place] = others[:, place]
    said = _said_by(model, replaced.reshape(-1, len(x)))
    return _said_by(model, x[None])[0], said.reshape(len(places), len(others), -1).mean(1)


def _said_by(model: nn.Module, x: Rows) -> NDArray[np.float32]:
    return outputs(model, [one_batch(x, whole(x))]).probs


def _said(value: object) -> str:
    return "missing" if value is None or value == "" else str(value)


def _preprocessor(prepared: Prepared) -> TabularPreprocessor:
    assert isinstance(prepared.preprocessor, TabularPreprocessor)
    return prepared.preprocessor


def features(prepared: Prepared, rows: Integers) -> Rows:
    """Standardised numbers, and a column for each code and for what is missing."""
    return _expanding(prepared)(rows)


def _expanding(prepared: Prepared) -> Callable[[Integers], Rows]:
    train = np.random.default_rng(0).permutation(prepared.table.rows("train"))[:LINEAR_ROWS]
    expand = expansion(prepared.x(train), _preprocessor(prepared).codes)
    return lambda rows: expand(prepared.x(rows))


def second_opinion(prepared: Prepared, seed: int) -> Rows:
    """Ridge regression on waves over these."""
    return opinion_on_waves(prepared, _expanding(prepared), seed)


KIND = Kind(design, baselines, exhibits, features, second_opinion)
