"""The course of the learning rate: a pure function of the step.

    one-cycle    up to the peak over `warmup`, then down to zero (Smith & Topin 2017, arXiv:1708.07120)
    cosine       the same warm-up, then half a cosine to zero (Loshchilov & Hutter 2016, arXiv:1608.03983)
    triangular   warm-up, then down and up between the peak and a tenth, at last to zero (Smith 2015, arXiv:1506.01186)
    step         warm-up, then a tenth from 60 % of the run and a hundredth from 85 %
    constant     warm-up, then the peak

Images may begin small and grow with the run: what they show in outline is learnt first, at a fraction of the cost
(Howard 2018, fast.ai's DAWNBench entry; Tan & Le 2021, arXiv:2104.00298).

A run that stalls leaves its schedule for the *annealing*: a straight line from where it is to zero. A run that must
end at another time than planned has the rest of its schedule stretched or shortened.
"""

import math
from typing import NamedTuple

from unfazed.recipe import AUTO, Recipe, learning_rate_of

ANNEALING = frozenset({"one-cycle", "cosine", "triangular"})
CYCLES = 3
GROWN = 0.8  # share of the run after which images have their full size
FLOOR = 0.1  # lowest point between two triangles, as a share of the peak
ANNEALING_SHARE = 0.25  # of the planned epochs, the length of the annealing after a stall


class Course(NamedTuple):
    """How long a run takes, and where it left its plan: to fit a time limit, or for the annealing after a stall."""

    steps: int  # of one epoch
    end: int  # steps that will be made
    since: int = 0  # the step from which the rest is laid out, counted from 0
    done: float = 0.0  # share of the schedule behind that step
    falling_from: float | None = None  # multiplier at that step, where the rest is a straight line to zero

    @classmethod
    def of(cls, recipe: Recipe, steps: int) -> "Course":
        """The course that a recipe asks for, with so many `steps` in an epoch."""
        return cls(steps, min(recipe.epochs * steps, recipe.steps or math.inf))  # type: ignore[arg-type]

    @property
    def epochs(self) -> int:
        """Passes begun; the last may be cut short."""
        return math.ceil(self.end / self.steps)

    def progress(self, step: int) -> float:
        """Share of the schedule that the step `step` (from 0) stands at."""
        return self.done + (1 - self.done) * (step + 1 - self.since) / (self.end + 1 - self.since)

    def annealed(self, recipe: Recipe, step: int) -> "Course":
        """The schedule left before `step`: a straight line to zero, for a quarter of the plan, in whole epochs."""
        if self.falling_from is not None:
            return self
        epochs = math.ceil(step / self.steps) + max(1, round(ANNEALING_SHARE * self.epochs))
        end = min(self.end, epochs * self.steps)
        return self._replace(end=end, since=step, falling_from=_multiplier(recipe, self.progress(step)))

    def fitted(self, recipe: Recipe, step: int, end: int) -> "Course":
        """The same course with what is left of it stretched or shortened to `end`; the rate does not jump."""
        if self.falling_from is not None:
            return self._replace(since=step, end=end, falling_from=self.multiplier(recipe, step))
        return self._replace(since=step, end=end, done=self.progress(step - 1) if step > self.since else self.done)

    def multiplier(self, recipe: Recipe, step: int) -> float:
        """Learning rate of the step `step` as a share of the peak."""
        if self.falling_from is None:
            return _multiplier(recipe, self.progress(step))
        return self.falling_from * (self.end - step) / max(1, self.end - self.since)

    def scale(self, recipe: Recipe, step: int) -> float:
        """Side of the images in the epoch of the step `step` (from 0), as a share of the full one.

        It is told by where that epoch ends, so that the last one is of full size. A course that changes within an
        epoch counts from there on.
        """
        if recipe.start_size == AUTO or self.falling_from is not None or self.end <= self.steps:
            return 1.0
        last = min(step - step % self.steps + self.steps, self.end) - 1
        return min(1.0, recipe.start_size + (1 - recipe.start_size) * self.progress(last) / GROWN)

    def cost(self, recipe: Recipe, first: int) -> float:
        """Mean pixels of the images from the step `first` (from 0) to the end, as a share of full-sized ones.

        At the end, where no step is left, those of one more.
        """
        if first >= self.end:
            return self.scale(recipe, self.end - 1) ** 2
        firsts = range(first - first % self.steps, self.end, self.steps)
        lengths = [min(start + self.steps, self.end) - max(start, first) for start in firsts]
        shares = [length * self.scale(recipe, start) ** 2 for start, length in zip(firsts, lengths, strict=True)]
        return sum(shares) / sum(lengths)


def learning_rate(recipe: Recipe, course: Course, step: int) -> float:
    """Learning rate of the step `step` (from 0)."""
    return learning_rate_of(recipe) * course.multiplier(recipe, step)


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
