"""The sections of the page that differ where numbers are predicted."""

import math
from collections.abc import Callable, Mapping, Sequence
from statistics import median
from typing import Any

from unfazed.analysis.surprise import BITS_PER_NAT
from unfazed.report import words
from unfazed.report.charts import MARGIN, SIDE, axis_label, track
from unfazed.report.examples import FINISHED, Exhibits, surprises
from unfazed.report.exhibits import shown
from unfazed.report.markup import Html, tag
from unfazed.report.numbers_verdict import bits_explained, in_bits, mostly_of_few, named_target
from unfazed.report.overview import Curve, Score, how_it_learnt, three_sets, tile, verdict_and_tiles
from unfazed.report.verdict import items, sentence, simpler

Facts = Mapping[str, Any]
ROWS: dict[str, tuple[str, Callable[[float | None], str]]] = {
    "mae": ("Off by, on average", words.number),
    "median_absolute_error": ("Off by, in the median", words.number),
    "rmse": ("Root mean square", words.number),
    "r2": ("R²", words.figure),
    "nll": ("Surprise, bits", in_bits),
    "coverage_50": ("In 50 % intervals", words.percent),
    "coverage_90": ("In 90 % intervals", words.percent),
}  # of the three sets
SPAN = 20  # times their median that the largest of targets above 0 are, from which on axes are logarithmic
POWERS = 6  # of ten, marked along an axis


def hero(told: Facts) -> Html:
    """The headline as a figure, beside the rivals."""
    split = told["evaluated_on"]
    r2 = told[split]["r2"]
    about = (told["source"]["name"], words.count(told["counts"]["all"], items(told)), f"{named_target(told)} predicted")
    name = tag("p", " · ".join(about), class_="name")
    if r2["value"] is None:  # of no row, of one, or of targets that are all the same
        plain = tag("h1", sentence(told["headline"]) + ".", class_="plain")
        return tag("header", tag("div", name, plain), class_="hero")
    error, n = told[split]["mae"], words.count(r2["n"])
    shown, said = _explained(r2["value"], named_target(told))
    said = f"{said}; off by {words.number(error['value'])} on average, n = {n}."
    if mostly_of_few(told):  # R² tells of these
        half = words.number(told[split]["median_absolute_error"]["value"])
        shown = tag("span", words.number(error["value"]), class_="figure")
        r2_said = f"R² {words.figure(r2['value'])}"
        said = f"off on average, by {half} or less in half of the {items(told)}; {r2_said}, n = {n}."
    headline = tag("h1", shown, tag("span", words.tight(said), class_="words"))
    rivals = [
        _rival("This model", r2, "own"),
        *(_rival(sentence(name), facts.get(split, {}).get("r2"), "") for name, facts in simpler(told)),
        _rival("Always the mean", told["baselines"]["mean"][split]["r2"], ""),
    ]
    scale = tag("div", *(tag("span", text) for text in ("R² 0", "0.5", "1")), class_="scale", aria_hidden="true")
    return tag("header", tag("div", name, headline), tag("div", *rivals, scale, class_="rivals"), class_="hero")


def _explained(r2: float, target: str) -> tuple[Html, str]:
    """The share of the variance that is explained, as a figure and in words; below 0 it is no share."""
    if r2 < 0:
        shown = tag("span", tag("span", "R²\u202f", class_="unit"), words.number(r2, 2), class_="figure")
        return shown, f"below 0: the mean of {target} over these very rows would have been closer"
    shown = tag("span", words.percent(r2).removesuffix(" %"), tag("span", "\u202f%", class_="unit"), class_="figure")
    return shown, f"of the variance of {target} explained"


def _rival(name: str, r2: Facts | None, style: str) -> Html | None:
    if not r2 or r2["value"] is None:
        return None
    ends = [r2[end] for end in ("low", "value", "high")]
    low, value, high = (None if end is None else min(1.0, max(0.0, end)) for end in ends)
    bounds = tag("span", f" {words.bounds(r2)}", class_="soft small bounds")
    return tag(
        "div",
        tag("span", name),
        tag("span", tag("span", words.figure(r2["value"]), class_="value"), bounds),
        track(low, value, high, style),
        class_=f"row {style}".strip(),
    )


