"""Labels that mean one thing and are written in several ways: 1 and 1.0, Yes and yes; and those that mean none at all.

Whole numbers that are equal are one class, 1 and 1.0; 1.5 and 1.50 may be versions, and stay two. What differs in case
or white space may be two classes, and becomes one where that was asked for; true and false, held against a model that
knows nothing else, are what programs write as True or TRUE. Which spelling a class gets: the one that a
model knows, else of numbers the shortest, of names the commonest.
"""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import NamedTuple

import polars as pl

from unfazed.blanks import NAMES, is_blank
from unfazed.label_sets import joined, parts
from unfazed.numerals import is_code
from unfazed.source_labels import SETS
from unfazed.table import Table, enumerated, listed, merged_key, natural_key, number_in

_WHOLE = re.compile(r"([+-]?[0-9]+)\.0*")  # 1.10 stays what it is: versions look like that
_NAMED = 3  # sets of classes that are nearly the same, or labels that were changed, told of one by one


class Spelling(NamedTuple):
    """By what labels are told apart.

    merge_case: those that differ only in case or in white space are one. known: the classes of a model that they are
    held against, whose spelling they get.
    """

    merge_case: bool = False
    known: Sequence[str] = ()


AS_WRITTEN = Spelling()


def without_blanks(table: Table, known: Collection[str] = ()) -> Table:
    """The table whose labels such as "nan" and "?", as missing values are written, are none; a note says which.

    They are what a column of a table holds: folders are classes, whatever they are called, and so are labels that are
    `known`, what would leave no two other classes, and words by which people call one, such as "none".
    """
    blanks = _blanks(table, known)
    dropped = {label for label in blanks if label.casefold() not in NAMES}
    others = {label for label in table.frame["label"] if label and label not in dropped and label not in known}
    if not dropped or (not known and len(others) < 2):
        return table
    rows = sum(blanks[label] for label in dropped)
    it, one = ("row has", "it counts as one") if rows == 1 else ("rows have", "they count as rows")
    said = _quoted(sorted(dropped, key=natural_key), "or")
    note = f"{rows:,} {it} the label {said}: {one} without a label. Where that is a class, write another word for it"
    labels = [None if label in dropped else label for label in table.frame["label"]]
    frame = table.frame.with_columns(label=pl.Series(labels, dtype=pl.String))
    left = [label for label in table.classes if label not in dropped]
    return replace(table, frame=frame, classes=left).with_notes(note)


def with_blank_classes(table: Table, known: Collection[str] = ()) -> Table:
    """The table `without_blanks`, with a note of the labels that are classes though missing values are so written."""
    blanks = {} if known else _blanks(table, known)
    if not blanks:
        return table
    rows = sum(blanks.values())
    said, of = _quoted(sorted(blanks, key=natural_key), "or"), "row" if rows == 1 else "rows"
    return table.with_notes(f"the label {said} ({rows:,} {of}) is taken for a class: where it means that nobody knows, "
                            "leave these cells empty")


def _blanks(table: Table, known: Collection[str]) -> Counter[str]:
    """How many rows have which label that is written as missing values are, where labels stand in a column."""
    if 'labels in "' not in table.kind or f'{SETS} in "' in table.kind:
        return Counter()
    return Counter(label for label in table.frame["label"] if label and label not in known and is_blank(label))


def spelt(table: Table, spelling: Spelling = AS_WRITTEN) -> Table:
    """The table of classes, or of sets of labels, with one spelling for each; notes say what became of the others."""
    counts = Counter(single for label in table.frame["label"] if label for single in table.singles(label))
    key = _key(counts, spelling, numbers='labels in "' in table.kind and table.task == "classification")
    if key is None:
        return table
    alike: dict[str, list[str]] = {}
    for label in counts:
        alike.setdefault(key(label), []).append(label)
    by_key = {key(label): label for label in reversed(spelling.known)}
    chosen = {
        label: label if label in spelling.known else by_key.get(name) or _chosen(labels, counts, key is _as_number)
        for name, labels in alike.items() for label in labels
    }  # fmt: skip
    changed = {old: new for old, new in chosen.items() if old != new}
    if not changed:
        return table
    labels = [label and _respelt(label, chosen, table.task) for label in table.frame["label"]]
    frame = table.frame.with_columns(label=pl.Series(labels, dtype=pl.String))
    classes = sorted({chosen.get(label, label) for label in table.classes}, key=natural_key)
    return replace(table, frame=frame, classes=classes).with_notes(_told(changed, counts, key is _as_number))


