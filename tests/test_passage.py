"""Texts with coloured words."""

from unfazed.report.passage import passage


def test_the_strongest_piece_has_the_deepest_colour_on_its_side() -> None:
    html = passage([("free ", 2.0), ("money ", 1.0), ("please ", -1.0), ("now", 0.1)])
    assert '<mark class="for-4" title="+2.00 bits">free</mark> ' in html
    assert '<mark class="for-2" title="+1.00 bits">money</mark> ' in html
    assert '<mark class="against-2" title="−1.00 bits">please</mark> now' in html


def test_nothing_is_coloured_where_nothing_weighs() -> None:
    assert passage([("one ", 0.01), ("two", -0.02)]) == '<p class="passage" dir="auto">one two</p>'


def test_markup_in_a_text_stays_text() -> None:
    html = passage([("<script>alert(1)</script> ", 3.0), ("<b>", 0.0)])
    assert "<script>" not in html and "<b>" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_weights_that_are_no_numbers_colour_nothing() -> None:
    assert "mark" not in passage([("one", float("nan")), ("two", float("inf"))])


def test_white_space_alone_is_not_marked() -> None:
    assert "mark" not in passage([("\n ", 3.0)])