def summary(told: Facts) -> Html:
    """The verdict in sentences, and four figures."""
    split = told["evaluated_on"]
    error = told[split]["mae"]
    n = f"{split}, n = {words.count(error['n'])}"
    first = tile("Mean absolute error", words.number(error["value"]), words.bounds(error, words.number), n)
    return verdict_and_tiles(told, first, _second_tile(told[split], n))


def _second_tile(scores: Facts, n: str) -> Html:
    """What training minimises: the root mean squared error, or the surprise."""
    if "nll" in scores:
        left = f"{in_bits(scores['nll']['value'])} bits"
        return tile("Surprise of a target", left, words.bounds(scores["nll"], in_bits), n)
    error = scores["rmse"]
    return tile("Root mean squared error", words.number(error["value"]), words.bounds(error, words.number), n)


def splits(told: Facts) -> Html:
    """Training, validation and test: three sets with three purposes."""
    return three_sets(told, _scores)


def _scores(told: Facts, split: str) -> list[Score]:
    scores = told[split]
    if not scores["mae"]["n"]:
        return []
    return [
        (name, write(scores[key]["value"]), words.bounds(scores[key], write))
        for key, (name, write) in ROWS.items()
        if key in scores
    ]


def learning(told: Facts) -> Html:
    """Curves of the error, or the surprise, with the best epoch marked, and the learning rate."""
    what, title, figure, factor, write = "error", "Root mean squared error", "rmse", 1.0, words.number
    if any("nll" in (epoch.get("validation") or {}) for epoch in told["epochs"][:1]):
        what, title, figure, factor, write = "surprise", "Surprise of one target, bits", "nll", BITS_PER_NAT, words.bits
    curve = Curve(title, f"{title}, by epoch", figure, factor, write, linear=figure == "nll")
    return how_it_learnt(told, f"Training {what} is taken during the pass, before each update.", curve)


def predictions(told: Facts) -> Html:
    """What is predicted against what is true: a perfect model's points lie on the line."""
    points = [point for point in told["points"] if None not in point]
    if not points:
        return Html()
    split = told["evaluated_on"]
    logarithmic = _is_heavy([target for target, _ in points])
    axes = "The axes are logarithmic: " + _below(points) if logarithmic else ""
    lead = (
        f"Each point is one of {words.count(len(points), f'{split} {items(told)}')}. On the line the prediction is "
        "right; above it, too high. A bend says that the model flattens the extremes; a fan, that its error grows with "
        f"the target. {axes}"
    )
    return tag(
        "section",
        tag("h2", "What it predicts"),
        tag("p", words.tight(lead.strip()), class_="lead"),
        tag("div", *(_scatter(points, diagonal, logarithmic) for diagonal in (True, False)), class_="grid two"),
        id="predictions",
    )


def _is_heavy(targets: Sequence[float]) -> bool:
    """Whether targets above 0 span so much that a linear axis would press most of them into a corner."""
    return min(targets) > 0 and max(targets) > SPAN * median(targets)


def _below(points: Sequence[Sequence[float]]) -> str:
    """Where predictions are drawn that have no logarithm, or one far below that of any target."""
    floor = _floor(points)
    below = sum(predicted < floor for _, predicted in points)
    are, they = ("is", "it") if below == 1 else ("are", "they")
    far = f"the {words.count(below, 'predictions')} below {words.number(floor, 2)} {are} drawn as if {they} were that."
    return far if below else "equal distances are equal ratios."


def _floor(points: Sequence[Sequence[float]]) -> float:
    return min(target for target, _ in points) / 10


