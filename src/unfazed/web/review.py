"""What is to be reviewed: the labels of a run, the most doubtful first, with the evidence and what people decided.

Axis letters: N rows, K classes. The rank of a row is its place in the list, from 0.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from unfazed.corrections import ACTIONS, CHANGING, FILE, Correction, applied_in, people_in, set_in, valid_label
from unfazed.errors import UsageError
from unfazed.files import as_csv
from unfazed.label_sets import NO_LABELS, labels_of, parts
from unfazed.report.words import count, percent
from unfazed.run import Run
from unfazed.table import SPLITS, Table
from unfazed.verb.label_issues import Issues, label_issues
from unfazed.web.beliefs import Beliefs, beliefs
from unfazed.web.decisions import FOLDER, Decision, Decisions
from unfazed.web.earlier import decided_before, in_terms_of_the_source
from unfazed.web.said import LONGEST_NAME, LONGEST_SESSION, LONGEST_WHY, reviewer_name, text, whole
from unfazed.web.things import Shown, Things

PAGE = 60  # rows of a list at most
CANDIDATES = 5  # classes that are shown with their probabilities
NEIGHBOURS = 8
DIGITS = 4  # of a number that the page is told
BRIEF = 200  # letters of an input that stands in the table itself
KEY = r'"(?:[^"\\]|\\.)*": '  # the name of a column in the JSON of a row
STATES = ("open", "decided", "keep", "relabel", "label", "drop", "unsure")


@dataclass(frozen=True)
class Wanted:
    """Which rows a list holds: all that fit every field; an empty one asks for nothing."""

    split: str = ""
    label: str = ""
    suggested: str = ""
    state: str = ""  # one of STATES
    worth: bool = False  # those worth a look alone
    low: float = 0.0  # probability of being wrong; where it is not known, the row fits
    high: float = 1.0
    text: str = ""  # in the id, or in an input that stands in the table itself


class Review:
    """The labels of one run under review. Safe for many threads."""

    labelling = False  # whether the examples have no label yet
    file = FILE  # what the decisions become
    fields: tuple[str, ...] = Correction._fields  # its columns
    key = "id"  # the column that tells its lines apart
    actions: tuple[str, ...] = ACTIONS
    asked: str  # in words
    lead: str  # what there is to look at, in a sentence
    onward = ""  # the command that trains again with `file`, where it is known
    _predicted: NDArray[np.int64] | None = None  # [N], by the finished model; None where no classes are, or no weights
    before: Mapping[int, dict[str, Any]] = MappingProxyType({})  # by row, decisions that the run was trained with

    def __init__(self, run: Run):
        """Audit the labels of `run`.

        Raises:
            RunError: a file of the run is missing or damaged. UsageError: there are too many sets of too many labels.
        """
        audit = label_issues(run, every=True)
        self._begin(run, run.table(), audit.frame, run.path / FOLDER)
        self.asked = f"{labels_of(run.task)} worth a look"
        self.worth = audit.worth  # the first ones of the list, that are worth a look
        self.lead = _lead(audit, self.asked)
        self._beliefs: Beliefs | None = beliefs(run) if run.task != "regression" else None
        self._predicted = run.scores()["probs"].argmax(1) if run.task != "regression" else None
        own = str(run.path.resolve())
        self._earlier = {one.id: one._replace(run=own) for one in applied_in(run.path)}
        self.before = decided_before(self._earlier.values(), self.table)

    def _begin(self, run: Run, table: Table, issues: pl.DataFrame, folder: Path) -> None:
        """Take up the rows of `issues`, in their order, and what was decided about them in `folder`."""
        self.run, self.table = run, table
        self.things = Things(run, self.table)
        self.worth = len(issues)
        self.order = issues["row"].to_numpy()  # by rank; rows without a label are not in it
        self.rank = np.full(len(self.table), -1)
        self.rank[self.order] = np.arange(len(self.order))
        self.error_probability, self._residual = (
            self._by_row(issues[name].to_numpy() if name in issues else np.nan)
            for name in ("error_probability", "residual")
        )
        self.suggested: list[str | None] = [None] * len(self.table)
        for row, suggested in zip(self.order, issues["suggested"], strict=True):
            self.suggested[row] = suggested
        self._neighbours = issues["neighbours"].list.head(NEIGHBOURS).cast(pl.List(pl.Int32))  # by rank
        self.labels: list[str | None] = self.table.frame["label"].to_list()
        self.decisions = Decisions(folder, len(self.table))
        self._columns = {name: self._column(name) for name in ("split", "label", "suggested")}
        asked = ("label", "suggested") if run.task == "multilabel" else ()
        self._sets = {name: [_singles(text) for text in self._texts(name)] for name in asked}
        self._holding = lru_cache(8)(self._found)

    def start(self) -> dict[str, Any]:
        """What the page has to know before it shows anything."""
        return {
            "labelling": self.labelling,
            "lead": self.lead if self.worth else f"{self.lead} These are all of them.",
            "file": self.file,
            "onward": self.onward,
            "run": self.run.path.resolve().name,
            "source": Path(self.table.root).name,
            "task": self.run.task,
            "modality": self.things.modality.name,
            "items": self.things.modality.items,
            "values": self.things.modality.values,
            "classes": self.table.classes,
            "splits": [split for split in SPLITS if len(self.table.rows(split))],
            "rows": len(self.table),
            "worth": self.worth,
            "number": len(self.decisions.lines),
        }

    def listed(self, wanted: Wanted, after: int = -1, before: int | None = None) -> dict[str, Any]:
        """A page of the rows that are wanted, by rank: the first ones after a rank, or the last ones before it.

        A page is told by ranks, not by its number: rows that leave the list meanwhile do not shift the others.
        `total` rows are wanted; in any state there are `of`, and `decided` of these, `done` says how.
        """
        ranks = np.flatnonzero(self._fits(wanted)[self.order])
        chosen = ranks[ranks > after][:PAGE] if before is None else ranks[ranks < before][-PAGE:]
        items = [self.item(int(row)) for row in self.order[chosen]]
        any_state = self._fits(replace(wanted, state=""))[self.order]
        wanted_rows = set(self.order[any_state].tolist())
        done = Counter(action for row, action in self._actions().items() if row in wanted_rows)
        return {"total": len(ranks), "of": len(wanted_rows), "decided": done.total(), "done": done, "items": items}

    def item(self, row: int) -> dict[str, Any]:
        """What a list says about a row."""
        return {
            "row": row,
            "rank": int(self.rank[row]),
            "name": self.things.name(row),
            "split": self.table.frame["split"][row],
            "label": self.labels[row],
            "suggested": self.suggested[row],
            "probability": _known(self.error_probability[row]),
            "residual": _known(self._residual[row]),
            "doubt": _doubt(self.error_probability[row], self._residual[row]),
            "thing": self.things.shown(row, small=True),
            **self.held(row),
        }

    def example(self, row: int) -> dict[str, Any]:
        """Everything about a row: what it is, the evidence, its neighbours."""
        near, thing = self._near(row), self.things.shown(row)
        return {
            **self.item(row),
            "thing": thing | {"speaks_for": self._speaks_for(row)},
            "candidates": self._candidates(row),
            "early": self._early(row),
            "neighbours": [self._neighbour(other, thing) for other in near],
        }

    def decide(self, said: dict[str, Any]) -> dict[str, Any]:
        """Take a decision from a request: row, action, corrected, why, who, based_on, session.

        Raises:
            UsageError: something in it is wrong. ConflictError: see `Decisions.decide`.
        """
        row, action = whole(said, "row"), text(said, "action", 20)
        if not 0 <= row < len(self.table):
            raise UsageError(f"there is no row {row}")
        if action not in self.actions:
            raise UsageError(f"there is no action {action!r}")
        corrected = ""
        if action in ("relabel", "label"):
            corrected = self._label(row, text(said, "corrected", 10_000))
        if action == "relabel" and corrected == (self.labels[row] or NO_LABELS):
            action, corrected = "keep", ""
        who, why = reviewer_name(text(said, "who", LONGEST_NAME)), text(said, "why", LONGEST_WHY)
        session = text(said, "session", LONGEST_SESSION)
        draft = Decision(0, row, action, corrected, who, "", why, whole(said, "based_on"), session=session)
        taken = self.decisions.decide(draft)
        return decided(row, taken, taken.number)

    def _label(self, row: int, text: str) -> str:
        """What a person typed or took over, as the label that sources have; of a set of none a text not empty."""
        if self.run.task == "multilabel":
            return set_in(text, "the new label", self.table.classes) or NO_LABELS
        if text in (*self.table.classes, self.labels[row], self.suggested[row]):
            return text
        return valid_label(text, "the new label", self.run.task, self.table.decimal)

    def undo(self, said: dict[str, Any]) -> dict[str, Any] | None:
        """Take back a session's last decision; what holds for its row now, None where there was nothing to undo."""
        who, session = reviewer_name(text(said, "who", LONGEST_NAME)), text(said, "session", LONGEST_SESSION)
        if not session:
            raise UsageError("session must say which decisions are yours")
        undone = self.decisions.undo(who, session)
        return None if undone is None else self.held(undone.row)

    def held(self, row: int) -> dict[str, Any]:
        """What holds for a row now; where nobody decided in this run, what it was trained with."""
        return self.told(row, *self.decisions.snapshot(row))

    def told(self, row: int, decision: Decision | None, number: int) -> dict[str, Any]:
        """What the page is told where `decision` holds for a row, `number` being the last line about it."""
        told = decided(row, decision, number)
        return told if decision else told | {"decision": self.before.get(row)}

    def changes(self, since: int) -> dict[str, Any]:
        """What was decided after line `since`, by anybody."""
        self.decisions.refresh()
        lines = self.decisions.lines[max(0, since) :]
        told = [self.held(row) for row in dict.fromkeys(one.row for one in lines)]
        return {"number": max(0, since) + len(lines), "rows": told}

    def earlier(self) -> Mapping[str, tuple[str, ...]]:
        """The lines of `file` that no decision here has made, by `key`: what the run itself was trained with."""
        return self._earlier

    def lines(self) -> Sequence[tuple[str, ...]]:
        """The lines of `file`."""
        return self.corrections()

    def corrections(self) -> list[Correction]:
        """All that was decided, in the order of the rows, and what the run itself was trained with before.

        A row that was corrected before keeps the label that its source has: the new decision replaces the old one.
        """
        lines = dict(self._earlier)
        for row, decision in sorted(self.decisions.standing().items()):
            found = self._correction(row, decision)
            before = lines.pop(found.id, None)
            lines[found.id] = in_terms_of_the_source(before, found) if before is not None else found
        return list(lines.values())

    def export(self) -> str:
        """What was decided, as the text of `file`."""
        self.decisions.refresh()
        return as_csv(self.fields, self.lines())

    def counted(self) -> str:
        """What was decided, in words; empty where nothing was."""
        corrections = self.corrections()
        if not corrections:
            return ""
        actions = Counter(one.action for one in corrections)
        people = people_in(one.who for one in corrections)
        changing = sum(actions[action] for action in CHANGING)
        parts = ", ".join(f"{number:,} {action}" for action, number in actions.most_common())
        by = count(len(corrections), "decisions") + (f" by {', '.join(people)}" if people else "")
        return f"{by} ({parts}): {count(changing)} change the data"

    def stated(self, row: int) -> Correction:
        """A correction of a row that still says nothing."""
        about = self.table.frame.row(row, named=True)
        name = about["input"][:BRIEF] if self.things.modality.values else about["input"]
        label, content, run = about["label"] or "", about["sha256"] or "", str(self.run.path.resolve())
        return Correction(about["id"], name, label, "", "unsure", "", "", "", content, run)

    def _correction(self, row: int, one: Decision) -> Correction:
        found = self.stated(row)
        corrected = {"relabel": one.corrected, "keep": found.label}.get(one.action, "")
        return found._replace(corrected=corrected, action=one.action, who=one.who, when=one.when, why=one.why)

    def _candidates(self, row: int) -> list[dict[str, Any]]:
        """The most probable classes or labels, and those that are given or suggested in any case."""
        if self._beliefs is None:
            return []
        probs = self._beliefs.probs[row]
        named = {name for text in (self.labels[row], self.suggested[row]) for name in self.table.singles(text or "")}
        best = np.argsort(-probs).tolist()
        wanted = [k for k in best if self.table.classes[k] in named]
        others = [k for k in best if k not in wanted][: max(0, CANDIDATES - len(wanted))]
        shown = sorted([*wanted, *others], key=best.index)
        return [
            {"label": self.table.classes[k], "probability": _known(probs[k]), "share": percent(float(probs[k]))}
            for k in shown
        ]

    def _early(self, row: int) -> int:
        """How many epochs the probabilities of its candidates are the mean of; 0: the finished model says them."""
        return self._beliefs.epochs if self._beliefs is not None and self._beliefs.early[row] else 0

    def _speaks_for(self, row: int) -> str | None:
        """The class that the weights of words and cells speak for: the one that the finished model predicts."""
        return None if self._predicted is None else self.table.classes[self._predicted[row]]

    def _neighbour(self, row: int, beside: Shown) -> dict[str, Any]:
        return {
            "label": self.labels[row],
            "split": self.table.frame["split"][row],
            **self.held(row),
            "thing": self.things.shown(row, small=True, like=beside),
        }

    def _near(self, row: int) -> list[int]:
        """The rows nearest to a row; none where that is not known."""
        rank = int(self.rank[row])
        near = self._neighbours[rank] if rank >= 0 else None
        return [] if near is None else near.to_list()

    def _by_row(self, values: Any) -> NDArray[np.float64]:
        """What the audit says by rank, by row; nan for rows that it says nothing of."""
        found = np.full(len(self.table), np.nan)
        found[self.order] = values
        return found

    def _column(self, name: str) -> NDArray[np.str_]:
        return np.array([value or "" for value in self._texts(name)], dtype=object)

    def _texts(self, name: str) -> Sequence[str | None]:
        return self.suggested if name == "suggested" else self.table.frame[name].to_list()

    def _decided(self) -> NDArray[np.bool_]:
        decided = np.zeros(len(self.table), dtype=bool)
        decided[list(self._actions())] = True
        return decided

    def _actions(self) -> dict[int, str]:
        """By row what was decided, also before this run."""
        now = {row: one.action for row, one in self.decisions.standing().items()}
        return {row: one["action"] for row, one in self.before.items()} | now

    def _fits(self, wanted: Wanted) -> NDArray[np.bool_]:
        fits = np.ones(len(self.table), dtype=bool)
        for name, column in self._columns.items():
            value = getattr(wanted, name)
            if value and name in self._sets:
                fits &= np.array([value in names for names in self._sets[name]], dtype=bool)
            elif value:
                fits &= column == value
        if wanted.worth:
            fits &= self.rank < self.worth
        shown = self.error_probability.round(DIGITS)  # nan, which nobody knows, is neither below nor above
        fits &= ~((shown < wanted.low) | (shown > wanted.high))
        if wanted.state in ("open", "decided"):
            fits &= self._decided() == (wanted.state == "decided")
        elif wanted.state:
            rows = [row for row, action in self._actions().items() if action == wanted.state]
            fits &= np.isin(np.arange(len(fits)), rows)
        return fits & self._holding(wanted.text) if wanted.text else fits

    def _found(self, asked: str) -> NDArray[np.bool_]:
        """Whether rows [N] hold a text: in the id, in a text, in the values of a row."""
        asked = asked.lower()
        holds = [pl.col("id").cast(pl.String).str.to_lowercase().str.contains(asked, literal=True)]
        if self.things.modality.values:
            is_row, place = self.things.modality.name == "tabular", pl.col("input").str.to_lowercase()
            within = json.dumps(asked, ensure_ascii=False)[1:-1] if is_row else asked
            place = place.str.replace_all(KEY, "") if is_row else place
            holds.append(place.str.contains(within, literal=True))
        return self.table.frame.select(pl.any_horizontal(holds).fill_null(False)).to_series().to_numpy()


