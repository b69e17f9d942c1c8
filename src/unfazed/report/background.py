"""The page's last part: the data, the recipe, the time it took, and how to go on."""

from collections.abc import Mapping
from typing import Any

from unfazed.recipe import knobs
from unfazed.report import corrected, words
from unfazed.report.charts import stacked_bar
from unfazed.report.markup import Html, tag
from unfazed.report.verdict import items, task
from unfazed.table import said_id

Facts = Mapping[str, Any]
STAGES = {"read": "reading the data", "train": "training", "evaluate": "evaluation"}


def data(told: Facts) -> Html:
    """Where the examples came from, and what was noticed about them."""
    amount = words.count(told["counts"]["all"], items(told))
    if told["classes"]:
        said, noun = ("with any of", "labels") if task(told) == "multilabel" else ("in", "classes")
        amount += f" {said} {words.count(len(told['classes']), noun)}"
    notes = [
        f"{amount}: {told['source']['kind']}.",
        corrected.note(told),
        duplicates(told),
        flips(told),
        problems(told),
    ]
    return tag(
        "section",
        tag("h2", "The data"),
        tag(
            "div",
            tag("ul", *(tag("li", note) for note in notes if note), class_="notes"),
            _copies(told),
            _unread(told),
            corrected.refusals(told),
            class_="card",
        ),
        id="data",
    )


def duplicates(told: Facts) -> str | None:
    """How many examples share their content with another, and how many of those carry another label."""
    found = told["duplicates"]
    if not found:
        return None
    if not found.get("count"):
        return f"No two {items(told)} have the same content."
    conflicting = found.get("conflicting") or 0
    labels = f"{words.count(conflicting)} of them under different labels" if conflicting else "all labelled alike"
    return (
        f"{words.count(found['count'], items(told))} share their content with another one, {labels}. "
        "Copies were kept on one side of each split."
    )


def flips(told: Facts) -> str | None:
    """Whether training mirrored the images, and the measurement behind it."""
    found = told["flip"]
    used = {"none": "not mirrored", "horizontal": "mirrored left to right", "both": "mirrored both ways"}
    chosen = told["recipe"].get("flip")
    if chosen not in used:
        return None
    decided = f"In training, images are {used[chosen]}"
    if not found:
        return f"{decided}, as the recipe asked."
    original, sideways, upside_down = (
        found.get(name, {}).get("value") for name in ("original", "horizontal", "vertical")
    )
    if original is None:
        return f"{decided}: there are too few of them to measure whether mirroring keeps the class."
    return (
        f"{decided}. Their nearest neighbours recognise {words.percent(original)} of the originals, "
        f"{words.percent(sideways)} when mirrored left to right and {words.percent(upside_down)} upside down "
        f"(n = {words.count(found.get('n'))})."
    )


def problems(told: Facts) -> str:
    """How many inputs could not be read."""
    number = told["problems"]["count"]
    one = _one(told)
    return f"{words.count(number, f'{one}s')} could not be used." if number else f"Every {one} could be read."


def _one(told: Facts) -> str:
    """What one of its inputs is called."""
    return words.ONE.get(str(told["task"]).partition(" ")[0], "file")


def _unread(told: Facts) -> Html | None:
    first = told["problems"]["first"]
    if not first:
        return None
    rows = [tag("tr", tag("td", said_id(str(line.get("id")))), tag("td", line.get("reason"))) for line in first]
    rest = told["problems"]["count"] - len(first)
    more = tag("p", f"and {words.count(rest)} more in problems.csv", class_="soft small") if rest > 0 else None
    head = tag("thead", tag("tr", tag("th", _one(told).capitalize(), scope="col"), tag("th", "Why", scope="col")))
    table = tag("table", head, tag("tbody", *rows), class_="problems")
    return tag("details", tag("summary", "Which, and why"), tag("div", table, more), class_="more")


def _copies(told: Facts) -> Html | None:
    """The first examples that share their content with another, those under different labels first."""
    found = told["duplicates"] or {}
    first = found.get("first")
    if not first:
        return None
    rows = [tag("tr", *(tag("td", cell) for cell in _copy(line))) for line in first]
    rest = (found.get("count") or 0) - len(first)
    more = tag("p", f"and {words.count(rest)} more in duplicates.csv", class_="soft small") if rest > 0 else None
    names = (_one(told).capitalize(), "Label", "Set", "Same as")
    head = tag("thead", tag("tr", *(tag("th", name, scope="col") for name in names)))
    table = tag("table", head, tag("tbody", *rows), class_="problems")
    return tag("details", tag("summary", "Which share their content"), tag("div", table, more), class_="more")


def _copy(line: Facts) -> tuple[str, str, str, str]:
    label = f"{line['label']} (labels differ)" if line["conflicting"] else line["label"]
    twin = "the first of its kind" if line["same_as"] == line["id"] else said_id(line["same_as"])
    return said_id(line["id"]), label, line["split"] or "left out", twin


def recipe(told: Facts) -> Html:
    """Every hyperparameter as it was resolved."""
    values = told["recipe"]
    rows = [
        tag(
            "div",
            tag("dt", setting.name.replace("_", " "), tag("small", knob.doc)),
            tag("dd", _value(values[setting.name])),
        )
        for setting, knob in knobs()
        if setting.name in values
    ]
    return tag(
        "section",
        tag("h2", "The recipe"),
        tag("p", "Every setting as it was used, also in recipe.toml.", class_="lead"),
        tag("div", tag("dl", *rows, class_="settings"), class_="card"),
        id="recipe",
    )


def _value(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else str(value)


def time_and_machine(told: Facts) -> Html:
    """Seconds by stage, and the machine and versions they were measured on."""
    return tag(
        "section",
        tag("h2", "Time and machine"),
        tag("div", _times(told["timings"]), _machine(told["origin"]), class_="grid two"),
        id="time",
    )


def _times(timings: Facts) -> Html:
    stages = {name: value for name, value in timings.items() if name != "total" and isinstance(value, int | float)}
    total = timings.get("total") or sum(stages.values())
    rest = total - sum(stages.values())
    if rest > 0.05 * max(total, 1e-9):
        stages["other"] = rest
    lines = [
        tag(
            "li",
            tag("i", class_=f"part-{number % 4}"),
            tag("span", STAGES.get(name, name)),
            tag("span", words.seconds(value)),
        )
        for number, (name, value) in enumerate(stages.items())
    ]
    heading = tag("h3", f"{words.seconds(total)} in all" if stages else "not recorded")
    return tag("div", heading, stacked_bar(list(stages.values())), tag("ul", *lines, class_="times"), class_="card")


def _machine(origin: Facts) -> Html:
    names = {"created": "When", "device": "Device", "platform": "System", "unfazed": "Unfazed", "torch": "PyTorch",
             "python": "Python", "numpy": "NumPy", "seed": "Seed"}  # fmt: skip
    rows = [
        tag("div", tag("dt", label), tag("dd", _when(str(origin[name])) if name == "created" else str(origin[name])))
        for name, label in names.items()
        if origin.get(name) is not None
    ]
    return tag("div", tag("dl", *rows, class_="settings single"), class_="card")


def _when(created: str) -> str:
    """2026-11-22T12:03:24+00:00 as people write it."""
    return created[:16].replace("T", " ") + (" UTC" if created.endswith("+00:00") else "")


def onward(told: Facts) -> Html:
    """The next command."""
    return tag(
        "section",
        tag("h2", "Next"),
        tag("div", tag("p", "To use the model:"), tag("pre", told["next"]), class_="card"),
        id="next",
    )
