"""Tables whose inputs stand in the table itself: texts, and rows of numbers and categories."""

import json
from datetime import date, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest

from unfazed.errors import SourceError
from unfazed.modality import tabular, tabular_values
from unfazed.source import SourceOptions, find
from unfazed.source_table import from_pandas
from unfazed.source_values import free_texts, is_about_texts, known_columns, row_inputs, rows, text_inputs
from unfazed.table import Table

REVIEWS = pl.DataFrame({
    "id": ["a1", "a2", "a3", "a4"],
    "title": ["not for me at all", "what a lovely thing", "broke on day two", "works as it should"],
    "text": ["It came late and it does not fit. " * 2, "I use it every day, and so does my cat. " * 2,
             "The handle broke off when I opened it. " * 2, "No complaints, it does what it says. " * 2],
    "label": ["bad", "good", "bad", "good"],
})  # fmt: skip
PEOPLE = pl.DataFrame({
    "age": ["39", "50", None, "28"], "work": ["state", "private", "?", "private"],
    "name": ["Braund, Mr. Owen Harris", "Heikkinen, Miss. Laina", "Allen, Mr. William Henry", "Moran, Mr. James Q"],
    "income": ["low", "high", "low", "high"],
})  # fmt: skip


def texts(source: pl.DataFrame, named: list[str] | None = None, **options: Any) -> Table:
    return find(source, SourceOptions(**options), set(), partial(text_inputs, named=named or []))


def records(source: pl.DataFrame, named: list[str] | None = None, **options: Any) -> Table:
    return find(source, SourceOptions(**options), set(), partial(row_inputs, named=named or []))


def test_durations_are_seconds_and_what_is_not_finite_is_null() -> None:
    lengths = [timedelta(days=1, milliseconds=500), None, timedelta(seconds=-3)]
    far = pl.Series([float("inf"), float("nan"), 0.1], dtype=pl.Float32)
    frame = pl.DataFrame({"length": lengths, "far": far, "label": lengths})
    table = records(frame, target="label")
    assert [json.loads(row) for row in table.frame["input"]] == [
        {"length": 86_400.5, "far": None}, {"length": None, "far": None}, {"length": -3.0, "far": "0.1"}
    ]
    assert table.frame["label"].to_list() == ["86400.5", None, "-3"]


def test_columns_of_sentences_hold_text_and_others_do_not() -> None:
    assert free_texts(REVIEWS) == ["title", "text"]
    assert free_texts(PEOPLE.drop("name")) == []
    others = pl.DataFrame({"n": [1, 2, 3], "code": ["A-1", "A-2", "A-3"], "same": ["one and the same text"] * 3})
    assert free_texts(others) == []


def test_a_table_is_about_texts_when_they_are_long_or_all_there_is() -> None:
    assert is_about_texts(REVIEWS.drop("label"))
    assert is_about_texts(REVIEWS.select("title"))
    nested = REVIEWS.select("title", id=pl.int_range(pl.len()), meta=pl.struct("title"), tags=pl.concat_list("title"))
    assert is_about_texts(nested), "objects and lists are no columns of rows"
    assert not is_about_texts(PEOPLE.drop("income")), "names beside other columns do not make a table one of texts"
    assert not is_about_texts(PEOPLE.select("age", "work"))
    partly = REVIEWS.with_columns(pl.when(pl.col("id") == "a1").then(pl.lit(" ")).otherwise("text").alias("text"))
    assert not is_about_texts(partly.select("id", "text", n=pl.int_range(pl.len()))), "many rows have none"
    assert is_about_texts(partly.select("id", "text")), "there is nothing else to learn from"


def test_beside_texts_it_is_said_how_to_learn_from_many_columns() -> None:
    more = REVIEWS.with_columns(n=pl.int_range(pl.len()), m=pl.int_range(pl.len()))
    said = "--modality tabular learns from columns"
    assert any(said in note for note in texts(more).notes) and not any(said in note for note in texts(REVIEWS).notes)


