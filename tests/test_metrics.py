"""Metrics against scikit-learn's, at the edges too."""

import math
import tracemalloc
import warnings

import numpy as np
import pytest
from pace import in_sorts
from sklearn import metrics as sklearn_metrics

from unfazed.analysis.calibration import calibration_error
from unfazed.analysis.metrics import (
    _log_loss,
    balanced_difference,
    classification,
    confusion,
    most_confused,
    per_class,
)


def labelled(n, classes, seed=0, skill=2.0):
    generator = np.random.default_rng(seed)
    y = generator.integers(0, classes, n)
    logits = generator.standard_normal((n, classes), np.float32)
    logits[np.arange(n), y] += skill
    probs = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return y, probs.astype(np.float32)


@pytest.mark.parametrize("case", ["usual", "absent class", "never predicted"])
def test_metrics_are_scikit_learns(case):
    y, probs = labelled(500, 5)
    if case == "absent class":
        y[y == 4] = 0
    if case == "never predicted":
        probs[:, 2] = 0
        probs /= probs.sum(1, keepdims=True)
    predicted = probs.argmax(1)
    average = {"average": "macro", "zero_division": 0}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = {
            "accuracy": sklearn_metrics.accuracy_score(y, predicted),
            "balanced_accuracy": sklearn_metrics.balanced_accuracy_score(y, predicted),
            "precision_macro": sklearn_metrics.precision_score(y, predicted, **average),
            "recall_macro": sklearn_metrics.recall_score(y, predicted, **average),
            "f1_macro": sklearn_metrics.f1_score(y, predicted, **average),
            "roc_auc": np.mean([sklearn_metrics.roc_auc_score(y == k, probs[:, k]) for k in np.unique(y)]),
            "log_loss": sklearn_metrics.log_loss(y, probs, labels=range(5)),
            "d2_log_loss_score": sklearn_metrics.d2_log_loss_score(y, probs, labels=range(5)),
            "brier_score_loss": ((probs - np.eye(5)[y]) ** 2).sum(1).mean(),
            "calibration_error": calibration_error(y, probs).value,
        }
    found = classification(y, probs)
    assert list(found) == list(expected)
    for name, value in expected.items():
        assert found[name].value == pytest.approx(value, rel=1e-5), name
        assert found[name].low <= found[name].value <= found[name].high, name
        assert found[name].n == 500


def test_per_class_scores_are_scikit_learns():
    y, probs = labelled(300, 4, skill=1.0)
    predicted = probs.argmax(1)
    expected = sklearn_metrics.precision_recall_fscore_support(y, predicted)
    found = per_class(confusion(y, predicted, 4))
    assert [s.precision.value for s in found] == pytest.approx(expected[0])
    assert [s.recall.value for s in found] == pytest.approx(expected[1])
    assert [s.f1.value for s in found] == pytest.approx(expected[2])
    assert [s.recall.n for s in found] == expected[3].tolist()
    assert all(s.f1.low < s.f1.value < s.f1.high for s in found)


def test_confusion_is_scikit_learns_and_leaves_the_unlabelled_out():
    y, probs = labelled(100, 3)
    expected = sklearn_metrics.confusion_matrix(y, probs.argmax(1))
    y2, probs2 = np.append(y, -1), np.vstack([probs, probs[:1]])
    assert (confusion(y2, probs2.argmax(1), 3) == expected).all()
    assert classification(y2, probs2) == classification(y, probs)


def test_the_interval_of_log_loss_is_that_of_a_mean():
    y, probs = labelled(2000, 5)
    found = classification(y, probs)["log_loss"]
    losses = -np.log(probs[np.arange(2000), y])
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * losses.std() / math.sqrt(2000), rel=0.1)


@pytest.mark.parametrize(("n", "floor"), [(10, 0.91), (30, 0.92), (100, 0.925)])
def test_the_intervals_of_surprise_cover_on_small_sets(n, floor):
    """Losses are skewed: a percentile interval holds the truth in 83 % of samples of 10, in 90 % of 30."""
    y, probs = labelled(200_000, 5, skill=4.0)
    truth = {name: found.value for name, found in classification(y[:50_000], probs[:50_000]).items()}
    held = dict.fromkeys(("log_loss", "d2_log_loss_score"), 0)
    for trial in range(400):
        rows = np.random.default_rng(trial).integers(0, len(y), n)
        for name, found in _log_loss(y[rows], probs[rows], trial).items():
            held[name] += found.low <= truth[name] <= found.high
    assert min(held.values()) / 400 >= floor


