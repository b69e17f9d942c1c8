"""The course of the learning rate: a pure function of the step.

    one-cycle    up to the peak over `warmup`, then down to zero (Smith & Topin 2017, arXiv:1708.07120)
    cosine       the same warm-up, then half a cosine to zero (Loshchilov & Hutter 2016, arXiv:1608.03983)
    triangular   warm-up, then down and up between the peak and a tenth, at last to zero (Smith 2015, arXiv:1506.01186)
    step         warm-up, then a tenth from 60 % of the run and a hundredth from 85 %
    constant     warm-up, then the peak

A run that stalls leaves its schedule for the *annealing*: a straight line from where it is to zero.
"""

import math
from typing import NamedTuple

from unfazed.recipe import Recipe

ANNEALING = frozenset({"one-cycle", "cosine", "triangular"})
CYCLES = 3
FLOOR = 0.1  # lowest point between two triangles, as a share of the peak
ANNEALING_SHARE = 0.25  # of the planned epochs, the length of the annealing after a stall


class Course(NamedTuple):
    """How long a run takes and, after a stall, where it left its schedule."""

    epochs: int
    steps: int  # of one epoch
    stalled_at: int | None = None  # the first step of the annealing, counted from 0

    @property
    def total(self) -> int:
        """Steps of the whole schedule."""
        return self.epochs * self.steps

    @property
    def end(self) -> int:
        """Steps that will be made: the annealing after a stall ends with an epoch."""
        if self.stalled_at is None:
            return self.total
        epochs = math.ceil(self.stalled_at / self.steps) + max(1, round(ANNEALING_SHARE * self.epochs))
        return min(self.total, epochs * self.steps)


def learning_rate(recipe: Recipe, course: Course, step: int) -> float:
    """Learning rate of the step `step` (from 0)."""
    if course.stalled_at is None or step < course.stalled_at:
        return recipe.learning_rate * _multiplier(recipe, (step + 1) / (course.total + 1))
    start = recipe.learning_rate * _multiplier(recipe, (course.stalled_at + 1) / (course.total + 1))
    return start * (course.end - step) / (course.end - course.stalled_at + 1)


def _multiplier(recipe: Recipe, done: float) -> float:
    if done < recipe.warmup:
        return done / recipe.warmup
    after = (done - recipe.warmup) / (1 - recipe.warmup)
    match recipe.schedule:
        case "one-cycle":
            return 1 - after
        case "cosine":
            return 0.5 * (1 + math.cos(math.pi * after))
        case "triangular":
            return _triangles(after)
        case "step":
            return 1.0 if done < 0.6 else 0.1 if done < 0.85 else 0.01
        case _:
            return 1.0


def _triangles(after: float) -> float:
    cycle, within = divmod(after * (CYCLES - 0.5), 1.0)  # starts at a peak, ends in a valley
    height = abs(1 - 2 * within)
    lowest = 0.0 if cycle + 0.5 >= CYCLES - 1 else FLOOR
    return lowest + (1 - lowest) * height
