"""What a model of sets of labels is worth on held-out examples, and from which probability on a label is predicted.

Axis letters: N examples, K labels, R resamples. Sets `y [N, K]` hold 1 for each label of an example, else 0; examples
whose set is not known are nan and left out. Names and definitions are scikit-learn's (`f1_micro`, `f1_macro`,
`accuracy_score` of sets, here `subset_accuracy`, `hamming_loss`, `average_precision_score`); an average over labels
takes in those that occur among the given or the predicted ones. `groups` [N] widen the intervals, where examples come
in some.
"""

from collections.abc import Sequence
from math import nan
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis import groups as grouping
from unfazed.analysis.groups import Groups
from unfazed.analysis.intervals import (
    Counts,
    Estimate,
    Floats,
    Integers,
    from_groups,
    from_resamples,
    hull,
    mean_of,
    proportion,
    ratio_of_means,
    resampled_weights,
    widened,
    wilson,
)
from unfazed.analysis.metrics import averages, class_score
from unfazed.analysis.mistakes import surprising, with_more
from unfazed.analysis.surprise import MOST_BITS, SMALLEST, binary_entropy, in_nats, set_surprise

Sets = NDArray[np.bool_]
DEFAULT = 0.5  # a threshold of which nothing is known
PSEUDO_POSITIVES = 10  # examples that ask for the threshold of all labels
PSEUDO_ROWS = 2  # flawless ones and wholly wrong ones, each


class LabelScore(NamedTuple):
    """How one label fares: `precision.n` examples were predicted to have it, `recall.n` have it."""

    precision: Estimate
    recall: Estimate
    f1: Estimate
    average_precision: Estimate


def best_thresholds(y: NDArray[np.floating], probs: NDArray[np.floating]) -> Floats:
    """From which probability on each label is predicted `[K]`: where its F1 is highest on these examples.

    Where few have the label, the place of the maximum is chance: it is drawn towards the threshold that is best for all
    labels together, as if ten more positives had asked for that; and that one is drawn towards 0.5 likewise, where few
    examples have any label. Not each towards 0.5: of calibrated probabilities the best threshold is half of the F1 that
    it reaches (Lipton et al. 2014, arXiv:1402.1892), and so rare labels would hardly ever be predicted. Fan and Lin
    2007 ("A study on threshold selection for multi-label classification") guard against that chance by all or nothing.
    """
    known = ~np.isnan(y).any(1)
    given, known_probs = y[known] > 0, probs[known].astype(np.float64)
    common = _drawn(given.ravel(), known_probs.ravel(), DEFAULT)
    each = [_drawn(given[:, label], known_probs[:, label], common) for label in range(y.shape[1])]
    return np.array([round(one, 6) for one in each], dtype=np.float64)  # as they are written, and applied


def _drawn(given: Sets, probs: Floats, towards: float) -> float:
    """The best threshold of examples [N], drawn towards another where few are positive."""
    positives = int(given.sum())
    if not positives:
        return towards
    return towards + positives / (positives + PSEUDO_POSITIVES) * (_best_threshold(given, probs) - towards)


def _best_threshold(given: Sets, probs: Floats) -> float:
    """Midway between two probabilities [N], of the best places the one nearest to 0.5."""
    order = np.argsort(-probs, kind="stable")
    ordered = probs[order]
    ends = np.flatnonzero(np.diff(ordered, append=-1.0))  # a threshold cannot stand between equal probabilities
    f1 = 2 * np.cumsum(given[order])[ends] / (given.sum() + ends + 1)
    cuts = (ordered[ends] + np.append(ordered[ends[1:]], 0.0)) / 2
    best = cuts[f1 >= f1.max() * (1 - 1e-12)]
    return float(best[np.abs(best - DEFAULT).argmin()])


def chosen(probs: NDArray[np.floating], thresholds: Floats) -> Sets:
    """The labels that are predicted `[N, K]`: those whose probability reaches their threshold; nan reaches none."""
    return np.asarray(probs >= thresholds)


def multilabel(
    y: NDArray[np.floating], probs: NDArray[np.floating], predicted: Sets, seed: int = 0, groups: Groups = None
) -> dict[str, Estimate]:
    """Every metric of sets `[N, K]`, probabilities and predicted sets `[N, K]`.

    log_loss is that of a whole set, in nats, lower = better, like hamming_loss, the share of all yes and no that are
    wrong; all others higher. F1 and hamming_loss are resampled by example, once as they are and once with two flawless
    and two wholly wrong ones added (Agresti and Coull 1998), so that a perfect result is not certain; the interval
    holds both, that of f1_macro also the one made of the labels' own. Of groups, whole ones are resampled, and those
    added are of as many examples as count for one.
    """
    known = ~np.isnan(y).any(1)
    given, probs, predicted, groups = y[known] > 0, probs[known], predicted[known], grouping.of(groups, known)
    n, exactly = len(given), (given == predicted).all(1)
    rows = [given & predicted, given, predicted]
    measured = _averages(Counts(*(part.sum(0, dtype=np.float64) for part in rows)), n)
    if groups is None or not n:
        resampled = [_averages(_resampled(rows, seed, more), n + 2 * more) for more in (0, PSEUDO_ROWS)] if n else []
        spread = {name: _around(float(value), [one[name] for one in resampled], n) for name, value in measured.items()}
    else:
        spread = _spread_in_groups(rows, measured, seed, groups, n / max(grouping.effective(exactly, groups), 1e-9))
    if not given.any():  # there was nothing to find, and what is added has no label either
        spread |= {name: one._replace(low=0.0, high=1.0) for name, one in spread.items()
                   if name != "hamming_loss" and np.isfinite(one.value)}  # fmt: skip
    occurring = np.flatnonzero((given | predicted).any(0)).tolist()
    of_labels = [class_score(given[:, k], predicted[:, k], groups).f1 for k in occurring]
    spread["f1_macro"] = mean_of(spread["f1_macro"], of_labels)
    return {**spread, "subset_accuracy": proportion(exactly, groups), **_log_loss(given, probs, seed, groups)}


