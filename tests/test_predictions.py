"""Predictions on a terminal: whatever the names are, a line is a line."""

import csv
import io
import math

import pytest
from rich.cells import cell_len
from rich.console import Console

from unfazed.report.inputs import elided
from unfazed.report.predictions import Prediction, written

NAMES = ("daisy", "a kind of sunflower with a name that goes on and on, as the names of kinds do", "rose")
PATH = "/home/someone/data/of the year/" + "deep/" * 30 + "image 0001.jpg"


def shown(*predictions: Prediction, width: int = 80, probs: bool = False) -> str:
    console = Console(file=io.StringIO(), width=width, record=True)
    for part in written(predictions, "table", probs):
        console.print(part)
    return console.export_text()


def prediction(path: str, label: str | None, problem: str | None = None) -> Prediction:
    if label is None:
        return Prediction(path, None, problem, dict.fromkeys(NAMES, math.nan))
    return Prediction(path, label, None, {name: 0.9 if name == label else 0.05 for name in NAMES})


@pytest.mark.parametrize("width", [60, 80, 100])
def test_long_paths_and_names_of_classes_give_up_their_middle(width: int) -> None:
    said = shown(prediction(PATH, NAMES[1]), prediction("a.jpg", "rose"), width=width)
    heading, long, short = said.splitlines()
    assert all(cell_len(line) <= width for line in said.splitlines())
    assert long.startswith("/home") and "/image 0001.jpg" in long and "90.0 %" in long
    assert "a kind" in long and "kinds do" in long and long.count("…") == 2
    assert short.split() == ["a.jpg", "rose", "90.0", "%"]
    assert heading.split() == ["input", "label", "confidence"]


def test_what_fits_is_shown_whole() -> None:
    assert "…" not in shown(prediction("/data/a.jpg", "daisy"))


def test_a_probability_is_not_rounded_to_certainty() -> None:
    sure = Prediction("a.jpg", "rose", None, {"rose": 0.99996, "daisy": 0.00004})
    assert "> 99.9 %" in shown(sure) and "<0.1%" in shown(sure, probs=True)
    assert "> 99.9 %" in shown(sure._replace(probs={"rose": 1.0, "daisy": 0.0})), "as far as a float32 tells"


def test_a_reason_is_never_cut() -> None:
    reason = "it has 200,000,000 pixels, more than the 100,000,000 that are read, and so it was left out"
    said = shown(prediction(PATH, None, reason))
    assert all(word in said for word in reason.split())


def test_csv_is_read_back_as_it_was_whatever_stands_in_a_cell() -> None:
    texts = ["so good\nso bad", "so good\rso bad", "a\r\nb", 'a, "b"', "", " a "]
    label = "Zoë,\nline break"
    found = [Prediction(text, label, None, {label: 0.9, "b\nc": 0.1}, {"set": ["b\nc", label]}) for text in texts]
    lines = io.StringIO("\n".join(written(found, "csv", True)), newline="")
    heading, *rows = csv.reader(lines, strict=True)
    assert heading[4:] == ["set", f"probability of {label}", "probability of b\nc"]
    assert rows == [[text, label, "0.900000", "", f"b\nc|{label}", "0.900000", "0.100000"] for text in texts]


def test_every_class_fits_the_width_too() -> None:
    said = shown(prediction(PATH, NAMES[1]), probs=True)
    assert all(cell_len(line) <= 80 for line in said.splitlines())
    assert said.count("5.0%") == 2 and said.count("90.0%") == 1


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("/data/photos/x.jpg", 18, "/data/photos/x.jpg"),
        ("/data/photos/x.jpg", 12, "/data…/x.jpg"),
        ("/data/a name too long.jpg", 11, "/data…g.jpg"),
        ("a label of many words", 10, "a la…words"),
        ("/data/写真/猫猫.jpg", 13, "/da…/猫猫.jpg"),
    ],
)
def test_where_a_text_is_cut(text: str, width: int, expected: str) -> None:
    assert elided(text, width) == expected and cell_len(expected) <= width
