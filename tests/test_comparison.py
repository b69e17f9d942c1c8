import numpy as np
import pytest

from unfazed.analysis.comparison import examples_needed, holm, mcnemar, paired_bootstrap
from unfazed.analysis.multilabel import f1_difference


def right(n, only_first, only_second, both):
    first, second = np.zeros(n, bool), np.zeros(n, bool)
    first[: both + only_first] = True
    second[:both] = second[both + only_first : both + only_first + only_second] = True
    return first, second


def test_mcnemar_is_the_exact_binomial_test_of_those_that_only_one_gets_right():
    from scipy.stats import binomtest

    assert mcnemar(*right(100, 15, 4, 60)) == pytest.approx(binomtest(4, 19).pvalue)
    assert mcnemar(*right(100, 0, 0, 60)) == 1


def test_the_bootstrap_interval_covers_and_its_probability_is_that_of_chance():
    held, chances = 0, []
    for seed in range(200):
        differences = np.random.default_rng(seed).normal(0.0, 1.0, 60)
        found, chance = paired_bootstrap(differences, seed)
        held += found.low <= 0 <= found.high
        chances.append(chance)
    assert 0.91 <= held / 200 <= 0.985
    assert np.mean(np.array(chances) <= 0.2) == pytest.approx(0.2, abs=0.09)
    assert paired_bootstrap(np.array([0.5]))[1] == 1
    assert paired_bootstrap(np.full(50, 0.5) + np.arange(50) / 1000)[1] < 0.005


def test_a_clear_difference_survives_the_correction_for_many_comparisons():
    """Eight runs are 28 pairs: the least that 1,000 resamples could say, 2 / 1001, times 28 is 0.056."""
    differences = np.random.default_rng(0).normal(1.0, 1.0, 200)
    assert holm([paired_bootstrap(differences)[1]] + [0.5] * 27)[0] < 0.001


def test_the_tail_of_few_examples_is_long():
    """Three differences of one sign: no resample is beyond 0, and yet it is no proof."""
    assert paired_bootstrap(np.array([1.0, 2.0, 3.0]))[1] > 0.03
    assert paired_bootstrap(np.array([1.0, 1.0, 1.0]))[1] == 0.25 and paired_bootstrap(np.ones(90))[1] < 0.005


@pytest.mark.parametrize("n", [3, 5, 8, 12, 30])
def test_few_differences_are_not_told_from_none_more_often_than_said(n):
    missed = told = 0
    for seed in range(400):
        found, chance = paired_bootstrap(np.random.default_rng(seed).standard_t(5, n))
        missed += not found.low <= 0 <= found.high
        told += chance <= 0.05
    assert missed / 400 < 0.075 and told / 400 < 0.075, "0.05, and two standard errors"


def test_so_do_differences_of_sets():
    told = 0
    for seed in range(300):
        generator = np.random.default_rng(seed)
        y = (generator.random((5, 8)) < 0.4).astype(np.float64)
        own, other = (np.where(generator.random(y.shape) < 0.3, y < 1, y > 0) for _ in range(2))
        found = f1_difference(y, own, other)
        told += not found.low <= 0 <= found.high
    assert told / 300 < 0.08
    assert np.isnan(f1_difference(y[:1], own[:1], other[:1]).low), "one set alone has no interval"


def test_holm_is_the_step_down_correction():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.2]) == [0.2] and holm([]) == []
    assert holm([0.9, 0.8]) == [1.0, 1.0]


def test_so_many_examples_find_the_difference_in_four_of_five_studies():
    generator = np.random.default_rng(0)

    def study(n):
        drawn = generator.choice([1.0, 0.0, -1.0], n, p=[0.12, 0.82, 0.06])
        return drawn > 0, drawn < 0, drawn

    needed = examples_needed(study(200_000)[2])
    assert 330 < needed < 450
    found = [mcnemar(*study(needed)[:2]) <= 0.05 for _ in range(600)]
    assert np.mean(found) == pytest.approx(0.8, abs=0.06)
    assert examples_needed(np.array([1.0, -1.0])) is None and examples_needed(np.zeros(5)) is None
    assert examples_needed(study(1000)[2], comparisons=10) > examples_needed(study(1000)[2])
