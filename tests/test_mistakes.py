"""Means that rare mistakes carry: coverage and false claims where a sample often holds none of them."""

import numpy as np
import pytest

from unfazed.analysis.calibration import brier_score
from unfazed.analysis.comparison import paired_bootstrap, surprise_difference, surprise_test
from unfazed.analysis.intervals import paired_mean, wilson
from unfazed.analysis.metrics import classification, probability_scores
from unfazed.analysis.mistakes import chance_of_as_few, ranked, ranked_sets, surprising, with_more
from unfazed.analysis.multilabel import multilabel
from unfazed.analysis.surprise import surprise

SEPARATE = 6.8  # classes so far apart: 99.8 % right


def logits(n, generator, apart=SEPARATE, classes=10):
    """The logits of a perfect model of examples [n]."""
    y = generator.integers(0, classes, n)
    x = generator.standard_normal((n, classes))
    x[np.arange(n), y] += apart / np.sqrt(2)
    return y, x * apart / np.sqrt(2)


def probs_of(logits, temperature=1.0):
    raised = np.exp((logits - logits.max(1, keepdims=True)) / temperature)
    return (raised / raised.sum(1, keepdims=True)).astype(np.float32)


def test_of_equally_surprised_models_the_surer_one_is_not_called_better():
    """At 0.8 and 1.19 the expected surprise is the same; without mistakes in the sample the first looks better."""
    generator, claims = np.random.default_rng(0), np.zeros(4)
    for _ in range(100):
        y, drawn = logits(100, generator)
        sure, unsure = probs_of(drawn, 0.8), probs_of(drawn, 1.19)
        bits = surprise(y, sure) - surprise(y, unsure)
        found, chance = surprise_test(y, sure, unsure)
        claims += [paired_bootstrap(bits)[1] <= 0.05, chance <= 0.05, paired_mean(bits).high < 0,
                   surprise_difference(y, sure, unsure).high < 0]  # fmt: skip
        assert found.high >= 0 or chance <= 0.05, "the interval and the probability say the same"
    assert claims[0] > 30 and claims[2] > 30, "what this is for"
    assert claims[1] <= 5 and claims[3] <= 5


def test_a_truly_better_model_is_still_found():
    generator, claims = np.random.default_rng(1), np.zeros(2)
    for _ in range(30):
        y, drawn = logits(300, generator, apart=5.6)
        worse = probs_of(drawn + 2.5 * generator.standard_normal(drawn.shape))
        found, chance = surprise_test(y, probs_of(drawn), worse)
        claims += [chance <= 0.05 and found.high < 0, surprise_difference(y, probs_of(drawn), worse).high < 0]
    assert claims.min() >= 28


@pytest.mark.parametrize("n", [36, 100])
def test_the_intervals_of_a_nearly_flawless_model_cover(n):
    generator = np.random.default_rng(2)
    y, drawn = logits(200_000, generator)
    probs = probs_of(drawn)
    truth = (surprise(y, probs).mean() * np.log(2), brier_score(y[:50_000], probs[:50_000]).value)
    held = np.zeros(2)
    for trial in range(100):
        rows = generator.integers(0, len(y), n)
        found = probability_scores(y[rows], probs[rows], trial)
        ends = [found[name] for name in ("log_loss", "brier_score_loss")]
        held += [one.low <= true <= one.high for one, true in zip(ends, truth, strict=True)]
    assert held.min() >= 93


def test_no_mistake_in_the_sample_is_no_proof_that_there_are_none():
    y = np.arange(60) % 3
    sure = np.where(np.eye(3)[y] > 0, 0.998, 0.001)
    found = classification(y, sure)
    cost = np.log(998) * wilson(0, 60).high
    assert found["log_loss"].high == pytest.approx(found["log_loss"].value + cost, rel=1e-3)
    assert found["d2_log_loss_score"].low == pytest.approx(1 - found["log_loss"].high / np.log(3), rel=1e-3)
    assert found["log_loss"].low == pytest.approx(found["log_loss"].value)


def test_groups_hold_fewer_mistakes_than_as_many_strangers():
    y = np.arange(60) % 3
    sure = np.where(np.eye(3)[y] > 0, 0.998, 0.001)
    sizes = (1, 6, 60)
    alone, of_ten, of_one = (probability_scores(y, sure, groups=np.arange(60) // size)["log_loss"] for size in sizes)
    assert of_ten.high > 1.5 * alone.high and np.isnan(of_one.high), "a single group tells nothing"


def test_more_mistakes_that_speak_for_the_better_model_change_nothing():
    y, drawn = logits(200, np.random.default_rng(3), apart=4.0)
    mistakes = surprising(y, probs_of(drawn), probs_of(drawn, 3.0))
    assert mistakes[1].mean() > 0
    assert chance_of_as_few(0.2, mistakes) == 0 and chance_of_as_few(0.0, mistakes) == 0
    share = wilson(int(mistakes[0].sum()), 200)
    edge = -(share.high - share.value) * mistakes[1].mean()
    assert chance_of_as_few(edge, mistakes) == pytest.approx(0.05, rel=1e-6), "Wilson's interval is the score test's"
    assert chance_of_as_few(2 * edge, mistakes) < 0.05 < chance_of_as_few(edge / 2, mistakes)


def test_the_runner_up_is_the_next_likeliest_class_or_set(monkeypatch: pytest.MonkeyPatch) -> None:
    probs = np.array([[0.2, 0.5, 0.3], [0.1, 0.1, 0.8]])
    monkeypatch.setattr("unfazed.analysis.mistakes.CELLS", 3)
    first, second = ranked(probs)
    assert first.tolist() == [1, 2] and second.tolist() == [2, 0]
    assert [part.tolist() for part in ranked(probs[:, :1])] == [[0, 0], [0, 0]], "of one class there is no other"
    first, second = ranked_sets(np.array([[0.9, 0.4, 0.1]]))
    assert first.tolist() == [[1, 0, 0]] and second.tolist() == [[1, 1, 0]]


def test_flawless_sets_are_not_sure_of_their_surprise():
    y = (np.random.default_rng(4).random((80, 4)) < 0.3).astype(np.float32)
    probs = np.where(y > 0, 0.99, 0.01)
    found = multilabel(y, probs, probs > 0.5)["log_loss"]
    assert found.high == pytest.approx(found.value + wilson(0, 80).high * np.log(99), rel=1e-3)
    mistakes = surprising(y, probs)
    assert not mistakes[0].any() and with_more(found._replace(value=np.nan), mistakes).high == found.high
