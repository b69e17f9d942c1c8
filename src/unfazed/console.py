"""Where commands speak: a terminal, a file, or a reader that may leave."""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def console_of_output() -> "Console":
    """Rich's console on the standard output; it goes on without a reader: `unfazed train … | head` must not end."""
    from rich.console import Console

    class Patient(Console):
        def on_broken_pipe(self) -> None:
            self.quiet = True
            leave_unread()

    return Patient(highlight=False, emoji=False)  # a class may be called ":dog:"


def leave_unread() -> None:
    """Let what is still written go nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
