"""What a classifier is worth on held-out examples: each metric with its interval and its n.

Axis letters: N examples, K classes, R resamples. Names, definitions and edge cases are scikit-learn's
(`accuracy`, `f1_macro`, `log_loss`, `brier_score_loss` …; only `calibration_error` is not): an average over classes
takes in those that occur among the labels or the predictions, and 0 / 0 counts as 0. Examples without a label (-1) are
left out.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.calibration import brier_score, calibration_error
from unfazed.analysis.intervals import (
    CONSTANT,
    Counts,
    Estimate,
    Floats,
    Integers,
    from_resamples,
    ratio_of_means,
    resampled_counts,
    wilson,
)
from unfazed.analysis.surprise import BITS_PER_NAT, MOST_BITS, label_entropy, surprise

MACRO = ("balanced_accuracy", "precision_macro", "recall_macro", "f1_macro")
RECALLS = ("balanced_accuracy", "recall_macro")


class ClassScore(NamedTuple):
    """How one class fares: `precision.n` examples were predicted to be it, `recall.n` are."""

    precision: Estimate
    recall: Estimate
    f1: Estimate


def confusion(y: Integers, predicted: Integers, classes: int) -> Integers:
    """How many examples of each class (rows) were taken for each class (columns): `[K, K]`."""
    known = y >= 0
    cells = y[known] * classes + predicted[known]
    return np.bincount(cells, minlength=classes * classes).reshape(classes, classes)


def classification(y: Integers, probs: NDArray[np.floating], seed: int = 0) -> dict[str, Estimate]:
    """Every metric of labels `[N]` and probabilities `[N, K]`; log_loss in nats.

    Of log_loss, brier_score_loss and calibration_error lower = better, of all others higher.
    """
    y, probs = y[y >= 0], probs[y >= 0]
    counted = confusion(y, probs.argmax(1), probs.shape[1])
    accuracy = wilson(int(np.trace(counted)), len(y))
    macro = _macro(counted, seed)
    if _is_constant(probs) and counted.sum(1).all():
        macro |= {name: macro[name]._replace(low=macro[name].value, high=macro[name].value) for name in RECALLS}
    return {"accuracy": accuracy, **macro, **probability_scores(y, probs, seed)}


def probability_scores(y: Integers, probs: NDArray[np.floating], seed: int = 0) -> dict[str, Estimate]:
    """The metrics that look at how sure the model is, not only at which class it names."""
    calibrated = {"brier_score_loss": brier_score(y, probs, seed), "calibration_error": calibration_error(y, probs)}
    return {**_log_loss(y, probs, seed), **calibrated}


def _is_constant(probs: NDArray[np.floating]) -> bool:
    """Whether the inputs do not matter: mean recall is then 1 / K in every sample that has all classes."""
    return len(probs) > 1 and bool((probs == probs[0]).all())


def per_class(counted: Integers) -> list[ClassScore]:
    """Precision, recall and F1 of each class of a confusion matrix `[K, K]`, with Wilson's intervals.

    F1 is a rising function, 2 J / (1 + J), of the Jaccard index J, and J is a proportion: of the examples that are
    or were taken for the class, those that are both. Hence its interval is J's, and has width at F1 = 1 too.
    """
    return [
        ClassScore(wilson(hits, predicted), wilson(hits, given), f1_of(hits, given + predicted - hits))
        for hits, given, predicted in zip(
            np.diag(counted).tolist(), counted.sum(1).tolist(), counted.sum(0).tolist(), strict=True
        )
    ]


def most_confused(counted: Integers, count: int) -> list[tuple[int, int, int]]:
    """The `count` commonest mistakes of a confusion matrix: (given class, predicted class, examples)."""
    wrong = counted - np.diag(np.diag(counted))
    order = np.argsort(-wrong, axis=None, kind="stable")[:count]
    pairs = zip(*np.unravel_index(order, wrong.shape), strict=True)
    return [(int(g), int(p), int(wrong[g, p])) for g, p in pairs if wrong[g, p]]


def f1_of(hits: int, concerned: int) -> Estimate:
    """F1 from the hits among all examples that are or were taken for the class."""
    value, low, high, n = wilson(hits, concerned)
    return Estimate(2 * value / (1 + value), 2 * low / (1 + low), 2 * high / (1 + high), n)


def _macro(counted: Integers, seed: int) -> dict[str, Estimate]:
    total = int(counted.sum())
    measured = averages(Counts(np.diag(counted), counted.sum(1), counted.sum(0)))
    resampled = averages(resampled_counts(counted, seed))
    return {name: from_resamples(float(measured[name]), resampled[name], total) for name in MACRO}


def averages(counts: Counts) -> dict[str, Floats]:
    """The averages over classes of counts `[..., K]`, each `[...]`; NaN where there is nothing to average."""
    hits, given, predicted = counts
    occurs = given + predicted > 0
    recall = hits / np.maximum(given, 1)
    return {
        "balanced_accuracy": _mean_where(recall, given > 0),
        "precision_macro": _mean_where(hits / np.maximum(predicted, 1), occurs),
        "recall_macro": _mean_where(recall, occurs),
        "f1_macro": _mean_where(2 * hits / np.maximum(given + predicted, 1), occurs),
    }


def _mean_where(values: Floats, taken: NDArray[np.bool_]) -> Floats:
    count = taken.sum(-1)
    return np.where(count > 0, (values * taken).sum(-1) / np.maximum(count, 1), np.nan)


def _log_loss(y: Integers, probs: NDArray[np.floating], seed: int) -> dict[str, Estimate]:
    """Log loss, and the share of the labels' entropy that it removes: 1 less the ratio of two mean surprises.

    The second is that of a guesser who knows the labels' shares; his mean is their entropy.
    """
    bits, n = surprise(y, probs), len(y)
    counts = np.bincount(y, minlength=probs.shape[1])
    guessed = -np.log2(counts[y] / max(n, 1)) + 0.0  # + 0: never "-0"
    mean, low, high, _ = ratio_of_means(bits, np.ones(n), MOST_BITS, seed)
    left = ratio_of_means(bits, guessed, MOST_BITS / max(float(label_entropy(counts)), CONSTANT), seed)
    return {
        "log_loss": Estimate(mean / BITS_PER_NAT, low / BITS_PER_NAT, high / BITS_PER_NAT, n),
        "d2_log_loss_score": Estimate(1 - left.value, 1 - left.high, 1 - left.low, n),
    }
