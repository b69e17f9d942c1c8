"""Each rule of the diagnosis on signs made for it, and the order in which they speak."""

import math
from pathlib import Path
from typing import Any

import pytest
from fake_run import fake_run
from rich.console import Console

from unfazed.analysis.causes import (
    CONSTANT,
    DATA,
    DEAD,
    EXPLODING,
    FAR,
    FINE,
    HIGH,
    IMBALANCE,
    LABELS,
    LEAK,
    LOW,
    NARROW,
    OVERFITTING,
    SHORT,
    TAIL,
    UNRELATED,
    UNTOLD,
    VANISHING,
)
from unfazed.analysis.diagnosis import diagnose
from unfazed.analysis.diagnosis_words import estimate, points
from unfazed.analysis.intervals import Estimate, wilson
from unfazed.analysis.signs import Classes, Curve, Epoch, Far, Layer, Signs, Tail, Trial
from unfazed.report.diagnosed import listing
from unfazed.report.diagnosed import signs as measured
from unfazed.report.facts import facts

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
LEVEL = ("a linear model", wilson(180, 300), Estimate(0.0, -0.05, 0.05, 300))
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
          "rows_per_class": 90.0, "simpler": LEVEL}, LABELS),
        ({"train": wilson(900, 900), "validation": wilson(150, 300), "suspected": wilson(10, 100)}, DATA),
        ({"train": wilson(200, 200), "validation": wilson(90, 300), "suspected": wilson(45, 100),
          "rows_per_class": 20.0}, DATA),
        ({"guess": 0.6, "train": wilson(590, 900), "validation": wilson(40, 62), "suspected": wilson(9, 30),
          "simpler": ("a linear model", wilson(40, 62), Estimate(0, -0.05, 0.05, 62))}, UNTOLD),
        ({**GUESSING, "train": wilson(25, 25), "validation": wilson(32, 300), "simpler": None}, DATA),
        ({"train": wilson(900, 900), "validation": wilson(150, 300), "epochs": LATER, "best_epoch": 2}, OVERFITTING),
        ({"train": wilson(900, 900), "validation": wilson(200, 300)}, DATA),
        ({"rows_per_class": 2.0, "validation": wilson(270, 300)}, DATA),
        (BEHIND, UNTOLD),
        ({**GUESSING, "simpler": None, "far": Far(6, 1e9, 1, 4e6, 155.0, "row 6")}, FAR),
        ({"skill": "R²", "tail": Tail(23.0, 0.1, 0, 300, 0.9)}, TAIL),
        ({"skill": "R²", "tail": Tail(23.0, 0.1, 90, 300, 0.1)}, TAIL),
        ({"skill": "R²", "tail": Tail(4.0, 0.1, 0, 300, 0.1)}, FINE),
        ({"classes": Classes(wilson(0, 5), wilson(595, 595), wilson(590, 595), ["fraud"], 113.0)}, IMBALANCE),
        ({"classes": Classes(wilson(0, 5), wilson(595, 595), wilson(300, 595), ["fraud"], 113.0)}, FINE),
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
    found = diagnose(signs(leaks=[("day paid", 0.99)], suspected=wilson(40, 100)))
    assert found.cause == LEAK and found.action.endswith("--columns 'day paid=identifier'")


def test_overfitting_names_the_epoch_since_which() -> None:
    found = diagnose(signs(train=wilson(900, 900), validation=wilson(150, 300), epochs=LATER, best_epoch=2))
    assert "since epoch 2" in found.paragraph and "--epochs 2" in found.action


def test_what_more_data_would_buy_is_told_of_the_probe_and_of_the_rows_that_it_was_fitted_to() -> None:
    curve = Curve([100, 200, 400], [0.5, 0.6, 0.7], Estimate(0.4, 0.2, 0.6, 300))
    found = diagnose(signs(train=wilson(900, 900), validation=wilson(150, 300), curve=curve))
    assert "fitted to 400 of the training rows would be spared 40.0 % (20.0 – 60.0) of its mistakes" in found.paragraph
    assert "points" not in found.paragraph


