"""The diagnosis of a run, from its files and facts: what `analysis.diagnosis` is given, and how people see it.

Axis letters: N rows, K classes.
"""

import json
import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from rich.console import Group
from rich.table import Table as Grid
from rich.text import Text

from unfazed.analysis.causes import FINE, UNTOLD, Diagnosis
from unfazed.analysis.diagnosis import diagnose
from unfazed.analysis.doubts import contradicted, missing_labels, rarity
from unfazed.analysis.intervals import Estimate, Integers, Z
from unfazed.analysis.signs import Curve, Epoch, Layer, Signs, Trial
from unfazed.analysis.targets import carried_by_few, far, tail
from unfazed.recipe import SKILLS
from unfazed.report.shapes import CHECKS, checked
from unfazed.report.verdict import sentence, simpler, skill_of
from unfazed.report.words import printable, with_path
from unfazed.table import Table, said_id

if TYPE_CHECKING:
    from unfazed.run import Run

Facts = Mapping[str, Any]
NAMES: dict[str, Literal["accuracy", "balanced accuracy", "F1", "R²"]] = {
    "accuracy": "accuracy", "balanced_accuracy": "balanced accuracy", "f1_micro": "F1", "r2": "R²",
}  # fmt: skip
TONES = {FINE: "green", UNTOLD: ""}
NEEDED = ("train", "validation")
RESTRAINTS = ("weight_decay", "augmentation", "dropout")  # settings above 0 that hold weights back


def diagnosed(run: "Run", told: Facts, table: Table, probs: NDArray[np.floating]) -> dict[str, Any]:
    """The diagnosis of a run as `report.json` holds it; `told` are the facts so far, `probs` [N, K]."""
    skill = SKILLS[run.task]
    if not all(told[side][skill]["n"] for side in NEEDED):
        said = "No labelled rows were kept for validation, so nothing is known of how well it generalises."
        return _untold(said, "Keep some: --validation 0.1")
    if skill == "f1_micro" and not sum(told["class_counts"]["validation"]):
        said = "No validation row has any label, so nothing is known of how well it generalises."
        return _untold(said, "Keep more rows apart: --validation 0.2")
    if not told["best_epoch"] or not all("loss" in line.get("validation", {}) for line in told["epochs"]):
        return _untold("epochs.jsonl lacks the losses of its epochs, or which of them was the best.", "Train it again")
    found = signs(run, told, table, probs)
    return _facts(diagnose(found), found.layers)


def listing(found: Facts, run: object) -> Group:
    """The diagnosis of the `run` of that path in a terminal, with all that it rests on."""
    table = Grid(box=None, show_header=False, padding=(0, 2, 0, 0))
    for name, value in found["evidence"].items():
        table.add_row(Text(printable(name), "dim"), Text(printable(value)))
    return Group(*(Text(text, style) for text, style in brief(found, run)), *(("", table) if found["evidence"] else ()))


def brief(found: Facts, run: object) -> list[tuple[str, str]]:
    """The diagnosis in two paragraphs, each with its style: what it is, and the one thing to do with `run`, a path."""
    said = f"{sentence(found['cause'])} ({found['confidence']} confidence). {found['paragraph']}"
    then = printable(with_path(found["action"], run))
    return [(printable(with_path(said, run)), TONES.get(found["cause"], "yellow")), (f"→ {then}", "cyan")]


def _untold(said: str, action: str) -> dict[str, Any]:
    return _facts(Diagnosis(UNTOLD, "low", said, action, {}), ())


def _facts(found: Diagnosis, layers: Sequence[Layer]) -> dict[str, Any]:
    return {**found._asdict(), "layers": [layer._asdict() for layer in layers]}


