"""Which words, or values, mattered in an example that the report does not show, computed when the page asks.

The model is opened, and torch imported, beside what the page does with the first example. One is computed at a time,
and nobody waits for long: without its weights an example is shown as it is.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property

from unfazed.errors import UnfazedError
from unfazed.run import Exhibit, Run
from unfazed.table import Table

KEPT = 256  # examples
PATIENCE = 4.0  # seconds that a request waits while another one is computed, or the model opened
# of a model that cannot be opened, or run on this machine; torch's errors are RuntimeErrors
_TROUBLE = (UnfazedError, ImportError, OSError, RuntimeError, ValueError, LookupError, MemoryError)


class Weights:
    """The weights of a run's examples, a few of them kept. Safe for many threads."""

    def __init__(self, run: Run, table: Table):
        """`table`: the rows of the run, and perhaps others."""
        self.run, self.table = run, table
        self._found: OrderedDict[int, Exhibit | None] = OrderedDict()
        self._mutex = threading.Lock()
        self._prepared = False
        self._broken = False  # whether the model turned out to be of no use

    def prepare(self) -> None:
        """Open the model meanwhile."""
        if not self._prepared:
            self._prepared = True
            threading.Thread(target=self._open, daemon=True).start()

    def _open(self) -> None:
        with self._mutex:
            self._weighing  # noqa: B018

    def of(self, row: int) -> Exhibit | None:
        """What the report would show of a row; None where that cannot be told, or not soon."""
        self.prepare()
        if not self._mutex.acquire(timeout=PATIENCE):
            return None
        try:
            if row not in self._found:
                self._found[row] = self._computed(row)
            self._found.move_to_end(row)
            if len(self._found) > KEPT:
                self._found.popitem(last=False)
            return self._found[row]
        finally:
            self._mutex.release()

    def hopeless(self, row: int) -> bool:
        """Whether it is of no use to ask again for a row: the model cannot be used, or not on this one."""
        return self._broken or self._found.get(row, ...) is None

    def _computed(self, row: int) -> Exhibit | None:
        try:
            return self._weighing(row) if self._weighing else None
        except _TROUBLE:
            return None

    @cached_property
    def _weighing(self) -> Callable[[int], Exhibit] | None:
        """The run's model at work, opened once; None where it cannot be opened."""
        try:
            from unfazed.verb.weigh import weighing

            return weighing(self.run, self.table)
        except _TROUBLE:
            self._broken = True
            return None
