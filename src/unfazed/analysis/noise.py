"""Labels given in place of others: how often each is, and how likely each given label is one of them.

The true class of a row is taken to be distributed as the model's probabilities say, raised to some power; its label is
then given by chance, with probabilities that depend on the true class alone. Both, the power and the probabilities of
labels, are found by expectation-maximisation (Dempster, Laird and Rubin, JRSS B 1977; Dawid and Skene, Applied
Statistics 1979) on rows that the model was not trained on. It begins at anchors, the rows that the model is surest of,
whose true classes are taken to be known (Liu and Tao, TPAMI 2016, arXiv:1411.7718): where even those have other
labels, labels are wrong; where only unsure ones do, the model is. Mistakes that depend on the input, and are made alike
on all that resembles it, go unseen.

Axis letters: N rows, K classes.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from unfazed.analysis.intervals import Floats, Integers

ANCHORS = 0.3  # share of the rows predicted to be of a class
LEAST = 10  # anchors of a class, where there are as many
BELIEVED = 5.0  # rows that the noise of all classes together counts for in that of one
POWERS = np.geomspace(0.25, 4, 33)  # that are tried; beyond, the smallest difference would count as certainty
ROUNDS, STEPS = 40, 3  # of expectation-maximisation; in each the power is moved once and the labels' odds STEPS times
CONVERGED = 1e-6  # nats a row
SMALLEST = 1e-7  # probability


class Channel(NamedTuple):
    """How labels come about: from probabilities raised to a power, and from true classes."""

    power: int  # its number in POWERS
    given: Floats  # [K, K] probability of each label (column) for each true class (row)


def channel(y: Integers, probs: Floats) -> Channel:
    """The likeliest channel between what the model with `probs` [N, K] says and labels [N] that it has not seen."""
    given = _from_anchors(y, probs)
    found = Channel(best_power(y, probs, given), given)
    before = -np.inf
    for _ in range(ROUNDS):
        true = powered(probs, found.power)
        for _ in range(STEPS):
            given = _updated(y, true, given)
        likelihood, power = max((_likelihood(y, probs, given, near), near) for near in _near(found.power))
        found = Channel(power, given)
        if likelihood - before < CONVERGED:
            break
        before = likelihood
    return found


def best_power(y: Integers, probs: Floats, given: Floats) -> int:
    """The number in POWERS of the power under which labels [N] are likeliest, given the true classes' [K, K]."""
    return int(np.argmax([_likelihood(y, probs, given, number) for number in range(len(POWERS))]))


def powered(probs: Floats, number: int) -> Floats:
    """Probabilities [N, K] of the true classes: those of the model raised to a power, temperature scaling.

    Guo et al., ICML 2017, arXiv:1706.04599.
    """
    found = np.maximum(probs, SMALLEST) ** POWERS[number]
    return np.asarray(found / found.sum(1, keepdims=True))


def wrong(y: Integers, true: Floats, given: Floats) -> Floats:
    """The probability [N] that each label is not the true class, whose probabilities are `true` [N, K], by Bayes."""
    right = true[np.arange(len(y)), y] * np.diag(given)[y]
    return np.asarray(1 - right / np.maximum(_of_labels(y, true, given), SMALLEST))


def likeliest_other(y: Integers, true: Floats, given: Floats) -> Integers:
    """The likeliest true class [N] but for the label itself."""
    expected = true * given[:, y].T
    expected[np.arange(len(y)), y] = -1
    return np.asarray(expected.argmax(1))


def shares(y: Integers, true: Floats, given: Floats, drawn: Iterator[Integers]) -> Iterator[float]:
    """The share of wrong labels that each of the resamples of rows `drawn` would have shown."""
    for rows in drawn:
        its = given
        for _ in range(STEPS):
            its = _updated(y[rows], true[rows], its)
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


def _from_anchors(y: Integers, probs: Floats) -> Floats:
    """The labels [K, K] that were given where the model is surest of each class."""
    classes = probs.shape[1]
    predicted, counts = probs.argmax(1), np.zeros((classes, classes))
    for k in np.unique(predicted):
        rows = np.flatnonzero(predicted == k)
        surest = rows[np.argsort(-probs[rows, k], kind="stable")][: max(LEAST, round(ANCHORS * len(rows)))]
        counts[k] = np.bincount(y[surest], minlength=classes)
    return _smoothed(counts)


def _smoothed(counts: Floats) -> Floats:
    """Rows of counts [K, K] as probabilities, drawn a little towards the noise of all classes together."""
    classes = len(counts)
    noise = (counts.sum() - np.trace(counts) + 0.5) / (counts.sum() + 1)
    alike = np.full((classes, classes), noise / max(1, classes - 1))
    np.fill_diagonal(alike, 1 - noise)
    counts = counts + BELIEVED * alike
    return np.asarray(counts / counts.sum(1, keepdims=True))


def _updated(y: Integers, true: Floats, given: Floats) -> Floats:
    """The labels' probabilities [K, K] that the expected true classes show."""
    expected = true * given[:, y].T
    expected /= np.maximum(expected.sum(1, keepdims=True), SMALLEST)
    counts = np.zeros_like(given)
    np.add.at(counts, y, expected)
    return _smoothed(counts.T)


def _of_labels(y: Integers, true: Floats, given: Floats) -> Floats:
    """The probability [N] of each label."""
    return np.asarray(np.einsum("nk,kn->n", true, given[:, y]))


def _likelihood(y: Integers, probs: Floats, given: Floats, power: int) -> float:
    """The mean log-probability of the labels, nats."""
    return float(np.log(np.maximum(_of_labels(y, powered(probs, power), given), SMALLEST)).mean())


def _near(number: int) -> range:
    return range(max(0, number - 3), min(len(POWERS), number + 4))
