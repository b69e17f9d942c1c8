import io
import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
import ranged
from problems import recipe
from rich.console import Console

from unfazed.errors import SourceError
from unfazed.report.events import Advance, Found, Notice, Tried
from unfazed.report.learning_rates import LearningRates, as_facts, drawn, follow, rounded, sentences, told
from unfazed.report.learning_rates_page import page


def said(found: LearningRates, terminal: bool = False, width: int = 80) -> str:
    output = io.StringIO()
    console = Console(file=output, force_terminal=terminal, width=width, highlight=False)
    console.print(told(found, width))
    return output.getvalue()


def test_rates_are_said_in_two_digits() -> None:
    assert [rounded(rate) for rate in (1e-5, 1.234e-5, 0.0123, 0.1, 1.0, 10.0, 100.0)] == [
        "1e-5", "1.2e-5", "0.012", "0.1", "1", "10", "1e2",
    ]  # fmt: skip


def test_the_terminal_draws_the_curve_with_the_bracket_under_it_and_fits_its_width() -> None:
    for width in (60, 80, 140):
        lines = said(ranged.found(), width=width).splitlines()
        assert all(len(line.rstrip()) <= width for line in lines)
        axis = next(line for line in lines if "└" in line)
        mark = next(line for line in lines if "●" in line)
        assert mark.index("├") < mark.index("●") < mark.index("┤") < len(axis)
        tick = lines[lines.index(axis) + 1].index("0.01") + 2
        assert abs(mark.index("●") - tick) <= 3  # the lowest point was put at 0.01
    assert "\x1b" not in said(ranged.found()) and "\x1b[" in said(ranged.found(), terminal=True)


def test_the_suggestion_says_on_what_it_rests_and_how_to_go_on() -> None:
    found = ranged.found()
    text = said(found)
    assert f"suggested learning rate: {rounded(found.peak or 0)}" in text
    assert f"unfazed train photos --learning-rate {rounded(found.peak or 0)}" in text
    joined = " ".join(sentences(found))
    assert "3 repeats of at most 120 steps, 32 examples each, with adamw" in joined
    assert joined.count(rounded(found.peak or 0)) >= 1 and "one by one they suggest" in joined
    assert "compare them on validation" in joined


@pytest.mark.parametrize(("given", "where"), [(1e-5, "below"), (0.01, "within"), (5.0, "above")])
def test_the_rate_of_the_recipe_is_compared(given: float, where: str) -> None:
    found = replace(ranged.found(), recipe=recipe(learning_rate=given))
    assert f"lies {where} the bracket" in " ".join(sentences(found))


def test_elsewhere_than_on_a_terminal_no_sentence_is_cut_or_wrapped() -> None:
    output = io.StringIO()
    Console(file=output, width=80).print(told(ranged.found(), 80), soft_wrap=True)
    assert all(f"  {sentence}\n" in output.getvalue() for sentence in sentences(ranged.found()))


def test_one_repeat_knows_nothing_of_the_spread_and_no_fall_nothing_of_a_rate() -> None:
    assert "is not known" in " ".join(sentences(ranged.found(repeats=1)))
    flat = ranged.found(flat=True)
    assert (flat.low, flat.peak, flat.high, flat.onward) == (None, None, None, None)
    assert "never clearly fell" in said(flat) and "no suggestion" in said(flat)


def test_numbers_are_spoken_of_as_numbers_and_classes_as_classes() -> None:
    of_numbers = replace(ranged.found(flat=True), recipe=recipe(task="regression", loss="squared"))
    for text in (said(of_numbers), page(of_numbers)):
        assert "squared error of the standardised numbers" in text and "inputs say anything" in text
        assert "in bits" not in text and "class?" not in text
    of_classes = replace(of_numbers, recipe=recipe(task="classification", loss="cross-entropy"))
    for text in (said(of_classes), page(of_classes)):
        assert "loss in bits" in text and "examples of each class?" in text and "standardised" not in text


