"""The page's middle: mistakes, classes, and the examples that surprised the model."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from unfazed.report import words
from unfazed.report.charts import track
from unfazed.report.exhibits import Drawn, legend, shown
from unfazed.report.markup import Html, join, tag
from unfazed.report.verdict import items, task
from unfazed.table import brief as brief_name
from unfazed.table import said_id

Facts = Mapping[str, Any]
Cells = Mapping[tuple[int, int], Sequence[Facts]]
Exhibits = Mapping[int, Drawn]

HEATS = 7
UPRIGHT = 3  # letters of the longest label that may head a column without being turned
DENSE = 12  # classes from which cells get smaller
ROWS_SHOWN = 120  # classes in the table
FIRST = 12  # surprising examples shown at once
SCORES = {"f1": "F1", "recall": "Recall", "precision": "Precision"}  # in the order of their columns
FINISHED = "by the finished model, which never trained on them"


class Cell(NamedTuple):
    """One kind of outcome: a given and a predicted class, by number, and how often it came about."""

    given: int
    predicted: int
    times: int

    @property
    def anchor(self) -> str:
        """The id of its examples."""
        return f"cell-{self.given}-{self.predicted}"


def mistakes(told: Facts, cells: Cells, exhibits: Exhibits) -> Html:
    """The confusion matrix, or the commonest pairs where there are many classes, with the examples behind each."""
    outcomes = _outcomes(told)
    if not outcomes:
        return Html()
    wrong = sum(cell.times for cell in outcomes if cell.given != cell.predicted)
    first = max(outcomes, key=lambda cell: (cell.given != cell.predicted, cell.times))
    matrix = told["confusion"]["matrix"]
    chart = _matrix(told, cells, first) if matrix else _pairs(told, outcomes, cells, first)
    style = "beside" if matrix and len(matrix) <= DENSE else ""
    listed = [_examples(told, cell, cells[cell[:2]], exhibits) for cell in outcomes if cell[:2] in cells]
    return tag(
        "section",
        tag("h2", "What it mistakes for what"),
        tag("p", _mistakes_lead(told, wrong if matrix else None), class_="lead"),
        legend(exhibits.values(), of_numbers=False) if listed else None,
        tag("div", chart, tag("div", *listed, class_="cells") if listed else None, class_=f"card {style}"),
        id="mistakes",
    )


def _mistakes_lead(told: Facts, wrong: int | None) -> str:
    split = told["evaluated_on"]
    n = words.count(told[split]["accuracy"]["n"])
    taken = "is taken" if wrong == 1 else "are taken"
    said = "" if wrong is None else f"{words.count(wrong)} of {n} {split} {items(told)} {taken} for another class. "
    one = "a pair" if wrong is None else "a cell"
    caution = " Whoever changes the recipe after looking here has made the test set a validation set."
    return f"{said}Choose {one} to see its examples.{caution if split == 'test' else ''}"


def _outcomes(told: Facts) -> list[Cell]:
    """The cells that hold something; of many classes only the listed pairs."""
    matrix, number = told["confusion"]["matrix"], {label: k for k, label in enumerate(told["classes"])}
    if matrix:
        return [Cell(g, p, times) for g, row in enumerate(matrix) for p, times in enumerate(row) if times]
    return [
        Cell(number[pair["label"]], number[pair["predicted"]], pair["count"]) for pair in told["confusion"]["pairs"]
    ]


def _matrix(told: Facts, cells: Cells, first: Cell) -> Html:
    classes, matrix = told["classes"], told["confusion"]["matrix"]
    heads = [tag("th", tag("span", label, title=label), scope="col") for label in classes]
    head = tag("tr", tag("td", class_="corner"), *heads)
    rows = [
        tag(
            "tr",
            tag("th", label, scope="row", title=label),
            *(_matrix_cell(told, Cell(given, k, times), cells, first) for k, times in enumerate(matrix[given])),
        )
        for given, label in enumerate(classes)
    ]
    dense = " dense" if len(classes) > DENSE else ""
    upright = " upright" if max(map(len, classes)) <= UPRIGHT else ""
    table = tag("table", tag("thead", head), tag("tbody", *rows), class_=f"matrix{dense}{upright}")
    axis = tag("p", "given label in rows, predicted in columns", class_="axis")
    return tag("div", axis, tag("div", table, class_="scroll"))


def _matrix_cell(told: Facts, cell: Cell, cells: Cells, first: Cell) -> Html:
    if not cell.times:
        return tag("td")
    right = cell.given == cell.predicted
    style = "right" if right else f"heat-{_heat(cell, told['confusion']['matrix'][cell.given])}"
    label = f"{cell.times}: {_sentence(told, cell)}"
    if cell[:2] not in cells:
        return tag("td", words.count(cell.times), class_=style, aria_label=label)
    return tag("td", _link(cell, first, words.count(cell.times), aria_label=label, title=label), class_=style)


def _heat(cell: Cell, row: Sequence[int]) -> int:
    """1..7 by the share of the given class that is mistaken so; its root, since most shares are small."""
    return max(1, min(HEATS, math.ceil(HEATS * math.sqrt(2 * cell.times / sum(row)) - 0.5)))


def _pairs(told: Facts, outcomes: Sequence[Cell], cells: Cells, first: Cell) -> Html:
    lines = []
    for cell in outcomes:
        support = told["per_class"][cell.given]["support"]
        inside = [
            tag(
                "span", tag("b", told["classes"][cell.given]), " taken for ", tag("b", told["classes"][cell.predicted])
            ),
            tag("span", f"{words.count(cell.times)} of {words.count(support)}", class_="soft"),
        ]
        known = cell[:2] in cells
        lines.append(tag("li", _link(cell, first, *inside) if known else tag("span", *inside)))
    title = tag(
        "h3", f"The {words.count(len(lines))} commonest mistakes" if len(lines) > 1 else "The commonest mistake"
    )
    return join(title, tag("ul", *lines, class_="pairs"))


def _link(cell: Cell, first: Cell, *inside: str, **attributes: str) -> Html:
    return tag("a", *inside, href=f"#{cell.anchor}", data_cell=cell.anchor, data_first=cell == first, **attributes)


def _sentence(told: Facts, cell: Cell) -> str:
    given, predicted = (brief_name(told["classes"][k]) for k in (cell.given, cell.predicted))
    return f"“{given}” recognised" if given == predicted else f"“{given}” taken for “{predicted}”"


def _examples(told: Facts, cell: Cell, rows: Sequence[Facts], exhibits: Exhibits) -> Html:
    limited = "" if len(rows) == cell.times else f", the most surprising {words.count(len(rows))} shown"
    style = gallery(rows, exhibits, "gallery dense-gallery")
    return tag(
        "div",
        tag("h3", _sentence(told, cell)),
        tag("p", f"{words.count(cell.times, items(told))}{limited}", class_="soft small"),
        tag("div", *(figure(row, exhibits, brief=True) for row in rows), class_=style),
        class_="cell",
        id=cell.anchor,
    )


def figure(row: Facts, exhibits: Exhibits, brief: bool = False) -> Html:
    """One example: what there is to see of it, its surprise, both labels and the probabilities of each."""
    exhibit = exhibits.get(row["row"])
    said = tag("span", words.bits(row["bits"], 1), class_="bits", title=_probability(row))
    lines = [
        tag("div", tag("dt", name, tag("span", words.percent(share))), tag("dd", label, title=label))
        for name, label, share in _labels(row)
    ]
    said_name = said_id(str(row["id"]))
    name = tag("span", tag("bdi", said_name), class_="id", title=said_name)
    caption = tag("figcaption", said, None if brief else tag("dl", *lines, class_="labels"), name)
    return tag("figure", shown(exhibit, str(row["id"]), brief), caption)


def gallery(rows: Sequence[Facts], exhibits: Exhibits, usual: str = "gallery") -> str:
    """The style of a gallery: texts, sounds and rows need wider columns than pictures do."""
    found = [exhibits[row["row"]] for row in rows if row["row"] in exhibits]
    wide = any(one.words is not None or one.cells is not None or one.sound for one in found)
    return f"{usual} wide-gallery" if wide else usual


def _labels(row: Facts) -> list[tuple[str, str, float]]:
    """What each label is to the example, the label, and its probability."""
    if row["label"] == row["predicted"]:
        return [("recognised", row["label"], row["probability"])]
    return [
        ("given", row["label"], row["probability"]),
        ("predicted", row["predicted"], row["predicted_probability"]),
    ]


def _probability(row: Facts) -> str:
    return f"{words.bits(row['bits'], 1)}: the model gave the given label {words.percent(row['probability'])}"


def classes_table(told: Facts) -> Html:
    """Precision, recall and F1 of each class with intervals, the lowest F1 first."""
    lead = (
        f"On the {told['evaluated_on']} set, the weakest first, with 95 % intervals. Recall: of the {items(told)} of a "
        "class, the share that was recognised. Precision: of those taken for it, the share that were. F1: both in one."
    )
    return score_table(told, lead, list(SCORES.values()), lambda k: _class_row(told, k))


def score_table(told: Facts, lead: str, columns: Sequence[str], row: Callable[[int], Html]) -> Html:
    """The section with a row for each class or label, by its number, the lowest F1 first.

    `columns` are the names of those that follow its own name and its numbers of examples.
    """
    noun, plural, style = ("Label", "labels", " many") if task(told) == "multilabel" else ("Class", "classes", "")
    order = sorted(range(len(told["classes"])), key=lambda k: _or_zero(told["per_class"][k]["f1"]["value"]))
    names = [noun, f"{told['evaluated_on']} n", "training n", *columns]
    body = [row(k) for k in order[:ROWS_SHOWN]]
    rest = len(order) - len(body)
    best = f"The best {noun.lower()} is" if rest == 1 else f"The {words.count(rest)} best {plural} are"
    more = f" {best} left out here; report.json has all." if rest > 0 else ""
    head = tag("thead", tag("tr", *(_heading(name, name == "F1") for name in names)))
    return tag(
        "section",
        tag("h2", f"{noun} by {noun.lower()}"),
        tag("p", words.tight(f"{lead}{more}"), class_="lead"),
        tag("div", tag("table", head, tag("tbody", *body), class_=f"classes{style}"), class_="card"),
        id="classes",
    )


def _or_zero(value: float | None) -> float:
    """What to sort by: an unknown value comes first."""
    return -1.0 if value is None else value


def _heading(name: str, sorted_: bool) -> Html:
    """The head of a column that can be sorted by."""
    return tag("th", tag("button", name, type="button"), scope="col", aria_sort="ascending" if sorted_ else None)


def _class_row(told: Facts, k: int) -> Html:
    label = told["classes"][k]
    return tag("tr", tag("th", brief_name(label), scope="row", title=label), *score_cells(told, k, SCORES))


def score_cells(told: Facts, k: int, names: Mapping[str, str]) -> list[Html]:
    """How many examples a class or label has, and its scores of these names."""
    scores = told["per_class"][k]
    counted = ((told["evaluated_on"], scores["support"]), ("training", told["class_counts"]["train"][k]))
    return [
        *(tag("td", words.count(n), class_="counted", data_name=name, data_value=n) for name, n in counted),
        *(_score_cell(title, scores[name], name == "f1") for name, title in names.items()),
    ]


def _score_cell(name: str, estimate: Facts, own: bool) -> Html:
    """A score with its interval, as a number and drawn."""
    value = tag("span", words.percent(estimate["value"]))
    line = track(estimate["low"], estimate["value"], estimate["high"], "own" if own else "")
    inside = tag("div", value, line, tag("small", words.interval(estimate)), class_="score")
    return tag("td", inside, class_="scored", data_name=name, data_value=f"{_or_zero(estimate['value']) + 1:.6f}")


def surprising(told: Facts, exhibits: Exhibits) -> Html | None:
    """The training and the validation examples whose labels the model finds most surprising."""
    lead = (
        "A wrong label surprises a model that has learnt the others. So does a rare or a spoilt example: look before "
        "you relabel. 1 bit: the model gave the given label one half; 7 bits: less than 1 %."
    )
    over = "by the mean over all epochs, since what was memorised ends low"
    abouts = [f"{how}. The percentages are the finished model’s." for how in (over, FINISHED)]
    return surprises(told, exhibits, lead, abouts, figure)


def surprises(
    told: Facts, exhibits: Exhibits, lead: str, abouts: Sequence[str], drawn: Callable[[Facts, Exhibits], Html]
) -> Html | None:
    """The section of the most surprising examples; `abouts` says how training and validation examples are ranked."""
    ranked = [
        _ranked(name, about, [drawn(row, exhibits) for row in rows], gallery(rows, exhibits))
        for (name, split), about in zip((("Training", "train"), ("Validation", "validation")), abouts, strict=True)
        if (rows := told["surprising"][split])
    ]
    if not ranked:
        return None
    key = legend(exhibits.values(), of_numbers=not told["classes"])
    parts = (tag("h2", "What surprises it"), tag("p", words.tight(lead), class_="lead"), key)
    return tag("section", *parts, tag("div", *ranked, class_="stacked"), id="surprises")


def _ranked(name: str, about: str, figures: Sequence[Html], style: str) -> Html:
    """The first figures at once, the others behind a click."""
    rest = figures[FIRST:]
    more = tag("details", tag("summary", f"{len(rest)} more"), tag("div", *rest, class_=style), class_="more")
    return tag(
        "div",
        tag("h3", name),
        tag("p", f"Ranked {about}", class_="soft small"),
        tag("div", *figures[:FIRST], class_=style),
        more if rest else None,
        class_="card",
    )
