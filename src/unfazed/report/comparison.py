"""What a comparison of runs tells people: a table, and a sentence for every two of them."""

from collections.abc import Mapping
from typing import Any

from rich.console import Group
from rich.text import Text

from unfazed.analysis.intervals import SIGNIFICANT
from unfazed.analysis.surprise import BITS_PER_NAT
from unfazed.report.tables import Hanging, metrics_table
from unfazed.report.words import count, figure, number, printable

Facts = Mapping[str, Any]
ONE_TRAINING = (
    "One training each: another seed alone may make as large a difference. What is better is the model, not yet what "
    "it was made with; that takes several runs of either, with other seeds."
)
MEASURES = {"accuracy": "accuracy", "f1_micro": "F1", "mae": "mean absolute error"}


def comparison(told: Facts) -> Group:
    """The metrics of each run on the rows that all have in common, and which two can be told apart."""
    names = _names(told)
    all_of = "both" if len(names) == 2 else f"all {len(names)}"
    examples = f"{count(told['rows'], 'test examples')}{_groups(told)}"
    said = [f"{examples} that {all_of} runs kept apart", *_left_out(told, names)]
    columns = dict(zip(names, told["metrics"], strict=True))
    pairs = [
        Hanging(_sentence(told, pair, names), "green" if pair["distinguishable"] else "yellow")
        for pair in told["comparisons"]
    ]
    several = len(told["comparisons"])
    corrected = f"p is corrected for {several} comparisons (Holm); the intervals are not." if several > 1 else ""
    after = [Text(f"  {corrected}", style="dim")] if corrected else []
    once = [Hanging(ONE_TRAINING, "dim")] if any(_told_apart(pair, names) for pair in told["comparisons"]) else []
    return Group(*(Hanging(printable(line)) for line in said), "", metrics_table(columns), "", *pairs, *after, *once)


def _groups(told: Facts) -> str:
    return f" in {count(told['groups'], 'groups')}" if told.get("groups") else ""


def _names(told: Facts) -> list[str]:
    """The runs as people tell them apart: the ends of their paths, as short as they differ."""
    paths = [path.replace("\\", "/").rstrip("/").split("/") for path in told["runs"]]
    for length in range(1, max(map(len, paths)) + 1):
        names = ["/".join(parts[-length:]) for parts in paths]
        if len(set(names)) == len(names):
            return [printable(name) for name in names]
    return [printable(path) for path in told["runs"]]


def _left_out(told: Facts, names: list[str]) -> list[str]:
    said = []
    for name, its in zip(names, told["left_out"], strict=True):
        left, of = its["left_out"], count(its["test_rows"], "test rows")
        why = {
            "another was trained or chosen on": its["trained_on_by_another"],
            "of groups that a run was trained or chosen on": its["of_groups_trained_on"],
            "labelled otherwise in another": its["labelled_otherwise"],
        }
        why["not among the test rows of another"] = left - sum(why.values())
        if left:
            parts = "; ".join(f"{what}: {count(number)}" for what, number in why.items() if number)
            said.append(f"left out: {count(left)} of {name}'s {of} ({parts})")
    if any(its["labelled_otherwise"] for its in told["left_out"]):
        said.append("Labels that were corrected are compared by neither label: they were looked at because of what a "
                    "run said, and would favour one of the two.")
    return said


def _sentence(told: Facts, pair: Facts, names: list[str]) -> str:
    first, second = names[pair["first"]], names[pair["second"]]
    found, chance = pair["difference"], _chance(pair["p_corrected"])
    if found["value"] is None:
        why = "all of them are of one group" if told.get("groups") == 1 else "there is one test row in common"
        return f"{first} and {second} cannot be told apart: {why}."
    error = pair["metric"] == "mae"  # less is better
    write = number if error else _points
    ahead, behind = (first, second) if (found["value"] > 0) != error else (second, first)
    ends = sorted((found["low"], found["high"])) if None not in (found["low"], found["high"]) else (None, None)
    what = f"{write(found['value'])} ({write(ends[0]).removesuffix(' points')} to {write(ends[1])})"
    n = f"n = {count(found['n'])}{_groups(told)}"
    said = f"{first} less {second}: {MEASURES[pair['metric']]} {what}{_counts(pair)}, {n}, {chance}"
    calmer = _less_surprised(pair, names)
    but = f" by {MEASURES[pair['metric']]}, but {calmer} is less surprised by the labels"
    if pair["distinguishable"]:
        better = f"{ahead} is better than {behind}{but if calmer == behind else ''}. {said}{_surprise(pair)}."
        return f"{better}{_chance_of_training(pair)}"
    but = but if calmer else ""
    apart = f"{first} and {second} are not distinguishable{but}. {said}{_surprise(pair)}."
    return f"{apart}{_needed(pair, told['rows'])}{_chance_of_training(pair) if but else ''}"


def _told_apart(pair: Facts, names: list[str]) -> bool:
    return bool(pair["distinguishable"] or _less_surprised(pair, names))


def _chance_of_training(pair: Facts) -> str:
    """What two runs tell about their recipes that differ in nothing but the seed."""
    if pair.get("settings") != ["seed"] or not pair.get("same_data"):
        return ""
    return " These runs differ only in the seed: that is chance in training, and speaks for no setting and no label."


def _less_surprised(pair: Facts, names: list[str]) -> str | None:
    """The one of two runs that the test labels surely surprise less."""
    found = pair.get("log_loss_difference")
    if not found or found["value"] is None or pair["log_loss_p_corrected"] > SIGNIFICANT:
        return None
    return names[pair["first" if found["value"] < 0 else "second"]]


def _counts(pair: Facts) -> str:
    if pair["metric"] != "accuracy":
        return ""
    return f", {count(pair['only_first_right'])} : {count(pair['only_second_right'])} where only one is right"


def _surprise(pair: Facts) -> str:
    found = pair.get("log_loss_difference")
    if not found or None in (found["value"], found["low"], found["high"]):
        return ""
    value, low, high = (figure(found[end] * BITS_PER_NAT) for end in ("value", "low", "high"))
    return f"; surprise {value} bits ({low} to {high}), {_chance(pair['log_loss_p_corrected'])}"


def _needed(pair: Facts, rows: int) -> str:
    needed = pair["rows_needed"]
    if needed is None:
        return f" No difference in {MEASURES[pair['metric']]} was seen at all."
    if needed <= rows:
        return " It is a close call: more test examples will tell."
    return f" If the difference is as large as it looks, some {count(_rounded(needed), 'test examples')} might show it."


def _rounded(value: int) -> int:
    """Two digits are more than is known of it."""
    power = int(10 ** max(0, len(str(value)) - 2))
    return -(-value // power) * power


def _points(share: float | None) -> str:
    return "–" if share is None else f"{100 * share:+.1f} points".replace("-", "−")


def _chance(chance: float) -> str:
    return "p < 0.001" if chance < 0.001 else f"p = {chance:.2g}" if chance < 0.1 else f"p = {chance:.2f}"