def test_without_trials_the_confidence_is_lower() -> None:
    assert diagnose(signs()).confidence == "high"
    assert diagnose(signs(trials=[])).confidence == "moderate"


def test_numbers_are_diagnosed_by_r2() -> None:
    nothing = Estimate(-0.05, -0.2, 0.05, 300)
    found = diagnose(signs(skill="R²", train=nothing, validation=nothing, guess=0.0,
                           simpler=("a linear model", nothing, Estimate(0, -0.1, 0.1, 300)), loss=1.0,
                           trials=[trial(True, 0.0025, 1.0, 1.0)]))  # fmt: skip
    assert found.cause == UNRELATED and "R² −0.050 (−0.200 to 0.050) on 300" in found.paragraph
    assert found.evidence["R² on validation rows"] == "−0.050 (−0.200 to 0.050), n = 300"
    assert found.evidence["a guess that looks at no input"] == "0.000, n = 300"


def test_negative_shares_have_a_true_minus_and_no_dash_between_their_ends() -> None:
    assert estimate(Estimate(0.0, -0.1, 0.2, 300)) == "0 % (−10.0 to 20.0)"
    assert points(Estimate(-0.01, -0.03, 0.01, 300)) == "−1.0 points (−3.0 to +1.0)"


def test_what_was_not_measured_is_no_evidence() -> None:
    bare = signs(simpler=None, usual_rate=None, width=None, loss=None, trials=[])
    assert bare.rows_per_class == math.inf
    assert set(diagnose(bare).evidence) == {
        "accuracy on training rows", "accuracy on validation rows", "a guess that looks at no input"
    }  # fmt: skip


def test_every_figure_of_the_evidence_says_on_how_many_it_was_measured() -> None:
    classes = Classes(wilson(2, 30), wilson(260, 270), wilson(90, 100), ["rare"], 50.0)
    curve = Curve([500, 1000, 2000], [0.5, 0.6, 0.7], Estimate(0.2, 0.1, 0.3, 800))
    found = diagnose(signs(classes=classes, curve=curve, suspected=wilson(2, 60), copies=wilson(0, 300))).evidence
    counts = {name: [part.split("n = ")[1] for part in said.split("; ")] for name, said in found.items()
              if name not in ("learning rate", "trained for")}  # fmt: skip
    assert counts.pop("recall of rare classes, and of the others") == ["30", "270"]
    assert counts.pop("a guess that looks at no input") == counts.pop(SIMPLER[0]) == ["300"]
    assert counts.pop("accuracy on training rows") == ["900"] and all(counts.values())


def test_no_more_copies_than_among_training_rows_is_no_interval_of_no_width() -> None:
    none = diagnose(signs(copies=Estimate(0.0, 0.0, 0.0, 593))).evidence["held-out inputs with a near copy in training"]
    assert none == "no more than among training rows, n = 593"


def test_a_run_is_not_called_flawless_over_labels_that_are_surely_wrong() -> None:
    found = diagnose(signs(wrong=Estimate(79.0, 50.0, 119.0, 1797)))
    assert found.cause == FINE and found.paragraph.startswith("Nothing but some of its labels is wrong")
    assert found.paragraph.endswith("About 79 of 1,797 labels are estimated to be wrong (50 to 119).")
    assert "unfazed label-issues" in found.action
    assert "label" not in diagnose(signs(wrong=Estimate(3.0, 0.0, 9.0, 1797))).paragraph


def test_labels_of_which_many_are_counted_as_wrong_are_not_fine_though_few_of_the_sure_rows_contradict_them() -> None:
    found = diagnose(signs(wrong=Estimate(211.0, 167.0, 265.0, 1797), suspected=wilson(5, 60)))
    assert (found.cause, found.confidence) == (LABELS, "moderate")
    assert "About 211 of 1,797 labels" in found.paragraph and found.action.startswith("Correct the labels")
    assert diagnose(signs(wrong=Estimate(211.0, 60.0, 265.0, 1797))).cause == FINE


