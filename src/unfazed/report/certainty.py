"""The facts of how sure a run may be: calibration before and after, sets, intervals, answers given up.

Axis letters: N rows of the evaluated split, K classes. Every measured share is {"value", "low", "high", "n"}.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.calibration import reliability
from unfazed.analysis.conformal import bound, class_bounds, least_examples, sets
from unfazed.analysis.intervals import Estimate, Floats, Integers, paired_mean, wilson
from unfazed.analysis.metrics import probability_scores
from unfazed.analysis.selection import curve
from unfazed.analysis.surprise import BITS_PER_NAT, surprise
from unfazed.certainty import deviations, distances

if TYPE_CHECKING:
    from unfazed.report.facts import Evidence
    from unfazed.report.numbers import Evidence as EvidenceOfNumbers

LEVELS = (0.8, 0.9, 0.95)


def certainty(seen: "Evidence", split: str, temperature: Estimate | None) -> dict[str, Any]:
    """Calibration, sets and the trade of answers for errors, measured on the `split`.

    `before` and `after` are of the probabilities as the network gave them and as `predict` does. The sets are those
    of the validation rows; where there is no other split, none are measured.
    """
    rows = seen.table.rows(split)
    rows = rows[seen.y[rows] >= 0]
    y, before, after = seen.y[rows], seen.recorded[rows], seen.probs[rows]
    return {
        "temperature": temperature._asdict() if temperature else None,
        "before": _calibrated(y, before) if temperature else None,
        "after": _calibrated(y, after),
        "log_loss_difference": _difference(y, before, after)._asdict() if temperature else None,
        "sets": _sets(seen, y, before) if split != "validation" else [],
        "curve": [
            {"answered": share, "errors": errors._asdict()}
            for share, errors in curve(before.max(axis=1, initial=0).astype(np.float64), before.argmax(1) == y)
        ],
    }


def _calibrated(y: Integers, probs: NDArray[np.floating]) -> dict[str, Any]:
    return {
        **{name: estimate._asdict() for name, estimate in probability_scores(y, probs).items()},
        "bins": [{"confidence": one.confidence, "right": one.right._asdict()} for one in reliability(y, probs)],
    }


def _difference(y: Integers, before: NDArray[np.floating], after: NDArray[np.floating]) -> Estimate:
    """Nats that calibration added to the log loss, example by example; below 0 it helped."""
    return paired_mean((surprise(y, after) - surprise(y, before)) / BITS_PER_NAT)


def _sets(seen: "Evidence", y: Integers, probs: NDArray[np.floating]) -> list[dict[str, Any]]:
    """What sets from the validation rows came to on these: how many hold the label, and how large they are."""
    rows = seen.table.rows("validation")
    known = rows[seen.y[rows] >= 0]
    told = []
    for level in (level for level in LEVELS if len(known) >= least_examples(level) and len(y)):
        found = sets(probs, class_bounds(seen.y[known], seen.recorded[known], level))
        size = found.sum(1)
        told.append({
            "level": level,
            "calibrated_on": len(known),
            "coverage": wilson(int(found[np.arange(len(y)), y].sum()), len(y))._asdict(),
            "single": wilson(int((size == 1).sum()), len(y))._asdict(),
            "size": paired_mean(size.astype(np.float64))._asdict(),
        })  # fmt: skip
    return told


def certainty_of_numbers(seen: "EvidenceOfNumbers", split: str) -> dict[str, Any]:
    """What intervals from the validation rows came to on the `split`: how many hold the target, and their width."""
    if split == "validation":
        return {"intervals": []}
    rows, held_out = seen.table.rows("validation"), seen.table.rows(split)
    scores, off = (distances(seen.targets[one], _outputs(seen, one)) for one in (rows, held_out))
    width = 2 * deviations(_outputs(seen, held_out))
    told = []
    for level in (level for level in LEVELS if len(scores) >= least_examples(level) and len(off)):
        radius = bound(scores, level)
        coverage = wilson(int((off <= radius).sum()), len(off))
        told.append({
            "level": level,
            "calibrated_on": len(scores),
            "coverage": coverage._asdict(),
            "width": float(np.median(width) * radius),
        })  # fmt: skip
    return {"intervals": told}


def _outputs(seen: "EvidenceOfNumbers", rows: Integers) -> Floats:
    """Numbers [n, 1], with their deviations where the model says them [n, 2]."""
    columns = [seen.predicted] if seen.deviations is None else [seen.predicted, seen.deviations]
    return np.stack(columns, axis=1)[rows]
