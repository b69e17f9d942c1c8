"""The learning-rate range test: how a loss moves while the learning rate rises (Smith 2015, arXiv:1506.01186).

The suggestion is where the smoothed loss is lowest. That is higher than the usual rules: a tenth of it, or where the
loss falls fastest (fastai's "minimum" and "steep"), or two thirds down the longest valley (fastai's "valley"). Those
are made for rates at which one stays; a one-cycle run touches its peak once, and Smith and Topin (2017,
arXiv:1708.07120) take that from the upper end of the test. Measured on four problems, runs at the lowest point were
never told from the best of a grid; the lower rules cost up to 8 points of accuracy on two and gained on none
(docs/LOG.md, 2026-11-22). A test of more steps moves the whole curve to lower rates, since by then more is learnt.

Losses are in nats, or errors of standardised numbers; lower = better. Axis letters: S steps, one learning rate each,
rising; R repeats of the test.
"""

from typing import NamedTuple

import numpy as np

from unfazed.analysis.intervals import Floats

BANDWIDTH = 0.15  # standard deviation of the smoothing kernel, in decades of the learning rate
FEWEST = 20  # steps below which no curve is read
RECENT = 5  # steps whose median says where the loss is now
LOST = 0.25  # share of the first losses above them: worse than a network that has learnt nothing
WOBBLE = 3.0  # standard deviations of the first steps above them: no whim of the batches
CLEAR = 0.05  # share of the first loss by which it must fall for the curve to mean anything
GIVEN_BACK = 0.1  # share of the fall that may be lost again up to the upper end of the bracket


class Bracket(NamedTuple):
    """Learning rates that a range test finds worth trying, low < peak <= high."""

    low: float  # where the loss falls fastest
    peak: float  # the one suggested
    high: float  # above it the loss climbs back
    limited: bool  # whether the loss did climb back; otherwise `high` is only where the test ended


def diverged(losses: Floats) -> bool:
    """Whether the newest of `losses`, one a step so far, are no numbers any more or clearly worse than the first.

    Clearly: by a share of the first, and by more than the first steps differ among themselves for their examples.
    """
    if not np.isfinite(losses[-1]):
        return True
    if len(losses) < FEWEST:
        return False
    first, noise = np.median(losses[: 2 * RECENT]), np.diff(losses[:FEWEST]).std() / np.sqrt(2)
    return bool(np.median(losses[-RECENT:]) > first + max(LOST * abs(first), WOBBLE * noise))


def smoothed(rates: Floats, losses: Floats) -> Floats:
    """The mean curve [S] of `losses` [R, S] under a Gaussian kernel over the logarithm of `rates` [S].

    The kernel looks both ways: a running average, as it is often used, lags behind and moves every
    feature of the curve to higher rates. nan from the step on at which half of the repeats had diverged.
    """
    mean = _mean(losses)
    sound = np.isfinite(mean)
    place = np.log10(rates[sound])
    kernel = np.exp(-0.5 * ((place[:, None] - place) / BANDWIDTH) ** 2)
    curve = np.full(len(mean), np.nan)
    curve[sound] = kernel @ mean[sound] / kernel.sum(1)
    return curve


def _mean(losses: Floats) -> Floats:
    """The mean [S] of `losses` [R, S] over the repeats still going; nan once these are no more than half."""
    going = np.logical_and.accumulate(np.isfinite(losses), axis=1)
    most = 2 * going.sum(0) > len(losses)
    mean = np.full(losses.shape[1], np.nan)
    mean[most] = losses[:, most].mean(0, where=going[:, most])
    return mean


def bracket(rates: Floats, losses: Floats) -> Bracket | None:
    """The bracket that `losses` [R, S] at `rates` [S] suggest; None where they never clearly fall.

    Entries after a repeat has diverged are nan.
    """
    curve = smoothed(rates, losses)
    curve = curve[np.isfinite(curve)]
    if len(curve) < FEWEST:
        return None
    lowest = int(curve.argmin())
    start = float(curve[: lowest + 1].max())
    fall = start - curve[lowest]
    noise = float((_mean(losses)[: len(curve)] - curve)[: lowest + 1].std())
    if fall < max(CLEAR * start, 2 * noise):
        return None
    slope = np.gradient(curve, np.log10(rates[: len(curve)]))
    steepest = int(slope[: lowest + 1].argmin())
    back = np.flatnonzero(curve[lowest:] > curve[lowest] + GIVEN_BACK * fall)
    limit = lowest + int(back[0]) - 1 if len(back) else len(curve) - 1
    return Bracket(float(rates[steepest]), float(rates[lowest]), float(rates[limit]), bool(len(back)))
