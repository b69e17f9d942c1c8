"""Signs of trouble in data, on arrays whose trouble is known."""

import math

import numpy as np
import pytest

from unfazed.analysis.doubts import contradicted, copies, missing_labels, rarity, variation
from unfazed.analysis.learning_curve import _gain, carried_on, learning_curve


def classified(wrong: float, unsure: float, rows: int = 900) -> tuple[np.ndarray, np.ndarray]:
    """Labels, a share of which is wrong, and a classifier that is unsure, and often wrong, of some rows."""
    draw = np.random.default_rng(0)
    true = draw.integers(0, 5, rows)
    hard = draw.random(rows) < unsure
    said = np.where(hard & (draw.random(rows) < 0.6), (true + 1) % 5, true)
    probs = np.full((rows, 5), 0.05)
    probs[np.arange(rows), said] = np.where(hard, 0.4, 0.8) + draw.random(rows) * 0.1
    y = np.where(draw.random(rows) < wrong, draw.integers(0, 5, rows), true)
    return y, probs / probs.sum(1, keepdims=True)


def test_wrong_labels_contradict_where_the_model_is_surest_and_hard_examples_do_not() -> None:
    noisy, hard = contradicted(*classified(0.3, 0.0)), contradicted(*classified(0.0, 0.6))
    assert noisy and hard
    assert 0.15 < noisy.value < 0.33 and noisy.n == 300
    assert hard.value == 0


def test_forgotten_labels_contradict_where_the_model_is_surest_of_what_it_names() -> None:
    generator = np.random.default_rng(0)
    true = generator.random((400, 6)) < 0.2
    probs = np.where(true, 0.9, 0.05) + generator.uniform(-0.05, 0.05, true.shape)
    found = missing_labels((true & (generator.random(true.shape) < 0.8)).astype(float), probs)
    assert found is not None and found.low < 0.2 < found.high and found.n == int((probs >= 0.5).sum() / 3)
    sets = true.astype(float)
    sets[:100] = np.nan  # examples without a set contradict nothing
    clean = missing_labels(sets, probs)
    assert clean is not None and clean.value == 0 and clean.n < found.n
    assert missing_labels(sets[:3], probs[:3]) is None


def test_too_few_rows_contradict_nothing() -> None:
    y, probs = classified(0.3, 0.0, rows=50)
    assert contradicted(y, probs) is None


def test_rows_of_one_group_say_nothing_of_others() -> None:
    (y, probs), one = classified(0.3, 0.0), np.zeros(900, np.int64)
    strangers, found = contradicted(y, probs), contradicted(y, probs, one)
    assert strangers and found == (strangers.value, 0, 1, strangers.n)
    named = np.eye(5)[y]
    sets = missing_labels(named, probs, one)
    assert sets and (sets.low, sets.high) == (0, 1)
    classes = rarity(np.array([10, 500, 500, 500, 500]), y, probs, list("abcde"), one)
    assert classes and (classes.rare.low, classes.rare.high, classes.others.low) == (0, 1, 0)
    assert (classes.ranked.low, classes.ranked.high) == (0, 1)


def test_of_rows_in_groups_ranks_are_as_certain_as_the_groups_are_many() -> None:
    draw, groups = np.random.default_rng(0), np.repeat(np.arange(60), 20)
    y = (np.arange(60) < 20).astype(np.int64)
    rare = np.clip(0.4 + 0.2 * y + 0.25 * draw.normal(size=60), 0.01, 0.99)
    probs, counts = np.stack([1 - rare, rare], axis=1), np.array([500, 20])
    distinct, strangers, found = (
        rarity(counts, y[rows], probs[rows], ["a", "b"], members)
        for rows, members in ((np.arange(60), None), (groups, None), (groups, groups))
    )
    assert distinct and strangers and found and found.ranked.value == strangers.ranked.value
    right, narrow, reach = (one.ranked.high - one.ranked.low for one in (distinct, strangers, found))
    assert reach == pytest.approx(right, rel=0.25) and narrow < 0.4 * reach


def test_rare_classes_are_those_with_less_than_a_tenth_of_the_commonest() -> None:
    y = np.array([0] * 50 + [1] * 50 + [2] * 10)
    probs = np.zeros((110, 3))
    probs[:, 0] = 1.0
    probs[:50] = probs[100:] = [0.9, 0.0, 0.1]
    probs[50:100] = [0, 1, 0]
    found = rarity(np.array([500, 400, 10]), y, probs, ["a", "b", "c"])
    assert found and found.names == ["c"] and found.ratio == 50
    assert found.ranked.value == 0.75  # level with the first class, behind none of the second
    assert found.rare.value == 0 and found.others.value == 1
    assert rarity(np.array([500, 400, 90]), y, probs, ["a", "b", "c"]) is None


def test_rare_classes_without_a_row_to_judge_by_are_not_named() -> None:
    y, probs = np.array([0] * 50 + [2] * 10), np.tile([0.9, 0.0, 0.1, 0.0], (60, 1))
    found = rarity(np.array([500, 400, 10, 5]), y, probs, list("abcd"))
    assert found and found.names == ["c"] and found.rare.n == 10


