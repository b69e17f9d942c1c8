"""Finding out what a source is, and saying clearly what is wrong with one that cannot be used."""

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from empty_files import write

from unfazed.errors import SourceError
from unfazed.source import SourceOptions, check_classes, check_readable, existing, find, usable
from unfazed.source_folder import files_below
from unfazed.table import Table, describe

EXTENSIONS = {".png", ".jpg"}


def found(source: Any, **options: Any) -> Table:
    return find(source, SourceOptions(**options), EXTENSIONS)


def labels(table: Table) -> dict[str, str | None]:
    return dict(zip(table.frame["id"], table.frame["label"], strict=True))


def refused(source: Any, **options: Any) -> str:
    with pytest.raises(SourceError) as caught:
        check_classes(found(source, **options))
    return str(caught.value)


def test_a_folder_of_class_folders(tmp_path: Path) -> None:
    table = found(write(tmp_path, "cat/1.png", "cat/2.JPG", "dog/1.png", "dog/2.png"))
    assert labels(table) == {"cat/1.png": "cat", "cat/2.JPG": "cat", "dog/1.png": "dog", "dog/2.png": "dog"}
    assert table.frame["input"][0] == str(tmp_path / "cat" / "1.png")
    assert table.kind == "folder of class folders" and table.notes == ()
    assert table.frame["split"].null_count() == 4


def test_nested_folders_belong_to_the_class_at_the_top(tmp_path: Path) -> None:
    table = found(write(tmp_path, "cat/persian/white/1.png", "cat/2.png", "dog/x.png/3.png", "dog/4.png"))
    assert labels(table) == {
        "cat/2.png": "cat", "cat/persian/white/1.png": "cat", "dog/4.png": "dog", "dog/x.png/3.png": "dog",
    }


def test_litter_is_passed_over_and_the_rest_is_counted(tmp_path: Path) -> None:
    litter = [".DS_Store", "cat/.DS_Store", "cat/._1.png", "cat/Thumbs.db", "desktop.ini", "__MACOSX/cat/1.png",
              ".git/x.png", "cat/.cache/9.png"]
    other = ["readme.txt", "cat/a.txt", "cat/b.json", "cat/noextension", "loose.png", "empty/notes.txt"]
    table = found(write(tmp_path, "cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png", *litter, *other))
    assert len(table) == 4
    assert table.notes == (
        "5 other files ignored (.txt 3, .json 1, without extension 1)",
        "1 files outside the class folders ignored",
        'class folders without a usable file ignored: "empty"',
    )


def test_runs_inside_the_data_are_no_data(tmp_path: Path) -> None:
    files = ("origin.json", "recipe.toml", "deep/1.png", "2.png")
    runs = [f"runs/{name}/{file}" for name in ("a", "b") for file in files]
    table = found(write(tmp_path, "cat/1.png", "dog/1.png", "dog/runs/c/origin.json", *runs))
    assert labels(table) == {"cat/1.png": "cat", "dog/1.png": "dog"} and "runs" not in " ".join(table.notes)
    assert files_below(tmp_path, EXTENSIONS) == [str(tmp_path / name / "1.png") for name in ("cat", "dog")]


def test_links_that_loop_end(tmp_path: Path) -> None:
    write(tmp_path, "cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")
    (tmp_path / "cat" / "self").symlink_to(tmp_path / "cat")
    (tmp_path / "cat" / "up").symlink_to(tmp_path)
    (tmp_path / "dog" / "other").symlink_to(tmp_path / "dog" / "back")
    (tmp_path / "dog" / "back").symlink_to(tmp_path / "dog" / "other")
    (tmp_path / "again").symlink_to(tmp_path)
    for one in range(8):  # each of 8 folders leads to all the others: 8! paths
        (tmp_path / "dog" / f"maze {one}").mkdir()
        for two in range(8):
            (tmp_path / "dog" / f"maze {one}" / str(two)).symlink_to(tmp_path / "dog" / f"maze {two}")
    assert len(found(tmp_path)) == 4


def test_linked_files_and_folders_are_followed_and_dangling_ones_are_rows(tmp_path: Path) -> None:
    store = write(tmp_path / "store", "a/1.png", "a/2.png")
    root = write(tmp_path / "root", "cat/1.png", "cat/2.png")
    (root / "dog").symlink_to(store / "a")
    (root / "cat" / "gone.png").symlink_to(store / "gone.png")
    assert set(labels(found(root))) == {"cat/1.png", "cat/2.png", "cat/gone.png", "dog/1.png", "dog/2.png"}


