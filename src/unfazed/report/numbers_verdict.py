"""What the figures of a run that predicts numbers amount to, in sentences, beside `verdict` for classes."""

import math
from collections.abc import Mapping
from typing import Any

from unfazed.analysis.errors import NOMINAL
from unfazed.analysis.surprise import BITS_PER_NAT
from unfazed.report.verdict import (
    CAUTION,
    GOOD,
    PLAIN,
    Sentence,
    compared,
    counted,
    items,
    labels,
    sentence,
    simpler,
    spoken,
)
from unfazed.report.words import NO_INTERVAL, bounds, count, figure, interval, number, percent
from unfazed.table import said_id

Facts = Mapping[str, Any]
LONGEST = 60  # characters of a column's name
MOST = 0.5  # share of the squared error from which on what few rows make is what it tells of
ENOUGH = 20  # rows, of fewer one may well make as much


def headline(told: Facts) -> str:
    """The one sentence: how far off, and the share of the variance explained, with n."""
    split = told["evaluated_on"]
    error, explained = told[split]["mae"], told[split]["r2"]
    if not error["n"]:
        return f"no {items(told)} with a target were kept apart, so nothing is known about new ones"
    on = counted(told, error["n"], f"{split} {items(told)}")
    known = explained["value"] is not None and math.isfinite(explained["value"])  # not of one row, or of equal targets
    share = f"; R² {figure(explained['value'])} ({bounds(explained)})" if known else ""
    named = f"{named_target(told)} predicted: " if told["target"]["name"] else ""
    half = f", by {number(middle['value'])} or less in half of them" if (middle := _usual_error(told)) else ""
    return f"{named}off by {number(error['value'])} on average ({_ends(error)}) over {on}{half}{share}"


def mostly_of_few(told: Facts) -> Facts | None:
    """The squared error, where few rows make most of it."""
    found = told.get("squared_error") or {}
    return found if found.get("n", 0) >= ENOUGH and found["share"] > MOST else None


def _usual_error(told: Facts) -> Facts | None:
    """The median absolute error, where few rows make most of the squared one."""
    middle: Facts | None = told[told["evaluated_on"]].get("median_absolute_error")
    return middle if mostly_of_few(told) else None


def _ends(estimate: Facts) -> str:
    if estimate["low"] is None or estimate["high"] is None:
        return NO_INTERVAL
    return f"{number(estimate['low'])} – {number(estimate['high'])}"


def named_target(told: Facts) -> str:
    """What is predicted: the name of its column in quotes, or "the number"."""
    name = told["target"]["name"]
    if not name:
        return "the number"
    return f"“{name if len(name) <= LONGEST else name[: LONGEST - 1] + '…'}”"


def verdict(told: Facts) -> list[dict[str, str]]:
    """Sentences with a tone each, the most important first."""
    split = told["evaluated_on"]
    if not told[split]["mae"]["n"]:
        return []
    beside = [_against(told, *one) for one in simpler(told)]
    said = [_against_guess(told), _of_few(told), *beside, _surprise(told), _coverage(told), labels(told)]
    return spoken(told, said)


def _against_guess(told: Facts) -> Sentence:
    """Whether the model is closer than who always names the mean, or the median, which is the least off on average.

    Errors are compared row by row: R², which counts squares, may be that of a few rows.
    """
    split = told["evaluated_on"]
    r2, mean = told[split]["r2"], told["baselines"]["mean"][split]
    median = told["baselines"].get("median", {}).get(split)
    beside = f", the median {_guessed(told, median['mae'])}" if median else ""
    always = f"Always naming the mean would be off by {_guessed(told, mean['mae'])}{beside}"
    explains = r2["low"] is not None and r2["low"] > 0
    nearer = [_is_closer(mean), _is_closer(median or mean)]
    said = []
    if nearer[0]:
        gain, often = mean["mae_difference"], mean["closer"]
        by = f"{number(gain['value'])} ({_ends(gain)}, compared row by row)"
        share = f"{percent(often['value'])} of the {items(told)} ({interval(often)})"
        said.append(f"the model is closer than the mean by {by}, on {share}")
        if not nearer[1]:
            said.append("than the median it is not shown to be closer")
    if explains:
        said.append(f"the model takes {percent(r2['value'])} of the variance away ({interval(r2)})")
    if explains or all(nearer):
        return PLAIN, f"{always}: {'; '.join(said)}."
    return CAUTION, f"{always}: {'; '.join(said) or 'the model is not shown to be better than that'}."