def _spread_in_groups(
    rows: Sequence[Sets], measured: dict[str, Floats], seed: int, groups: Integers, worth: float
) -> dict[str, Estimate]:
    """The intervals of resampled groups; `worth`: how many of their examples tell as much as one stranger.

    What is added is so large already, that those intervals are not widened again for there being few groups.
    """
    n, count, labels = len(groups), len(np.unique(groups)), rows[0].shape[1]
    if count < 2:
        return {name: Estimate(float(value), 0.0, 1.0, n) for name, value in measured.items()}
    sizes = np.ones((n, labels))  # so that each resample knows how many examples it has
    own = [grouping.sums(part, groups) for part in (*rows, sizes)]
    usual = [part.mean(0) * worth for part in (rows[1], sizes)]
    found = []
    for more in (0, PSEUDO_ROWS):
        pseudo = [np.repeat([right, wrong], more, axis=0) for right, wrong in (
            (usual[0], 0 * usual[0]), (usual[0], usual[0]), (usual[0], usual[0]), (usual[1], usual[1])
        )]  # fmt: skip
        whole = [np.concatenate([part, one]) for part, one in zip(own, pseudo, strict=True)]
        drawn = [[weights @ part for part in whole] for weights in resampled_weights(count + 2 * more, seed)]
        *counts, examples = (np.concatenate(part) for part in zip(*drawn, strict=True))
        found.append(_averages(Counts(*counts), examples[:, 0]))
    spread = {}
    for name, value in measured.items():
        plain, added = (one[name] for one in found)
        spread[name] = hull([from_groups(float(value), plain, n, count), from_resamples(float(value), added, n)])
    return spread


def _around(value: float, resampled: Sequence[Floats], n: int) -> Estimate:
    """The interval that holds those of all the resamples [R]."""
    return hull([from_resamples(value, one, n) for one in resampled]) if resampled else Estimate(value, nan, nan, n)


def _averages(counts: Counts, rows: int | Floats) -> dict[str, Floats]:
    """The averages of counts `[..., K]` of so many `rows`, each `[...]`."""
    hits, given, predicted = (part.sum(-1) for part in counts)
    cells = np.maximum(rows * counts.given.shape[-1], 1)
    return {
        "f1_micro": _ratio(2 * hits, given + predicted),
        "f1_macro": averages(counts)["f1_macro"],
        "precision_micro": _ratio(hits, predicted),
        "recall_micro": _ratio(hits, given),
        "hamming_loss": (given + predicted - 2 * hits) / cells if np.any(rows) else np.asarray(np.nan),
    }


def _ratio(above: Floats, below: Floats) -> Floats:
    return np.where(below > 0, above / np.maximum(below, 1e-12), np.nan)


def _resampled(rows: Sequence[Sets], seed: int, more: int) -> Counts:
    """The counts of R resamples of the examples, each `[R, K]`; hits, given and predicted are `rows`.

    `more` flawless examples and as many wholly wrong ones are added first.
    """
    from scipy.sparse import csr_array, vstack

    usual = rows[1].mean(0, dtype=np.float64)
    right, wrong = np.tile(usual, (more, 1)), np.zeros((more, len(usual)))
    pseudo = [np.concatenate([right, wrong]), np.concatenate([right, right]), np.concatenate([right, right])]
    whole = [vstack([csr_array(part.astype(np.float64)), csr_array(more)])
             for part, more in zip(rows, pseudo, strict=True)]  # fmt: skip
    drawn = [[np.asarray(weights @ part) for part in whole] for weights in resampled_weights(whole[0].shape[0], seed)]
    return Counts(*(np.concatenate(parts) for parts in zip(*drawn, strict=True)))


