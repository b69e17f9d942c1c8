"""Rows of tables as figures."""

from unfazed.report.exhibits import Drawn, shown
from unfazed.report.rows import FEW, LONGEST, SHOWN, row_figure


def test_each_column_has_its_value_and_a_bar_to_its_side() -> None:
    html = row_figure([("age", "39", 0.5), ("job", "cook", -0.25)])
    assert html.index("age") < html.index("39") < html.index("job") < html.index("cook")
    assert '<rect x="0" y="0" width="1.0" height="1" class="for">' in html
    assert '<rect x="-0.5" y="0" width="0.5" height="1" class="against">' in html


def test_of_many_columns_the_weightiest_are_shown_in_their_order() -> None:
    html = row_figure([(f"column {number:02}", "x", float(number % 20)) for number in range(40)])
    assert html.count("<tr>") == SHOWN + 1
    assert html.index("column 19") < html.index("column 39")
    assert "32 more of less weight" in html
    assert "column 00" not in html


def test_numbers_of_many_digits_are_rounded_and_names_of_digits_are_not() -> None:
    html = row_figure([("size", "-1.256138069727733", 1.0), ("id", "1234567890123456", 0.5), ("v", "1.10", 0.1)])
    assert ">-1.25614<" in html and 'title="-1.256138069727733"' in html
    assert ">1234567890123456<" in html and ">1.10<" in html


def test_where_many_rows_stand_together_fewer_columns_are_shown() -> None:
    cells = [(f"column {number}", "x", float(number)) for number in range(9)]
    drawn = Drawn(None, None, None, cells)
    assert shown(drawn, "row 1", brief=True).count("<tr>") == FEW + 1
    assert shown(drawn, "row 1").count("<tr>") == SHOWN + 1


def test_what_stands_in_a_table_is_text() -> None:
    html = row_figure([("<b>", "<script>alert(1)</script>", 0.0), ("long", "x" * 500, 1.0)])
    assert "<script>" not in html and "<b>" not in html
    assert "x" * LONGEST not in html.replace('title="' + "x" * 500, "")


def test_a_row_that_says_nothing_has_no_bars() -> None:
    assert 'width="0.0"' in row_figure([("age", "39", 0.0)])
    assert row_figure([]) == '<table class="row-values"><tbody></tbody></table>'
