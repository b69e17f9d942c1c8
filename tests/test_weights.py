"""What the page says of words that the report does not show is what the report would say; no broken model stops it."""

import shutil
import threading
from pathlib import Path
from typing import Any

import pytest
import test_text_runs

import unfazed
from unfazed.run import Run
from unfazed.verb import queries, weigh
from unfazed.web import weights
from unfazed.web.labelling import Labelling
from unfazed.web.review import Review
from unfazed.web.weights import Weights


def test_words_are_weighed_as_for_the_report() -> None:
    run = test_text_runs.run()
    stored, asked = run.exhibits(), Weights(run, run.table())
    for row in list(stored)[:3]:
        found = asked.of(row)
        assert found is not None and found.words is not None and stored[row].words is not None
        assert [word for word, _ in found.words] == [word for word, _ in stored[row].words or []]
        bits = [weight for _, weight in stored[row].words or []]
        assert [weight for _, weight in found.words] == pytest.approx(bits, abs=0.01)


def test_a_row_that_the_report_does_not_show_has_its_words_weighed_on_the_page() -> None:
    review = Review(test_text_runs.run())
    row = next(row for row in range(len(review.table)) if row not in review.things.exhibits)
    assert review.example(row)["thing"]["unweighed"] == "kept"
    review.things.weights = Weights(review.run, review.table)
    thing = review.example(row)["thing"]
    assert "unweighed" not in thing and any(bits for _, bits in thing["words"])
    assert "".join(word for word, _ in thing["words"]) == review.table.frame["input"][row]
    assert thing["speaks_for"] in review.table.classes


def test_texts_of_a_query_are_weighed_for_the_class_that_is_guessed(tmp_path: Path) -> None:
    run = Run(shutil.copytree(test_text_runs.run().path, tmp_path / "run"))
    words = [*test_text_runs.SUBJECTS["sea"], *test_text_runs.SUBJECTS["bread"]]
    texts = [f"title: about the {word}\nbody: they saw {word} again" for word in words]
    page = Labelling(queries.keep(run, unfazed.query(run, texts, count=3).frame, "new"))
    page.things.weights = Weights(page.run, page.table)
    for row in page.order:
        example = page.example(int(row))
        assert example["thing"]["speaks_for"] == example["suggested"] and not example["early"]
        assert any(bits for _, bits in example["thing"]["words"])


def test_a_model_that_cannot_be_opened_is_tried_once_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = Run(shutil.copytree(test_text_runs.run().path, tmp_path / "run"))
    (run.path / "model.safetensors").write_bytes(b"no weights")
    asked, opened, honest = Weights(run, run.table()), [], weigh.weighing

    def counted(*told: Any) -> Any:
        opened.append(told)
        return honest(*told)

    monkeypatch.setattr(weigh, "weighing", counted)
    assert asked.of(0) is asked.of(1) is None and len(opened) == 1 and asked.hopeless(2)


def test_a_row_that_cannot_be_weighed_leaves_the_others_to_be_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    review = Review(test_text_runs.run())
    bad, later = [row for row in range(len(review.table)) if row not in review.things.exhibits][:2]
    review.things.weights = asked = Weights(review.run, review.table)

    def failing(row: int) -> None:
        raise ValueError("not this one")

    monkeypatch.setitem(asked.__dict__, "_weighing", failing)
    assert review.example(bad)["thing"]["unweighed"] == "kept"
    monkeypatch.setattr(weights, "PATIENCE", 0.01)
    with asked._mutex:  # another one is weighed
        assert review.example(later)["thing"]["unweighed"] == "soon"


def test_nobody_waits_for_long_while_another_is_weighed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(weights, "PATIENCE", 0.01)
    run = test_text_runs.run()
    asked, going, told = Weights(run, run.table()), threading.Event(), threading.Event()

    def slow(row: int) -> None:
        told.set()
        going.wait(30)

    monkeypatch.setattr(asked, "prepare", lambda: None)
    monkeypatch.setattr(asked, "_computed", slow)
    other = threading.Thread(target=asked.of, args=(0,))
    other.start()
    assert told.wait(30) and asked.of(1) is None
    monkeypatch.setattr(asked, "_computed", lambda row: row)
    going.set()
    other.join()
    assert asked.of(1) == 1, "that there was no time is not remembered"
