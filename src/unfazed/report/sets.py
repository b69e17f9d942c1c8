"""The facts and the verdict of a run that predicts sets of labels, beside `facts` and `verdict` for classes.

Axis letters: N rows, K labels, E epochs. Every metric is {"value", "low", "high", "n"} with a 95 % interval.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.groups import Groups
from unfazed.analysis.intervals import Estimate, Floats, Integers
from unfazed.analysis.multilabel import (
    Sets,
    chosen,
    commonest_set,
    f1_difference,
    label_counts,
    multilabel,
    per_label,
    share_probs,
)
from unfazed.analysis.surprise import BITS_PER_NAT, binary_entropy, mean_surprise, most_surprising, set_surprise
from unfazed.label_sets import joined
from unfazed.report.predictions import NONE
from unfazed.report.selection import SURPRISING, Shown, evaluated_split
from unfazed.report.shapes import probabilities_of
from unfazed.report.verdict import (
    CAUTION,
    PLAIN,
    WIDE,
    Sentence,
    absent,
    compared,
    counted,
    difference_ends,
    fitted_to,
    items,
    labels,
    narrowing,
    remedy,
    sentence,
    simpler,
    spoken,
    surprise_against,
    surprise_gone,
)
from unfazed.report.words import bits, count, ends, interval, percent, points
from unfazed.table import SPLITS, Table

if TYPE_CHECKING:
    from unfazed.run import Run

Facts = Mapping[str, Any]
NAMED = 3  # labels


class Evidence(NamedTuple):
    """The arrays that the facts are computed from."""

    table: Table
    y: NDArray[np.float32]  # [N, K]: 1 for each label of a row's set, else 0; nan where it has none
    probs: NDArray[np.floating]  # [N, K]
    thresholds: Floats  # [K]
    losses: NDArray[np.floating]  # [E, N] nats

    def split(self, name: str) -> tuple[NDArray[np.float32], NDArray[np.floating], Sets]:
        """Sets, probabilities and predicted sets of one split, each [n, K]."""
        rows = self.table.rows(name)
        return self.y[rows], self.probs[rows], chosen(self.probs[rows], self.thresholds)

    def groups(self, name: str) -> Groups:
        """The groups of the rows of one split."""
        return self.table.groups(self.table.rows(name))


def evidence(run: "Run") -> Evidence:
    """The run's table, sets, probabilities, thresholds and losses, checked against one another.

    Raises:
        RunError: a file is missing or damaged, or the files contradict one another.
    """
    table = run.table()
    probs, losses = probabilities_of(run, table)
    return Evidence(table, table.indicators(), probs, np.array(run.thresholds), losses)


def selection(
    table: Table, y: NDArray[np.floating], probs: NDArray[np.floating], losses: NDArray[np.floating]
) -> Shown:
    """Training rows by their mean surprise over the epochs, validation rows by the finished model's."""
    train, validation = table.rows("train"), table.rows("validation")
    overall, final = mean_surprise(losses[:, train]), set_surprise(y[validation], probs[validation])
    return Shown(
        train[most_surprising(overall, SURPRISING)].tolist(), validation[most_surprising(final, SURPRISING)].tolist()
    )


def sets(seen: Evidence, baselines: Facts) -> dict[str, Any]:
    """What differs from the facts of a classifier: metrics and scores of sets, the guess of one set, examples."""
    scored = {split: multilabel(*seen.split(split), groups=seen.groups(split)) for split in SPLITS}
    counts = {split: label_counts(seen.split(split)[0]) for split in SPLITS}
    split = evaluated_split(seen.table)
    usual = commonest_set(seen.split("train")[0])
    return {
        "class_counts": counts,
        "commonest_set": [seen.table.classes[k] for k in np.flatnonzero(usual)],
        **{name: _named(metrics) for name, metrics in scored.items()},
        "surprise": {name: _surprise(counts[name], metrics) for name, metrics in scored.items()},
        "baselines": {"majority": _guessed(seen, usual), **baselines},
        "evaluated_on": split,
        "per_class": _per_class(seen, split),
        "surprising": _surprising(seen),
    }


def _named(metrics: Mapping[str, Estimate]) -> dict[str, Any]:
    return {name: estimate._asdict() for name, estimate in metrics.items()}


def _surprise(counts: Integers, metrics: Mapping[str, Estimate]) -> dict[str, Any]:
    """Bits per set before the model (the entropy of the labels, each by itself) and after, and the share removed."""
    nats = metrics["log_loss"]
    return {
        "label_entropy_bits": float(binary_entropy(counts / max(nats.n, 1)).sum()),
        "cross_entropy_bits": {end: getattr(nats, end) * BITS_PER_NAT for end in ("value", "low", "high")}
        | {"n": nats.n},
        "share_removed": metrics["d2_log_loss_score"]._asdict(),
    }


def _guessed(seen: Evidence, usual: Sets) -> dict[str, Any]:
    train, found = seen.split("train")[0], {}
    for split in SPLITS[1:]:
        (y, _, predicted), groups = seen.split(split), seen.groups(split)
        guess = np.broadcast_to(usual, y.shape)
        metrics = multilabel(y, share_probs(train, len(y)), guess, groups=groups)
        found[split] = _named(metrics | {"f1_micro_difference": f1_difference(y, predicted, guess, groups=groups)})
    return found


def _per_class(seen: Evidence, split: str) -> list[dict[str, Any]]:
    found = per_label(*seen.split(split), seen.groups(split))
    scores = zip(seen.table.classes, seen.thresholds.tolist(), found, strict=True)
    return [
        {"label": label, "support": score.recall.n, "threshold": threshold, **_named(score._asdict())}
        for label, threshold, score in scores
    ]