def test_sentences_begin_with_a_capital_and_names_are_kept() -> None:
    found = diagnose(signs(trials=[trial(True, 0.0025, 0.2, 0.9)], loss=0.9))
    assert found.cause == SHORT and ". Accuracy is" in found.paragraph
    behind = diagnose(signs(**FAR_BEHIND))
    assert "On the validation rows TF-IDF does better, by 40.0 points" in behind.paragraph


ONE_EPOCH = {"train": wilson(640, 800), "validation": wilson(180, 300), "usual_epochs": 20, "best_epoch": 1,
             "epochs": [Epoch(1.5, 1.3, 0.5, 0.6)], "loss": 1.3}  # fmt: skip


def test_far_fewer_epochs_than_usual_are_too_few_with_any_sure_gain() -> None:
    """A few steps of a trial cannot make up for a training that lacks thousands."""
    found = diagnose(signs(**ONE_EPOCH, trials=[trial(True, 0.0025, 1.26, 1.3)]))
    assert (found.cause, found.confidence) == (SHORT, "high")
    assert "1 epoch, where 20 are usual" in found.paragraph and found.action.endswith("--epochs 20")
    assert diagnose(signs(**ONE_EPOCH, trials=[trial(True, 0.0025, 1.3, 1.3)])).confidence == "moderate"


def test_few_epochs_that_were_enough_are_not_too_few() -> None:
    learnt = {**ONE_EPOCH, "train": wilson(780, 800), "validation": wilson(290, 300), "trials": []}
    assert diagnose(signs(**learnt)).cause == FINE
    some = {**ONE_EPOCH, "epochs": [ONE_EPOCH["epochs"][0]] * 6, "best_epoch": 6, "trials": []}
    assert diagnose(signs(**some)).cause != SHORT


def test_mistakes_on_its_own_rows_after_fewer_epochs_than_usual_are_for_want_of_time() -> None:
    """The schedule has ended: a few more steps at a low rate show nothing."""
    ahead = ("a linear model", wilson(115, 300), Estimate(0.3, 0.25, 0.35, 300))
    epochs = [Epoch(2.0 * 0.8**e, 2.0 * 0.8**e, 0.7, 0.7) for e in range(4)]
    unfitted = {"train": wilson(680, 900), "validation": wilson(220, 300), "epochs": epochs, "best_epoch": 4,
                "simpler": ahead, "usual_epochs": 8}  # fmt: skip
    found = diagnose(signs(**unfitted))
    assert (found.cause, found.confidence) == (SHORT, "moderate") and "4 epochs; 8 are usual" in found.paragraph
    assert diagnose(signs(**{**unfitted, "usual_epochs": 4})).cause == FINE
    chance = ("boosting", wilson(220, 300), Estimate(0, -0.05, 0.05, 300))
    assert diagnose(signs(**{**unfitted, "simpler": chance})).cause == FINE


def test_the_share_of_an_epoch_that_a_few_steps_are_counts() -> None:
    steps = {**ONE_EPOCH, "usual_epochs": 8, "trials": []}
    assert diagnose(signs(**steps)).cause != SHORT
    assert "for 0.07 epochs, where 8 are usual" in diagnose(signs(**steps, passes=0.07)).paragraph


def test_a_model_that_is_hardly_ever_right_says_nothing_of_labels() -> None:
    lost = {"train": wilson(200, 900), "validation": wilson(66, 300), "suspected": wilson(67, 100), "simpler": LEVEL}
    assert diagnose(signs(**lost)).cause != LABELS


def test_a_wide_interval_is_no_high_confidence_that_all_is_well() -> None:
    assert diagnose(signs(validation=wilson(27, 30))).confidence == "moderate"


