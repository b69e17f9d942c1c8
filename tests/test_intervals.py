"""Intervals against scipy's, and their coverage where the textbook bootstrap has none."""

import math

import numpy as np
import pytest
from scipy.stats import binomtest, ttest_1samp

from unfazed.analysis.intervals import (
    Counts,
    from_resamples,
    paired_difference,
    paired_mean,
    ratio_of_means,
    resampled_counts,
    wilson,
)
from unfazed.analysis.metrics import averages, classification, confusion


@pytest.mark.parametrize(("successes", "n"), [(0, 1), (1, 1), (0, 12), (12, 12), (355, 360), (500, 1000), (1, 20_000)])
def test_wilson_is_scipys(successes, n):
    expected = binomtest(successes, n).proportion_ci(method="wilson")
    found = wilson(successes, n)
    assert found == pytest.approx((successes / n, expected.low, expected.high, n), abs=1e-12)


def test_wilson_of_nothing_knows_nothing():
    found = wilson(0, 0)
    assert math.isnan(found.value)
    assert found[1:] == (0.0, 1.0, 0)


def test_an_interval_holds_its_value_and_skips_nan():
    found = from_resamples(0.5, np.array([0.6, 0.7, math.nan]), 3)
    assert found.low == 0.5
    assert found.high == pytest.approx(0.7, abs=0.01)
    assert math.isnan(from_resamples(math.nan, np.array([0.1]), 1).low)


def test_paired_mean_is_students_interval():
    differences = np.array([0.0, 1.0, 0.0, -1.0, 1.0, 1.0])
    assert paired_mean(differences)[1:3] == pytest.approx(ttest_1samp(differences, 0).confidence_interval(), rel=1e-6)
    assert paired_mean(differences[:1]).high == math.inf
    drawn = np.random.default_rng(0).standard_normal((1000, 5))
    assert np.mean([paired_mean(one).low <= 0 <= paired_mean(one).high for one in drawn]) >= 0.935


def test_two_of_two_against_none_of_two_prove_nothing():
    both, none = np.ones(2, bool), np.zeros(2, bool)
    found = paired_difference(both, none)
    assert found.value == 1.0
    assert found.low < 0 < found.high == 1.0
    assert paired_difference(none, both) == (-1.0, -1.0, pytest.approx(-found.low), 2)
    assert math.isnan(paired_difference(none[:0], none[:0]).value)


def test_the_paired_difference_is_agresti_and_mins():
    """12 and 3 of 60 discordant: cells 12.5, 3.5 of 62."""
    first = np.arange(60) < 12
    second = np.arange(60) >= 57
    error = math.sqrt((12.5 + 3.5) / 62 - (9 / 62) ** 2) / math.sqrt(62)
    expected = (9 / 60, 9 / 62 - 1.96 * error, 9 / 62 + 1.96 * error, 60)
    assert paired_difference(first, second) == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize("discordant", [1.0, 0.5, 0.1])
@pytest.mark.parametrize("n", [2, 3, 5, 10, 20, 100])
def test_equal_models_are_seldom_told_apart(n, discordant):
    generator = np.random.default_rng(n)
    claims = 0
    for draw in generator.random((1000, n)):
        found = paired_difference(draw < discordant / 2, draw > 1 - discordant / 2)
        claims += found.low > 0 or found.high < 0
    assert claims / 1000 <= 0.055


def test_a_ratio_of_means_holds_its_value_and_stays_within_bounds():
    generator = np.random.default_rng(0)
    above = generator.exponential(1, 40) ** 2
    found = ratio_of_means(above, np.ones(40), 23.0, 0)
    assert found.value == pytest.approx(above.mean())
    assert 0 <= found.low < found.value < found.high <= 23
    assert found.high - found.value > found.value - found.low
    assert ratio_of_means(np.array([0.1, 9.0]), np.ones(2), 23.0, 0)[1:3] == (0.0, 23.0)


def test_a_ratio_that_never_varies_is_its_own_interval_and_no_surprise_at_all_has_none():
    assert ratio_of_means(np.full(30, 0.3), np.ones(30), 23.0, 0) == pytest.approx((0.3, 0.3, 0.3, 30))
    for above in (np.zeros(30), np.ones(1)):
        nothing = ratio_of_means(above, np.ones(len(above)), 23.0, 0)
        assert math.isnan(nothing.low)
        assert math.isnan(nothing.high)


@pytest.mark.parametrize("noise", [0.0, 1e-16, 1e-12, 1e-8])
def test_rounding_is_no_spread(noise):
    """36 rows of three balanced classes and their shares: the same loss everywhere, up to rounding."""
    above = np.log2(3) * (1 + noise * np.random.default_rng(0).standard_normal(36))
    found = ratio_of_means(above, np.ones(36), 23.0, 0)
    assert found == pytest.approx((np.log2(3), np.log2(3), np.log2(3), 36), rel=1e-6)


