"""The list of labels to check in a terminal: what each row is, how far to read, how much is shown."""

import io
import json
from typing import Any

import polars as pl
import pytest
from rich.console import Console

from unfazed.report.label_issues import MOST, SHOWN, listing

TEXT = "Who\ninvented baseball, and why is the answer so long that it has to end somewhere?"
ROW = json.dumps({"age": "44", "workclass": "Private", "hours": "40", "sex": "Male", "race": "White", "gain": "0"})


def frame(inputs: list[str], ids: list[str] | None = None) -> pl.DataFrame:
    ids = ids or [str(number) for number in range(1, len(inputs) + 1)]
    columns = {"id": ids, "input": inputs, "split": "test", "label": "a", "suggested": "b", "error_probability": 0.9}
    return pl.DataFrame(columns)


def told(worth: int, *depths: tuple[int, float]) -> dict[str, Any]:
    count = {"value": 9.0, "low": 5.0, "high": 12.0, "n": 100}
    return {"count": count, "worth": worth, "depths": [{"rows": rows, "precision": share} for rows, share in depths]}


def printed(found: pl.DataFrame, facts: dict[str, Any], modality: str = "text", **more: Any) -> str:
    output = io.StringIO()
    Console(file=output, width=120).print(listing(found, facts, modality, **more))
    return output.getvalue()


@pytest.mark.parametrize(("modality", "content", "said"), [
    ("text", TEXT, "Who invented baseball, and why is the answer so long that it has to end somewhere?"),
    ("tabular", ROW, "age 44, workclass Private, hours 40, "),
    ("image", "/data/photos/cats/7.jpg", "cats/7.jpg"),
])  # fmt: skip
def test_beside_the_number_of_a_row_stands_what_it_is(modality: str, content: str, said: str) -> None:
    others = [content.replace("7.jpg", "8.jpg").replace("cats", "dogs")]
    line = printed(frame([content, *others]), told(2), modality).splitlines()[4]
    assert line.split()[:5] == ["90.0", "%", "a", "b", "test"] and f"1   {said}" in line


def test_a_narrow_terminal_cuts_names_and_inputs_but_no_number() -> None:
    found = frame([TEXT, TEXT]).with_columns(label=pl.lit("card_payment_fee_charged"), suggested=pl.lit("x" * 40))
    output = io.StringIO()
    Console(file=output, width=60).print(listing(found, told(2), "text"))
    lines = output.getvalue().splitlines()[4:6]
    for number, line in enumerate(lines, 1):
        assert line.startswith("90.0 %  card_") and f"  test   {number}   Who" in line and len(line) <= 60
    assert all(line.count("…") == 3 for line in lines)


def test_files_that_their_ids_name_are_named_once() -> None:
    said = printed(frame(["/data/cats/7.jpg", "/data/dogs/8.jpg"], ["cats/7.jpg", "dogs/8.jpg"]), told(2), "image")
    assert "cats/7.jpg" in said and "/data" not in said and "input" not in said


@pytest.mark.parametrize(("worth", "depths", "said"), [
    (214, [(10, 1.0), (50, 0.9999), (100, 0.8), (200, 0.524), (214, 0.5), (500, 0.2)],
     "Reading the first 50 / 100 / 200: about 99 % / 80 % / 52 % of them wrong."),
    (20, [(10, 0.8), (20, 0.7), (50, 0.3)], "Reading the first 10: about 80 % of them wrong."),
    (9, [(9, 0.8), (10, 0.7), (50, 0.3)], None),
    (30, [], None),
])  # fmt: skip
def test_it_is_said_what_reading_a_part_of_the_list_brings(
    worth: int, depths: list[tuple[int, float]], said: str | None
) -> None:
    lines = printed(frame(["one"]), told(worth, *depths)).splitlines()
    assert [line for line in lines if line.startswith("Reading")] == ([said] if said else [])


def test_where_the_count_is_not_told_nothing_is_said_of_a_part_of_the_list() -> None:
    depths = told(20, (10, 0.8), (20, 0.7), (50, 0.3))
    unknown = {"value": None, "low": None, "high": None, "n": 100}
    wide = {"value": 60.0, "low": 2.0, "high": 80.0, "n": 100}
    for changed in ({"count": wide}, {"count": unknown}, {"corrected": 3}):
        assert "Reading" not in printed(frame(["one"]), {**depths, **changed})
    assert "Between 2 and 80" in printed(frame(["one"]), {**depths, "count": wide})


def test_where_every_label_is_asked_for_more_of_them_are_shown() -> None:
    many = frame(["one"] * (MOST + 3))
    for shown, more in ((SHOWN, {}), (MOST, {"every": True}), (SHOWN, {"every": True, "written": "all.csv"})):
        lines = printed(many, told(2), **more).splitlines()
        assert sum(line.endswith("one") for line in map(str.rstrip, lines)) == shown
        assert f"{len(many) - shown:,} more; " in lines[-1]
