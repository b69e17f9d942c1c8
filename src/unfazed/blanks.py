"""What stands in a cell of a table where there is nothing, as programs and people write it."""

from typing import Final

MISSING: Final = frozenset({
    "", "?", "-", "--", ".", "na", "n/a", "#n/a", "<na>", "nan", "nat", "null", "none", "missing",
    "#n/a n/a", "#div/0!", "#name?", "#null!", "#num!", "#ref!", "#value!",  # of spreadsheets
})  # fmt: skip
NAMES: Final = frozenset({"-", "--", ".", "none", "missing"})  # that name a class as well: +/-, none/mild


def is_blank(text: str) -> bool:
    """Whether a text says that there is nothing."""
    return text.strip().casefold() in MISSING
