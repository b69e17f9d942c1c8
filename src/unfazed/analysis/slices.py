"""Rows some after the other, where what is computed of all of them at once would be large."""

from collections.abc import Iterator


def slices(rows: int, cells: int, each: int = 1) -> Iterator[slice]:
    """The `rows` in order, in slices of at most so many `cells` together, where a row has `each`; one row at least."""
    step = max(1, cells // max(1, each))
    return (slice(start, min(start + step, rows)) for start in range(0, rows, step))
