"""Whether labels are classes or numbers: by what they are, said aloud, and as the user wants it."""

from dataclasses import replace
from typing import Any

import numpy as np
import polars as pl
import pytest

from unfazed.errors import SourceError, UnfazedError
from unfazed.split import described, draw_splits
from unfazed.table import Table, describe, number_in
from unfazed.target import Scale, check_labels, decided, problem_of, scale_of

GENERATOR = np.random.default_rng(0)


def table(labels: list[Any], kind: str = 'CSV table, 3 columns, labels in "y"') -> Table:
    rows = [str(row) for row in range(len(labels))]
    columns = {"id": rows, "input": rows, "label": [None if label is None else str(label) for label in labels]}
    return Table.of(pl.DataFrame(columns), "/data/t.csv", kind)


PRICES = [round(float(price), 2) for price in GENERATOR.uniform(5, 500, 300)]
COUNTS = [int(count) for count in GENERATOR.poisson(60, 300)]


@pytest.mark.parametrize(
    "labels, task",
    [
        (PRICES, "regression"),
        (COUNTS, "regression"),
        ([*PRICES[:-1], None], "regression"),
        (["cat", "dog"] * 20, "classification"),
        ([3, 4, 5, 6, 7, 8] * 50, "classification"),
        (list(range(100)) * 60, "classification"),
        ([0.5, 1.0, 1.5, 2.0] * 30, "classification"),
        ([f"{number:03}" for number in range(1, 201)] * 10, "classification"),
        ([f"{number}_1" for number in range(1, 31)] * 4, "classification"),
    ],
    ids=["decimals", "counts", "one missing", "words", "a rating", "numbers of classes", "a few decimals",
         "codes", "names with an underscore"],
)
def test_the_task_is_told_from_the_labels(labels: list[Any], task: str) -> None:
    assert decided(table(labels)).task == task


def test_what_can_be_doubted_is_said_with_the_way_out() -> None:
    assert "--task classification" in decided(table(PRICES)).notes[-1]
    assert "6 different numbers" in decided(table([3, 4, 5, 6, 7, 8] * 50)).notes[-1]
    assert "--task regression" in decided(table([3, 4, 5, 6, 7, 8] * 50)).notes[-1]
    assert decided(table(["cat", "dog"] * 20)).notes == ()


def test_the_user_decides() -> None:
    assert decided(table([3, 4, 5, 6, 7, 8] * 50), "regression").task == "regression"
    assert decided(table(PRICES), "classification").task == "classification"
    with pytest.raises(SourceError, match='most labels of /data/t.csv .* are not numbers, such as "cat"'):
        decided(table(["cat", "dog"] * 20), "regression")


def test_folders_are_classes_whatever_they_are_called() -> None:
    years = [year for year in range(1905, 1985) for _ in range(3)]
    assert decided(table(years, "folder of class folders")).task == "classification"


@pytest.mark.parametrize("text, number", [("1.5", 1.5), (" 7 ", 7.0), ("-2e3", -2000.0)])
def test_numbers_as_tables_have_them(text: str, number: float) -> None:
    assert number_in(text) == number


@pytest.mark.parametrize(
    "written, numbers",
    [
        (["350,000", "999", "1,250,000"], [350_000, 999, 1_250_000]),
        (["350,000", "1,250"], [350_000, 1250]),
        (["3,5", "999", "1.250,75"], [3.5, 999, 1250.75]),
        (["1,234", "0,567"], [1.234, 0.567]),
        (["$1,200.50", "$5", "$3.25"], [1200.5, 5, 3.25]),
        (["45 %", "7.5 %"], [45, 7.5]),
        (["3.50", "1e3", "-2"], [3.5, 1000, -2]),
    ],
    ids=["thousands", "thousands alone", "decimal commas", "no thousands begin with 0", "dollars", "shares", "plain"],
)
def test_a_comma_means_in_the_target_what_the_whole_column_says(written: list[str], numbers: list[float]) -> None:
    found = decided(table(written * 10), "regression")
    assert found.targets().tolist() == numbers * 10
    assert bool(found.notes) == (written != found.frame["label"].to_list()[: len(written)])


def test_what_separators_were_taken_for_is_said() -> None:
    assert decided(table(["350,000", "999"] * 10), "regression").notes == (
        'numbers to predict such as "350,000" are read as 350000',
    )