def test_folders_by_side(tmp_path: Path) -> None:
    names = ["train/a/1.png", "train/b/2.png", "val/a/3.png", "valid/b/4.png", "Test/a/5.png", "Test/b/6.png"]
    table = found(write(tmp_path, *names, "labels.csv", "other/c/7.png"))
    assert dict(zip(table.frame["id"], table.frame["split"], strict=True)) == {
        "train/a/1.png": "train", "train/b/2.png": "train", "val/a/3.png": "validation", "valid/b/4.png": "validation",
        "Test/a/5.png": "test", "Test/b/6.png": "test",
    }
    assert table.classes == ["a", "b"]
    assert table.kind == "folder with train, val, valid and Test folders"
    assert "2 train, 2 validation, 2 test" in describe(table)


def test_a_label_may_stand_anywhere_in_a_name(tmp_path: Path) -> None:
    table = found(write(tmp_path, "img_cat.png", "img_dog_2.png"), label_regex=r"_([a-z]+)")
    assert table.classes == ["cat", "dog"]


@pytest.mark.parametrize("other", ["valid", "val", "validation", "test"])
def test_every_name_of_a_side(tmp_path: Path, other: str) -> None:
    table = found(write(tmp_path, "train/a/1.png", "train/b/2.png", f"{other}/a/3.png", f"{other}/b/4.png"))
    assert table.frame["split"].to_list() == ["train"] * 2 + ["test" if other == "test" else "validation"] * 2


def test_train_alone_is_a_class_folder_around_class_folders(tmp_path: Path) -> None:
    assert f'Did you mean "{tmp_path / "train"}"?' in refused(write(tmp_path, "train/a/1.png", "train/b/2.png"))


def test_labels_from_file_names(tmp_path: Path) -> None:
    write(tmp_path, "0_a.png", "1_b.png", "deep/1_c.png", "x.png", "0_.txt")
    table = found(tmp_path, label_regex=r"^(\d)_")
    assert labels(table) == {"0_a.png": "0", "1_b.png": "1", "deep/1_c.png": "1", "x.png": None}
    assert table.kind == "folder labelled by file names"
    assert "1 without a label" in describe(table)


def test_labels_from_file_names_by_side(tmp_path: Path) -> None:
    table = found(write(tmp_path, "train/0_a.png", "train/1_a.png", "test/0_b.png"), label_regex=r"^(\d)_")
    assert labels(table) == {"train/0_a.png": "0", "train/1_a.png": "1", "test/0_b.png": "0"}
    assert table.frame["split"].to_list() == ["train", "train", "test"]


def test_names_in_any_script(tmp_path: Path) -> None:
    table = found(write(tmp_path, "cafe\u0301/1.png", "café/2.png", "猫/🐈.png", "猫/'\".png", "a\nb/1.png"))
    assert table.classes == ["a\nb", "café", "猫"]  # two spellings of é are one class
    assert table.frame["id"].n_unique() == 5


def test_a_name_that_is_not_utf8_is_a_row(tmp_path: Path) -> None:
    write(tmp_path, "cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png")
    try:
        Path(os.fsdecode(bytes(tmp_path) + b"/cat/caf\xe9.png")).touch()
    except OSError:
        pytest.skip("this file system has no such names")
    assert r"cat/caf\xe9.png" in labels(found(tmp_path))


def test_a_folder_whose_name_begins_with_a_tilde(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "~photos/cat/1.png", "~photos/cat/2.png", "~photos/dog/1.png", "~photos/dog/2.png")
    monkeypatch.chdir(tmp_path)
    assert found(Path("~photos")).classes == ["cat", "dog"]


