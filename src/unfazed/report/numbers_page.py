"""The sections of the page that differ where numbers are predicted."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from unfazed.report import words
from unfazed.report.charts import Plot, Series, is_logarithmic, track
from unfazed.report.examples import FINISHED, Exhibits, surprises
from unfazed.report.exhibits import shown
from unfazed.report.markup import Html, join, tag
from unfazed.report.overview import EXPLAINED, NAMES, chart_card, latency_lines, schedule, tile, verdict_card
from unfazed.report.verdict import items, sentence, simpler

Facts = Mapping[str, Any]
SIDE, MARGIN = 420, 52  # of the picture of predictions, in its own units


def hero(told: Facts) -> Html:
    """The headline as a figure, beside the rivals."""
    split = told["evaluated_on"]
    r2 = told[split]["r2"]
    name = tag("p", f"{told['source']['name']} · {words.count(told['counts']['all'], items(told))}", class_="name")
    if not r2["n"]:
        plain = tag("h1", sentence(told["headline"]) + ".", class_="plain")
        return tag("header", tag("div", name, plain), class_="hero")
    error = told[split]["mae"]
    about = f"of the variance explained; off by {words.number(error['value'])} on average, n = {words.count(r2['n'])}."
    headline = tag(
        "h1",
        tag("span", f"{100 * r2['value']:.0f}", tag("span", "\u202f%", class_="unit"), class_="figure"),
        tag("span", words.tight(about), class_="words"),
    )
    rivals = [
        _rival("This model", r2, "own"),
        *(_rival(sentence(name), facts.get(split, {}).get("r2"), "") for name, facts in simpler(told)),
        _rival("Always the mean", told["baselines"]["mean"][split]["r2"], ""),
    ]
    scale = tag("div", *(tag("span", text) for text in ("R² 0", "0.5", "1")), class_="scale", aria_hidden="true")
    return tag("header", tag("div", name, headline), tag("div", *rivals, scale, class_="rivals"), class_="hero")


def _rival(name: str, r2: Facts | None, style: str) -> Html | None:
    if not r2 or r2["value"] is None:
        return None
    ends = [r2[end] for end in ("low", "value", "high")]
    low, value, high = (None if end is None else min(1.0, max(0.0, end)) for end in ends)
    bounds = tag("span", f" {words.ends(r2)}", class_="soft small bounds")
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
    scores, latency, model = told[split], told["latency"] or {}, told["model"]
    n = f"{split}, n = {words.count(scores['mae']['n'])}"
    tiles = tag(
        "dl",
        tile("Mean absolute error", words.number(scores["mae"]["value"]), _ends(scores["mae"]), n),
        tile("Root mean squared error", words.number(scores["rmse"]["value"]), _ends(scores["rmse"]), n),
        tile("One prediction", words.milliseconds(latency.get("p50_ms")), *latency_lines(latency)),
        tile("Model", words.size(model["bytes"]), f"{words.short(model['parameters'])} parameters"),
        class_="tiles",
    )
    parts = tag("div", verdict_card(told), tiles, class_="stacked")
    return tag("section", tag("h2", "The verdict"), parts, id="verdict")


def splits(told: Facts) -> Html:
    """Training, validation and test: three sets with three purposes."""
    notes = told["source"]["notes"]
    return tag(
        "section",
        tag("h2", "Three sets, three purposes"),
        tag("p", "The same number means something different on each.", class_="lead"),
        tag("div", *(_split(told, split) for split in NAMES), class_="grid three"),
        tag("ul", *(tag("li", sentence(words.tight(note))) for note in notes), class_="notes soft small after")
        if notes
        else None,
        id="sets",
    )


def _split(told: Facts, split: str) -> Html:
    scores = told[split]
    rows = [(name, words.number(scores[key]["value"]), _ends(scores[key]))
            for name, key in (("Off by, on average", "mae"), ("Root mean square", "rmse"))]  # fmt: skip
    rows.append(("R²", words.figure(scores["r2"]["value"]), words.ends(scores["r2"])))
    listed = [join(tag("dt", name), tag("dd", value, tag("small", ends))) for name, value, ends in rows]
    return tag(
        "article",
        tag("h3", NAMES[split]),
        tag("p", told["purposes"][split], class_="tagline"),
        tag("p", words.count(told["counts"][split], items(told)), class_="n"),
        tag("p", EXPLAINED[split] if told["counts"][split] else "There are none.", class_="soft small"),
        tag("dl", *listed) if scores["mae"]["n"] else None,
        class_="card purpose",
    )


def learning(told: Facts) -> Html:
    """Curves of the error with the best epoch marked, and the learning rate."""
    epochs = told["epochs"]
    if not epochs:
        return Html()
    kept = f"The weights of epoch {told['best_epoch']} were kept. " if told["best_epoch"] else ""
    lead = f"{words.count(len(epochs), 'epochs')}. {kept}Training error is taken during the pass, before each update."
    lines = [Series(split, split, [(e["epoch"], _rmse(e, split)) for e in epochs]) for split in ("train", "validation")]
    best = next((e for e in epochs if e["epoch"] == told["best_epoch"]), None)
    error = _rmse(best, "validation") if best else math.nan
    mark = (best["epoch"], error, f"best: epoch {best['epoch']}, {words.number(error)}") if best else None
    tips = [(e["epoch"], _tip(e)) for e in epochs]
    scale = ", logarithmic scale" if is_logarithmic(lines) else ""
    plot = Plot("Root mean squared error by epoch", lines, tips, mark if error == error else None)
    key = [("train", "training"), ("validation", "validation")]
    card = chart_card(f"Root mean squared error{scale}", key, plot)
    return tag(
        "section",
        tag("h2", "How it learnt"),
        tag("p", lead, class_="lead"),
        tag("div", card, schedule(told), class_="grid wide-left"),
        id="learning",
    )


def _rmse(epoch: Facts, split: str) -> float:
    value = (epoch.get(split) or {}).get("rmse")
    return math.nan if value is None else float(value)


def _tip(epoch: Facts) -> str:
    lines = [f"{NAMES[split]}: {words.number(_rmse(epoch, split))}" for split in ("train", "validation")]
    return "\n".join([f"epoch {epoch['epoch']}{' (best)' if epoch.get('best') else ''}", *lines])


def predictions(told: Facts) -> Html:
    """What is predicted against what is true: a perfect model's points lie on the line."""
    points = [point for point in told["points"] if None not in point]
    if not points:
        return Html()
    split = told["evaluated_on"]
    lead = (
        f"Each point is one of {words.count(len(points), f'{split} {items(told)}')}. On the line the prediction is "
        "right; above it, too high. A bend says that the model flattens the extremes; a fan, that its error grows with "
        "the target."
    )
    return tag(
        "section",
        tag("h2", "What it predicts"),
        tag("p", words.tight(lead), class_="lead"),
        tag("div", _scatter(points, "predicted", diagonal=True), _scatter(_residuals(points), "error", diagonal=False),
            class_="grid two"),
        id="predictions",
    )  # fmt: skip


