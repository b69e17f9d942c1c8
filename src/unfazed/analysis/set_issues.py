"""Which sets of labels are wrong: each label of a set, and each that is not in it, is a yes or a no to be judged.

All yeses and noes are judged together, as the labels of two classes (`analysis/label_issues.py`): how often a yes is
given for a no, and a no for a yes, is taken to be the same for all labels, since most are too rare to tell it alone.

Axis letters: N rows, K labels, D embedding width.
"""

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Estimate, Floats, Integers
from unfazed.analysis.label_issues import Judges, LabelIssues, Measured, judged, judges_of, not_trained_on
from unfazed.analysis.noise import FLOOR

MOST = 5_000_000  # yeses and noes that are judged; so many take 1.7 GB
FITTED = 50_000  # of them that the noise is estimated on: few are yeses
LIKELY = 0.5  # probability of being wrong from which on a yes or no is turned round in what is suggested


def set_issues(
    y: NDArray[np.floating],
    probs: NDArray[np.floating],
    embeddings: NDArray[np.floating],
    split: Integers,
    out_of_sample: NDArray[np.floating] | None = None,
    seed: int = 0,
) -> LabelIssues:
    """How likely each set of labels has a mistake in it; `y` [N, K]: 1 = in it, 0 = not; nan = there is no set.

    The arguments are those of `label_issues`; `probs` and `out_of_sample` [N, K] are of each label by itself. Of what
    is found, `suggested` [N, K] is the likeliest set but the given one, the scores are those of its most doubtful
    label, and the count is of sets.
    """
    labels = y.shape[1]
    known = ~np.isnan(y[:, 0])
    said, neighbours = judges_of(probs, embeddings, known, out_of_sample, seed)
    given, named = np.where(known[:, None], y, -1).astype(np.int8), y >= LIKELY
    for judge in said:
        if judge is not None:
            named |= judge >= LIKELY
    unseen = not_trained_on(known, split)
    cells = np.repeat(unseen, labels)
    measured = Measured(cells, cells & named.ravel(), FITTED, FLOOR / labels, of_sets=True)  # floors of a set add up
    judges = Judges(*(judge if judge is None else _yes_and_no(judge) for judge in said))  # type: ignore[arg-type]
    found = judged(given.ravel().astype(np.int64), judges, np.repeat(split, labels), measured, seed)
    return _of_sets(found, given, unseen, neighbours)


def _yes_and_no(probs: NDArray[np.floating]) -> NDArray[np.float32]:
    """[N, K] as the probabilities [N K, 2] of no and yes."""
    yes = probs.astype(np.float32)
    return np.stack([1 - yes, yes], axis=-1).reshape(-1, 2)


def _of_sets(
    found: LabelIssues, given: NDArray[np.int8], unseen: NDArray[np.bool_], neighbours: Integers
) -> LabelIssues:
    """What was found of yeses and noes [N K], said of sets; those that their own labels make likeliest come first."""
    n, labels = given.shape
    error = np.nan_to_num(found.error_probability).reshape(n, labels)
    place = np.full(n * labels, n * labels)  # of each yes or no in the order
    place[found.order] = np.arange(len(found.order))
    worst = place.reshape(n, labels).argmin(1)
    wrong = 1 - np.prod(1 - error, axis=1)
    rows = np.flatnonzero(given[:, 0] >= 0)
    order = rows[np.lexsort((place.reshape(n, labels)[rows, worst[rows]], -wrong[rows]))]
    doubtful = (error > LIKELY) | (np.arange(labels) == worst[:, None])
    suggested = np.where(doubtful, 1 - np.maximum(given, 0), np.maximum(given, 0))
    scores = {name: values.reshape(n, labels)[np.arange(n), worst] for name, values in found.scores.items()}
    right = np.all(found.scores["margin"].reshape(n, labels) > 0, axis=1)
    return LabelIssues(
        order,
        suggested,
        np.where(given[:, 0] >= 0, wrong, np.nan),
        scores,
        neighbours,
        _sets_counted(found.count, error[rows], len(rows)),
        1 - float(right[unseen].mean()),
    )


def _sets_counted(count: Estimate, error: Floats, n: int) -> Estimate:
    """How many of n sets are wrong: fewer than yeses and noes, since one set may hold several wrong ones."""
    every = float(error.sum())
    sets = float((1 - np.prod(1 - error, axis=1)).sum()) / every if every > 0 else 1.0
    value, low, high = (min(float(n), end * sets) for end in count[:3])
    return Estimate(value, low, high, n)
