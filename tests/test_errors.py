"""Metrics of predicted numbers, held against scikit-learn's, and their intervals."""

import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import (
    mean_absolute_error,
    mean_squared_error,
    median_absolute_error,
    r2_score,
    root_mean_squared_error,
)

from unfazed.analysis.errors import closer, errors, r2_difference, regression


def problem(n: int = 400, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(seed)
    y = 50 + 10 * generator.standard_normal(n)
    return y, y + 3 * generator.standard_normal(n)


def test_the_metrics_are_those_of_scikit_learn() -> None:
    y, predicted = problem()
    found = regression(y, predicted)
    assert found["mse"].value == pytest.approx(mean_squared_error(y, predicted))
    assert found["rmse"].value == pytest.approx(root_mean_squared_error(y, predicted))
    assert found["mae"].value == pytest.approx(mean_absolute_error(y, predicted))
    assert found["r2"].value == pytest.approx(r2_score(y, predicted))
    assert found["median_absolute_error"].value == pytest.approx(median_absolute_error(y, predicted))
    assert all(estimate.n == len(y) for estimate in found.values())


def test_examples_without_a_target_are_left_out() -> None:
    y, predicted = problem(50)
    assert regression(np.append(y, np.nan), np.append(predicted, 1e9)) == regression(y, predicted)


def test_intervals_hold_the_truth_in_about_95_of_100_samples() -> None:
    truth = {"mse": 9.0, "rmse": 3.0, "mae": 3.0 * math.sqrt(2 / math.pi), "r2": 1 - 9 / 100,
             "median_absolute_error": 3.0 * norm.ppf(0.75)}  # fmt: skip
    held = dict.fromkeys(truth, 0)
    for seed in range(100):
        for name, estimate in regression(*problem(200, seed)).items():
            held[name] += estimate.low <= truth[name] <= estimate.high
    assert all(88 <= count <= 100 for count in held.values()), held


def test_the_mean_of_the_targets_explains_nothing_and_worse_is_negative() -> None:
    y, _ = problem()
    assert regression(y, np.full(len(y), y.mean()))["r2"].value == pytest.approx(0, abs=1e-9)
    assert regression(y, 2 * y.mean() - y)["r2"].value < -1


def test_nothing_measured_is_nothing_known() -> None:
    found = regression(np.array([np.nan]), np.array([1.0]))
    assert all(math.isnan(estimate.value) and estimate.n == 0 for estimate in found.values())
    assert regression(np.array([2.0]), np.array([2.5]))["mae"].value == 0.5


def test_the_difference_has_the_sign_of_the_better_one() -> None:
    y, good = problem()
    bad = y + 3 * (good - y)
    better, worse = r2_difference(y, good, bad), r2_difference(y, bad, good)
    assert better.low > 0 > worse.high
    assert better.value == pytest.approx(regression(y, good)["r2"].value - regression(y, bad)["r2"].value)
    same = r2_difference(y, good, good)
    assert same.low <= 0 <= same.high


def test_the_unit_of_the_target_changes_no_difference_of_r2() -> None:
    y, good = problem()
    bad = y + 3 * (good - y)
    assert r2_difference(1e-9 * y, 1e-9 * good, 1e-9 * bad) == pytest.approx(r2_difference(y, good, bad))


def test_of_equal_targets_r2_is_unknown() -> None:
    y, noise = np.full(100, 0.1), problem(100)[0]
    assert y.var() > 0, "their mean is rounded"
    for found in (regression(y, noise)["r2"], r2_difference(y, noise, y)):
        assert np.isnan(found[:3]).all() and found.n == 100


@pytest.mark.parametrize("loss, far", [("squared", 16.0), ("absolute", 4.0), ("huber", 3.5)])
def test_the_loss_of_an_epoch_is_the_one_that_is_trained(loss: str, far: float) -> None:
    y, predicted = np.array([0.0, 1.0]), np.array([4.0, 5.0])
    figures = errors(y, predicted[:, None], loss)
    assert figures["loss"] == pytest.approx(far)
    assert figures["rmse"] == 4.0 and figures["r2"] == pytest.approx(1 - 16 / 0.25)


def test_one_far_row_does_not_decide_which_predictions_are_closer() -> None:
    """By the squares the mean wins, because of a single row."""
    y = np.append(np.exp(np.random.default_rng(0).standard_normal(156)), 500.0)
    own, mean = np.append(y[:-1], 0.0), np.full(157, y.mean())
    found = closer(y, own, mean)
    assert found["mae_difference"].low > 0 and found["closer"].low > 0.9
    assert r2_difference(y, own, mean).value < 0
    assert closer(y, mean, own)["mae_difference"].high < 0


def test_where_one_target_is_far_from_the_others_the_interval_of_r2_knows_that_it_might_not_have_been_there() -> None:
    generator = np.random.default_rng(0)
    y = np.append(np.exp(1.5 * generator.standard_normal(156)), 2000.0)
    predicted = np.append(y[:-1] * 1.1, 400.0)
    found = regression(y, predicted)["r2"]
    assert found.value < 0.4 and found.high > 0.95
    constant = regression(y, np.full(157, 5.0))["r2"]
    assert constant.high < 0.1, "naming one number explains nothing, whatever is drawn"
