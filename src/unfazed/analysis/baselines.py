"""What has to be beaten: the commonest class, and one linear layer on the pixels, or on other features.

Axis letters: N examples, K classes, D features of one, such as the numbers of a pooled image.
"""

import warnings
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Floats, Integers
from unfazed.analysis.pixels import pooled

ROWS = 5000
SIDE, SIDE_OF_MANY, MANY_CLASSES = 16, 8, 30  # the time of a fit grows with K times D
STRENGTHS = (1e-3, 1e-2, 1e-1)  # inverse regularisation, chosen on a fifth of the training rows
ITERATIONS = 100
TOLERANCE, TOLERANCE_OF_CHOICE = 1e-3, 1e-2
FLOOR = 1e-6  # probability of a class that the fitted rows lacked


def majority_probs(y: Integers, classes: int, count: int) -> Floats:
    """The training labels' shares (Laplace: one added to each) as the prediction for `count` examples: `[count, K]`.

    All of them are one row in memory, which cannot be written to.
    """
    shares = np.bincount(y[y >= 0], minlength=classes) + 1.0
    return np.broadcast_to(shares / shares.sum(), (count, classes))


def weighed_alike(probs: NDArray[np.floating], y: Integers) -> Floats:
    """Probabilities `[N, K]` as they would be if the classes were equally common; `y`: labels like the fitted ones.

    Each is divided by its class's share of `y` (-1 = no label) and all are brought to the sum 1 (Saerens et al. 2002,
    Neural Computation 14): what weights by class do to a fit. A class without a label stays what it is.
    """
    counts = np.bincount(y[y >= 0], minlength=probs.shape[1])
    weights = np.where(counts > 0, counts[counts > 0].mean() / np.maximum(counts, 1), 1.0)
    return np.asarray(probs * weights / (probs * weights).sum(1, keepdims=True))


def drawn(known: NDArray[np.bool_], most: int, seed: int) -> Integers:
    """The rows that are `known` [N], in a drawn order, so many at most: what a simple model is fitted to."""
    return np.random.default_rng(seed).permutation(np.flatnonzero(known))[:most]


def feature_model(features: NDArray[np.float32], y: Integers, classes: int) -> Callable[[NDArray[np.float32]], Floats]:
    """Logistic regression on features `[n, D]`, in a drawn order: from features to probabilities `[N, K]`."""
    standard = standardisation(features)
    model = logistic_regression(standard(features), y, classes)
    return lambda asked: model(standard(asked))


def standardisation(features: NDArray[np.float32]) -> Callable[[NDArray[np.float32]], NDArray[np.float32]]:
    """What brings features `[N, D]` like these to a mean of 0 and a deviation of 1."""
    mean, scale = features.mean(0), features.std(0) + 1e-3
    return lambda asked: (asked - mean) / scale


def pixel_features(x: NDArray[np.uint8], many: bool = False) -> NDArray[np.float32]:
    """Images uint8 `[N, 3, S, S]` averaged to at most 16 x 16 areas, 8 x 8 for `many` classes: `[N, D]`."""
    return pooled(x, SIDE_OF_MANY if many else SIDE).reshape(len(x), -1)


def logistic_regression(
    inputs: NDArray[np.float32], y: Integers, classes: int, strengths: Sequence[float] = STRENGTHS
) -> Callable[[NDArray[np.float32]], Floats]:
    """Multinomial logistic regression: from inputs `[N, D]`, standardised like these, to probabilities `[N, K]`.

    `strengths`: the inverse regularisations from which the one is taken that predicts the last fifth of the rows best.
    """
    if len(np.unique(y)) < 2:
        return lambda x: majority_probs(y, classes, len(x))
    model = logistic_fit(inputs, y, _chosen_strength(inputs, y, classes, strengths))
    return lambda x: padded(model.predict_proba(x), model.classes_, classes)


def feature_numbers(
    features: NDArray[np.float32], targets: NDArray[np.floating]
) -> Callable[[NDArray[np.float32]], Floats]:
    """Ridge regression on features `[n, D]`: from features to numbers `[N, 1]`; its strength is chosen."""
    from sklearn.linear_model import RidgeCV

    standard = standardisation(features)
    model = RidgeCV(np.logspace(0, 6, 13)).fit(standard(features), targets)
    return lambda asked: np.asarray(model.predict(standard(asked)))[:, None]


def _chosen_strength(inputs: NDArray[np.float32], y: Integers, classes: int, strengths: Sequence[float]) -> float:
    """The strength with the lowest log loss on the last fifth of the rows; the middle one where that can't be told."""
    if len(strengths) == 1:
        return strengths[0]
    cut = len(y) * 4 // 5
    if classes > MANY_CLASSES or len(np.unique(y[:cut])) < 2:
        return strengths[len(strengths) // 2]
    losses = []
    for strength in strengths:
        model = logistic_fit(inputs[:cut], y[:cut], strength, TOLERANCE_OF_CHOICE)
        probs = padded(model.predict_proba(inputs[cut:]), model.classes_, classes)
        losses.append(-np.log(probs[np.arange(len(probs)), y[cut:]]).mean())
    return strengths[int(np.argmin(losses))]


def logistic_fit(inputs: NDArray[np.float32], y: Integers, strength: float, tolerance: float = TOLERANCE) -> Any:
    """scikit-learn's logistic regression on inputs `[N, D]`, standardised; `strength`: the inverse regularisation."""
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        # stopping early is wanted here: the held-out rows judge the fit, not the gradient's norm
        warnings.simplefilter("ignore", ConvergenceWarning)
        # few images of many classes are no regression in disguise
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        return LogisticRegression(C=strength, max_iter=ITERATIONS, tol=tolerance).fit(inputs, y)


def padded(probs: Floats, present: Integers, classes: int) -> Floats:
    """Probabilities `[N, K]` of all classes from those of the `present` ones, which the fitted rows had."""
    every = np.full((len(probs), classes), FLOOR)
    every[:, present] = np.maximum(probs, FLOOR)
    return np.asarray(every / every.sum(1, keepdims=True))
