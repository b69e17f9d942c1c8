"""What is wrong with a table file that cannot be read: which line, and how to mend it."""

import csv
import io
import json
from contextlib import suppress

from unfazed.csv_files import separator_of
from unfazed.decoding import decoded


def wrong_line(data: bytes, kind: str) -> str:
    """Which line of a CSV, TSV or JSONL is wrong, and how to mend it; empty where none is, or it cannot be told."""
    if kind == "Parquet":
        return ""
    with suppress(csv.Error, StopIteration, ValueError, RecursionError):
        text = decoded(data).text
        return _wrong_json(text) if kind == "JSONL" else _ragged(text, "\t" if kind == "TSV" else separator_of(text))
    return ""


def _ragged(text: str, separator: str) -> str:
    """Which line has more cells than the first."""
    lines = csv.reader(io.StringIO(text), delimiter=separator)
    first = len(next(lines))
    long = next(line for line in lines if len(line) > first)
    shown = {"\t": "a tab"}.get(separator, f'"{separator}"')
    return (f"line {lines.line_num} has {len(long):,} cells, the first line {first:,}. A cell that holds {shown} "
            "wants quotation marks around it")  # fmt: skip


def _wrong_json(text: str) -> str:
    """Which line is not JSON, though Python may have written it."""
    for number, line in enumerate(text.split("\n"), start=1):
        constants: list[str] = []
        if line.strip():
            try:
                json.loads(line, parse_constant=constants.append)
            except json.JSONDecodeError as error:
                return f"line {number:,} is not JSON: {error.msg}, at its character {error.pos + 1:,}"
        if constants:
            return f"line {number:,} holds {constants[0]}, which is not JSON: write null, or leave the value out"
    return ""
