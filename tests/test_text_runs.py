"""Texts from a table to a report and predictions, with everything in them that tables of texts hold."""

import json
import math
from dataclasses import replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pandas as pd
import polars as pl
import pytest
import trained

import unfazed
from unfazed.errors import InputError, SourceError
from unfazed.modality import encoded
from unfazed.modality.text import MODALITY, encode, find, fit, listed, load, read
from unfazed.reading import reading
from unfazed.report.events import Notice
from unfazed.run import Run
from unfazed.source import SourceOptions
from unfazed.verb.predict import predicted

SUBJECTS = {"sea": ["ship", "harbour", "sailor", "wave"], "bread": ["flour", "oven", "baker", "yeast"]}
ODD = ["", "   ", None, "🙂 ship " * 3, "מרחבי ship הים", "<b>ship</b>", "ship " * 3000]


def rows(count: int = 240) -> pl.DataFrame:
    """Reviews by subject: two columns of text, one of numbers, and rows that cannot be used."""
    generator = np.random.default_rng(0)
    labels = [list(SUBJECTS)[number % 2] for number in range(count)]
    titles = [f"about the {generator.choice(SUBJECTS[label])} {number}" for number, label in enumerate(labels)]
    bodies = [
        f"they saw {' and '.join(generator.choice(SUBJECTS[label], 2))} on a fine day, it was said, no. {number}"
        for number, label in enumerate(labels)
    ]
    frame = pl.DataFrame({"title": titles, "body": bodies, "stars": range(count), "subject": labels})
    odd = pl.DataFrame({"title": [None] * len(ODD), "body": ODD, "stars": [0] * len(ODD), "subject": "sea"})
    return pl.concat([frame, odd], how="vertical_relaxed")


@cache
def run() -> Run:
    source = Path(mkdtemp(prefix="unfazed-test-")) / "reviews.csv"
    rows().write_csv(source)
    return unfazed.train(source, target="subject", out=source.parent / "run", progress=False, epochs=4)


def test_columns_of_text_are_found_and_joined() -> None:
    table = find(rows(), SourceOptions(target="subject"))
    assert 'texts in "title", "body"' in table.kind
    assert table.frame["input"][0].startswith("title: about the ")
    assert "\nbody: they saw" in table.frame["input"][0]


def test_rows_without_a_text_are_problems_and_the_rest_is_learnt() -> None:
    assert [problem["reason"] for problem in run().problems()] == ["empty text"] * 3
    assert run().report["test"]["accuracy"]["value"] > 0.9
    assert run().model["modality"] == "text"
    assert run().model["family"] == "texts-1"


def test_sgd_learns_with_a_learning_rate_and_a_weight_decay_of_its_own(tmp_path: Path) -> None:
    made = unfazed.train(
        rows(), target="subject", out=tmp_path / "run", progress=False, epochs=4, optimizer="sgd"
    )
    assert (made.recipe.learning_rate, made.recipe.weight_decay) == (0.3, 5e-4)
    assert made.report["test"]["accuracy"]["value"] > 0.9


def test_the_baseline_stands_beside_it_on_the_same_rows() -> None:
    baseline = run().report["baselines"]["linear"]
    assert baseline["test"]["accuracy"]["n"] == run().report["test"]["accuracy"]["n"]
    assert "TF-IDF with logistic regression" in (run().path / "report.html").read_text()


def test_a_simple_model_says_what_each_text_is() -> None:
    assert trained.has_a_second_opinion(run(), 0.8)


def test_the_report_shows_words_by_weight() -> None:
    words = [one.words for one in run().exhibits().values()]
    assert words and all(pieces is not None for pieces in words)
    subjects = {word for names in SUBJECTS.values() for word in names}
    heaviest = [max(pieces, key=lambda pair: pair[1])[0].strip(" .,") for pieces in words if pieces]
    assert np.mean([word in subjects for word in heaviest]) > 0.5


def test_a_table_without_labels_is_predicted_from_the_same_columns(tmp_path: Path) -> None:
    asked = tmp_path / "asked.csv"
    pl.DataFrame(
        {"note": ["whatever else was written down about it"] * 2, "body": ["a ship and a wave", "flour for the baker"],
         "title": ["the sailor", None]}
    ).write_csv(asked)
    notice, *found = predicted(run(), [str(asked)])
    assert notice == Notice(f'{asked}: not learnt from: "note"')
    assert [one.label for one in found] == ["sea", "bread"]


def test_short_texts_are_taken_from_the_column_that_was_learnt() -> None:
    fitted = fit(["a sailor on a ship"] * 4, unfazed.Recipe(), ["body"])
    frame = pl.DataFrame({"body": ["ship", "oven"], "remark": ["much longer than what it is about, by far"] * 2})
    assert listed(frame, fitted, "t.csv", ["."]) == ["ship", "oven"]
    labelled = find(frame.with_columns(label=pl.Series(["x", "y"])), None, fitted)
    assert labelled.frame["input"].to_list() == ["ship", "oven"]
    assert not labelled.notes, "nothing was overlooked: the other column was there to be left out"


