"""Examples in groups: intervals that hold the truth about new groups, and those that take members for strangers."""

import math

import numpy as np
import pytest

from unfazed.analysis.calibration import calibration_error
from unfazed.analysis.comparison import examples_needed, mcnemar, paired_bootstrap
from unfazed.analysis.errors import r2_difference, regression
from unfazed.analysis.groups import effective, sign_flips, sums
from unfazed.analysis.intervals import median, paired_difference, paired_mean, proportion, ratio_of_means, wilson
from unfazed.analysis.metrics import classification, per_class, per_class_in_groups
from unfazed.analysis.metrics import confusion as counted
from unfazed.analysis.multilabel import f1_difference, multilabel, per_label

GROUPS, SIZE = 20, 25
TRIALS = 300
MEMBERS = np.repeat(np.arange(GROUPS), SIZE)


def covered(draw, measure, truth, trials=TRIALS):
    """How often an interval holds the truth, with the groups and without."""
    held = [0, 0]
    for trial in range(trials):
        drawn = draw(np.random.default_rng(trial))
        for place, groups in enumerate((MEMBERS, None)):
            found = measure(drawn, groups)
            held[place] += found.low <= truth <= found.high
    return held[0] / trials, held[1] / trials


def shares(generator, mean=0.8, alike=0.3):
    """The probability that an example is right, one for each group; `alike`: the correlation within them."""
    strength = 1 / alike - 1
    return generator.beta(mean * strength, (1 - mean) * strength, GROUPS)[MEMBERS]


def right(generator):
    return generator.random(len(MEMBERS)) < shares(generator)


def test_a_share_of_grouped_examples_is_covered() -> None:
    own, without = covered(right, proportion, 0.8)
    assert own >= 0.92 and without < 0.65


def test_a_rare_mistake_is_covered_though_most_groups_are_flawless() -> None:
    own, without = covered(lambda generator: generator.random(len(MEMBERS)) < shares(generator, 0.98), proportion, 0.98)
    assert own >= 0.92 and without < 0.65


def test_examples_that_only_happen_to_have_groups_cost_little() -> None:
    strangers = [proportion(np.random.default_rng(seed).random(500) < 0.8, MEMBERS) for seed in range(100)]
    usual = [one.high - one.low for one in strangers]
    assert np.mean(usual) < 1.3 * (wilson(400, 500).high - wilson(400, 500).low)
    assert np.mean([one.low <= 0.8 <= one.high for one in strangers]) >= 0.9


def test_twenty_flawless_groups_count_as_twenty() -> None:
    found = proportion(np.ones(500, bool), MEMBERS)
    assert found.value == found.high == 1 and found.n == 500
    assert 0.8 < found.low < wilson(20, 20).low + 0.01, "not 0.992, as of 500 strangers"


def test_one_group_says_nothing_of_others() -> None:
    one, y = np.zeros(50, np.int64), np.arange(50) % 2
    assert proportion(y > 0, one) == (0.5, 0.0, 1.0, 50)
    assert paired_difference(y > 0, y > 1, one).low <= -0.9
    assert math.isinf(paired_mean(y.astype(float), groups=one).high)
    found = classification(y, np.eye(2)[y] * 0.8 + 0.1, groups=one)
    assert (found["f1_macro"].low, found["f1_macro"].high) == (0, 1)
    assert math.isnan(found["log_loss"].low) and found["calibration_error"].high == 1


def test_a_difference_of_paired_models_is_covered_and_not_claimed_by_chance() -> None:
    """Neither is the better one, but in each group one of the two is."""

    def two(generator):
        lead = generator.choice([0.3, -0.3], GROUPS)[MEMBERS]
        drawn = generator.random(len(MEMBERS))
        return drawn < 0.5 + lead, drawn < 0.5 - lead

    own, without = covered(two, lambda pair, groups: paired_difference(*pair, groups), 0.0)
    assert own >= 0.92 and without < 0.65
    claims = [mcnemar(*two(np.random.default_rng(seed)), MEMBERS) <= 0.05 for seed in range(TRIALS)]
    assert np.mean(claims) <= 0.07


def test_a_mean_of_skewed_losses_is_covered() -> None:
    def losses(generator):
        return generator.exponential(1.0, GROUPS)[MEMBERS] * generator.exponential(1.0, len(MEMBERS))

    own, without = covered(
        losses, lambda drawn, groups: ratio_of_means(drawn, np.ones(len(drawn)), 100.0, 0, groups), 1.0, 150
    )
    assert own >= 0.9 and without < 0.65
    own, without = covered(losses, lambda drawn, groups: paired_mean(drawn, groups=groups), 1.0)
    assert own >= 0.86 and without < 0.65
    own, without = covered(losses, lambda drawn, groups: paired_bootstrap(drawn, groups=groups)[0], 1.0, 100)
    assert own >= 0.85 and without < 0.65


def labelled(generator):
    """Three classes; in some groups the model knows next to none of them."""
    y = generator.integers(0, 3, len(MEMBERS))
    predicted = np.where(generator.random(len(MEMBERS)) < shares(generator), y, (y + 1) % 3)
    return y, np.eye(3)[predicted] * 0.7 + 0.1  # says that it is 80 % sure, and is