@pytest.mark.parametrize("shares", [[1 / 3, 1 / 3, 1 / 3], [51 / 153, 51 / 153, 51 / 153], [0.36, 0.33, 0.31]])
def test_naming_the_commonest_class_has_no_silly_interval(shares):
    found = classification(np.arange(36) % 3, np.tile(shares, (36, 1)))
    losses = -np.log(shares)
    assert losses.min() - 1e-9 <= found["log_loss"].low <= found["log_loss"].high <= losses.max() + 1e-9
    for name in ("recall_macro", "balanced_accuracy"):
        assert found[name] == pytest.approx((1 / 3, 1 / 3, 1 / 3, 36))


def test_a_model_that_happens_to_name_one_class_may_do_better_or_worse():
    y, probs = np.arange(36) % 3, np.tile([0.5, 0.3, 0.2], (36, 1))
    probs[0] = [0.6, 0.2, 0.2]
    assert classification(y, probs)["recall_macro"].low < 0.33


def test_one_example_has_no_interval_of_surprise():
    found = classification(np.array([0]), np.array([[0.7, 0.3]]))["log_loss"]
    assert found.value == pytest.approx(-math.log(0.7))
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_the_interval_of_twenty_thousand_rows_takes_as_long_as_some_sorts():
    y, probs = labelled(20_000, 10)
    assert in_sorts(lambda: _log_loss(y, probs, 0)) < 25


def test_most_confused_pairs_come_first():
    counted = np.array([[50, 3, 0], [7, 40, 0], [0, 0, 9]])
    assert most_confused(counted, 5) == [(1, 0, 7), (0, 1, 3)]


@pytest.mark.parametrize("y", [[], [0], [1, 1, 1]])
def test_nothing_one_example_and_one_class_raise_nothing(y):
    found = classification(np.array(y, dtype=np.int64), np.full((len(y), 2), 0.5))
    assert found["accuracy"].n == len(y)
    assert math.isnan(found["d2_log_loss_score"].value)


def test_same_seed_same_intervals():
    y, probs = labelled(200, 3)
    assert classification(y, probs, seed=1) == classification(y, probs, seed=1)


def test_many_rows_and_classes_take_as_long_as_some_sorts():
    y, probs = labelled(20_000, 1000)
    assert in_sorts(lambda: classification(y, probs)) < 150
    assert in_sorts(lambda: per_class(confusion(y, probs.argmax(1), 1000))) < 5


def test_the_commonest_mistakes_of_many_classes_take_no_copy_of_the_matrix():
    counted = np.diag(np.full(1000, 9))
    counted[[3, 999], [5, 0]] = 2, 4
    tracemalloc.start()
    assert most_confused(counted, 5) == [(999, 0, 4), (3, 5, 2)]
    assert tracemalloc.get_traced_memory()[1] < counted.nbytes / 10
    tracemalloc.stop()


def test_a_difference_of_balanced_accuracies_counts_classes_the_same():
    """The first finds most of a rare class, the second names the common one every time and is right more often."""
    y = np.append(np.zeros(980, np.int64), np.ones(20, np.int64))
    generator = np.random.default_rng(0)
    first, second = generator.random(1000) < 0.9, y == 0
    found = balanced_difference(y, first, second)
    shares = [(first[y == k].mean() - second[y == k].mean()) for k in (0, 1)]
    assert found.value == pytest.approx(np.mean(shares)) and found.low > 0 and found.n == 1000
    few = balanced_difference(y[:983], first[:983], second[:983])
    assert few.high - few.low > 1.5 * (found.high - found.low)
    assert balanced_difference(y, second, first).value == pytest.approx(-found.value)
    groups = np.arange(1000) % 4
    in_groups = balanced_difference(y, first, second, groups)
    assert in_groups.low < found.low and in_groups.value == pytest.approx(found.value)
    assert math.isnan(balanced_difference(y[:0], first[:0], second[:0]).value)