def test_a_trial_that_knows_no_more_than_a_guess_helps_nothing() -> None:
    """Of shuffled labels any calmer model is less wrong."""
    calmer = {**GUESSING, "loss": 4.0, "trials": [trial(True, 0.0025, 2.4, 4.0)],
              "simpler": ("a linear model", wilson(30, 300), Estimate(0, -0.05, 0.05, 300))}  # fmt: skip
    assert diagnose(signs(**calmer)).cause == UNRELATED


def test_a_model_of_a_rare_class_is_not_taken_for_a_guess() -> None:
    rare = {"guess": 0.99, "guess_loss": 0.06, "train": wilson(9990, 10_000), "validation": wilson(4996, 5000)}
    assert diagnose(signs(**rare, simpler=None)).cause == FINE


@pytest.mark.parametrize(
    "validation", [wilson(26, 40), Estimate(0.8, 0.0, 1.0, 40), Estimate(0.8, math.nan, math.nan, 40)]
)
def test_what_is_not_shown_to_be_more_than_a_guess_is_not_shown_to_be_none(validation: Estimate) -> None:
    found = diagnose(signs(guess=0.5, train=wilson(90, 100), validation=validation, simpler=None, trials=[]))
    assert found.cause != UNRELATED


def test_what_falls_in_a_sentence_falls() -> None:
    rising = [Epoch(0.9, 1.0, 0.5, 0.5), Epoch(0.5, 0.6, 0.8, 0.7),
              *(Epoch(train, 1.2, 0.9, 0.6) for train in (0.3, 0.35, 0.52))]  # fmt: skip
    said = diagnose(signs(train=wilson(890, 900), validation=wilson(180, 300), epochs=rising, best_epoch=2)).paragraph
    assert "fell from 0.72 bits to 0.56 bits" in said


def test_a_part_of_an_epoch_is_told() -> None:
    said = diagnose(signs(**{**ONE_EPOCH, "passes": 1.2})).paragraph
    assert "1.2 epochs" in said and "1 epochs" not in said


def test_a_share_is_rounded_to_all_or_nothing_only_where_it_is_that() -> None:
    assert "> 99.9 %" in diagnose(signs(train=wilson(99_999, 100_000))).paragraph


def test_where_only_the_network_falls_short_its_labels_are_not_blamed() -> None:
    """A model that has much to learn yet is wrong where it is surest, too: another kind of model ends elsewhere."""
    hard = {"train": wilson(900, 900), "validation": wilson(180, 300), "suspected": wilson(30, 100),
            "rows_per_class": 90.0, "simpler": LEVEL}  # fmt: skip
    assert diagnose(signs(**hard)).cause == LABELS
    ahead = ("a linear model", wilson(120, 300), Estimate(0.2, 0.15, 0.25, 300))
    assert diagnose(signs(**{**hard, "simpler": ahead})).cause == DATA


def test_labels_are_blamed_with_high_confidence_where_three_signs_agree() -> None:
    noisy = {"train": wilson(640, 900), "validation": wilson(205, 300), "suspected": wilson(25, 100), "simpler": LEVEL}
    audit = {"wrong": Estimate(300, 250, 350, 1200), "disagreement": 0.3}
    assert diagnose(signs(**noisy, **audit)).confidence == "high"
    assert diagnose(signs(**noisy, **{**audit, "disagreement": 0.6})).confidence == "moderate"
    assert diagnose(signs(**noisy)).confidence == "moderate"


RISES = {"train": wilson(40, 40), "validation": wilson(150, 300), "epochs": LATER, "best_epoch": 2}


def test_labels_learnt_by_heart_are_wrong_ones_where_the_audit_is_sure_of_many() -> None:
    """Beside clean validation labels: these contradict nothing, and a gap alone would ask for more rows."""
    learnt = {"train": wilson(900, 900), "validation": wilson(240, 300), "suspected": wilson(0, 30)}
    assert diagnose(signs(**learnt)).cause == DATA
    found = diagnose(signs(**learnt, wrong=Estimate(180, 130, 240, 1200)))
    assert found.cause == LABELS and found.confidence == "moderate" and "unfazed label-issues RUN" in found.action
    assert "About 180 of 1,200 labels are estimated to be wrong (130 to 240)." in found.paragraph
    for unsure in (Estimate(180, 40, 240, 1200), Estimate(300, 100, 400, 1200)):  # of few; most may be its mistakes
        assert diagnose(signs(**learnt, wrong=unsure)).cause == DATA


