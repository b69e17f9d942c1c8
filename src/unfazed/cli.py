"""The command line: one function a verb. What a verb needs is imported inside it, so that `--help` is instant."""

import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import App, CycloptsError, Parameter, UnknownOptionError, UnusedCliTokensError

from unfazed.cli_diagnose import diagnose
from unfazed.cli_flags import (
    CERTAINTY,
    MACHINE,
    NO_LABEL_FLAGS,
    NO_SOURCE_FLAGS,
    OUTPUT,
    UNSET,
    CacheFlag,
    JsonFlag,
    LabelFlags,
    RecipeFile,
    RecipeFlags,
    SourceFlags,
    settings,
)
from unfazed.cli_labels import label_issues, query, review
from unfazed.console import console_of_output, leave_unread, print_whole, write_every_letter
from unfazed.errors import InputError, UnfazedError, UsageError, did_you_mean
from unfazed.files import FULL, STANDARD_OUTPUT, is_standard_output
from unfazed.verb.launch import follows, is_launched, launched, speaks

WRITTEN = ("--csv", "--export", "--static", "--out")  # options that name a file to write


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


@app.command
def train(
    source: str | None = None,
    *,
    resume: Annotated[Path | None, Parameter(group=OUTPUT)] = None,
    out: Annotated[Path | None, Parameter(group=OUTPUT)] = None,
    options: Annotated[SourceFlags, Parameter(name="*")] = NO_SOURCE_FLAGS,
    cache: CacheFlag = "disk",
    time_limit: Annotated[str | None, Parameter(group=MACHINE)] = None,
    num_processes: Annotated[int, Parameter(group=MACHINE)] = 1,
    tracker: Annotated[str | None, Parameter(group=OUTPUT)] = None,
    recipe: RecipeFile = None,
    json_: Annotated[bool, Parameter(name="--json", negative="", group=OUTPUT)] = False,
    quiet: Annotated[bool, Parameter(negative="", group=OUTPUT)] = False,
    flags: Annotated[RecipeFlags, Parameter(name="*")] = UNSET,
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
        Tell trackers about the run: tensorboard, mlflow, wandb, aim, comet_ml …, separated by commas.
    json_
        Print what happens as JSON lines.
    quiet
        Print only the path of the run.
    """
    from unfazed.verb.time_limit import time_limit as limit_of

    limit = limit_of(time_limit)  # the clock starts before torch is imported
    if resume is not None:
        if (source, out, recipe, limit, options, flags) != (None, None, None, None, NO_SOURCE_FLAGS, UNSET):
            raise UsageError("--resume goes on with a run as it was begun: it takes no source and no other setting")
    elif source is None:
        raise UsageError("train wants a SOURCE, such as a folder of class folders or sample:digits, or --resume RUN")
    if num_processes != 1 and not is_launched():
        sys.exit(launched(num_processes))
    from unfazed.report.terminal import as_json, show, silently, summary
    from unfazed.verb.trackers import tracked, tracker_names
    from unfazed.verb.train import resumed_events, separated, training_events

    trackers = tracker_names(tracker)
    if resume is not None:
        events = resumed_events(resume, cache=cache)
    else:
        assert source is not None
        events = training_events(source, *separated(settings(options, flags), recipe), out, cache, limit)
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
    options: Annotated[SourceFlags, Parameter(name="*")] = NO_SOURCE_FLAGS,
    cache: CacheFlag = "disk",
    recipe: RecipeFile = None,
    json_: JsonFlag = False,
    flags: Annotated[RecipeFlags, Parameter(name="*")] = UNSET,
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

    events = range_test_events(source, *separated(settings(options, flags), recipe), repeats, out, cache)
    console = console_of_output(out)
    found = follow(events, None if json_ else console)
    if json_:
        _tell(json.dumps(as_facts(found)))
    else:
        console.print(told(found, console.width), soft_wrap=not console.is_terminal)
        if out is not None and not is_standard_output(out):
            console.print(f"  page  {out}", soft_wrap=not console.is_terminal, markup=False)


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
    confidence_level: Annotated[float | None, Parameter(group=CERTAINTY)] = None,
    class_conditional: Annotated[bool, Parameter(negative="", group=CERTAINTY)] = False,
    max_risk: Annotated[float | None, Parameter(group=CERTAINTY)] = None,
) -> None:
    """Predict files, folders, or rows of a table: label and confidence, or prediction (and deviation, if learnt).

    Parameters
    ----------
    run
        The run folder.
    items
        Files, folders, texts, or CSV, TSV, Parquet or JSONL files of paths, texts or rows; sample:NAME; or - for the
        standard input: a path or a text a line, or a table of rows.
    path
        The column of paths of such a table; by default the one with the most that are files.
    header
        Whether the first line of such a table names its columns.
    format_
        By default a table on a terminal and CSV elsewhere.
    probs
        Also print the probability of every class, where classes are predicted.
    confidence_level
        Also print a set of classes, or an interval of numbers, that holds the truth so often: 0.9 for nine in ten.
    class_conditional
        Sets that keep the level for every class by its own, not only for all together.
    max_risk
        Answer only where, with 95 % certainty, at most this share of the answers is wrong: 0.05. For classes.
    """
    from unfazed.certainty import Asked, promised
    from unfazed.report.predictions import Told, written
    from unfazed.run import Run
    from unfazed.verb.predict import predicted

    _say_if_unfinished(run)
    certainty = promised(Run.open(run), Asked(confidence_level, class_conditional, max_risk))
    for line in certainty.words:
        _add(line)
    console = console_of_output()
    form = format_ or ("table" if console.is_terminal else "csv")
    told = Told(predicted(run, items, path=path, header=header, certainty=certainty))
    for part in written(told, form, probs):
        console.print(part) if form == "table" else print(part, flush=True)
    for notice in told.notices:
        _add(notice)
    if certainty.answers:
        _add(told.answers)
    if told.failure:
        raise InputError(told.failure)


@app.command
def evaluate(
    run: Path,
    source: str,
    /,
    *,
    labels: Annotated[LabelFlags, Parameter(name="*")] = NO_LABEL_FLAGS,
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
        print_whole(console_of_output(), evaluation(facts))


@app.command
def compare(runs: list[Path], /, *, json_: JsonFlag = False) -> None:
    """Compare runs on the test examples that they have in common: which is better, and can that be told?

    Parameters
    ----------
    runs
        Two run folders or more, trained on the same data.
    """
    from unfazed.report.comparison import comparison
    from unfazed.verb.compare import compare as compared

    facts = compared(*runs)
    if json_:
        print(json.dumps(facts))
    else:
        print_whole(console_of_output(), comparison(facts))


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

    They take 20 GB at most, or what UNFAZED_CACHE_LIMIT says.

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
        _add(f"{path} is not finished; {run.how_to_go_on}")


for command in (diagnose, label_issues, review, query):
    app.command(command)


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
    given = sys.argv[1:] if arguments is None else arguments
    write_every_letter()
    words = [_stream(word, before) for word, before in zip(given, ("", *given), strict=False)]
    sys.exit(_status(lambda: app(words, exit_on_error=False, print_error=False)))


def _stream(word: str, before: str) -> str:
    """What "-" stands for, which to the parser would be an option: a file that is written, else one that is read."""
    option, _, value = word.partition("=")
    if option in WRITTEN and value == "-":
        return f"{option}={STANDARD_OUTPUT}"
    if word != "-":
        return word
    return str(STANDARD_OUTPUT) if before in WRITTEN else "/dev/stdin"


def _add(said: str) -> None:
    """Say it on the standard error, beside the result; what could steer a terminal is shown instead."""
    from unfazed.report.words import printable

    print("unfazed: " + "\n".join(map(printable, said.split("\n"))), file=sys.stderr)


def _status(command: Callable[[], Any]) -> int:
    try:
        command()
        sys.stdout.flush()
        return 0
    except UnusedCliTokensError as error:
        more = ", ".join(f'"{token}"' for token in error.unused_tokens or ())
        _add(f"this is too much: {more}. A name with a space in it needs quotes")
        return 2
    except (UnfazedError, CycloptsError) as error:
        if speaks(error):
            _add(_unknown(error) if isinstance(error, UnknownOptionError) else str(error))
        return 2 if isinstance(error, UsageError | CycloptsError) else 1
    except KeyboardInterrupt as interrupt:
        if speaks(interrupt):
            _add(str(interrupt) or "stopped")
        return 130
    except BrokenPipeError:  # the reader, such as `head`, has gone
        leave_unread()
        return 0
    except OSError as error:
        if error.errno not in FULL:
            raise
        leave_unread()  # what is not written yet would fail again
        _add(f"no room on the disk to write {error.filename or 'the standard output'}: make some")
        return 1


def _unknown(error: UnknownOptionError) -> str:
    word = str(error.token.keyword or error.token.value).partition("=")[0]
    options = [name for argument in error.argument_collection if argument.parse for name in argument.names]
    command = " ".join(["unfazed", *(error.command_chain or ())])
    return f"there is no option {word}.{did_you_mean(word, options)} {command} --help lists them"