def test_a_row_is_read_as_the_table_that_it_stands_in() -> None:
    """Whatever else stands there, in whichever order, and with names where training had several columns."""
    for columns in (["body"], ["title", "body"]):
        fitted = fit(["a sailor on a ship", "title: the body:"] * 4, unfazed.Recipe(), columns)
        for row in (
            {"author": "bob", "body": "ship", "title": "sailor"}, {"body": "ship"}, {"body": "ship", "title": None}
        ):
            (text,) = listed(pl.DataFrame([row], schema_overrides={"title": pl.String}), fitted, "t.csv", ["."])
            assert text.startswith("body: ship") == (columns != ["body"] and not row.get("title"))
            assert np.array_equal(encoded(row, MODALITY, fitted), encode(text, fitted))
    with pytest.raises(InputError, match='it has none of the columns "title", "body"; it has "author"'):
        encoded({"author": "bob"}, MODALITY, fitted)
    assert encoded({"author": "bob"}, MODALITY, replace(fitted, columns=())).any(), "files have no columns"


def test_a_row_of_any_values_is_read_as_the_table_that_it_stands_in() -> None:
    row = {"title": "good", "stars": 4.0, "new": True, "at": datetime(2024, 1, 31, 5), "day": date(2024, 1, 31),
           "took": timedelta(hours=1), "price": np.float32(4.3), "paid": Decimal("1.50"), "none": math.nan}  # fmt: skip
    fitted = fit(["good stars"] * 4, unfazed.Recipe(), list(row))
    (text,) = listed(pl.DataFrame([row], schema_overrides={"price": pl.Float32}), fitted, "t.csv", ["."])
    assert text.splitlines()[:3] == ["title: good", "stars: 4", "new: true"] and "price: 4.3\n" in text
    assert read(row) == text
    assert read({"title": "good", "none": pd.NA, "at": pd.NaT}) == "title: good"


def test_columns_that_were_not_learnt_from_are_told() -> None:
    with pytest.warns(unfazed.errors.UnfazedWarning) as told:
        unfazed.Predictor.open(run()).predict([{"body": "ship", "author": "bob"}])
    assert [str(one.message) for one in told] == [
        'it has no column "title": what was learnt from there counts as missing.', 'not learnt from: "author"'
    ]


def test_a_column_of_names_of_files_or_addresses_is_no_hindrance(tmp_path: Path) -> None:
    texts = ["they saw a ship and a sailor", "the baker and the oven"]
    names = pl.DataFrame({"text": texts, "file": ["a.txt", "b.txt"], "label": ["x", "y"]})
    asked = SourceOptions(target="label", input="text")
    assert find(names, asked).frame["input"].to_list() == texts
    assert listed(names, fit(texts, unfazed.Recipe(), ["text"]), "t.csv", ["."]) == texts
    addresses = names.with_columns(file=pl.Series(["https://example.org/a.html", "https://example.org/b.html"]))
    assert find(addresses, asked).frame["input"].to_list() == texts
    assert texts[0] in find(addresses, SourceOptions(target="label")).frame["input"][0]
    assert find(addresses, SourceOptions(target="label", input="file")).frame["input"][0].startswith("https")
    with pytest.raises(SourceError, match="addresses, not files"):
        find(addresses.drop("text"), SourceOptions(target="label"))
    with pytest.raises(SourceError, match='input "file": .* --path says which'):
        find(names, SourceOptions(target="label", input="file"))


def test_a_table_without_the_column_that_was_learnt_is_told_with_a_near_name() -> None:
    fitted = fit(["a sailor on a ship"] * 4, unfazed.Recipe(), ["body"])
    frame = pl.DataFrame({"bodi": ["it is a text, and rather a long one"] * 2, "label": ["x", "y"]})
    with pytest.raises(SourceError, match=r'column "body", and t\.csv has none .* Did you mean "bodi"\?'):
        listed(frame, fitted, "t.csv", ["."])
    with pytest.raises(SourceError, match=r'"body" is not a column of .* Did you mean "bodi"\?'):
        find(frame, SourceOptions(target="label"), fitted)


def test_the_sides_of_a_folder_are_read_from_the_same_column(tmp_path: Path) -> None:
    long = "they saw a ship and a sailor on a fine day"
    pl.DataFrame({"body": [f"{long} {n}" for n in range(8)], "note": ["-"] * 8, "label": ["x", "y"] * 4}).write_csv(
        tmp_path / "train.csv"
    )
    pl.DataFrame({"body": ["ship", "oven"], "note": [f"{long} {n}" for n in range(2)], "label": ["x", "y"]}).write_csv(
        tmp_path / "test.csv"
    )
    assert find(tmp_path).frame["input"].to_list()[-2:] == ["ship", "oven"]


