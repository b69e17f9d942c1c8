"""Rows of tables: what cells mean, what kinds columns are of, and what becomes of them."""

import json
import math
from collections.abc import Sequence
from datetime import date, datetime
from time import perf_counter
from typing import Any

import numpy as np
import pytest

from unfazed.errors import InputError, RunError, UsageError
from unfazed.modality import tabular_values as values
from unfazed.modality.tabular import TabularPreprocessor, encode, fit, fitting, news, notices, read, said_kinds
from unfazed.modality.tabular_columns import LARGEST, column_of, encoder
from unfazed.modality.tabular_numbers import number
from unfazed.modality.tabular_values import Value
from unfazed.recipe import Recipe


def fitted(columns: dict[str, Sequence[Value]], said: str = "") -> TabularPreprocessor:
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return fit(rows, Recipe(columns=said))


def kind(*cells: Value, name: str = "x") -> str:
    return column_of(name, cells).kind


@pytest.mark.parametrize(
    ("cell", "number"),
    [
        ("1", 1.0), (" 39 ", 39.0), ("-1.5e3", -1500.0), ("1,234", 1234.0), ("12,345,678.5", 12345678.5), (".5", 0.5),
        ("5.", 5.0), ("$1,200.50", 1200.5), ("45 %", 45.0), ("007", 7.0), (3, 3.0), (2.5, 2.5), (True, 1.0),
        ("1,2", None), ("1,2345", None), ("12,34,567", None), ("1.2.3", None), ("", None), (".", None), ("e5", None),
        ("inf", None), ("nan", None), ("1e999", None), ("1_000", None), ("٣", None), ("0x10", None), ("9" * 5000, None),
        (10**400, None), (math.inf, None), (math.nan, None), (None, None), ("age", None),
    ],
)  # fmt: skip
def test_what_a_number_is(cell: Value, number: float | None) -> None:
    assert values.number(cell) == number


@pytest.mark.parametrize(
    ("cell", "number"), [("3,14", 3.14), ("1.234,5", 1234.5), ("1.234", 1234.0), ("3.14", None), (3.14, 3.14)]
)
def test_what_a_number_is_where_the_comma_comes_before_the_fraction(cell: Value, number: float | None) -> None:
    assert values.number(cell, ",") == number


@pytest.mark.parametrize("cell", [None, math.nan, "", " ", "?", "NA", "n/a", "NaN", "null", "None", "-", "missing",
                                  "#DIV/0!", "#REF!"])  # fmt: skip
def test_what_is_missing(cell: Value) -> None:
    assert values.missing(cell)


@pytest.mark.parametrize("cell", [0, 0.0, False, "0", "no", "unknown", math.inf])
def test_what_is_not_missing(cell: Value) -> None:
    assert not values.missing(cell)


