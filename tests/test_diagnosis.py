"""Each rule of the diagnosis on signs made for it, and the order in which they speak."""

import math
from typing import Any

import pytest

from unfazed.analysis.diagnosis import (
    CONSTANT,
    DATA,
    DEAD,
    EXPLODING,
    FINE,
    HIGH,
    IMBALANCE,
    LABELS,
    LEAK,
    LOW,
    NARROW,
    OVERFITTING,
    SHORT,
    UNRELATED,
    UNTOLD,
    VANISHING,
    diagnose,
)
from unfazed.analysis.intervals import Estimate, wilson
from unfazed.analysis.signs import Classes, Curve, Epoch, Layer, Signs, Trial

SIMPLER = ("a linear model", wilson(270, 300), Estimate(0.05, 0.01, 0.09, 300))


def signs(**changes: Any) -> Signs:
    """A healthy run of ten classes, and what is different of it."""
    epochs = [Epoch(2.0 * 0.6**e, 2.0 * 0.62**e + 0.05, 1 - 0.6**e, 0.98 - 0.6**e) for e in range(8)]
    healthy = Signs("accuracy", wilson(890, 900), wilson(292, 300), 0.1, 2.3, SIMPLER, epochs, 8, 0.01, 0.01, (32, 32),
                    loss=0.1, trials=[trial(True, 0.0025, 0.1)])  # fmt: skip
    return healthy._replace(**changes)


def trial(kept: bool, rate: float, loss: float, before: float = 0.1) -> Trial:
    gain = before - loss
    return Trial(kept, rate, 40, loss, Estimate(gain, gain - 0.02, gain + 0.02, 300))


def layer(gradient: float = 1e-2, constant: float = 0.0) -> Layer:
    return Layer("stages.1", gradient, constant, 1e-2, 0.0)


POOR = {"train": wilson(400, 900), "validation": wilson(120, 300), "loss": 1.8,
        "trials": [trial(True, 0.0025, 1.8, 1.8)]}  # fmt: skip
BEHIND = {**POOR, "simpler": ("a linear model", wilson(250, 300), Estimate(-0.4, -0.5, -0.3, 300))}
GUESSING = {**POOR, "validation": wilson(31, 300)}
LATER = [Epoch(2.0, 2.0, 0.2, 0.2), Epoch(1.0, 1.2, 0.6, 0.5), *(Epoch(0.1, 2.0, 1.0, 0.5) for _ in range(6))]


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        ({}, FINE),
        ({"variation": 0.002}, CONSTANT),
        ({"leaks": [("outcome", 0.99)]}, LEAK),
        ({"copies": wilson(150, 300)}, LEAK),
        ({"validation": wilson(9, 10)}, UNTOLD),
        ({**POOR, "learning_rate": 1e-6, "trials": [trial(True, 2.5e-7, 1.8, 1.8), trial(True, 0.01, 0.4, 1.8)]}, LOW),
        ({**BEHIND, "learning_rate": 1.0, "trials": [trial(True, 0.25, 2.5, 1.8), trial(False, 0.01, 0.4, 1.8)]}, HIGH),
        ({**BEHIND, "learning_rate": 1e-5, "trials": []}, LOW),
        ({**POOR, "trials": [trial(True, 0.0025, 0.9, 1.8)]}, SHORT),
        ({**BEHIND, "layers": [layer(), layer(), layer(constant=0.9)]}, DEAD),
        ({**BEHIND, "layers": [layer(), layer(), layer(), layer(1e-11)]}, VANISHING),
        ({**BEHIND, "layers": [layer(), layer(), layer(), layer(1e4)]}, EXPLODING),
        ({**GUESSING, "simpler": ("a linear model", wilson(30, 300), Estimate(0, -0.05, 0.05, 300))}, UNRELATED),
        ({**POOR, "width": (4, 64), "validation": wilson(130, 300)}, NARROW),
        ({"classes": Classes(wilson(2, 30), wilson(260, 270), wilson(90, 100), ["rare"], 50.0)}, IMBALANCE),
        ({"suspected": wilson(30, 100)}, LABELS),
        ({"train": wilson(900, 900), "validation": wilson(180, 300), "suspected": wilson(30, 100),
          "rows_per_class": 90.0}, LABELS),
        ({"train": wilson(900, 900), "validation": wilson(150, 300), "suspected": wilson(10, 100)}, DATA),
        ({"train": wilson(200, 200), "validation": wilson(90, 300), "suspected": wilson(45, 100),
          "rows_per_class": 20.0}, DATA),
        ({**GUESSING, "train": wilson(25, 25), "validation": wilson(32, 300), "simpler": None}, DATA),
        ({"train": wilson(900, 900), "validation": wilson(150, 300), "epochs": LATER, "best_epoch": 2}, OVERFITTING),
        ({"train": wilson(900, 900), "validation": wilson(200, 300)}, DATA),
        ({"rows_per_class": 2.0, "validation": wilson(270, 300)}, DATA),
        (BEHIND, UNTOLD),
    ],
)  # fmt: skip
def test_each_flaw_has_its_name(changes: dict[str, Any], cause: str) -> None:
    found = diagnose(signs(**changes))
    assert found.cause == cause
    assert found.paragraph.endswith(".") and found.action and found.evidence