def as_known(labels: Iterable[str], table: Table, merge_case: bool) -> list[str]:
    """Labels that people gave since, as the classes of the table have them; those that are none of these stay."""
    if table.task == "regression":
        return list(labels)
    key = _key(table.classes, Spelling(merge_case, table.classes), numbers=table.task == "classification")
    if key is None:
        return list(labels)
    classes = {key(label): label for label in reversed(table.classes)}
    said = list(labels)
    singles = {single for label in said for single in table.singles(label)}
    known = {one: one if one in table.classes else classes.get(key(one), one) for one in singles}
    return [_respelt(label, known, table.task) for label in said]


def alike(classes: Sequence[str]) -> Iterator[str]:
    """Classes that differ only in case or in white space: most often one, written in several ways."""
    by_key: dict[str, list[str]] = {}
    for label in classes:
        by_key.setdefault(merged_key(label), []).append(label)
    found = [labels for labels in by_key.values() if len(labels) > 1]
    for labels in found[:_NAMED]:
        spaces = len({"".join(label.split()) for label in labels}) < len(labels)
        cases = len({label.casefold() for label in labels}) < len(labels)
        what = "case" if cases and not spaces else "white space" if spaces and not cases else "case and white space"
        yield f"{_quoted(labels, 'and')} differ only in {what}: --merge-case makes them one class"
    if len(found) > _NAMED:
        yield f"{len(found) - _NAMED:,} more sets of classes differ only in case or white space"


def same(table: Table, merge_case: bool) -> Callable[[str], str]:
    """What labels that are one class by the spelling of a run, whose `table` it is, have in common."""
    return _key(table.classes, Spelling(merge_case, table.classes), numbers=table.task == "classification") or str


def _key(labels: Iterable[str], spelling: Spelling, numbers: bool) -> Callable[[str], str] | None:
    """What equal labels have in common; None where only those that are written alike are equal."""
    asked = list(spelling.known or labels)
    if numbers and asked and all(number_in(label) == number_in(label) and not is_code(label) for label in asked):
        return _as_number
    if spelling.known and sorted(map(str.casefold, asked)) == ["false", "true"]:
        return str.casefold
    return merged_key if spelling.merge_case else None


def _as_number(label: str) -> str:
    """A whole number without a point, 1 for 1.0 and +1; any other label as it is."""
    found = _WHOLE.fullmatch(label)
    return (found[1] if found else label).removeprefix("+")


def _chosen(labels: Sequence[str], counts: Counter[str], shortest: bool) -> str:
    """The spelling that a class gets: of numbers the shortest, else the commonest."""
    return min(labels, key=lambda label: (len(label) * shortest, -counts[label], natural_key(label)))


def _respelt(label: str, chosen: dict[str, str], task: str) -> str:
    if task != "multilabel":
        return chosen.get(label, label)
    single = parts(label)
    new = {chosen.get(one, one) for one in single}
    return label if new == set(single) else joined(sorted(new, key=natural_key))


def _told(changed: dict[str, str], counts: Counter[str], numbers: bool) -> str:
    why = "are equal as numbers" if numbers else "differ only in case or white space"
    said = [f"{listed([old])} is {listed([new])} ({counts[old]:,})" for old, new in list(changed.items())[:_NAMED]]
    more = f" and {len(changed) - _NAMED:,} more" if len(changed) > _NAMED else ""
    return f"labels that {why} are one class: {', '.join(said)}{more}"


def _quoted(labels: Sequence[str], word: str) -> str:
    """Labels in quotes, and the word before the last: "a", "b" and "c"."""
    return enumerated((listed([label]) for label in labels), word)
