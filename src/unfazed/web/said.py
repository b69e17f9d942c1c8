"""What a browser says, taken with care: names of people, numbers, texts."""

import getpass
from typing import Any

from unfazed.errors import UsageError

LONGEST_WHY, LONGEST_NAME, LONGEST_SESSION = 500, 80, 64  # letters


def user_name() -> str:
    """Who sits here, as the system knows it."""
    try:
        return reviewer_name(getpass.getuser())
    except (KeyError, OSError, UsageError):  # a container without a list of users
        return "unknown"


def reviewer_name(name: str) -> str:
    """The name in the form that decisions keep.

    Raises:
        UsageError: it is empty, or no name.
    """
    name = name.strip()
    if not 1 <= len(name) <= LONGEST_NAME or not name.isprintable():
        raise UsageError(f"a reviewer's name is 1 to {LONGEST_NAME} printable letters, got {name[:LONGEST_NAME]!r}")
    return name


def whole(said: dict[str, Any], name: str) -> int:
    """The whole number of that name.

    Raises:
        UsageError: it is missing, or none.
    """
    value = said.get(name)
    if type(value) is not int:
        raise UsageError(f"{name} must be a whole number")
    return value


def text(said: dict[str, Any], name: str, longest: int) -> str:
    """The text of that name, of at most `longest` letters; empty where it is missing.

    Raises:
        UsageError: it is longer, or none.
    """
    value = said.get(name, "")
    if not isinstance(value, str) or len(value) > longest:
        raise UsageError(f"{name} must be a text of at most {longest} letters")
    return value.encode("utf-8", "replace").decode()  # halves of characters
