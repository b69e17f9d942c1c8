"""The page's section on what limits the run: the cause, one thing to do, what it rests on, the layers as a picture."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from unfazed.analysis.causes import DEAD, EXPLODING, FINE, UNTOLD, VANISHING
from unfazed.report.markup import Html, tag
from unfazed.report.typed import typed
from unfazed.report.verdict import sentence
from unfazed.report.words import percent, tight

Facts = Mapping[str, Any]
LEFT, WIDTH, ROW, TOP, RIGHT = 190, 720, 26, 34, 150  # of the picture of layers, in its own units
MOST = 24  # layers drawn
LONGEST = 26  # letters of a layer's name


def in_brief(told: Facts) -> Html:
    """The cause and what to do about it, to stand under the headline."""
    found = told["diagnosis"]
    tone = "good" if found["cause"] == FINE else "plain" if found["cause"] == UNTOLD else "caution"
    cause = tag("strong", tag("a", sentence(found["cause"]), href="#diagnosis"))
    sure = tag("span", f"{found['confidence']} confidence", class_="soft small")
    todo = tag("p", *typed(found["action"], told["run"]))
    return tag("div", tag("p", cause, " ", sure), todo, class_=f"limit {tone}")


def diagnosis(told: Facts) -> Html:
    """The diagnosis, and beside it the numbers that it was made from."""
    found = told["diagnosis"]
    text = tag(
        "div",
        tag("h3", sentence(found["cause"])),
        tag("p", f"{found['confidence']} confidence", class_="soft small"),
        tag("p", tight(found["paragraph"])),
        tag("p", tag("strong", "What to do: " if found["cause"] != FINE else "Next: "),
            *typed(found["action"], told["run"]), class_="todo"),
        class_="card diagnosis",
    )  # fmt: skip
    rows = [tag("div", tag("dt", name), tag("dd", tight(value))) for name, value in found["evidence"].items()]
    evidence = tag("div", tag("h3", "What it rests on"), tag("dl", *rows, class_="findings"), class_="card")
    return tag(
        "section",
        tag("h2", "What limits it"),
        tag("p", "One cause, the first that the numbers speak for. Test rows do not choose it.", class_="lead"),
        tag("div", text, evidence, class_="grid two"),
        layers(found["layers"], of_interest=found["cause"] in (DEAD, EXPLODING, VANISHING)),
        id="diagnosis",
    )


def layers(found: Sequence[Facts], of_interest: bool) -> Html | None:
    """The gradient of each layer, before training and after it, and the units that are the same for every example.

    Folded unless it is `of_interest`.
    """
    sizes = [one[name] for one in found for name in ("gradient", "gradient_at_start") if one[name]]
    if not sizes:
        return None
    low, high = math.floor(math.log10(min(sizes))), math.ceil(math.log10(max(sizes)) + 1e-9)

    def place(size: float) -> float:
        return round(LEFT + (WIDTH - LEFT - RIGHT) * (math.log10(size) - low) / max(1, high - low), 1)

    height = TOP + ROW * min(len(found), MOST)
    step = max(1, (high - low) // 6)
    scale = [
        part
        for power in range(low, high + 1, step)
        for part in (
            tag("line", x1=place(10.0**power), y1=TOP - 10, x2=place(10.0**power), y2=height, class_="grid"),
            tag("text", f"1e{power}", x=place(10.0**power), y=TOP - 18, text_anchor="middle", class_="tick"),
        )
    ]
    head = tag("text", "constant units", x=WIDTH, y=TOP - 18, text_anchor="end", class_="tick")
    rows = [part for number, one in enumerate(found[:MOST]) for part in _row(one, TOP + ROW * number + 8, place)]
    picture = tag("svg", tag("title", "Gradients by layer"), *scale, head, *rows, class_="layers chart",
                  viewBox=f"0 0 {WIDTH} {height}", role="img")  # fmt: skip
    legend = tag("div", tag("span", "before training", class_="train"), tag("span", "now", class_="validation"),
                 class_="key")  # fmt: skip
    about = ("Root mean square of the gradient of each layer's weights on one batch of training rows, first layer at "
             "the top. Constant units, of those that a layer reads, say the same of every example.")  # fmt: skip
    figure = tag("figure", legend, tag("div", picture, class_="plot"), tag("p", about, class_="soft small"),
                 class_="card after")  # fmt: skip
    return tag("details", tag("summary", "Gradients by layer"), figure, class_="more", open=of_interest)


def _row(one: Facts, y: float, place: Callable[[float], float]) -> list[Html]:
    name = one["name"] if len(one["name"]) <= LONGEST else "…" + one["name"][-LONGEST:]
    parts = [tag("text", name, x=0, y=y + 4, class_="tick")]
    ends = [(one["gradient_at_start"], "start"), (one["gradient"], "now")]
    places = [(place(size), style) for size, style in ends if size]
    if len(places) == 2:
        parts.append(tag("line", x1=places[0][0], y1=y, x2=places[1][0], y2=y, class_="grid"))
    parts += [tag("circle", cx=x, cy=y, r=4.5, class_=style) for x, style in places]
    if not one["gradient"]:
        beside = places[0][0] + 10 if places else LEFT
        parts.append(tag("text", "none reaches it", x=beside, y=y + 4, class_="tick"))
    parts.append(tag("text", percent(one["constant"]), x=WIDTH, y=y + 4, text_anchor="end", class_="tick"))
    return parts
