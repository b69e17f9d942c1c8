"""Ctrl-C that waits: a step that is half made cannot be gone on from."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Press:
    """Whether Ctrl-C was pressed. A second press does not wait."""

    def __init__(self) -> None:
        self.made = False

    def note(self, _signal: int, _frame: FrameType | None) -> None:
        """Take note of the first press."""
        if self.made:
            raise KeyboardInterrupt
        self.made = True


@contextmanager
def ignored() -> Iterator[None]:
    """Ctrl-C means nothing here: it goes to every process at once, and the first one tells the others to stop."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def noted() -> Iterator[Press]:
    """Ctrl-C is held back, and noted: whoever is in the middle of something looks when it is whole."""
    press = Press()
    if threading.current_thread() is not threading.main_thread():  # only the main thread may say who gets signals
        yield press
        return
    before = signal.signal(signal.SIGINT, press.note)
    try:
        yield press
    finally:
        signal.signal(signal.SIGINT, before)
