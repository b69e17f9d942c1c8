"""How well classes are ranked: held against scikit-learn's figures, and how often the intervals hold the truth."""

import math

import numpy as np
import pytest
from scipy.stats import norm
from sklearn.metrics import average_precision_score, roc_auc_score

from unfazed.analysis.metrics import classification
from unfazed.analysis.ranking import area, ranking


def rare(n: int = 11, others: int = 400, seed: int = 0, digits: int = 8) -> tuple[np.ndarray, np.ndarray]:
    """Labels, 1 the rarer, and probabilities of both, with ties where these have few digits."""
    generator = np.random.default_rng(seed)
    y = np.append(np.ones(n, np.int64), np.zeros(others, np.int64))
    share = np.round(1 / (1 + np.exp(4 - 2 * y - generator.standard_normal(len(y)))), digits)
    return y, np.stack([1 - share, share], axis=1)


@pytest.mark.parametrize("digits", [8, 1])
def test_two_classes_are_ranked_as_scikit_learn_does_ties_too(digits: int) -> None:
    y, probs = rare(digits=digits)
    found = ranking(y, probs)
    assert found["roc_auc"].value == pytest.approx(roc_auc_score(y, probs[:, 1]))
    assert found["average_precision"].value == pytest.approx(average_precision_score(y, probs[:, 1]))
    assert all(one.low < one.value < one.high and one.n == len(y) for one in found.values())


def test_the_rarer_class_is_the_one_whose_precision_is_told() -> None:
    y, probs = rare()
    assert ranking(1 - y, probs[:, ::-1])["average_precision"] == ranking(y, probs)["average_precision"]


def test_of_more_classes_the_mean_is_scikit_learns_and_classes_that_are_not_there_are_left_out() -> None:
    generator = np.random.default_rng(0)
    y = np.arange(300) % 3
    probs = generator.dirichlet(np.ones(4) * 2, 300)
    probs[np.arange(300), y] += 0.1
    probs /= probs.sum(1, keepdims=True)
    expected = np.mean([roc_auc_score(y == k, probs[:, k]) for k in range(3)])
    found = ranking(y, probs)
    assert found["roc_auc"].value == pytest.approx(expected) and found["roc_auc"].low < expected < found["roc_auc"].high
    assert "average_precision" not in found


@pytest.mark.parametrize(("n", "truth"), [(3, 0.9), (5, 0.99), (11, 0.7), (11, 0.999)])
def test_the_interval_of_few_rows_holds_the_truth(n: int, truth: float) -> None:
    held = 0
    first = np.arange(n + 200) < n
    for seed in range(200):
        score = np.random.default_rng(seed).standard_normal(n + 200) + math.sqrt(2) * norm.ppf(truth) * first
        found = area(score, first)
        held += found.low <= truth <= found.high
    assert held >= 184


def test_a_flawless_ranking_of_few_rows_is_not_certain() -> None:
    y, _ = rare(5)
    probs = np.stack([1.0 - y, y], axis=1) * 0.9 + 0.05
    found = ranking(y, probs)
    assert found["roc_auc"].value == found["average_precision"].value == 1.0
    assert found["roc_auc"].low < 0.9 and found["average_precision"].low < 0.7
    labels = np.arange(30) % 3
    assert ranking(labels, np.eye(3)[labels])["roc_auc"].low < 0.99


def test_rows_of_few_groups_rank_less_surely() -> None:
    y, probs = rare(20, 200)
    alone = ranking(y, probs)
    many, few = np.arange(220), np.arange(220) % 5
    assert ranking(y, probs, many)["roc_auc"].low <= alone["roc_auc"].low + 1e-3
    drifting = np.where(few == 0, 0.2, 0.0)[:, None] * [-1, 1]
    found = ranking(y, probs + drifting, few)["roc_auc"]
    assert found.high - found.low > 1.5 * (alone["roc_auc"].high - alone["roc_auc"].low)
    one = ranking(y, probs, np.zeros(220, np.int64))["roc_auc"]
    assert (one.low, one.high) == (0.0, 1.0)


def test_one_class_or_one_answer_ranks_nothing() -> None:
    y, probs = rare()
    assert math.isnan(ranking(np.zeros_like(y), probs)["roc_auc"].value)
    same = classification(y, np.tile([0.9, 0.1], (len(y), 1)))
    assert same["roc_auc"][:3] == (0.5, 0.5, 0.5)
    assert same["average_precision"].value == pytest.approx(y.mean())