def _is_closer(guess: Facts) -> bool:
    low = (guess.get("mae_difference") or {}).get("low")
    return low is not None and low > 0


def _guessed(told: Facts, error: Facts) -> str:
    return f"{number(error['value'])} on average ({_ends(error)}, n = {counted(told, error['n'])})"


def _of_few(told: Facts) -> Sentence:
    """That R² and the root mean square tell of a few rows, and what the others are like."""
    found = mostly_of_few(told)
    if not found:
        return None
    few = "One row" if found["rows"] == 1 else f"{count(found['rows'])} rows"
    which = f"{few} ({said_id(found['first'])}) makes" if found["rows"] == 1 else f"{few} of {count(found['n'])} make"
    rest = ""
    if middle := _usual_error(told):
        rest = f"; half of the {items(told)} are off by {number(middle['value'])} or less ({_ends(middle)})"
    return CAUTION, f"{which} {percent(found['share'])} of the squared error: R² and RMSE rest on that{rest}."


def _against(told: Facts, words: str, baseline: Facts) -> Sentence:
    measured = baseline.get(told["evaluated_on"], {})
    its, gain = measured.get("r2"), measured.get("r2_difference")
    if not its or not gain or None in (its["value"], gain["value"], gain["low"], gain["high"]):
        return None
    said = f"{sentence(words)} reaches R² {figure(its['value'])} ({bounds(its)})"
    own = told[told["evaluated_on"]]["r2"]["value"]
    if its["value"] < 0 and own is not None and own < 0:  # by how much says nothing
        rows = f"{told['evaluated_on']} {items(told)}"
        return CAUTION, f"{said}: below 0, as the model’s is: by squares the mean of the {rows} themselves is closer."
    low, high = (figure(end) for end in sorted((abs(gain["low"]), abs(gain["high"]))))
    return compared(said, gain, figure(abs(gain["value"])), f"{low} to {high}")


def _surprise(told: Facts) -> Sentence:
    """The bits that the model's mean and deviation save."""
    split = told["evaluated_on"]
    left, saved = told[split].get("nll"), told[split].get("nll_difference")
    blind = told["baselines"]["mean"][split].get("nll")
    if not left or not saved or not blind or saved["low"] is None:
        return None
    said = (
        f"A target costs {in_bits(left['value'])} bits of surprise; a Gaussian with the mean and the deviation of the "
        f"training {items(told)}, which looks at nothing, {in_bits(blind['value'])} bits"
    )
    by = f"{in_bits(saved['value'])} bits"
    span = f"({bounds(saved, in_bits)}, n = {counted(told, saved['n'])})"
    if saved["low"] > 0:
        return GOOD, f"{said}: {by} saved {span}."
    return CAUTION, f"{said}: what the model saves, {by} {span}, is not shown to be anything."


def in_bits(nats: float | None) -> str:
    """A mean negative log-likelihood in bits, without the unit."""
    return figure(None if nats is None else nats * BITS_PER_NAT, 2)


def bits_explained() -> str:
    """What a number's surprise in bits is relative to."""
    blind = f"{math.log(2 * math.pi * math.e) / 2 * BITS_PER_NAT:.2f}"
    return (
        "A target’s surprise is −log₂ of the probability density that was predicted for it, its unit the standard "
        "deviation of the training targets: alone it means little and may be negative, but each bit less than the "
        f"{blind} that a Gaussian with the training targets’ mean and deviation needs on average means that the truth "
        "was given twice the density."
    )


def _coverage(told: Facts) -> Sentence:
    """Whether as many targets lie within the predicted intervals as ought to."""
    found = {name: told[told["evaluated_on"]].get(name) for name in NOMINAL}
    if not all(found.values()):
        return None
    half, most = found.values()
    said = (
        f"Its 50 % intervals hold {percent(half['value'])} of the targets ({interval(half)}), its 90 % intervals "
        f"{percent(most['value'])} ({interval(most)}), n = {counted(told, most['n'])}"
    )
    few = [found[name]["high"] < share for name, share in NOMINAL.items()]
    many = [found[name]["low"] > share for name, share in NOMINAL.items()]
    if few[1] and many[0]:
        return CAUTION, f"{said}: large errors are more frequent than a Gaussian has them, and so are small ones."
    if any(few):
        return CAUTION, f"{said}: too few; it is surer than it ought to be."
    if any(many):
        return PLAIN, f"{said}: more than there ought to be; it is less sure than it could be."
    return GOOD, f"{said}: neither is told from what it ought to be."
