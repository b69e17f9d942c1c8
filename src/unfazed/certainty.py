"""What the validation rows of a run promise about new inputs: sets of classes, intervals of numbers, abstention.

All three look at the recorded probabilities, before the temperature: that was fitted to these same rows, and a score
that has seen the rows that it is calibrated on promises too much. They did choose the epoch, which flatters a little.

Axis letters: n validation rows, N new ones, K classes.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.conformal import bound, class_bounds, coverage, least_examples, sets
from unfazed.analysis.intervals import Floats, Integers
from unfazed.analysis.selection import Selection, examples_for, least_risk, selection
from unfazed.analysis.shares import percent
from unfazed.errors import RunError, UsageError
from unfazed.run import Run
from unfazed.table import Table, listed

NAMED = 5  # classes that a message lists


class Asked(NamedTuple):
    """How sure the user wants to be."""

    confidence_level: float | None = None
    class_conditional: bool = False
    max_risk: float | None = None


class Certainty(NamedTuple):
    """What follows for predictions, and what it promises in words, each with n and an interval."""

    bounds: Floats | None = None  # [K] of the sets' scores; of numbers [1], of the distance
    answers: Selection | None = None
    words: tuple[str, ...] = ()


NOTHING_PROMISED = Certainty()


def promised(run: Run, asked: Asked) -> Certainty:
    """What can be promised of what is `asked`.

    Raises:
        UsageError: it is no probability, not for this task, or the run has too few validation rows, or for a max risk
            such as come in groups; the message says what they suffice for.
        RunError: the run's record is missing or damaged.
    """
    if asked == Asked():
        return NOTHING_PROMISED
    _check(run, asked)
    table, probs = run.table(), run.scores().get("probs")
    if probs is None or len(probs) != len(table):
        raise RunError(f"{run.path}: table.parquet and scores.npz are not of one run. Train again")
    rows = table.rows("validation")
    groups = table.groups(rows)
    count = None if groups is None else len(np.unique(groups))
    bounds, selected, words = None, None, []
    if asked.confidence_level is not None:
        numbers = run.task == "regression"
        y = table.y()[rows]
        bounds = _distance(table, probs, asked) if numbers else _bounds(y, probs[rows], asked, run.classes)
        known = np.isfinite(table.targets()[rows]) if numbers else y >= 0
        words.append(_level_told("intervals" if numbers else "sets", y[known], asked, count))
    if asked.max_risk is not None:
        if count is not None:
            raise UsageError(
                f"max risk {asked.max_risk:g} cannot be promised by {run.path}: its {len(rows):,} validation rows come "
                f"in {count:,} groups, and the bound wants rows that err independently. Train again with one row of "
                "each group, or leave max risk out"
            )
        selected = _answers(table.y()[rows], probs[rows], asked.max_risk)
        words.append(_risk_told(selected))
    return Certainty(bounds, selected, tuple(words))


def inside(certainty: Certainty, probs: NDArray[np.floating]) -> NDArray[np.bool_]:
    """The sets [N, K] of recorded probabilities [N, K]."""
    assert certainty.bounds is not None
    return sets(probs, certainty.bounds)


def deviations(outputs: NDArray[np.floating]) -> Floats:
    """The unit of each number's error [N]: the deviation that the model expects, where it says one, else 1."""
    return outputs[:, 1].astype(np.float64) if outputs.shape[1] == 2 else np.ones(len(outputs))


def distances(targets: Floats, outputs: NDArray[np.floating]) -> Floats:
    """How far off each number [n] is, in units of its deviation; without the rows that have no target."""
    off = np.abs(targets - outputs[:, 0]) / deviations(outputs)
    return off[np.isfinite(off)]


def _check(run: Run, asked: Asked) -> None:
    for name, value in (("confidence level", asked.confidence_level), ("max risk", asked.max_risk)):
        if value is not None and not 0 < value < 1:
            such = "0.9" if name == "confidence level" else "0.05"
            raise UsageError(f"{name} {value:g}: it is a share between 0 and 1, such as {such}")
    if run.task not in ("classification", "regression"):
        raise UsageError(f"{run.path} is a {run.task} run: neither sets nor abstention are there for it yet")
    if asked.class_conditional and asked.confidence_level is None:
        raise UsageError("class conditional says how sets are made: it needs a confidence level")
    if run.task == "regression" and (asked.class_conditional or asked.max_risk is not None):
        what = "a max risk" if asked.max_risk is not None else "class conditional"
        raise UsageError(f"{what} is for classes, and {run.path} predicts numbers: ask for a confidence level alone")


