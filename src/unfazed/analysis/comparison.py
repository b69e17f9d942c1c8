"""Which of two models is better on the same examples, and whether that can be told at all.

Axis letters: N examples, the same for both, R resamples, M comparisons made at once.
"""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis import groups as grouping
from unfazed.analysis.groups import Groups
from unfazed.analysis.intervals import (
    SIGNIFICANT,
    Estimate,
    Floats,
    from_resamples,
    paired_mean,
    resampled_weights,
    sign_test,
    widened,
)
from unfazed.analysis.mistakes import Mistakes, Probabilities, bits, chance_of_as_few, surprising, with_more

DETECTED = 0.8  # share of the studies of that size that find a difference such as the one seen


def mcnemar(first_right: NDArray[np.bool_], second_right: NDArray[np.bool_], groups: Groups = None) -> float:
    """The probability of a division at least as uneven of the N examples that only one gets right, were both as good.

    Exact (McNemar 1947; Fagerland, Lydersen and Laake 2013 on when to prefer it); 1 where they never differ. With
    groups [N] whole ones change sides.
    """
    if groups is not None:
        return grouping.sign_flips(first_right.astype(np.int64) - second_right, groups)
    return sign_test(int((first_right & ~second_right).sum()), int((second_right & ~first_right).sum()))


def paired_bootstrap(differences: Floats, seed: int = 0, groups: Groups = None) -> tuple[Estimate, float]:
    """The mean of paired differences `[N]` with its percentile interval, and the probability of 0 (Efron 1979).

    The second is `chance_of_none`. Groups [N] are resampled as wholes. Both allow for there being few: simulated, with
    no difference the probability is below 0.05 in 1 to 6 % of samples of 3 to 200 symmetric differences, without that
    in 10 % of those of 5. Fewer than two: NaN, and 1.
    """
    n = len(differences)
    own = differences if groups is None else grouping.sums(differences, groups)
    sizes = np.ones(n) if groups is None else grouping.sums(np.ones(n), groups)
    if len(own) < 2:
        return Estimate(math.nan, math.nan, math.nan, n), 1.0
    mean = float(differences.mean())
    drawn = np.concatenate([weights @ own / (weights @ sizes) for weights in resampled_weights(len(own), seed)])
    resampled = widened(mean, drawn, len(own))
    return from_resamples(mean, resampled, n), chance_of_none(resampled, len(own))


def surprise_difference(
    y: NDArray[Any], probs: Probabilities, other: Probabilities, groups: Groups = None
) -> Estimate:
    """How many bits more labels `[N]`, or sets `[N, K]`, surprise one model than another, with a normal interval.

    Both have given probabilities `[N, K]`; < 0: the first is the less surprised. The interval is widened for the
    mistakes that the examples may lack (`mistakes`): of two models with the same true surprise, right in 98 to 99.8 %,
    the surer one seems the better in 30 to 50 % of samples of 100 without that. Examples whose label is not known are
    left out.
    """
    differences, mistakes, groups = _surprises(y, probs, other, groups)
    return with_more(paired_mean(differences, groups=groups), mistakes, groups)


def surprise_test(
    y: NDArray[Any], probs: Probabilities, other: Probabilities, groups: Groups = None
) -> tuple[Estimate, float]:
    """`surprise_difference` by `paired_bootstrap`, and the probability of there being none.

    That is no smaller than the probability that so few mistakes were seen, were there as many as would even it out.
    """
    differences, mistakes, groups = _surprises(y, probs, other, groups)
    found, chance = paired_bootstrap(differences, groups=groups)
    if len(differences) < 2:
        return found, chance
    return with_more(found, mistakes, groups), max(chance, chance_of_as_few(found.value, mistakes, groups))


def _surprises(
    y: NDArray[Any], probs: Probabilities, other: Probabilities, groups: Groups
) -> tuple[Floats, Mistakes, Groups]:
    """The differences in bits [n], the mistakes and the groups of the examples whose label is known."""
    differences = bits(y, probs) - bits(y, other)
    known = np.isfinite(differences)
    mistakes = surprising(y[known], probs[known], other[known])
    return differences[known], mistakes, grouping.of(groups, known)


def by_name(columns: NDArray[Any], classes: Sequence[str], names: Sequence[str]) -> NDArray[Any]:
    """Columns `[N, K]`, one for each of the classes, in the order of `names`; 0 for others, the sum of those of one."""
    found = np.zeros((len(names), len(columns)), columns.dtype)
    np.add.at(found, [names.index(label) for label in classes], columns.T)
    return found.T


def chance_of_none(resampled: Floats, count: int) -> float:
    """The probability of there being no difference, from `[R]` ones of resamples of so many examples, or groups.

    The smaller share beyond 0, twice. Where none of the resamples is beyond it, they cannot tell how small: then the
    tail of Student's t with their deviation, else 1,000 resamples could not survive a correction for many comparisons;
    without any deviation that of the sign test.
    """
    from scipy.special import stdtr

    beyond = min(int((resampled <= 0).sum()), int((resampled >= 0).sum()))
    deviation = float(resampled.std())
    if count < 2:
        return 1.0
    if beyond:
        return min(1.0, 2 * (1 + beyond) / (len(resampled) + 1))
    if not deviation > 0:
        return max(2 / (len(resampled) + 1), 2 * 0.5**count)
    return float(2 * stdtr(count - 1, -abs(float(resampled.mean())) / deviation))


def holm(probabilities: Sequence[float]) -> list[float]:
    """The probabilities `[M]` corrected for there being several (Holm 1979): below 0.05 means what it says of all."""
    order = np.argsort(probabilities, kind="stable")
    count, corrected, largest = len(order), [1.0] * len(order), 0.0
    for place, index in enumerate(order.tolist()):
        largest = max(largest, min(1.0, (count - place) * probabilities[index]))
        corrected[index] = largest
    return corrected


def examples_needed(differences: Floats, comparisons: int = 1, groups: Groups = None) -> int | None:
    """How many examples would show such a difference in 4 of 5 studies, at 5 % over all comparisons.

    From the mean and the deviation of the differences `[N]` seen; None where there is no difference, or nothing to tell
    from. Of right and wrong (1, 0, -1) it is Connor's formula for McNemar's test (1987), but for its small terms. With
    groups [N], if the further ones come in such groups too.
    """
    from scipy.special import ndtri

    if len(differences) < 2 or (groups is not None and len(np.unique(groups)) < 2):
        return None
    mean, deviation = float(differences.mean()), float(differences.std(ddof=1))
    if groups is not None:
        deviation = grouping.mean_error(differences, groups) * math.sqrt(len(differences))
    if mean == 0 or deviation == 0:
        return None
    reach = float(ndtri(1 - SIGNIFICANT / (2 * comparisons)) + ndtri(DETECTED))
    return math.ceil((reach * deviation / mean) ** 2)
