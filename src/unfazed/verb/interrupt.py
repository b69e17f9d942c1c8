"""Ctrl-C that waits: a step that is half made cannot be gone on from."""

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import TypeVar

_Event = TypeVar("_Event")


class Press:
    """Whether Ctrl-C was pressed. A second press does not wait."""

    def __init__(self) -> None:
        self.made = False

    def note(self, _signal: int, _frame: FrameType | None) -> None:
        """Take note of the first press."""
        if self.made:
            raise KeyboardInterrupt
        self.made = True


def held_back(events: Iterable[_Event]) -> Iterator[tuple[_Event, bool]]:
    """Each event, and whether Ctrl-C was pressed while it came about; the press itself is held back until then."""
    iterator = iter(events)
    while True:
        with _noting() as press:
            event = next(iterator, None)
        if event is None:
            return
        yield event, press.made


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
def _noting() -> Iterator[Press]:
    press = Press()
    if threading.current_thread() is not threading.main_thread():  # only the main thread may say who gets signals
        yield press
        return
    before = signal.signal(signal.SIGINT, press.note)
    try:
        yield press
    finally:
        signal.signal(signal.SIGINT, before)
