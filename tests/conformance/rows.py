"""Rows of tables to try the tabular modality on: good, odd, and such as must be refused."""

import csv
import json
from pathlib import Path
from typing import Any


def row(number: int) -> dict[str, Any]:
    """A good row, different for each number."""
    return {
        "size": f"{1000 + 37 * number % 101:,}",
        "colour": ("red", "blue")[number // 2 % 2],
        "alive": ("yes", "no", "?")[number % 3],
        "seen": f"2024-{1 + number % 12:02}-{1 + 7 * number % 28:02}",
        "note": f"row number {number} of the table",
    }


def good(number: int) -> bytes:
    """The same as a JSON object."""
    return json.dumps(row(number)).encode()


def source(root: Path) -> Path:
    """A CSV of good rows in the classes ant and bee."""
    rows = [{**row(number), "label": ("ant", "bee")[number % 2]} for number in range(12)]
    path = root.with_suffix(".csv")
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0])
        writer.writeheader()
        writer.writerows(rows)
    return path


def odd() -> dict[str, bytes]:
    """Unusual rows that must be read."""
    values: dict[str, Any] = {
        "null": None, "nothing": "", "spaces": "   ", "question mark": "?", "text in a number": "many",
        "huge number": 1e308, "huge integer": 10**400, "boolean in a number": True, "not finite": float("inf"),
        "nan": float("nan"), "null byte": "\0", "emoji": "🐜" * 1000, "right to left": "\u202eabc",
        "surrogate": "\ud800",
        "control characters": "\x1b[31m\r\n", "markup": "<script>alert(1)</script>", "formula": "=cmd|'/C calc'!A0",
        "long": "x" * 100_000, "digits": "1" * 4000, "a date that is not": "2023-02-31", "other digits": "٣٤",
    }  # fmt: skip
    rows = {name: {"size": value, "colour": value, "alive": value, "seen": value} for name, value in values.items()}
    return {
        **{name: json.dumps(row).encode() for name, row in rows.items()},
        "a column alone": b'{"size": 3}',
        "more columns": json.dumps({**row(1), **{str(number): number for number in range(1000)}}).encode(),
        "the same column twice": b'{"size": 1, "size": 2}',
        "utf-16": json.dumps(row(2)).encode("utf-16"),
    }


def hostile() -> dict[str, bytes]:
    """What must be refused."""
    return {
        "empty": b"", "white space": b" \n", "bytes": b"\xff\xfe\x00\x01\x02", "cut off": good(0)[:-5],
        "a list": b"[1, 2]",
        "a number": b"7", "text": b'"size"', "null": b"null", "no columns": b"{}", "a list within": b'{"size": [1]}',
        "an object within": b'{"size": {"a": 1}}', "deep": b"[" * 100_000, "deep within": b'{"a":' * 100_000,
        "two objects": b"{}{}", "too many columns": json.dumps(dict.fromkeys(map(str, range(20_000)), 1)).encode(),
        "too large": b'{"size": "' + b"x" * 11_000_000 + b'"}', "not JSON": b"size=3", "CSV": b"size,colour\n3,red\n",
    }  # fmt: skip


def damaged(usual: str) -> tuple[str, ...]:
    """Preprocessors that must be refused: a sound one with one thing wrong."""
    wrong: list[tuple[str, Any]] = [
        ("kind", "smell"), ("apparent", None), ("scale", 0.0), ("scale", "1"), ("centre", float("nan")),
        ("centre", True),
        ("decimal", ";"), ("layout", []), ("parts", ["century"]), ("parts", "time"), ("categories", ["a", "a"]),
        ("categories", [1]), ("categories", "ab"), ("categories", None), ("missing", -1), ("strange", 0.5), ("name", 7),
        ("name", "colour"), ("more", 1),
    ]  # fmt: skip
    texts = []
    for key, value in wrong:
        given = json.loads(usual)
        given["columns"][0][key] = value
        texts.append(json.dumps(given))
    others: list[Any] = [[], {}, None, [7], [{}], [None]]
    return (*texts, *(json.dumps({**json.loads(usual), "columns": columns}) for columns in others))