def signs(run: "Run", told: Facts, table: Table, probs: NDArray[np.floating]) -> Signs:
    """Everything that was measured of the run."""
    file = run.path / "checks.json"
    checks: Facts = checked(json.loads(run.read_text(file.name)), CHECKS, file) if file.exists() else {}
    recipe = told["recipe"]
    skill = skill_of(told) if run.task == "classification" else SKILLS[run.task]
    labels = told.get("labels") or {}
    counted = labels.get("count")
    width, usual = recipe.get("width"), checks.get("usual_width")
    return Signs(
        skill=NAMES[skill],
        train=_estimate(told["train"][skill]),
        validation=_estimate(told["validation"][skill]),
        groups=(told.get("groups") or {}).get("validation"),
        guess=_guess(told, skill),
        guess_loss=checks.get("guess_loss", 1.0),
        simpler=_best_simpler(told, skill),
        epochs=[_epoch(line, SKILLS[run.task]) for line in told["epochs"]],
        best_epoch=1 + [line["epoch"] for line in told["epochs"]].index(told["best_epoch"]),
        learning_rate=recipe["learning_rate"],
        usual_rate=checks.get("usual_rate"),
        width=(width, usual) if width and usual else None,
        wrong=_estimate(counted) if counted and counted["value"] is not None else None,
        disagreement=labels.get("disagreement"),
        listed=0 if labels.get("missing") else labels.get("worth"),
        usual_epochs=int(checks["usual_epochs"]) if checks.get("usual_epochs") else None,
        passes=checks.get("passes"),
        restrained=any(recipe.get(name) for name in RESTRAINTS),
        idle=[name for name in RESTRAINTS if recipe.get(name) == 0],
        ahead_on_test=_ahead_on_test(told, skill),
        ended_by_steps=bool(recipe.get("steps")),
        loss=checks.get("loss"),
        trials=[Trial(**{**one, "gain": _estimate(one["gain"])}) for one in checks.get("trials", [])],
        variation=checks.get("variation"),
        leaks=[(one["column"], one["right"]) for one in checks.get("leaks", [])],
        copies=_estimate(checks["copies"]) if checks.get("copies") else None,
        layers=[Layer(**one) for one in checks.get("layers", []) if len(one) == len(Layer._fields)],
        curve=Curve(**{**checks["curve"], "gain": _estimate(checks["curve"]["gain"])}) if checks.get("curve") else None,
        **_OF_TASK[run.task](run, told, table, probs),
    )


def _guess(told: Facts, skill: str) -> float:
    """The best validation skill of who looks at no input.

    Naming the commonest class, or drawing any where they are equally common; R² of 0; F1 of naming the k commonest
    labels every time.
    """
    if skill == "r2":
        return 0.0
    if skill == "f1_micro":
        n: int = told["validation"]["f1_micro"]["n"]
        counts: list[int] = sorted(told["class_counts"]["validation"], reverse=True)
        return max(2.0 * sum(counts[:k]) / max(1, n * k + sum(counts)) for k in range(1, len(counts) + 1))
    present: int = sum(count > 0 for count in told["class_counts"]["validation"])
    if skill == "balanced_accuracy":
        return 1 / max(1, present)
    named = float(told["baselines"]["majority"]["validation"]["accuracy"]["value"])
    return float(max(named, 1 / max(1, present)))


def _estimate(found: Facts) -> Estimate:
    """With nan where JSON has none."""
    value, low, high = (math.nan if found[end] is None else found[end] for end in ("value", "low", "high"))
    return Estimate(value, low, high, found["n"])


def _epoch(line: Facts, skill: str) -> Epoch:
    """Of numbers the squared error, whatever was minimised: a likelihood may be negative, and has no shares."""
    train, validation = line["train"], line["validation"]
    if skill == "r2":
        return Epoch(train["rmse"] ** 2, validation["rmse"] ** 2, train["r2"], validation["r2"])
    return Epoch(train["log_loss"], validation["log_loss"], train[skill], validation[skill])


