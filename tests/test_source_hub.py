"""Data sets of Hugging Face's library: rows, names of classes, splits, images as files; names without a network."""

import io
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from PIL import Image as Picture

datasets = pytest.importorskip("datasets")

from unfazed.errors import SourceError  # noqa: E402
from unfazed.modality.choice import named  # noqa: E402
from unfazed.recipe import Recipe  # noqa: E402
from unfazed.samples import local  # noqa: E402
from unfazed.source import SourceOptions  # noqa: E402
from unfazed.source_hub import is_data_set, rows_of  # noqa: E402
from unfazed.source_table import Read  # noqa: E402
from unfazed.verb.prepare import Prepared, prepare  # noqa: E402


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def reviews(count: int = 4) -> Any:
    label = datasets.ClassLabel(names=["bad", "good"])
    features = datasets.Features({"text": datasets.Value("string"), "label": label})
    rows = {"text": [f"review {row}" for row in range(count)], "label": [row % 2 for row in range(count)]}
    return datasets.Dataset.from_dict(rows, features=features)


def picture(level: int) -> bytes:
    buffer = io.BytesIO()
    Picture.fromarray(np.full((8, 8, 3), level, np.uint8)).save(buffer, "PNG")
    return buffer.getvalue()


def test_classes_have_their_names() -> None:
    found = rows_of(reviews()).frame
    assert found["label"].to_list() == ["bad", "good", "bad", "good"]
    assert found["text"][0] == "review 0"


def test_splits_become_a_column_and_the_rows_of_others_are_left_out_and_told() -> None:
    found, notes = rows_of(datasets.DatasetDict(train=reviews(4), test=reviews(2), unsupervised=reviews(3)))
    assert found["split"].to_list() == ["train"] * 4 + ["test"] * 2
    assert notes == ["splits of the data set that are left out: unsupervised (3 rows)"]
    assert rows_of(datasets.DatasetDict(train=reviews(4), test=reviews(2))).notes == []
    with pytest.raises(SourceError, match="none of them is a training split"):
        rows_of(datasets.DatasetDict(unsupervised=reviews(3), more=reviews(3)))


def test_what_is_left_out_is_among_what_was_found() -> None:
    source = local(datasets.DatasetDict(train=reviews(4), unsupervised=reviews(3)))
    assert any("left out: unsupervised" in note for note in named("text").find(source, SourceOptions()).notes)


@pytest.mark.parametrize("name", ["test", "everything"])
def test_the_only_split_is_divided_whatever_its_name(name: str) -> None:
    source = local(datasets.DatasetDict({name: reviews(40)}))
    *_, found = prepare(source, SourceOptions(), Recipe(), named("text"))
    assert isinstance(found, Prepared)
    assert all(len(found.table.rows(side)) for side in ("train", "validation", "test"))


def test_splits_without_one_to_train_on_are_told_to_who_trains_alone() -> None:
    source = local(datasets.DatasetDict(validation=reviews(40), test=reviews(40)))
    assert len(named("text").find(source, SourceOptions()).rows("test")) == 40
    with pytest.raises(SourceError, match="is a test or validation row: there is none to train on"):
        list(prepare(source, SourceOptions(), Recipe(), named("text")))


def test_files_stay_in_the_cache_whatever_a_data_set_calls_them(tmp_path: Path) -> None:
    column, path = "../../../../../column", "a./../../../../../../path"
    contents = {None: picture(7), path: b"BM", "x.py": b"BM", "a.BMP": b"BM", "a": b"RIFF\n\n\n\nWEBPVP8 "}
    rows = {column: [{"bytes": data, "path": path} for path, data in contents.items()]}
    found = rows_of(datasets.Dataset.from_dict(rows, features=datasets.Features({column: datasets.Image()}))).frame
    files = [Path(file).resolve() for file in found[column]]
    assert all(file.is_relative_to(tmp_path / "cache") for file in files)
    assert [file.suffix for file in files] == [".png", "", "", ".bmp", ".webp"]
    assert {file for file in tmp_path.rglob("*") if file.is_file()} == set(files)


def test_images_become_files_that_are_written_once() -> None:
    rows = {"image": [{"bytes": picture(level), "path": None} for level in (0, 100)], "label": ["dark", "light"]}
    features = datasets.Features({"image": datasets.Image(), "label": datasets.Value("string")})
    source = datasets.Dataset.from_dict(rows, features=features)
    first = rows_of(source).frame
    assert [np.asarray(Picture.open(path)).mean() for path in first["image"]] == [0, 100]
    written = [Path(path).stat().st_mtime_ns for path in first["image"]]
    assert [Path(path).stat().st_mtime_ns for path in rows_of(source).frame["image"]] == written


def test_a_file_that_is_there_stays_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(picture(7))
    source = datasets.Dataset.from_dict({"image": [str(tmp_path / "one.png"), None]})
    source = source.cast_column("image", datasets.Image())
    assert rows_of(source).frame["image"].to_list() == [str(tmp_path / "one.png"), None]


def test_an_object_is_known_and_others_are_let_through() -> None:
    assert is_data_set(reviews()) and is_data_set(datasets.DatasetDict(train=reviews()))
    assert isinstance(local(reviews()), Read)
    for other in ("folder", Path("folder"), pl.DataFrame({"a": [1]}), {"train": 1}):
        assert local(other) is other


def test_a_stream_is_refused() -> None:
    with pytest.raises(SourceError, match="without streaming"):
        rows_of(reviews().to_iterable_dataset())


def test_a_name_without_a_network_says_what_to_do() -> None:
    code = (
        "from unfazed.samples import local\nfrom unfazed.errors import SourceError\n"
        "try:\n    local('hf:nobody/nothing')\nexcept SourceError as error:\n    print(error)\n"
    )
    offline = {"HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "PATH": "/usr/bin"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=offline, timeout=120)
    assert "cannot load hf:nobody/nothing from the hub" in done.stdout, done.stderr
    assert "give its folder or its Parquet files" in done.stdout and "\n" not in done.stdout.strip()


def test_a_missing_library_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    from unfazed.errors import UsageError

    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(UsageError, match=r"pip install datasets"):
        local("hf:ag_news")


def test_lists_of_classes_have_their_names() -> None:
    label = datasets.ClassLabel(names=["joy", "fear"])
    features = datasets.Features({"text": datasets.Value("string"), "labels": datasets.Sequence(label)})
    rows = {"text": ["a", "b", "c"], "labels": [[0, 1], [1], []]}
    source = datasets.Dataset.from_dict(rows, features=features)
    assert rows_of(source).frame["labels"].to_list() == [["joy", "fear"], ["fear"], []]