def _log_loss(given: Sets, probs: NDArray[np.floating], seed: int, groups: Groups) -> dict[str, Estimate]:
    """Log loss of the sets, and the share of the labels' entropy that it removes."""
    n, labels = given.shape
    y = given.astype(np.float64)
    bits = set_surprise(y, probs)
    shares = y.mean(0) if n else np.zeros(labels)
    guessed = set_surprise(y, np.broadcast_to(shares, y.shape))
    highest = MOST_BITS * labels
    wrong, cost = surprising(y, probs)
    found = ratio_of_means(bits, np.ones(n), highest, seed, groups)
    most = highest / max(float(binary_entropy(shares).sum()), SMALLEST)
    by_guess = (wrong, cost / max(float(guessed.mean()) if n else 0.0, SMALLEST))
    left = with_more(ratio_of_means(bits, guessed, most, seed, groups), by_guess, groups, most)
    return {
        "log_loss": in_nats(with_more(found, (wrong, cost), groups, highest)),
        "d2_log_loss_score": Estimate(1 - left.value, 1 - left.high, 1 - left.low, n),
    }


def per_label(
    y: NDArray[np.floating], probs: NDArray[np.floating], predicted: Sets, groups: Groups = None
) -> list[LabelScore]:
    """Precision, recall, F1 and average precision of each label, with Wilson's intervals.

    That of the average precision is a proportion's of as many trials as there are positives, the binomial interval of
    Boyd, Eng and Page 2013 ("Area under the precision-recall curve: point estimates and confidence intervals").
    """
    from sklearn.metrics import average_precision_score

    known = ~np.isnan(y).any(1)
    given, probs, predicted, groups = y[known] > 0, probs[known], predicted[known], grouping.of(groups, known)
    scores = []
    for label in range(y.shape[1]):
        own, its = given[:, label], predicted[:, label]
        score = class_score(own, its, groups)
        area = float(average_precision_score(own, probs[:, label])) if score.recall.n else 0.0
        ranked = wilson(area * score.recall.n, score.recall.n)
        if groups is not None and score.recall.n:
            worth = grouping.effective(its[own], groups[own])
            ranked = wilson(area * worth, worth)._replace(value=ranked.value, n=ranked.n)
        scores.append(LabelScore(*score, ranked))
    return scores


def f1_difference(
    y: NDArray[np.floating], own: Sets, other: Sets, seed: int = 0, groups: Groups = None
) -> Estimate:
    """Micro F1 of the sets `own` `[N, K]` less that of `other`, resampled by example; > 0: own is better."""
    n = int((~np.isnan(y).any(1)).sum())
    if not n:
        return Estimate(np.nan, -1.0, 1.0, 0)
    difference, resampled = f1_differences(y, own, other, seed, groups)
    return from_resamples(difference, resampled, n)


def f1_differences(
    y: NDArray[np.floating], own: Sets, other: Sets, seed: int = 0, groups: Groups = None
) -> tuple[float, Floats]:
    """Micro F1 of the sets `own` `[N, K]` less that of `other`, and the same of each resample of the examples `[R]`."""
    known = ~np.isnan(y).any(1)
    given, own, other = y[known] > 0, own[known], other[known]
    rows = np.stack([part.sum(1, dtype=np.float64) for part in (given & own, own, given & other, other, given)], 1)

    def difference(sums: Floats) -> Floats:
        own_hits, own_count, hits, count, positives = np.moveaxis(sums, -1, 0)
        return np.nan_to_num(_ratio(2 * own_hits, positives + own_count)) - np.nan_to_num(
            _ratio(2 * hits, positives + count)
        )

    value, rows = float(difference(rows.sum(0))), rows if groups is None else grouping.sums(rows, groups[known])
    resampled = np.concatenate([difference(drawn @ rows) for drawn in resampled_weights(len(rows), seed)])
    return value, widened(value, resampled, len(rows))


def f1_parts(y: NDArray[np.floating], sets: Sets) -> Floats:
    """How much each example `[N]` raises or lowers the micro F1 of the sets `[N, K]`: mean 0, their deviation its own.

    Its influence, the delta method: the deviation of F1 is that of the parts, over the root of N.
    """
    given = y > 0
    hits, size = (given & sets).sum(1), given.sum(1) + sets.sum(1)
    f1 = 2 * hits.sum() / max(1, size.sum())
    return np.asarray((2 * hits - f1 * size) / max(size.mean(), 1e-12), dtype=np.float64)


def commonest_set(y: NDArray[np.floating]) -> Sets:
    """The set that the most examples have `[K]`."""
    known = y[~np.isnan(y).any(1)] > 0
    found, counts = np.unique(np.packbits(known, axis=1), axis=0, return_counts=True)
    return np.unpackbits(found[counts.argmax()], count=y.shape[1]).astype(bool)


def share_probs(y: NDArray[np.floating], count: int) -> Floats:
    """The shares of examples that have each label (Laplace) as the prediction for `count` examples: `[count, K]`."""
    known = y[~np.isnan(y).any(1)]
    shares = (known.sum(0, dtype=np.float64) + 1) / (len(known) + 2)
    return np.tile(shares, (count, 1))


def label_counts(y: NDArray[np.floating]) -> Integers:
    """Examples that have each label `[K]`."""
    return np.asarray(np.nansum(y, axis=0, dtype=np.float64), dtype=np.int64)