def test_numbers_with_separators_are_seen_to_be_numbers() -> None:
    assert decided(table([f"{price:,.2f}" for price in 1000 * np.array(PRICES)])).task == "regression"
    assert decided(table([f"{price:,.2f} €" for price in 1000 * np.array(PRICES)])).task == "regression"
    ratings = decided(table(["1,5", "2,5", "3,5"] * 50))
    assert ratings.task == "classification" and ratings.classes == ["1,5", "2,5", "3,5"]


@pytest.mark.parametrize("text", [None, "", "cat", "nan", "inf", "1e999", "12 €", "1_1"])
def test_what_is_no_number_is_none_and_a_problem(text: str | None) -> None:
    assert np.isnan(number_in(text))
    assert problem_of(text, "regression") is not None


def test_labels_that_nothing_can_be_learnt_from_are_refused() -> None:
    for labels, said in (([1.5] * 30, "every label of .* is 1.5"), ([1.5, 2.5, 3.5], "3 numbers to learn from")):
        with pytest.raises(SourceError, match=said):
            check_labels(decided(table(labels), "regression"))


def test_sides_have_the_same_mix_of_small_and_large_numbers() -> None:
    found = decided(table(PRICES))
    split, _ = described(*draw_splits(found, [f"content {row}" for row in range(300)], 0.1, 0.2, 0))
    medians = [np.median(split.targets()[split.rows(side)]) for side in ("train", "validation", "test")]
    assert max(medians) - min(medians) < 40, "of a spread of 495"
    assert any("stratified by tenths of the target" in note for note in split.notes)


def test_the_description_speaks_of_numbers() -> None:
    said = describe(decided(table(PRICES)), "rows")
    assert "300 rows with a number each to predict" in said and f"from {min(PRICES)} to {max(PRICES)}" in said


def test_a_table_of_numbers_survives_its_file(tmp_path: Any) -> None:
    found = decided(table(PRICES))
    found.write(tmp_path / "table.parquet")
    again = Table.read(tmp_path / "table.parquet")
    assert (again.task, again.classes, again.outputs) == ("regression", [], 1)
    assert np.array_equal(again.targets(), PRICES) and again.decimal == "."


@pytest.mark.parametrize("said, read", [(",", ","), (".", "."), ("nonsense", "."), (1, ".")])
def test_the_decimal_mark_survives_a_tables_file_and_no_other_is_read(said: Any, read: str, tmp_path: Any) -> None:
    replace(decided(table(PRICES)), decimal=said).write(tmp_path / "table.parquet")
    assert Table.read(tmp_path / "table.parquet").decimal == read


def test_a_scale_goes_there_and_back() -> None:
    found = decided(table(PRICES)).with_split(["train"] * 300)
    scale = Scale.of(found)
    standardised = scale.standardised(found.targets())[:, None]
    assert standardised.mean() == pytest.approx(0, abs=1e-5) and standardised.std() == pytest.approx(1, abs=1e-5)
    assert np.allclose(scale.original(standardised)[:, 0], PRICES, atol=1e-3)
    assert scale_of({"task": "regression", "scale": scale._asdict()}) == scale
    assert scale_of({"task": "classification"}) is None


@pytest.mark.parametrize(
    "scale",
    [None, {}, {"mean": 1.0}, {"mean": "1", "deviation": 2}, {"mean": float("nan"), "deviation": 1.0}, [1, 2]],
)
def test_a_damaged_scale_is_refused(scale: Any) -> None:
    with pytest.raises(UnfazedError, match="their scale is"):
        scale_of({"task": "regression", "scale": scale})


@pytest.mark.parametrize(("written", "unit", "number"), [
    ("{}17 km", "km", "1017"), ("EUR {}1,5", "EUR", "101,5"), ("{}.5kg/m", "kg/m", "10.5"), ("-{} °C", "°C", "-10"),
    ("class {}", None, None), ("v{}", None, None), ("{}a", "a", "10"),
])  # fmt: skip
def test_numbers_with_a_unit_that_were_taken_for_classes_are_told_with_the_way_out(
    written: str, unit: str | None, number: str | None
) -> None:
    labels = [written.format(row) for row in range(10, 40)]
    hint = f'These look like numbers with the unit "{unit}": write {number} instead of "{labels[0]}"'
    with pytest.raises(SourceError, match="30 of 30 classes in .* have one example each") as refused:
        check_labels(decided(table(labels)))
    assert (hint in str(refused.value)) == (unit is not None)
    with pytest.raises(SourceError, match="are not numbers") as refused:
        decided(table(labels), "regression")
    assert (hint in str(refused.value)) == (unit is not None)
    assert any(hint in note for note in decided(table(labels * 2)).notes) == (unit is not None)
