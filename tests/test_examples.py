"""The examples run as they stand, and reach a floor."""

import importlib.util
import shutil
from pathlib import Path
from types import ModuleType

import pytest

from unfazed.samples import sample

EXAMPLES = Path(__file__).parent.parent / "examples"


def loaded(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_train_images(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert loaded("train_images").main("sample:digits", str(tmp_path / "run")) > 0.97
    assert "bits:" in capsys.readouterr().out


def test_train_tables(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert loaded("train_tables").main("sample:wine", str(tmp_path / "run")) > 0.9
    assert "what counts most: " in capsys.readouterr().out


def test_train_audio(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = some_sounds(tmp_path / "sounds")
    assert loaded("train_audio").main(source, str(tmp_path / "run"), epochs=3) > 0.4, "a quarter are of each class"
    assert "a gliding tone:" in capsys.readouterr().out


def some_sounds(folder: Path) -> str:
    """Every third sound of four of the classes."""
    for place in sorted(path for path in sample("synthetic-sounds").iterdir() if path.is_dir())[:4]:
        (folder / place.name).mkdir(parents=True)
        for path in sorted(place.iterdir())[::3]:
            shutil.copy(path, folder / place.name)
    return str(folder)


def first_paragraphs(folder: Path, areas: tuple[str, ...]) -> str:
    """The beginnings of the docstrings of a few areas, which take a fraction of the time of whole ones."""
    for path in (path for area in areas for path in sample("docstrings").glob(f"{area}/*.txt")):
        place = folder / path.parent.name
        place.mkdir(parents=True, exist_ok=True)
        (place / path.name).write_text(path.read_text(encoding="utf-8").split("\n\n")[0], encoding="utf-8")
    return str(folder)


def test_train_texts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = first_paragraphs(tmp_path / "texts", ("data formats", "maths", "net"))
    assert loaded("train_texts").main(source, str(tmp_path / "run"), epochs=4) > 0.75, "0.52 are of one class"
    assert "TF-IDF with logistic regression: 0." in capsys.readouterr().out


def test_own_model() -> None:
    assert loaded("own_model").main() > 0.94


def test_every_example_is_tested() -> None:
    tested = Path(__file__).read_text()
    assert [path.stem for path in EXAMPLES.glob("*.py") if f'loaded("{path.stem}")' not in tested] == []
