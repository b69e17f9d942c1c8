"""The learning-rate range test as one HTML file that opens offline, with the charts and the style of the report."""

import math
from collections.abc import Iterable, Iterator

import numpy as np

import unfazed
from unfazed.analysis.range_test import RECENT
from unfazed.report.charts import Plot, Series
from unfazed.report.learning_rates import LearningRates, decades, drawn, level, measured, rounded, sentences
from unfazed.report.markup import Html, join, tag
from unfazed.report.overview import chart_card
from unfazed.report.page import bar, document
from unfazed.report.words import count, tight

OFF_THE_CHART = 1.3  # times the first loss: single steps above that would press the curve to the floor
PAPER = "https://arxiv.org/abs/1506.01186"


def page(found: LearningRates) -> str:
    """The page: the suggestion, the curve, what it rests on, what to do next."""
    name = "Learning-rate range test"
    head = "No suggestion" if found.peak is None else f"Learning rate {rounded(found.peak)}"
    foot = tag("footer", tag("p", f"Written by Unfazed {unfazed.__version__}."))
    body = tag("div", bar({}), _hero(found, name), tag("main", _curve(found), _onward(found)), foot, class_="wrap")
    return document(f"{name}: {head}", body)


def _hero(found: LearningRates, name: str) -> Html:
    first, *rest = sentences(found)
    headline = (
        tag("h1", first, class_="plain")
        if found.peak is None
        else tag("h1", tag("span", rounded(found.peak), class_="figure"), tag("span", first, class_="words"))
    )
    notes = tag("ul", *(tag("li", tight(note)) for note in rest), class_="notes soft")
    return tag("header", tag("div", tag("p", name, class_="name"), headline), notes, class_="hero")


def _curve(found: LearningRates) -> Html:
    key = [("train", f"{count(len(found.losses), 'repeats')}, step by step"), ("validation", "smoothed mean")]
    if found.bracket is not None:
        key.append(("band", "worth trying"))
    lead = (
        "The learning rate rises by the same factor at every step. Too low, and the loss does not move; "
        "then it falls; too high, and it climbs back."
    )
    return tag(
        "section",
        tag("h2", "The curve"),
        tag("p", lead, class_="lead"),
        chart_card(f"Training loss {measured(found.recipe.loss)[1]}, by learning rate", key, _plot(found)),
        id="curve",
    )


def _plot(found: LearningRates) -> Plot:
    """The x axis counts decades from the lowest learning rate."""
    curve, unit = drawn(found), measured(found.recipe.loss)[1]
    places = _decades_up(found, found.rates)
    lines = [Series(f"repeat {number}", "repeat", points) for number, points in enumerate(_repeats(found, places), 1)]
    tips = [
        (place, f"learning rate {rounded(rate)}\n{level(loss, found.recipe.loss)}")
        for place, rate, loss in zip(places, found.rates, found.smoothed, strict=True)
        if math.isfinite(loss)
    ]
    names = decades(found.rates)
    plot = Plot(
        f"Training loss {unit} by learning rate",
        [*lines, Series("smoothed", "validation", list(zip(places, curve.tolist(), strict=True)))],
        tips,
        places=list(zip(_decades_up(found, names), map(rounded, names), strict=True)),
    )
    if found.bracket is None:
        return plot
    low, peak, high = _decades_up(found, found.bracket[:3])
    return plot._replace(
        mark=(peak, float(np.interp(peak, places, curve)), rounded(found.bracket.peak)), band=(low, high)
    )


def _repeats(found: LearningRates, places: list[float]) -> Iterator[list[tuple[float, float]]]:
    """Points of each repeat, without those far above where it began."""
    for losses in found.losses * measured(found.recipe.loss)[0]:
        most = OFF_THE_CHART * np.nanmedian(losses[:RECENT])
        yield list(zip(places, np.where(losses < most, losses, np.nan).tolist(), strict=True))


def _decades_up(found: LearningRates, rates: Iterable[float]) -> list[float]:
    return [math.log10(rate / found.rates[0]) for rate in rates]


def _onward(found: LearningRates) -> Html | None:
    if found.onward is None:
        return None
    source = tag("a", "Smith 2015", href=PAPER)
    return tag(
        "section",
        tag("h2", "What to do next"),
        tag("pre", found.onward),
        tag("p", join("The range test: ", source, "."), class_="soft small after"),
        id="next",
    )