def decided(row: int, decision: Decision | None, number: int) -> dict[str, Any]:
    """What holds for a row, and the number that the next decision is to be based on; not whose browser it came from."""
    told = {name: value for name, value in asdict(decision).items() if name != "session"} if decision else None
    return {"row": row, "decision": told, "number": number}


def _singles(text: str | None) -> frozenset[str]:
    """What one may ask for to find a set: its labels, or NO_LABELS for a set of none; of no set nothing."""
    return frozenset() if text is None else frozenset(parts(text) or [NO_LABELS])


def _lead(audit: Issues, asked: str) -> str:
    """How many labels there are to look at, and how many of these are wrong, as far as that can be told."""
    if not audit.worth:
        return f"None of the {audit.what} is worth a look."
    depth = next((one for one in audit.depths if one.rows == audit.worth), None)
    wrong = round(depth.precision * audit.worth) if depth is not None and not audit.corrected else 0
    one = asked.replace("s ", " ", 1) if audit.worth == 1 else asked
    return f"{count(audit.worth)} {one}{f', about {count(wrong)} of them wrong' if wrong else ''}."


def _doubt(probability: float, residual: float) -> str:
    """What is said of how wrong a label may be: in percent, or of a number as a multiple of the usual distance."""
    return percent(probability) if np.isfinite(probability) or not np.isfinite(residual) else f"{abs(residual):.1f} ×"


def _known(value: float) -> float | None:
    """A number as JSON has it; None where nobody can tell."""
    return round(float(value), DIGITS) if np.isfinite(value) else None
