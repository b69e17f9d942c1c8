"""Which labels are wrong, from the record of the one training run that was made anyway.

Three judges say what a row's label ought to be: the model, by the probabilities that it gave before it began to
memorise labels, or where it was never trained on the row, in the end; the row's neighbours among the embeddings, by the
mean of theirs; and a simple model that has seen all labels but the row's own (`analysis/ridge.py`). How often labels
are wrong is found on rows that the model was not trained on, and carried over to the rest.

Axis letters: N rows, K classes, D embedding width, k neighbours.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Estimate, Floats, Integers, from_resamples, wilson
from unfazed.analysis.label_sides import FEWEST, TRAIN, Side, parts, share_elsewhere
from unfazed.analysis.neighbours import nearest
from unfazed.analysis.noise import FLOOR, SMALLEST, Channel, channel, likeliest_other, matched, shares, wrong
from unfazed.analysis.slices import slices

NEIGHBOURS = 20
FEWEST_REFERENCES, REFERENCES = 4096, 16_384  # rows among which neighbours are looked for
SIMILARITIES = 200_000_000  # that are computed to find them, or as many as the fewest references ask for
FITTED = 5_000  # rows that the noise is estimated on
CELLS = 4_000_000  # probabilities held at once
WORSE = 0.03  # accuracy that the neighbours may lack, and still be asked
NEIGHBOURLY = 0.25  # their weight beside the model
SIMPLE = 2 / 3  # weight of the simple model, which alone has seen no label of a row that it judges,
UNHEARD = 0.1  # down to none where it lacks so much accuracy
MISTAKEN = 1 / 3  # of the mistakes of the judges, the part that may be counted as wrong labels, or the other way round
CONTESTED = 0.4  # of the count, under which its interval begins: most of it may be mistakes of the judges,
MANY = 0.03  # where it is at least this share of the labels: of a few the interval is that of chance
SUREST, FEWEST_SURE = 0.1, 10  # share of the labels that the judges are surest of, and how many these are at least
RESAMPLES = 100
MOST_CLASSES = 2000  # beyond, there are fewer than 1,000 rows to estimate K x K shares on, and it takes minutes
Probs = NDArray[np.floating]


@dataclass(frozen=True, eq=False)
class LabelIssues:
    """What is known of each label [N]; rows without one are never issues."""

    order: Integers  # rows that have a label, worst first
    suggested: NDArray[Any]  # [N] the likeliest other class, by number; of numbers what is predicted; of sets [N, K]
    error_probability: Floats  # [N] of the label being wrong, falling along the order; nan where it is not known
    scores: dict[str, Floats]  # [N] each, what the order rests on
    neighbours: Integers  # [N, k] rows, nearest first
    count: Estimate  # of wrong labels; nan where that cannot be told
    disagreement: float  # share of the labels not trained on that are not what the judges would give


def label_issues(
    y: Integers,
    probs: Probs,
    embeddings: NDArray[np.floating],
    split: Integers,
    out_of_sample: Probs | None = None,
    seed: int = 0,
) -> LabelIssues:
    """How likely each label `y` [N] (-1 = none) is wrong.

    `probs` [N, K]: of training rows the mean over the epochs before memorisation, of others the finished model's.
    `embeddings` [N, D] say who is near. `split` [N]: 0 train, 1 validation, 2 test. `out_of_sample` [N, K]: what a
    simple model says of rows whose labels it has not seen.

    The order knows more than the probabilities alone (see `_order`), so these are drawn together along it: where they
    rise, they take their mean (isotonic regression; Zadrozny and Elkan, KDD 2002). Their sum is about the count, not
    made to be it, since they are the truer for it (measured, docs/LOG.md). Where most of the count may be mistakes of
    the judges, they are the mean of what they are if it is not, and if it is.

    What is counted has an interval for chance, and for mistakes of the judges that are taken for wrong labels, or wrong
    labels for their mistakes: up to a third of what they object to beyond the count (measured, docs/LOG.md). It begins
    no higher than with what those labels show that the judges are surest of, since hard ones are not among these.
    Nothing is known, neither the count nor a probability, where the judges are right no more often than who names the
    commonest class every time.
    """
    judges, neighbours = judges_of(probs, embeddings, y >= 0, out_of_sample, seed)
    unseen = not_trained_on(y >= 0, split)
    found = judged(y, judges, split, Measured(unseen, unseen), seed)
    if not _better_than_a_guess(y[unseen], found.scores["margin"][unseen]):
        unknown = Estimate(np.nan, np.nan, np.nan, found.count.n)
        return replace(found, error_probability=np.full(len(y), np.nan), neighbours=neighbours, count=unknown)
    error, order = found.error_probability.copy(), found.order
    error[order] = _falling(error[order])
    if contested(found.count):
        least = matched(error[order], max(found.count.low / max(1, len(order)), SMALLEST))
        error[order] = (error[order] + np.minimum(error[order], least)) / 2
    return replace(found, error_probability=error, neighbours=neighbours)


def contested(count: Estimate) -> bool:
    """Whether most of the labels that are counted as wrong may as well be mistakes of the judges."""
    return count.value >= MANY * count.n and count.low < CONTESTED * count.value


def _better_than_a_guess(y: Integers, margin: Floats) -> bool:
    """Whether judges by whose `margin` [n] labels `y` [n] are right know more for sure than the commonest one is."""
    right = wilson(float((margin > 0).sum()), len(y))
    return len(y) > 0 and right.low > np.bincount(y).max() / len(y)


def checked(
    found: LabelIssues, y: Integers, looked_at: NDArray[np.bool_], held_out: NDArray[np.bool_]
) -> LabelIssues:
    """The same once people have looked at some of the labels [N] and said what they are: these, `y` [N], are right now.

    `found` is of the labels as they were given before, by which it is known how labels are given. Those looked at come
    last, and the count is of the others; of judges' scores they have none. `held_out` [N] were not trained on.
    """
    left, done = (found.order[looked_at[found.order] == said] for said in (False, True))
    error, suggested = found.error_probability.copy(), found.suggested.copy()
    count = _counted_of(found, left)
    error[done], suggested[done] = 0.0, y[done]
    unseen = left[held_out[left]]
    disagreement = float((found.scores["margin"][unseen] < 0).mean()) if len(unseen) else found.disagreement
    scores = {name: np.where(looked_at, np.nan, values) for name, values in found.scores.items()}
    return LabelIssues(
        np.concatenate([left, done]), suggested, error, scores, found.neighbours, count, disagreement
    )


def _counted_of(found: LabelIssues, left: Integers) -> Estimate:
    """How many of the rows that are `left` are wrong: their part of the count of all."""
    n = len(left)
    if np.isnan(found.count.value):
        return found.count._replace(n=n)
    share = found.error_probability[left].sum() / max(found.error_probability[found.order].sum(), SMALLEST)
    value, low, high = (min(end * share, n) for end in found.count[:3])
    counted = wilson(value, n)
    return Estimate(value, min(low, counted.low * n), max(high, counted.high * n), n)


def _falling(values: Floats) -> Floats:
    """The values [n] that never rise and are nearest to these."""
    from scipy.optimize import isotonic_regression

    return np.asarray(isotonic_regression(values, increasing=False).x)


class Judges(NamedTuple):
    """What they say of N labels."""

    record: NDArray[np.float32]  # [N, K], of the model
    votes: NDArray[np.float32] | None  # [N, K], of the neighbours, where there are any
    simple: Probs | None  # [N, K], of the simple model, where it was asked


def judges_of(
    probs: Probs,
    embeddings: NDArray[np.floating],
    labelled: NDArray[np.bool_],
    out_of_sample: Probs | None,
    seed: int,
) -> tuple[Judges, Integers]:
    """The judges, and the neighbours [N, k] of each row among those `labelled` [N]; see `label_issues`."""
    record = _numbers(probs).astype(np.float32, copy=False)
    neighbours = nearest(embeddings, references(labelled, seed), NEIGHBOURS)
    simple = None if out_of_sample is None else _numbers(out_of_sample)
    return Judges(record, _votes(record, neighbours), simple), neighbours


def _numbers(probs: Probs) -> Probs:
    """Probabilities [N, K] with 0 for nan; the same array where there is none: a sum is a number if all of it are."""
    return probs if np.isfinite(probs.sum(dtype=np.float64)) else np.nan_to_num(probs)


class Measured(NamedTuple):
    """Which of N labels tell what, and how."""

    noise: NDArray[np.bool_]  # [N] those by which it is known how labels are given
    judges: NDArray[np.bool_]  # [N] those by which the judges are compared
    most: int = FITTED  # of the first that are looked at
    floor: float = FLOOR  # see `noise`
    of_sets: bool = False  # labels are yes or no to what a set may hold: of most the judges are sure, and right


def not_trained_on(labelled: NDArray[np.bool_], split: Integers) -> NDArray[np.bool_]:
    """The rows, of those `labelled` [N], that training has not seen; where they are few, all."""
    held_out = labelled & (split != TRAIN)
    return held_out if held_out.sum() >= FEWEST else labelled


def judged(y: Integers, judges: Judges, split: Integers, measured: Measured, seed: int) -> LabelIssues:
    """What `judges` make of the labels `y` [N], -1 = none; without neighbours.

    The probabilities are each row's own, and need not fall along the order. `judges.votes` is overwritten.
    """
    of_label = np.arange(len(y)), np.maximum(y, 0)
    others = {"agreement": judges.votes, "simple": judges.simple}
    scores = {name: judge[of_label].astype(np.float64) for name, judge in others.items() if judge is not None}
    belief = _believed(y, judges, measured.judges)
    error, suggested, count = np.full(len(y), np.nan), belief.argmax(1), np.zeros(3)
    for asked, fitted in parts(_right(y, belief), y >= 0, split, measured.noise):
        found = _estimated(y, belief, asked, measured._replace(noise=fitted), split, seed)
        error[asked], suggested[asked] = found.error, found.suggested
        right = _right(y, belief)[fitted]
        surely = 1.0 if measured.of_sets else _among_the_surest(right, belief[fitted].max(1))
        share = _allowing(found.share, 1 - float(right.mean()), surely)
        trained, others = asked & (split == TRAIN), asked.sum()
        simple = None if measured.of_sets else judges.simple
        if simple is not None and (own := _training_share(y, simple, trained, fitted, share)):
            found = _of_training(y, belief, simple, trained, own, seed)
            error[trained], suggested[trained] = found.error, found.suggested
            count += np.array(own[:3]) * trained.sum()
            others -= trained.sum()
        count += np.array(share[:3]) * others
    margin = _margin(y, belief)
    order = _order(np.flatnonzero(y >= 0), error, margin)
    disagreement = 1 - float(_right(y, belief)[measured.noise].mean())
    value, low, high = count.tolist()
    nobody, scores = np.empty((len(y), 0), np.int64), {"margin": margin, **scores}
    return LabelIssues(order, suggested, error, scores, nobody, Estimate(value, low, high, len(order)), disagreement)


def _training_share(
    y: Integers, simple: Probs, trained: NDArray[np.bool_], others: NDArray[np.bool_], share: Estimate
) -> Estimate | None:
    """The share of wrong labels [N] among the rows `trained` on, where it is another one than among `others`.

    The `simple` model tells, to which the labels of all rows are alike unseen.
    """
    right = _right(y, simple)
    here, there = (Side(y[rows], right[rows]) for rows in (trained, others))
    found = share_elsewhere(here, there, share, simple.shape[1])
    if found is None:
        return None
    return found._replace(low=min(found.low, _among_the_surest(right[trained], simple[trained].max(1))))


def _believed(y: Integers, judges: Judges, measured: NDArray[np.bool_]) -> NDArray[np.float32]:
    """What is left [N, K] when all judges were heard, as far as they earn it on the labels `measured`.

    It is written over the neighbours' votes: another array of that size may not fit.
    """
    belief, votes, simple = judges
    left = np.empty_like(belief) if votes is None else votes
    if votes is not None and _lag(y, votes, belief, measured) <= WORSE:
        belief = _mixed(belief, votes, np.float32(NEIGHBOURLY), left)
    if simple is None:
        return belief
    behind = np.clip(_lag(y, simple, belief, measured) / UNHEARD, 0, 1)
    return _mixed(belief, simple, np.float32(SIMPLE * (1 - behind)), left)


def _mixed(
    belief: NDArray[np.float32], judge: Probs, weight: np.float32, mixed: NDArray[np.float32]
) -> NDArray[np.float32]:
    """What is believed [N, K] once another `judge` [N, K] has been heard, written to `mixed`, which may be one of them.
    """
    for rows in _blocks(*belief.shape):
        mixed[rows] = (1 - weight) * belief[rows] + weight * judge[rows].astype(np.float32)
    return mixed


def _lag(y: Integers, judge: Probs, belief: Probs, measured: NDArray[np.bool_]) -> float:
    """By how much a judge [N, K] is right less often than what is believed so far, on the labels `measured` [N]."""
    right, so_far = (_right(y, probs)[measured] for probs in (judge, belief))
    return float(so_far.mean() - right.mean()) if measured.any() else 0.0


def _order(rows: Integers, error: Floats, margin: Floats) -> Integers:
    """The rows, worst first, by the mean of two ranks, that of the probability of an error twice.

    It knows which labels are given for which; the margin goes by the judges alone, and is the better one where errors
    are of other kinds than the sure rows have shown.
    """
    by_error, by_margin = (np.argsort(np.argsort(values, kind="stable")) for values in (-error[rows], margin[rows]))
    return rows[np.lexsort((margin[rows], 2 * by_error + by_margin))]


class _Estimated(NamedTuple):
    error: Floats  # of the rows asked for
    suggested: Integers
    share: Estimate  # of wrong labels


def _estimated(
    y: Integers,
    belief: NDArray[np.float32],
    asked: NDArray[np.bool_],
    measured: Measured,
    split: Integers,
    seed: int,
) -> _Estimated:
    """What the noise among the labels `measured` says of the rows `asked` [N]."""
    few, rows_asked = min(measured.most, CELLS // (2 * belief.shape[1])), np.flatnonzero(asked)
    fitted = _some(np.flatnonzero(measured.noise), few, seed)
    found = channel(y[fitted], belief[fitted].astype(np.float64), measured.floor)
    share = _share(y[fitted], found.true(belief[fitted].astype(np.float64)), found, seed)
    error, suggested = np.empty(len(rows_asked)), np.empty(len(rows_asked), np.int64)
    for trained in (True, False):
        part = np.flatnonzero((split[rows_asked] == TRAIN) == trained)
        if not len(part):
            continue
        some = _some(rows_asked[part], few, seed)
        own = found.fitted(y[some], belief[some].astype(np.float64)) if trained else found
        error[part], suggested[part] = _asked(y, belief, rows_asked[part], own)
        if trained and error[part].mean() < share.low:  # their labels have bent the judges: the order alone is kept
            error[part] = matched(error[part], share.low)
    return _Estimated(error, suggested, share)


def _of_training(
    y: Integers, belief: NDArray[np.float32], simple: Probs, trained: NDArray[np.bool_], share: Estimate, seed: int
) -> _Estimated:
    """What is to be said of rows `trained` on [N], a `share` of them wrong.

    Which labels are given for which class, the `simple` model tells.
    """
    rows = np.flatnonzero(trained)
    some = _some(rows, min(FITTED, CELLS // (2 * belief.shape[1])), seed)
    noise = channel(y[some], simple[some].astype(np.float64))
    error, suggested = _asked(y, belief, rows, noise.fitted(y[some], belief[some].astype(np.float64)))
    return _Estimated(matched(error, max(share.value, SMALLEST)), suggested, share)


def _asked(y: Integers, belief: NDArray[np.float32], rows: Integers, noise: Channel) -> tuple[Floats, Integers]:
    """The probability [n] that a row's label is wrong, and the likeliest other one; a part of the `rows` at a time."""
    error, suggested = np.empty(len(rows)), np.empty(len(rows), np.int64)
    for part in _blocks(len(rows), belief.shape[1]):
        true = noise.true(belief[rows[part]].astype(np.float64))
        error[part] = wrong(y[rows[part]], true, noise.given)
        suggested[part] = likeliest_other(y[rows[part]], true, noise.given)
    return error, suggested