def _scatter(points: Sequence[Sequence[float]], diagonal: bool, logarithmic: bool) -> Html:
    """A square of points: predictions by target, on axes that span the same, or errors by prediction."""
    if logarithmic:
        pairs = [(math.log10(target), math.log10(max(said, _floor(points)))) for target, said in points]
    else:
        pairs = [(target, said) for target, said in points]
    if not diagonal:
        pairs = [(said, said - target) for target, said in pairs]
    spans = [_span([pair[axis] for pair in pairs]) for axis in (0, 1)]
    if diagonal:
        spans = [(min(s[0] for s in spans), max(s[1] for s in spans))] * 2
    inner = SIDE - MARGIN - 10

    def place(value: float, axis: int) -> float:
        low, high = spans[axis]
        share = (value - low) / (high - low)
        return round(MARGIN + inner * share if axis == 0 else SIDE - MARGIN - inner * share + 10, 1)

    dots = [tag("circle", cx=place(x, 0), cy=place(y, 1), r=2.6, class_="point") for x, y in pairs]
    ends = spans[0] if diagonal else (0.0, 0.0)
    line = tag("line", x1=MARGIN, y1=place(ends[0], 1), x2=SIDE - 10, y2=place(ends[1], 1), class_="best")
    ticks = _powers if logarithmic else _ticks
    labels = [
        axis_label(place(value, axis), axis, _written(10.0**value if logarithmic else value))
        for axis in (0, 1) for value in ticks(*spans[axis])
    ]  # fmt: skip
    picture = tag(
        "svg", tag("title", "predicted by target" if diagonal else "error by predicted"), *labels, line, *dots,
        class_="chart scatter", viewBox=f"0 0 {SIDE} {SIDE}", role="img",
    )  # fmt: skip
    error = "Predicted by target, as a ratio" if logarithmic else "Error (predicted less target)"
    title = "Predicted, by target" if diagonal else f"{error}, by prediction"
    return tag("figure", tag("h3", title), picture, class_="card")


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.04 * (high - low) or max(1.0, abs(low))
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    step = 10.0 ** math.floor(math.log10((high - low) / 2))
    step *= next(factor for factor in (5, 2, 1) if (high - low) / (step * factor) >= 2)
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _powers(low: float, high: float) -> list[float]:
    """Whole exponents of ten between two, few enough to be read; of less than two the ends' ratio, in between."""
    step = max(1, math.ceil((high - low) / POWERS))
    whole: list[float] = [k for k in range(math.ceil(low), math.floor(high) + 1) if k % step == 0]
    return whole if len(whole) > 1 else [low + (high - low) * part for part in (0.2, 0.5, 0.8)]


def _written(value: float) -> str:
    size = words.short(abs(value)) if abs(value) >= 10_000 else f"{abs(value):.4g}"
    return f"−{size}" if value < 0 else size


def surprising(told: Facts, exhibits: Exhibits) -> Html | None:
    """The training and the validation examples that are furthest from what the model expects."""
    lead = "A wrong target surprises a model that has learnt the others. So does a rare one: look, then correct."
    final = "The prediction is the finished model’s, which may have memorised the row."
    if "nll" in told["train"]:
        lead = f"{lead} {bits_explained()} Beside each prediction stands its standard deviation."
        abouts = [f"by the surprise in the median epoch, the figure in bold: what is memorised ends low. {final}",
                  f"by surprise, {FINISHED}."]  # fmt: skip
    else:
        abouts = [f"by the error in the median epoch, the figure in bold: what is memorised ends low. {final}",
                  f"by error, {FINISHED}."]  # fmt: skip
    return surprises(told, exhibits, lead, abouts, _figure)


def _figure(row: Facts, exhibits: Exhibits) -> Html:
    about = words.bits(row["bits"], 1) if row.get("bits") is not None else f"off by {words.number(row['off'])}"
    sure = f" ± {words.number(row['deviation'], 2)}" if row.get("deviation") is not None else ""
    pairs = (("target", words.number(row["target"])), ("predicted", words.number(row["predicted"]) + sure))
    lines = [tag("div", tag("dt", name), tag("dd", said)) for name, said in pairs]
    name = tag("span", tag("bdi", row["id"]), class_="id", title=row["id"])
    caption = tag("figcaption", tag("span", about, class_="bits"), tag("dl", *lines, class_="labels"), name)
    return tag("figure", shown(exhibits.get(row["row"]), str(row["id"])), caption)
