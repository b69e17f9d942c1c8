"""Numbers and what they count, as people read them."""

import pytest

from unfazed.report.words import count


@pytest.mark.parametrize(
    ("number", "noun", "said"),
    [
        (1, "labels", "1 label"),
        (1, "classes", "1 class"),
        (1, "sets of labels", "1 set of labels"),
        (0, "sets of labels", "0 sets of labels"),
        (12_345, "examples", "12,345 examples"),
        (7, "", "7"),
    ],
)
def test_what_is_counted_stands_in_its_number(number: int, noun: str, said: str) -> None:
    assert count(number, noun) == said
