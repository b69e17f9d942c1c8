"""The command line: one function a verb. What a verb needs is imported inside it, so that `--help` is instant."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, make_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Group, Parameter, UnusedCliTokensError

from unfazed.cli_diagnose import diagnose
from unfazed.cli_labels import label_issues
from unfazed.console import console_of_output, leave_unread
from unfazed.errors import InputError, UnfazedError, UsageError
from unfazed.recipe import allowed, knobs, parsed
from unfazed.verb.launch import follows, is_launched, launched, speaks

RECIPE = Group("Recipe", help="Every hyperparameter; also keys of a TOML file (--recipe) and keyword arguments.")
SOURCE = Group("Source", help="What the source does not say by itself.")
MACHINE = Group("Machine", help="How this machine is used.")
OUTPUT = Group("Output")


def _version() -> str:
    from unfazed import __version__

    return __version__


app = App(
    name="unfazed",
    help="Labelled data in, a model you can trust out.",
    help_format="plaintext",
    version=_version,
    suppress_keyboard_interrupt=False,
    help_epilogue="Start with: unfazed train sample:digits\n\n"
    "Exit status: 0 done; 1 it went wrong on the way; 2 what was asked for cannot be done as it is (a flag, a setting, "
    "the data, a run folder): the message says what to change; 130 stopped with Ctrl-C.",
)


def _flag(setting: Any, knob: Any) -> tuple[str, Any, Any]:
    """A flag of text: what it may say is judged once, by the recipe, with every other field."""
    only = f"for {' and '.join(knob.kinds)} data; " if knob.kinds else ""
    said = f"{knob.doc} ({only}{allowed(knob)}; default {'none' if setting.default == '' else setting.default})"
    shown = "NAME" if knob.options else "N" if setting.type is int else "X"
    return setting.name, Annotated[str | None, Parameter(help=said, group=RECIPE, metavar=shown)], None


# Each field of a recipe is a flag, None until the user says something. Without a module it would pass for a builtin.
RecipeFlags: Any = make_dataclass(
    "RecipeFlags",
    [_flag(setting, knob) for setting, knob in knobs()],
    kw_only=True,
    frozen=True,
    namespace={"__module__": __name__},
)
_UNSET = RecipeFlags()


@Parameter(group=SOURCE)
@dataclass(frozen=True, kw_only=True)
class LabelFlags:
    """How a source says its labels.

    Parameters
    ----------
    path
        The column of paths; by default the one with the most that are files.
    target
        The column of labels.
    label_regex
        For a flat folder: the first group of this pattern, matched in the file name, is the label.
    header
        Whether the table's first line names its columns; without, they are 0, 1, …
    """

    path: str | None = None
    target: str | None = None
    label_regex: str | None = None
    header: bool = True


@Parameter(group=SOURCE)
@dataclass(frozen=True, kw_only=True)
class SourceFlags(LabelFlags):
    """All that a source does not say by itself: the fields of `SourceOptions`, whose module is slow to import.

    Parameters
    ----------
    input
        The columns of a table to learn from, separated by commas; by default texts, or all columns.
    group
        A column whose equal values stay on one side of the split.
    time
        A column to split by: the latest rows are the test rows.
    """

    input: str | None = None
    group: str | None = None
    time: str | None = None


JsonFlag = Annotated[bool, Parameter(name="--json", negative="", group=OUTPUT, help="Print JSON.")]
RecipeFile = Annotated[Path | None, Parameter(group=RECIPE, help="A TOML file of hyperparameters; flags override it.")]
CacheFlag = Annotated[
    Literal["none", "memory", "disk"],
    Parameter(
        group=MACHINE,
        help="Where decoded inputs are kept: on the disk, for later runs too (see unfazed cache); in memory; "
        "or nowhere, decoding them again for every batch. The result is the same.",
    ),
]


def _settings(options: SourceFlags, flags: Any) -> dict[str, Any]:
    return asdict(options) | {name: parsed(name, text) for name, text in vars(flags).items() if text is not None}


@app.command
def train(
    source: str | None = None,
    *,
    resume: Annotated[Path | None, Parameter(group=OUTPUT)] = None,
    out: Annotated[Path | None, Parameter(group=OUTPUT)] = None,
    options: Annotated[SourceFlags, Parameter(name="*")] = SourceFlags(),
    cache: CacheFlag = "disk",
    time_limit: Annotated[str | None, Parameter(group=MACHINE)] = None,
    num_processes: Annotated[int, Parameter(group=MACHINE)] = 1,
    tracker: Annotated[str | None, Parameter(group=OUTPUT)] = None,
    recipe: RecipeFile = None,
    json_: Annotated[bool, Parameter(name="--json", negative="", group=OUTPUT)] = False,
    quiet: Annotated[bool, Parameter(negative="", group=OUTPUT)] = False,
    flags: Annotated[RecipeFlags, Parameter(name="*")] = _UNSET,
) -> None:
    """Train a model on labelled data and report the truth about it.

    Parameters
    ----------
    source
        Class folders, a folder with train and test, a CSV, TSV, Parquet or JSONL file, sample:NAME or hf:NAME.
    resume
        A run folder to go on with, instead of a source; everything else is as it was.
    out
        The run folder; by default a fresh one under runs/.
    time_limit
        Shape the whole run, report included, to take about this long: 90s, 10m, 1h30m.
    num_processes
        Processes on this machine that train together; for more machines see docs/scaling.md.
    tracker
        Tell TensorBoard, MLflow, wandb … about the run: their names, separated by commas.
    json_
        Print what happens as JSON lines.
    quiet
        Print only the path of the run.
    """
    from unfazed.verb.time_limit import time_limit as limit_of

    limit = limit_of(time_limit)  # the clock starts before torch is imported
    if num_processes != 1 and not is_launched():
        sys.exit(launched(num_processes))
    from unfazed.report.terminal import as_json, show, silently, summary
    from unfazed.verb.trackers import tracked, tracker_names
    from unfazed.verb.train import resumed_events, separated, training_events

    trackers = tracker_names(tracker)
    if resume is not None:
        if (source, out, recipe, limit, options, flags) != (None, None, None, None, SourceFlags(), _UNSET):
            raise UsageError("--resume goes on with a run as it was begun: it takes no source and no other setting")
        events = resumed_events(resume, cache=cache)
    elif source is None:
        raise UsageError("train wants a SOURCE, such as a folder of class folders or sample:digits, or --resume RUN")
    else:
        events = training_events(source, *separated(_settings(options, flags), recipe), out, cache, limit)
    events = tracked(events, trackers)
    if follows():
        silently(events)
    elif json_:
        for event in events:
            if line := as_json(event):
                _tell(json.dumps(line))
    elif quiet:
        print(silently(events).path)
    else:
        console = console_of_output()
        console.print(summary(show(events, console)), soft_wrap=not console.is_terminal, crop=False)


@app.command
def lr_find(
    source: str,
    /,
    *,
    repeats: Annotated[int, Parameter(group=OUTPUT)] = 3,
    out: Annotated[Path | None, Parameter(group=OUTPUT)] = None,
    options: Annotated[SourceFlags, Parameter(name="*")] = SourceFlags(),
    cache: CacheFlag = "disk",
    recipe: RecipeFile = None,
    json_: JsonFlag = False,
    flags: Annotated[RecipeFlags, Parameter(name="*")] = _UNSET,
) -> None:
    """Find which learning rates are worth trying, before training: the learning-rate range test.

    Parameters
    ----------
    source
        Labelled data, in any form that `train` takes.
    repeats
        How often the test is made, each time with fresh weights and another order of the examples.
    out
        An HTML file for the curve; nothing is written without it.
    """
    from unfazed.report.learning_rates import as_facts, follow, told
    from unfazed.verb.lr_find import range_test_events
    from unfazed.verb.train import separated

    events = range_test_events(source, *separated(_settings(options, flags), recipe), repeats, out, cache)
    console = console_of_output()
    found = follow(events, None if json_ else console)
    if json_:
        _tell(json.dumps(as_facts(found)))
    else:
        console.print(told(found, console.width), soft_wrap=not console.is_terminal)
        if out is not None:
            console.print(f"  page  {out}", soft_wrap=not console.is_terminal)


@app.command
def predict(
    run: Path,
    items: list[str],
    /,
    *,
    path: str | None = None,
    header: bool = True,
    format_: Annotated[Literal["table", "csv", "jsonl"] | None, Parameter(name="--format")] = None,
    probs: Annotated[bool, Parameter(negative="")] = False,
) -> None:
    """Predict files, folders, or rows of a table: label and confidence, or prediction (and deviation, if learnt).

    Parameters
    ----------
    run
        The run folder.
    items
        Files, folders, texts, or CSV, TSV, Parquet or JSONL files of paths, texts or rows.
    path
        The column of paths of such a table; by default the one with the most that are files.
    header
        Whether the first line of such a table names its columns.
    format_
        By default a table on a terminal and CSV elsewhere.
    probs
        Also print the probability of every class, where classes are predicted.
    """
    from unfazed.report.predictions import Told, written
    from unfazed.verb.predict import predicted

    _say_if_unfinished(run)
    console = console_of_output()
    form = format_ or ("table" if console.is_terminal else "csv")
    told = Told(predicted(run, items, path=path, header=header))
    for part in written(told, form, probs):
        console.print(part) if form == "table" else print(part, flush=True)
    for notice in told.notices:
        print(f"unfazed: {notice}", file=sys.stderr)
    if told.failure:
        raise InputError(told.failure)


@app.command
def evaluate(
    run: Path,
    source: str,
    /,
    *,
    labels: Annotated[LabelFlags, Parameter(name="*")] = LabelFlags(),
    json_: JsonFlag = False,
) -> None:
    """Measure a run on other labelled data, each metric with its interval.

    Parameters
    ----------
    run
        The run folder.
    source
        Labelled data, in any form that `train` takes.
    """
    from unfazed.report.terminal import evaluation
    from unfazed.verb.evaluate import evaluate as evaluated

    _say_if_unfinished(run)
    facts = evaluated(run, source, **asdict(labels))
    if json_:
        print(json.dumps(facts))
    else:
        console = console_of_output()
        console.print(evaluation(facts), soft_wrap=not console.is_terminal)


@app.command
def report(run: Path, /) -> None:
    """Write the report of a run again: report.html, report.json and the model card.

    Parameters
    ----------
    run
        The run folder.
    """
    from unfazed.report.page import write_report
    from unfazed.run import Run

    print(write_report(Run.open(run)))


@app.command(name="cache")
def cached(
    *,
    clear: Annotated[bool, Parameter(negative="")] = False,
    json_: Annotated[bool, Parameter(name="--json", negative="")] = False,
) -> None:
    """Show the decoded inputs that are kept for later runs, or remove them.

    Parameters
    ----------
    clear
        Remove them; a run that is using them goes on undisturbed.
    json_
        Print JSON.
    """
    from unfazed.cache import clear as freed
    from unfazed.report.cached import facts, listing

    told = {**({"freed": freed()} if clear else {}), **facts()}
    print(json.dumps(told)) if json_ else console_of_output().print(listing(told), soft_wrap=True)


def _say_if_unfinished(path: Path) -> None:
    from unfazed.run import Run

    if not (run := Run.open(path)).finished:
        print(f"unfazed: {path} is not finished; {run.how_to_go_on}", file=sys.stderr)


app.command(diagnose)
app.command(label_issues)


def _tell(line: str) -> None:
    """Print a line at once; where nobody reads any more, go on without."""
    try:
        print(line, flush=True)
    except BrokenPipeError:
        leave_unread()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its status.

    0: done. 1: it went wrong on the way. 2: what was asked for, the data or a run folder cannot be used as it is.
    130: Ctrl-C.
    """
    sys.exit(_status(lambda: app(arguments, exit_on_error=False, print_error=False)))


def _status(command: Callable[[], Any]) -> int:
    try:
        command()
        sys.stdout.flush()
        return 0
    except UnusedCliTokensError as error:
        more = ", ".join(f'"{token}"' for token in error.unused_tokens or ())
        print(f"unfazed: this is too much: {more}. A name with a space in it needs quotes", file=sys.stderr)
        return 2
    except (UnfazedError, CycloptsError) as error:
        if speaks(error):
            print(f"unfazed: {error}", file=sys.stderr)
        return 2 if isinstance(error, UsageError | CycloptsError) else 1
    except KeyboardInterrupt as interrupt:
        if speaks(interrupt):
            print(f"unfazed: {interrupt}" if str(interrupt) else "unfazed: stopped", file=sys.stderr)
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has gone
        leave_unread()
        return 0
