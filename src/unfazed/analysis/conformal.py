"""Sets of classes, and intervals of numbers, that hold the truth as often as asked: split conformal prediction.

Axis letters: n examples to calibrate on, N new ones, K classes. The promise holds on average over samples and new
examples, whatever the model, as long as both are drawn alike (Vovk, Gammerman and Shafer 2005). A model that has seen
the n examples breaks it: scores must not come from anything fitted to them.
"""

import math

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.calibration import blocks
from unfazed.analysis.intervals import Floats, Integers

Probabilities = NDArray[np.floating]


def rank(n: int, level: float) -> int:
    """Which of n scores, from the smallest on, bounds a new one with probability `level`; n + 1: none does."""
    return max(1, math.ceil((n + 1) * level - 1e-9))


def least_examples(level: float) -> int:
    """How many examples a level needs."""
    return math.ceil(level / (1 - level) - 1e-9)


def bound(scores: Floats, level: float) -> float:
    """What a new score does not exceed with probability `level`, from scores [n] drawn alike; inf: n is too small."""
    place = rank(len(scores), level)
    return float(np.partition(scores, place - 1)[place - 1]) if place <= len(scores) else math.inf


def coverage(n: int, level: float) -> tuple[float, float]:
    """Where the coverage that one sample of n examples brings lies in 95 of 100 samples (Vovk 2012, arXiv:1209.2673).

    A beta distribution, whose mean is at least `level`; the n examples must suffice for the level.
    """
    from scipy.special import betaincinv

    place = rank(n, level)
    low, high = betaincinv(place, n + 1 - place, [0.025, 0.975])
    return float(low), float(high)


def scores(probs: Probabilities) -> Floats:
    """How little each class fits [N, K]: the probability of all others (LAC: Sadinle, Lei and Wasserman 2019).

    Added up from the others, since 1 - p has nothing left of 1e-9 where p is a float32.
    """
    found = np.zeros(probs.shape)
    np.cumsum(probs[:, :-1], axis=1, dtype=np.float64, out=found[:, 1:])
    found[:, :-1] += np.cumsum(probs[:, :0:-1], axis=1, dtype=np.float64)[:, ::-1]
    return found


def class_bounds(y: Integers, probs: Probabilities, level: float, class_conditional: bool = False) -> Floats:
    """The highest score [K] at which each class belongs into a set, from labels [n] and probabilities [n, K].

    One for all, or with `class_conditional` (Mondrian: Vovk 2012) each class's own, so that the level is kept for every
    class; inf where a class has too few examples. Labels that are missing (-1) are left out.
    """
    known, classes = y >= 0, probs.shape[1]
    y, probs = y[known], probs[known]
    own = np.empty(len(y))
    for block in blocks(probs):
        own[block] = np.take_along_axis(scores(probs[block]), y[block, None], axis=1)[:, 0]
    if not class_conditional:
        return np.full(classes, bound(own, level))
    return np.array([bound(own[y == k], level) for k in range(classes)])


def members(probs: Probabilities, bounds: Floats) -> NDArray[np.bool_]:
    """Which classes are in the set of each example [N, K].

    May be none: where the model is right more often than the level asks, the unlikeliest predictions are given up.
    """
    found = np.empty(probs.shape, np.bool_)
    for block in blocks(probs):
        found[block] = scores(probs[block]) <= bounds
    return found


def sets(probs: Probabilities, bounds: Floats) -> NDArray[np.bool_]:
    """`members` with the likeliest class in every set: none is empty, and the coverage only gains."""
    found = members(probs, bounds)
    found[np.arange(len(probs)), probs.argmax(1)] = True
    return found