def _best_simpler(told: Facts, skill: str) -> tuple[str, Estimate, Estimate] | None:
    """The simpler model with the highest validation skill, that skill, and the lead of the run's model.

    Where it is ahead as chance alone has the best of several, the lead's interval is made to hold 0.
    """
    found = []
    for words, facts in simpler(told):
        measured = facts.get("validation", {})
        its, lead = measured.get(skill), measured.get(f"{skill}_difference")
        if its and lead and None not in (its["value"], lead["low"], lead["high"]):
            found.append((words, _estimate(its), _estimate(lead)))
    best = max(found, key=lambda one: one[1].value, default=None)
    if best is None or best[2].high >= 0 or _surely_behind(best[2], len(found)):
        return best
    return best[0], best[1], best[2]._replace(high=0.0)


def _surely_behind(lead: Estimate, count: int) -> bool:
    """Whether a lead is below 0 for sure, as one of so many of which any might have been so by chance (Bonferroni)."""
    from scipy.special import ndtri

    return lead.value + (lead.high - lead.value) * float(ndtri(1 - 0.025 / count)) / Z < 0


def _ahead_on_test(told: Facts, skill: str) -> tuple[str, Estimate] | None:
    """The simpler model that is surely better on test rows, by the most, and the lead of the run's model over it."""
    leads = [(words, facts.get("test", {}).get(f"{skill}_difference")) for words, facts in simpler(told)]
    known = [(words, _estimate(lead)) for words, lead in leads if lead and lead["high"] is not None]
    ahead = (one for one in known if _surely_behind(one[1], len(known)))
    return min(ahead, key=lambda one: one[1].value, default=None)


def _of_classes(run: "Run", told: Facts, table: Table, probs: NDArray[np.floating]) -> dict[str, Any]:
    """Doubts about the labels, and how rare classes fare, by rows that were not learnt by heart."""
    y, names = table.y(), run.classes
    train, validation = table.rows("train"), table.rows("validation")
    groups = table.groups(validation)
    counts: Integers = np.bincount(y[train][y[train] >= 0], minlength=len(names))
    return {
        "calibration_error": _estimate(told["validation"]["calibration_error"]),
        "rows_per_class": len(train) / len(names),
        "suspected": contradicted(y[validation], probs[validation], groups),
        "classes": rarity(counts, y[validation], probs[validation], names, groups),
    }


def _of_sets(run: "Run", told: Facts, table: Table, probs: NDArray[np.floating]) -> dict[str, Any]:
    """Labels that were forgotten, of held-out rows, and how many examples a label has."""
    y, validation = table.indicators(), table.rows("validation")
    return {
        "rows_per_class": sum(told["class_counts"]["train"]) / len(run.classes),
        "suspected": missing_labels(y[validation], probs[validation], table.groups(validation)),
    }


def _of_numbers(run: "Run", told: Facts, table: Table, probs: NDArray[np.floating]) -> dict[str, Any]:
    """Targets far from all others, and heavy tails; those of test rows are left out."""
    predicted, name = probs[:, 0].astype(np.float64), told["target"]["name"]
    sides = [table.rows(side) for side in NEEDED]
    targets = table.targets()
    targets[np.setdiff1d(np.arange(len(table)), np.concatenate(sides))] = np.nan
    apart, heavy = far(targets), tail(targets, predicted)
    carried = [(carried_by_few(targets[rows], predicted[rows]), np.isfinite(targets[rows]).sum()) for rows in sides]
    (most, share, _), among = max(carried, key=lambda one: one[0][1])
    named = f"“{name}”" if name else "the target"
    return {
        "squares": told["recipe"].get("loss") not in ("absolute", "huber"),
        "far": apart._replace(name=said_id(str(table.frame["id"][apart.row]))) if apart else None,
        "tail": heavy._replace(carried=share, few=most, among=int(among), target=named) if heavy else None,
    }


_OF_TASK = {"classification": _of_classes, "multilabel": _of_sets, "regression": _of_numbers}