def test_a_loss_that_rises_on_few_rows_wants_more_rows_unless_nothing_held_back() -> None:
    few, bare = diagnose(signs(**RISES)), diagnose(signs(**RISES, restrained=False))
    assert few.cause == DATA and "overfits since epoch 2" in few.paragraph
    assert (bare.cause, bare.confidence) == (OVERFITTING, "high")


@pytest.mark.parametrize(("given", "action"), [
    ({"restrained": False}, "Stop earlier and hold back: --epochs 2 --weight-decay auto (now 0)"),
    ({"idle": ["augmentation", "dropout"]}, "Stop earlier and hold back: --epochs 2 --augmentation 0.5 (now 0)"),
    ({"idle": ["dropout"], "usual_epochs": 60},
     "Hold back: --dropout 0.2 (now 0), with as many epochs: the weights of epoch 2 are kept anyway, so that fewer "
     "change little"),
    ({}, "Label more examples like these, the most useful first: unfazed query RUN FOLDER. --epochs 2 takes less time: "
     "the weights of epoch 2 are kept anyway"),
])  # fmt: skip
def test_against_overfitting_what_is_not_done_yet_is_advised_and_no_training_too_short(
    given: dict[str, Any], action: str
) -> None:
    found = diagnose(signs(**{**RISES, "train": wilson(900, 900)}, **given))
    assert (found.cause, found.action) == (OVERFITTING, action)


def test_a_slight_rise_is_overfitting_only_where_nothing_held_back() -> None:
    slight = [Epoch(2.0, 2.0, 0.2, 0.2), Epoch(1.0, 1.2, 0.6, 0.5), *(Epoch(0.1, 1.26, 1.0, 0.5) for _ in range(6))]
    rises = {**RISES, "train": wilson(900, 900), "epochs": slight}
    assert diagnose(signs(**rises)).cause == DATA
    bare = diagnose(signs(**rises, restrained=False))
    assert (bare.cause, bare.confidence) == (OVERFITTING, "moderate")


TF_IDF = Estimate(-0.4, -0.45, -0.35, 300)
FAR_BEHIND = {"train": wilson(500, 900), "validation": wilson(165, 300), "loss": 1.8,
              "trials": [trial(True, 0.0025, 1.8, 1.8)],
              "simpler": ("TF-IDF", wilson(285, 300), TF_IDF)}  # fmt: skip


def test_a_simpler_model_a_little_ahead_is_what_to_use_and_no_flaw() -> None:
    near = diagnose(signs(simpler=("TF-IDF", wilson(299, 300), Estimate(-0.02, -0.03, -0.01, 300))))
    assert (near.cause, near.confidence) == (FINE, "moderate")
    assert near.action.startswith("Use TF-IDF")
    assert diagnose(signs(**FAR_BEHIND)).cause == UNTOLD


def test_a_simpler_model_ahead_on_test_rows_alone_is_named_and_chooses_no_cause() -> None:
    gap = {"train": wilson(900, 900), "validation": wilson(200, 300), "simpler": None}
    ahead = diagnose(signs(**gap, ahead_on_test=("TF-IDF", TF_IDF)))
    assert ahead.cause == diagnose(signs(**gap)).cause == DATA
    assert "On the test rows TF-IDF does better" in ahead.paragraph
    assert ahead.action.startswith("Use TF-IDF") and "TF-IDF" not in diagnose(signs(**gap)).action


