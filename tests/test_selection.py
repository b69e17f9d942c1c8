import numpy as np
import pytest

from unfazed.analysis.selection import curve, examples_for, least_risk, selection, upper_bound


def answers(n, seed):
    """The surer, the likelier right: the share right is the confidence itself."""
    generator = np.random.default_rng(seed)
    confidence = generator.uniform(0.5, 1.0, n)
    return confidence, generator.random(n) < confidence


def test_the_promise_is_kept_in_95_of_100_samples():
    broken, answered = 0, []
    for seed in range(300):
        found = selection(*answers(1000, seed), risk=0.15)
        if found is None:
            continue
        assert found.promised <= 0.15
        true = (1 - max(found.threshold, 0.5)) / 2  # errors among those above it
        broken += true > 0.15
        answered.append(found.answered.value)
    assert len(answered) > 290 and broken <= 0.05 * 300
    assert 0.3 < np.mean(answered) < 0.6  # 0.6 would be exactly 15 % wrong


def test_everything_is_answered_where_the_risk_allows_it():
    found = selection(*answers(500, 0), risk=0.4)
    assert found.threshold == -np.inf and found.answered.value == 1


def test_no_threshold_where_none_can_be_promised():
    assert selection(*answers(20, 0), risk=0.01) is None
    assert least_risk(20) > 0.01
    sure = np.linspace(0.6, 1, 20), np.ones(20, bool)
    assert selection(*sure, risk=least_risk(20) + 1e-9).answered.value == 1


@pytest.mark.parametrize("risk", [0.5, 0.2, 0.05, 0.01, 0.001])
def test_as_many_examples_as_a_risk_needs_can_promise_it_and_no_fewer(risk):
    n = examples_for(risk)
    assert selection(np.linspace(0.6, 1, n), np.ones(n, bool), risk).answered.value == 1
    assert all(least_risk(fewer) > risk for fewer in range(1, n))


def test_the_bound_is_exact():
    from scipy.stats import binom

    assert binom.cdf(3, 50, upper_bound(3, 50, 0.01)) == pytest.approx(0.01)
    assert upper_bound(0, 0, 0.05) == 1


def test_the_curve_ends_with_all_answered_and_falls_with_the_share():
    confidence, right = answers(1000, 0)
    points = curve(confidence, right)
    assert len(points) == 20 and points[-1][0] == 1
    assert points[-1][1].value == pytest.approx(1 - right.mean())
    assert points[3][1].value < points[-1][1].value and points[3][1].n == 200
    assert [share for share, _ in curve(np.repeat([0.9, 0.6], 50), np.repeat([True, False], 50))] == [0.5, 1]
    assert len(curve(confidence[:3], right[:3])) == 3 and curve(confidence[:0], right[:0]) == []