def test_several_texts_are_joined_with_their_names_and_one_is_not() -> None:
    table = texts(REVIEWS)
    assert table.frame["input"][0] == f"title: {REVIEWS['title'][0]}\ntext: {REVIEWS['text'][0]}"
    assert table.frame["label"].to_list() == ["bad", "good", "bad", "good"]
    assert 'texts in "title", "text", labels in "label"' in table.kind
    assert any('not used: "id"' in note for note in table.notes)
    assert texts(REVIEWS, ["title"]).frame["input"].to_list() == REVIEWS["title"].to_list()


def test_a_missing_text_leaves_its_line_out() -> None:
    titles = pl.Series([None, "", "so so it goes", "fine for the price"])
    table = texts(REVIEWS.with_columns(title=titles), ["title", "text"])
    assert table.frame["input"][0] == f"text: {REVIEWS['text'][0]}"
    assert texts(REVIEWS.with_columns(text=pl.lit(None, pl.String)), ["text"]).frame["input"].to_list() == [""] * 4


def test_the_only_column_left_is_the_text_however_short() -> None:
    table = texts(pl.DataFrame({"word": ["ja", "nein", "oui"], "label": ["de", "de", "fr"]}))
    assert table.frame["input"].to_list() == ["ja", "nein", "oui"]


def test_a_row_is_json_with_text_as_it_is_written() -> None:
    table = records(PEOPLE, target="income")
    assert [json.loads(row) for row in table.frame["input"]] == PEOPLE.drop("income").to_dicts()
    assert "3 columns" in table.kind and 'labels in "income"' in table.kind


def test_group_time_and_split_are_not_learnt_from_unless_named() -> None:
    sides = pl.Series(["train", "train", "test", "test"])
    frame = PEOPLE.with_columns(group=pl.Series(list("aabb")), when=pl.Series(range(4)), split=sides)
    plain = records(frame, target="income", group="group", time="when")
    assert set(json.loads(plain.frame["input"][0])) == {"age", "work", "name"}
    assert plain.frame["split"].to_list() == ["train", "train", "test", "test"]
    chosen = records(frame, ["when", "age"], target="income", time="when")
    assert set(json.loads(chosen.frame["input"][0])) == {"when", "age"}


def test_numbers_of_few_digits_are_the_same_in_polars_and_pandas() -> None:
    values = np.array([0.1, 4.3, np.nan, 2], np.float32)
    others = pd.DataFrame({"x": values, "y": pd.array(values, dtype="Float32"), "z": range(4)})
    assert rows(from_pandas(others).frame, ["x", "y"]) == rows(pl.DataFrame({"x": values, "y": values}), ["x", "y"])


def test_values_of_every_type_become_json() -> None:
    frame = pl.DataFrame({
        "whole": [1, None], "real": [1.5, float("nan")], "far": [float("inf"), -1.0], "yes": [True, None],
        "day": [date(2026, 1, 2), None], "kind": pl.Series(["a", "b"], dtype=pl.Categorical),
    })  # fmt: skip
    first, second = map(json.loads, rows(frame, [*frame.columns, "absent"]))
    assert list(first.values()) == [1, 1.5, None, True, "2026-01-02", "a", None]
    assert list(second.values()) == [None, None, -1.0, None, None, "b", None]
    assert list(first) == list(second) == [*frame.columns, "absent"]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (np.datetime64("2024-05-01"), "2024-05-01"), (np.datetime64("2024-05-01T10:30", "ns"), "2024-05-01 10:30:00"),
        (timedelta(hours=1), "3600"), (np.timedelta64(90, "m"), "5400"), (np.timedelta64(1500, "ms"), "1.5"),
        (pd.Timedelta("1h"), "3600"), (pd.Timestamp("2024-05-01 10:30"), "2024-05-01 10:30:00"),
        (Decimal("1.50"), "1.5"), (pd.NA, None), (pd.NaT, None),
    ],
    ids=repr,
)  # fmt: skip
def test_a_dictionary_says_what_a_row_of_a_frame_says(value: Any, said: str | None) -> None:
    frame = from_pandas(pd.DataFrame({"x": [value], "y": 1})).frame
    for row in (rows(frame, frame.columns)[0], {"x": value, "y": 1}):
        assert tabular_values.identity(tabular.read(row)["x"]) == said