@pytest.mark.parametrize(
    ("cell", "layout", "moment"),
    [
        ("2024-02-29", "year first", datetime(2024, 2, 29)),
        ("2024-02-29T23:59:58.123Z", "year first", datetime(2024, 2, 29, 23, 59, 58)),
        ("2024/2/9 7:05+02:00", "year first", datetime(2024, 2, 9, 7, 5)),
        ("31.12.2023", "day first", datetime(2023, 12, 31)),
        ("12/31/2023 08:00", "month first", datetime(2023, 12, 31, 8)),
        ("01/02/11", "day first", datetime(2011, 2, 1)),
        ("01/02/69", "month first", datetime(1969, 1, 2)),
        ("2023-12-31", "day first", datetime(2023, 12, 31)),
        ("2023-12-31T00:00:00.000000", "month first", datetime(2023, 12, 31)),
        ("31/12/2023", "year first", None),
        ("05.01.2024", "month first", None),
        ("20-05-14", "short year first", datetime(2020, 5, 14)),
        ("5/14/20", "short year first", None),
        ("3-Jan-23", "year first", datetime(2023, 1, 3)),
        ("Jan 03, 2023", "day first", datetime(2023, 1, 3)),
        ("1 January 2023 13:30", "month first", datetime(2023, 1, 1, 13, 30)),
        ("01JAN2023", "year first", datetime(2023, 1, 1)),
        ("Sun, 01 Jan 2023 07:05:00 GMT", "year first", datetime(2023, 1, 1, 7, 5)),
        ("01/02/2023 12:00 AM", "month first", datetime(2023, 1, 2)),
        ("01/02/2023 12:30 pm", "month first", datetime(2023, 1, 2, 12, 30)),
        ("01/02/2023 1:05:09 PM", "month first", datetime(2023, 1, 2, 13, 5, 9)),
        ("01/02/2023 13:00 PM", "month first", None),
        ("3-Foo-23", "year first", None),
        ("Marchmain 3, 2023", "year first", None),
        ("2023-02-29", "year first", None),
        ("2024-13-01", "year first", None),
        ("2024-01-01 25:00", "year first", None),
        ("0000-01-01", "year first", None),
        ("2024-01/01", "year first", None),
        ("20240101", "year first", None),
        (20240101, "year first", None),
        ("2024-01-01" + " " * 1000, "year first", None),
    ],
)
def test_what_a_date_is(cell: Value, layout: str, moment: datetime | None) -> None:
    assert values.moment(cell, layout) == moment


def test_kinds_are_found_out_from_the_values() -> None:
    assert kind("1", "2.5", "?", "3") == "number"
    assert kind("TRUE", "false", "", "TRUE") == "boolean"
    assert kind("0", "1", "1", None) == "boolean"
    assert kind(True, False, None) == "boolean"
    assert kind("red", "blue", "red", "blue") == "category"
    assert kind("2024-01-01", "2024-01-02", "NA") == "date"
    assert kind("same", "same") == "constant"
    assert kind(None, "", "?") == "constant"
    assert kind(*(f"A{number:03}" for number in range(30))) == "identifier"
    assert kind(*(f"no {number} is a good product, I think" for number in range(30))) == "text"


@pytest.mark.parametrize("pair", [("F", "N"), ("Y", "T"), ("1", "T"), ("n", "no"), ("f", "false")])
def test_two_ways_to_say_the_same_are_no_yes_and_no(pair: tuple[str, str]) -> None:
    preprocessor = fitted({"x": [*pair] * 5})
    assert preprocessor.columns[0].kind == "category"
    assert encode({"x": pair[0]}, preprocessor) != encode({"x": pair[1]}, preprocessor)


def test_one_value_beside_missing_ones_says_something() -> None:
    assert kind("yes", None, "yes", None) == "category"


def test_digits_with_zeros_in_front_are_names() -> None:
    assert kind("02139", "10115", "02139", "94110") == "category"
    assert kind("02139", "10115", "02140", "94110") == "identifier"


def test_whole_numbers_that_count_the_rows_are_identifiers_and_amounts_are_not() -> None:
    counted = list(range(1, 60, 2))
    assert kind(*counted) == "identifier"
    assert kind(*(number * 1000 + number % 7 for number in counted)) == "number"
    assert kind(*(number * 1000 + number % 7 for number in counted), name="PassengerId") == "identifier"
    for index in ("", "Unnamed: 0"):  # as to_csv() writes the index of a sample of rows
        assert kind(*(number * 1000 + number % 7 for number in counted), name=index) == "identifier"
    assert kind(*(number * 1000 + number % 7 for number in counted), name="paid") == "number"
    assert kind(*(number / 2 for number in range(60))) == "number"


