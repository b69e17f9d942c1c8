"""The page's section on how sure the model may be."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from unfazed.analysis.surprise import BITS_PER_NAT
from unfazed.report import words
from unfazed.report.charts import MARGIN, SIDE, Plot, Series, axis_label, line_chart
from unfazed.report.markup import Html, join, tag
from unfazed.report.verdict import bits_of, counted, items

Facts = Mapping[str, Any]
Write = Callable[[float | None], str]  # of a value
Ends = Callable[[Facts], str]  # of an interval
RIM = 12  # of the reliability diagram, in its own units
SHARES = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)


def certainty(told: Facts) -> Html | None:
    """Whether the probabilities can be believed, what sets and silence cost."""
    found = told["certainty"]
    if not found["after"]["bins"]:
        return None
    columns = [(_reliability(told), _sets(told)), (_scores(told), _curve(told))]
    return tag(
        "section",
        tag("h2", "How sure it may be"),
        tag("p", words.tight(_lead(told)), class_="lead"),
        tag("div", *(tag("div", *cards, class_="stacked") for cards in columns), class_="grid two"),
        id="certainty",
    )


def _lead(told: Facts) -> str:
    found = told["certainty"]
    warm = found["temperature"]
    if not warm:
        return "Its probabilities were not calibrated."
    way = "the network was too sure, and is toned down" if warm["value"] > 1 else "the network was not sure enough"
    if warm["low"] <= 1 <= warm["high"]:
        way = "it can't be told from 1, which changes nothing"
    said = (
        f"The probabilities that predict gives are calibrated by a temperature of {words.figure(warm['value'], 2)} "
        f"({words.ends(warm, 2)}), fitted to n = {words.count(warm['n'])} validation {items(told)}: {way}. All figures "
        "of this report are of the calibrated ones, but for the curves of training and the losses in the diagnosis; "
        "scores.npz keeps those of the network."
    )
    if told["evaluated_on"] == "validation":
        said += " With no test set they are measured on the rows that they were fitted to: too kind."
    return said


def _reliability(told: Facts) -> Html:
    found = told["certainty"]
    n = found["after"]["calibration_error"]["n"]
    count = words.count(len(found["after"]["bins"]), "bins")
    about = (
        f"{_examples(told, n)}, in {count} of about as many, by how sure the model "
        "is. On the diagonal it is right as often as it says; below, too sure. Lines are 95 % intervals."
    )
    keys = [tag("span", "as predicted", class_="validation")]
    if found["before"]:
        keys.insert(0, tag("span", "before calibration", class_="train"))
    legend = tag("div", *keys, class_="key")
    return _card("Right, by how sure it is", about, legend, _diagram(found["before"], found["after"]))


def _diagram(before: Facts | None, after: Facts) -> Html:
    """Bins of the confidence against the shares right, each with its interval; the axes begin where the bins do."""
    bins = [*(before["bins"] if before else []), *after["bins"]]
    lowest = min(min(one["confidence"], one["right"]["low"]) for one in bins)
    start = max(share for share in SHARES[:-1] if share <= max(lowest, 0.0))

    def place(value: float, axis: int) -> float:
        at = (SIDE - MARGIN - RIM) * (value - start) / (1 - start)
        return round(MARGIN + at if axis == 0 else SIDE - MARGIN - at + RIM, 1)

    ticks = [share for share in SHARES if share >= start]
    levels = [place(tick, 1) for tick in ticks]
    grid = [tag("line", x1=MARGIN, x2=SIDE - RIM, y1=level, y2=level, class_="grid") for level in levels]
    labels = [axis_label(place(tick, axis), axis, f"{100 * tick:.0f} %") for axis in (0, 1) for tick in ticks]
    ideal = tag("line", x1=MARGIN, y1=place(start, 1), x2=SIDE - RIM, y2=place(1, 1), class_="best")
    drawn = [_bins(part["bins"], style, place) for part, style in ((before, "train"), (after, "validation")) if part]
    title = tag("title", "Share right by confidence")
    return tag("svg", title, *grid, *labels, ideal, *drawn, class_="chart scatter", viewBox=f"0 0 {SIDE} {SIDE}",
               role="img")  # fmt: skip


def _bins(bins: Sequence[Facts], style: str, place: Callable[[float, int], float]) -> Html:
    parts = []
    for one in bins:
        right, x = one["right"], place(one["confidence"], 0)
        tip = (
            f"{words.percent(one['confidence'])} sure, {words.percent(right['value'])} right "
            f"({words.interval(right)}), n = {words.count(right['n'])}"
        )
        line = tag("line", x1=x, x2=x, y1=place(right["low"], 1), y2=place(right["high"], 1))
        parts.append(tag("g", tag("title", tip), line, tag("circle", cx=x, cy=place(right["value"], 1), r=4)))
    return tag("g", *parts, class_=f"bins {style}")


def _scores(told: Facts) -> Html:
    found = told["certainty"]
    columns = [(name, found[part]) for name, part in (("before", "before"), ("as predicted", "after")) if found[part]]
    rows: list[tuple[str, str, Write, Ends]] = [
        ("Calibration error", "calibration_error", words.percent, words.interval),
        ("Surprise left, bits", "log_loss", _bits, lambda nats: words.ends(bits_of(nats))),
        ("Brier score", "brier_score_loss", words.figure, words.ends),
    ]
    table = _table(
        ["lower is better", *(name for name, _ in columns)],
        [[name, *(_cell(part[key], write, ends) for _, part in columns)] for name, key, write, ends in rows],
    )
    n = words.count(found["after"]["log_loss"]["n"])
    about = (
        f"{told['evaluated_on'].capitalize()}, n = {n}, with 95 % intervals. The calibration error is the distance of "
        "the dots from the diagonal (root mean square), less what chance alone would put there: uncorrected, it would "
        f"show some 4 % at n = 500 for a perfect model.{_gain(found)}"
    )
    return _card("Before and after", about, table)


def _gain(found: Facts) -> str:
    gain = found["log_loss_difference"]
    if not gain or gain["value"] is None or gain["low"] is None:
        return ""
    least, most = sorted(-gain[end] * BITS_PER_NAT for end in ("low", "high"))
    said = f"{words.figure(-gain['value'] * BITS_PER_NAT)} bits ({words.figure(least)} – {words.figure(most)})"
    told = "cannot be told from nothing" if least <= 0 <= most else "is no chance" if least > 0 else "is a loss"
    return f" Calibration takes away {said} of surprise, compared example by example: that {told}."


def _sets(told: Facts) -> Html | None:
    found = told["certainty"]["sets"]
    if not found:
        return None
    rows = [
        [
            f"{100 * one['level']:.0f} %",
            _cell(one["coverage"], words.percent, words.interval),
            _cell(one["single"], words.percent, words.interval),
            _cell(one["size"], lambda value: words.figure(value, 2), lambda size: words.ends(size, 2)),
        ]
        for one in found
    ]
    table = _table(["asked", "hold the class", "of one class", "mean size"], rows)
    about = (
        "predict --confidence-level gives sets of classes that hold the true one as often as asked (split conformal, "
        f"from {words.count(found[0]['calibrated_on'], f'validation {items(told)}')}). Measured on "
        f"{_examples(told, found[0]['coverage']['n'])}. The likeliest class is "
        "always among them: where the model is right more often than asked, so are the sets."
        f"{_of_groups(told)}"
    )
    return _card("Sets of classes", about, table)


def _groups(told: Facts) -> int | None:
    found: int | None = (told.get("groups") or {}).get("validation")
    return found


def _of_groups(told: Facts) -> str:
    """What a promise from rows that come in groups is worth."""
    groups = _groups(told)
    if not groups:
        return ""
    few = f"come in {words.count(groups, 'groups')}"
    return f" Those for validation {few}: of new groups the share may be another by far."


def _curve(told: Facts) -> Html | None:
    points = told["certainty"]["curve"]
    if len(points) < 2:
        return None
    lines = [
        Series("high", "train", [(100 * one["answered"], 100 * one["errors"]["high"]) for one in points]),
        Series("errors", "validation", [(100 * one["answered"], 100 * one["errors"]["value"]) for one in points]),
    ]
    tips = [(100 * one["answered"], _tip(one)) for one in points]
    places = [(part, f"{part} %") for part in (20, 40, 60, 80, 100)]
    chart = line_chart(Plot("Errors by share answered", lines, tips, places=places))
    about = (
        f"The surest {told['evaluated_on']} {items(told)} first, n = {words.count(points[-1]['errors']['n'])}: how "
        "many answers are wrong if only so many are given."
    )
    if not _groups(told):
        about += (
            " predict --max-risk draws a line that keeps a bound with 95 % certainty, but for the validation "
            f"{items(told)} that it comes from having chosen the epoch, which flatters a little."
        )
    keys = [("validation", "wrong, %"), ("train", "upper end of its 95 % interval")]
    legend = tag("div", *(tag("span", name, class_=style) for style, name in keys), class_="key")
    plot = tag("div", chart, tag("div", class_="tip", role="status"), class_="plot")
    return _card("Errors, by share answered", about, legend, plot)


def _card(title: str, about: str, *parts: Html) -> Html:
    caption = tag("figcaption", words.tight(about), class_="soft small")
    return tag("figure", tag("h3", title), *parts, caption, class_="card")


def _tip(one: Facts) -> str:
    errors = one["errors"]
    return (
        f"{words.percent(one['answered'])} answered\n{words.percent(errors['value'])} wrong "
        f"({words.interval(errors)}), n = {words.count(errors['n'])}"
    )


def intervals(told: Facts) -> Html | None:
    """Of numbers: what the intervals that can be asked for came to."""
    found = told["certainty"]["intervals"]
    if not found:
        return None
    rows = [
        [
            f"{100 * one['level']:.0f} %",
            _cell(one["coverage"], words.percent, words.interval),
            _cell(one["median_width"], words.number, lambda width: words.bounds(width, words.number)),
        ]
        for one in found
    ]
    lead = (
        "predict --confidence-level gives intervals that hold the true number as often as asked (split conformal, "
        f"from {words.count(found[0]['calibrated_on'], f'validation {items(told)}')}). Measured on "
        f"{_examples(told, found[0]['coverage']['n'])}, with 95 % intervals.{_of_groups(told)}"
    )
    table = tag("div", _table(["asked", "hold the target", "width, median"], rows), class_="card")
    return tag("section", tag("h2", "How sure it may be"), tag("p", words.tight(lead), class_="lead"), table,
               id="certainty")  # fmt: skip


def _examples(told: Facts, n: int) -> str:
    return counted(told, n, f"{told['evaluated_on']} {items(told)}")


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> Html:
    top = tag("thead", tag("tr", *(tag("th", name) for name in head)))
    body = tag("tbody", *(tag("tr", *(tag("td", cell) for cell in row)) for row in rows))
    return tag("div", tag("table", top, body, class_="certainty"), class_="scroll")


def _cell(estimate: Facts, write: Write, ends: Ends) -> Html:
    return join(words.tight(write(estimate["value"])), tag("small", words.tight(ends(estimate)), class_="soft"))


def _bits(nats: float | None) -> str:
    return words.figure(None if nats is None else nats * BITS_PER_NAT)
