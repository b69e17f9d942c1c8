"""How long something takes, in units that are the same on every machine, about."""

import time
from collections.abc import Callable

import numpy as np

NUMBERS = 2_000_000


def in_sorts(work: Callable[[], object]) -> float:
    """The processor time of `work`, as a multiple of that of sorting two million numbers just before."""
    numbers = np.random.default_rng(0).random(NUMBERS)
    start = time.process_time()
    np.sort(numbers, kind="stable")
    between = time.process_time()
    work()
    return (time.process_time() - between) / (between - start)