def _distance(table: Table, outputs: NDArray[np.floating], asked: Asked) -> Floats:
    """The distance [1] that the level asks for (split conformal: Lei et al. 2018, arXiv:1604.04173)."""
    rows, level = table.rows("validation"), asked.confidence_level or 0.0
    found = distances(table.targets()[rows], outputs[rows])
    _enough(len(found), level)
    return np.array([bound(found, level)])


def _bounds(y: Integers, probs: NDArray[np.floating], asked: Asked, classes: list[str]) -> Floats:
    level = asked.confidence_level or 0.0
    _enough(int((y >= 0).sum()), level)
    bounds = class_bounds(y, probs, level, asked.class_conditional)
    if np.isinf(bounds).any():
        counts = np.bincount(y[y >= 0], minlength=len(classes))
        few = [f"{classes[k]} ({counts[k]})" for k in np.flatnonzero(np.isinf(bounds))]
        raise UsageError(
            f"confidence level {level:g} for every class by its own needs {least_examples(level):,} validation rows of "
            f"each, and there are too few of {listed(few, NAMED)}: leave class conditional out, or train with more data"
        )
    return bounds


def _enough(n: int, level: float) -> None:
    needed = least_examples(level)
    if n >= needed:
        return
    can = f"ask for at most {np.floor(1000 * n / (n + 1)) / 1000:g}, or train" if n else "train"
    raise UsageError(
        f"confidence level {level:g} needs at least {needed:,} validation rows, and the run has {n:,}: "
        f"{can} again with more validation data"
    )


def _answers(y: Integers, probs: NDArray[np.floating], risk: float) -> Selection:
    known = y >= 0
    y, probs = y[known], probs[known]
    found = selection(probs.max(axis=1, initial=0).astype(np.float64), probs.argmax(1) == y, risk)
    if found is None:
        n, wrong = len(y), int((probs.argmax(1) != y).sum())
        least = f"; were none wrong, so many could promise {least_risk(n):.2g}" if n else ""
        raise UsageError(
            f"max risk {risk:g} cannot be promised, wherever the line is drawn: it takes at least "
            f"{examples_for(risk):,} validation rows answered without a mistake, and more with one. The run has {n:,} "
            f"validation rows, of which it gets {wrong:,} wrong{least}. Allow a higher risk, or train again with more "
            "of the rows for validation (--validation)"
        )
    return found


def _level_told(what: str, y: Integers, asked: Asked, groups: int | None) -> str:
    level, n = asked.confidence_level or 0.0, len(y)
    low, high = coverage(n, level)
    of_each = f", {int(np.bincount(y).min()):,} of the rarest class" if asked.class_conditional else ""
    hold = "sets hold the class" if what == "sets" else "intervals hold the number"
    on = "of every class" if asked.class_conditional else "on average"
    if groups is not None:
        return (
            f"{hold} in {level:.4g} of new cases {on} of the groups of the n = {n:,} validation rows{of_each}; these "
            f"are only {groups:,} groups, and of new groups the share may be another by far"
        )
    if asked.class_conditional:
        return f"{hold} in {level:.4g} of new cases of every class, from n = {n:,} validation rows{of_each}"
    ends = f"95 of 100 validation sets of this size bring {percent(low)} – {percent(high)}"
    return f"{hold} in {level:.4g} of new cases on average, from n = {n:,} validation rows ({ends})"


def _risk_told(found: Selection) -> str:
    share, errors = found.answered, found.errors
    return (
        f"at most {percent(found.promised)} of the answers are wrong, with 95 % certainty (Geifman and El-Yaniv "
        "2017), but for the same rows having chosen the epoch, which flatters a little; of n = "
        f"{share.n:,} validation rows {percent(share.value)} ({percent(share.low)} – {percent(share.high)}) are "
        f"answered, {percent(errors.value)} ({percent(errors.low)} – {percent(errors.high)}) of these wrongly"
    )
