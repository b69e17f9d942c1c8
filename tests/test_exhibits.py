"""What a page shows of an example."""

from unfazed.report.exhibits import Drawn, shown


def html(words: list[tuple[str, float]]) -> str:
    return shown(Drawn(None, None, words), "a text")


def test_words_are_shaded_by_their_share_of_the_strongest() -> None:
    page = html([("free ", 2.0), ("money ", 1.0), ("please ", -1.0), ("now", 0.1)])
    assert '<span class="for-4" title="for it: 2.00 bits">free </span>' in page
    assert 'class="for-2"' in page
    assert '<span class="against-2" title="against it: 1.00 bit">please </span>' in page
    assert page.count("<span") == 3


def test_nothing_is_shaded_where_nothing_weighs() -> None:
    assert "<span" not in html([("one ", 0.01), ("two", -0.02)])


def test_markup_in_a_text_stays_text() -> None:
    page = html([("<script>alert(1)</script> ", 3.0), ("<b>", 0.0)])
    assert "<script>" not in page and "<b>" not in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
