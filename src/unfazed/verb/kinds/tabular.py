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

from unfazed.analysis.intervals import Floats, Integers
from unfazed.analysis.tabular import BOOSTING_ROWS, LINEAR_ROWS, Rows, boosting_model, linear_model
from unfazed.modality import whole
from unfazed.modality.tabular import TabularPreprocessor
from unfazed.model.tables import Size, TableNet
from unfazed.outputs import one_batch, outputs
from unfazed.recipe import Recipe
from unfazed.run import Exhibit
from unfazed.verb.kinds import Baseline, Design, Kind, lasting
from unfazed.verb.prepare import Prepared

SAMPLED_ROWS = 100_000  # training rows that the bins of numbers are laid by
FEW_ROWS = 3000  # are learnt by heart at a high learning rate and with little weight decay
DRAWS = 16  # values from other rows that stand for not knowing one
PREDICTED = 100_000  # rows at most that are made up to explain those that are shown

_MODELS: dict[str, tuple[str, int, Callable[..., Callable[[Rows], Floats]]]] = {
    "linear": ("a linear model on the columns", LINEAR_ROWS, linear_model),
    "boosting": ("scikit-learn's histogram gradient boosting", BOOSTING_ROWS, boosting_model),
}


def design(prepared: Prepared, recipe: Recipe, device: torch.device) -> Design:
    """Members and bins as fit the number of training rows."""
    rows = torch.from_numpy(prepared.table.rows("train"))
    sample = prepared.examples.batch(rows[torch.randperm(len(rows))[:SAMPLED_ROWS]])
    few = len(rows) < FEW_ROWS
    recipe = lasting(recipe, len(rows), default_batch_size(len(rows)), default_epochs(len(rows))).resolved(
        learning_rate=3e-3 if few else 1e-2, weight_decay=1.0 if few else 0.3, label_smoothing=0.0
    )
    codes = _preprocessor(prepared).codes
    size = Size(bins=default_bins(len(rows)), embedding=default_embedding(len(codes)))
    model = TableNet(len(prepared.table.classes), codes, size, recipe.dropout)
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
    """Logistic regression and boosted trees on the same columns, fitted to the training rows."""
    train = prepared.table.rows("train")
    x, y = _encoded(prepared, train), prepared.examples.y.numpy()[train]
    classes, codes = len(prepared.table.classes), _preprocessor(prepared).codes
    for name, (words, most, fitted) in _MODELS.items():
        model = fitted(x, y, codes, classes, seed)
        yield Baseline(name, words, min(most, int((y >= 0).sum())), model(_encoded(prepared, asked)))


def exhibits(prepared: Prepared, model: nn.Module, rows: Sequence[int]) -> dict[int, Exhibit]:
    """Each row's values in order, and the bits by which each speaks for the predicted class.

    Not knowing a value is the mean prediction over values of other rows in its place.
    """
    preprocessor, train = _preprocessor(prepared), prepared.table.rows("train")
    columns = [column for column in preprocessor.columns if column.features]
    draws = max(1, min(DRAWS, PREDICTED // (len(rows) * len(columns) + 1)))
    others = _encoded(prepared, np.random.default_rng(0).choice(train, draws))
    places = np.split(np.arange(len(preprocessor.codes)), np.cumsum([len(column.features) for column in columns])[:-1])
    shown = {}
    for row in rows:
        values = json.loads(prepared.table.frame["input"][row])
        bits = _bits(model, _encoded(prepared, np.array([row]))[0], others, places)
        cells = zip(columns, bits, strict=True)
        shown[row] = Exhibit(cells=[(column.name, _said(values.get(column.name)), weight) for column, weight in cells])
    return shown


def _bits(model: nn.Module, x: Rows, others: Rows, places: Sequence[Integers]) -> list[float]:
    """What each column, its features at `places`, adds to the log probability of the class predicted for x [F]."""
    probs = _probs(model, x[None])[0]
    known = np.log2(probs.max())
    without = np.tile(x, (len(places), len(others), 1))  # [columns, D, F]
    for column, place in enumerate(places):
        without[column][:, place] = others[:, place]
    means = _probs(model, without.reshape(-1, len(x)))[:, probs.argmax()].reshape(len(places), -1).mean(1)
    return [round(float(known - np.log2(mean)), 3) for mean in np.maximum(means, np.finfo(np.float32).tiny)]


def _probs(model: nn.Module, x: Rows) -> NDArray[np.float32]:
    return outputs(model, [one_batch(x, whole(x))]).probs


def _said(value: object) -> str:
    return "missing" if value is None or value == "" else str(value)


def _encoded(prepared: Prepared, rows: Integers) -> Rows:
    return prepared.examples.batch(torch.from_numpy(rows)).x.cpu().numpy()


def _preprocessor(prepared: Prepared) -> TabularPreprocessor:
    assert isinstance(prepared.preprocessor, TabularPreprocessor)
    return prepared.preprocessor


KIND = Kind(design, baselines, exhibits)
