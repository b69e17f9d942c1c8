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
from unfazed.report.words import NO_INTERVAL, bounds, figure, interval, number, percent

Facts = Mapping[str, Any]
LONGEST = 60  # characters of a column's name


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
    return f"{named}off by {number(error['value'])} on average ({_ends(error)}) over {on}{share}"


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
    said = [_against_mean(told), *beside, _surprise(told), _coverage(told), labels(told)]
    return spoken(told, said)


def _against_mean(told: Facts) -> Sentence:
    split = told["evaluated_on"]
    error, r2 = told["baselines"]["mean"][split]["mae"], told[split]["r2"]
    guessed = f"{number(error['value'])} on average ({_ends(error)}, n = {counted(told, error['n'])})"
    always = f"Always naming the mean would be off by {guessed}"
    if r2["low"] is not None and r2["low"] > 0:
        return PLAIN, f"{always}; the model takes {percent(r2['value'])} of the variance away ({interval(r2)})."
    return CAUTION, f"{always}: the model is not shown to be better than that."


def _against(told: Facts, words: str, baseline: Facts) -> Sentence:
    measured = baseline.get(told["evaluated_on"], {})
    its, gain = measured.get("r2"), measured.get("r2_difference")
    if not its or not gain or None in (its["value"], gain["value"], gain["low"], gain["high"]):
        return None
    said = f"{sentence(words)} reaches R² {figure(its['value'])} ({bounds(its)})"
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
