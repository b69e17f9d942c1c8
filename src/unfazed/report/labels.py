"""What is said of wrong labels: in the terminal, on the page and in the model card."""

from collections.abc import Mapping, Sequence
from typing import Any

from unfazed.analysis.intervals import Estimate
from unfazed.analysis.label_issues import contested
from unfazed.errors import RunError
from unfazed.label_sets import labels_of, parts
from unfazed.report.predictions import NONE
from unfazed.report.words import count, percent
from unfazed.table import Table

Facts = Mapping[str, Any]
OWN_MISTAKES = 0.5  # of the disagreements; where fewer are wrong labels, most are mistakes of the model
FEW = 0.03  # share of labels disagreed with, up to which that does not matter


def labels(table: Table, measured: Facts | None, path: object) -> dict[str, Any] | None:
    """What was measured of the labels, with ids and labels from the table, or why nothing was; None: nobody said.

    Raises:
        RunError: it speaks of rows that the table has not.
    """
    if measured and measured.get("missing"):
        return {"missing": measured["missing"], "first": []}
    if not measured or not measured.get("count"):
        return None
    rows = [one.get("row") for one in measured.get("first", [])]
    if not all(isinstance(row, int) and 0 <= row < len(table) for row in rows):
        raise RunError(f"{path}/measurements.json is damaged: the table has not the rows of its labels. Train again")
    ids, given, split = (table.frame[name] for name in ("id", "label", "split"))
    first = [
        {**one, "id": str(ids[row]), "label": given[row], "split": split[row]}
        for row, one in zip(rows, measured.get("first", []), strict=True)
    ]
    return {**measured, "first": first}


def named(label: str | None, found: Facts) -> str | None:
    """A label for people: the labels of a set one after the other."""
    if label is None or found.get("what") != labels_of("multilabel"):
        return label
    return ", ".join(parts(label)) or NONE


def headline(found: Facts) -> str:
    """How many labels are wrong, as far as that can be told."""
    if why := found.get("missing"):
        return f"the labels were not checked: {why}"
    estimate, what = found["count"], found.get("what") or "labels"
    if found.get("checked"):
        what = f"{what} that nobody has checked"
    if found.get("corrected"):
        return f"how many of {count(estimate['n'])} {what} are still wrong can't be told"
    if estimate["value"] is None:
        return f"how many of {count(estimate['n'])} {what} are wrong can't be told"
    about, low, high = (round(estimate[name]) for name in ("value", "low", "high"))
    ends = f"({count(low)} to {count(high)})"
    if contested(Estimate(**estimate)):
        of = count(estimate["n"], what)
        return f"between {count(low)} and {count(high)} of {of} are wrong" if low else (
            f"at most {count(high)} of {of} are wrong, perhaps none"
        )
    if not about:
        return f"probably none of {count(estimate['n'], what)} is wrong {ends}"
    verb, doubt = "is" if about == 1 else "are", "" if low else ", or none"
    return f"about {count(about)} of {count(estimate['n'], what)} {verb} wrong{doubt} {ends}"


def is_counted(found: Facts) -> bool:
    """Whether it is told how many labels are wrong, rather than what that lies between, or that it is not known."""
    estimate = found.get("count") or {}
    if found.get("corrected") or estimate.get("value") is None:
        return False
    return not contested(Estimate(**estimate))


def caution(found: Facts) -> str | None:
    """Why the count may be far off, where it may."""
    if found.get("missing"):
        return None
    estimate, disagreement, what = found["count"], found.get("disagreement"), found.get("what") or "labels"
    if corrected := found.get("corrected"):
        return (
            f"That is counted on labels that were not trained on, and {count(corrected)} of these were corrected "
            "or dropped: what is left there says little of the others. The order of the list stands."
        )
    if estimate["value"] is None and what != "numbers":
        return (
            f"The model is not shown to be right about {what} it has not seen more often than who names the commonest "
            "class every time: where it would give another one, the mistake may well be its own."
        )
    if estimate["value"] is None:
        listed = "listed are those farthest off" if found.get("worth") else "none is far enough off to be listed"
        return f"A wrong number looks like a rare one: {listed}, by the measure of similar rows."
    n = max(1, estimate["n"])
    share = estimate["value"] / n
    if disagreement is None or disagreement <= FEW:
        return None
    if share >= OWN_MISTAKES * disagreement:
        return None if not contested(Estimate(**estimate)) else (
            f"The model disagrees with {percent(disagreement)} of the {what} it has not seen, but with far fewer where "
            "it is surest: whether the others are wrong or its own mistakes can't be told. Look at some."
        )
    return (
        f"The model disagrees with {percent(disagreement)} of the {what} it has not seen, most of it probably its own "
        "mistakes: some counted as wrong may be right, and wrong ones hidden among its mistakes are not counted."
    )


def how_far(found: Facts) -> str | None:
    """What reading the list to its end brings."""
    worth = found.get("worth") or 0
    if not worth:
        return "None is worth checking on its own." if found.get("count", {}).get("value") is not None else None
    if found.get("corrected"):
        return f"The model and the neighbours object to {count(worth, found.get('what') or 'labels')}, worst first."
    depth = next((one for one in found.get("depths", []) if one["rows"] == worth), None)
    if depth is None or worth == 1:
        return f"{count(worth)} {'is' if worth == 1 else 'are'} worth checking."
    expected = round(depth["precision"] * worth)
    if not expected:
        return f"Of the first {count(worth)} in the list probably fewer than one is wrong."
    verb = "is" if expected == 1 else "are"
    ends = _ends(expected, worth, found["count"])
    return f"Of the first {count(worth)} in the list about {count(expected)}{ends} {verb} wrong."


def _ends(expected: int, most: int, total: Facts) -> str:
    """As much more or less than `expected` as the count of all may be; nothing where that is not known."""
    value, low, high = (total.get(end) for end in ("value", "low", "high"))
    if not value or low is None or high is None:
        return ""
    return f" ({count(round(expected * low / value))} to {count(min(most, round(expected * high / value)))})"


def sentences(found: Facts) -> Sequence[str]:
    """The headline, the caution and how far to read, each a sentence."""
    first = headline(found)
    return [f"{first[:1].upper()}{first[1:]}.", *(said for said in (caution(found), how_far(found)) if said)]
