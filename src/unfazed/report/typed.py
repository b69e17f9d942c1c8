"""Commands and flags in sentences of the page, set apart from the words around them."""

import re

from unfazed.report.markup import Html, tag
from unfazed.report.words import with_path

# a command with the words for what is to be named, or a flag with its value, without what ends a clause
_TYPED = re.compile(r"(unfazed [a-z-]+(?: [A-Z]+)*|--[a-z-]+ (?:'[^']*'|[^\s']*[^\s',;:.]))")


def typed(text: str, run: str) -> list[Html | str]:
    """The text in parts: what is to be typed as code, with the name of the `run` for RUN."""
    parts = _TYPED.split(text)  # between two words what is typed
    return [tag("code", with_path(part, run)) if place % 2 else part for place, part in enumerate(parts) if part]
