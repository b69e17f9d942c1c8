"""The facts of how sure a run may be: calibration before and after, sets, intervals, answers given up.

Axis letters: N rows of the evaluated split, K classes. Every measured share is {"value", "low", "high", "n"}.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from unfazed.analysis.calibration import reliability
from unfazed.analysis.comparison import surprise_difference
from unfazed.analysis.conformal import bound, class_bounds, least_examples, sets
from unfazed.analysis.groups import Groups
from unfazed.analysis.intervals import Estimate, Floats, Integers, median, paired_mean, proportion
from unfazed.analysis.metrics import probability_scores
from unfazed.analysis.selection import curve
from unfazed.analysis.surprise import in_nats
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
    y, before, after, groups = seen.y[rows], seen.recorded[rows], seen.probs[rows], seen.table.groups(rows)
    confidence, right = before.max(axis=1, initial=0).astype(np.float64), before.argmax(1) == y
    calmer = in_nats(surprise_difference(y, after, before, groups))  # below 0: calibration helped
    return {
        "temperature": temperature._asdict() if temperature else None,
        "before": _calibrated(y, before, groups) if temperature else None,
        "after": _calibrated(y, after, groups),
        "log_loss_difference": calmer._asdict() if temperature else None,
        "sets": _sets(seen, y, before, groups) if split != "validation" else [],
        "curve": [
            {"answered": share, "errors": errors._asdict()}
            for share, errors in curve(confidence, right, groups)
        ],
    }


def _calibrated(y: Integers, probs: NDArray[np.floating], groups: Groups) -> dict[str, Any]:
    bins = reliability(y, probs, groups)
    return {
        **{name: estimate._asdict() for name, estimate in probability_scores(y, probs, groups=groups).items()},
        "bins": [{"confidence": one.confidence, "right": one.right._asdict()} for one in bins],
    }


def _sets(seen: "Evidence", y: Integers, probs: NDArray[np.floating], groups: Groups) -> list[dict[str, Any]]:
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
            "coverage": proportion(found[np.arange(len(y)), y], groups)._asdict(),
            "single": proportion(size == 1, groups)._asdict(),
            "size": _no_set_is_empty(paired_mean(size.astype(np.float64), groups=groups))._asdict(),
        })  # fmt: skip
    return told


def _no_set_is_empty(mean: Estimate) -> Estimate:
    return mean._replace(low=max(mean.low, 1.0))


def certainty_of_numbers(seen: "EvidenceOfNumbers", split: str) -> dict[str, Any]:
    """What intervals from the validation rows came to on the `split`: how many hold the target, and their width."""
    if split == "validation":
        return {"intervals": []}
    rows, held_out = seen.table.rows("validation"), seen.table.rows(split)
    held_out = held_out[np.isfinite(seen.targets[held_out])]
    scores, off = (distances(seen.targets[one], _outputs(seen, one)) for one in (rows, held_out))
    groups = seen.table.groups(held_out)
    width = 2 * deviations(_outputs(seen, held_out))
    told = []
    for level in (level for level in LEVELS if len(scores) >= least_examples(level) and len(off)):
        radius = bound(scores, level)
        told.append({
            "level": level,
            "calibrated_on": len(scores),
            "coverage": proportion(off <= radius, groups)._asdict(),
            "median_width": median(width * radius, groups)._asdict(),
        })  # fmt: skip
    return {"intervals": told}


def _outputs(seen: "EvidenceOfNumbers", rows: Integers) -> Floats:
    """Numbers [n, 1], with their deviations where the model says them [n, 2]."""
    columns = [seen.predicted] if seen.deviations is None else [seen.predicted, seen.deviations]
    return np.stack(columns, axis=1)[rows]
