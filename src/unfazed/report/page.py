"""report.html: one file that opens offline, asks nobody for anything, and treats every label and name as hostile."""

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import TYPE_CHECKING, Any

from unfazed.report import numbers_page, sets_page
from unfazed.report.background import data, onward, recipe, time_and_machine
from unfazed.report.card import card
from unfazed.report.certainty_page import certainty, intervals
from unfazed.report.diagnosis_page import diagnosis, in_brief
from unfazed.report.examples import Cells, Exhibits, classes_table, mistakes, surprising
from unfazed.report.exhibits import drawn
from unfazed.report.facts import Evidence, evidence, example, facts, finite, shown
from unfazed.report.labels_page import labels_to_check
from unfazed.report.markup import Html, join, tag
from unfazed.report.overview import hero, learning, splits, summary
from unfazed.report.shapes import only_run_errors

if TYPE_CHECKING:
    from unfazed.run import Run

Facts = Mapping[str, Any]
PAGE = "report.html"
LOGO = "M1.5 9C4 -1 6.5 -1 9 9S13.5 15 16 9s4-4 6 0 3 0 6.5 0"  # a wave that calms down
PARTS = {"verdict": "Verdict", "diagnosis": "Diagnosis", "sets": "Sets", "learning": "Learning",
         "mistakes": "Mistakes", "classes": "Classes", "predictions": "Predictions", "certainty": "Certainty",
         "labels": "Labels", "surprises": "Surprises", "data": "Data", "recipe": "Recipe", "time": "Time"}  # fmt: skip
PARTS_OF_SETS = {**PARTS, "classes": "Labels", "labels": "To check"}


def write_report(run: "Run") -> Path:
    """Write report.json, report.html and README.md from the run's files; gives the path of the page.

    Raises:
        RunError: a file of the run is missing or damaged, or the files contradict one another.
    """
    with only_run_errors(run.path):
        told, cells, exhibits = _read(run)
    texts = {
        "report.json": json.dumps(told, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "README.md": card(told),
        PAGE: PAGES[run.task](told, cells, exhibits),
    }
    for name, text in texts.items():
        run.write_text(name, text)
    return run.path / PAGE


def _read(run: "Run") -> tuple[Facts, Cells, Exhibits]:
    """The facts, the examples of each cell of the confusion matrix where there is one, and exhibits by row."""
    seen = evidence(run) if run.task == "classification" else None
    told = facts(run, seen)
    cells = _cells(seen, run.classes) if seen else {}
    checked = told["labels"]["first"] if told.get("labels") else []
    wanted = [row["row"] for part in (*told["surprising"].values(), checked, *cells.values()) for row in part]
    return told, cells, drawn(run.exhibits(), wanted)


def page(told: Facts, cells: Cells, exhibits: Exhibits) -> str:
    """The page of a run that predicts classes."""
    parts = [
        summary(told),
        diagnosis(told),
        splits(told),
        learning(told),
        mistakes(told, cells, exhibits),
        classes_table(told),
        certainty(told),
        labels_to_check(told, exhibits),
        surprising(told, exhibits),
    ]
    return _whole(told, PARTS, hero(told), parts)


def page_of_numbers(told: Facts, _: Cells, exhibits: Exhibits) -> str:
    """The page of a run that predicts numbers."""
    parts = [
        numbers_page.summary(told),
        diagnosis(told),
        numbers_page.splits(told),
        numbers_page.learning(told),
        numbers_page.predictions(told),
        intervals(told),
        labels_to_check(told, exhibits),
        numbers_page.surprising(told, exhibits),
    ]
    return _whole(told, PARTS, numbers_page.hero(told), parts)


def page_of_sets(told: Facts, _: Cells, exhibits: Exhibits) -> str:
    """The page of a run that predicts sets of labels."""
    parts = [
        sets_page.summary(told),
        diagnosis(told),
        sets_page.splits(told),
        learning(told),
        sets_page.labels_table(told),
        labels_to_check(told, exhibits),
        sets_page.surprising(told, exhibits),
    ]
    return _whole(told, PARTS_OF_SETS, sets_page.hero(told), parts)


PAGES = {"classification": page, "regression": page_of_numbers, "multilabel": page_of_sets}


def _whole(told: Facts, names: Mapping[str, str], head: Html, parts: Sequence[Html | None]) -> str:
    """The page of parts and those that end every page, with links to the named ones that it has."""
    main = tag("main", *parts, data(told), recipe(told), time_and_machine(told), onward(told))
    links = {part: name for part, name in names.items() if f' id="{part}"' in main}
    body = tag("div", bar(links), head, in_brief(told), main, _foot(told), class_="wrap")
    return document(f"{told['source']['name']}: {told['headline']}", body)


def document(title: str, body: Html) -> str:
    """A whole page around `body`: it may load and run nothing but its own style and script."""
    style, script, frame = (asset("unfazed.report", f"page.{kind}") for kind in ("css", "js", "html"))
    allowed = policy("img-src data:; media-src data:", style, script)
    return Template(frame).substitute(
        policy=allowed, title=join(title), style=style, script=script, body=body
    )


def _cells(seen: Evidence, classes: list[str]) -> Cells:
    """The facts of the examples of each cell."""
    from unfazed.analysis.surprise import surprise

    bits = surprise(seen.y, seen.probs)
    return {
        cell: finite([example(seen, classes, row, float(bits[row])) for row in rows])
        for cell, rows in shown(seen).cells.items()
    }


def policy(allowed: str, style: str, script: str) -> str:
    """What a page may load and run: what is allowed, and its own style and script, told by their hashes."""
    own = f"style-src {_hash(style)}; script-src {_hash(script)}"
    return f"default-src 'none'; {allowed}; {own}; base-uri 'none'; form-action 'none'"


def _hash(content: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}'"


@cache
def asset(package: str, name: str) -> str:
    """The text of a file beside the modules of a package."""
    return (files(package) / name).read_text(encoding="utf-8")


def bar(parts: Mapping[str, str]) -> Html:
    """The head of a page: the brand, and links to its parts by their ids."""
    logo = tag("svg", tag("path", d=LOGO), viewBox="0 0 30 18", aria_hidden="true")
    links = tag("nav", *(tag("a", name, href=f"#{part}") for part, name in parts.items()), aria_label="Parts")
    return tag("div", tag("div", logo, "unfazed", class_="brand"), links if parts else None, class_="bar")


def _foot(told: Facts) -> Html:
    made = " ".join(filter(None, ["Unfazed", told["origin"].get("unfazed")]))
    return tag(
        "footer",
        tag("p", f"Written by {made} from the files of the run folder. The same facts are in report.json."),
        tag("p", "Intervals hold the true value in 95 of 100 cases, as far as new examples resemble these."),
    )