def test_numpy_s_dates_are_dates_also_among_objects() -> None:
    days = pd.Series([np.datetime64("2024-05-01"), None, np.datetime64("2024-05-01T10:30", "ns")], dtype=object)
    frame = from_pandas(pd.DataFrame({"x": days, "y": pd.Series([np.timedelta64(90, "m")] * 3, dtype=object)})).frame
    said = [[tabular_values.identity(value) for value in json.loads(row).values()] for row in rows(frame, ["x", "y"])]
    assert said == [["2024-05-01", "5400"], [None, "5400"], ["2024-05-01 10:30:00", "5400"]]


@pytest.mark.parametrize(
    "column",
    [pl.Series([[1], [2]]), pl.Series([{"a": 1}]), pl.Series([object()], dtype=pl.Object), pl.Series([b"\xff"])],
    ids=["lists", "structs", "objects", "bytes"],
)  # fmt: skip
def test_columns_to_predict_from_that_are_neither_numbers_nor_text_are_refused(column: pl.Series) -> None:
    with pytest.raises(SourceError, match=rf'column "x" of t\.csv holds {column.dtype.base_type()}.*: text or numbers'):
        rows(pl.DataFrame({"y": [1] * len(column), "x": column}), ["y", "x", "z"], "t.csv")


def test_columns_that_are_neither_numbers_nor_text_are_left_out_and_said() -> None:
    frame = PEOPLE.with_columns(tags=pl.Series([["a"], ["b"], [], None]))
    table = records(frame, target="income")
    assert "tags" not in json.loads(table.frame["input"][0])
    assert any('neither numbers nor text: "tags"' in note for note in table.notes)


@pytest.mark.parametrize(
    "source, options, said",
    [
        (PEOPLE.select("age", "income"), {"named": ["wage"], "target": "income"}, 'input "wage" is not a column'),
        (PEOPLE, {"named": ["income"], "target": "income"}, "both input and target"),
        (PEOPLE.select("income"), {"target": "income"}, "no column besides"),
        (PEOPLE.clear(), {"target": "income"}, "has no rows"),
    ],
)
def test_what_cannot_be_learnt_from_is_refused(source: pl.DataFrame, options: dict[str, Any], said: str) -> None:
    with pytest.raises(SourceError, match=said):
        records(source, **options)


def test_a_table_without_texts_says_so() -> None:
    with pytest.raises(SourceError, match="holds texts: name it with --input"):
        texts(PEOPLE.select("age", "work", "income"), target="income")


def test_a_file_is_read_like_a_frame(tmp_path: Path) -> None:
    REVIEWS.write_csv(tmp_path / "reviews.csv")
    path = tmp_path / "reviews.csv"
    assert texts(path).frame["input"].to_list() == texts(REVIEWS).frame["input"].to_list()  # type: ignore[arg-type]


def test_a_table_whose_first_line_is_data_is_said_to_be_where_the_columns_learnt_from_are_numbers() -> None:
    frame = pl.DataFrame({"ham": ["spam"], "Go until jurong point": ["Free entry"]})
    with pytest.raises(SourceError, match="first line data, as there. Then add --no-header"):
        known_columns(frame, ["1"], "t.tsv")
    with pytest.raises(SourceError) as error:
        known_columns(frame, ["text"], "t.tsv")
    assert "--no-header" not in str(error.value)
