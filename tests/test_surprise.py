"""Bits: known values, missing labels, epochs that were not recorded."""

import math

import numpy as np
import pytest

from unfazed.analysis.surprise import label_entropy, mean_surprise, most_surprising, surprise


def test_surprise_counts_in_bits():
    probs = np.array([[0.5, 0.5], [0.25, 0.75], [1.0, 0.0], [0.5, 0.5]], np.float32)
    found = surprise(np.array([0, 0, 0, -1]), probs)
    assert found[:3] == pytest.approx([1.0, 2.0, 0.0])
    assert math.isnan(found[3])


def test_a_probability_of_zero_surprises_by_23_bits_and_not_infinitely():
    assert surprise(np.array([1]), np.array([[1.0, 0.0]], np.float32))[0] == pytest.approx(23.0)


def test_mean_surprise_ranks_what_was_memorised_late_above_what_was_easy():
    losses = np.array([[3.0, 0.4, math.nan], [0.0, 0.4, math.nan]], np.float16)
    found = mean_surprise(losses)
    assert found[:2] == pytest.approx([1.5 / math.log(2), 0.4 / math.log(2)], rel=1e-3)
    assert math.isnan(found[2])
    assert most_surprising(found, 5).tolist() == [0, 1]


def test_mean_surprise_leaves_out_unrecorded_epochs():
    assert mean_surprise(np.array([[2.0], [math.nan]]))[0] == pytest.approx(2 / math.log(2))
    assert np.isnan(mean_surprise(np.zeros((0, 2)))).all()


def test_label_entropy():
    assert label_entropy(np.array([4, 4, 4, 4])) == pytest.approx(2.0)
    assert label_entropy(np.array([[7, 0], [3, 3]])).tolist() == pytest.approx([0.0, 1.0])