def test_texts_rows_and_files_are_predicted(tmp_path: Path) -> None:
    file = tmp_path / "one.txt"
    file.write_bytes("the baker’s oven – flour".encode("cp1252"))
    items = ["a sailor on a ship", {"title": "yeast", "body": "flour"}, file, "", None]
    predictions = unfazed.Predictor.open(run()).predict(items)
    assert predictions.labels == ["sea", "bread", "bread", None, None]
    assert predictions.problems[3] == "empty text"


def test_a_prediction_does_not_depend_on_its_neighbours() -> None:
    predictor = unfazed.Predictor.open(run())
    alone = predictor.predict(["a sailor on a ship"]).probs
    among = predictor.predict(["flour " * 500, "a sailor on a ship", "x"]).probs
    assert among[1] == pytest.approx(alone[0], abs=1e-5)


def test_the_preprocessor_knows_nothing_of_rows_that_were_not_trained_on() -> None:
    merges = json.loads(run().read_text("preprocessor.json"))["merges"]
    assert json.loads(run().read_text("preprocessor.json"))["columns"] == ["title", "body"]
    learnt = {merge.replace(" ", "") for merge in merges}
    assert "Ġharbour" in learnt


def test_a_folder_of_class_folders_of_text_files(tmp_path: Path) -> None:
    for number in range(6):
        place = tmp_path / ("sea", "bread")[number % 2]
        place.mkdir(exist_ok=True)
        (place / f"{number}.txt").write_bytes(f"text {number} – ü".encode("cp1252" if number else "utf-16"))
    (tmp_path / "sea" / "broken.txt").write_bytes(b"\x89PNG\0\0\0")
    table = find(tmp_path)
    texts = dict(zip(table.frame["id"], table.frame["input"], strict=True))
    assert texts["bread/1.txt"] == "text 1 – ü" and texts["sea/0.txt"] == "text 0 – ü"
    assert texts["sea/broken.txt"].startswith("\0cannot be read: not a text")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"\0cannot be read: \xff", r"not a text: starts with b'\x00cannot be r'"),
        (b"\0cannot be read: a reason of its own, and more of it", None),
    ],
)
def test_a_file_does_not_write_the_reason_why_it_cannot_be_read(tmp_path: Path, data: bytes, said: str | None) -> None:
    for number in range(4):
        place = tmp_path / ("sea", "bread")[number % 2]
        place.mkdir(exist_ok=True)
        (place / f"{number}.txt").write_text(f"text {number}")
    (tmp_path / "sea" / "sly.txt").write_bytes(data)
    texts = dict(find(tmp_path).frame.select("id", "input").iter_rows())
    assert reading(texts["sea/sly.txt"], read, load).problem == said


def test_a_folder_of_texts_is_evaluated_though_a_column_was_the_target(tmp_path: Path) -> None:
    for label, text in {"sea": "a sailor on a ship", "bread": "the baker and the oven"}.items():
        (tmp_path / label).mkdir()
        for number in range(2):
            (tmp_path / label / f"{number}.txt").write_text(f"{text} {number}")
    assert unfazed.evaluate(run(), tmp_path)["metrics"]["accuracy"]["value"] == 1


def test_a_table_of_paths_of_text_files(tmp_path: Path) -> None:
    for number in range(4):
        (tmp_path / f"{number}.txt").write_text(f"text {number}")
    source = tmp_path / "list.csv"
    pl.DataFrame({"file": [f"{n}.txt" for n in range(4)], "label": ["a", "b"] * 2}).write_csv(source)
    assert find(source).frame["input"].to_list() == [f"text {number}" for number in range(4)]


def test_a_table_without_texts_is_told(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="no column of .* holds texts: name it with --input"):
        find(pl.DataFrame({"a": [1, 2], "b": [0.5, 0.7], "label": ["x", "y"]}))


def test_a_number_can_be_predicted_from_texts(tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    good = generator.integers(0, 5, 200)
    texts = [f"it is {'very ' * times}good, number {row}" for row, times in enumerate(good)]
    frame = pl.DataFrame({"text": texts, "price": good * 1.5 + 0.25 + np.arange(200) / 1e4})
    run = unfazed.train(frame, target="price", out=tmp_path / "run", progress=False, epochs=3)
    assert run.report["task"].endswith("regression")
    assert "TF-IDF with ridge regression" in (run.path / "report.html").read_text()


def test_the_target_that_was_found_is_that_of_other_tables(tmp_path: Path) -> None:
    frame = rows(120).select("body", "subject")[:120]
    made = unfazed.train(frame, out=tmp_path / "run", progress=False, epochs=1)
    facts = unfazed.evaluate(made, frame.with_columns(id=pl.Series(map(str, range(120))), label=pl.lit("no subject")))
    assert made.model["target"] == "subject" and facts["rows"] == len(made.table().rows("test"))
