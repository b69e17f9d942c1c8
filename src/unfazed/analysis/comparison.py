"""Which of two models is better on the same examples, and whether that can be told at all.

Axis letters: N examples, the same for both, R resamples, M comparisons made at once.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import SIGNIFICANT, Estimate, Floats, from_resamples, resampled_weights, sign_test

DETECTED = 0.8  # share of the studies of that size that find a difference such as the one seen


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_]) -> float:
    """The probability of a division at least as uneven of the N examples that only one gets right, were both as good.

    Exact (McNemar 1947; Fagerland, Lydersen and Laake 2013 on when to prefer it); 1 where they never differ.
    """
    return sign_test(int((first_right & ~second_right).sum()), int((second_right & ~first_right).sum()))


def paired_bootstrap(differences: Floats, seed: int = 0) -> tuple[Estimate, float]:
    """The mean of paired differences `[N]` with its percentile interval, and the probability of 0 (Efron 1979).

    The second is twice the share of resampled means beyond 0, at least 2 / (R + 1). Fewer than two: NaN, and 1.
    """
    n = len(differences)
    if n < 2:
        return Estimate(math.nan, math.nan, math.nan, n), 1.0
    mean = float(differences.mean())
    drawn = np.concatenate([weights @ differences / n for weights in resampled_weights(n, seed)])
    resampled = mean + (drawn - mean) * math.sqrt(n / (n - 1))
    return from_resamples(mean, resampled, n), chance_of_none(resampled)


def chance_of_none(resampled: Floats) -> float:
    """The probability of there being no difference, from `[R]` resampled ones: the smaller share beyond 0, twice."""
    beyond = 1 + min(int((resampled <= 0).sum()), int((resampled >= 0).sum()))
    return min(1.0, 2 * beyond / (len(resampled) + 1))


def holm(probabilities: Sequence[float]) -> list[float]:
    """The probabilities `[M]` corrected for there being several (Holm 1979): below 0.05 means what it says of all."""
    order = np.argsort(probabilities, kind="stable")
    count, corrected, largest = len(order), [1.0] * len(order), 0.0
    for place, index in enumerate(order.tolist()):
        largest = max(largest, min(1.0, (count - place) * probabilities[index]))
        corrected[index] = largest
    return corrected


def examples_needed(differences: Floats, comparisons: int = 1) -> int | None:
    """How many examples would show such a difference in 4 of 5 studies, at 5 % over all comparisons.

    From the mean and the deviation of the differences `[N]` seen; None where there is no difference, or nothing to tell
    from. Of right and wrong (1, 0, -1) it is Connor's formula for McNemar's test (1987), but for its small terms.
    """
    from scipy.special import ndtri

    if len(differences) < 2:
        return None
    mean, deviation = float(differences.mean()), float(differences.std(ddof=1))
    if mean == 0 or deviation == 0:
        return None
    reach = float(ndtri(1 - SIGNIFICANT / (2 * comparisons)) + ndtri(DETECTED))
    return math.ceil((reach * deviation / mean) ** 2)