def _residuals(points: Sequence[Sequence[float]]) -> list[tuple[float, float]]:
    return [(predicted, predicted - target) for target, predicted in points]


def _scatter(points: Sequence[Sequence[float]], name: str, diagonal: bool) -> Html:
    """A square of points; the axes span what they hold, both the same where the diagonal means something."""
    spans = [_span([point[axis] for point in points]) for axis in (0, 1)]
    if diagonal:
        spans = [(min(s[0] for s in spans), max(s[1] for s in spans))] * 2
    inner = SIDE - MARGIN - 10

    def place(value: float, axis: int) -> float:
        low, high = spans[axis]
        share = (value - low) / (high - low)
        return round(MARGIN + inner * share if axis == 0 else SIDE - MARGIN - inner * share + 10, 1)

    dots = [tag("circle", cx=place(x, 0), cy=place(y, 1), r=2.6, class_="point") for x, y in points]
    ends = spans[0] if diagonal else (0.0, 0.0)
    line = tag("line", x1=MARGIN, y1=place(ends[0], 1), x2=SIDE - 10, y2=place(ends[1], 1), class_="best")
    across = "target" if diagonal else "predicted"
    labels = [_label(value, place(value, axis), axis) for axis in (0, 1) for value in _ticks(*spans[axis])]
    picture = tag(
        "svg", tag("title", f"{name} by {across}"), *labels, line, *dots,
        class_="chart scatter", viewBox=f"0 0 {SIDE} {SIDE}", role="img",
    )  # fmt: skip
    title = "Predicted, by target" if diagonal else "Error (predicted less target), by prediction"
    return tag("figure", tag("h3", title), picture, class_="card")


def _span(values: Sequence[float]) -> tuple[float, float]:
    low, high = min(values), max(values)
    room = 0.04 * (high - low) or max(1.0, abs(low))
    return low - room, high + room


def _ticks(low: float, high: float) -> list[float]:
    step = 10.0 ** math.floor(math.log10((high - low) / 2))
    step *= next(factor for factor in (5, 2, 1) if (high - low) / (step * factor) >= 2)
    return [step * k for k in range(math.ceil(low / step), math.floor(high / step) + 1)]


def _label(value: float, at: float, axis: int) -> Html:
    text = words.short(value) if abs(value) >= 10_000 else f"{value:.4g}"
    if axis == 0:
        return tag("text", text, x=at, y=SIDE - MARGIN + 34, text_anchor="middle", class_="tick")
    return tag("text", text, x=MARGIN - 8, y=at + 4, text_anchor="end", class_="tick")


def surprising(told: Facts, exhibits: Exhibits) -> Html | None:
    """The training and the validation examples that are furthest from what the model expects."""
    lead = "A wrong target surprises a model that has learnt the others. So does a rare one: look, then correct."
    abouts = ("by the median error over all epochs: what is memorised ends low.", f"{FINISHED}.")
    return surprises(told, exhibits, lead, abouts, _figure)


def _figure(row: Facts, exhibits: Exhibits) -> Html:
    said = tag("span", f"off by {words.number(row['error'])}", class_="bits")
    pairs = (("target", row["target"]), ("predicted", row["predicted"]))
    lines = [tag("div", tag("dt", name), tag("dd", words.number(value))) for name, value in pairs]
    name = tag("span", tag("bdi", row["id"]), class_="id", title=row["id"])
    caption = tag("figcaption", said, tag("dl", *lines, class_="labels"), name)
    return tag("figure", shown(exhibits.get(row["row"]), str(row["id"])), caption)


def _ends(estimate: Facts) -> str:
    return f"{words.number(estimate['low'])} – {words.number(estimate['high'])}"
