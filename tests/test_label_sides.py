"""Labels of training, validation and test that are not wrong equally often."""

import numpy as np
import pytest

from unfazed.analysis.intervals import Estimate
from unfazed.analysis.label_issues import label_issues
from unfazed.analysis.label_sides import TEST, TRAIN, VALIDATION, Side, share_elsewhere

CLASSES = 4


def judgements(seed, n, right):
    """Labels [n], and whether a judge is right about them, a share of the time."""
    generator = np.random.default_rng(seed)
    return Side(generator.integers(0, CLASSES, n), generator.random(n) < right)


@pytest.mark.parametrize("seed", range(50, 83))
def test_a_judge_who_is_always_right_finds_no_difference(seed):
    here, there = judgements(seed, 60, 1.1), judgements(seed + 1, 70, 1.1)
    assert share_elsewhere(here, there, Estimate(0.1, 0.05, 0.2, 70), CLASSES) is None


def world(noise, n=4000, seed=0):
    """True classes, labels wrong by side, what a model that leans towards them says, and an unbiased simple model."""
    generator = np.random.default_rng(seed)
    split = np.repeat([TRAIN, VALIDATION, TEST], [n * 7 // 10, n // 10, n - n * 7 // 10 - n // 10])
    true = generator.integers(0, CLASSES, n)
    wrong = generator.random(n) < np.array(noise)[split]
    y = np.where(wrong, (true + generator.integers(1, CLASSES, n)) % CLASSES, true)

    def judge(skill, sharp, leaning):
        known = generator.random(n) < skill
        logits = generator.normal(size=(n, CLASSES))
        logits[np.arange(n), true] += np.where(known, sharp, 0)
        logits[np.arange(n), y] += leaning * (split == TRAIN)
        odds = np.exp(1.2 * logits)
        return (odds / odds.sum(1, keepdims=True)).astype(np.float32)

    return y != true, y, split, judge(0.95, 4.0, 1.0), judge(0.85, 3.0, 0.0)


@pytest.mark.parametrize("noise", [(0.2, 0.0, 0.0), (0.3, 0.01, 0.01), (0.0, 0.2, 0.2), (0.2, 0.0, 0.2)])
def test_training_labels_are_counted_by_themselves(noise):
    wrong, y, split, probs, simple = world(noise)
    found = label_issues(y, probs, np.empty((len(y), 0)), split, simple)
    assert found.count.low <= wrong.sum() <= found.count.high
    assert abs(found.count.value - wrong.sum()) < 0.25 * wrong.sum()
    for side in (TRAIN, VALIDATION, TEST):
        rows = split == side
        assert found.error_probability[rows].mean() == pytest.approx(wrong[rows].mean(), abs=0.05)
    assert wrong[found.order[: wrong.sum()]].mean() > 0.8
    assert ((found.error_probability - wrong) ** 2).mean() < 0.3 * wrong.mean() * (1 - wrong.mean())


def test_a_judge_that_is_right_equally_often_tells_nothing():
    share = Estimate(0.1, 0.05, 0.15, 400)
    assert share_elsewhere(judgements(0, 2000, 0.8), judgements(1, 400, 0.8), share, CLASSES) is None
    assert share_elsewhere(judgements(0, 2000, 0.2), judgements(1, 40, 0.9), share, CLASSES) is None, "of few rows"


def test_a_judge_that_is_wrong_more_often_tells_how_many_labels_are():
    """Right labels it knows nine times in ten, wrong ones it hits once in thirty."""
    there = judgements(1, 2000, 0.9)
    here = judgements(0, 4000, 0.9 * 0.7 + 0.3 * 0.1 / 3)
    found = share_elsewhere(here, there, Estimate(0.0, 0.0, 0.01, 2000), CLASSES)
    assert found is not None and found.n == 4000
    assert found.low < 0.3 < found.high and found.value == pytest.approx(0.3, abs=0.03)
    assert found.high - found.low < 0.1


def test_other_shares_of_classes_are_no_wrong_labels():
    """A judge that knows one class better is right more often where there are more of it."""
    generator = np.random.default_rng(0)

    def side(n, common):
        y = (generator.random(n) > common).astype(np.int64)
        return Side(y, generator.random(n) < np.where(y == 0, 0.98, 0.7))

    here, there = side(3000, 0.95), side(1000, 0.5)
    assert here.right.mean() - there.right.mean() > 0.1
    assert share_elsewhere(here, there, Estimate(0.0, 0.0, 0.01, 1000), 2) is None
