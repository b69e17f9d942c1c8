"""What a run folder holds before the first step, so that a run that is killed can be understood and gone on with."""

import platform
import shutil
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

import unfazed
from unfazed import corrections, labelled
from unfazed.device import best_device, describe
from unfazed.errors import DiskFullError, RunError, SourceError
from unfazed.files import expanded
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


class _Row(NamedTuple):
    """What has to be as it was."""

    content: str
    label: str | None
    side: str | None


def write_setup(run: Run, source: Any, options: SourceOptions, prepared: Prepared, planned: Plan) -> None:
    """Write recipe, table, preprocessor, problems and the description of the model; the origin last.

    Where that fails nothing is left of the run: nobody could go on with it.

    Raises:
        DiskFullError: there is no room for them.
    """
    try:
        _write(run, source, options, prepared, planned)
    except BaseException as error:
        shutil.rmtree(run.path, ignore_errors=True)
        if isinstance(error, DiskFullError):
            raise DiskFullError(
                f"no room on the disk for the run {run.path}: make some, or name a folder on another disk with --out. "
                "Training has not begun"
            ) from error
        raise


def _write(run: Run, source: Any, options: SourceOptions, prepared: Prepared, planned: Plan) -> None:
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
    if said := changes(run.table(), prepared.table):
        raise SourceError(
            f"the source is not what the run was begun on: {'; '.join(said)}. Put it back as it was, or train anew"
        )


def changes(before: Table, now: Table) -> list[str]:
    """How many rows are gone, new or no longer what they were, and which ones; empty where nothing changed."""
    was, has = _rows(before), _rows(now)
    both = {name: (was[name], has[name]) for name in was if name in has}
    names = {
        "gone": [name for name in was if name not in has],
        "new": [name for name in has if name not in was],
        "changed": [name for name, (old, new) in both.items() if old.content != new.content],
        "with another label": [
            name for name, (old, new) in both.items() if old.content == new.content and old.label != new.label
        ],
    }
    if not any(names.values()):  # else others, untouched, change sides too
        names = {"on another side": [name for name, (old, new) in both.items() if old.side != new.side]}
    return [f"{count(len(some))} {change} ({listed(some, 3)})" for change, some in names.items() if some]


def _rows(table: Table) -> dict[str, _Row]:
    """Each example by its name."""
    frame = table.frame.select("id", "sha256", "label", "split")
    return {name: _Row(*rest) for name, *rest in frame.iter_rows()}


def _absolute(options: SourceOptions) -> dict[str, Any]:
    """The options in words that hold from another folder too."""
    files = {"corrections": options.corrections, "more": options.more}
    return asdict(options) | {name: path and str(expanded(path).absolute()) for name, path in files.items()}


def _findable(source: Any) -> str | None:
    """The source in words that still lead to it from another folder; None for a frame in memory."""
    if isinstance(source, str) and source.startswith((PREFIX, HUB)):
        return source
    return str(expanded(source).absolute()) if isinstance(source, str | Path) else None
