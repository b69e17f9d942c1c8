"""From a table file to a run, a report and predictions: what is special to rows of tables."""

import csv
import json
import shutil
import warnings
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import trained

import unfazed
from unfazed import Run
from unfazed.errors import RunError, SourceError, UnfazedWarning, UsageError
from unfazed.modality.choice import named
from unfazed.recipe import Recipe
from unfazed.report.predictions import Told
from unfazed.source import SourceOptions
from unfazed.table import row_name
from unfazed.verb.kinds import tabular
from unfazed.verb.predict import predicted
from unfazed.verb.prepare import Prepared, prepare
from unfazed.web.weights import Weights


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """200 plants; the label follows size and colour, "grown" gives it away, "number" is the row's."""
    generator = np.random.default_rng(0)
    path = tmp_path_factory.mktemp("table") / "plants.csv"
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["number", "size", "colour", "grown", "kind"])
        for number in range(200):
            size, colour = generator.normal(), generator.choice(["red", "green", "blue"])
            kind = "tree" if size + (colour == "red") > 0.3 else "herb"
            cell = "" if number % 9 == 0 else f"{size:.3f}"
            writer.writerow([number, cell, colour, {"tree": 40, "herb": 2}[kind] + number % 2, kind])
    return path


@pytest.fixture(scope="module")
def run(table: Path, tmp_path_factory: pytest.TempPathFactory) -> Run:
    out = tmp_path_factory.mktemp("runs") / "plants"
    return unfazed.train(table, target="kind", out=out, epochs=8, seed=1)


def test_kinds_alarms_and_both_baselines_are_told(run: Run) -> None:
    notes = run.table().notes
    assert "columns: 2 numbers (size, grown), 1 category (colour); left out: 1 identifier (number)" in notes
    assert any(note.startswith('"grown" alone tells the target of 100 % of') for note in notes)
    assert set(run.report["baselines"]) == {"majority", "linear", "boosting"}
    assert run.model["family"] == "tables-1"


def test_sgd_learns_as_well_with_a_learning_rate_and_a_weight_decay_of_its_own(table: Path, tmp_path: Path) -> None:
    made = unfazed.train(table, target="kind", out=tmp_path / "run", progress=False, epochs=8, seed=1, optimizer="sgd")
    assert (made.recipe.learning_rate, made.recipe.weight_decay) == (0.1, 5e-4)
    assert made.report["test"]["accuracy"]["value"] > 0.9


def test_a_simple_model_says_what_each_row_is(run: Run) -> None:
    assert trained.has_a_second_opinion(run, 0.9)