def test_wrong_labels_are_not_taken_for_a_short_training() -> None:
    """More steps learn wrong labels by heart, which lowers the training loss and not that of validation."""
    noisy = {"train": wilson(640, 900), "validation": wilson(205, 300), "suspected": wilson(25, 100)}
    assert diagnose(signs(**noisy, loss=1.4, trials=[trial(True, 0.0025, 1.38, 1.4)])).cause == LABELS


def test_a_small_gain_of_more_steps_is_not_worth_a_training() -> None:
    assert diagnose(signs(trials=[trial(True, 0.0025, 0.07)])).cause == FINE


def test_what_ended_by_steps_is_not_told_to_make_epochs() -> None:
    short = {**POOR, "trials": [trial(True, 0.0025, 0.9, 1.8)]}
    assert diagnose(signs(**short)).action == "Train longer: --epochs 24"
    assert diagnose(signs(**short, ended_by_steps=True)).action == "Train longer: more steps, or more time"


def test_a_leak_outranks_what_it_makes_look_fine() -> None:
    assert diagnose(signs(leaks=[("outcome", 0.99)], suspected=wilson(40, 100))).cause == LEAK


def test_overfitting_names_the_epoch_since_which() -> None:
    found = diagnose(signs(train=wilson(900, 900), validation=wilson(150, 300), epochs=LATER, best_epoch=2))
    assert "since epoch 2" in found.paragraph and "--epochs 2" in found.action


def test_what_more_data_would_buy_is_a_share_of_the_mistakes_that_are_left() -> None:
    curve = Curve([100, 200, 400], [0.5, 0.6, 0.7], Estimate(0.4, 0.2, 0.6, 300))
    found = diagnose(signs(train=wilson(900, 900), validation=wilson(150, 300), curve=curve))
    assert "spare 40.0 % of the mistakes: 20.0 points (10.0 – 30.0)" in found.paragraph


def test_without_trials_the_confidence_is_lower() -> None:
    assert diagnose(signs()).confidence == "high"
    assert diagnose(signs(trials=[])).confidence == "moderate"


def test_numbers_are_diagnosed_by_r2() -> None:
    nothing = Estimate(-0.05, -0.2, 0.05, 300)
    found = diagnose(signs(skill="R²", train=nothing, validation=nothing, guess=0.0,
                           simpler=("a linear model", nothing, Estimate(0, -0.1, 0.1, 300)), loss=1.0,
                           trials=[trial(True, 0.0025, 1.0, 1.0)]))  # fmt: skip
    assert found.cause == UNRELATED and "R² -0.050" in found.paragraph


def test_what_was_not_measured_is_no_evidence() -> None:
    bare = signs(simpler=None, usual_rate=None, width=None, loss=None, trials=[])
    assert bare.rows_per_class == math.inf
    assert set(diagnose(bare).evidence) == {
        "accuracy on training rows", "accuracy on validation rows", "a guess that looks at no input"
    }  # fmt: skip


def test_a_run_is_not_called_flawless_over_labels_that_are_surely_wrong() -> None:
    found = diagnose(signs(wrong=Estimate(79.0, 50.0, 119.0, 1797)))
    assert found.cause == FINE and found.paragraph.startswith("Nothing but some of its labels is wrong")
    assert found.paragraph.endswith("About 79 of 1,797 labels are estimated to be wrong (50 to 119).")
    assert "unfazed label-issues" in found.action
    assert "label" not in diagnose(signs(wrong=Estimate(3.0, 0.0, 9.0, 1797))).paragraph


def test_sentences_begin_with_a_capital_and_names_are_kept() -> None:
    found = diagnose(signs(trials=[trial(True, 0.0025, 0.2, 0.9)], loss=0.9))
    assert found.cause == SHORT and ". Accuracy is" in found.paragraph
    behind = diagnose(signs(simpler=("TF-IDF", wilson(299, 300), Estimate(-0.02, -0.03, -0.01, 300))))
    assert behind.paragraph.startswith("On validation TF-IDF does better")