def test_probabilities_that_are_surely_off_are_told_of() -> None:
    off = diagnose(signs(calibration_error=Estimate(0.06, 0.04, 0.08, 300)))
    assert off.cause == FINE and "probabilities are off by 6.0 % (4.0 – 8.0)" in off.paragraph
    assert "probabilities" not in diagnose(signs(calibration_error=Estimate(0.03, 0.01, 0.05, 300))).paragraph


def test_a_column_close_to_a_number_is_a_leak_with_less_confidence_than_its_repetition() -> None:
    part, whole = (diagnose(signs(skill="R²", leaks=[("members", share)])) for share in (0.93, 0.99))
    assert (part.confidence, whole.confidence) == ("moderate", "high")
    assert "explains 93.0 % of the target's variance" in part.paragraph


def test_rare_classes_are_imbalanced_whether_or_not_they_are_ranked() -> None:
    ranked, unranked = (Classes(wilson(0, 60), wilson(60, 60), pairs, ["rare"], 50.0)
                        for pairs in (wilson(90, 100), wilson(50, 100)))  # fmt: skip
    assert (diagnose(signs(classes=ranked)).cause, diagnose(signs(classes=ranked)).confidence) == (IMBALANCE, "high")
    assert diagnose(signs(classes=unranked)).confidence == "moderate"


def test_more_rows_are_wanted_with_high_confidence_where_few_or_a_curve_say_so() -> None:
    gap = {"train": wilson(900, 900), "validation": wilson(150, 300)}
    curve = Curve([100, 200, 400], [0.5, 0.6, 0.7], Estimate(0.4, 0.2, 0.6, 300))
    assert diagnose(signs(**gap)).confidence == "moderate"
    assert diagnose(signs(**gap, curve=curve)).confidence == "high"
    assert diagnose(signs(**{**gap, "train": wilson(30, 30)})).confidence == "high"


def test_few_groups_tell_nothing_of_new_ones_unless_they_agree() -> None:
    alike, apart = Estimate(0.97, 0.85, 1.0, 300), Estimate(0.97, 0.4, 1.0, 300)
    assert diagnose(signs(validation=alike, groups=8)).cause == FINE
    found = diagnose(signs(validation=apart, groups=8))
    assert found.cause == UNTOLD and "come in 8 groups, too few to tell" in found.paragraph
    assert "too few" not in diagnose(signs(validation=apart, groups=40)).paragraph
    alone = diagnose(signs(skill="R²", validation=Estimate(0.9, math.nan, math.nan, 300), groups=1))
    assert "come in 1 group, too few" in alone.paragraph and "R² is 0.900 (interval not known)" in alone.paragraph


def test_names_in_the_evidence_are_no_markup() -> None:
    found = {"cause": FINE, "confidence": "high", "paragraph": "", "action": "", "evidence": {"a column": "price[/b]"}}
    console = Console(width=80)
    with console.capture() as capture:
        console.print(listing(found, "runs/1"))
    assert "price[/b]" in capture.get()


def test_in_a_terminal_commands_have_the_path_of_the_run() -> None:
    action = "Label more, the most useful first: unfazed query RUN FOLDER"
    found = {"cause": FINE, "confidence": "high", "paragraph": "RUN it.", "action": action, "evidence": {}}
    console = Console(width=120)
    with console.capture() as capture:
        console.print(listing(found, Path("my runs/1")))
    assert "unfazed query 'my runs/1' FOLDER" in capture.get() and "RUN it." in capture.get()


def test_what_to_do_of_numbers_far_off_and_heavy_tailed_is_said() -> None:
    apart = diagnose(signs(far=Far(6, 1e9, 1, 4e6, 155.0, "row 6")))
    assert "row 6 = 1e+09" in apart.paragraph and "4,000,000 times" in apart.paragraph and "Correct it" in apart.action
    heavy = diagnose(signs(skill="R²", tail=Tail(23.0, 0.1, 90, 300, 0.9, target="“sales”")))
    assert "90 of 300 predictions are 0 or less" in heavy.paragraph
    assert heavy.action.startswith("Predict the logarithm: replace “sales”")