def test_simple_features_are_scaled_by_rows_from_all_of_a_sorted_table(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lines = (f"{day}.5,{'' if day > 450 and day % 2 else day % 7},{'ab'[day % 2]}\n" for day in range(600))
    (tmp_path / "sorted.csv").write_text("hours,visits,kind\n" + "".join(lines))
    monkeypatch.setattr(tabular, "LINEAR_ROWS", 60)
    options, recipe = SourceOptions(target="kind"), Recipe(columns="hours=number,visits=number")
    *_, prepared = prepare(tmp_path / "sorted.csv", options, recipe, named("tabular"))
    assert isinstance(prepared, Prepared)
    hours, _, *gaps = tabular.features(prepared, np.arange(600)).T
    assert np.abs(hours).max() < 3, "the last ones are as near to the mean as the first ones"
    assert len(gaps) == 1 and gaps[0].sum() == 75, "what is missing late only is told"


def test_a_report_shows_the_rows_with_the_weight_of_each_column(run: Run) -> None:
    exhibits = run.exhibits()
    cells = next(iter(exhibits.values())).cells
    assert cells is not None
    assert [name for name, _, _ in cells] == ["size", "colour", "grown"]
    total = {name: sum(abs({c: b for c, _, b in one.cells or []}[name]) for one in exhibits.values())
             for name in ("size", "colour", "grown")}  # fmt: skip
    assert max(total, key=lambda name: total[name]) == "grown"
    assert 'class="row-values"' in (run.path / "report.html").read_text(encoding="utf-8")


def test_values_that_the_report_does_not_show_are_weighed_as_it_would(run: Run) -> None:
    stored, asked = run.exhibits(), Weights(run, run.table())
    row, other = next(iter(stored)), next(row for row in range(200) if row not in stored)
    found, more = asked.of(row), asked.of(other)
    assert found is not None and found.cells is not None and more is not None and more.cells is not None
    assert [cell[:2] for cell in found.cells] == [cell[:2] for cell in stored[row].cells or []]
    weights = [[bits for _, _, bits in cells] for cells in (found.cells, stored[row].cells or [])]
    assert weights[0] == pytest.approx(weights[1], abs=0.01) and any(bits for _, _, bits in more.cells)


def test_rows_are_predicted_from_mappings_json_and_tables(run: Run, table: Path) -> None:
    predictor = unfazed.Predictor.open(run)
    row: dict[str, Any] = {"number": "7", "size": "2.5", "colour": "red", "grown": "40"}
    found = predictor.predict([row, json.dumps(row), {"grown": 2, "colour": "violet"}, {"other": 1}, "no row"])
    assert found.labels[:3] == ["tree", "tree", "herb"]
    assert np.allclose(found.probs[0], found.probs[1])
    assert found.labels[3:] == [None, None]
    assert "none of the columns" in str(found.problems[3])


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl", ""])
def test_rows_that_were_trained_on_are_known_in_every_format(
    run: Run, table: Path, tmp_path: Path, suffix: str
) -> None:
    frame = pl.read_csv(table)  # numbers are numbers now
    new = frame.head(1).with_columns(size=pl.lit(123.25))
    again = pl.concat([frame.cast({"grown": pl.Float32}), new.cast({"grown": pl.Float32})])
    source = tmp_path / f"again{suffix}"
    match suffix:
        case ".csv":
            again.write_csv(source)
        case ".parquet":
            again.write_parquet(source)
        case ".jsonl":
            again.write_ndjson(source)
    told = unfazed.evaluate(run, source if suffix else again)
    own_test = len(run.table().rows("test"))
    assert (told["seen"], told["own_test"], told["rows"]) == (200 - own_test, own_test, own_test + 1)


def test_the_test_rows_are_whole_where_none_is_missing_and_no_column(run: Run, table: Path) -> None:
    frame, own = pl.read_csv(table), run.table().rows("test")
    sources = (frame, frame[own[1:].tolist()], frame.drop("grown"))
    told = [unfazed.evaluate(run, source) for source in sources]
    assert [one["own_test"] == one["rows"] for one in told] == [True] * 3
    assert [one["whole_test"] for one in told] == [True, False, False]


def test_rows_are_measured_in_the_groups_that_training_kept_together(run: Run, table: Path, tmp_path: Path) -> None:
    frame = pl.read_csv(table).with_columns(pl.col("grown") + 0.25, patient=pl.int_range(200) // 40)
    alone = unfazed.evaluate(run, frame)
    grouped = Run(shutil.copytree(run.path, tmp_path / "grouped"))
    origin = json.loads(grouped.read_text("origin.json"))
    origin["options"]["group"] = "patient"
    (grouped.path / "origin.json").write_text(json.dumps(origin))
    told = unfazed.evaluate(grouped, frame)
    assert (alone["groups"], told["groups"], told["rows"]) == (None, 5, 200)
    one, other = alone["metrics"]["accuracy"], told["metrics"]["accuracy"]
    assert one["value"] == other["value"] and other["high"] - other["low"] > one["high"] - one["low"]
    without = unfazed.evaluate(grouped, frame.drop("patient"))
    assert without["groups"] is None and 'one "patient" together, and there is no such column' in str(without["notes"])


def test_rows_of_groups_that_were_trained_on_are_left_out(run: Run, table: Path, tmp_path: Path) -> None:
    """Ten patients, of whom the run has two in its test; another one is new."""
    grouped = Run(shutil.copytree(run.path, tmp_path / "grouped"))
    origin = json.loads(grouped.read_text("origin.json"))
    origin["options"]["group"] = "patient"
    (grouped.path / "origin.json").write_text(json.dumps(origin))
    kept = grouped.table()
    patients = np.where(np.array(kept.frame["split"]) == "test", kept.y() % 2, 2 + kept.y() % 8)
    grouped.write_table(replace(kept, frame=kept.frame.with_columns(group=pl.Series(map(str, patients.tolist())))))
    new = pl.read_csv(table).with_columns(pl.col("grown") + 0.25, patient=pl.int_range(200) % 11)
    told = unfazed.evaluate(Run(grouped.path), new)
    trained_on = sorted({*patients.tolist()} - {0, 1})
    left_out = new["patient"].is_in(trained_on).sum()
    assert 0 < left_out == told["seen_groups"] and told["rows"] == 200 - left_out
    with pytest.raises(SourceError, match="or on others of their groups"):
        unfazed.evaluate(Run(grouped.path), new.filter(pl.col("patient").is_in(trained_on)))
    (grouped.path / "report.json").unlink()  # until it is finished, its test may still be chosen by
    assert unfazed.evaluate(Run(grouped.path), new)["seen_groups"] == left_out + new["patient"].is_in([0, 1]).sum()
    split = ["test" if side == "validation" else side for side in kept.frame["split"]]
    shared = replace(kept, frame=kept.frame.with_columns(split=pl.Series(split), group=pl.lit("one")))
    shutil.copy(run.path / "report.json", grouped.path)
    grouped.write_table(shared)
    told = unfazed.evaluate(Run(grouped.path), new.with_columns(patient=pl.lit("one")))
    assert told["seen_groups"] == 0, "the source itself has it on both sides"


def test_rows_that_repeat_others_are_counted(run: Run, table: Path) -> None:
    new = pl.read_csv(table).with_columns(pl.col("grown") + 0.25).head(10)
    assert unfazed.evaluate(run, new)["copies"] == 0
    told = unfazed.evaluate(run, pl.concat([new] * 3))
    assert (told["rows"], told["copies"]) == (30, 20)


def test_what_was_left_out_in_training_is_not_asked_for(run: Run, table: Path) -> None:
    frame = pl.read_csv(table).drop("number")
    told = unfazed.evaluate(run, frame)
    assert 200 - len(run.table().rows("test")) <= told["seen"] < 180, "known by the columns that are left"
    with pytest.raises(SourceError, match=r'trained on the columns .* has none of that name. Did you mean "numbers"'):
        unfazed.evaluate(run, frame.select("kind", numbers="size"))


def test_a_table_to_predict_is_held_against_the_training_table(run: Run, table: Path, tmp_path: Path) -> None:
    asked = tmp_path / "asked.csv"
    pl.read_csv(table).head(3).drop("grown").with_columns(colour=pl.lit("violet"), grwn=1).write_csv(asked)
    told = Told(predicted(run, [str(asked)]))
    assert [one.input for one in told] == [f"{asked}:{row}" for row in (1, 2, 3)], "rows are counted from 1"
    assert told.failure is None
    assert told.notices == [
        f'{asked}: "kind" holds the labels, and is left out; unfazed evaluate measures the model on them',
        f'{asked}: it has no column "grown": what was learnt from there counts as missing. Did you mean "grwn"?',
        f'{asked}: not learnt from: "grwn"',
        f'{asked}: "colour": 3 of 3 are categories that training had at most once',
    ]


def test_the_labels_of_a_table_to_predict_are_no_column_that_is_new(run: Run, table: Path, tmp_path: Path) -> None:
    pl.read_csv(table).drop("kind").write_csv(tmp_path / "asked.csv")
    labelled, bare = (Told(predicted(run, [str(one)])) for one in (table, tmp_path / "asked.csv"))
    assert [one.probs for one in labelled] == [one.probs for one in bare]
    assert labelled.notices == [
        f'{table}: "kind" holds the labels, and is left out; unfazed evaluate measures the model on them'
    ]
    assert bare.notices == []


def test_python_is_warned_of_what_the_command_says(run: Run, table: Path) -> None:
    predictor = unfazed.Predictor.open(run)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        predictor.predict(pl.read_csv(table))  # the labels are no news
        predictor.predict([{"size": 1.5, "colour": "red", "grown": 40, "kind": "tree"}])
        assert len(predictor.predict([])) == len(predictor.predict(pl.read_csv(table).head(0))) == 0
    with pytest.warns(UnfazedWarning) as warned:
        predictor.predict(pl.read_csv(table).head(3).drop("grown").with_columns(colour=pl.lit("violet"), grwn=1))
    assert [str(one.message) for one in warned] == [
        'it has no column "grown": what was learnt from there counts as missing. Did you mean "grwn"?',
        'not learnt from: "grwn"',
        '"colour": 3 of 3 are categories that training had at most once',
    ]
    assert warned[0].filename == __file__
    with pytest.warns(UnfazedWarning, match=r"^1 of 2 items cannot be read .* items\[1\]: a row is a JSON object"):
        predictor.predict([{"size": 1.5, "colour": "red", "grown": 40}, "7"])


def test_a_preprocessor_of_fewer_columns_is_refused(run: Run, tmp_path: Path) -> None:
    copy = Run(shutil.copytree(run.path, tmp_path / "run"))
    fewer = [column for column in run.preprocessor["columns"] if column["name"] != "size"]
    copy.write_json("preprocessor.json", {**run.preprocessor, "columns": fewer})
    with pytest.raises(RunError, match=r"preprocessor\.json does not fit the network, .* another value of codes"):
        unfazed.Predictor.open(copy)


def test_a_table_without_any_column_learnt_from_is_refused(run: Run, tmp_path: Path) -> None:
    asked = tmp_path / "other.csv"
    asked.write_text("note,text\n1,a\n")
    with pytest.raises(SourceError, match='trained on the columns .* has none of that name.*"note", "text"'):
        list(predicted(run, [str(asked)]))


def test_a_table_that_is_not_there_or_none_is_told_as_such(run: Run, table: Path) -> None:
    with pytest.raises(SourceError, match=r'there is nothing at .*plants\.cvs\. Did you mean "plants\.csv"\?'):
        list(predicted(run, [str(table.with_suffix(".cvs"))]))
    table.with_suffix(".txt").touch()
    with pytest.raises(SourceError, match="is neither a folder nor a table"):
        list(predicted(run, [str(table.with_suffix(".txt"))]))


def test_a_row_that_cannot_be_read_is_told_and_the_others_are_predicted(run: Run, tmp_path: Path) -> None:
    asked = tmp_path / "asked.jsonl"
    asked.write_text('{"size": 1, "colour": "red", "grown": 40}\n{"size": [1], "colour": "red", "grown": 40}\n')
    told = Told(predicted(run, [str(asked), "{}", '{"colour": "red"}']))
    assert [one.problem is None for one in told][-2:] == [False, True]
    assert told.failure is not None and "; the others are predicted" in told.failure


def test_an_array_of_numbers_has_no_names_of_columns(run: Run) -> None:
    with pytest.raises(UsageError, match=r"array of shape \(2, 3\): its columns have no names: give a frame"):
        unfazed.Predictor.open(run).predict(np.zeros((2, 3)))


def test_rows_are_said_by_some_of_their_cells(run: Run) -> None:
    row = run.table().frame["input"][1]
    said = row_name("2", row, run.table().root)
    assert said.startswith("row 2, number 1, size ") and "{" not in said


def test_a_folder_that_holds_no_table_is_told_what_is_wanted(run: Run, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("x")
    with pytest.raises(UsageError, match=r"no files to predict: name its tables \(.csv, "):
        list(predicted(run, [str(tmp_path)]))
    with pytest.raises(SourceError, match=r"rows stand in a table: give the file \(.csv, .* It holds .txt 1"):
        unfazed.train(tmp_path, modality="tabular", progress=False)


def test_an_input_that_is_no_column_is_called_so(table: Path) -> None:
    with pytest.raises(SourceError, match=r'^input "sise" is not a column of .* Did you mean "size"\?'):
        unfazed.train(table, target="kind", input="colour,sise", progress=False)


@pytest.mark.parametrize(
    ("settings", "answer"),
    [
        ({"image_size": 32}, "image_size is for image data"),
        ({"columns": "size=nummer"}, "--columns wants NAME=KIND"),
        ({"task": "classification", "loss": "huber"}, "is not for classification"),
    ],
)
def test_settings_are_refused_before_anything_is_read(
    table: Path, settings: dict[str, Any], answer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("unfazed.verb.train.prepare", lambda *_: pytest.fail("it was read"))
    with pytest.raises(UsageError, match=answer):
        unfazed.train(table, target="kind", progress=False, **settings)


def test_the_report_speaks_of_rows_and_explains_its_bars(run: Run) -> None:
    page = (run.path / "report.html").read_text(encoding="utf-8")
    assert "Every row could be read." in page and "A bar shows how much the value counted" in page
    assert 'title="row ' in page
