"""Which labels are wrong, from the record of the one training run that was made anyway.

Two judges say what a row's label ought to be: the model, by the probabilities that it gave before it began to memorise
labels, or where it was never trained on the row, in the end; and the row's neighbours among the embeddings, by the mean
of theirs. How often labels are wrong is found on rows that the model was not trained on, and carried over to the others.

Axis letters: N rows, K classes, D embedding width, k neighbours.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Estimate, Floats, Integers, from_resamples, wilson
from unfazed.analysis.neighbours import nearest
from unfazed.analysis.noise import best_power, channel, matched, powered, shares, wrong

NEIGHBOURS = 20
REFERENCES = 16_384  # rows among which neighbours are looked for
FITTED = 5_000  # rows that the noise is estimated on
CELLS = 4_000_000  # probabilities held at once
FEWEST = 50  # rows not trained on, for less of which nothing is estimated on them alone
WORSE = 0.03  # accuracy that the neighbours may lack, and still be asked
DIFFERENT = 3.0  # standard errors between validation and test from which on their labels are not of one kind
RESAMPLES = 100
TRAIN, VALIDATION, TEST = 0, 1, 2


class LabelIssues(NamedTuple):
    """What is known of each label [N]; rows without one are never issues."""

    order: Integers  # rows that have a label, worst first
    suggested: NDArray[np.generic]  # [N] class numbers, or of numbers those that are predicted
    error_probability: Floats  # [N] of the label being wrong; nan where it is not known
    scores: dict[str, Floats]  # [N] each, what the order rests on
    neighbours: Integers  # [N, k] rows, nearest first
    count: Estimate  # of wrong labels; nan where that cannot be told
    disagreement: float  # share of the labels not trained on that are not what the judges would give


def label_issues(
    y: Integers, probs: NDArray[np.floating], embeddings: NDArray[np.floating], split: Integers, seed: int = 0
) -> LabelIssues:
    """How likely each label `y` [N] (-1 = none) is wrong.

    `probs` [N, K]: of training rows the mean over the epochs before memorisation, of others the finished model's.
    `embeddings` [N, D] say who is near. `split` [N]: 0 train, 1 validation, 2 test.
    """
    probs = np.nan_to_num(probs).astype(np.float32)
    neighbours = nearest(embeddings, _references(y >= 0, seed), NEIGHBOURS)
    votes = _votes(probs, neighbours)
    held_out = (y >= 0) & (split != TRAIN)
    measured = held_out if held_out.sum() >= FEWEST else y >= 0
    asked = _right(y, votes)[measured].mean() >= _right(y, probs)[measured].mean() - WORSE
    belief = (probs + votes) / 2 if asked and neighbours.shape[1] else probs
    error, count = np.full(len(y), np.nan), [0.0, 0.0, 0.0]
    for judged, fitted in _parts(y, belief, split, measured):
        found = _judged(y, belief, np.flatnonzero(judged), np.flatnonzero(fitted), split, seed)
        error[judged] = found.error
        count = [one + part * judged.sum() for one, part in zip(count, found.share[:3], strict=True)]
    order = np.flatnonzero(y >= 0)
    scores = {"margin": _margin(y, probs), "agreement": votes[np.arange(len(y)), np.maximum(y, 0)].astype(np.float64)}
    return LabelIssues(
        order[np.lexsort((scores["margin"][order], -error[order]))],
        belief.argmax(1),
        error,
        scores,
        neighbours,
        Estimate(*count, len(order)),
        1 - float(_right(y, belief)[measured].mean()),
    )


class _Judged(NamedTuple):
    error: Floats  # of the rows judged
    share: Estimate  # of wrong labels


def _judged(
    y: Integers, belief: NDArray[np.float32], judged: Integers, fitted: Integers, split: Integers, seed: int
) -> _Judged:
    """What the noise among the rows `fitted` says of the rows `judged`."""
    few = min(FITTED, CELLS // (2 * belief.shape[1]))
    fitted = _some(fitted, few, seed)
    labels, probs = y[fitted], belief[fitted].astype(np.float64)
    found = channel(labels, probs)
    true = powered(probs, found.power)
    error = wrong(labels, true, found.given)
    n = len(fitted)
    resampled = np.array(list(shares(labels, true, found.given, _resamples(n, seed))))
    spread, few_wrong = from_resamples(float(error.mean()), resampled, n), wilson(float(error.sum()), n)
    share = Estimate(spread.value, min(spread.low, few_wrong.low), max(spread.high, few_wrong.high), n)
    told = np.empty(len(judged))
    for trained in (True, False):
        part = (split[judged] == TRAIN) == trained
        rows = judged[part]
        if not len(rows):
            continue
        some = _some(rows, few, seed)
        power = best_power(y[some], belief[some].astype(np.float64), found.given) if trained else found.power
        its = np.concatenate([
            wrong(y[block], powered(belief[block].astype(np.float64), power), found.given)
            for block in _blocks(rows, belief.shape[1])
        ])  # fmt: skip
        told[part] = matched(its, share.value) if trained else its
    return _Judged(told, share)


def _parts(
    y: Integers, belief: NDArray[np.float32], split: Integers, measured: NDArray[np.bool_]
) -> Iterator[tuple[NDArray[np.bool_], NDArray[np.bool_]]]:
    """Rows to judge, each with the rows that show how often their labels are wrong.

    A test set may have been labelled with more care: where its labels agree with the judges otherwise than those of
    validation do, it is judged for itself.
    """
    right, labelled = _right(y, belief), y >= 0
    test, validation = measured & (split == TEST), measured & (split == VALIDATION)
    if min(test.sum(), validation.sum()) >= FEWEST:
        shares_right = right[test].mean(), right[validation].mean()
        error = np.sqrt(sum(share * (1 - share) / side.sum() for share, side in zip(shares_right, (test, validation), strict=True)))
        if abs(shares_right[0] - shares_right[1]) > DIFFERENT * error:
            yield labelled & (split != TEST), validation
            yield labelled & (split == TEST), test
            return
    yield labelled, measured


def _votes(probs: NDArray[np.float32], neighbours: Integers) -> NDArray[np.float32]:
    """The mean probabilities [N, K] of each row's neighbours [N, k]."""
    votes = np.zeros_like(probs)
    for place in range(neighbours.shape[1]):
        votes += probs[neighbours[:, place]]
    return votes / max(1, neighbours.shape[1])


def _right(y: Integers, probs: NDArray[np.float32]) -> NDArray[np.bool_]:
    return np.asarray(probs.argmax(1) == y)


def _margin(y: Integers, probs: NDArray[np.float32]) -> Floats:
    """The probability [N] of the label less the highest of another: lower = worse."""
    rows, label = np.arange(len(y)), np.maximum(y, 0)
    own = probs[rows, label].astype(np.float64)
    others = probs.copy()
    others[rows, label] = -1
    return own - others.max(1)


def _references(labelled: NDArray[np.bool_], seed: int) -> Integers:
    """The rows among which neighbours are looked for: of very many a part."""
    return _some(np.flatnonzero(labelled), REFERENCES, seed)


def _some(rows: Integers, most: int, seed: int) -> Integers:
    return rows if len(rows) <= most else np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _resamples(n: int, seed: int) -> Iterator[Integers]:
    generator = np.random.default_rng(seed)
    return (generator.integers(0, n, n) for _ in range(RESAMPLES))


def _blocks(rows: Integers, classes: int) -> list[Integers]:
    step = max(1, CELLS // (classes * 2))
    return [rows[start : start + step] for start in range(0, len(rows), step)]