def test_an_exploding_end_does_not_press_the_picture_to_the_floor() -> None:
    found = ranged.found()
    end = int(np.isfinite(found.smoothed).sum()) - 1
    exploding = replace(found, smoothed=np.where(np.arange(120) == end, 1e5, found.smoothed))
    assert np.array_equal(drawn(exploding)[:end], drawn(found)[:end]) and np.isnan(drawn(exploding)[end:]).all()
    assert "144269" not in said(exploding)  # bits


def test_no_suggestion_names_the_rate_at_which_the_test_ended() -> None:
    flat = ranged.found(flat=True)
    cut = np.where(flat.rates > 1.01e-3, np.nan, flat.smoothed)
    assert f"between 1e-5 and {rounded(flat.rates[39])}, where" in sentences(replace(flat, smoothed=cut))[0]
    nothing = replace(flat, smoothed=np.full(120, np.nan))
    assert "no number from the first step on" in sentences(nothing)[0]


def test_a_frame_in_memory_goes_on_in_python() -> None:
    onward = ranged.found(command=None).onward
    assert onward is not None and onward.startswith("unfazed.train(frame, learning_rate=")


def test_facts_are_strict_json_with_every_loss() -> None:
    facts = json.loads(json.dumps(as_facts(ranged.found()), allow_nan=False))
    assert facts["low"] < facts["peak"] < facts["high"] and facts["limited"] is True
    assert len(facts["rates"]) == len(facts["smoothed"]) == 120
    assert [len(losses) for losses in facts["losses"]] == [120] * 3
    assert facts["losses"][0][0] > 2 and facts["losses"][0][-1] is None
    assert as_facts(ranged.found(flat=True))["peak"] is None


def test_following_shows_what_was_found_and_gives_the_result() -> None:
    found, output = ranged.found(), io.StringIO()
    notice = Notice('the class "cat[/b]" has one example')  # names are no markup
    events = [Advance(1, 2), notice, Found(["2 images", "more"]), Tried(1, 360, 1e-5, 2.3, "cross-entropy"), found]
    assert follow(events, Console(file=output, width=80)) is found
    assert output.getvalue() == f"{notice.text}\n2 images\n"
    assert follow(events, None) is found


def test_an_error_on_the_way_is_passed_on() -> None:
    def failing():  # type: ignore[no-untyped-def]
        yield Advance(1, 2)
        raise SourceError("no")

    with pytest.raises(SourceError):
        follow(failing(), None)


def test_the_page_is_one_file_with_the_points_of_every_line() -> None:
    found = ranged.found()
    text = page(found)
    assert text.count(f">{rounded(found.peak or 0)}<") >= 2  # the headline and the mark of the chart
    for chart in re.findall(r"<svg class=\"chart.*?</svg>", text, re.S):
        picture = ElementTree.fromstring(chart)
        lines = [part for part in picture if "line" in (part.get("class") or "").split()]
        assert [line.get("class") for line in lines] == ["line repeat"] * 3 + ["line validation"]
        assert all(len(re.findall("[ML]", line.get("d") or "")) > 70 for line in lines)
        band = next(part for part in picture if part.get("class") == "band")
        circle = next(part for part in picture if part.tag == "circle")
        left, right = float(band.get("x") or 0), float(band.get("x") or 0) + float(band.get("width") or 0)
        assert left < float(circle.get("cx") or 0) < right
        words = [part for part in picture if part.tag == "text"]
        assert {"1e-5", "0.001", "1"} <= {part.text for part in words}
        assert all(float(part.get("x") or 0) <= float(picture.get("viewBox", "").split()[2]) for part in words)
    assert len(re.findall(r"<svg class=\"chart", text)) == 2
    assert not re.findall(r"(src|href)=\"(?!https://arxiv.org|#)[^\"]*", text)


def test_a_page_without_a_suggestion_still_shows_the_curve() -> None:
    text = page(ranged.found(flat=True))
    assert "never clearly fell" in text and "line validation" in text
    assert 'class="band"' not in text and "--learning-rate" not in text


def test_a_command_cannot_become_markup() -> None:
    assert "<script>alert" not in page(ranged.found(command="unfazed train '<script>alert(1)</script>'"))
