import math
import tracemalloc

import numpy as np
import pytest
from test_calibration import drawn

from unfazed.analysis.conformal import bound, class_bounds, coverage, least_examples, members, scores, sets

LEVELS = (0.8, 0.9, 0.95)


@pytest.mark.parametrize("level", LEVELS)
def test_as_many_new_numbers_as_asked_lie_within_the_bound(level):
    generator = np.random.default_rng(0)
    held = [generator.exponential() <= bound(generator.exponential(size=39), level) for _ in range(4000)]
    assert np.mean(held) == pytest.approx(level, abs=0.02)


def test_too_few_examples_bound_nothing():
    assert [least_examples(level) for level in LEVELS] == [4, 9, 19]
    for level in LEVELS:
        enough = least_examples(level)
        assert bound(np.arange(enough, dtype=float), level) == enough - 1
        assert bound(np.arange(enough - 1, dtype=float), level) == math.inf
    assert bound(np.arange(9, dtype=float), 1e-12) == 0, "whatever is asked, the smallest score at least"


@pytest.mark.parametrize("heat", [0.3, 1.0, 3.0])
@pytest.mark.parametrize("level", LEVELS)
def test_sets_hold_the_label_as_often_as_asked_however_wrong_the_probabilities(level, heat):
    held = []
    for seed in range(60):
        y, probs, _ = drawn(599, heat=heat, seed=seed)
        bounds = class_bounds(y[:399], probs[:399], level)
        held.append(members(probs[399:], bounds)[np.arange(200), y[399:]].mean())
    assert np.mean(held) == pytest.approx(level, abs=0.01)


def test_of_each_class_its_own_sets_keep_the_level_where_common_ones_do_not():
    generator = np.random.default_rng(0)
    n = 20_000
    y = (generator.random(n) < 0.1).astype(np.int64)  # the second class is rare, and hard
    told = generator.normal(np.where(y == 1, 0.0, -3.0), 1.5)
    probs = np.stack([1 / (1 + np.exp(told)), 1 / (1 + np.exp(-told))], 1).astype(np.float32)
    half, rest = slice(0, n // 2), slice(n // 2, n)

    def covered(class_conditional):
        bounds = class_bounds(y[half], probs[half], 0.9, class_conditional)
        inside = members(probs[rest], bounds)[np.arange(n // 2), y[rest]]
        return [inside[y[rest] == k].mean() for k in (0, 1)]

    assert covered(True) == pytest.approx([0.9, 0.9], abs=0.03)
    assert min(covered(False)) < 0.7


def test_a_class_without_examples_is_in_every_set_of_its_own_kind():
    y, probs, _ = drawn(200)
    y[y == 3] = 2
    assert np.isinf(class_bounds(y, probs, 0.9, True)).tolist() == [False, False, False, True]


def test_scores_of_near_certain_predictions_still_differ():
    probs = np.array([[1.0, 1e-12, 0], [1e-9, 1.0, 1e-10]], np.float32)
    found = scores(probs)
    assert found[0, 0] == pytest.approx(1e-12) and found[1, 1] == pytest.approx(1.1e-9)
    assert found[0, 1] == pytest.approx(1.0)
    _, probs, _ = drawn(50)
    assert np.allclose(scores(probs), 1 - probs, atol=1e-6)


def test_a_set_always_has_the_likeliest_class_and_more_classes_at_a_higher_level():
    y, probs, _ = drawn(2000, heat=1.5)
    bounds = [class_bounds(y, probs, level) for level in (0.5, 0.9, 0.99)]
    found = [sets(probs, one) for one in bounds]
    assert not members(probs, bounds[0]).any(1).all()
    assert all(one[np.arange(2000), probs.argmax(1)].all() for one in found)
    assert np.all(np.diff([one.sum() for one in found]) > 0)


def test_coverage_of_one_sample_lies_where_it_is_said_to():
    low, high = coverage(99, 0.9)
    generator = np.random.default_rng(1)
    reached = [bound(generator.random(99), 0.9) for _ in range(2000)]  # of uniform scores the bound is the coverage
    assert np.mean([low <= one <= high for one in reached]) == pytest.approx(0.95, abs=0.02)


def test_blocks_of_rows_change_nothing_and_take_little_memory(monkeypatch):
    y = np.arange(2000) % 200
    probs = np.random.default_rng(0).dirichlet(np.ones(200), 2000).astype(np.float32)
    monkeypatch.setattr("unfazed.analysis.calibration.CELLS", 2000)
    tracemalloc.start()
    bounds = class_bounds(y, probs, 0.9)
    found = members(probs, bounds)
    assert tracemalloc.get_traced_memory()[1] < 1.5 * probs.nbytes
    tracemalloc.stop()
    every = scores(probs)
    assert (bounds == bound(every[np.arange(2000), y], 0.9)).all()
    assert np.array_equal(found, every <= bounds)
