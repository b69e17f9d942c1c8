"""Sample data: real files, written once, whole or not at all."""

from pathlib import Path

import pytest

from unfazed import samples
from unfazed.errors import SourceError
from unfazed.modality.image import MODALITY, read
from unfazed.samples import local, sample


def test_digits_are_small_images_in_class_folders(tmp_path: Path) -> None:
    folder = sample("digits", tmp_path)
    table = MODALITY.find(folder)
    assert len(table) == 1797
    assert table.classes == [str(digit) for digit in range(10)]
    assert read(table.frame["input"][0]).shape == (8, 8, 3)
    assert read(table.frame["input"][0]).max() >= 239  # the full range: 16 levels become 0..255


@pytest.mark.parametrize(
    ("name", "rows", "columns"), [("wine", 178, 14), ("breast_cancer", 569, 31), ("diabetes", 442, 11)]
)
def test_tables_are_a_csv_with_names_and_a_target(
    name: str, rows: int, columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    path = local(f"sample:{name}")
    assert isinstance(path, Path)
    lines = path.read_text().splitlines()
    assert (path.suffix, len(lines) - 1) == (".csv", rows)
    assert {len(line.split(",")) for line in lines} == {columns}
    assert lines[0].endswith(",target")


def test_a_sample_is_written_once(tmp_path: Path) -> None:
    folder = sample("digits", tmp_path)
    mark = folder / "0" / "0000.png"
    mark.write_bytes(b"mine")
    assert sample("digits", tmp_path) == folder
    assert mark.read_bytes() == b"mine"


def test_unknown_samples_name_the_known() -> None:
    with pytest.raises(SourceError, match=r'there is no sample "digit"; there are: digits.* Did you mean "digits"'):
        sample("digit")


def test_only_names_with_the_prefix_are_samples(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setitem(samples.SAMPLES, "tiny", lambda folder: (folder / "x").touch())
    assert local("sample:tiny") == tmp_path / "unfazed" / "samples" / "tiny"
    assert local("digits") == "digits"
    assert local(tmp_path) is tmp_path


def test_a_sample_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(folder: Path) -> None:
        (folder / "x").touch()
        raise OSError(28, "No space left on device")

    monkeypatch.setitem(samples.SAMPLES, "tiny", full)
    with pytest.raises(SourceError, match="No space left"):
        sample("tiny", tmp_path)
    assert list((tmp_path / "samples").iterdir()) == []


def test_two_writers_do_not_collide(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def slower(folder: Path) -> None:
        (folder / "x").touch()
        other = tmp_path / "samples" / "tiny"
        other.mkdir()
        (other / "y").touch()  # another process was faster

    monkeypatch.setitem(samples.SAMPLES, "tiny", slower)
    folder = sample("tiny", tmp_path)
    assert [file.name for file in folder.iterdir()] == ["y"]
    assert [entry.name for entry in folder.parent.iterdir()] == ["tiny"]
