import math
import tracemalloc

import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from sklearn.metrics import log_loss

from unfazed.analysis.calibration import brier_score, calibration_error, reliability, scaled, temperature


def drawn(n, classes=4, heat=1.0, seed=0):
    """Labels drawn from known probabilities, and these at another temperature: `heat` 2 is twice too sure."""
    generator = np.random.default_rng(seed)
    logits = generator.normal(0, 2, (n, classes))
    true = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    y = (true.cumsum(1) > generator.random((n, 1))).argmax(1)
    told = np.exp(heat * logits)
    return y, (told / told.sum(1, keepdims=True)).astype(np.float32), true


@pytest.mark.parametrize("heat", [0.5, 1.0, 2.0])
def test_the_temperature_finds_the_true_probabilities_again(heat):
    y, probs, true = drawn(20_000, heat=heat, seed=1)
    found = temperature(y, probs)
    assert found.value == pytest.approx(heat, rel=0.04)
    assert found.low < heat < found.high and found.n == 20_000
    assert np.allclose(scaled(probs, found.value), true, atol=0.02)


def test_many_examples_get_the_temperature_of_least_log_loss_and_few_hardly_move_it():
    y, probs, _ = drawn(3000, heat=2.0)
    best = minimize_scalar(lambda t: log_loss(y, scaled(probs, t), labels=range(4)), bounds=(0.5, 5), method="bounded")
    assert temperature(y, probs).value == pytest.approx(best.x, rel=0.02)
    assert 1 < temperature(y[:5], probs[:5]).value < 1.5
    assert temperature(y[:0], probs[:0])[::3] == (1.0, 0)


def test_the_interval_of_the_temperature_holds_the_true_one():
    held = 0
    for seed in range(100):
        found = temperature(*drawn(200, heat=1.3, seed=seed)[:2])
        held += found.low <= 1.3 <= found.high
    assert 90 <= held <= 99


def test_the_interval_of_the_temperature_is_that_of_groups_where_examples_come_in_some():
    y, probs, _ = drawn(60, heat=1.3)
    groups = np.repeat(np.arange(60), 20)
    distinct, strangers = temperature(y, probs), temperature(y[groups], probs[groups])
    found = temperature(y[groups], probs[groups], groups)
    assert found.value == strangers.value and found.n == 1200
    reach, right, narrow = (math.log(one.high / one.low) for one in (found, distinct, strangers))
    assert reach == pytest.approx(right, rel=0.15) and narrow < 0.5 * reach
    alone = temperature(y, probs, np.zeros(60, np.int64))
    assert math.log(alone.high / alone.low) == pytest.approx(2 * 1.96 * 0.5, rel=1e-3), "what was held beforehand"


def test_a_validation_set_without_mistakes_does_not_make_it_certain():
    probs = np.tile([0.9, 0.1], (300, 1)).astype(np.float32)
    found = temperature(np.zeros(300, np.int64), probs)
    assert 0.2 < found.value < 1
    assert scaled(probs, found.value)[0, 0] < 1


def test_scaling_keeps_order_sum_and_what_is_not_there():
    _, probs, _ = drawn(50)
    probs[3] = np.nan
    told = scaled(probs, 1.7)
    kept = np.delete(np.arange(50), 3)
    assert np.array_equal(told[kept].argsort(1), probs[kept].argsort(1))
    assert np.allclose(told[kept].sum(1), 1, atol=1e-6) and np.isnan(told[3]).all()
    assert scaled(np.array([[1.0, 0.0]]), 2.0)[0, 1] < 1e-15
    assert scaled(probs, 1.0) is probs


def plain(y, probs):
    return sum(abs(part.confidence - part.right.value) * part.right.n for part in reliability(y, probs)) / len(y)


def test_of_a_perfect_model_the_plain_error_is_not_zero_and_the_debiased_one_cannot_be_told_from_it():
    usual, low = [], []
    for seed in range(100):
        y, _, true = drawn(500, seed=seed)
        usual.append(plain(y, true))
        low.append(calibration_error(y, true).low)
    assert np.mean(usual) > 0.03
    assert np.mean(np.array(low) == 0) >= 0.95


def test_the_debiased_square_is_the_true_one_on_average():
    """The true one: between what is said and what is so, in the bins' own terms."""
    y, probs, _ = drawn(200_000, heat=2.0)
    expected = calibration_error(y, probs).value
    found = [calibration_error(*drawn(500, heat=2.0, seed=seed)[:2]) for seed in range(1, 200)]
    assert math.sqrt(np.mean([one.value**2 for one in found])) == pytest.approx(expected, rel=0.05)
    assert 0.9 <= np.mean([one.low <= expected <= one.high for one in found]) <= 0.99
    assert expected == pytest.approx(0.14, abs=0.03)


def test_bins_hold_as_many_examples_each_and_their_own_intervals():
    y, probs, _ = drawn(1000)
    bins = reliability(np.append(y, -1), np.vstack([probs, probs[:1]]))
    assert [one.right.n for one in bins] == [100] * 10
    assert all(one.right.low < one.right.value < one.right.high for one in bins)
    assert [one.confidence for one in bins] == sorted(one.confidence for one in bins)
    assert len(reliability(y[:30], probs[:30])) == 1 and reliability(y[:0], probs[:0]) == []


def test_examples_of_one_confidence_are_in_one_bin_whatever_their_order():
    y = np.repeat([0, 1], 250)
    guess = np.tile([0.5, 0.5], (500, 1))
    assert [one.right.value for one in reliability(y, guess)] == [0.5]
    assert calibration_error(y, guess).value == 0
    some = np.where(np.arange(500)[:, None] < 20, [[0.7, 0.3]], guess)
    assert [one.right.n for one in reliability(y, some)] == [500]  # 20 are too few for a bin of their own
    y, probs, _ = drawn(1000)
    shuffled = np.random.default_rng(0).permutation(1000)
    coarse = probs.round(1)
    assert calibration_error(y, coarse) == pytest.approx(calibration_error(y[shuffled], coarse[shuffled]))


def test_the_brier_score_is_scikit_learns():
    from sklearn.metrics import brier_score_loss

    y, probs, _ = drawn(400, classes=2)
    assert brier_score(y, probs).value == pytest.approx(brier_score_loss(y, probs[:, 1]), rel=1e-5)
    y, probs, _ = drawn(400)
    found = brier_score(y, probs)
    assert found.value == pytest.approx(((probs - np.eye(4)[y]) ** 2).sum(1).mean(), rel=1e-5)
    assert found.low < found.value < found.high and found.n == 400


def test_blocks_of_rows_change_nothing_and_take_little_memory(monkeypatch):
    y, _, _ = drawn(2000)
    probs = np.random.default_rng(0).dirichlet(np.ones(200), 2000).astype(np.float32)
    at_once, score = scaled(probs, 1.7), brier_score(y, probs)
    monkeypatch.setattr("unfazed.analysis.calibration.CELLS", 2000)
    assert np.array_equal(scaled(probs, 1.7), at_once) and brier_score(y, probs) == score
    tracemalloc.start()
    scaled(probs, 1.7)
    assert tracemalloc.get_traced_memory()[1] < 1.5 * probs.nbytes
    tracemalloc.stop()
