"""What ails numbers that are to be predicted: one far from all others, heavy tails, errors that few rows make."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from unfazed.analysis.targets import carried_by_few, far, tail
from unfazed.report.diagnosed import _of_numbers
from unfazed.table import Table


def normal(n: int = 300, seed: int = 0) -> np.ndarray:
    return 155 + 20 * np.random.default_rng(seed).standard_normal(n)


def heavy(n: int = 300, seed: int = 0, deviation: float = 2.5) -> np.ndarray:
    return np.exp(5 + deviation * np.random.default_rng(seed).standard_normal(n))


@pytest.mark.parametrize("y", [normal(), heavy()])
@pytest.mark.parametrize("wrong", [1e9, -1e9])
def test_a_number_far_from_all_others_is_found_among_usual_and_heavy_tailed_ones(y: np.ndarray, wrong: float) -> None:
    found = far(np.append(y, [wrong, np.nan]))
    assert found is not None and (found.row, found.value, found.rows) == (len(y), wrong, 1)
    assert found.times > 1000


def test_several_of_them_are_counted() -> None:
    found = far(np.append(normal(), [1e9, 2e9, 5e8]))
    assert found is not None and (found.value, found.rows) == (2e9, 3)


@pytest.mark.parametrize("deviation", [1.0, 2.5])
def test_the_largest_of_heavy_tailed_numbers_are_right(deviation: float) -> None:
    assert not any(far(heavy(seed=seed, deviation=deviation)) for seed in range(200))


def test_what_weighs_little_or_is_no_few_is_let_be() -> None:
    assert far(normal()) is None
    assert far(np.append(np.zeros(300), 1e9)) is None  # nearly all are the same: what differs is what there is to learn
    assert far(np.append(normal(), np.full(30, 1e9))) is None
    assert far(np.append(normal(10), 1e9)) is None


def test_a_heavy_tail_is_one_whose_logarithms_are_even() -> None:
    y = heavy()
    found = tail(y, np.where(y > np.median(y), y, -1.0))
    assert found is not None and found.skewness > 3 > abs(found.of_logarithms) and (found.below, found.n) == (150, 300)
    assert tail(normal(), normal()) is None
    assert tail(np.append(y, 0.0), np.append(y, 0.0)) is None  # there is no logarithm of 0


def test_of_errors_that_few_make_the_share_and_the_row_are_told() -> None:
    y = np.append(normal(250), np.nan)
    predicted = np.where(np.arange(251) == 7, 0.0, y + 1)
    count, share, row = carried_by_few(y, predicted)
    assert (count, row) == (2, 7) and share > 0.95
    assert carried_by_few(normal(), normal())[:2] == (3, 0.0)


def found_in(y: np.ndarray, split: list[str], loss: str = "squared") -> dict[str, Any]:
    """What the diagnosis of a run on such targets is given."""
    frame = pl.DataFrame({"id": [f"r{row}" for row in range(len(y))], "label": y.astype(str), "split": split})
    table = replace(Table.of(frame.with_columns(input=pl.lit("x")), "t.csv", "CSV"), task="regression")
    told = {"target": {"name": "price"}, "recipe": {"loss": loss}}
    no_run: Any = None
    return _of_numbers(no_run, told, table, y[:, None])


def test_test_rows_are_not_asked_about_far_targets_and_heavy_tails() -> None:
    y, split = np.append(normal(499), 1e7), ["test", "train", "validation", "train"] * 125
    assert found_in(y[::-1], split)["far"] is None
    far_off = found_in(y, [*split[:-1], "train"])["far"]
    assert far_off.name == "r499" and far_off.row == 499
    tailed = np.where(np.array(split) == "test", heavy(500), normal(500))
    assert found_in(tailed, split)["tail"] is None and found_in(heavy(500), split)["tail"].n == 375


def test_what_the_loss_squares_and_how_many_rows_are_few_is_known() -> None:
    found = found_in(heavy(300), ["train", "train", "train", "validation", "validation"] * 60)
    assert (found["tail"].few, found["tail"].among) == (1, 180)
    squares = {loss: found_in(normal(), ["train", "validation"] * 150, loss)["squares"]
               for loss in ("squared", "gaussian", "absolute", "huber")}  # fmt: skip
    assert squares == {"squared": True, "gaussian": True, "absolute": False, "huber": False}
