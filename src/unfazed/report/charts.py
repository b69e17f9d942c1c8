"""Charts as inline SVG: no library, no request; colours come from the page's style, so they follow light and dark.

Coordinates: E epochs on the x axis, from 0, or the places that a plot names. A chart is drawn twice, wide and narrow,
and the page shows the one that fits, since the letters of a picture that is scaled to a phone cannot be read.
"""

import json
import math
from collections.abc import Sequence
from statistics import median
from typing import NamedTuple, TypeVar

from unfazed.report.markup import Html, join, tag

LEFT, RIGHT, TOP, BOTTOM = 46, 14, 20, 30
SHAPES = {"wide": (720, 300), "narrow": (360, 290)}
SIDE, MARGIN = 420, 52  # of a square picture, in its own units
MOST_POINTS = 400
MOST_POWERS = 7  # of two, from one mark of an axis to the last
LOGARITHMIC = 8  # a chart whose highest value is so many times its lowest has a logarithmic axis
PEAK = 4  # and so has one whose highest value is so many times its median
T = TypeVar("T")


class Series(NamedTuple):
    """One line: its points (x, y), and the style it is drawn in."""

    name: str
    style: str
    points: Sequence[tuple[float, float]]


class Plot(NamedTuple):
    """A line chart; `tips` are what is said at each x, `mark` a point (x, y) with its words.

    `places` are names of places on the x axis, instead of whole numbers; `band` is a stretch of it that stands out.
    `linear`: the zero of its y axis means nothing, so that no logarithm may be taken.
    """

    title: str
    series: Sequence[Series]
    tips: Sequence[tuple[float, str]]
    mark: tuple[float, float, str] | None = None
    places: Sequence[tuple[float, str]] = ()
    band: tuple[float, float] | None = None
    linear: bool = False


class Frame(NamedTuple):
    """Where data lands in a picture of `width` by `height`."""

    width: int
    height: int
    x_end: float
    levels: Sequence[float]  # the ticks of the y axis, from bottom to top
    logarithmic: bool

    def x(self, value: float) -> float:
        """Horizontal position of a data value."""
        return round(LEFT + (self.width - LEFT - RIGHT) * value / self.x_end, 1)

    def y(self, value: float) -> float:
        """Vertical position of a data value."""
        low, high = self.levels[0], self.levels[-1]
        part = math.log(value / low, high / low) if self.logarithmic else (value - low) / (high - low)
        return round(self.height - BOTTOM - (self.height - TOP - BOTTOM) * part, 1)


def line_chart(plot: Plot) -> Html:
    """The plot in both shapes; nothing where it has no points."""
    values = [point for series in plot.series for point in series.points if all(map(math.isfinite, point))]
    if not values:
        return Html()
    x_end = max(1.0, math.ceil(max(x for x, _ in values)))
    logarithmic = not plot.linear and is_logarithmic(plot.series)
    heights = [y for _, y in values]
    least, most = min(0.0, *heights), max(0.0, *heights)
    levels = powers(min(heights), most) if logarithmic else ticks(most if most > least else 1.0, start=least)
    return join(*(_picture(plot, shape, Frame(*size, x_end, levels, logarithmic)) for shape, size in SHAPES.items()))


def is_logarithmic(series: Sequence[Series]) -> bool:
    """Whether the values of falling curves span so much that a linear axis would press them to its floor."""
    heights = [y for line in series if line.style != "rate" for _, y in line.points if math.isfinite(y)]
    if not heights or min(heights) <= 0:
        return False
    return max(heights) > min(LOGARITHMIC * min(heights), PEAK * median(heights))


def track(low: float | None, value: float | None, high: float | None, style: str = "") -> Html:
    """An interval within 0..1 as a line with a dot; stretched to its box, the dot stays round."""
    if value is None or low is None or high is None:
        return Html()
    at = [round(100 * part, 2) for part in (low, value, high)]
    return tag(
        "svg",
        _line(0, 5, 100, 5, "rail"),
        _line(at[0], 5, at[2], 5, "whisker"),
        _line(at[1], 5, at[1], 5, "dot"),
        class_=f"track {style}".strip(), viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true",
    )  # fmt: skip


def axis_label(at: float, axis: int, text: str) -> Html:
    """What stands beside a square picture, at a place of its axis 0, below, or 1, to the left."""
    if axis == 0:
        return _text(at, SIDE - MARGIN + 34, text, "middle")
    return _text(MARGIN - 8, at + 4, text, "end")


