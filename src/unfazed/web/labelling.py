"""The examples of a query under a person's eyes: they have no label yet, and get one. The page is that of a review.

Axis letters: N rows of the run, k examples of the query, which are the rows N, N + 1 … here.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl

from unfazed.corrections import Correction, people_in
from unfazed.errors import UsageError
from unfazed.labelled import FILE, Labelled, labels_in
from unfazed.report.words import count, percent
from unfazed.table import Table
from unfazed.verb import queries
from unfazed.web.decisions import Decision
from unfazed.web.review import Review


class Labelling(Review):
    """The unlabelled examples of one query, the most worth labelling first. Safe for many threads."""

    labelling = True
    file = FILE
    fields = Labelled._fields
    key = "input"
    actions = ("label", "drop", "unsure")
    asked = "examples to label"

    def __init__(self, folder: Path):
        """Take up the query in `folder`.

        Raises:
            RunError: it is damaged, or its run.
        """
        query = queries.opened(folder)
        own = query.run.table()
        new = Table.of(query.frame.select("id", "input", "sha256"), own.root, own.kind).frame
        self.folder, self.first, self.query = folder, len(own), query
        rows = pl.int_range(len(own), len(own) + len(new), eager=True)
        issues = query.frame.select(rows.alias("row"), pl.col("predicted").alias("suggested"), "neighbours")
        self._begin(query.run, replace(own, frame=pl.concat([own.frame, new])), issues, folder)
        self.lead = f"{count(len(issues), 'examples')} to label, the most worth it first."

    def start(self) -> dict[str, Any]:
        """What the page has to know before it shows anything."""
        return super().start() | {"source": self.query.data, "splits": [], "rows": len(self.order)}

    def item(self, row: int) -> dict[str, Any]:
        """What a list says about a row, and why it was chosen."""
        reason = self.query.frame["reason"][row - self.first] if row >= self.first else ""
        return {**super().item(row), "reason": reason}

    def decide(self, said: dict[str, Any]) -> dict[str, Any]:
        """Take a decision about an example of the query; see `Review.decide`."""
        row = said.get("row")
        if type(row) is int and 0 <= row < self.first:
            raise UsageError(f"row {row} has a label: it is one of the run's own")
        return super().decide(said)

    def stated(self, row: int) -> Correction:
        """What is known of an example: all of its input, since it is in no source."""
        about = self.table.frame.row(row, named=True)
        return super().stated(row)._replace(input=about["input"])

    def earlier(self) -> dict[str, Labelled]:
        """By input, the labels of this run's other queries, and those that it was trained with before."""
        return self._given(other for other in self._begun() if other is not self)

    def lines(self) -> list[Labelled]:
        """Every label that was given in a query of this run, and those that it was trained with before."""
        return list(self._given(self._begun()).values())

    def _given(self, queries: Iterable["Labelling"]) -> dict[str, Labelled]:
        found = {one.input: one for one in labels_in(self.run.path)}
        for other in queries:
            for row, decision in sorted(other.decisions.standing().items()):
                if decision.action == "label":
                    found[other.table.frame["input"][row]] = other._labelled(row, decision)
        return found

    def counted(self) -> str:
        """What was decided in this query, in words; empty where nothing was."""
        standing = self.decisions.standing().values()
        if not standing:
            return ""
        actions = Counter(one.action for one in standing)
        people = ", ".join(people_in(one.who for one in standing))
        others = "".join(f", {actions[name]:,} {word}" for name, word in (("drop", "dropped"), ("unsure", "unsure")))
        said = f"{count(actions['label'], 'labels')} by {people}{others}"
        every = len(self.lines())
        more = f"; the file holds {count(every)} with those given before" if every != actions["label"] else ""
        return said + more

    def _begun(self) -> Iterator["Labelling"]:
        for folder in queries.kept(self.run):
            if folder.resolve() == self.folder.resolve():
                yield self
            elif queries.is_begun(folder):
                yield Labelling(folder)

    def _labelled(self, row: int, one: Decision) -> Labelled:
        about = self.stated(row)
        return Labelled(about.input, one.corrected, one.who, one.when, one.why, about.sha256, about.run)

    def _candidates(self, row: int) -> list[dict[str, Any]]:
        """The most probable classes."""
        if row < self.first:
            return []
        its = self.query.frame["candidates"][row - self.first].to_list()
        return [one | {"share": percent(one["probability"])} for one in its]

    def _early(self, row: int) -> int:
        return 0

    def _speaks_for(self, row: int) -> str | None:
        """The most probable class, or label."""
        best = max(self._candidates(row), key=lambda one: one["probability"], default=None)
        return best["label"] if best else None