def test_of_several_targets_far_off_only_the_farthest_is_as_far() -> None:
    said = diagnose(signs(far=Far(6, 1e9, 3, 4e6, 155.0, "row 6"))).paragraph
    assert "3 targets, row 6 = 1e+09 the farthest, are up to 4,000,000 times as far" in said


def test_rows_that_make_most_of_the_squared_error_are_counted() -> None:
    one, three = (diagnose(signs(skill="R²", tail=Tail(23.0, 0.1, 0, 300, 0.9, few, among))).paragraph
                  for few, among in ((1, 60), (3, 345)))  # fmt: skip
    assert "One of 60 rows makes 90.0 % of the squared error" in one
    assert "3 of 345 rows make 90.0 % of the squared error" in three


@pytest.mark.parametrize("ails", [{"far": Far(6, 1e9, 1, 4e6, 155.0, "r7")}, {"tail": Tail(23.0, 0.1, 0, 300, 0.9)}])
def test_a_training_that_squares_no_errors_is_not_said_to_be_about_few_rows(ails: dict[str, Any]) -> None:
    squared, absolute = (diagnose(signs(skill="R²", squares=does, **ails)).paragraph for does in (True, False))
    assert "R² and training itself are about" in squared
    assert "R² is about" in absolute and "training itself" not in absolute


def test_where_classes_count_the_same_already_their_weight_is_no_advice() -> None:
    rare = Classes(wilson(0, 5), wilson(595, 595), wilson(590, 595), ["fraud"], 113.0)
    found = diagnose(signs(classes=rare, skill="balanced accuracy"))
    assert found.cause == IMBALANCE and "--class-weights" not in found.action
    assert found.action.startswith("Label more rows of rare classes") and "call a row “fraud”" in found.action


def test_rare_classes_that_are_not_named_are_counted() -> None:
    five, three = (Classes(wilson(2, 30), wilson(260, 270), wilson(90, 100), list(names), 50.0)
                   for names in ("abcde", "abc"))  # fmt: skip
    assert "of “a”, “b”, “c” and 2 more (n = 30)" in diagnose(signs(classes=five)).paragraph
    assert "of “a”, “b”, “c” (n = 30)" in diagnose(signs(classes=three)).paragraph


def test_a_list_of_labels_is_named_only_where_there_is_one() -> None:
    contradicted, counted = {"suspected": wilson(30, 100)}, {"wrong": Estimate(211.0, 167.0, 265.0, 1797)}
    some = {"wrong": Estimate(79.0, 50.0, 119.0, 1797)}
    for found in (contradicted, counted, some):
        listed, none = (diagnose(signs(**found, listed=count)).action for count in (12, 0))
        assert listed.endswith("orrect the labels that are listed, worst first: unfazed label-issues RUN")
        assert "orrect what is wrong among the validation examples" in none and "label-issues" not in none


def test_of_labels_that_were_not_judged_none_are_listed(tmp_path: Path) -> None:
    run = fake_run(tmp_path / "run", rows=200)
    told, table, probs = facts(run), run.table(), run.scores()["probs"]
    assert measured(run, told, table, probs).listed is None
    assert measured(run, {**told, "labels": {"missing": "too many", "first": []}}, table, probs).listed == 0


def test_of_equal_targets_the_skill_is_not_known() -> None:
    unknown = Estimate(math.nan, math.nan, math.nan, 60)
    found = diagnose(signs(skill="R²", guess=0.0, validation=unknown, simpler=None))
    assert "not known on validation rows (n = 60)" in found.paragraph and "nan" not in found.paragraph
    assert found.evidence["R² on validation rows"] == "not known, n = 60"


def test_a_rare_class_that_is_ranked_well_may_be_named_from_a_lower_probability_on() -> None:
    rare = Classes(wilson(0, 5), wilson(595, 595), wilson(590, 595), ["fraud"], 113.0)
    assert "--class-weights balanced, or call a row “fraud”" in diagnose(signs(classes=rare)).action
