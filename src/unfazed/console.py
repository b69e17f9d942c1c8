"""The terminal as the commands write to it."""

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console


def terminal() -> "Console":
    """Where people read; without a reader, `unfazed train … | head`, a training goes on."""
    from rich.console import Console

    class Patient(Console):
        """Goes on without a reader."""

        def on_broken_pipe(self) -> None:
            self.quiet = True
            leave_unread()

    return Patient(highlight=False)


def leave_unread() -> None:
    """Let whatever is still printed go nowhere: its reader has gone."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
