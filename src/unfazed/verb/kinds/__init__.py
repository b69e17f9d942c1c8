"""What training needs of a kind of data beyond its arrays: which model, what to compare it with, what to show.

Axis letters: n rows asked for, K classes.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib import import_module
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from unfazed.analysis.random_features import COMPARED, fourier_features
from unfazed.analysis.ridge import Features, Labels, leave_one_out
from unfazed.errors import RecipeError
from unfazed.recipe import AUTO, Recipe, range_of
from unfazed.run import Exhibit
from unfazed.verb.prepare import Prepared

FLOOR = 1e-3  # probability: what is regressed may fall below 0
Regression = Callable[[Features, Labels, int], NDArray[np.float32]]


class Design(NamedTuple):
    """The model for some data, initialised from its training rows, and the recipe that suits it."""

    recipe: Recipe  # with everything resolved that depends on the model
    model: nn.Module
    words: str  # what it is, for people: "residual convnet"
    details: str  # what else to know of it: "on 32 × 32 pixels (as they are)"
    evidence: dict[str, Any] | None = None  # what a choice rests on, for the report


class Baseline(NamedTuple):
    """What a simpler model says of some rows."""

    name: str  # "linear", "boosting"
    words: str  # "a linear model on the pixels"
    rows: int  # training rows that it was fitted to
    probs: NDArray[np.float64]  # [n, K]


class Kind(NamedTuple):
    """The functions of one kind of data.

    design(prepared, recipe, device) -> Design.
    baselines(prepared, rows [n], seed) -> each Baseline on these rows, one after the other: they take seconds.
    features(prepared, rows [n]) -> simple features [n, F] of inputs, which no label had a say in.
    second_opinion(prepared, seed) -> probabilities [N, K] by a simple model that has not seen the row's label.
    exhibits(prepared, model, rows) -> what a report shows of these rows; those that can no longer be read are left out.
    """

    design: Callable[[Prepared, Recipe, torch.device], Design]
    baselines: Callable[[Prepared, NDArray[np.int64], int], Iterator[Baseline]]
    exhibits: Callable[[Prepared, nn.Module, Sequence[int]], Mapping[int, Exhibit]]
    features: Callable[[Prepared, NDArray[np.int64]], NDArray[np.float32]]
    second_opinion: Callable[[Prepared, int], NDArray[np.float32]]


def kind(modality: str) -> Kind:
    """The functions of a modality; its module is imported on first use."""
    found: Kind = import_module(f"unfazed.verb.kinds.{modality}").KIND
    return found


def sampled(prepared: Prepared, most: int, seed: int) -> NDArray[np.int64]:
    """Rows drawn from all of the table, `most` of them where there are more."""
    return np.random.default_rng(seed).permutation(len(prepared.table))[:most]


def opinion_on_waves(
    prepared: Prepared, features: Callable[[NDArray[np.int64]], NDArray[np.float32]], seed: int
) -> NDArray[np.float32]:
    """A second opinion [N, K] by waves over features: from rows [n] to [n, F]."""
    waves = fourier_features(features(sampled(prepared, COMPARED, seed)), seed)
    return opinion(prepared, leave_one_out, lambda rows: waves(features(rows)), seed)


def opinion(prepared: Prepared, regression: Regression, features: Features, seed: int) -> NDArray[np.float32]:
    """Probabilities [N, K] of classes, or of each label of a set by itself, by a regression on simple features."""
    table = prepared.table
    probs = regression(features, Labels(len(table), np.flatnonzero(table.y() >= 0), table.indicators), seed)
    np.maximum(probs, FLOOR, out=probs)
    if table.task == "multilabel":
        return np.minimum(probs, 1 - FLOOR, out=probs)
    probs /= probs.sum(1, keepdims=True)
    return probs


def convnet_batch_size(rows: int) -> int:
    """Examples per step of a convnet, for `rows` training rows."""
    return 128 if rows >= 5000 else 64 if rows >= 500 else 16


def convnet_epochs(rows: int, usual: int) -> int:
    """Passes of a convnet over `rows` training rows, the `usual` ones over 9,000.

    A quarter of the data gets twice the passes, half of the steps.
    """
    return round(min(60, max(8, usual * math.sqrt(9000 / rows))))


def lasting(recipe: Recipe, rows: int, batch_size: int, epochs: int) -> Recipe:
    """The recipe with its batch size and epochs, where it left them open, for `rows` training rows.

    Raises:
        RecipeError: the steps are more than the most epochs that there may be.
    """
    recipe = recipe.resolved(batch_size=batch_size)
    batches, most = math.ceil(rows / recipe.batch_size), range_of("epochs")[1]
    if recipe.steps:
        epochs = math.ceil(recipe.steps / batches)
    if recipe.steps and recipe.epochs == AUTO and epochs > most:
        raise RecipeError(
            f"steps = {recipe.steps}: wants {most * batches:,} at most, which are {most:,} epochs of {batches:,} "
            f"batches; these would be {epochs:,}"
        )
    return recipe.resolved(epochs=epochs)
