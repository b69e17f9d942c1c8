"""From a source to encoded examples: what is said on the way."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from unfazed import source_hub
from unfazed.errors import SourceError
from unfazed.modality.choice import chosen, named
from unfazed.modality.image import MODALITY
from unfazed.recipe import Recipe
from unfazed.report.events import Found
from unfazed.source import SourceOptions
from unfazed.source_table import Read
from unfazed.split import duplicate_rows
from unfazed.verb.prepare import Prepared, prepare
from unfazed.verb.train import prepared_from


def pictures(folder: Path, count: int) -> list[str]:
    """Small pictures, no two the same."""
    names = [f"imgs/{row}.png" for row in range(count)]
    (folder / "imgs").mkdir()
    for row, name in enumerate(names):
        Image.fromarray(np.full((8, 8, 3), row, dtype=np.uint8)).save(folder / name)
    return names


def prepared(source: Path, options: SourceOptions) -> tuple[list[str], Prepared]:
    """What is said, and what comes of it."""
    events = list(prepare(source, options, Recipe(), MODALITY))
    said = next(event for event in events if isinstance(event, Found))
    assert isinstance(events[-1], Prepared)
    return list(said.lines), events[-1]


def test_what_is_wrong_with_a_table_is_said_with_paths_and_columns(tmp_path: Path) -> None:
    files = [*pictures(tmp_path, 50), "imgs/none.png"]
    files[1] = files[0]
    columns = {"file": files, "label": ["a", "b"] * 25 + ["a"], "patient": [str(row // 2) for row in range(51)]}
    pl.DataFrame(columns).write_csv(tmp_path / "t.csv")
    said, found = prepared(tmp_path / "t.csv", SourceOptions(target="label", group="patient"))
    assert "1 cannot be used (the first: row 51, imgs/none.png: no such file); see problems.csv" in said
    assert any("grouped by patient (25 groups, none on two sides)" in line for line in said)
    assert any("(the first: row 1, imgs/0.png and row 2, imgs/0.png); see duplicates.csv" in line for line in said)
    assert [row.id for row in duplicate_rows(found.table)] == ["1", "2"]
    assert found.duplicates._asdict() == {"count": 2, "conflicting": 2, "leaked": 0}


@pytest.mark.parametrize("width, dark", [(8, True), (8, False), (16, True), (16, False)])
def test_images_of_12_bits_in_files_of_16_are_told(width: int, dark: bool, tmp_path: Path) -> None:
    generator = np.random.default_rng(0)
    for row in range(20):
        (tmp_path / "ab"[row % 2]).mkdir(exist_ok=True)
        pixels = generator.integers(0, 4096, (8, width)) * (1 if dark else 16)
        Image.fromarray(pixels.astype(np.uint16)).save(tmp_path / "ab"[row % 2] / f"{row}.png")
    said, _ = prepared(tmp_path, SourceOptions())
    assert any("is brighter than 16 of 255, which leaves 17 shades" in line for line in said) == dark


def test_a_column_that_is_asked_for_is_learnt_from_though_another_holds_paths(tmp_path: Path) -> None:
    files = pictures(tmp_path, 4)
    titles = [f"they saw the ship no. {row} on a fine day" for row in range(4)]
    frame = pl.DataFrame({"file": files, "title": titles, "label": ["a", "b"] * 2})
    frame.write_csv(tmp_path / "t.csv")
    assert chosen(tmp_path / "t.csv", SourceOptions(target="label")).name == "image"
    assert chosen(tmp_path / "t.csv", SourceOptions(target="label", input="title")).name == "text"
    asked = SourceOptions(target="label", input="file")
    assert chosen(tmp_path / "t.csv", asked).name == "image"
    with pytest.raises(SourceError, match='input "file": .* --path says which column that is'):
        prepared(tmp_path / "t.csv", asked)


@pytest.mark.parametrize(
    "endings, modality",
    [
        ([".wav", ".lab", ".TextGrid"], "audio"),
        ([".txt", ".json", ".json"], "text"),
        ([".txt", ".wav"], "audio"),
        ([".png", ".xml", ".json"], "image"),
        ([".heic", ".json"], "image"),
        ([".xyz"], "image"),
    ],
)
def test_files_that_nothing_reads_do_not_say_what_a_folder_holds(
    tmp_path: Path, endings: list[str], modality: str
) -> None:
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for number, ending in enumerate(endings):
            (tmp_path / label / f"{number}{ending}").write_bytes(b"")
    assert chosen(tmp_path, SourceOptions()).name == modality


def test_a_problem_shows_the_beginning_of_a_long_input(tmp_path: Path) -> None:
    texts = [f"this is text {row} of many words" for row in range(49)]
    rows = {"text": [*texts, "word " * 40_000], "label": [*["a", "b"] * 24, "a", None]}
    pl.DataFrame(rows).write_csv(tmp_path / "t.csv")
    *_, found = prepare(tmp_path / "t.csv", SourceOptions(target="label"), Recipe(modality="text"), named("text"))
    assert isinstance(found, Prepared)
    ((name, shown, reason),) = found.problems
    assert (name, reason) == ("50", "no label") and shown.startswith("word word") and len(shown) < 5000


def test_a_data_set_of_the_hub_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    frame = pl.DataFrame({"text": [f"this is text {row}" for row in range(40)], "label": ["a", "b"] * 20})
    names = []
    monkeypatch.setattr(source_hub, "loaded", lambda name: names.append(name) or Read(frame, []))
    found = list(prepared_from("hf:somebody/something", SourceOptions(), Recipe()))
    assert found and names == ["somebody/something"]


def test_classes_that_look_alike_are_told_of_as_they_are_after_corrections(tmp_path: Path) -> None:
    labels = ["Yes", "no"] * 15 + ["yes", "yes", "No", "No"]
    pl.DataFrame({"file": pictures(tmp_path, 34), "label": labels}).write_csv(tmp_path / "t.csv")
    (tmp_path / "new.csv").write_text("id,label,corrected\n31,yes,Yes\n32,yes,Yes\n")
    options = SourceOptions(target="label", corrections=str(tmp_path / "new.csv"))
    said, found = prepared(tmp_path / "t.csv", options)
    assert [line for line in said if "differ only in" in line] == [
        '"No" and "no" differ only in case: --merge-case makes them one class'
    ]
    said, found = prepared(tmp_path / "t.csv", replace(options, merge_case=True))
    assert found.table.classes == ["no", "Yes"] and not any("makes them one class" in line for line in said)


def test_corrections_of_labels_that_were_merged_fit_however_they_are_spelt(tmp_path: Path) -> None:
    labels = ["Yes", "no"] * 15 + ["yes", "No"]
    pl.DataFrame({"file": pictures(tmp_path, 32), "label": labels}).write_csv(tmp_path / "t.csv")
    lines = ["id,label,corrected,sha256,action", "31,yes,NO,,relabel", "1,YES,no,,relabel"]
    options = SourceOptions(target="label", merge_case=True, corrections=str(tmp_path / "new.csv"))
    _, plain = prepared(tmp_path / "t.csv", replace(options, corrections=None))
    contents = dict(plain.table.frame.select("id", "sha256").iter_rows())
    lines[1:] = [line.replace(",,relabel", f",{contents[line.partition(',')[0]]},relabel") for line in lines[1:]]
    (tmp_path / "new.csv").write_text("\n".join(lines))
    _, found = prepared(tmp_path / "t.csv", options)
    now = dict(found.table.frame.select("id", "label").iter_rows())
    assert not any(refused for _, refused in found.corrections)
    assert now["31"] == now["1"] == "no" and found.table.classes == ["no", "Yes"]