@pytest.mark.parametrize(("name", "truth"), [("f1_macro", 0.8), ("recall_macro", 0.8)])
def test_averages_over_classes_are_covered(name: str, truth: float) -> None:
    own, without = covered(
        labelled, lambda drawn, groups: classification(*drawn, groups=groups)[name], truth, trials=60
    )
    assert own >= 0.9 and without < 0.65


def test_a_model_that_is_calibrated_is_not_called_off_for_its_groups() -> None:
    own, without = covered(labelled, lambda drawn, groups: calibration_error(*drawn, groups), 0.0)
    assert own >= 0.93 and without < 0.9


def test_every_class_is_covered() -> None:
    def recall(drawn, groups):
        y, predicted = drawn[0], drawn[1].argmax(1)
        scores = per_class(counted(y, predicted, 3)) if groups is None else per_class_in_groups(y, predicted, 3, groups)
        return scores[0].recall

    own, without = covered(labelled, recall, 0.8)
    assert own >= 0.92 and without < 0.8


def sets(generator):
    y = (generator.random((len(MEMBERS), 4)) < 0.4).astype(float)
    missed = generator.random((len(MEMBERS), 4)) > shares(generator)[:, None]
    return y, (y > 0) & ~missed


def test_sets_of_labels_are_covered() -> None:
    truth = 2 * 0.8 / 1.8
    own, without = covered(
        sets, lambda drawn, groups: multilabel(drawn[0], drawn[1] * 0.9, drawn[1], groups=groups)["f1_micro"], truth, 60
    )
    assert own >= 0.88 and without < 0.65
    y, predicted = sets(np.random.default_rng(0))
    strangers, grouped = (per_label(y, predicted * 0.9, predicted, groups)[0] for groups in (None, MEMBERS))
    for name in ("recall", "f1", "average_precision"):
        one, other = getattr(strangers, name), getattr(grouped, name)
        assert other.value == one.value and other.low < one.low and other.n == one.n, name
    flawless = multilabel(y, y * 0.9, y > 0, groups=MEMBERS)
    assert flawless["f1_micro"].high == 1 and flawless["f1_micro"].low < multilabel(y, y * 0.9, y > 0)["f1_micro"].low
    found = f1_difference(y, predicted, y > 0, groups=MEMBERS)
    alone = f1_difference(y, predicted, y > 0)
    assert found.value == alone.value and found.high - found.low > 1.5 * (alone.high - alone.low)


def test_numbers_are_covered() -> None:
    def numbers(generator):
        y = generator.normal(0, 1, len(MEMBERS))
        return y, y + generator.normal(0, 0.5, GROUPS)[MEMBERS] + generator.normal(0, 0.1, len(MEMBERS))

    own, without = covered(numbers, lambda drawn, groups: regression(*drawn, groups=groups)["mse"], 0.26, trials=80)
    assert own >= 0.88 and without < 0.65
    y, said = numbers(np.random.default_rng(1))
    apart = [r2_difference(y, y + 0.1, said, groups) for groups in (None, MEMBERS)]
    assert apart[1].value == apart[0].value and apart[1].low < apart[0].low


def test_groups_of_one_are_strangers() -> None:
    generator = np.random.default_rng(0)
    alone, drawn = np.arange(80), generator.random(80) < 0.7
    other = np.where(generator.random(80) < 0.8, drawn, ~drawn)
    assert effective(drawn, alone) == pytest.approx(80, rel=0.05)
    assert proportion(drawn, alone) == pytest.approx(proportion(drawn), abs=0.01)
    assert sign_flips(drawn.astype(int) - other, alone) == pytest.approx(mcnemar(drawn, other))
    assert median(np.arange(80.0), alone) == pytest.approx(median(np.arange(80.0)), abs=1)


def test_the_signs_of_groups_are_flipped_exactly() -> None:
    from itertools import product

    groups = np.repeat(np.arange(9), 6)
    drawn = np.random.default_rng(3).choice([1, 0, -1], 54, p=[0.35, 0.5, 0.15])
    own = sums(drawn, groups)
    flipped = np.abs(np.array(list(product([1, -1], repeat=9))) @ own)
    assert sign_flips(drawn, groups) == pytest.approx(np.mean(flipped >= abs(own.sum())))
    five = np.repeat(np.arange(5), 6)
    assert sign_flips(np.ones(30, int), five) == pytest.approx(2 / 32), "five groups prove nothing"


def test_gaps_among_the_numbers_of_groups_are_no_groups() -> None:
    assert sums(np.ones((5, 2)), np.array([9, 1, 9, 3, 1])).tolist() == [[2, 2], [1, 1], [2, 2]]
    drawn = np.arange(40) % 4 > 0
    assert proportion(drawn, np.repeat([7, 50, 2, 9], 10)) == proportion(drawn, np.repeat([0, 1, 2, 3], 10))


def test_as_many_more_examples_are_needed_as_groups_take_away() -> None:
    lead = np.repeat(np.random.default_rng(0).normal(0.1, 0.3, GROUPS), SIZE)
    differences = lead + np.random.default_rng(1).normal(0, 0.3, len(MEMBERS))
    assert examples_needed(differences, groups=MEMBERS) > 5 * examples_needed(differences)


def test_a_median_lies_between_the_quantiles_that_a_half_allows() -> None:
    held = [
        (found := median(np.random.default_rng(seed).exponential(1, 60))).low <= math.log(2) <= found.high
        for seed in range(TRIALS)
    ]
    assert 0.91 <= np.mean(held) <= 0.985
    assert math.isnan(median(np.zeros(0)).value)
