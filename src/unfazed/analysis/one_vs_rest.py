"""What sets of labels are compared with: a simple model for each label, which says yes or no.

Axis letters: N examples, K labels, D features of one.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.baselines import FLOOR, STRENGTHS, logistic_fit, standardisation
from unfazed.analysis.intervals import Floats, Integers

CHOOSING = 8  # labels at most, the commonest, by which the strength for all is chosen: more would take too long
MANY_LABELS = 8  # from which on the pixels of an image are averaged to fewer areas

Fit = Callable[..., Any]  # inputs [N, D], yes = 1 [N], strength -> a model of scikit-learn's
Model = Callable[[Any], Floats]  # inputs [N, D] -> [N, K], or [N] of one label


def one_vs_rest(inputs: Any, y: NDArray[np.floating], fit: Fit, strengths: Sequence[float]) -> Model:
    """A model for each label of `y [N, K]` on inputs `[N, D]`, dense or sparse, that come in a drawn order.

    `strengths`: the inverse regularisations from which the one is taken that predicts the last fifth of the rows best.
    """
    given = (y > 0).astype(np.int64)
    strength = chosen_strength(inputs, given, fit, strengths)
    return each_label(inputs, given, partial(fit, strength=strength))


def each_label(inputs: Any, y: NDArray[np.number], fit: Callable[[Any, Integers], Any]) -> Model:
    """A model for each label of `y [N, K]`, without a choice to make."""
    given = (y > 0).astype(np.int64)
    models = [_of_label(inputs, given[:, label], fit) for label in range(y.shape[1])]
    return lambda asked: np.stack([model(asked) for model in models], axis=1)


def _of_label(inputs: Any, yes: Integers, fit: Callable[[Any, Integers], Any]) -> Model:
    """The probabilities [N] of one label; where all rows have it or none, its share (Laplace)."""
    if len(np.unique(yes)) < 2:
        share = (yes.sum() + 1) / (len(yes) + 2)
        return lambda asked: np.full(asked.shape[0], share)
    model = fit(inputs, yes)
    return lambda asked: np.clip(model.predict_proba(asked)[:, 1], FLOOR, 1 - FLOOR)


def chosen_strength(inputs: Any, given: Integers, fit: Fit, strengths: Sequence[float]) -> float:
    """The strength with the lowest log loss on the last fifth of the rows, over the commonest labels of `given [N, K]`.

    For inputs `[N, D]` in a drawn order.
    """
    cut = inputs.shape[0] * 4 // 5
    labels = np.argsort(-given.sum(0), kind="stable")[:CHOOSING]
    losses = []
    for strength in strengths:
        model = each_label(inputs[:cut], given[:cut, labels], partial(fit, strength=strength))
        probs = model(inputs[cut:])
        right = np.where(given[cut:, labels] > 0, probs, 1 - probs)
        losses.append(-np.log(right).sum())
    return strengths[int(np.argmin(losses))]


def feature_sets(features: NDArray[np.float32], y: NDArray[np.floating]) -> Callable[[NDArray[np.float32]], Floats]:
    """Logistic regression on features `[N, D]`, in a drawn order, for each label: to probabilities `[N, K]`."""
    standard = standardisation(features)
    model = one_vs_rest(standard(features), y, logistic_fit, STRENGTHS)
    return lambda asked: model(standard(asked))
