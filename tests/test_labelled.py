"""Labelled examples become training rows alone; what is held out stays out, and nobody moves to another side."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
import trained

import unfazed
from unfazed.corrections import Correction
from unfazed.errors import RunError, SourceError, UsageError
from unfazed.labelled import FILE, Joined, Labelled, join, labels_in, read_labels, rows_beside
from unfazed.table import Table

SPLITS = ["train", "train", "validation", "test"]


def animals(**changes: Any) -> Table:
    frame = pl.DataFrame({"id": list("abcd"), "input": list("abcd"), "label": ["cat", "dog", "cat", "dog"],
                          "split": SPLITS, "sha256": [f"hash of {name}" for name in "abcd"]})  # fmt: skip
    return replace(Table.of(frame, "/root", 'CSV table, labels in "label"'), **changes)


def joined(table: Table, *pairs: tuple[str, str], problems: dict[str, str] | None = None) -> Joined:
    labels = [Labelled(name, label) for name, label in pairs]
    new = rows_beside(table, labels, "labels.csv", values=True)
    contents = [f"hash of {name}" for name, _ in pairs]
    return join(table, new, [(problems or {}).get(name) for name, _ in pairs], contents, labels)


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def test_new_rows_are_training_rows_and_the_others_stay() -> None:
    found = joined(animals(), ("x", "cat"), ("y", "dog"))
    assert found.table.frame["split"].to_list() == [*SPLITS, "train", "train"]
    assert found.table.frame["label"].to_list()[4:] == ["cat", "dog"]
    assert found.table.frame[:4].equals(animals().frame) and found.kept.tolist() == list(range(6))
    assert "2 labelled examples more, training rows all of them" in found.table.notes[0]


@pytest.mark.parametrize(
    ("name", "reason"), [("a", "a training row already"), ("c", "is a validation row"), ("d", "is a test row")]
)
def test_a_content_that_the_source_has_is_not_added(name: str, reason: str) -> None:
    found = joined(animals(), ("x", "cat"), (name, "dog"))
    assert len(found.table) == 5 and reason in found.outcomes[1].refused
    assert any(reason in note for note in found.table.notes)
    with pytest.raises(SourceError, match="none of 1 labelled examples"):
        joined(animals(), (name, "dog"))


def test_unreadable_ones_are_left_out_and_the_numbers_of_the_others_are_right() -> None:
    found = joined(animals(), ("x", "cat"), ("y", "dog"), ("z", "dog"), problems={"x": "empty file"})
    assert found.table.frame["id"].to_list()[4:] == ["labels.csv:2", "labels.csv:3"]
    assert found.kept.tolist() == [0, 1, 2, 3, 4, 5], "x is not among what can be read"
    assert found.outcomes[0].refused == "it cannot be used: empty file"


def test_one_that_has_changed_since_it_was_looked_at_is_refused() -> None:
    labels = [Labelled("x", "cat", sha256="hash of x"), Labelled("y", "cat", sha256="another")]
    new = rows_beside(animals(), labels, "labels.csv", values=True)
    found = join(animals(), new, [None, None], ["hash of x", "hash of y"], labels)
    assert [bool(refused) for _, refused in found.outcomes] == [False, True]


def test_a_class_that_is_new_is_told() -> None:
    found = joined(animals(), ("x", "cot"))
    assert found.table.classes == ["cat", "cot", "dog"]
    assert any('a new class, "cot"' in note and 'Did you mean "cat"' in note for note in found.table.notes)


def test_sets_of_labels_are_put_into_one_order() -> None:
    found = joined(animals(task="multilabel"), ("x", "dog| cat"), ("y", "|"))
    assert found.table.frame["label"].to_list()[4:] == ["cat|dog", ""]


def test_numbers_are_read_as_those_of_a_column_are() -> None:
    for written, numbers in ((("350,000", "1,250.5"), (350_000, 1250.5)), (("3,5", "1,250"), (3.5, 1.25))):
        labels = [Labelled(name, label) for name, label in zip("xy", written, strict=True)]
        new = rows_beside(animals(task="regression", classes=[]), labels, "labels.csv", values=True)
        assert tuple(new.targets()) == numbers


@pytest.mark.parametrize(
    ("written", "numbers"),
    [(("950.000", "12"), None), (("950.0000", "12"), (950, 12)), (("950.000", "3,5"), (950_000, 3.5)),
     (("950", "12"), (950, 12)), (("950.000", "3.5"), (950, 3.5))],
)  # fmt: skip
def test_numbers_that_may_mean_another_one_where_the_source_has_decimal_commas_are_refused(
    written: tuple[str, str], numbers: tuple[float, float] | None
) -> None:
    labels = [Labelled(name, label) for name, label in zip("xy", written, strict=True)]
    source = animals(task="regression", classes=[], decimal=",")
    if numbers:
        assert tuple(rows_beside(source, labels, FILE, values=True).targets()) == numbers
        return
    with pytest.raises(UsageError, match='"950.000" may be 950, or 950000 as the source .* Write 950 or 950000'):
        rows_beside(source, labels, FILE, values=True)
    with pytest.raises(UsageError, match='"950.125" .* Write 950.1250 or 950125'):
        rows_beside(source, [Labelled("x", "950.125")], FILE, values=True)
    by_a_page = Labelled("x", "950.125", "ada", "2026-01-02T03:04:05+00:00")
    assert rows_beside(source, [by_a_page], FILE, values=True).targets() == [950.125]


def test_paths_start_at_the_file_that_names_them(tmp_path: Path) -> None:
    labels = read_labels(written(tmp_path / FILE, "input,label\nnew/a.png,cat\n/else/b.png,dog\n"))
    new = rows_beside(animals(), labels, tmp_path / FILE, values=False)
    assert new.frame["input"].to_list() == [str(tmp_path / "new/a.png"), "/else/b.png"]


def test_lines_without_a_label_wait_for_one(tmp_path: Path) -> None:
    path = written(tmp_path / FILE, "rank,input,label,why\n1,a,cat,\n2,b,,unsure\n")
    assert [(one.input, one.label) for one in read_labels(path)] == [("a", "cat")]


@pytest.mark.parametrize(
    "data",
    [
        "input;label;why\nÄpfel;süß;\n".encode("cp1252"),
        "input\tlabel\nÄpfel\tsüß\n".encode("utf-16"),
        "\ufeffinput,label\r\nÄpfel,süß\r\n".encode(),
    ],
    ids=["semicolons in Windows-1252", "tabs in UTF-16", "with a byte-order mark"],
)
def test_a_list_is_read_as_spreadsheets_of_many_countries_write_it(data: bytes, tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(data)
    assert read_labels(tmp_path / FILE) == [Labelled("Äpfel", "süß")]


def test_a_text_may_be_longer_than_the_cells_of_a_spreadsheet(tmp_path: Path) -> None:
    long = "word " * 40_000
    assert read_labels(written(tmp_path / FILE, f"input,label\n{long},cat\n"))[0].input == long


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("input,lable\na,cat\n", 'lacks the columns "label".*Did you mean "lable"'),
        ("input,label\na,\n", "holds no labels: its column label is empty in all of its 1 rows"),
        ("input,label\n", "holds no labels"),
        ("input,label\n,cat\n", "line 2: it has no input"),
        ("input,label\na,cat\na,dog\n", 'labels "a" twice: "cat" and "dog"'),
        ("input,label\na,cat,x\n", "line 2: more values"),
        ("", "lacks the columns"),
    ],
)
def test_a_file_that_is_none_is_one_message(text: str, reason: str, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=reason):
        read_labels(written(tmp_path / FILE, text))


def test_a_file_of_corrections_is_told_to_be_one(tmp_path: Path) -> None:
    file = tmp_path / "corrections.csv"
    pl.DataFrame([dict.fromkeys(Correction._fields, "x")]).write_csv(file)
    with pytest.raises(UsageError, match="is a corrections file: --corrections takes it"):
        read_labels(file)


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "no.csv", "there is no"), (tmp_path, "is a folder")):
        with pytest.raises(UsageError, match=reason):
            read_labels(path)


def test_what_a_run_keeps_of_them_is_read_back_or_told_to_be_damaged(tmp_path: Path) -> None:
    assert labels_in(tmp_path) == []
    written(tmp_path / FILE, "input,label,added\nx,cat,yes\n")
    assert [one.input for one in labels_in(tmp_path)] == ["x"]
    written(tmp_path / FILE, "nothing of the kind\n")
    with pytest.raises(RunError, match="is damaged"):
        labels_in(tmp_path)


def test_training_with_them_leaves_validation_and_test_rows_as_they_were(tmp_path: Path) -> None:
    more = trained.digits(tmp_path / "more", first=400, count=30)
    lines = [f"{path},{path.parent.name}" for path in sorted(more.rglob("*.png"))]
    path = written(tmp_path / FILE, "input,label\n" + "\n".join(lines) + f"\n{tmp_path / 'gone.png'},digit 1\n")
    run = unfazed.train(trained.source(), out=tmp_path / "run", more=path, progress=False, **trained.SETTINGS)
    before, after = trained.run().table(), run.table()
    for split in ("validation", "test"):
        assert set(before.frame["id"].gather(before.rows(split))) == set(after.frame["id"].gather(after.rows(split)))
    added = after.frame.filter(pl.col("id").str.starts_with(str(tmp_path)))
    assert len(added) == 30 and set(added["split"]) == {"train"}
    assert all(Path(one["input"]).parent.name == one["label"] for one in added.iter_rows(named=True))
    assert [one["reason"] for one in run.problems()] == ["no such file"]
    assert any("30 labelled examples more" in note for note in run.report["source"]["notes"])
    assert len(labels_in(run.path)) == 31
