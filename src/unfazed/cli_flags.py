"""The flags that several verbs of the command line share."""

from dataclasses import asdict, dataclass, make_dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Group, Parameter

from unfazed.recipe import allowed, knobs, parsed

RECIPE = Group("Recipe", help="Every hyperparameter; also keys of a TOML file (--recipe) and keyword arguments.")
SOURCE = Group("Source", help="What the source does not say by itself.")
MACHINE = Group("Machine", help="How this machine is used.")
OUTPUT = Group("Output")
PAGE = Group("Page", help="The page in the browser, on which people decide.")
CERTAINTY = Group("Certainty", help="How sure it may be, by what the validation rows of the run promise.")


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
UNSET = RecipeFlags()


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
    corrections
        A file of labels that people corrected, as unfazed review writes it; the sides stay as they are without it.
    more
        A file of examples that were labelled since, columns input and label: training rows, never held-out ones.
    merge_case
        Take labels that differ only in case or white space (Yes, yes) for one class, in the commonest spelling.
    """

    input: str | None = None
    group: str | None = None
    time: str | None = None
    corrections: str | None = None
    more: str | None = None
    merge_case: bool = False


@Parameter(group=PAGE)
@dataclass(frozen=True, kw_only=True)
class PageFlags:
    """How the page is served.

    Parameters
    ----------
    reviewer
        Who decides in the page that this command opens; by default the user. Others with the link are asked.
    host
        The address to listen on. Anybody who can reach it and has the link can decide.
    port
        By default any that is free.
    browser
        Whether to open the page where there is a screen.
    """

    reviewer: str | None = None
    host: str = "127.0.0.1"
    port: int = 0
    browser: bool = True


NO_LABEL_FLAGS, NO_SOURCE_FLAGS, PAGE_FLAGS = LabelFlags(), SourceFlags(), PageFlags()

JsonFlag = Annotated[bool, Parameter(name="--json", negative="", group=OUTPUT, help="Print JSON.")]
RecipeFile = Annotated[Path | None, Parameter(group=RECIPE, help="A TOML file of hyperparameters; flags override it.")]
CacheFlag = Annotated[
    Literal["none", "memory", "disk"],
    Parameter(
        group=MACHINE,
        help="Where decoded inputs are kept: on the disk, for later runs too (see unfazed cache); in memory; "
        "or nowhere, decoding them again for every batch. The result is the same. Texts and rows of tables go to the "
        "disk only where they are too large for the memory.",
    ),
]


def settings(options: SourceFlags, flags: Any) -> dict[str, Any]:
    """What was said, as the keyword arguments of `unfazed.train`.

    Raises:
        RecipeError: a value is of the wrong kind.
    """
    return asdict(options) | {name: parsed(name, text) for name, text in vars(flags).items() if text is not None}