def _surprising(seen: Evidence) -> dict[str, Any]:
    shown = selection(seen.table, seen.y, seen.probs, seen.losses)
    overall, final = mean_surprise(seen.losses), set_surprise(seen.y, seen.probs)
    return {
        "train": [example(seen, row, float(overall[row])) for row in shown.train],
        "validation": [example(seen, row, float(final[row])) for row in shown.validation],
    }


def example(seen: Evidence, row: int, surprised: float) -> dict[str, Any]:
    """One example with both sets, the given and the predicted, and the label that surprised the finished model most."""
    probs, given = seen.probs[row].astype(np.float64), seen.y[row] > 0
    predicted = chosen(seen.probs[row], seen.thresholds)
    worst = int(np.where(given, probs, 1 - probs).argmin())
    classes = seen.table.classes
    return {
        "row": row,
        "id": str(seen.table.frame["id"][row]),
        "label": joined(classes[k] for k in np.flatnonzero(given)),
        "predicted": joined(classes[k] for k in np.flatnonzero(predicted)),
        "labels": [classes[k] for k in np.flatnonzero(given)],
        "predicted_labels": [classes[k] for k in np.flatnonzero(predicted)],
        "bits": surprised,
        "worst": {"label": classes[worst], "given": bool(given[worst]), "probability": float(probs[worst])},
    }


def headline(told: Facts) -> str:
    """The one sentence: F1 over all labels with its interval and n, and the sets that are exactly right."""
    split = told["evaluated_on"]
    f1, exact = told[split]["f1_micro"], told[split]["subset_accuracy"]
    if not exact["n"]:
        return f"no labelled {items(told)} were kept apart, so nothing is known about new ones"
    said = f"F1 {percent(f1['value'])} over the labels of {counted(told, exact['n'], f'{split} {items(told)}')}"
    exactly = f"{percent(exact['value'])} ({interval(exact)}) of the sets are exactly right"
    return f"{said} (95 % interval {interval(f1)}); {exactly}"


def verdict(told: Facts) -> list[dict[str, str]]:
    """Sentences with a tone each, the most important first."""
    split = told["evaluated_on"]
    if not told[split]["subset_accuracy"]["n"]:
        return []
    beside = [judge(told, *one) for one in simpler(told) for judge in (_against, surprise_against)]
    said = [_against_commonest(told), *beside, _surprise_left(told), _precision(told), absent(told), _missed(told),
            labels(told)]  # fmt: skip
    return spoken(told, said)


def said_set(labels: list[str]) -> str:
    """A set for people."""
    return ", ".join(f"“{label}”" for label in labels) or NONE


def _against_commonest(told: Facts) -> Sentence:
    guess = told["baselines"]["majority"][told["evaluated_on"]]
    f1, exact, gain = (guess[name] for name in ("f1_micro", "subset_accuracy", "f1_micro_difference"))
    ends = f" ({interval(f1)})" if f1["low"] is not None else ""
    reached = f"reach F1 {percent(f1['value'] or 0.0)}{ends}"
    right = f"{percent(exact['value'])} of the time ({interval(exact)}, n = {counted(told, exact['n'])})"
    naming = f"Always naming the commonest set ({said_set(told['commonest_set'])})"
    always = f"{naming} would {reached} and be exactly right {right}"
    if gain["low"] is not None and gain["low"] > 0:
        return PLAIN, f"{always}."
    return CAUTION, f"{always}: the model is not shown to be better than that."


def _against(told: Facts, words: str, baseline: Facts) -> Sentence:
    measured = baseline.get(told["evaluated_on"], {})
    its, gain = measured.get("f1_micro"), measured.get("f1_micro_difference")
    if not its or not gain or None in (its["value"], gain["value"], gain["low"], gain["high"]):
        return None
    said = f"{sentence(words)}{fitted_to(told, baseline)} reaches F1 {percent(its['value'])} ({interval(its)})"
    return compared(said, gain, points(abs(gain["value"])), difference_ends(gain), f" {remedy(told)}")


def _surprise_left(told: Facts) -> Sentence:
    found = told["surprise"][told["evaluated_on"]]
    before, after, share = found["label_entropy_bits"], found["cross_entropy_bits"], found["share_removed"]
    if not before or share["value"] is None:
        return None
    left = f"{bits(after['value'])} are left ({ends(after, 2)}, n = {counted(told, after['n'])})"
    said = f"A set of labels holds {bits(before)} of surprise; with the model, {left}"
    return surprise_gone(said, share, "naming how common each label is")


def _precision(told: Facts) -> Sentence:
    split = told["evaluated_on"]
    f1 = told[split]["f1_micro"]
    if None in (f1["low"], f1["high"]) or f1["high"] - f1["low"] < WIDE:
        return None
    wide = f"n = {counted(told, f1['n'])}: the interval of F1 is wide ({points(f1['high'] - f1['low'])})"
    return CAUTION, f"{wide}. Only more {narrowing(told)} narrow it."


def _missed(told: Facts) -> Sentence:
    """Labels of which not one was found."""
    missed = [row for row in told["per_class"] if row["support"] and not row["recall"]["value"]]
    if not missed:
        return None
    named = ", ".join(f"“{row['label']}” (n = {count(row['support'])})" for row in missed[:NAMED])
    more = f" and {count(len(missed) - NAMED)} more" if len(missed) > NAMED else ""
    them = "it" if len(missed) == 1 else "them"
    return CAUTION, f"It never found {named}{more}. More {items(told)} with {them} may help."