@pytest.mark.parametrize("above", [[1.0] * 35 + [1.2], [1.0] * 7 + [3.0], np.linspace(1, 1 + 1e-5, 12)])
def test_the_ends_stay_within_what_was_seen(above):
    found = ratio_of_means(np.array(above), np.ones(len(above)), 23.0, 0)
    assert min(above) <= found.low <= found.value <= found.high <= max(above)


def test_an_example_that_only_adds_does_not_push_the_end_below_the_value():
    """40 examples of ratio 1 and ten that add 3 and divide by nothing: 70 / 40, above any single ratio."""
    above, below = np.repeat([1.0, 3.0], [40, 10]), np.repeat([1.0, 0.0], [40, 10])
    found = ratio_of_means(above, below, 23.0, 0)
    assert found.value == pytest.approx(1.75)
    assert 1 <= found.low < found.value < found.high <= 23


def test_always_the_same_prediction_has_no_precision_to_hope_for():
    y = np.arange(300) % 10
    found = classification(y, np.eye(10)[np.zeros(300, np.int64)])
    assert found["precision_macro"].high < 0.03
    assert found["f1_macro"].high < 0.05


def test_drawing_cells_is_drawing_rows():
    """The spread of macro F1 over resampled cells is that over resampled rows."""
    generator = np.random.default_rng(0)
    y = generator.integers(0, 4, 600)
    predicted = np.where(generator.random(600) < 0.7, y, generator.integers(0, 4, 600))
    cells = averages(resampled_counts(confusion(y, predicted, 4), seed=1))["f1_macro"]
    rows = np.random.default_rng(2).integers(0, 600, (1000, 600))
    drawn = [confusion(y[r], predicted[r], 4) for r in rows]
    counts = Counts(*(np.array([part(c) for c in drawn]) for part in (np.diag, lambda c: c.sum(1), lambda c: c.sum(0))))
    by_row = averages(counts)["f1_macro"]
    assert cells.mean() == pytest.approx(by_row.mean(), abs=0.004)
    assert cells.std() == pytest.approx(by_row.std(), rel=0.12)


def test_a_flawless_model_gets_an_interval_with_width():
    y = np.arange(60) % 3
    found = classification(y, np.eye(3)[y])
    for name in ("accuracy", "balanced_accuracy", "precision_macro", "recall_macro", "f1_macro"):
        assert found[name].value == found[name].high == 1.0
        assert 0.85 < found[name].low < 0.97, name


def test_macro_intervals_cover(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of 95 % intervals, some 95 % hold the truth, even where most samples are nearly flawless."""
    monkeypatch.setattr("unfazed.analysis.intervals.RESAMPLES", 400)
    generator = np.random.default_rng(3)
    classes, n, error = 10, 360, 0.014
    truth = np.full((classes, classes), error / (classes - 1) / classes)
    np.fill_diagonal(truth, (1 - error) / classes)
    held = 0
    for seed in range(200):
        drawn = generator.multinomial(n, truth.ravel()).reshape(classes, classes)
        values = averages(resampled_counts(drawn, seed))["recall_macro"]
        found = from_resamples(float(np.mean(np.diag(drawn) / np.maximum(drawn.sum(1), 1))), values, n)
        held += found.low <= 1 - error <= found.high
    assert 0.90 <= held / 200 <= 0.995


def test_counts_drawn_in_parts_are_those_drawn_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    counted = np.random.default_rng(0).integers(0, 5, (6, 6))
    at_once = resampled_counts(counted, seed=3)
    monkeypatch.setattr("unfazed.analysis.intervals.CHUNK", 700)
    for part, whole in zip(resampled_counts(counted, seed=3), at_once, strict=True):
        assert np.array_equal(part, whole)


def test_one_value_that_outweighs_all_others_does_not_unhinge_the_ends():
    """Studentised ends alone go to the smallest and to the largest single value."""
    values = np.append(np.exp(np.random.default_rng(0).normal(5, 1.5, 156)), 1_500_000.0)
    found = ratio_of_means(values, np.ones(157), math.inf, 0)
    assert found.low > np.median(values) > 10 * values.min()
    assert found.high < 10 * found.value < values.max()


def test_heavy_tails_are_covered_as_well_as_may_be():
    """Absolute errors whose logarithm deviates by 1, n = 150: percentiles alone hold the mean in 90 % of samples."""
    held = 0
    for seed in range(200):
        values = np.exp(np.random.default_rng(seed).standard_normal(150))
        found = ratio_of_means(values, np.ones(150), math.inf, seed)
        held += found.low <= math.exp(0.5) <= found.high
    assert held >= 180
