"""A run that ends in time: how many steps fit, asked again while it runs, and written down so that nobody asks twice.

Light: the clock starts before torch is imported.
"""

import math
import re
import sys
import time
from typing import NamedTuple

from unfazed.errors import UsageError

CHECK_EVERY = 0.05  # of the limit: how often the plan is held against the clock
TOLERANCE = 0.03  # of the limit: a plan that misses by less is left as it is
SHORTEST = 1.0  # seconds
_UNITS = {"d": 86_400, "h": 3600, "m": 60, "s": 1}
_NEXT = {"d": "h", "h": "m", "m": "s"}
_PATTERN = re.compile(r"(?:(\d+(?:\.\d+)?)d)?(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?")


class Cost(NamedTuple):
    """What a step costs, as a share of one on examples of full size."""

    now: float = 1.0
    ahead: float = 1.0  # the mean of the steps to come


class Pace(NamedTuple):
    """How long the parts of a run take on this machine, in seconds."""

    step: float  # one optimizer step on examples of full size
    epoch: float  # what is done after each epoch: validation, writing
    finish: float  # everything after training

    def of(self, steps: float, epochs: int) -> float:
        """Seconds for so many steps of full size, so many epochs, and the finish."""
        return steps * self.step + epochs * self.epoch + self.finish


EVEN = Cost()


class TimeLimit:
    """Seconds within which a run is to be complete, counted from when this was made."""

    def __init__(self, seconds: float):
        self.seconds = seconds
        self.started = time.perf_counter()
        self.checked, self.checked_step = self.started, 0
        self.pace: Pace | None = None
        self.most = sys.maxsize  # steps that were asked for
        self.sets_patience = False  # whether it follows from the epochs that fit

    def begin(self, pace: Pace, step: int) -> None:
        """Training goes on now, after `step` steps, and is believed to go at this pace."""
        self.pace, self.checked, self.checked_step = pace, time.perf_counter(), step

    def epoch_took(self, seconds: float) -> None:
        """What follows an epoch took so long."""
        assert self.pace is not None
        self.pace = self.pace._replace(epoch=seconds)

    def end(self, step: int, batches: int, ahead: float = 1.0) -> int:
        """The step, after `step` of them, with which training has to end; `batches` make an epoch.

        ahead: what the steps to come cost (see `Cost`).
        """
        assert self.pace is not None
        left = self.started + self.seconds - time.perf_counter() - self.pace.finish
        return step + max(0, math.floor(left / self._each(batches, ahead)))

    def due(self, step: int) -> bool:
        """Whether the plan is to be held against the clock after `step` steps."""
        now = time.perf_counter()
        return step > self.checked_step and (now - self.checked >= CHECK_EVERY * self.seconds or self._late(now))

    def revised(self, step: int, end: int, batches: int, most: int, cost: Cost = EVEN) -> int | None:
        """Another end than `end`, of at most `most` steps, where that one no longer meets the limit; None mostly."""
        assert self.pace is not None
        now = time.perf_counter()
        late = self._late(now)
        # An epoch that ends with this step is yet to be paid for.
        epochs = (step - 1) // batches - max(0, self.checked_step - 1) // batches
        taken = max(1e-9, now - self.checked - epochs * self.pace.epoch) / (step - self.checked_step) / cost.now
        self.begin(self.pace._replace(step=(self.pace.step + taken) / 2), step)  # a machine's speed comes and goes
        fitting = min(max(step, self.end(step, batches, cost.ahead)), most)
        off = abs(fitting - end) * self._each(batches, cost.ahead)
        return fitting if off > TOLERANCE * self.seconds or (late and fitting < end) else None

    def _late(self, now: float) -> bool:
        assert self.pace is not None
        return now - self.started + self.pace.finish > (1 + TOLERANCE) * self.seconds

    def _each(self, batches: int, ahead: float) -> float:
        """Seconds of a step to come, with its part of what follows an epoch."""
        assert self.pace is not None
        return self.pace.step * ahead + self.pace.epoch / batches


def time_limit(text: str | float | None) -> TimeLimit | None:
    """The limit that `text` stands for: seconds, or `90s`, `10m`, `1h30m`; None for none.

    Raises:
        UsageError: it is no such time, or less than a second, or ends in a number that may mean two things.
    """
    if text is None:
        return None
    plain = str(text).replace(" ", "").lower()
    match = _PATTERN.fullmatch(plain)
    if match and (bare := re.search(r"[dhm][\d.]+$", plain)):
        raise UsageError(f"the time limit {text!r} ends in a number without a unit: say {plain}{_NEXT[bare[0][0]]}")
    parts = match.groups() if match else ()
    seconds = sum(float(part) * unit for part, unit in zip(parts, _UNITS.values(), strict=False) if part)
    if not math.isfinite(seconds) or seconds < SHORTEST:
        raise UsageError(f"the time limit {text!r} is no time of a second or more: say 90s, 10m or 1h30m")
    return TimeLimit(seconds)
