"""Surprise: the cross-entropy of one example in bits, the unit of everything a run reports.

Axis letters: N examples, K classes, E epochs. A label that is missing (-1) has no surprise: NaN.
Shannon, A Mathematical Theory of Communication (1948).
"""

import math

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.intervals import Estimate, Floats, Integers

BITS_PER_NAT = 1 / math.log(2)
SMALLEST = float(np.finfo(np.float32).eps)  # probabilities are stored as float32: below it lies rounding
MOST_BITS = -math.log2(SMALLEST)


def in_nats(found: Estimate) -> Estimate:
    """A log loss, or a difference of two, from bits."""
    value, low, high, n = found
    return Estimate(value / BITS_PER_NAT, low / BITS_PER_NAT, high / BITS_PER_NAT, n)


def surprise(y: Integers, probs: NDArray[np.floating]) -> Floats:
    """How surprised the model is by each given label, in bits `[N]`: higher = more; at most 23, the end of float32."""
    found = probs[np.arange(len(y)), np.maximum(y, 0)].astype(np.float64)
    return np.where(y >= 0, -np.log2(np.clip(found, SMALLEST, 1.0)), np.nan)


def set_surprise(y: NDArray[np.floating], probs: NDArray[np.floating]) -> Floats:
    """How surprised the model is by each whole set of labels, in bits `[N]`: the sum over the labels of `y [N, K]`.

    `y` is 1 for each label of the set, else 0, and nan where the set is not known: then so is its surprise.
    """
    right = np.where(y > 0.5, probs, 1 - probs.astype(np.float64))
    bits = -np.log2(np.clip(right, SMALLEST, 1.0)).sum(1) + 0.0  # + 0: never "-0"
    return np.where(np.isnan(y).any(1), np.nan, bits)


def binary_entropy(shares: Floats) -> Floats:
    """The entropy in bits of a yes or no, of which this share is yes."""
    sides = np.stack([shares, 1 - shares])
    return np.asarray(-(sides * np.log2(np.where(sides > 0, sides, 1.0))).sum(0) + 0.0)


def mean_surprise(losses: NDArray[np.floating]) -> Floats:
    """Each example's surprise in bits `[N]`, averaged over the epochs of its recorded losses `[E, N]` (nats).

    The mean over training, not the last value: a wrong label that was memorised ends low. Epochs that are NaN
    (never recorded) are left out; an example with none is NaN.
    """
    seen = np.isfinite(losses)
    total = np.where(seen, losses, 0).sum(0, dtype=np.float64)
    epochs = seen.sum(0)
    return np.where(epochs > 0, total * BITS_PER_NAT / np.maximum(epochs, 1), np.nan)


def label_entropy(counts: NDArray[np.integer] | Floats) -> Floats:
    """The entropy in bits of labels counted `[..., K]`: what a guesser who knows only the shares is surprised by."""
    share = counts / np.maximum(counts.sum(-1, keepdims=True), 1)
    entropy = -(share * np.log2(np.where(share > 0, share, 1.0))).sum(-1)
    return np.asarray(entropy + 0.0)  # + 0: never "-0"


def most_surprising(bits: Floats, count: int) -> Integers:
    """The positions of the `count` highest surprises, highest first; NaN is never among them."""
    order = np.argsort(np.where(np.isnan(bits), -np.inf, bits), kind="stable")[::-1]
    return order[~np.isnan(bits[order])][:count]
