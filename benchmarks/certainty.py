"""Whether runs are as sure as they say: `python -m benchmarks.certainty [DATA] [WORD …]`.

Each data set is one cell: a process `unfazed train SOURCE`, and then arithmetic on what it recorded. Calibration: the
debiased error of the test rows before and after the temperature. Sets and intervals: the rows held out are divided a
hundred times at random into some to calibrate on and some to cover. Cells are kept under benchmarks/cells and not run
again; the table is benchmarks/certainty.md, written once all are there. Without DATA, a folder as benchmarks/README.md
describes it, only the samples are run; words choose the sets that have one of them in their names.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from benchmarks.accuracy import source as archived
from benchmarks.kinds import SETS, Set
from benchmarks.tables import CELLS, publish
from unfazed.analysis.calibration import calibration_error, scaled
from unfazed.analysis.conformal import bound, class_bounds, least_examples, members, sets
from unfazed.analysis.intervals import wilson
from unfazed.certainty import distances
from unfazed.run import Run

LEVELS = (0.8, 0.9, 0.95)
SPLITS, MORE_SPLITS = 100, 1000  # the second where few rows calibrate, and each split says little
FEW = 90
IMAGES = {"CIFAR-10": "cifar10", "EuroSAT": "eurosat", "five kinds of flowers": "flowers5"}
SAMPLES = ("digits", "wine", "breast_cancer", "docstrings", "synthetic-sounds", "diabetes")
Held = tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]


class Covered(NamedTuple):
    """Of one split, at one level: shares that hold the truth, of the bare sets and of those users get, and the size."""

    bare: float
    given: float
    size: float


def main(data: Path | None, wanted: list[str]) -> None:
    """Run the cells that are missing."""
    CELLS.mkdir(exist_ok=True)
    for one in chosen(data):
        path = _cell(one)
        if not wanted or any(word in one.name for word in wanted):
            if not path.exists():
                path.write_text(json.dumps(measured(one, data), indent=1))
                print(one.name, flush=True)
            publish("certainty.md", table(), map(_cell, chosen(Path())))


def _cell(one: Set) -> Path:
    return CELLS / f"certainty-{one.name.replace(' ', '-').replace(',', '').replace(':', '-')}.json"


def chosen(data: Path | None) -> list[Set]:
    """The data sets that can be had."""
    samples = [Set(f"sample:{name}", _named(f"sample:{name}")) for name in SAMPLES]
    images = [Set(said, _images(name)) for said, name in IMAGES.items()]
    others = [one for one in SETS if not one.name.startswith("spoken digits, by")]
    return samples + (images + others if data else [])


def _named(name: str) -> Callable[[Path, Path], Any]:
    return lambda data, folder: name


def _images(name: str) -> Callable[[Path, Path], Any]:
    return lambda data, folder: archived(name, data, folder)


def measured(one: Set, data: Path | None) -> dict[str, Any]:
    """Train once with defaults; calibration and coverage from what the run recorded."""
    with tempfile.TemporaryDirectory() as scratch:
        folder, run = Path(scratch) / "data", Path(scratch) / "run"
        folder.mkdir()
        source = one.source((data or Path()).absolute(), folder)
        command = [sys.executable, "-m", "unfazed", "train", str(source), "--out", str(run), "--quiet", *one.flags]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        done = Run.open(run)
        said = {"name": one.name, "task": done.task, "device": done.origin["device"]}
        return {**said, **(_of_numbers(done) if done.task == "regression" else _of_classes(done))}


def _of_classes(run: Run) -> dict[str, Any]:
    y, probs, table = run.table().y(), run.scores()["probs"], run.table()
    warm, test = run.temperature, table.rows("test")
    assert warm is not None
    held = {split: (y[rows], probs[rows]) for split in ("validation", "test") for rows in [table.rows(split)]}
    return {
        "temperature": warm._asdict(),
        "before": calibration_error(y[test], probs[test])._asdict(),
        "after": calibration_error(y[test], scaled(probs[test], warm.value))._asdict(),
        "classes": len(run.classes),
        **_coverages(held, _of_sets),
    }


def _of_numbers(run: Run) -> dict[str, Any]:
    targets, said, table = run.table().targets(), run.scores()["probs"], run.table()
    held = {split: (targets[rows], said[rows]) for split in ("validation", "test") for rows in [table.rows(split)]}
    return _coverages(held, _of_intervals)


def _coverages(held: dict[str, Held], covered: Callable[[Held, Held, float], Covered]) -> dict[str, Any]:
    """Over random splits of all rows held out, and once as users have it: validation rows for the test rows."""
    y, said = (np.concatenate([part[axis] for part in held.values()]) for axis in (0, 1))
    known = np.flatnonzero(y >= 0 if y.dtype.kind == "i" else np.isfinite(y))
    n = 20 * max(1, (len(known) // 2 + 1) // 20) - 1  # n + 1 times each level is a whole number: it can be met exactly
    generator, told, splits = np.random.default_rng(0), {}, SPLITS if n >= FEW else MORE_SPLITS
    for level in LEVELS:
        found = []
        for _ in range(splits):
            order = generator.permutation(known)
            first, rest = order[:n], order[n:]
            found.append(covered((y[first], said[first]), (y[rest], said[rest]), level))
        bare, given, size = np.array(found).T
        told[str(level)] = {
            "bare": float(bare.mean()), "deviation": float(bare.std(ddof=1)), "given": float(given.mean()),
            "size": float(size.mean()), "n": n, "covered": len(known) - n, "splits": splits,
            "as_trained": _as_trained(held, covered, level),
        }  # fmt: skip
    return {"levels": told}


def _as_trained(
    held: dict[str, Held], covered: Callable[[Held, Held, float], Covered], level: float
) -> dict[str, Any] | None:
    validation, test = held["validation"], held["test"]
    if len(validation[0]) < least_examples(level):
        return None
    share = covered(validation, test, level).bare
    return wilson(round(share * len(test[0])), len(test[0]))._asdict()


def _of_sets(first: Held, rest: Held, level: float) -> Covered:
    bounds, (y, probs) = class_bounds(*first, level), rest
    bare, given = members(probs, bounds), sets(probs, bounds)
    rows = np.arange(len(y))
    return Covered(float(bare[rows, y].mean()), float(given[rows, y].mean()), float(given.sum(1).mean()))


def _of_intervals(first: Held, rest: Held, level: float) -> Covered:
    radius = bound(distances(*first), level)
    share = float((distances(*rest) <= radius).mean())
    return Covered(share, share, 2 * radius)


def table() -> str:
    """The cells that there are, as Markdown."""
    cells = [json.loads(path.read_text()) for path in sorted(CELLS.glob("certainty-*.json"))]
    lines = [
        "# How sure it may be",
        "",
        "`unfazed train SOURCE` with defaults, seed 0. The calibration error is debiased (root mean square over bins",
        "of as many test rows each, less what chance alone puts there), with 95 % intervals.",
        "",
        "| data | test n | temperature (n) | calibration error before | after | after ≤ 2 %, or not excluded |",
        "|---|---|---|---|---|---|",
        *_calibrations(cells),
        "",
        "Coverage: all rows held out (validation and test) are divided at random into n to calibrate on and others to",
        f"cover, {SPLITS} times, or where n is below {FEW} {MORE_SPLITS:,} times; n + 1 is a multiple of 20, so that",
        "each level can be met exactly. Mean, and standard deviation over splits; in brackets that of the sets that",
        "users get, which always hold the likeliest class: at least the level. The last column is what a user has: the",
        "validation rows, which chose the epoch, for the test rows, once; its interval is of the test rows, and one",
        "validation set's own coverage varies about the level.",
        "",
        "| data | level | n | covered n | coverage over splits | size | validation → test |",
        "|---|---|---|---|---|---|---|",
        *_covered(cells),
        "",
        f"Measured on: {', '.join(sorted({cell['device'] for cell in cells}))}.",
    ]
    return "\n".join(lines) + "\n"


def _calibrations(cells: list[dict[str, Any]]) -> Iterator[str]:
    for cell in cells:
        if cell["task"] == "classification":
            warm, after = cell["temperature"], cell["after"]
            reached = "yes" if after["value"] <= 0.02 else "not excluded" if after["low"] <= 0.02 else "**no**"
            first = f"| {cell['name']} | {after['n']:,} | {warm['value']:.2f} ({warm['n']:,}) |"
            yield f"{first} {_percent(cell['before'])} | {_percent(after)} | {reached} |"


def _covered(cells: list[dict[str, Any]]) -> Iterator[str]:
    for cell in cells:
        for level, one in cell["levels"].items():
            given = f" ({100 * one['given']:.1f})" if cell["task"] == "classification" else ""
            beyond = abs(one["bare"] - float(level)) > 0.01
            share = f"{100 * one['bare']:.1f} ± {100 * one['deviation']:.1f} %{given}"
            trained = _percent(one["as_trained"]) if one["as_trained"] else "too few rows"
            yield (
                f"| {cell['name']} | {100 * float(level):.0f} % | {one['n']:,} | {one['covered']:,} | "
                f"{f'**{share}**' if beyond else share} | {one['size']:.3g} | {trained} |"
            )


def _percent(estimate: dict[str, float]) -> str:
    value, low, high = (100 * estimate[end] for end in ("value", "low", "high"))
    return f"{value:.1f} % ({low:.1f} – {high:.1f})"


if __name__ == "__main__":
    folder = [Path(word) for word in sys.argv[1:2] if Path(word).is_dir()]
    main(folder[0] if folder else None, sys.argv[1 + len(folder) :])