def test_whole_numbers_of_more_digits_than_are_measured_are_identifiers() -> None:
    numbers = [1_600_000_000_000_000_000 + 7_919**4 * row for row in range(30)]
    assert kind(*numbers) == kind(*map(str, numbers)) == "identifier"
    assert kind(*(number // 10**6 for number in numbers)) == "number"


def test_the_decimal_mark_is_that_of_the_whole_column() -> None:
    assert column_of("x", ["1,5", "2,25", "1.234,0"]).decimal == ","
    assert column_of("x", ["1,234", "2,500"]).decimal == "."
    assert column_of("x", ["1,234", "2,5", "3,5"]).decimal == ","
    assert column_of("x", ["1,5", "2.5"] * 5).kind == "category"  # neither


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["$1,234.56", "($2,000.10)", "-$5", "$-6"], [1234.56, -2000.1, -5, -6]),
        (["123.45-", "7.5", "8"], [-123.45, 7.5, 8]),
        (["12%", "7.5 %", "13", "0"], [12, 7.5, 13, 0]),
        (["1500 m", "800m", "20"], [1500, 800, 20]),
        (["USD 12.00", "USD 1,300", "USD -4"], [12, 1300, -4]),
        (["12,00 EUR", "1.300,50 EUR", "7 EUR"], [12, 1300.5, 7]),
        (["12.3 kg", "7kg", "8", 9.5], [12.3, 7, 8, 9.5]),
        (["55.1 m2", "60 m2", "7 m2"], [55.1, 60, 7]),
        (["1 year", "2 years", "3.5 years"], [1, 2, 3.5]),
        (["120-", "5-", "6"], [-120, -5, 6]),
        (["CHF12.50", "CHF 12", "CHF -8"], [12.5, 12, -8]),
        (["27.9k", "3M", "900", "1.5bn"], [27900, 3e6, 900, 1.5e9]),
        (["12:05", "0:30", "100:00"], [43500, 1800, 360000]),
        (["1:00:05", "0 days 00:00:30.5", "1 day, 0:00:00"], [3605, 30.5, 86400]),
        (["−3.5", "2", "1"], [-3.5, 2, 1]),
    ],
)  # fmt: skip
def test_numbers_are_read_as_their_column_writes_them(cells: list[Value], numbers: list[float]) -> None:
    column = column_of("x", cells)
    assert column.kind == "number" and column.strange == 0
    encoded = np.array([encoder(column)(cell)[0] for cell in cells])
    assert encoded * column.scale + column.centre == pytest.approx(numbers)
    said = TabularPreprocessor.from_json(TabularPreprocessor((column,)).to_json()).columns[0]
    assert [encoder(said)(cell)[0] for cell in cells] == encoded.tolist()


@pytest.mark.parametrize(
    "cells",
    [
        ["A-123", "A-124", "B-77"], ["12A", "14A", "16A"], ["A12", "A14", "A16"], ["007 kg", "012 kg", "113 kg"],
        ["1.2.3", "1.2.4", "2.0.0"], ["555-9414", "555-1000", "555-2000"], ["10-20", "20-30", "30+"],
        ["(1)", "(2)", "(3)"], ["16:9", "4:3", "1:1"], ["SKU 12", "SKU 13", "SKU 14"], ["3 PM", "4 PM", "5 AM"],
        ["12 USD", "13 EUR", "14 GBP"], ["12 kg", "13 lb", "14 g"], ["1:05", "1:05:10", "2:10"],
        ["12 Main St", "3 Elm", "9 A"], ["2-", "3", "1-"], ["CAD12", "CAD13", "CAD20"], ["$5", "€5", "$6"],
        ["12%", "0.12", "0.3"], ["950,000", "1.2m", "2m"],
    ],
)  # fmt: skip
def test_names_with_digits_in_them_are_no_numbers(cells: list[Value]) -> None:
    assert column_of("x", cells * 2).kind == "category"


def test_a_unit_on_a_few_numbers_is_not_that_of_the_others() -> None:
    column = column_of("x", [*range(0, 9900, 100), "12 lb"])
    assert (column.kind, column.strange, column.units) == ("number", 1, ())


@pytest.mark.parametrize("cells", [["$5", "€5"], ["12%", "0.12"], ["1.2m", "950,000", "2.5m"], ["$5", "USD 5"]])
def test_numbers_in_several_units_are_told(cells: list[Value]) -> None:
    assert "several units" in column_of("x", cells * 2).doubt


