"""Tables: columns with one meaning, written and read back, told in one line."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unfazed.errors import DiskFullError, RunError
from unfazed.table import SPLITS, Table, clean_label, describe, listed, merged_key, natural_key, read_parquet, row_name


def table(labels: list[str | None], **columns: list[object]) -> Table:
    rows = [str(row) for row in range(len(labels))]
    frame = pl.DataFrame({"id": rows, "input": rows, "label": labels, **columns})
    return Table.of(frame, "/root", "folder of class folders")


def test_absent_columns_are_null_and_weights_are_one() -> None:
    one = table(["a", None])
    assert one.frame.columns == ["id", "input", "label", "split", "group", "time", "weight", "sha256"]
    assert one.frame["weight"].to_list() == [1.0, 1.0]
    assert all(one.frame[name].null_count() == 2 for name in ("group", "time", "sha256"))


def test_classes_are_in_natural_order_and_y_counts_them() -> None:
    one = table(["class 10", "class 2", None, "Class 1", "class 2"])
    assert one.classes == ["Class 1", "class 2", "class 10"]
    assert one.y().tolist() == [2, 1, -1, 0, 1]
    assert one.counts().tolist() == [1, 2, 1]


def test_a_part_keeps_the_classes_of_the_whole() -> None:
    one = table(["a", "b", "c"])
    assert one.where([2, 0]).frame["label"].to_list() == ["c", "a"]
    assert one.where(np.array([True, False, False])).classes == ["a", "b", "c"]
    assert one.where([2, 0]).y().tolist() == [2, 0]
    assert len(one.where([])) == 0


def test_sides() -> None:
    one = table(["a"] * 4).with_split(["test", "train", None, "train"], [1, 1, 0, 2])
    assert [one.rows(split).tolist() for split in SPLITS] == [[1, 3], [], [0]]
    assert one.frame["weight"].to_list() == [1, 1, 0, 2]
    assert table(["a"]).rows("train").tolist() == []


def test_contents_are_kept_and_an_empty_one_is_null(tmp_path: Path) -> None:
    one = table(["a", "b"]).with_content(["abc", ""])
    assert one.frame["sha256"].to_list() == ["abc", None]
    one.write(tmp_path / "t.parquet")
    assert Table.read(tmp_path / "t.parquet").frame["sha256"].to_list() == ["abc", None]


def test_one_line_says_it_all() -> None:
    digits = table([str(row % 10) for row in range(1797)])
    assert describe(digits, "images") == (
        "1,797 images in 10 classes, folder of class folders; label entropy 3.32 of 3.32 bits: balanced"
    )
    skewed = table(["cat"] * 90 + ["dog"] * 10 + [None]).with_notes("1 file ignored")
    assert describe(skewed).endswith('0.47 of 1.00 bits: imbalanced, 90 % are "cat"; 1 without a label; 1 file ignored')
    mild = table(["cat"] * 65 + ["dog"] * 35)
    assert "mildly imbalanced" in describe(mild)
    split = table(["a", "b"] * 2).with_split(["train", "train", "test", "test"])
    assert describe(split).endswith("balanced; 2 train, 2 test")
    assert "1 class," in describe(table(["a"])) and "0 classes" in describe(table([None]))


labels = st.one_of(st.none(), st.text(st.characters(exclude_categories=["Cs"]), min_size=1))


@settings(deadline=None, max_examples=25)
@given(st.lists(labels, min_size=1, max_size=20))
def test_written_and_read_back(tmp_path_factory: pytest.TempPathFactory, given_labels: list[str | None]) -> None:
    path = tmp_path_factory.mktemp("table") / "table.parquet"
    one = table(given_labels).with_notes("a note; of some kind").where(list(range(1, len(given_labels))))
    one.write(path)
    two = Table.read(path)
    assert two.frame.equals(one.frame) and two.frame.schema == one.frame.schema
    assert (two.root, two.kind, two.classes, two.notes) == (one.root, one.kind, one.classes, one.notes)


def test_writing_fails_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "table.parquet"
    table(["a"]).write(path)
    before = path.read_bytes()

    def full(self: object, file: Path, **options: object) -> None:
        Path(file).write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(DiskFullError, match="no room"):
        table(["b"]).write(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_what_is_not_a_table_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    with pytest.raises(RunError, match="there is no table"):
        Table.read(path)
    for content in (b"", b"nonsense" * 100):
        path.write_bytes(content)
        with pytest.raises(RunError, match="damaged"):
            Table.read(path)
    pl.DataFrame({"a": [1]}).write_parquet(path)
    with pytest.raises(RunError, match="damaged"):
        Table.read(path)
    table(["a"]).frame.drop("label").write_parquet(path, metadata={"unfazed": '{"format": 1}'})
    with pytest.raises(RunError, match="damaged"):
        Table.read(path)
    table(["a"]).frame.write_parquet(path, metadata={"unfazed": '{"format": 2}'})
    with pytest.raises(RunError, match="format"):
        Table.read(path)
    table(["a"]).frame.write_parquet(path, metadata={"unfazed": "[]"})
    with pytest.raises(RunError, match="damaged"):
        Table.read(path)


def test_damaged_parquet_is_one_kind_of_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "t.parquet"
    table(["a"]).write(path)
    assert read_parquet(path).equals(read_parquet(str(path))) and read_parquet(path.read_bytes()).height == 1
    with pytest.raises(FileNotFoundError):
        read_parquet(tmp_path / "gone")
    with pytest.raises(ValueError, match="damaged"):
        read_parquet(b"nonsense")

    def panics(*arguments: object, **options: object) -> None:
        raise pl.exceptions.PanicException("called `Result::unwrap()` on an `Err` value\nand more")

    for name in ("read_parquet", "read_parquet_metadata"):
        with monkeypatch.context() as patch:
            patch.setattr(pl, name, panics)
            with pytest.raises(RunError, match="damaged: .*unwrap.* value. Train again"):
                Table.read(path)


def test_whatever_byte_is_damaged_a_table_is_read_or_refused(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    table([f"class {row}" for row in range(50)]).write(path)
    whole, draw = path.read_bytes(), np.random.default_rng(0)
    for _ in range(150):
        data = bytearray(whole)
        for place in draw.integers(len(data), size=3):
            data[place] = draw.integers(256)
        path.write_bytes(data)
        try:
            Table.read(path)
        except RunError as error:
            assert "\n" not in str(error)


def test_labels_are_cleaned_of_what_nobody_sees() -> None:
    assert clean_label("  cafe\u0301\n") == "café"
    assert clean_label(" \t") is None


@settings(deadline=None, max_examples=50)
@given(st.lists(st.text(), max_size=10))
def test_any_texts_can_be_sorted(texts: list[str]) -> None:
    backwards = texts[::-1]
    assert sorted(backwards, key=natural_key) == sorted(texts, key=natural_key)


def test_digits_are_compared_as_numbers_however_many_there_are() -> None:
    texts = ["a" + "9" * 5000, "a" + "8" * 5000, "a10", "a2", "a\u0663", "a007", "a"]  # U+0663: 3 in Arabic
    assert sorted(texts, key=natural_key) == ["a", "a2", "a\u0663", "a007", "a10", "a" + "8" * 5000, "a" + "9" * 5000]
    assert sorted(["b1", "b01", "b0", "b00"], key=natural_key) == ["b0", "b00", "b01", "b1"]


def test_lists_are_cut() -> None:
    assert listed(["a", "b"]) == '"a", "b"'
    assert listed(list("abcdefg"), 2) == '"a", "b", …'


def test_rows_have_names_for_people(tmp_path: Path) -> None:
    path = str(tmp_path / "imgs" / "none.png")
    assert row_name("cat/1.png", path, str(tmp_path)) == "cat/1.png"
    for root in (tmp_path, tmp_path / "t.csv"):
        assert row_name("50", path, str(root)) == f"row 50, {Path('imgs/none.png')}"
        assert row_name("train.csv:50", path, str(root)) == f"train.csv:50, {Path('imgs/none.png')}"
    assert row_name("50", path, str(tmp_path / "other" / "t.csv")) == f"row 50, {path}"
    assert row_name("50", "", str(tmp_path)) == "row 50"


def test_labels_that_differ_only_in_case_or_white_space_have_one_key() -> None:
    assert merged_key("Polar Bear") == merged_key("polar\u00a0 bear") == merged_key("POLARBEAR") != merged_key("bear")


def test_very_long_names_keep_their_ends() -> None:
    name = "begin" + "x" * 300 + "end"
    said = listed([name, "short"])
    assert said.startswith('"begin') and 'end", "short"' in said and len(said) < 90
