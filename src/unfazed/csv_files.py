"""CSV files that a person or a spreadsheet wrote: whatever their encoding and separator, and however long a cell."""

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from io import StringIO
from pathlib import Path

from unfazed.decoding import decoded
from unfazed.errors import UsageError
from unfazed.files import expanded

_LONGEST = 2**31 - 1  # characters of a cell, all that `csv` can be told: a text, or a row as JSON, is one
_HEADER = 1 << 16  # characters at the beginning of a file that hold its first line, or enough of it
_QUOTED = re.compile(r'(?<![^,;\t\n])"(?:[^"]|"")*"')  # whatever stands in quotation marks separates nothing


def rows_of(text: str) -> "csv.DictReader[str]":
    """The rows of a CSV by its first line, in any of the usual separators; iterating raises csv.Error."""
    csv.field_size_limit(_LONGEST)  # of the process; the text is in memory already, so that the usual one spares none
    return csv.DictReader(StringIO(text, newline=""), delimiter=separator_of(text), strict=True)


def separator_of(text: str) -> str:
    """What separates the cells: a comma, a semicolon, as spreadsheets in many countries have it, or a tab."""
    first = _QUOTED.sub("", text[:_HEADER].lstrip()).partition("\n")[0]
    return max(",;\t", key=first.count)


def lines_in(
    path: str | Path, fields: Sequence[str], check: Callable[[Sequence[str], str | Path], None], made_by: str
) -> Iterator[tuple[str, list[str]]]:
    """The lines of a CSV file that people's decisions are in: where each stands, and its values of the `fields`.

    Lines of blank cells alone, as spreadsheets leave them, are none.

    check: raises for names of columns, given with the path, that won't do. made_by: the command that writes such files.

    Raises:
        UsageError: there is none, it is no CSV, or a line has more values than columns.
    """
    try:
        lines = rows_of(decoded(expanded(path).read_bytes()).text)
        check(lines.fieldnames or (), path)
        for line in lines:
            where, beyond = f"{path}, line {lines.line_num}", line.pop(None, [])
            if not "".join([*filter(None, line.values()), *beyond]).strip():
                continue
            if beyond:
                raise UsageError(f"{where}: more values than columns")
            yield where, [line.get(name) or "" for name in fields]
    except FileNotFoundError as error:
        raise UsageError(f"there is no {path}: `{made_by}` writes one") from error
    except (OSError, ValueError, csv.Error) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
