"""What a person is told of the columns of a table: their kinds, what was not read, what is new in other rows."""

import math
import shlex
from collections.abc import Iterable, Sequence
from typing import Final

from unfazed.modality import tabular_values as values
from unfazed.modality.tabular_columns import KINDS, LEFT_OUT, Column, Kind, encoder
from unfazed.modality.tabular_values import Value
from unfazed.table import brief, listed

PLURALS: Final = {"category": "categories", "boolean": "booleans", "identifier": "identifiers"}
NAMED = 6  # columns of a kind that a sentence names
_EXAMPLES = 3
_FEW = 0.05  # share of values that are not of their column's kind, of which nothing is said where training had some


def described(columns: Sequence[Column]) -> str:
    """The kinds of the columns, for a person to check: "2 numbers (age, hours), 1 category (sex); left out: …"."""
    used = [said for kind in KINDS if kind not in LEFT_OUT and (said := _described(columns, kind))]
    unused = [said for kind in LEFT_OUT if (said := _described(columns, kind))]
    strange = [_strange(column) for column in columns if column.strange]
    left_out = [f"left out: {', '.join(unused)}"] if unused else []
    return "; ".join([", ".join(used) or "nothing to learn from", *left_out, *strange])


def doubts(columns: Sequence[Column]) -> list[str]:
    """What a column looks like where that may be another kind than is meant, or is read in one of two ways."""
    return [
        f'"{column.name}" {column.doubt}, or say what else it is: --columns {shlex.quote(f"{column.name}=category")}'
        for column in columns
        if column.doubt
    ]


def news_of(column: Column, cells: Sequence[Value]) -> list[str]:
    """What values of the column are that those of the training rows were not."""
    codes = list(map(encoder(column), cells))
    nothing = [cell for cell, code in zip(cells, codes, strict=True) if all(map(math.isnan, code))]
    odd = [values.text(cell) for cell in nothing if not values.missing(cell)]
    new = codes.count([0.0]) if column.kind == "category" else 0
    absent, of = len(nothing) - len(odd), f"of {len(cells):,}"
    told = []
    if new:
        told.append(f'"{column.name}": {new:,} {of} are categories that training had at most once')
    if absent and not column.missing:
        told.append(f'"{column.name}": {absent:,} {of} {_are(absent)} missing, none of training was')
    if len(odd) > (_FEW * len(cells) if column.strange else 0):
        told.append(f'"{column.name}": {len(odd):,} {of} {_are(len(odd))} no {column.kind} and {_count(len(odd))} as '
                    f"missing, such as {listed(list(dict.fromkeys(odd)), _EXAMPLES)}")  # fmt: skip
    return told


def names(found: Iterable[str]) -> str:
    """Names without quotes, the first few."""
    found = list(found)
    return f"{', '.join(map(brief, found[:NAMED]))}{', …' if len(found) > NAMED else ''}"


def _described(columns: Sequence[Column], kind: Kind) -> str:
    found = [column.name for column in columns if column.kind == kind]
    said = PLURALS.get(kind, f"{kind}s") if len(found) != 1 else kind
    return f"{len(found):,} {said} ({names(found)})" if found else ""


def _strange(column: Column) -> str:
    few, odd = column.strange, listed(column.odd)
    return (
        f"{few:,} value{'s' if few > 1 else ''} of {column.name} {_are(few)} no {column.kind} and {_count(few)} as "
        f"missing, such as {odd}"
    )


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _count(count: int) -> str:
    return "counts" if count == 1 else "count"