def _share(y: Integers, true: Floats, noise: Channel, seed: int) -> Estimate:
    """The share of wrong labels; its interval is no narrower than that of so many counted."""
    n, found = len(y), float(wrong(y, true, noise.given).mean())
    spread = from_resamples(found, np.array(list(shares(y, true, noise, _resamples(n, seed)))), n)
    counted = wilson(found * n, n)
    return Estimate(found, float(min(spread.low, counted.low)), float(max(spread.high, counted.high)), n)


def _allowing(share: Estimate, disagreement: float, surely: float) -> Estimate:
    """The share of wrong labels with room for mistakes of judges that object to a share of all of them.

    `surely`: the share that is wrong at least of the labels they are surest of.
    """
    mistaken = MISTAKEN * max(0.0, disagreement - share.value)
    return share._replace(low=max(0.0, min(share.low - mistaken, surely)), high=min(1.0, share.high + mistaken))


def _among_the_surest(right: NDArray[np.bool_], sure: NDArray[np.floating]) -> float:
    """The share of labels that judges object to among those they are surest of, at least: `right` [n], `sure` [n]."""
    surest = np.argsort(-sure, kind="stable")[: max(FEWEST_SURE, round(SUREST * len(right)))]
    return float(wilson(float((~right[surest]).sum()), len(surest)).low)


