"""The sample of docstrings: texts by area, from source files alone."""

import subprocess
import sys
from pathlib import Path

import pytest

from unfazed import docstrings
from unfazed.errors import SourceError
from unfazed.samples import sample


def test_docstrings_are_texts_in_the_folder_of_their_area(tmp_path: Path) -> None:
    folder = sample("docstrings", tmp_path)
    files = {area: list((folder / area).glob("*.txt")) for area in docstrings.AREAS}
    assert sorted(place.name for place in folder.iterdir()) == sorted(docstrings.AREAS)
    assert min(len(found) for found in files.values()) >= 50
    assert 1500 <= sum(len(found) for found in files.values()) <= 20_000
    texts = [path.read_text("utf-8") for found in files.values() for path in found]
    assert len(set(texts)) == len(texts)
    assert min(map(len, texts)) >= docstrings.SHORTEST
    assert any("json.decoder.JSONDecoder" in path.name for path in files["data formats"])


def test_nothing_is_imported_for_it(tmp_path: Path) -> None:
    check = (
        "import ast, sys, sysconfig; from pathlib import Path; from unfazed.docstrings import write_docstrings\n"
        "ast.get_docstring(ast.parse('None')), sysconfig.get_path('stdlib')  # which import what they need\n"
        "import inspect; before = set(sys.modules)\n"
        f"write_docstrings(Path({str(tmp_path)!r}))\n"
        "sys.exit(' '.join(set(sys.modules) - before) or None)"
    )
    done = subprocess.run([sys.executable, "-c", check], capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_library_without_source_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(docstrings.sysconfig, "get_path", lambda name: str(tmp_path / "python312.zip"))
    with pytest.raises(SourceError, match="no source of its standard library"):
        sample("docstrings", tmp_path / "cache")
    assert list((tmp_path / "cache" / "samples").iterdir()) == []