def test_a_source_that_may_not_be_opened(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def denied(self: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", denied)
    assert refused(tmp_path) == f"no permission to open {tmp_path}"


def test_folders_that_cannot_be_opened_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, "cat/1.png", "cat/2.png", "dog/1.png", "dog/2.png", "cat/closed/3.png")
    scandir = os.scandir

    def guarded(folder: Any) -> Any:
        if Path(folder).name == "closed":
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", guarded)
    table = found(tmp_path)
    assert len(table) == 4 and "1 folders could not be opened" in table.notes


def test_nothing_there(tmp_path: Path) -> None:
    write(tmp_path, "photos/cat/1.png")
    assert refused(tmp_path / "photo") == f'there is nothing at {tmp_path / "photo"}. Did you mean "photos"?'
    assert refused("https://x.org/a.zip").startswith("https://x.org/a.zip is an address")
    assert refused("") == "the source is empty: name a folder or a table file"
    assert "There is no folder" in refused(tmp_path / "x" / "y")
    for name in ("null\0byte", "n" * 5000):
        assert "there is nothing at" in refused(tmp_path / name)


REFUSED: Mapping[str, tuple[list[str], dict[str, Any], str]] = {
    "an empty folder": ([], {}, "no file in .*folder of files for each class"),
    "only other files": (["a/1.txt", "b/2.txt", "b/3.pdf"], {}, r"3 files with other extensions \(\.txt 2, \.pdf 1\)"),
    "a flat folder": (["1.png", "2.png"], {}, "2 files in .* no class folders.*--label-regex"),
    "a flat folder beside a table": (["1.png", "labels.csv"], {}, "A table lies there: try .*labels.csv"),
    "one class": (["a/1.png", "a/2.png"], {}, 'only one class, "a"'),
    "one example": (["a/1.png", "a/2.png", "b/1.png"], {}, '1 of 2 classes .* has one example: "b". A class .* folder'),
    "one each": (["1.png", "11.png", "2.png", "3.png"], {"label_regex": r"(\d)"}, '2 of 3 .*each: "2", "3".*its file'),
    "a bad expression": (["1.png"], {"label_regex": "(["}, "not a regular expression"),
    "an expression without a group": (["1.png"], {"label_regex": r"\d"}, "has no group"),
    "an expression that matches nothing": (["x.png"], {"label_regex": r"(\d)"}, 'matches none of the 1 .*"x.png"'),
    "a column of a folder": (["a/1.png", "b/1.png"], {"path": "x", "group": "y"}, 'path "x" and group "y": a column'),
}


@pytest.mark.parametrize("name", REFUSED)
def test_folders_that_cannot_be_used(name: str, tmp_path: Path) -> None:
    files, options, message = REFUSED[name]
    said = refused(write(tmp_path, *files), **options)
    assert re.search(message, said), said
    assert str(tmp_path) in said or "label_regex" in said, "says where"


@pytest.mark.parametrize("source", [7, None, [1, 2], {"a": 1}])
def test_what_is_no_source_at_all(source: object) -> None:
    assert "a source is a path, or a polars or pandas frame" in refused(source)


def test_more_than_half_unreadable() -> None:
    check_readable(4, ["empty file"] * 2)
    with pytest.raises(SourceError, match=r"3 of 4 inputs of photos .* 2 × empty file; 1 × not an image"):
        check_readable(4, ["empty file", "not an image", "empty file"], "photos")


def test_rows_with_problems_leave_and_empty_classes_with_them(tmp_path: Path) -> None:
    table = found(write(tmp_path, *(f"{label}/{number}.png" for label in "abc" for number in range(3))))
    kept = usable(table, [None, None, None, None, "bad", "bad", "bad", "bad", None])
    assert list(labels(kept)) == ["a/0.png", "a/1.png", "a/2.png", "b/0.png", "c/2.png"]
    assert kept.notes == ('classes with one readable example: "b", "c"',)
    kept = usable(table, [None] * 6 + ["bad"] * 3)
    assert kept.classes == ["a", "b"] and "c" not in kept.frame["label"]
    assert kept.notes == ('classes left out, none of their inputs can be read: "c"',)
    assert usable(table, [None] * 9).frame.equals(table.frame)
    with pytest.raises(SourceError, match="5 of 9"):
        usable(table, ["bad"] * 5 + [None] * 4)


def test_one_class_left(tmp_path: Path) -> None:
    table = found(write(tmp_path, "a/1.png", "a/2.png", "b/1.png", "b/2.png"))
    with pytest.raises(SourceError, match=r'one class only.*lost: "b"'):
        usable(table, [None, None, "bad", "bad"])


def test_rows_without_a_label_do_not_make_a_source_unreadable() -> None:
    rows = [str(row) for row in range(20)]
    table = Table.of(pl.DataFrame({"id": rows, "input": rows, "label": ["a", "b"] * 4 + [None] * 12}), "/", "test")
    unlabelled = ["no label"] * 12
    assert len(usable(table, [None] * 8 + unlabelled)) == 8
    assert len(usable(table, [*["bad"] * 4, *[None] * 4, *unlabelled])) == 4
    with pytest.raises(SourceError, match="^5 of 8 inputs of / cannot be used: 5 × bad"):
        usable(table, [*["bad"] * 5, *[None] * 3, *unlabelled])


def test_photos_in_formats_that_cannot_be_read_have_a_note_of_their_own(tmp_path: Path) -> None:
    write(tmp_path, *(f"{name}/{row}.png" for name in "ab" for row in range(2)), "a/1.HEIC", "a/x.txt")
    assert found(tmp_path).notes == (
        "1 other file ignored (.txt 1)", "1 .heic photo cannot be read: convert it to JPEG or PNG first",
    )
    write(tmp_path, "a/2.heic", "b/1.cr2")
    assert found(tmp_path).notes[1] == "2 .heic, 1 .cr2 photos cannot be read: convert them to JPEG or PNG first"
    only = write(tmp_path / "only", "a/1.heic", "b/2.heic")
    assert "; 2 .heic photos cannot be read: convert them to JPEG or PNG first. Wanted" in refused(only)


def test_a_stream_is_no_source() -> None:
    with pytest.raises(SourceError, match="is a stream, not a file"):
        existing("/dev/null")