@pytest.mark.parametrize(("usual", "other"), [("$7", "€5"), ("7%", "0.12"), ("0.07", "12%"), ("1.5m", "950,000")])
def test_a_number_in_another_unit_than_its_column_is_missing(usual: str, other: str) -> None:
    column = column_of("x", [usual, usual.replace("7", "8").replace("5", "6")] * 50 + [other])
    assert (column.kind, column.strange, column.odd) == ("number", 1, (other,))
    assert math.isnan(encoder(column)(other)[0]) and not math.isnan(encoder(column)(usual)[0])


def test_white_space_does_not_take_long_to_be_no_number() -> None:
    begin = perf_counter()
    assert not any(number(f"({' ' * 97}{mark}") for mark in "abcdefghij")
    assert perf_counter() - begin < 1


def test_what_was_written_otherwise_than_in_training_is_missing_and_named() -> None:
    preprocessor = fitted({"weight": ["12.5 kg", "7 kg", "8 kg"], "paid": ["03.01.2020", "04.02.2020", "05.03.2020"]})
    row = {"weight": "3 lb", "paid": "2020-01-02"}
    assert np.isnan(encode(row, preprocessor)).tolist() == [True, False, False, False, False]
    assert news([row, {"weight": 3, "paid": None}], preprocessor) == [
        '"weight": 1 of 2 is no number and counts as missing, such as "3 lb"',
        '"paid": 1 of 2 is missing, none of training was',
    ]


@pytest.mark.parametrize("day", [date(2020, 1, 2), datetime(2020, 1, 2), "2020-01-02", "2.1.2020", "2 Jan 2020"])
def test_a_date_is_the_same_however_it_is_given(day: Any) -> None:
    preprocessor = fitted({"paid": ["03.01.2020", "04.02.2020", "05.03.2020"]})
    same = encode(read({"paid": "02.01.2020"}), preprocessor)
    assert not np.isnan(same).any()
    assert encode(read({"paid": day}), preprocessor).tolist() == same.tolist()


def test_a_unit_is_the_same_for_one_and_for_many() -> None:
    column = column_of("x", ["24 months", "36 months"] * 3)
    assert encoder(column)("24 month") == encoder(column)("24 months") == encoder(column)(24)


def test_strange_values_are_news_where_training_had_fewer() -> None:
    preprocessor = fitted({"size": [*range(0, 9900, 100), "broken"]})
    assert news([{"size": "big"}, {"size": 1}], preprocessor) == [
        '"size": 1 of 2 is no number and counts as missing, such as "big"'
    ]
    assert news([{"size": "big"}, *[{"size": 1}] * 99], preprocessor) == []


@pytest.mark.parametrize(
    ("cells", "said", "answer"),
    [
        (["lead", "tin", "tin"], "x=date", r'none of the 3 values of "x" .* is a date, such as "lead", "tin"\. Write'),
        (["lead", "tin", None], "x=number", r'none of the 2 values .* is a number.*--columns x=identifier'),
        (["lead", "tin", "tin"], "x=boolean", "is a boolean.*yes or no.*--columns x=category"),
    ],
)  # fmt: skip
def test_a_kind_that_no_value_is_of_is_refused(cells: list[Value], said: str, answer: str) -> None:
    with pytest.raises(UsageError, match=answer):
        fitted({"x": cells, "y": [1, 2, 3]}, said)


def test_values_that_are_not_of_a_kind_that_was_said_are_named() -> None:
    preprocessor = fitted({"x": ["2023-01-31", "tin", "lead", "2023-02-01", "tin", "iron", "zinc"]}, "x=date")
    said = '5 values of x are no date and count as missing, such as "tin", "lead", "iron"'
    assert fitting([], preprocessor) == f"1 date (x); {said}"


