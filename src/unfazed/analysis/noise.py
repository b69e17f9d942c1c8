"""Labels given in place of others: how often each is, and how likely each given label is one of them.

What a model learns is how labels are given. Where it is as sure of a class as it ever is, the true class is taken to be
that one (an anchor, Liu and Tao, TPAMI 2016, arXiv:1411.7718); the labels that such rows have, though the model was not
trained on them, tell how the class is labelled. With that, its probabilities of labels are turned into those of true
classes (Patrini et al., CVPR 2017, arXiv:1609.03683), and a few rounds of expectation-maximisation (Dempster, Laird and
Rubin, JRSS B 1977; Dawid and Skene, Applied Statistics 1979) let the other rows have their say. So where even rows that
the model is sure of have other labels, labels are wrong; where only doubtful ones do, the model is. Few rows speak for
each pair of classes, and some of those for the model's mistakes: as far as classes look as if their labels were wrong
alike, that is believed (empirical Bayes). Mistakes that are made alike on all inputs of a kind are learnt by the model,
and go unseen.

Axis letters: N rows, K classes.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from scipy.special import gammaln

from unfazed.analysis.intervals import Floats, Integers

ANCHORS = 0.4  # share of the rows predicted to be of a class
LEAST = 10  # anchors of a class, where there are as many
ROWS = np.geomspace(1, 10_000, 33)  # that the noise of all classes together may count for in that of one
ROUNDS = 5  # of expectation-maximisation: many more would call the mistakes of a poor model wrong labels
POWERS = np.geomspace(0.25, 4, 33)  # that are tried; beyond, the smallest difference would count as certainty
SMALLEST = 1e-7  # probability
FLOOR = 0.01  # what is left of a class that the labels rule out, in parts of an even share, unless said otherwise


class Channel(NamedTuple):
    """How labels come about."""

    given: Floats  # [K, K] probability of each label (column) for each true class (row)
    pull: float  # towards noise that is alike for all classes, in rows of it for each row counted
    inverse: Floats  # [K, K] its pseudo-inverse: of many classes it takes seconds, and blocks of rows ask for it
    calibration: float  # power of the model's probabilities, under which they are those of labels
    sharpness: float  # power of those of the true classes
    floor: float = FLOOR

    def true(self, probs: Floats) -> Floats:
        """The probabilities [N, K] of the true classes, from the model's."""
        return _powered(_unmixed(_powered(probs, self.calibration), self.inverse, self.floor), self.sharpness)

    def fitted(self, y: Integers, probs: Floats) -> "Channel":
        """The same, with the powers under which labels [N] are likeliest given `probs` [N, K]."""
        calibration = _best_power(y, probs, np.eye(probs.shape[1]))
        unmixed = _unmixed(_powered(probs, calibration), self.inverse, self.floor)
        return self._replace(calibration=calibration, sharpness=_best_power(y, unmixed, self.given))


def channel(y: Integers, probs: Floats, floor: float = FLOOR) -> Channel:
    """How labels [N], which the model with `probs` [N, K] has not seen, are given."""
    calibration = _best_power(y, probs, np.eye(probs.shape[1]))
    calibrated = _powered(probs, calibration)
    anchors = _anchors(y, calibrated)
    pull = _pull(anchors)
    given = _smoothed(anchors, pull)
    for _ in range(ROUNDS):
        unmixed = _unmixed(calibrated, _inverse(given), floor)
        given = _updated(y, _powered(unmixed, _best_power(y, unmixed, given)), given, pull)
    inverse = _inverse(given)
    sharpness = _best_power(y, _unmixed(calibrated, inverse, floor), given)
    return Channel(given, pull, inverse, calibration, sharpness, floor)


def wrong(y: Integers, true: Floats, given: Floats) -> Floats:
    """The probability [N] that each label is not the true class, whose probabilities are `true` [N, K], by Bayes."""
    right = true[np.arange(len(y)), y] * np.diag(given)[y]
    return np.asarray(1 - right / np.maximum(_of_labels(y, true, given), SMALLEST))


def likeliest_other(y: Integers, true: Floats, given: Floats) -> Integers:
    """The likeliest true class [N] but for the label itself."""
    expected = true * given[:, y].T
    expected[np.arange(len(y)), y] = -1
    return np.asarray(expected.argmax(1))


