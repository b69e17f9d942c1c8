"""What a report says of labels that people corrected."""

from collections.abc import Mapping
from typing import Any

from unfazed.corrections import people_in
from unfazed.label_sets import labels_of
from unfazed.report.markup import Html, tag
from unfazed.report.verdict import CAUTION, GOOD, PLAIN, Sentence, items, task
from unfazed.report.words import bits, bounds, count, ends, figure, percent, points

Facts = Mapping[str, Any]
NAMED = 3  # people, settings


def verdict_on_corrections(told: Facts) -> Sentence:
    """What the corrections changed, on labels that nobody touched; None where they changed none."""
    found = told.get("corrections")
    if not found or not (found.get("relabelled") or found.get("dropped")):
        return None
    audit, what = found.get("audit") or {}, labels_of(task(told))
    if "difference" not in audit:
        why = audit.get("missing", "it was not measured")
        return PLAIN, f"{_done(found, what)} What that changed is not known: {why}."
    gain, known = audit["difference"], f"the {count(audit['difference']['n'])} {audit['split']} {items(told)}"
    before, after = (_share(audit, when) for when in ("before", "after"))
    said = f"{_done(found, what)}{_had(found, audit)} On {known} whose labels nobody touched: {after}, {before} before"
    unclear = None in (gain["value"], gain["low"], gain["high"]) or gain["low"] <= 0 <= gain["high"]
    tone, word = (PLAIN, "") if unclear else (GOOD, "better by ") if gain["low"] > 0 else (CAUTION, "worse by ")
    amount = "no difference that can be told from chance" if unclear else f"{word}{_amount(audit)}"
    settings = f" The two runs differ in their {_listed(audit['settings'])} too." if audit.get("settings") else ""
    return tone, f"{said}; {amount} ({_interval(audit)}, compared example by example, one training each)." + (
        f"{_surprise(audit)}{settings}"
    )


def _surprise(audit: Facts) -> str:
    """What the corrections took off the surprise that these labels are to the model."""
    less = audit.get("bits_less")
    if not less or None in (less["value"], less["low"], less["high"]) or less["low"] <= 0 <= less["high"]:
        return ""
    word = "less" if less["low"] > 0 else "more"
    low, high = sorted((abs(less["low"]), abs(less["high"])))
    amount = f"{bits(abs(less['value']))} {word} each ({ends({'low': low, 'high': high}, 2)})"
    return f" These labels surprise it {amount}."


def _done(found: Facts, what: str) -> str:
    people = people_in(found.get("who") or {})
    by = f" by {_listed(people)}" if people else ""
    changed, dropped = (int(found.get(name) or 0) for name in ("relabelled", "dropped"))
    drops = f", {count(dropped, 'examples')} dropped" if dropped else ""
    return f"{count(changed, what)} {'was' if changed == 1 else 'were'} corrected{by}{drops}."


def _had(found: Facts, audit: Facts) -> str:
    """How much of it the run that it is compared with had already."""
    had, every = (int(number or 0) for number in (audit.get("had"), found["relabelled"] + found["dropped"]))
    if not had:
        return ""
    before = f"{audit['run']} had {had:,} of these {every:,} corrections already"
    return f" {before}: compared is what {every - had:,} changed."


def _share(audit: Facts, when: str) -> str:
    value = audit[when]["value"]
    said = {"accuracy": f"{percent(value)} right", "f1_micro": f"F1 {percent(value)}", "r2": f"R² {figure(value)}"}
    return said[audit["metric"]]


def _amount(audit: Facts) -> str:
    value = abs(audit["difference"]["value"])
    return figure(value) if audit["metric"] == "r2" else points(value)


def _interval(audit: Facts) -> str:
    """The ends of the difference, in points or of R²; with their signs where they have two."""
    low, high = (audit["difference"][end] for end in ("low", "high"))
    if None in (low, high):
        return "too few to tell"
    if not low <= 0 <= high:
        low, high = sorted((abs(low), abs(high)))
    if audit["metric"] == "r2":
        return bounds({"low": low, "high": high})
    return f"{bounds({'low': 100 * low, 'high': 100 * high}, _tenths)} points"


def _tenths(value: float | None) -> str:
    return figure(value, 1)


def _listed(names: list[str]) -> str:
    return ", ".join(names[:NAMED]) + (f" and {count(len(names) - NAMED)} more" if len(names) > NAMED else "")


def note(told: Facts) -> str | None:
    """Who corrected labels, and when, for the section on the data."""
    found = told.get("corrections")
    if not found:
        return None
    first, last = ((found.get(name) or "")[:10] for name in ("first", "last"))
    when = f" on {first}" if first and first == last else f" from {first} to {last}" if first else ""
    refused = (found.get("refused") or {}).get("count") or 0
    kept = f" {count(refused, 'corrections')} did not fit the source any more and were not applied." if refused else ""
    done = _done(found, labels_of(task(told)))[:-1]
    return f"{done}{when}; corrections.csv in the run says which, by whom and why.{kept}"


def refusals(told: Facts) -> Html | None:
    """The corrections that were not applied, and why."""
    found = ((told.get("corrections") or {}).get("refused") or {}).get("first")
    if not found:
        return None
    rows = [tag("tr", tag("td", line.get("id")), tag("td", line.get("why"))) for line in found]
    head = tag("thead", tag("tr", tag("th", "Example", scope="col"), tag("th", "Why", scope="col")))
    table = tag("table", head, tag("tbody", *rows), class_="problems")
    return tag("details", tag("summary", "Corrections that were not applied"), table, class_="more")