def test_a_column_that_looks_like_another_kind_is_told_with_what_to_do() -> None:
    cells: dict[str, Sequence[Value]] = {
        "mixed": ["13/01/2023", "01/13/2023", "14/01/2023", "01/14/2023"],
        "either": ["01/02/2023", "02/03/2023", "01/02/2023", "02/03/2023"],
        "units": ["1 kg", "2 lb", "3 kg", "4 lb"],
        "size": [1, 2, 3, 5],
    }
    x, y = np.zeros((4, 4), np.float32), np.array([0, 1, 0, 1])
    said = notices(x, y, fitted(cells))[1:4]
    assert said == [
        '"mixed" looks like dates in several layouts: write them alike, such as 2023-01-31, or say what else it is: '
        "--columns mixed=category",
        '"either" looks like dates in which day, month and year cannot be told apart: write them alike, such as '
        "2023-01-31, or say what else it is: --columns either=category",
        '"units" looks like numbers in several units or notations: write them alike, or say what else it is: '
        "--columns units=category",
    ]
    kinds = notices(x, y, fitted(cells, "mixed=category,either=category,units=category"))
    assert not any("looks like" in notice for notice in kinds)
    assert "is read with the month first" in notices(np.zeros((4, 9), np.float32), y, fitted(cells, "either=date"))[2]


def test_dates_in_three_layouts_that_agree_are_dates() -> None:
    column = column_of("x", ["2023-01-31", "31/01/2023", "Jan 31, 2023", "01/02/2023"])
    assert (column.kind, column.layout, column.strange) == ("date", "day first", 0)
    assert column_of("x", ["2023-01-31"] * 97 + ["01/02/2023"] * 3).layout == "year first"


def test_the_order_of_day_and_month_is_that_of_the_whole_column() -> None:
    assert column_of("x", ["01/02/2024", "13/02/2024"]).layout == "day first"
    assert column_of("x", ["01/02/2024", "02/13/2024"]).layout == "month first"
    assert column_of("x", ["1.2.2024", "2.3.2024"]).layout == "day first"
    assert column_of("x", ["01/02/2024", "02/03/2024"] * 5).kind == "category"  # cannot be told


def test_where_the_year_of_two_digits_stands_is_that_of_the_whole_column() -> None:
    days = [f"{day:02}" for day in range(1, 29)]
    assert column_of("x", [f"20-05-{day}" for day in days]).layout == "short year first"
    assert column_of("x", [f"{day}/05/20" for day in days]).layout == "day first"
    assert column_of("x", ["85-03-12", "91-11-30", "03-01-01"]).layout == "short year first"
    either = column_of("x", ["20-05-14", "21-06-03", "19-12-25"] * 5)
    assert either.kind == "category" and "day, month and year cannot be told apart" in either.doubt


def test_versions_are_no_dates_unless_some_day_says_so() -> None:
    versions = column_of("x", ["3.10.12", "3.11.14", "3.12.11", "3.9.25"] * 5)
    assert versions.kind == "category" and "looks like dates" in versions.doubt
    for days in (["3.10.12", "3.11.14", "28.12.11"], ["3.10.12", "3.11.14", "3.12.2011"]):
        assert column_of("x", days * 5).layout == "day first"


def test_a_few_strange_values_do_not_change_a_kind_and_count_as_missing() -> None:
    column = column_of("x", [*range(0, 9900, 100), "broken"])
    assert (column.kind, column.strange) == ("number", 1)
    assert column_of("x", [*range(0, 900, 100), "broken"] * 3).kind == "category"


