"""What a run folder holds before the first step, so that a run that is killed can be understood and gone on with."""

import platform
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import torch

import unfazed
from unfazed import corrections, labelled
from unfazed.device import best_device, describe
from unfazed.errors import RunError, SourceError
from unfazed.model.build import family_of
from unfazed.report.words import count
from unfazed.run import FORMAT, Run
from unfazed.samples import PREFIX
from unfazed.source import SourceOptions
from unfazed.source_hub import PREFIX as HUB
from unfazed.split import Duplicate, duplicate_rows
from unfazed.table import Table, listed
from unfazed.verb.plan import Plan
from unfazed.verb.prepare import Prepared


def write_setup(run: Run, source: Any, options: SourceOptions, prepared: Prepared, planned: Plan) -> None:
    """Write recipe, table, preprocessor, problems and the description of the model; the origin last."""
    run.write_recipe(planned.recipe)
    run.write_table(prepared.table)
    run.write_text("preprocessor.json", prepared.preprocessor.to_json())
    run.write_csv("problems.csv", ("id", "input", "reason"), prepared.problems)
    if same := duplicate_rows(prepared.table):
        run.write_csv("duplicates.csv", Duplicate._fields, same)
    if prepared.corrections:
        run.write_csv(corrections.FILE, corrections.COLUMNS, corrections.kept_lines(prepared.corrections))
    if prepared.labelled:
        run.write_csv(labelled.FILE, labelled.COLUMNS, labelled.kept_lines(prepared.labelled))
    run.write_json(
        "model.json",
        {
            "format": FORMAT,
            "modality": prepared.modality.name,
            "task": prepared.table.task,
            "family": family_of(planned.model),
            "arguments": planned.model.arguments,
            "classes": prepared.table.classes,
            "target": prepared.table.target,
            "distribution": "gaussian" if planned.recipe.loss == "gaussian" else None,
            "scale": prepared.scale._asdict() if prepared.scale else None,
            "parameters": sum(weight.numel() for weight in planned.model.parameters()),
        },
    )
    run.write_json(
        "origin.json",
        {
            "format": FORMAT,
            "unfazed": unfazed.__version__,
            "python": platform.python_version(),
            "torch": str(torch.__version__),
            "numpy": np.__version__,
            "platform": platform.platform(),
            "device": describe(best_device()),
            "seed": planned.recipe.seed,
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "source": _findable(source),
            "options": _absolute(options),
            "data": {"sha256": prepared.fingerprint, "rows": len(prepared.table)},
            "flip": planned.evidence,
        },
    )


def source_of(run: Run, source: Any = None) -> tuple[Any, SourceOptions]:
    """Where the run's data came from, unless `source` is it, and what was said about it.

    Raises:
        RunError: the run does not say, or it came from a frame in memory.
    """
    recorded = run.origin.get("source")
    if source is None and not isinstance(recorded, str):
        raise RunError(f"{run.path} was trained on a frame in memory: hand it over again, resume(run, source=frame)")
    try:
        return recorded if source is None else source, SourceOptions(**run.origin.get("options", {}))
    except TypeError as error:
        raise RunError(f"{run.path}/origin.json is damaged: {error}") from error


def check_unchanged(run: Run, prepared: Prepared) -> None:
    """Raise SourceError, naming what changed, where the source no longer has the examples of the run."""
    if [one for one, _ in corrections.outcomes_in(run.path)] != [one for one, _ in prepared.corrections]:
        raise SourceError(
            f"the corrections are not those that the run was begun with: {run.path / corrections.FILE} has these. "
            "Put the file back as it was, or train anew"
        )
    before, now = run.table(), prepared.table
    was, has = _contents(before), _contents(now)
    changes = {
        "gone": [name for name in was if name not in has],
        "new": [name for name in has if name not in was],
        "changed": [name for name in was if name in has and was[name] != has[name]],
    }
    said = [f"{count(len(names))} {change} ({listed(names, 3)})" for change, names in changes.items() if names]
    if said:
        raise SourceError(
            f"the source is not what the run was begun on: {'; '.join(said)}. Put it back as it was, or train anew"
        )


def _contents(table: Table) -> dict[str, tuple[str | None, ...]]:
    """Content, label and side of each example, by its name."""
    frame = table.frame.select("id", "sha256", "label", "split")
    return {name: tuple(rest) for name, *rest in frame.iter_rows()}


def _absolute(options: SourceOptions) -> dict[str, Any]:
    """The options in words that hold from another folder too."""
    files = {"corrections": options.corrections, "more": options.more}
    return asdict(options) | {name: path and str(Path(path).expanduser().absolute()) for name, path in files.items()}


def _findable(source: Any) -> str | None:
    """The source in words that still lead to it from another folder; None for a frame in memory."""
    if isinstance(source, str) and source.startswith((PREFIX, HUB)):
        return source
    return str(Path(source).expanduser().absolute()) if isinstance(source, str | Path) else None
