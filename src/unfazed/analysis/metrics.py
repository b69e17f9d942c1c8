"""What a classifier is worth on held-out examples: each metric with its interval and its n.

Axis letters: N examples, K classes, R resamples. Names, definitions and edge cases are scikit-learn's
(`accuracy`, `f1_macro`, `log_loss`, `brier_score_loss` …; only `calibration_error` is not): an average over classes
takes in those that occur among the labels or the predictions, and 0 / 0 counts as 0. Examples without a label (-1) are
left out. `groups` [N] widen the intervals, where examples come in some.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis import groups as grouping
from unfazed.analysis.calibration import brier_score, calibration_error, labelled
from unfazed.analysis.groups import Groups
from unfazed.analysis.intervals import (
    CONSTANT,
    Counts,
    Estimate,
    Floats,
    Integers,
    from_groups,
    from_resamples,
    hull,
    mean_of,
    mover,
    paired_difference,
    proportion,
    ratio_of_means,
    resampled_counts,
    resampled_weights,
    wilson,
)
from unfazed.analysis.mistakes import surprising, with_more
from unfazed.analysis.ranking import ranking, reach
from unfazed.analysis.surprise import MOST_BITS, in_nats, label_entropy, surprise

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


def classification(
    y: Integers, probs: NDArray[np.floating], seed: int = 0, groups: Groups = None
) -> dict[str, Estimate]:
    """Every metric of labels `[N]` and probabilities `[N, K]`; log_loss in nats.

    Of log_loss, brier_score_loss and calibration_error lower = better, of all others higher.
    """
    groups, (y, probs) = grouping.of(groups, y >= 0), labelled(y, probs)
    predicted = probs.argmax(1)
    counted = confusion(y, predicted, probs.shape[1])
    accuracy = proportion(predicted == y, groups)
    macro = _macro(counted, seed) if groups is None else _macro_in_groups(y, predicted, counted, seed, groups)
    if not _is_constant(probs):
        by_class = per_class(counted) if groups is None else per_class_in_groups(y, predicted, len(counted), groups)
        macro = _with_rare(macro, by_class, counted)
    elif counted.sum(1).all():
        macro |= {name: macro[name]._replace(low=macro[name].value, high=macro[name].value) for name in RECALLS}
    macro["balanced_accuracy"] = _of_all(macro["balanced_accuracy"], counted)
    ranked = ranking(y, probs, groups)
    return {"accuracy": accuracy, **macro, **ranked, **probability_scores(y, probs, seed, groups)}


def balanced_difference(
    y: Integers, first_right: NDArray[np.bool_], second_right: NDArray[np.bool_], groups: Groups = None
) -> Estimate:
    """The balanced accuracy of the first less the second's, on the same examples `[N]`; > 0: the first is better.

    The mean over classes of `paired_difference`, whose ends are put together as of independent ones (`mover`): so a
    class with few examples leaves it as open as they do. Where there are groups, which may have examples of several
    classes, it holds the interval that theirs have together.
    """
    classes = np.unique(y)
    if not len(classes):
        return paired_difference(first_right, second_right, groups)
    parts = [
        paired_difference(first_right[own], second_right[own], grouping.of(groups, own))
        for own in (y == k for k in classes)
    ]
    value = float(np.mean([part.value for part in parts]))
    below, above = mover(parts)
    if groups is not None:
        own = np.searchsorted(classes, y)
        means, counts = (np.array([getattr(part, name) for part in parts]) for name in ("value", "n"))
        adds = (first_right.astype(np.float64) - second_right - means[own]) / counts[own] / len(parts)
        below, above = (max(end, reach(adds, groups)) for end in (below, above))
    return Estimate(value, max(-1.0, value - below), min(1.0, value + above), len(y))


def probability_scores(
    y: Integers, probs: NDArray[np.floating], seed: int = 0, groups: Groups = None
) -> dict[str, Estimate]:
    """The metrics that look at how sure the model is, not only at which class it names."""
    return {
        **_log_loss(y, probs, seed, groups),
        "brier_score_loss": brier_score(y, probs, seed, groups),
        "calibration_error": calibration_error(y, probs, groups),
    }


def _is_constant(probs: NDArray[np.floating]) -> bool:
    """Whether the inputs do not matter: mean recall is then 1 / K in every sample that has all classes."""
    return len(probs) > 1 and bool((probs == probs[0]).all())


def per_class(counted: Integers) -> list[ClassScore]:
    """Precision, recall and F1 of each class of a confusion matrix `[K, K]`, with Wilson's intervals.

    F1 is a rising function, 2 J / (1 + J), of the Jaccard index J, and J is a proportion: of the examples that are
    or were taken for the class, those that are both. Hence its interval is J's, and has width at F1 = 1 too.
    """
    return [
        ClassScore(wilson(hits, predicted), wilson(hits, given), _f1_from(wilson(hits, given + predicted - hits)))
        for hits, given, predicted in zip(
            np.diag(counted).tolist(), counted.sum(1).tolist(), counted.sum(0).tolist(), strict=True
        )
    ]


def per_class_in_groups(y: Integers, predicted: Integers, classes: int, groups: Integers) -> list[ClassScore]:
    """`per_class` of labels `[N]` and predictions `[N]`, with the intervals that groups `[N]` leave."""
    known = y >= 0
    y, predicted, groups = y[known], predicted[known], groups[known]
    return [class_score(y == number, predicted == number, groups) for number in range(classes)]


def class_score(given: NDArray[np.bool_], predicted: NDArray[np.bool_], groups: Groups = None) -> ClassScore:
    """Of one class, from which examples `[N]` are and which are taken for it."""
    precision, recall, jaccard = (
        proportion((given & predicted)[part], grouping.of(groups, part))
        for part in (predicted, given, given | predicted)
    )
    return ClassScore(precision, recall, _f1_from(jaccard))


def most_confused(counted: Integers, count: int) -> list[tuple[int, int, int]]:
    """The `count` commonest mistakes of a confusion matrix: (given class, predicted class, examples)."""
    pairs = np.argwhere(counted)
    pairs = pairs[pairs[:, 0] != pairs[:, 1]]
    times = counted[pairs[:, 0], pairs[:, 1]]
    order = np.argsort(-times, kind="stable")[:count]
    return [(*pair, one) for pair, one in zip(pairs[order].tolist(), times[order].tolist(), strict=True)]


def _f1_from(jaccard: Estimate) -> Estimate:
    """F1 from the share of hits among all examples that are or were taken for the class."""
    value, low, high, n = jaccard
    return Estimate(2 * value / (1 + value), 2 * low / (1 + low), 2 * high / (1 + high), n)


def _macro(counted: Integers, seed: int) -> dict[str, Estimate]:
    total = int(counted.sum())
    measured = averages(Counts(np.diag(counted), counted.sum(1), counted.sum(0)))
    resampled = averages(resampled_counts(counted, seed))
    return {name: from_resamples(float(measured[name]), resampled[name], total) for name in MACRO}


def _macro_in_groups(
    y: Integers, predicted: Integers, counted: Integers, seed: int, groups: Integers
) -> dict[str, Estimate]:
    """Intervals that hold those of resampled groups, and those of as many rows as these are worth.

    The second keep their width where every group is flawless.
    """
    from scipy.sparse import csr_array

    measured, n = averages(Counts(np.diag(counted), counted.sum(1), counted.sum(0))), len(y)
    (own, of_row), right = np.unique(groups, return_inverse=True), predicted == y
    if len(own) < 2:
        return {name: Estimate(float(measured[name]), 0.0, 1.0, n) for name in MACRO}
    ones, shape = np.ones(n), (len(own), len(counted))
    parts = [
        csr_array((ones[taken], (of_row[taken], one[taken])), shape=shape)
        for one, taken in ((y, right), (y, ones > 0), (predicted, ones > 0))
    ]
    drawn = [[np.asarray(weights @ part) for part in parts] for weights in resampled_weights(len(own), seed)]
    by_group = averages(Counts(*(np.concatenate(part) for part in zip(*drawn, strict=True))))
    by_row = averages(resampled_counts(counted, seed, worth=grouping.effective(right, groups)))
    found = {}
    for name in MACRO:
        value = float(measured[name])
        of_groups, of_rows = from_groups(value, by_group[name], n, len(own)), from_resamples(value, by_row[name], n)
        found[name] = hull([of_groups, of_rows])
    return found


def _with_rare(
    macro: dict[str, Estimate], by_class: Sequence[ClassScore], counted: Integers
) -> dict[str, Estimate]:
    """Macro averages with intervals that also hold those made of the classes' own.

    Resamples of three examples of a class, all of them found, do not know that it might be missed: of 1 % positives in
    500 rows the intervals would hold the true average in 71 to 79 % of samples.
    """
    given, predicted = counted.sum(1) > 0, counted.sum(0) > 0
    parts = {"balanced_accuracy": ("recall", given), "recall_macro": ("recall", given | predicted)}
    parts |= {f"{name}_macro": (name, given | predicted) for name in ("precision", "f1")}
    return {
        name: mean_of(found, [getattr(by_class[k], parts[name][0]) for k in np.flatnonzero(parts[name][1]).tolist()])
        for name, found in macro.items()
    }


def _of_all(found: Estimate, counted: Integers) -> Estimate:
    """The mean recall, with an interval for that of all classes: those that no example has may be at 0 or at 1."""
    classes, absent = len(counted), int((counted.sum(1) == 0).sum())
    low, high = found.low * (classes - absent), found.high * (classes - absent) + absent
    return found._replace(low=low / classes, high=high / classes) if absent < classes else found


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


def _log_loss(y: Integers, probs: NDArray[np.floating], seed: int, groups: Groups = None) -> dict[str, Estimate]:
    """Log loss, and the share of the labels' entropy that it removes: 1 less the ratio of two mean surprises.

    The second is that of a guesser who knows the labels' shares; his mean is their entropy. The intervals are widened
    for the mistakes that the examples may lack.
    """
    bits, n, mistakes = surprise(y, probs), len(y), surprising(y, probs)
    counts = np.bincount(y, minlength=probs.shape[1])
    guessed = -np.log2(counts[y] / max(n, 1)) + 0.0  # + 0: never "-0"
    found = ratio_of_means(bits, np.ones(n), MOST_BITS, seed, groups)
    most = MOST_BITS / max(float(label_entropy(counts)), CONSTANT)
    by_guess = (mistakes[0], mistakes[1] / max(float(guessed.mean()) if n else 0.0, CONSTANT))
    left = with_more(ratio_of_means(bits, guessed, most, seed, groups), by_guess, groups, most)
    return {
        "log_loss": in_nats(with_more(found, mistakes, groups, MOST_BITS)),
        "d2_log_loss_score": Estimate(1 - left.value, 1 - left.high, 1 - left.low, n),
    }