def test_a_row_becomes_numbers_codes_and_parts_of_dates() -> None:
    preprocessor = fitted(
        {
            "age": ["20", "30", "40", "?"],
            "job": ["cook", "cook", "smith", "smith"],
            "member": ["yes", "no", "no", "yes"],
            "since": ["2024-01-01", "2024-02-02", "2024-03-03", "2024-04-04"],
            "note": ["same"] * 4,
        }
    )
    assert preprocessor.features == ("age", "job", "member", "since: time", "since: month", "since: day",
                                     "since: weekday")  # fmt: skip
    assert preprocessor.codes == (0, 3, 0, 0, 0, 0, 0)
    row = {"age": 30, "job": "smith", "member": "YES", "since": "2024-02-02"}
    x = encode(read(row), preprocessor)
    assert x.dtype == np.float32
    assert x[:3].tolist() == [0.0, 2.0, 1.0]
    assert x[4:].tolist() == [2.0, 2.0, 5.0]


def test_what_is_missing_or_strange_is_nan_and_what_is_new_is_code_0() -> None:
    preprocessor = fitted({"age": ["20", "30", "40"], "job": ["cook", "cook", "smith"], "member": ["yes", "no", "no"]})
    x = np.stack([
        encode(row, preprocessor)
        for row in ({"age": "old", "job": "pilot", "member": "perhaps"}, {"age": None, "job": "smith"}, {"job": "?"})
    ])  # fmt: skip
    assert np.isnan(x[:, 0]).all() and np.isnan(x[:, 2]).all()
    assert x[:2, 1].tolist() == [0.0, 0.0], "smith was seen once"
    assert math.isnan(x[2, 1])


def test_what_training_had_not_is_counted() -> None:
    preprocessor = fitted({"age": [20, 30, 40, 50], "job": ["cook", "cook", "smith", "smith"], "size": [1, 2, "?", 3]})
    assert news([{"age": 1, "job": "cook", "size": None}], preprocessor) == []
    assert news([{"age": "old", "job": "pilot"}, {"job": "cook"}, {"age": 3, "job": "nun"}], preprocessor) == [
        'it has no column "size": what was learnt from there counts as missing.',
        '"age": 1 of 3 is missing, none of training was',
        '"age": 1 of 3 is no number and counts as missing, such as "old"',
        '"job": 2 of 3 are categories that training had at most once',
    ]


def test_numbers_keep_their_differences_however_far_from_zero() -> None:
    stamps = [1.7e9 + 0.25 * step for step in range(100)]
    preprocessor = fitted({"at": stamps})
    x = np.array([encode({"at": stamp}, preprocessor)[0] for stamp in stamps])
    assert np.diff(x) == pytest.approx(np.diff(x).mean(), rel=1e-3)


def test_the_largest_numbers_are_cut_off_not_infinite() -> None:
    preprocessor = fitted({"x": ["1", "2", "3"]})
    assert encode({"x": "1e308"}, preprocessor)[0] == np.float32(LARGEST)
    extreme = fitted({"x": ["-1.7e308", "1.7e308", "1e308", "-1e308"]})
    assert np.isfinite([encode({"x": cell}, extreme)[0] for cell in ("-1.7e308", "1.7e308", "0")]).all()


def test_a_category_is_the_same_as_text_and_as_a_number() -> None:
    preprocessor = fitted({"zip": ["10115", 10115.0, 94110, "94110"]}, "zip=category")
    assert preprocessor.columns[0].categories == ("10115", "94110")
    assert encode({"zip": " 94110"}, preprocessor)[0] == encode({"zip": 94110.0}, preprocessor)[0] == 2.0


@pytest.mark.parametrize(
    "same",
    [
        [37, "37", 37.0, "37.0", " 37 ", "3.7e1", "+37"], [0.1, "0.10", ".1", "1e-1"], [True, "true", "True"],
        [None, "", "NA", math.nan], ["2024-02-29", "2024-02-29T00:00:00", "2024-02-29 00:00:00.000000"],
        ["2024-02-29 10:00", "2024-02-29T10:00:00.0"], [2**63 - 1, str(2**63 - 1)], ["Rome", " Rome"],
        [1e200, "1e200", "1e+200"],
    ],
)  # fmt: skip
def test_a_value_is_the_same_however_it_is_written(same: list[Value]) -> None:
    assert len({values.identity(value) for value in same}) == 1


