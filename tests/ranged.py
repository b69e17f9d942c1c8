"""Results of a learning-rate range test without a test: curves made up."""

import numpy as np
from problems import recipe

from unfazed.analysis.range_test import bracket, smoothed
from unfazed.report.learning_rates import LearningRates


def found(flat: bool = False, command: str | None = "unfazed train photos", repeats: int = 3) -> LearningRates:
    """A loss that falls, and climbs again until the test ends early; or one that never moves."""
    rates = np.geomspace(1e-5, 10.0, 120)
    place = np.log10(rates)
    curve = 2.3 - 1.5 / (1 + np.exp(-(place + 3) / 0.2)) + np.maximum(0, place + 2) ** 2
    losses = (np.full(120, 2.3) if flat else curve) + 0.02 * np.random.default_rng(0).standard_normal((repeats, 120))
    losses[losses > 4] = np.nan
    peaks = [alone.peak for one in losses if (alone := bracket(rates, one[None]))]
    return LearningRates(
        bracket(rates, losses), peaks, recipe(task="classification"), command, rates, losses, smoothed(rates, losses)
    )  # fmt: skip
