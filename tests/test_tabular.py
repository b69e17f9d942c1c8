"""Rows of tables: what cells mean, what kinds columns are of, and what becomes of them."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import numpy as np
import pytest

from unfazed.errors import InputError, RunError, UsageError
from unfazed.modality import tabular_values as values
from unfazed.modality.tabular import TabularPreprocessor, described, encode, fit, news, notices, read, said_kinds
from unfazed.modality.tabular_columns import LARGEST, column_of
from unfazed.modality.tabular_values import Value


@dataclass
class Settings:
    """The part of a recipe that concerns tables."""

    columns: str = ""


def fitted(columns: dict[str, Sequence[Value]], said: str = "") -> TabularPreprocessor:
    rows = [dict(zip(columns, cells, strict=True)) for cells in zip(*columns.values(), strict=True)]
    return fit(rows, Settings(said))


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


@pytest.mark.parametrize("cell", [None, math.nan, "", " ", "?", "NA", "n/a", "NaN", "null", "None", "-", "missing"])
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


def test_the_order_of_day_and_month_is_that_of_the_whole_column() -> None:
    assert column_of("x", ["01/02/2024", "13/02/2024"]).layout == "day first"
    assert column_of("x", ["01/02/2024", "02/13/2024"]).layout == "month first"
    assert column_of("x", ["1.2.2024", "2.3.2024"]).layout == "day first"
    assert column_of("x", ["01/02/2024", "02/03/2024"] * 5).kind == "category"  # cannot be told


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
        '"age": 2 of 3 are no number, all of training were',
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
    ],
)  # fmt: skip
def test_a_value_is_the_same_however_it_is_written(same: list[Value]) -> None:
    assert len({values.identity(value) for value in same}) == 1


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
    assert described(preprocessor) == (
        "1 number (age), 1 category (sex); left out: 1 identifier (id), 1 constant (all); "
        "1 value of age is no number and counts as missing"
    )


def test_alarms_name_what_gives_the_target_away_and_the_column_to_leave_out() -> None:
    y = np.random.default_rng(0).integers(0, 2, 100)
    cells = {"paid": [f"2024-{1 + label:02}-{1 + number % 28:02}" for number, label in enumerate(y)],
             "size": [number % 7 for number in range(100)], "id": list(range(100))}  # fmt: skip
    preprocessor = fitted(cells, "id=number")
    x = np.stack([encode({name: values[row] for name, values in cells.items()}, preprocessor) for row in range(100)])
    kinds, alarm, identifier = notices(x, y, preprocessor)
    assert kinds == "columns: 2 numbers (size, id), 1 date (paid)"
    assert alarm.startswith('"paid" alone tells the target of 100.0 % of 100 training rows')
    assert alarm.endswith("--columns paid=identifier")
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
    ):  # fmt: skip
        damaged = json.loads(json.dumps(sound))
        damaged["columns"][0][key] = wrong
        with pytest.raises(RunError):
            TabularPreprocessor.from_json(json.dumps(damaged))