def stacked_bar(shares: Sequence[float]) -> Html:
    """Parts of a whole, side by side."""
    total, start, parts = sum(shares) or 1.0, 0.0, []
    for number, share in enumerate(shares):
        width = 100 * share / total
        parts.append(tag("rect", x=round(start, 2), y=0, width=round(width, 2), height=10, class_=f"part-{number % 4}"))
        start += width
    return tag("svg", *parts, class_="stack", viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true")


def ticks(end: float, most: int = 5, start: float = 0.0) -> list[float]:
    """Round numbers, 0 among them, that reach from `start` <= 0 to `end` >= 0 in some `most` steps."""
    rough = (end - start) / most
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(power * factor for factor in (1, 2, 2.5, 5, 10) if power * factor >= rough * (1 - 1e-9))
    return [step * number for number in range(math.floor(start / step + 1e-9), math.ceil(end / step - 1e-9) + 1)]


def powers(low: float, high: float) -> list[float]:
    """Powers of two from at most `low` to at least `high`, every one or every few."""
    first, last = math.floor(math.log2(low)), math.ceil(math.log2(high))
    step = math.ceil((last - first) / MOST_POWERS)
    return [2.0**exponent for exponent in range(first, last + step, step)]


def thinned(values: Sequence[T]) -> list[T]:
    """At most 400 of the values, evenly spaced, the last one among them."""
    if len(values) <= MOST_POINTS:
        return list(values)
    return [values[round(index * (len(values) - 1) / (MOST_POINTS - 1))] for index in range(MOST_POINTS)]


def _picture(plot: Plot, shape: str, frame: Frame) -> Html:
    tips = thinned(plot.tips)
    return tag(
        "svg",
        tag("title", plot.title),
        _band(plot.band, frame) if plot.band else None,
        *_axes(frame, plot.places or _whole_numbers(frame, 5 if shape == "narrow" else 10)),
        _line(LEFT, TOP, LEFT, frame.height - BOTTOM, "guide"),
        *(tag("path", d=_path(series, frame), class_=f"line {series.style}") for series in plot.series),
        _mark(plot, frame) if plot.mark else None,
        class_=f"chart {shape}", viewBox=f"0 0 {frame.width} {frame.height}", role="img", tabindex=0,
        data_x=json.dumps([frame.x(x) for x, _ in tips]), data_tips=json.dumps([words for _, words in tips]),
    )  # fmt: skip


def _whole_numbers(frame: Frame, most: int) -> list[tuple[float, str]]:
    wanted = ticks(frame.x_end, most)
    return [(tick, str(round(tick))) for tick in wanted if tick == round(tick) and tick <= frame.x_end]


def _axes(frame: Frame, places: Sequence[tuple[float, str]]) -> list[Html]:
    below = frame.height - BOTTOM
    levels = frame.levels
    return [
        *(_line(LEFT, frame.y(tick), frame.width - RIGHT, frame.y(tick), "grid") for tick in levels),
        *(_text(LEFT - 8, frame.y(tick) + 4, _figure(tick, levels), "end") for tick in levels),
        *(_text(frame.x(place), below + 20, name, "middle") for place, name in places if place <= frame.x_end),
    ]


def _figure(tick: float, levels: Sequence[float]) -> str:
    """A tick's number; on a linear axis all with as many digits."""
    if levels[0] > 0:
        return f"{tick:.3g}"
    near = 1e-9 * max(map(abs, levels))
    digits = next((d for d in range(5) if all(math.isclose(round(t, d), t, abs_tol=near) for t in levels)), 5)
    return f"{tick:.{digits}f}".replace("-", "−") if digits <= 4 else f"{tick:.0e}".replace("e-0", "e-")


def _path(series: Series, frame: Frame) -> str:
    """A line that is broken where a value is missing."""
    commands, pen = [], "M"
    for x, y in thinned(series.points):
        if math.isfinite(x) and math.isfinite(y):
            commands.append(f"{pen}{frame.x(x)} {frame.y(y)}")
            pen = "L"
        else:
            pen = "M"
    return "".join(commands)


def _band(band: tuple[float, float], frame: Frame) -> Html:
    left, right = map(frame.x, band)
    height = frame.height - TOP - BOTTOM
    return tag("rect", x=left, y=TOP, width=round(right - left, 1), height=height, class_="band")


def _mark(plot: Plot, frame: Frame) -> Html:
    assert plot.mark is not None
    x, y, words = plot.mark
    before = frame.x(x) > frame.width / 2
    return join(
        _line(frame.x(x), TOP, frame.x(x), frame.height - BOTTOM, "best"),
        tag("circle", cx=frame.x(x), cy=frame.y(y), r=4.5, class_="best-dot"),
        _text(frame.x(x) + (-8 if before else 8), TOP - 6, words, "end" if before else "start", "best-words"),
    )


def _line(x1: float, y1: float, x2: float, y2: float, style: str) -> Html:
    return tag("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=style)


def _text(x: float, y: float, words: str, anchor: str, style: str = "tick") -> Html:
    return tag("text", words, x=x, y=y, text_anchor=anchor, class_=style)
