"""Which labels are wrong, from the record of the one training run that was made anyway.

Axis letters: N rows, K classes, D embedding width, k neighbours.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Estimate, Floats, Integers
from unfazed.analysis.neighbours import nearest

NEIGHBOURS = 20
REFERENCES = 16_384  # rows among which neighbours are looked for


class LabelIssues(NamedTuple):
    """What is known of each label [N]; rows without one are never issues."""

    order: Integers  # [N] rows that have a label, worst first
    suggested: Integers  # [N] class numbers
    error_probability: Floats  # [N] of the label being wrong; nan without a label
    margins: Floats  # [N] probability of the label less that of the best other; lower = worse
    agreement: Floats  # [N] share of the neighbours' votes that the label has; lower = worse
    neighbours: Integers  # [N, k] rows, nearest first
    count: Estimate  # of wrong labels


def label_issues(
    y: Integers, probs: NDArray[np.floating], embeddings: NDArray[np.floating], seed: int = 0
) -> LabelIssues:
    """How likely each label `y` [N] (-1 = none) is wrong, by `probs` [N, K] and by the neighbours' probabilities.

    `probs` are those of a model that has not memorised the labels: of training rows, means over the epochs before
    memorisation; of others, the finished model's. `embeddings` [N, D] say who is near.
    """
    probs = np.nan_to_num(probs.astype(np.float64))
    references = _references(y, seed)
    neighbours, _ = nearest(embeddings, references, NEIGHBOURS)
    votes = probs[neighbours].mean(1) if neighbours.shape[1] else probs
    belief = (probs + votes) / 2
    given, rest = _given_and_best_other(y, belief)
    labelled = y >= 0
    wrong = np.where(labelled, rest / np.maximum(given + rest, 1e-12), np.nan)
    order = np.flatnonzero(labelled)
    order = order[np.argsort(-wrong[order], kind="stable")]
    own, other = _given_and_best_other(y, probs)
    agreement, _ = _given_and_best_other(y, votes)
    value = float(np.nansum(wrong))
    count = Estimate(value, 0.0, float(labelled.sum()), int(labelled.sum()))
    return LabelIssues(order, belief.argmax(1), wrong, own - other, agreement, neighbours, count)


def _given_and_best_other(y: Integers, probs: Floats) -> tuple[Floats, Floats]:
    """The probability [N] of the label, and the highest of another."""
    rows = np.arange(len(y))
    others = probs.copy()
    others[rows, np.maximum(y, 0)] = -np.inf
    return probs[rows, np.maximum(y, 0)], others.max(1)


def _references(y: Integers, seed: int) -> Integers:
    """The rows among which neighbours are looked for: all that have a label, of very many a part of them."""
    rows = np.flatnonzero(y >= 0)
    if len(rows) > REFERENCES:
        rows = np.sort(np.random.default_rng(seed).choice(rows, REFERENCES, replace=False))
    return rows