def _votes(probs: NDArray[np.float32], neighbours: Integers) -> NDArray[np.float32] | None:
    """The mean probabilities [N, K] of each row's neighbours [N, k]; None where there are none."""
    if not neighbours.shape[1]:
        return None
    found = np.zeros_like(probs)
    for rows in _blocks(*probs.shape):
        for place in range(neighbours.shape[1]):
            found[rows] += probs[neighbours[rows, place]]
    found /= np.float32(neighbours.shape[1])
    return found


def _right(y: Integers, probs: Probs) -> NDArray[np.bool_]:
    return np.asarray(probs.argmax(1) == y)


def _margin(y: Integers, probs: NDArray[np.float32]) -> Floats:
    """The probability [N] of the label less the highest of another: lower = worse."""
    rows, label = np.arange(len(y)), np.maximum(y, 0)
    own, highest = probs[rows, label].astype(np.float64), np.empty(len(y))
    for block in _blocks(len(y), probs.shape[1]):
        others = probs[block].copy()
        others[np.arange(len(others)), label[block]] = -1
        highest[block] = others.max(1)
    return own - highest


def references(labelled: NDArray[np.bool_], seed: int) -> Integers:
    """The rows, of those `labelled` [N], among which neighbours are looked for: of many a part."""
    most = int(np.clip(SIMILARITIES // len(labelled), FEWEST_REFERENCES, REFERENCES))
    return _some(np.flatnonzero(labelled), most, seed)


def _some(rows: Integers, most: int, seed: int) -> Integers:
    return rows if len(rows) <= most else np.sort(np.random.default_rng(seed).choice(rows, most, replace=False))


def _resamples(n: int, seed: int) -> Iterator[Integers]:
    generator = np.random.default_rng(seed)
    return (generator.integers(0, n, n) for _ in range(RESAMPLES))


def _blocks(rows: int, classes: int) -> Iterator[slice]:
    return slices(rows, CELLS, 2 * classes)
