"""What a page shows of an example."""

import pytest

from unfazed.report.exhibits import Drawn, legend, shown


def html(words: list[tuple[str, float]]) -> str:
    return shown(Drawn(None, None, words, None), "a text")


def test_words_are_shaded_by_their_share_of_the_strongest() -> None:
    page = html([("free ", 2.0), ("money ", 1.0), ("please ", -1.0), ("now", 0.1)])
    assert '<span class="for-4" title="for it: 2.00 bits">free</span> ' in page
    assert 'class="for-2"' in page
    assert '<span class="against-2" title="against it: 1.00 bit">please</span> ' in page
    assert page.count("<span") == 3


def test_nothing_is_shaded_where_nothing_weighs() -> None:
    assert "<span" not in html([("one ", 0.01), ("two", -0.02)])


def test_markup_in_a_text_stays_text() -> None:
    page = html([("<script>alert(1)</script> ", 3.0), ("<b>", 0.0)])
    assert "<script>" not in page and "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page


def test_a_long_word_is_not_broken_by_spaces() -> None:
    assert "a" * 96 in html([("a" * 32, 0.0)] * 3)


@pytest.mark.parametrize(
    ("drawn", "of_numbers", "said"),
    [
        (Drawn(None, None, [("word", 0.5)], None), False, "speak for the predicted class"),
        (Drawn(None, None, None, [("age", "37", 0.5)]), False, "To the right: it speaks for the predicted class"),
        (Drawn(None, None, None, [("age", "37", 0.5)]), True, "To the right: it speaks for a higher number"),
    ],
)
def test_shades_and_bars_are_explained(drawn: Drawn, of_numbers: bool, said: str) -> None:
    assert said in str(legend([drawn], of_numbers))


def test_nothing_is_explained_where_nothing_is_shaded() -> None:
    assert legend([Drawn(None, "data:,", None, None), Drawn(None, None, [("word", 0.0)], None)], True) is None