def shares(y: Integers, true: Floats, found: Channel, drawn: Iterator[Integers]) -> Iterator[float]:
    """The share of wrong labels that each of the resamples of rows `drawn` would have shown."""
    for rows in drawn:
        its = found.given
        for _ in range(ROUNDS):
            its = _updated(y[rows], true[rows], its, found.pull)
        yield float(wrong(y[rows], true[rows], its).mean())


def matched(probabilities: Floats, mean: float) -> Floats:
    """The probabilities [N] with their odds multiplied by what makes their mean `mean`."""
    odds = probabilities / np.maximum(1 - probabilities, SMALLEST)
    low, high = -20.0, 20.0  # of the factor's logarithm
    for _ in range(50):
        middle = (low + high) / 2
        scaled = odds * np.exp(middle)
        low, high = (middle, high) if (scaled / (1 + scaled)).mean() < mean else (low, middle)
    scaled = odds * np.exp(low)
    return np.asarray(scaled / (1 + scaled))


def _anchors(y: Integers, probs: Floats) -> Floats:
    """How often each label was given where the model is surest of each class [K, K]."""
    classes = probs.shape[1]
    predicted, counts = probs.argmax(1), np.zeros((classes, classes))
    for k in np.unique(predicted):
        rows = np.flatnonzero(predicted == k)
        surest = rows[np.argsort(-probs[rows, k], kind="stable")][: max(LEAST, round(ANCHORS * len(rows)))]
        counts[k] = np.bincount(y[surest], minlength=classes)
    return counts


def _pull(counts: Floats) -> float:
    """How strongly classes labelled as `counts` [K, K] say look alike: see `Channel.pull`.

    Their rows are taken for draws from a Dirichlet distribution about the noise of all classes together, and its
    concentration is the likeliest one (Minka, Estimating a Dirichlet distribution, 2000).
    """
    seen, rows = counts > 0, ROWS[:, None]
    alike = rows * _alike(counts)[seen]
    fits = (gammaln(rows) - gammaln(rows + counts.sum(1))).sum(1) + (
        gammaln(alike + counts[seen]) - gammaln(alike)
    ).sum(1)
    return float(ROWS[int(np.argmax(fits))] / counts.sum())


def _alike(counts: Floats) -> Floats:
    """The labels' probabilities [K, K] if all classes had the same share of wrong ones, spread evenly."""
    classes = len(counts)
    noise = (counts.sum() - np.trace(counts) + 0.5) / (counts.sum() + 1)
    found = np.full((classes, classes), noise / max(1, classes - 1))
    np.fill_diagonal(found, 1 - noise)
    return found


def _smoothed(counts: Floats, pull: float) -> Floats:
    """Rows of counts [K, K] as probabilities, drawn towards the noise of all classes together; see `Channel.pull`."""
    drawn = counts + pull * counts.sum() * _alike(counts)
    return np.asarray(drawn / drawn.sum(1, keepdims=True))


def _updated(y: Integers, true: Floats, given: Floats, pull: float) -> Floats:
    """The labels' probabilities [K, K] that the expected true classes show."""
    expected = true * given[:, y].T
    expected /= np.maximum(expected.sum(1, keepdims=True), SMALLEST)
    counts = np.zeros_like(given)
    np.add.at(counts, y, expected)
    return _smoothed(counts.T, pull)


def _inverse(given: Floats) -> Floats:
    return np.asarray(np.linalg.pinv(given), dtype=np.float64)


def _unmixed(probs: Floats, inverse: Floats, floor: float) -> Floats:
    """Probabilities [N, K] of true classes from those of labels, and the inverse [K, K] of how these are given."""
    found = np.maximum(probs @ inverse, floor / len(inverse))
    return np.asarray(found / found.sum(1, keepdims=True))


def _powered(probs: Floats, power: float) -> Floats:
    """Probabilities [N, K] raised to a power: temperature scaling (Guo et al., ICML 2017, arXiv:1706.04599)."""
    found = np.maximum(probs, SMALLEST) ** power
    return np.asarray(found / found.sum(1, keepdims=True))


def _best_power(y: Integers, probs: Floats, given: Floats) -> float:
    """The power under which labels [N] are likeliest, given the true classes' [K, K]."""
    likelihoods = [
        np.log(np.maximum(_of_labels(y, _powered(probs, power), given), SMALLEST)).mean() for power in POWERS
    ]
    return float(POWERS[int(np.argmax(likelihoods))])


def _of_labels(y: Integers, true: Floats, given: Floats) -> Floats:
    """The probability [N] of each label."""
    return np.asarray(np.einsum("nk,kn->n", true, given[:, y]))
