"""Where commands speak: a terminal, a file, or a reader that may leave."""

import os
import sys
from io import TextIOWrapper
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfazed.files import is_standard_output

if TYPE_CHECKING:
    from rich.console import Console

_WIDEST = 10_000  # cells of a line that nobody's screen bounds


def console_of_output(written: Path | None = None) -> "Console":
    """Rich's console on the standard output; it goes on without a reader: `unfazed train … | head` must not end.

    Where a file is `written` there, it is alone there, and the console is on the standard error.
    """
    from rich.console import Console

    class Patient(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True
            leave_unread()

    return Patient(stderr=is_standard_output(written), highlight=False, emoji=False)  # a class may be called ":dog:"


def print_whole(console: "Console", shown: Any) -> None:
    """Print what a terminal wraps to its width; elsewhere nothing is wrapped or cut."""
    if not console.is_terminal:
        console.width = _WIDEST
    console.print(shown, soft_wrap=not console.is_terminal)


def write_every_letter() -> None:
    """Make the standard output take any text: files and pipes get UTF-8, a terminal what it can show, else escapes."""
    if isinstance(sys.stdout, TextIOWrapper):
        encoding = sys.stdout.encoding if sys.stdout.isatty() else "utf-8"
        sys.stdout.reconfigure(encoding=encoding, errors="backslashreplace")


def leave_unread() -> None:
    """Let what is still written go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