def test_large_numbers_are_told_apart_and_read_as_others_are() -> None:
    assert values.text(10**5000) != values.text(10**5000 + 1)
    assert values.number(10**5000) is values.flag(10**5000) is values.moment(10**5000) is None
    column = column_of("x", [1e150, 2e150, -3e150] * 3)
    assert (column.kind, column.strange) == ("number", 0)


@pytest.mark.parametrize(
    "different",
    [
        ["007", 7], ["2024-02-29 10:00:01", "2024-02-29 10:00:01.5"], [2**63 - 1, 2**63 - 2], [0, None], ["a", "A"],
        [1, True], ["x" * 200, "x" * 201],
    ],
)  # fmt: skip
def test_values_that_differ_stay_different(different: list[Value]) -> None:
    assert len({values.identity(value) for value in different}) == 2


def test_true_is_the_same_category_in_every_format() -> None:
    preprocessor = fitted({"agrees": ["True", "False", "Unknown"] * 4, "size": list(range(12))}, "agrees=category")
    assert [encode({"agrees": cell, "size": 1}, preprocessor)[0] for cell in ("True", True, "TRUE", "true")] == [3] * 4


def test_a_category_of_whole_numbers_is_one_with_a_point_and_without() -> None:
    preprocessor = fitted({"zip": [12.0, 12.0, 13.0, 13.0, 14.0, 14.0]}, "zip=category")
    assert len({encode({"zip": written}, preprocessor).item() for written in ("13.0", 13, "13", 13.0)}) == 1


def test_kinds_can_be_said() -> None:
    columns: dict[str, Sequence[Value]] = {"grade": ["1", "2", "2", "1"], "id": [7, 8, 9, 10], "x": [1, 5, 2, 0.5]}
    preprocessor = fitted(columns, "grade=category, id=identifier")
    assert [column.kind for column in preprocessor.columns] == ["category", "identifier", "number"]
    assert preprocessor.features == ("grade", "x")


def test_an_identifier_that_is_said_to_be_a_number_is_one_and_is_remembered() -> None:
    preprocessor = fitted({"id": list(range(30)), "x": [*range(15), *range(15)]}, "id=number")
    assert [column.kind for column in preprocessor.columns] == ["number", "number"]
    assert [column.apparent for column in preprocessor.columns] == ["identifier", "number"]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("age=numbr", 'Did you mean "number"'), ("age", "NAME=KIND"), ("=number", "NAME=KIND"),
        ("agee=number", 'no column "agee". Did you mean "age"'),
    ],
)  # fmt: skip
def test_what_is_said_of_columns_is_checked(said: str, answer: str) -> None:
    with pytest.raises(UsageError, match=answer):
        fitted({"age": [1, 2, 3]}, said)


def test_a_name_may_hold_an_equals_sign() -> None:
    assert said_kinds("a=b=number") == {"a=b": "number"}


def test_nothing_to_learn_from_is_said() -> None:
    with pytest.raises(UsageError, match=r"no column is left to learn from: .*1 constant \(x\)"):
        fitted({"x": ["same", "same"]})


def test_where_a_text_is_all_that_is_left_out_the_way_to_learn_from_it_is_said() -> None:
    with pytest.raises(UsageError, match='or learn from "said" as text: --modality text$'):
        fitted({"said": [f"number {row} was not so very good" for row in range(30)]})


def test_the_kinds_are_described() -> None:
    preprocessor = fitted(
        {
            "age": [*range(0, 4000, 100), "old"],
            "sex": ["f", "m", "f"] + ["m"] * 38,
            "id": [f"a{number}" for number in range(41)],
            "all": [1] * 41,
        }
    )
    assert fitting([], preprocessor) == (
        "1 number (age), 1 category (sex); left out: 1 identifier (id), 1 constant (all); "
        '1 value of age is no number and counts as missing, such as "old"'
    )


