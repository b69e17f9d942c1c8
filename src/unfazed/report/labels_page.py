"""The page's section of labels that may be wrong."""

from collections.abc import Mapping
from typing import Any

from unfazed.report import words
from unfazed.report.examples import Exhibits, gallery
from unfazed.report.exhibits import shown
from unfazed.report.labels import named, sentences
from unfazed.report.markup import Html, tag
from unfazed.report.typed import typed

Facts = Mapping[str, Any]


def labels_to_check(told: Facts, exhibits: Exhibits) -> Html | None:
    """How many labels are wrong, and the first of them; nothing is said where nothing was measured."""
    found = told.get("labels")
    if not found:
        return None
    first = found["first"]
    figures = tag("div", *(_figure(row, found, exhibits) for row in first), class_=gallery(first, exhibits))
    commands = typed("To look at them and decide: unfazed review RUN. As a list: unfazed label-issues RUN", told["run"])
    listed = tag("p", *commands, class_="soft small")
    return tag(
        "section",
        tag("h2", "Labels to check"),
        tag("p", words.tight(" ".join(sentences(found))), class_="lead"),
        tag("div", listed, figures, class_="card") if first else None,
        id="labels",
    )


def _figure(row: Facts, found: Facts, exhibits: Exhibits) -> Html:
    """One label: its probability of being wrong, what it might be instead, what its neighbours are called."""
    if row.get("error_probability") is not None:
        said = f"{words.percent(row['error_probability'])} likely wrong"
    elif row.get("residual") is not None:
        said = f"{words.figure(abs(row['residual']), 1)} × the usual"
    else:
        said = "in doubt"
    near = "; ".join(f"{times} × {named(label, found)}" for label, times in (row.get("neighbours") or {}).items())
    given, suggested = (named(row.get(name), found) for name in ("label", "suggested"))
    pairs = [("given", given), ("suggested", suggested), ("nearest", near)]
    lines = [tag("div", tag("dt", name), tag("dd", text, title=text)) for name, text in pairs if text]
    name = tag("span", tag("bdi", row["id"]), class_="id", title=row["id"])
    caption = tag("figcaption", tag("span", said, class_="bits"), tag("dl", *lines, class_="labels"), name)
    return tag("figure", shown(exhibits.get(row["row"]), str(row["id"])), caption)
