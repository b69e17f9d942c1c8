"""What is said of a run that predicts numbers: only what its figures hold, beside what simpler models reach."""

import math
from typing import Any

import pytest

from unfazed.report import words
from unfazed.report.numbers_page import hero, predictions
from unfazed.report.numbers_verdict import headline, verdict

SPLITS = ("train", "validation", "test")


def estimate(value: float, half: float = 0.02, n: int = 200) -> dict[str, Any]:
    return {"value": value, "low": value - half, "high": value + half, "n": n}


def told(train: float = 0.7, held_out: float = 0.68, **changes: Any) -> dict[str, Any]:
    """The facts that sentences are made of."""
    r2 = {"train": train, "validation": held_out, "test": held_out}
    mean = {split: {"mae": estimate(20.0), "r2": estimate(0.0)} for split in SPLITS[1:]}
    return {
        "task": "tabular regression", "evaluated_on": "test", "target": {"name": "price", "mean": 0, "deviation": 1},
        **{split: {"mae": estimate(10.0), "r2": estimate(value)} for split, value in r2.items()},
        "baselines": {"mean": mean}, "epochs": [], "best_epoch": None, "recipe": {},
        **changes,
    }  # fmt: skip


def said(facts: dict[str, Any]) -> str:
    return "\n".join(line["text"] for line in verdict(facts))


def test_the_headline_names_what_is_predicted() -> None:
    said = "“price” predicted: off by 10.00 on average (9.980 – 10.02) over 200 test rows; R² 0.680 ("
    assert headline(told()).startswith(said)
    assert headline(told(target={"name": None})).startswith("off by ")
    assert len(headline(told(target={"name": "x" * 5000}))) < 200


@pytest.mark.parametrize(("r2", "shown"), [
    (0.9962, ">99.6<"), (0.99996, ">&gt; 99.9<"), (1.0, ">100<"), (0.0004, ">&lt; 0.1<"), (-0.31, ">−0.31<"),
    (-0.0003, ">−0.00030<"),
])  # fmt: skip
def test_the_share_of_the_page_is_all_or_nothing_only_where_it_is_that(r2: float, shown: str) -> None:
    page = str(hero(told(held_out=r2, source={"name": "t.csv"}, counts={"all": 400})))
    assert shown in page[page.index("<h1") : page.index("</h1>")]
    assert ("the mean of “price” over these very rows would have been closer" in page) == (r2 < 0)


def test_ends_below_zero_are_told_apart() -> None:
    assert words.bounds({"low": -3, "high": -1}) == "−3.000 to −1.000"
    assert words.bounds({"low": None, "high": 1}) == "interval not known"
    assert words.number(-48310.2) == "−48,310" and words.bits(-1.5) == "−1.50 bits"
    assert words.figure(-0.00001) == "0.000"
    assert words.figure(-2111200592.9) == "−2.111e9" and words.figure(999_999.9996) == "1.000e6"
    assert words.figure(-999_999.0) == "−999999.000"
    assert "R² 0.010 (−0.010 to 0.030)" in headline(told(held_out=0.01))


def test_of_one_group_no_ends_are_told() -> None:
    facts = told()
    for name in ("mae", "r2"):
        facts["test"][name] |= {"low": None, "high": None}
    assert "on average (interval not known) over" in headline(facts)
    assert "R² 0.680 (interval not known)" in headline(facts)
    assert "not shown to be better" in said(facts)


COVERED = {
    "neither is told from": (0.5, 0.9),
    "too few; it is surer": (0.4, 0.8),
    "less sure than it could be": (0.6, 0.95),
    "large errors are more frequent": (0.6, 0.8),
}


@pytest.mark.parametrize("sentence", COVERED)
def test_coverage_is_held_against_what_it_ought_to_be(sentence: str) -> None:
    half, most = (estimate(share) for share in COVERED[sentence])
    facts = told()
    facts["test"] |= {"coverage_50": half, "coverage_90": most}
    assert sentence in said(facts)


def test_bits_are_told_beside_what_a_blind_gaussian_takes() -> None:
    facts = told()
    facts["test"] |= {"nll": estimate(0.5), "nll_difference": estimate(0.9)}
    facts["baselines"]["mean"]["test"]["nll"] = estimate(1.4)
    assert f"costs {0.5 / math.log(2):.2f} bits" in said(facts) and f"{0.9 / math.log(2):.2f} bits saved" in said(facts)
    facts["test"]["nll_difference"] = estimate(-0.01)
    assert "is not shown to be anything" in said(facts)


def guesses(closer_than_mean: float, closer_than_median: float) -> dict[str, Any]:
    gains = {"mean": closer_than_mean, "median": closer_than_median}
    return {
        name: {"test": {"mae": estimate(20.0), "r2": estimate(0.0), "mae_difference": estimate(gain, 1.0),
                        "closer": estimate(0.9)}} for name, gain in gains.items()
    }  # fmt: skip


def test_errors_are_compared_with_those_of_the_mean_and_of_the_median_row_by_row() -> None:
    facts = told(held_out=0.01)
    facts["baselines"] = guesses(8.0, 5.0)
    assert verdict(facts)[0]["tone"] == "plain"
    assert "closer than the mean by 8.000 (7.000 – 9.000, compared row by row), on 90.0 % of the rows" in said(facts)
    facts["baselines"] = guesses(8.0, 0.5)
    assert verdict(facts)[0]["tone"] == "caution" and "than the median it is not shown to be closer" in said(facts)
    facts["baselines"] = guesses(0.5, 0.5)
    assert "the model is not shown to be better than that" in said(facts)


def test_few_rows_that_make_most_of_the_squared_error_are_told_of() -> None:
    facts = told(squared_error={"rows": 1, "share": 0.84, "n": 157, "first": "271"})
    facts["test"]["median_absolute_error"] = estimate(3.0)
    few = "One row (row 271) makes 84.0 % of the squared error: R² and RMSE rest on that; half of the rows are off by "
    assert f"{few}3.000 or less" in said(facts)
    assert "by 3.000 or less in half of them; R²" in headline(facts)
    facts["squared_error"] |= {"share": 0.4}
    assert "squared error" not in said(facts)


def test_of_models_farther_off_than_the_mean_the_difference_says_nothing() -> None:
    worse = {"words": "boosting", "test": {"r2": estimate(-4632.9), "r2_difference": estimate(4549.0)}}
    facts = told(held_out=-83.9)
    facts["baselines"] |= {"boosting": worse}
    assert "by squares the mean of the test rows themselves is closer" in said(facts) and "4549" not in said(facts)
    assert "off than always naming the mean" not in said(facts), "of the training rows, which may be farther off"


def test_heavy_tailed_targets_are_drawn_on_logarithmic_axes() -> None:
    heavy = [(10.0**k, 10.0**k) for k in range(6)]
    drawn = str(predictions(told(points=[*heavy, (1.0, -5.0)])))
    assert "The axes are logarithmic: the 1 prediction" in drawn and "as a ratio" in drawn
    assert drawn.count("<circle") == 14
    even = str(predictions(told(points=[(float(k), float(k) + 1) for k in range(1, 9)])))
    assert "logarithmic" not in even and "Error (predicted less target)" in even