def test_copies_are_found_whatever_the_scale() -> None:
    draw = np.random.default_rng(0)
    train, new = draw.normal(size=(400, 20)) * 1e3, draw.normal(size=(100, 20)) * 1e3
    new[:30] = train[:30] + draw.normal(size=(30, 20))
    assert copies(train, new).value == 0.3
    assert copies(train, new[30:]).value == 0
    assert copies(train + 1e4, new).value == 0.3  # brighter ones too


def test_edited_copies_are_found_too() -> None:
    draw = np.random.default_rng(0)
    train, new = draw.normal(size=(400, 20)), draw.normal(size=(200, 20))
    new[:100] = train[:100] + 0.5 * draw.normal(size=(100, 20))
    assert 0.3 < copies(train, new).value < 0.6
    assert copies(train, new[100:]).low == 0


def test_inputs_that_are_alike_by_nature_are_no_copies() -> None:
    draw = np.random.default_rng(0)
    rows = draw.normal(size=(600, 20))
    rows[::3] = draw.normal(size=(200, 20)) * 0.01  # as pictures of the sea are
    assert copies(rows[:400], rows[400:]).low == 0


def test_grey_pictures_hardly_vary() -> None:
    draw = np.random.default_rng(0)
    assert variation(draw.integers(127, 129, (50, 3, 8, 8)), 255.0) < 0.005
    assert variation(draw.integers(0, 256, (50, 3, 8, 8)), 255.0) > 0.2


def test_a_power_law_is_carried_on() -> None:
    sizes = np.array([100.0, 200.0, 400.0, 800.0])
    assert abs(carried_on(sizes, 2 * sizes**-0.5) - 0.5) < 0.01  # a quarter of the data leaves twice the errors
    assert abs(carried_on(sizes, np.full(4, 0.2))) < 1e-6


def test_what_is_spared_is_the_less_certain_the_more_parts_of_the_training_rows_differ() -> None:
    draw, shares, gains = np.random.default_rng(0), np.array([0.4, 0.3, 0.23]), []
    for spread in (0.0, 0.1):
        wrong = []
        for share, count in zip(shares, (4, 2, 1), strict=True):
            parts = share + spread * (np.arange(count) - (count - 1) / 2)
            wrong.append((np.arange(1000) / 1000 < parts[:, None]).astype(float))
        gains.append(_gain(np.array([100.0, 200.0, 400.0]), [one[:, draw.permutation(1000)] for one in wrong]))
    alike, apart = gains
    assert abs(apart.value - alike.value) < 0.02
    assert apart.high - apart.low > 2 * (alike.high - alike.low)


def test_what_is_spared_of_rows_that_come_in_groups_is_as_certain_as_the_groups_are_many() -> None:
    draw, sizes, groups = np.random.default_rng(0), np.array([100.0, 200.0, 400.0]), np.repeat(np.arange(60), 20)
    wrong = [np.tile(draw.random(60) < share, (2, 1)).astype(float) for share in (0.4, 0.3, 0.23)]
    copied = [one[:, groups] for one in wrong]
    distinct, strangers, found = (
        _gain(sizes, one, members) for one, members in ((wrong, None), (copied, None), (copied, groups))
    )
    assert found.n == strangers.n == 1200
    assert found.high - found.low == pytest.approx(distinct.high - distinct.low, rel=0.1)
    assert strangers.high - strangers.low < 0.7 * (found.high - found.low)
    alone = _gain(sizes, copied, np.zeros(1200, np.int64))
    assert alone.value == found.value and math.isnan(alone.low) and math.isnan(alone.high)


def test_the_smallest_subset_alone_does_not_make_a_curve_sure() -> None:
    """Hardly anything is learnt from few rows; then comes a steep part, and one that is nearly flat."""
    draw = np.random.default_rng(0)
    shares, sizes = np.array([0.75, 0.3, 0.2, 0.19]), np.array([50.0, 100.0, 200.0, 400.0])
    parts = zip(shares, (8, 4, 2, 1), strict=True)
    wrong = [(draw.random((count, 1000)) < share).astype(float) for share, count in parts]
    every, later = _gain(sizes, wrong), _gain(sizes[1:], wrong[1:])
    assert every.low <= later.low and every.high >= later.high and every.value != later.value


def test_the_curve_of_a_task_that_needs_more_rows_says_so() -> None:
    draw = np.random.default_rng(0)
    centres = draw.normal(size=(4, 60))

    def rows(count: int) -> tuple[np.ndarray, np.ndarray]:
        y = draw.integers(0, 4, count)
        return (centres[y] + 4 * draw.normal(size=(count, 60))).astype(np.float32), y

    (x, y), (asked, given) = rows(400), rows(600)
    found = learning_curve(x, y, asked, given, 4)
    assert found and found.rows == [50, 100, 200, 400]
    assert found.skill[-1] > found.skill[0] and found.gain.low > 0
    assert learning_curve(x[:20], y[:20], asked, given, 4) is None
