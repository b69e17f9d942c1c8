"""Table files and frames: which column is the path, the label, the side, the group and the time."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pandas as pd
import polars as pl
import pytest
from empty_files import write

from unfazed.errors import SourceError
from unfazed.modality.tabular import find as rows_of_table
from unfazed.modality.text import find as texts_of_table
from unfazed.source import SourceOptions, check_classes, find
from unfazed.source_table import paths, read_frame
from unfazed.table import Table
from unfazed.target import decided

ROWS = {"name": ["c1", "c2", "d1", "d2"], "file": ["i/1.png", "i/2.png", "i/3.png", "i/4.png"],
        "label": ["cat", "cat", "dog", "dog"]}
FILES = ("i/1.png", "i/2.png", "i/3.png", "i/4.png")


def found(source: Any, **options: Any) -> Table:
    return find(source, SourceOptions(**options), {".png"})


def refused(source: Any, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        check_classes(found(source, **options))
    return str(caught.value)


def labels(table: Table) -> dict[str, str | None]:
    return dict(zip(table.frame["id"], table.frame["label"], strict=True))


def frame(**columns: Any) -> pl.DataFrame:
    return pl.DataFrame({**ROWS, **columns})


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet", ".jsonl", ".CSV", ".ndjson"])
def test_table_files(tmp_path: Path, suffix: str) -> None:
    write(tmp_path, *FILES)
    path = tmp_path / f"table{suffix}"
    {
        "csv": lambda: frame().write_csv(path),
        "tsv": lambda: frame().write_csv(path, separator="\t"),
        "parquet": lambda: frame().write_parquet(path),
        "jsonl": lambda: frame().write_ndjson(path),
        "ndjson": lambda: frame().write_ndjson(path),
    }[suffix[1:].lower()]()
    table = found(path)
    assert labels(table) == {"1": "cat", "2": "cat", "3": "dog", "4": "dog"}
    assert table.frame["input"][0] == str(tmp_path / "i" / "1.png")
    assert 'paths in "file", labels in "label"' in table.kind


def test_the_obvious_column_is_taken_and_others_must_be_named(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    for name in ("Class", "target", "CATEGORY"):
        assert found_in(tmp_path, frame().rename({"label": name})).kind.endswith(f'labels in "{name}"')
    only = found_in(tmp_path, frame().drop("name").rename({"label": "species"}))
    assert only.kind.endswith('labels in "species"')
    message = refused_in(tmp_path, frame().rename({"label": "species"}))
    assert "--target" in message and '"name", "species"' in message
    assert labels(found_in(tmp_path, frame(), target="name"))["1"] == "c1"


def found_in(folder: Path, table: pl.DataFrame, **options: Any) -> Table:
    table.write_parquet(folder / "t.parquet")
    return found(folder / "t.parquet", **options)


def refused_in(folder: Path, table: pl.DataFrame, **options: Any) -> str:
    table.write_parquet(folder / "t.parquet")
    return refused(folder / "t.parquet", **options)


def test_labels_keep_how_they_are_written(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    (tmp_path / "t.csv").write_text("file,label\ni/1.png,01\ni/2.png,1\ni/3.png, NA \ni/4.png,\n")
    assert list(labels(found(tmp_path / "t.csv")).values()) == ["01", "1", "NA", None]
    (tmp_path / "t.csv").write_text("file,label\ni/1.png,01\ni/2.png,1\n")
    assert list(labels(found(tmp_path / "t.csv")).values()) == ["01", "1"]
    for values, expected in [
        ([1.0, 2.0, None, float("nan")], ["1", "2", None, None]),
        ([1, 2, 3, None], ["1", "2", "3", None]),
        ([True, False, True, None], ["true", "false", "true", None]),
        ([0.5, 1e20, 2.0, float("inf")], ["0.5", "100000000000000000000", "2", "inf"]),
        (["", " ", "a", None], [None, None, "a", None]),
        (pl.Series([4.3, 2.0, None, 0.1], dtype=pl.Float32), ["4.3", "2", None, "0.1"]),
    ]:
        table = found_in(tmp_path, frame(label=pl.Series(values, strict=False)))
        assert table.frame["label"].to_list() == expected
    assert found_in(tmp_path, frame(label=pl.Series(list("abab")).cast(pl.Categorical))).classes == ["a", "b"]
    assert "List" in refused_in(tmp_path, frame(label=[[1.5], [2.5], [3.5], [4.5]]))


def test_no_header_names_columns_by_number(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    (tmp_path / "t.csv").write_text("i/1.png,cat,x\ni/2.png,cat,x\ni/3.png,dog,y\ni/4.png,dog,y\n")
    assert found(tmp_path / "t.csv", header=False, target="1").classes == ["cat", "dog"]
    assert '("i/1.png" is a path): add --no-header' in refused(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("i/gone.png,cat\ni/2.png,cat\ni/3.png,dog\n")
    assert '("i/gone.png" is a path): add --no-header' in refused(tmp_path / "t.csv")
    (tmp_path / "t.csv").write_text("i/1.png,cat\n")
    assert "--no-header" in refused(tmp_path / "t.csv")


def test_a_first_line_that_may_be_data_is_pointed_out(tmp_path: Path) -> None:
    write(tmp_path, "i/1.png", "i/2.png", "i/3.png")
    (tmp_path / "t.csv").write_text("file,ham\ni/1.png,ham\ni/2.png,spam\ni/3.png,ham\n")
    (told,) = found(tmp_path / "t.csv", target="ham").notes
    assert told.startswith("the first line was taken for the names of columns") and '"ham" is also a label' in told
    (tmp_path / "t.csv").write_text("file,kind\ni/1.png,ham\ni/2.png,spam\ni/3.png,ham\n")
    assert not found(tmp_path / "t.csv", target="kind").notes



def test_paths_start_at_the_table_or_where_the_command_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "work", *FILES)
    (tmp_path / "lists").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    assert found_in(tmp_path / "lists", frame()).frame["input"][0] == str(tmp_path / "work" / "i" / "1.png")
    write(tmp_path / "lists", *FILES)
    assert found_in(tmp_path / "lists", frame()).frame["input"][0] == str(tmp_path / "lists" / "i" / "1.png")
    absolute = [str(tmp_path / "work" / name) for name in FILES]
    assert found_in(tmp_path, frame(file=absolute)).frame["input"].to_list() == absolute
    assert found_in(tmp_path / "lists", frame(file=[f"../work/{name}" for name in FILES])).classes == ["cat", "dog"]


def test_the_path_column_is_the_one_with_files(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    mostly = frame(file=["i/1.png", "i/2.png", "i/3.png", "i/gone.png"], other=["i/1.png", *"xyz"])
    assert 'paths in "file"' in found_in(tmp_path, mostly).kind
    assert found_in(tmp_path, frame(file=["i/1.png", None, "i/3.png", "i/4.png"])).frame["input"][1] == ""


def test_where_two_columns_hold_paths_it_is_said_which_was_taken_and_the_other_can_be(tmp_path: Path) -> None:
    write(tmp_path, *FILES, "m/1.png")
    two = frame(mask=["m/1.png", "m/1.png", None, "m/gone.png"])
    table = found_in(tmp_path, two)
    assert table.frame["input"][0] == str(tmp_path / "i" / "1.png")
    assert table.notes == ('paths of files are also in "mask": "file" was taken, --path names another',)
    chosen = found_in(tmp_path, two, path="mask")
    assert chosen.frame["input"].to_list() == [f"{tmp_path}/m/1.png"] * 2 + ["", f"{tmp_path}/m/gone.png"]
    assert chosen.notes == () and 'paths in "mask"' in chosen.kind
    assert found_in(tmp_path, two, group="mask").notes == ()  # it is known what that one is for


def test_the_note_of_two_columns_of_paths_is_said_once_for_tables_by_side(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    for name in ("train.csv", "test.csv"):
        frame(mask=ROWS["file"]).write_csv(tmp_path / name)
    assert len(found(tmp_path).notes) == 1
    assert 'paths in "mask"' in found(tmp_path, path="mask").kind


def test_a_path_column_that_cannot_be_it(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    said = refused_in(tmp_path, frame(), path="fiel")
    assert 'path "fiel" is not a column of' in said and 'Did you mean "file"?' in said
    assert f'column "name" of {tmp_path / "t.parquet"} holds no paths of existing files' in refused_in(
        tmp_path, frame(), path="name")
    assert 'path and target are both "file"' in refused_in(tmp_path, frame(), path="file", target="file")
    gone = refused_in(tmp_path, frame(gone=["x/1.png"] * 4), path="gone")
    assert 'column "gone" of' in gone and 'there is no file "x/1.png"' in gone


def test_a_column_of_addresses_beside_the_one_of_files_does_no_harm(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    table = found_in(tmp_path, frame(name=[f"https://x.org/{row}" for row in range(4)]))
    assert table.kind.endswith('paths in "file", labels in "label"')


def test_paths_without_labels(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    here = str(tmp_path)
    values = ["i/gone.png", None, "n" * 300, "i/4.png"]
    assert paths(frame(file=values), "it", ["/nowhere", here]) == (
        "file", [f"{here}/i/gone.png", "", f"{here}/{'n' * 300}", f"{here}/i/4.png"], [])
    with pytest.raises(SourceError, match="it has no rows"):
        paths(frame().clear(), "it", [here])
    with pytest.raises(SourceError, match='target "file" is the only column of it that holds paths'):
        paths(frame(), "it", [here], target="file")
    (tmp_path / "0").touch()  # what a column without a name is called
    assert paths(pl.DataFrame({"0": ["i/1.png"]}), "it", [here]).inputs == [f"{here}/i/1.png"]


def test_labels_that_are_names_of_the_rows_are_told(tmp_path: Path) -> None:
    write(tmp_path, "1.png")
    said = refused_in(tmp_path, pl.DataFrame({"file": ["1.png"] * 200, "label": [f"c{row}" for row in range(200)]}))
    assert '200 of 200 classes in ' in said and '"c8", "c9", …. A class needs two' in said and '"c10"' not in said
    assert said.endswith("or remove its row. Or is that not the column of labels? --target names another.")
    few = refused_in(tmp_path, pl.DataFrame({"file": ["1.png"] * 5, "label": list("aabbc")}))
    assert few.endswith("or remove its row.")


def test_a_split_column_is_honoured(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    table = found_in(tmp_path, frame(Split=["train", "Valid ", None, "TEST"]))
    assert table.frame["split"].to_list() == ["train", "validation", None, "test"]
    assert '"fold 1"' in refused_in(tmp_path, frame(split=["fold 1", "train", "test", "test"]))
    assert found_in(tmp_path, frame(split=["x", "x", "y", "y"]), target="split").classes == ["x", "y"]


def test_groups_and_times(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    days = ["2020-01-02", "2021-01-01", None, "2020-01-01"]
    extra = {"patient": [1, 1, 2, None], "day": days, "age": [3, 1, 2, None]}
    table = found_in(tmp_path, frame(**extra), group="patient", time="day", target="label")
    assert table.frame["group"].to_list() == ["1", "1", "2", None]
    assert table.frame["time"].to_list() == [1577923200.0, 1609459200.0, None, 1577836800.0]
    assert found_in(tmp_path, frame(**extra), time="age", target="label").frame["time"].to_list() == [3, 1, 2, None]
    for text in (["1", "2.5", "3", "4"], ["2020-01-01T10:00:00", "2020-01-01T09:00:00", "2020-01-02T00:00:00", None]):
        times = found_in(tmp_path, frame(day=text), time="day", target="label").frame["time"]
        assert times[0] is not None and (times[1] > times[0]) == (text[0] == "1")
    dates = pl.Series(days).str.to_date()
    assert found_in(tmp_path, frame(day=dates), time="day", target="label").frame["time"][0] == 1577923200.0
    assert "List" in refused_in(tmp_path, frame(day=[[1], [2], [3], [4]]), time="day", target="label")


@pytest.mark.parametrize(
    "day",
    [
        ["01/31/2023", "01/02/2023", None, "12/01/2022"], ["31/01/2023", "02/01/2023", None, "01/12/2022"],
        ["01/31/23", "01/02/23", None, "12/01/22"], ["31.1.2023", "2.1.2023", None, "1.12.2022"],
        ["01/31/2023 12:00 AM", "01/02/2023 12:00 AM", None, "12/01/2022 12:00 AM"],
        ["31-Jan-23", "Jan 2, 2023", None, "2022-12-01"], ["2023-01-31T00:00:00Z", "2023-01-02", None, "2022-12-01"],
    ],
)  # fmt: skip
def test_times_are_read_in_the_layout_of_their_column(tmp_path: Path, day: list[str | None]) -> None:
    write(tmp_path, *FILES)
    times = found_in(tmp_path, frame(day=day), time="day", target="label").frame["time"]
    assert times.to_list() == [1675123200.0, 1672617600.0, None, 1669852800.0]


@pytest.mark.parametrize(
    ("day", "answer"),
    [
        (["soon", "2023-01-31", "1/2/2023", None], 'neither dates nor numbers, such as "soon": write them alike'),
        (["01/02/2023", "02/03/2023", None, None], 'day, month and year cannot be told apart, such as "0'),
        (["20-05-14", "21-06-03", "19-12-25", None], 'day, month and year cannot be told apart, such as "'),
        (["01/31/2023", "02/27/2023", "27/01/2023", None], 'several layouts, such as "27/01/2023" where most have the'),
    ],
)  # fmt: skip
def test_times_that_cannot_be_put_in_order_are_refused_with_what_to_do(
    tmp_path: Path, day: list[str | None], answer: str
) -> None:
    write(tmp_path, *FILES)
    refused = refused_in(tmp_path, frame(day=day), time="day", target="label")
    assert answer in refused and "2023-01-31 14:05" in refused


def test_times_written_in_several_ways_keep_their_offset_and_fractions(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    days = ["2023-01-31", "2023-02-01T10:00:00+02:00", "2023-02-01T08:30:00Z", "2023-02-01 08:30:00.25"]
    times = found_in(tmp_path, frame(day=days), time="day", target="label").frame["time"]
    assert (times - 1675123200).to_list() == [0, 115_200, 117_000, 117_000.25]


def test_table_files_by_side(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    frame().head(3).write_csv(tmp_path / "train.csv")
    frame().tail(2).write_parquet(tmp_path / "test.parquet")
    table = found(tmp_path)
    assert dict(zip(table.frame["id"], table.frame["split"], strict=True)) == {
        "train.csv:1": "train", "train.csv:2": "train", "train.csv:3": "train",
        "test.parquet:1": "test", "test.parquet:2": "test",
    }
    assert table.kind == 'folder with train.csv and test.parquet, paths in "file", labels in "label"'


def texts(count: int, **others: Any) -> pl.DataFrame:
    return pl.DataFrame({"text": [f"this is text {row} of many" for row in range(count)], **others})


def test_a_table_by_side_without_labels_is_left_out_and_that_is_said(tmp_path: Path) -> None:
    texts(4, score=["1", "2", "1", "2"]).write_csv(tmp_path / "train.csv")
    for others in ({"id": ["a", "b", "c"]}, {"score": [None] * 3}, {"id": ["a", "b", "c"], "score": [None] * 3}):
        texts(3, **others).write_csv(tmp_path / "test.csv")
        table = texts_of_table(tmp_path)
        assert table.frame["id"].to_list() == [f"train.csv:{row}" for row in range(1, 5)]
        assert table.kind == 'folder with train.csv, texts in "text", labels in "score"'
        (note,) = (note for note in table.notes if "test.csv" in note)
        assert 'no labels in "score" and is left out' in note and "unfazed predict" in note


def test_the_columns_of_the_training_table_have_the_same_roles_in_the_others(tmp_path: Path) -> None:
    texts(4, score=["1", "2", "1", "2"]).write_csv(tmp_path / "train.csv")
    texts(2, label=["no", "no"], score=["1", "2"]).write_csv(tmp_path / "test.csv")
    assert texts_of_table(tmp_path).frame["label"].to_list() == ["1", "2", "1", "2", "1", "2"]
    pl.DataFrame({"a": [1, 2], "label": ["x", "y"]}).write_csv(tmp_path / "train.csv")
    pl.DataFrame({"id": [1, 2], "a": [1, 2], "label": ["x", "y"]}).write_csv(tmp_path / "test.csv")
    assert {tuple(json.loads(row)) for row in rows_of_table(tmp_path).frame["input"]} == {("a",)}
    write(tmp_path, *FILES, "masks/1.png", "masks/2.png")
    frame().drop("name").write_csv(tmp_path / "train.csv")
    masks = frame(file=["i/1.png", "masks/gone.png"] * 2, mask=["masks/1.png", "masks/2.png"] * 2)
    masks.write_csv(tmp_path / "test.csv")
    inputs = found(tmp_path, target="label").frame.filter(pl.col("split") == "test")["input"]
    assert [Path(path).name for path in inputs] == ["1.png", "gone.png"] * 2


def test_a_table_by_side_without_a_column_that_is_learnt_from_is_refused(tmp_path: Path) -> None:
    pl.DataFrame({"width": [1, 2], "b": [1, 2], "label": ["x", "y"]}).write_csv(tmp_path / "train.csv")
    pl.DataFrame({"widht": [1, 2], "b": [1, 2], "label": ["x", "y"]}).write_csv(tmp_path / "test.csv")
    with pytest.raises(SourceError, match=r'"width" is not a column of .*test.csv\. Did you mean "widht"'):
        rows_of_table(tmp_path)


def test_folders_win_over_files_unless_a_column_is_named(tmp_path: Path) -> None:
    write(tmp_path, *FILES, "train/cat/1.png", "train/dog/1.png", "test/cat/2.png", "test/dog/2.png")
    for name in ("train.csv", "test.csv"):
        frame().write_csv(tmp_path / name)
    assert "folders" in found(tmp_path).kind
    assert "train.csv" in found(tmp_path, target="label").kind


@pytest.mark.parametrize("text", ["\ufefffile;label\ni/1.png;a\ni/2.png;b\n", "file\tlabel\ni/1.png\ta\ni/2.png\tb\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
def test_csv_as_spreadsheets_write_it(tmp_path: Path, text: str, encoding: str) -> None:
    write(tmp_path, *FILES)
    (tmp_path / "t.csv").write_text(text.lstrip("\ufeff") if encoding == "utf-16" else text, encoding=encoding)
    assert found(tmp_path / "t.csv").classes == ["a", "b"]


@pytest.mark.parametrize(
    "text",
    [
        '"Weight, kg, dry";"Height, cm";label\n1;2;a\n3;4;b\n',
        '"Weight;\nkg;dry",Height,label\n1,2,a\n3,4,b\n',
        'width 5"\theight 7", 8"\tlabel\n1\t2\ta\n3\t4\tb\n',
    ],
)
def test_what_stands_in_quotation_marks_separates_nothing(tmp_path: Path, text: str) -> None:
    (tmp_path / "t.csv").write_text(text)
    read = read_frame(tmp_path / "t.csv", header=True).frame
    assert read.width == 3 and read["label"].to_list() == ["a", "b"]


def test_a_table_read_as_one_column_says_what_may_separate_cells(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("file|label\ni/1.png|a\n")
    assert "one column: what separates its cells is to be a comma" in refused(tmp_path / "t.csv", target="label")


def test_a_pandas_column_of_paths_is_one_of_paths(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    source = pd.DataFrame({"file": [tmp_path / name for name in ROWS["file"]], "label": ROWS["label"]})
    assert found(source).frame["input"][0] == str(tmp_path / ROWS["file"][0])


def test_json_lines_with_a_byte_order_mark(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    lines = '{"file": "i/1.png", "label": "a"}\n{"file": "i/2.png", "label": "b"}\n'
    (tmp_path / "t.jsonl").write_text(lines, encoding="utf-8-sig")
    assert found(tmp_path / "t.jsonl").classes == ["a", "b"]


def test_frames(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, *FILES)
    monkeypatch.chdir(tmp_path)
    for source in (frame(), frame().lazy()):
        table = found(source)
        assert table.kind.startswith("polars frame") and table.classes == ["cat", "dog"]
        assert table.frame["input"][0] == str(tmp_path / "i" / "1.png")


@pytest.mark.parametrize(
    "values, expected",
    [
        (["cat", None, "dog", "dog"], ["cat", None, "dog", "dog"]),
        ([1, 2, 1, 2], ["1", "2", "1", "2"]),
        ([1.0, float("nan"), 2.0, 2.0], ["1", None, "2", "2"]),
        (pd.array([1, None, 2, 2], dtype="Int64"), ["1", None, "2", "2"]),
        (pd.Categorical(["a", None, "b", "b"]), ["a", None, "b", "b"]),
        (pd.Series(["a", pd.NA, "b", "b"], dtype="string"), ["a", None, "b", "b"]),
    ],
)
def test_pandas_frames(values: Any, expected: list[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, *FILES)
    monkeypatch.chdir(tmp_path)
    source = pd.DataFrame({**ROWS, "label": values})
    source.index = pd.Index([7, 7, 7, 7])
    table = found(source)
    assert table.frame["label"].to_list() == expected
    assert table.frame["id"].to_list() == ["1", "2", "3", "4"]
    assert table.kind.startswith("pandas frame")
    timed = pd.DataFrame({**ROWS, "day": pd.to_datetime(["2020-01-01", None, "2021-01-01", "2022-01-01"])})
    assert found(timed, time="day", target="label").frame["time"].to_list()[:2] == [1577836800.0, None]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp1252", "latin-1"])
def test_a_table_is_decoded_as_a_text_is_and_the_encoding_said(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "t.csv"
    path.write_bytes("größe,label\nüber,a\nähnlich,b\n".encode(encoding))
    frame, notes = read_frame(path, True)
    assert frame["größe"].to_list() == ["über", "ähnlich"]
    said = {"utf-16": "UTF-16", "utf-32": "UTF-32", "cp1252": "Windows-1252", "latin-1": "Windows-1252"}.get(encoding)
    assert notes == ([f"t.csv is read as {said}"] if said else [])


def test_columns_of_one_name_are_all_kept_and_told(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    (tmp_path / "t.csv").write_text("a,b,a,a,label\n1,2,3,4,x\n5,6,7,8,y\n")
    cells = pandas.DataFrame([[1, 2, 3, 4, "x"], [5, 6, 7, 8, "y"]], columns=["a", "b", "a", "a", "label"])
    for source in (tmp_path / "t.csv", cells):
        table = rows_of_table(source)
        assert json.loads(table.frame["input"][0]).keys() == {"a", "b", "a_duplicated_0", "a_duplicated_1"}
        assert 'columns share a name: another "a" is "a_duplicated_0", another "a" is "a_duplicated_1"' in table.notes


def test_source_does_not_import_pandas() -> None:
    code = "import sys, unfazed.source; sys.exit('pandas' in sys.modules or 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@pytest.mark.parametrize(
    "name, content, message",
    [
        ("t.csv", b"a,b\n1,2\n1,2,3\n", 'line 3 has 3 cells, the first line 2. A cell that holds ","'),
        ("t.csv", b"", "cannot read .*t.csv as CSV"),
        ("t.csv", b"file,label\n", "has no rows"),
        ("t.csv", b"a,b\n1,2,3\n", "cannot read"),
        ("t.csv", b"PK\3\4" + bytes(range(32)) * 4, "cannot read .*t.csv as CSV: not a text: starts with"),
        ("t.parquet", b"nonsense", "cannot read .*t.parquet as Parquet"),
        ("t.jsonl", b'{"a": 1}\nnonsense\n', "t.jsonl as JSONL: line 2 is not JSON: .*, at its character 1$"),
        ("t.jsonl", b'{"a": 1}\n{"a": NaN}\n', "JSONL: line 2 holds NaN, which is not JSON: write null"),
        ("t.csv", b"file,label\ngone.png,a\n", 'no column of .* paths of existing files.*"file", "label"'),
        ("t.csv", b"file,label\nhttps://x.org/1.png,a\n", 'column "file" .* addresses, not files: download'),
        ("cat.png", b"", "cat.png is neither a folder nor a table"),
        ("data.zip", b"PK", "Unpack archives"),
        ("data", b"", "data is neither a folder nor a table"),
    ],
)
def test_table_files_that_cannot_be_used(tmp_path: Path, name: str, content: bytes, message: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(SourceError, match=message):
        found(tmp_path / name)


def test_damage_over_which_polars_panics_is_one_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def panics(*arguments: object) -> None:
        raise pl.exceptions.PanicException("out of range")

    frame().write_parquet(tmp_path / "t.parquet")
    monkeypatch.setattr(pl, "read_parquet", panics)
    with pytest.raises(SourceError, match=r"cannot read .*t.parquet as Parquet: .*damaged.*: out of range"):
        found(tmp_path / "t.parquet")


def test_wrong_columns_are_all_named_at_once(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    said = refused_in(tmp_path, frame(), target="lable", group="patient")
    assert 'target "lable" is not a column' in said and 'Did you mean "label"?' in said and 'group "patient"' in said
    assert '"name", "file", "label"' in said


def test_a_label_regex_is_not_for_tables(tmp_path: Path) -> None:
    assert "--target" in refused_in(tmp_path, frame(), label_regex="(.)")


def test_a_table_of_null_labels(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    assert "no row of" in refused_in(tmp_path, frame(label=pl.Series([None] * 4, dtype=pl.String)))


def test_paths_that_lead_nowhere_are_shown_with_their_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    said = refused_in(tmp_path, frame())
    assert 'there is no file "i/1.png" (column "file")' in said
    assert said.count(str(tmp_path)) == 2 and f"looked from {tmp_path}. Its" in said  # the table, and one folder
    assert "there is no file" not in refused_in(tmp_path, frame().drop("file"))
    with pytest.raises(SourceError) as caught:
        paths(frame(), "it", [str(tmp_path), "."])
    assert f"looked from {tmp_path}. Its" in str(caught.value)


def test_a_target_that_is_the_only_column_of_paths_is_told(tmp_path: Path) -> None:
    write(tmp_path, *FILES)
    said = refused_in(tmp_path, frame(), target="file")
    assert 'the target "file" is the only column of' in said and "name another with --target" in said


def test_a_first_line_of_data_is_told_whatever_else_is_wrong(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("i/1.png,cat,0.5\ni/2.png,cat,0.7\ni/3.png,dog,0.1\n")
    told = 'data, not names of columns ("i/1.png" is a path): add --no-header'
    assert told in refused(tmp_path / "t.csv")  # no file there
    assert told in refused(tmp_path / "t.csv", target="1")
    write(tmp_path, *FILES)
    assert told in refused(tmp_path / "t.csv", target="label")
    (tmp_path / "t.csv").write_text("file,v1.5\ni/1.png,0.5\ni/2.png,0.7\n")
    assert "is not a column" in refused(tmp_path / "t.csv", target="label")


def test_a_measurement_is_no_class(tmp_path: Path) -> None:
    write(tmp_path, "1.png")

    def weighed(values: list[Any]) -> pl.DataFrame:
        return pl.DataFrame({"file": ["1.png"] * len(values), "weight": values}, strict=False)

    numbers = [row / 7 for row in range(1, 181)]
    for values in (numbers, [str(value) for value in numbers], [f"{value:.9f}".replace(".", ",") for value in numbers]):
        assert decided(found_in(tmp_path, weighed(values))).task == "regression"
    assert decided(found_in(tmp_path, weighed([*map(str, numbers), "NA"]))).task == "regression"
    words = [*map(str, numbers[:25]), *"abcdefghijkl"]
    for values in ([row / 2 for row in range(20)] * 2, words):
        assert decided(found_in(tmp_path, weighed(values))).task == "classification"


def test_quotation_marks_in_a_tsv_may_quote_nothing(tmp_path: Path) -> None:
    path = tmp_path / "said.tsv"
    path.write_text('label\ttext\nham\t"so" he said\nspam\t"win now\nham\tas ever\n')
    assert read_frame(path, True).frame["text"].to_list() == ['"so" he said', '"win now', "as ever"]
    path.write_text('label\ttext\nham\t"over\ntwo lines"\nspam\t"a ""b"""\n')
    assert read_frame(path, True).frame["text"].to_list() == ["over\ntwo lines", 'a "b"']
