"""What has to be beaten: the commonest class, and one linear layer on the pixels.

Axis letters: N examples, K classes, D numbers of one pooled image.
"""

import warnings
from collections.abc import Callable
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
    """The training labels' shares (Laplace: one added to each) as the prediction for `count` examples: `[count, K]`."""
    shares = np.bincount(y[y >= 0], minlength=classes) + 1.0
    return np.tile(shares / shares.sum(), (count, 1))


def linear_rows(y: Integers, seed: int) -> Integers:
    """The rows that the linear model is fitted to, in a drawn order: those with a label, 5,000 at most."""
    return np.random.default_rng(seed).permutation(np.flatnonzero(y >= 0))[:ROWS]


def linear_probs(
    x_train: NDArray[np.uint8], y_train: Integers, x: NDArray[np.uint8], classes: int, seed: int
) -> Floats:
    """What logistic regression on the pixels, fitted to at most 5,000 images, predicts for `x`: `[N, K]`."""
    return linear_model(x_train, y_train, classes, seed)(x)


def linear_model(
    x_train: NDArray[np.uint8], y_train: Integers, classes: int, seed: int
) -> Callable[[NDArray[np.uint8]], Floats]:
    """Logistic regression on the pixels, fitted to at most 5,000 images: from images to probabilities `[N, K]`.

    Images are uint8 `[N, 3, S, S]`, averaged to at most 16 x 16 areas (8 x 8 beyond 30 classes). Seconds at most.
    Whoever would have to copy the training images passes those of `linear_rows` alone.
    """
    rows = linear_rows(y_train, seed)
    side = SIDE if classes <= MANY_CLASSES else SIDE_OF_MANY
    inputs, mean, scale = _standardised(pooled(x_train[rows], side))
    y = y_train[rows]
    if len(np.unique(y)) < 2:
        return lambda x: majority_probs(y, classes, len(x))
    model = _fit(inputs, y, _chosen_strength(inputs, y, classes))
    return lambda x: _all_classes(model, (pooled(x, side).reshape(len(x), -1) - mean) / scale, classes)


def linear_numbers(x_train: NDArray[np.uint8], targets: NDArray[np.floating]) -> Callable[[NDArray[np.uint8]], Floats]:
    """Ridge regression on the pixels, as `linear_model`: from images to numbers `[N, 1]`; its strength is chosen."""
    from sklearn.linear_model import RidgeCV

    inputs, mean, scale = _standardised(pooled(x_train, SIDE))
    model = RidgeCV(np.logspace(0, 6, 13)).fit(inputs, targets)
    return lambda x: np.asarray(model.predict((pooled(x, SIDE).reshape(len(x), -1) - mean) / scale))[:, None]


def _standardised(images: NDArray[np.float32]) -> tuple[NDArray[np.float32], ...]:
    inputs = images.reshape(len(images), -1)
    mean, scale = inputs.mean(0), inputs.std(0) + 1e-3
    return (inputs - mean) / scale, mean, scale


def _chosen_strength(inputs: NDArray[np.float32], y: Integers, classes: int) -> float:
    """The strength with the lowest log loss on the last fifth of the rows; the middle one where that can't be told."""
    cut = len(y) * 4 // 5
    if classes > MANY_CLASSES or len(np.unique(y[:cut])) < 2:
        return STRENGTHS[1]

    losses = []
    for strength in STRENGTHS:
        model = _fit(inputs[:cut], y[:cut], strength, TOLERANCE_OF_CHOICE)
        probs = _all_classes(model, inputs[cut:], classes)
        losses.append(-np.log(probs[np.arange(len(probs)), y[cut:]]).mean())
    return STRENGTHS[int(np.argmin(losses))]


def _fit(inputs: NDArray[np.float32], y: Integers, strength: float, tolerance: float = TOLERANCE) -> Any:
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.linear_model import LogisticRegression

    with warnings.catch_warnings():
        # stopping early is wanted here: the held-out rows judge the fit, not the gradient's norm
        warnings.simplefilter("ignore", ConvergenceWarning)
        # few images of many classes are no regression in disguise
        warnings.filterwarnings("ignore", "The number of unique classes", UserWarning)
        return LogisticRegression(C=strength, max_iter=ITERATIONS, tol=tolerance).fit(inputs, y)


def _all_classes(model: Any, queries: NDArray[np.float32], classes: int) -> Floats:
    """Probabilities `[N, K]` of all classes, those that the fitted rows lacked included."""
    probs = np.full((len(queries), classes), FLOOR)
    probs[:, model.classes_] = np.maximum(model.predict_proba(queries), FLOOR)
    return np.asarray(probs / probs.sum(1, keepdims=True))
