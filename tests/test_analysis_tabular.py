"""Features that give the target away, and the baselines beside a network for tables."""

import numpy as np
import pytest

from unfazed.analysis.tabular import boosting_model, leaks, leaks_of_numbers, linear_model

CODES = (0, 3, 0)


def rows(n=400, seed=0):
    """Two classes told by a number and a category together; the last feature is noise, with values missing."""
    generator = np.random.default_rng(seed)
    number, code = generator.normal(size=n), generator.integers(0, 3, n)
    y = (number + code - 1 + 0.3 * generator.normal(size=n) > 0).astype(np.int64)
    noise = np.where(generator.random(n) < 0.2, np.nan, generator.normal(size=n))
    return np.stack([number, code, noise], axis=1).astype(np.float32), y


@pytest.mark.parametrize("make", [linear_model, boosting_model])
def test_baselines_learn_numbers_and_categories_with_values_missing(make):
    x, y = rows()
    probs = make(x[:300], y[:300], CODES, 2, seed=0)(x[300:])
    assert probs.shape == (100, 2)
    assert probs.sum(1) == pytest.approx(1)
    assert (probs.argmax(1) == y[300:]).mean() > 0.85


@pytest.mark.parametrize("make", [linear_model, boosting_model])
def test_baselines_take_what_training_had_not(make):
    x, y = rows()
    model = make(x, y, CODES, 4, seed=0)
    probs = model(np.array([[np.nan, np.nan, np.nan], [1e15, 0, -1e15], [0, 2, 0]], np.float32))
    assert np.isfinite(probs).all() and (probs > 0).all()
    assert (probs[:, 2:] < 1e-3).all(), "classes that the training rows lack"


@pytest.mark.parametrize("make", [linear_model, boosting_model])
@pytest.mark.parametrize("y", [[1, 1, 1, 1], [0, 1, -1, -1], [0, 1, 1, 1]])
def test_baselines_take_few_rows_and_few_labels(make, y):
    x, _ = rows(4)
    probs = make(x, np.array(y), CODES, 2, seed=0)(x)
    assert np.isfinite(probs).all() and probs.shape == (4, 2)


def test_boosting_takes_more_categories_than_it_has_room_for():
    x = np.arange(1000, dtype=np.float32)[:, None]
    y = (np.arange(1000) % 2).astype(np.int64)
    assert boosting_model(x, y, (1000,), 2, seed=0)(x).shape == (1000, 2)


def test_a_feature_that_explains_a_number_almost_wholly_is_found():
    generator = np.random.default_rng(0)
    part, rest, code = generator.normal(size=600), generator.normal(size=600), generator.integers(0, 4, 600)
    targets = part + 0.1 * rest
    x = np.column_stack([part, rest, code]).astype(np.float32)
    assert [feature for feature, _ in leaks_of_numbers(x, targets, (0, 0, 4))] == [0]
    assert [feature for feature, _ in leaks_of_numbers(x, 5.0 * code + 0.1 * rest, (0, 0, 4))] == [2]
    assert not leaks_of_numbers(x, part + rest, (0, 0, 4)), "a half of the sum is no leak"
    assert not leaks_of_numbers(x, np.full(600, 3.0), (0, 0, 4))


def test_a_feature_that_tells_the_target_alone_is_found():
    x, y = rows(600)
    given_away = np.column_stack([x, np.where(y, 5.0, 2.0), y + 1]).astype(np.float32)
    found = leaks(given_away, y, (*CODES, 0, 3))
    assert [leak.feature for leak in found] == [3, 4]
    assert found[0].accuracy.value == 1.0 and found[0].accuracy.n == 600
    assert found[0].commonest == pytest.approx(max(np.bincount(y)) / 600)


def test_features_that_do_not_are_not():
    x, y = rows(600)
    assert leaks(x, y, CODES) == []


def test_an_identifier_tells_nothing_out_of_fold():
    y = np.random.default_rng(0).integers(0, 2, 500)
    codes = np.arange(500, dtype=np.float32)
    assert leaks(np.stack([codes, codes], axis=1), y, (0, 500)) == []


def test_whether_a_value_is_there_can_give_the_target_away():
    _, y = rows(600)
    x = np.where(y, np.nan, 1.0).astype(np.float32)[:, None]
    assert [leak.feature for leak in leaks(x, y, (0,))] == [0]
    assert [leak.feature for leak in leaks(x, y, (2,))] == [0]


def test_where_nearly_all_rows_are_of_one_class_nothing_is_judged():
    y = np.zeros(100, np.int64)
    y[:10] = 1
    assert leaks(y.astype(np.float32)[:, None], y, (0,)) == []