def test_alarms_name_what_gives_the_target_away_and_the_column_to_leave_out() -> None:
    y = np.random.default_rng(0).integers(0, 2, 100)
    cells = {"day paid": [f"2024-{1 + label:02}-{1 + number % 28:02}" for number, label in enumerate(y)],
             "size": [number % 7 for number in range(100)], "id": list(range(100))}  # fmt: skip
    preprocessor = fitted(cells, "id=number")
    x = np.stack([encode({name: values[row] for name, values in cells.items()}, preprocessor) for row in range(100)])
    kinds, alarm, identifier = notices(x, y, preprocessor)
    assert kinds == "columns: 2 numbers (size, id), 1 date (day paid)"
    assert alarm.startswith('"day paid" alone tells the target of 100 % of 100 training rows')
    assert alarm.endswith("--columns 'day paid=identifier'")
    assert identifier.startswith("learnt from because --columns says so") and ": id." in identifier


def test_a_row_is_read_from_mappings_and_json() -> None:
    row = {"a": "x", "b": 1, "c": 2.5, "d": True, "e": None}
    assert read(row) == read(json.dumps(row)) == read(json.dumps(row).encode()) == row
    odd: dict[str, Any] = {
        "a": np.float32(1.5),
        "b": np.nan,
        "c": date(2024, 1, 2),
        "d": np.bool_(True),
        "e": np.str_("x"),
    }
    assert read(odd) == {"a": 1.5, "b": None, "c": "2024-01-02", "d": True, "e": "x"}


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("", "not a JSON object"), (b"\xff\xfe", "not a JSON object"), ("{", "not a JSON object"), ("[1]", "a list"),
        ("7", "int"), ("{}", "has 1 to"), ('{"a": [1]}', '"a" holds a list'), ('{"a": {}}', '"a" holds an object'),
        ({"a": object()}, '"a" holds object'), (7, "got int"), (None, "got NoneType"), ("[" * 100_000, "not a JSON"),
    ],
)  # fmt: skip
def test_what_is_no_row_is_refused(source: Any, answer: str) -> None:
    with pytest.raises(InputError, match=answer):
        read(source)


def test_a_row_of_another_table_is_refused_with_its_names() -> None:
    preprocessor = fitted({"age": [1, 2, 3], "size": [1, 2, 4]})
    with pytest.raises(InputError, match="none of the columns age, size; it has weight"):
        encode({"weight": 1}, preprocessor)
    assert np.isnan(encode({"age": 1, "more": 2}, preprocessor)).tolist() == [False, True]


def test_the_preprocessor_survives_json_and_nothing_else_is_read_as_one() -> None:
    preprocessor = fitted(
        {"age": ["20", "30", "?"], "job": ["cook", "cook", "♥\ud800"], "at": ["2024-01-01", "2024-01-02", ""]}
    )
    assert TabularPreprocessor.from_json(preprocessor.to_json()) == preprocessor
    sound = json.loads(preprocessor.to_json())
    for key, wrong in (
        ("kind", "smell"), ("kind", []), ("scale", 0.0), ("scale", "1"), ("centre", math.nan), ("centre", True),
        ("decimal", ";"), ("parts", ["century"]), ("parts", "time"), ("categories", ["a", "a"]), ("categories", [1]),
        ("categories", "ab"), ("missing", -1), ("name", 7), ("layout", None), ("more", 1), ("apparent", "smell"),
        ("units", ["kg", 1]), ("units", "kg"), ("clock", 1), ("clock", True), ("doubt", 7), ("odd", "x"),
    ):  # fmt: skip
        damaged = json.loads(json.dumps(sound))
        damaged["columns"][0][key] = wrong
        with pytest.raises(RunError):
            TabularPreprocessor.from_json(json.dumps(damaged))
    del sound["columns"][1]["odd"]
    with pytest.raises(RunError, match="of an older version, or damaged: a column lacks 'odd'. Train again"):
        TabularPreprocessor.from_json(json.dumps(sound))
