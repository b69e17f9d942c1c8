"""The page's first half: what came out, on which examples, and how it was learnt."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from unfazed.analysis.surprise import BITS_PER_NAT
from unfazed.report import words
from unfazed.report.charts import Plot, Series, is_logarithmic, line_chart, track
from unfazed.report.markup import Html, join, tag
from unfazed.report.typed import typed
from unfazed.report.verdict import balanced, items, sentence, simpler, skill_of, task

Facts = Mapping[str, Any]
Score = tuple[str, str, str | None]  # its name, the value, and what that rests on

SYMBOLS = {
    "good": "M4 10.5l4 4 8-9",
    "plain": "M10 9v5.5M10 5.6v.1",
    "caution": "M10 3.2l7.6 13.3H2.4zM10 8.4v3.6M10 14.2v.1",
}
TONES = {"good": "good", "plain": "note", "caution": "caution"}
NAMES = {"train": "Training", "validation": "Validation", "test": "Test"}
LEARNT_ON = ("train", "validation")
EXPLAINED = {
    "train": "The weights were fitted to these. How well a model does here says little about new ones.",
    "validation": "After each epoch these chose whether to keep the weights, so they flatter a little.",
    "test": "Kept apart until the model was finished, then looked at once. Believe these.",
}


def hero(told: Facts) -> Html:
    """The headline as a figure, beside the rivals."""
    accuracy = told[told["evaluated_on"]]["accuracy"]
    name = tag("p", f"{told['source']['name']} · {words.count(len(told['classes']), 'classes')}", class_="name")
    if not accuracy["n"]:
        return tag(
            "header", tag("div", name, tag("h1", sentence(told["headline"]) + ".", class_="plain")), class_="hero"
        )
    figure, _, rest = told["headline"].partition(" %")
    headline = tag(
        "h1",
        tag("span", figure, tag("span", "\u202f%", class_="unit"), class_="figure"),
        tag("span", words.tight(rest.strip()) + ".", class_="words"),
    )
    return tag("header", tag("div", name, headline), _rivals(told), class_="hero")


def _rivals(told: Facts) -> Html:
    split, skill = told["evaluated_on"], skill_of(told)
    measured = [(sentence(name), facts.get(split, {}).get(skill)) for name, facts in simpler(told)]
    rows = [
        rival("This model", told[split][skill], "own"),
        *(rival(name, share, "") for name, share in measured if share),
        rival("Always the commonest class", told["baselines"]["majority"][split][skill], ""),
    ]
    whole = "100 % of each class" if balanced(told) else "100 % right"
    scale = tag("div", *(tag("span", text) for text in ("0 %", "50 %", whole)), class_="scale", aria_hidden="true")
    return tag("div", *rows, scale, class_="rivals")


def rival(name: str, share: Facts, style: str) -> Html:
    """One model's share of what is right, beside those of others; `style`: "own" for the run's model."""
    value = tag("span", words.percent(share["value"]), class_="value")
    bounds = tag("span", f" {words.interval(share)}", class_="soft small bounds")
    return tag(
        "div",
        tag("span", name),
        tag("span", value, bounds),
        track(share["low"], share["value"], share["high"], style),
        class_=f"row {style}".strip(),
    )


def summary(told: Facts) -> Html:
    """The verdict in sentences, and four figures."""
    split = told["evaluated_on"]
    removed, f1 = told["surprise"][split]["share_removed"], told[split]["f1_macro"]
    n = f"{split}, n = {words.count(told[split]['accuracy']['n'])}"
    return verdict_and_tiles(
        told,
        tile("Surprise gone", words.percent(removed["value"]), words.interval(removed), n),
        tile("F1, mean over classes", words.percent(f1["value"]), words.interval(f1), n),
    )


def verdict_and_tiles(told: Facts, *own: Html) -> Html:
    """The section of the verdict: its sentences, and tiles, of which all kinds of runs have the last two."""
    lines = [
        tag("li", _symbol(one["tone"]), tag("span", *typed(words.tight(one["text"]), told["run"])), class_=one["tone"])
        for one in told["verdict"]
    ]
    verdict = tag("div", tag("ul", *lines, class_="verdict"), class_="card") if lines else None
    latency, model = told["latency"] or {}, told["model"]
    tiles = tag(
        "dl",
        *own,
        tile("One prediction", words.milliseconds(latency.get("p50_ms")), *_latency_lines(latency)),
        tile("Model", words.size(model["bytes"]), f"{words.short(model['parameters'])} parameters"),
        class_="tiles",
    )
    return tag("section", tag("h2", "The verdict"), tag("div", verdict, tiles, class_="stacked"), id="verdict")


def _symbol(tone: str) -> Html:
    drawn = tag("path", d=SYMBOLS[tone])
    ring = tag("circle", cx=10, cy=10, r=8.4) if tone == "plain" else None
    return tag("svg", tag("title", TONES[tone]), ring, drawn, viewBox="0 0 20 20", role="img")


def _latency_lines(latency: Facts) -> list[str]:
    """What to know of a latency beside its median."""
    if not latency:
        return ["not measured"]
    slow = words.milliseconds(latency.get("p95_ms"))
    lines = [f"median, n = {words.count(latency.get('n'))}", f"95 % within {slow}", latency.get("device")]
    return [line for line in lines if line]


def tile(name: str, value: str, *about: str) -> Html:
    """One figure with its name and what it rests on."""
    lines = [tag("small", words.tight(line)) for line in about]
    return tag("div", tag("dt", name), tag("dd", words.tight(value), *lines))


def splits(told: Facts) -> Html:
    """Training, validation and test: three sets with three purposes."""
    return three_sets(told, _scores)


def three_sets(told: Facts, scores: Callable[[Facts, str], Sequence[Score]], chose: str = "") -> Html:
    """The section of the three sets, with a card of each and the notes of the source.

    `scores` of a split: pairs of a name and a value, with what it rests on; `chose`: what else validation did.
    """
    notes = told["source"]["notes"]
    return tag(
        "section",
        tag("h2", "Three sets, three purposes"),
        tag("p", "The same number means something different on each.", class_="lead"),
        tag("div", *(_split(told, split, scores(told, split), chose) for split in NAMES), class_="grid three"),
        tag("ul", *(tag("li", sentence(words.tight(note))) for note in notes), class_="notes soft small after")
        if notes
        else None,
        id="sets",
    )


def _split(told: Facts, split: str, scores: Sequence[Score], chose: str) -> Html:
    about = EXPLAINED[split] if told["counts"][split] else "There are none."
    if split == "validation" and told["counts"][split]:
        about += chose
    listed = [join(tag("dt", name), tag("dd", value, tag("small", on) if on else None)) for name, value, on in scores]
    return tag(
        "article",
        tag("h3", NAMES[split]),
        tag("p", told["purposes"][split], class_="tagline"),
        tag("p", words.count(told["counts"][split], items(told)), class_="n"),
        tag("p", about, class_="soft small"),
        tag("dl", *listed) if listed else None,
        class_="card purpose",
    )


def _scores(told: Facts, split: str) -> list[Score]:
    accuracy, found = told[split]["accuracy"], told["surprise"][split]
    if not accuracy["n"]:
        return []
    left = found["cross_entropy_bits"]
    ranking = [("AUROC", told[split].get("roc_auc")), *_precise(told, split)]
    return [
        ("Right", words.percent(accuracy["value"]), words.interval(accuracy)),
        ("Surprise of a label", words.bits(found["label_entropy_bits"]), None),
        ("Left by the model", words.bits(left["value"]), words.ends(left, 2)),
        *(
            (name, words.figure(its["value"]), words.ends(its))
            for name, its in ranking
            if its and its["value"] is not None
        ),
    ]


def _precise(told: Facts, split: str) -> list[tuple[str, Facts | None]]:
    """The average precision, by the name of the rarer class, where there are two."""
    counts = told["class_counts"][split]
    if len(counts) != 2:
        return []
    name = words.printable(told["classes"][int(counts[1] <= counts[0])])
    return [(f"Average precision, “{name}”", told[split].get("average_precision"))]


class Curve(NamedTuple):
    """What is drawn of each epoch: a figure of epochs.jsonl, times a factor, and what its tips say beside it."""

    title: str
    name: str  # of the picture, for who does not see it
    figure: str
    factor: float
    write: Callable[[float | None], str]
    beside: Callable[[Facts], str] = lambda _: ""
    linear: bool = False

    def height(self, epoch: Facts, split: str) -> float:
        """The figure of an epoch; nan where it is not known."""
        value = (epoch.get(split) or {}).get(self.figure)
        return math.nan if value is None else float(value) * self.factor

    def tip(self, epoch: Facts) -> str:
        """The figures of an epoch in words."""
        lines = [
            f"{NAMES[split]}: {self.write(self.height(epoch, split))}{self.beside(epoch.get(split) or {})}"
            for split in LEARNT_ON
        ]
        return "\n".join([f"epoch {epoch['epoch']}{' (best)' if epoch.get('best') else ''}", *lines])


def learning(told: Facts) -> Html:
    """Curves of surprise with the best epoch marked, and the learning rate."""
    changed = told["recipe"].get("augmentation") or told["recipe"].get("dropout")
    lead = (
        "Training surprise is taken during the pass, on each example "
        f"before its update{' and with augmentation or dropout on' if changed else ''}, so it may lie above validation."
    )
    what = "one set of labels" if task(told) == "multilabel" else "one label"
    title, name = f"Surprise of {what}, bits", "Surprise in bits by epoch"
    return how_it_learnt(told, lead, Curve(title, name, "log_loss", BITS_PER_NAT, words.bits, _skill))


def _skill(figures: Facts) -> str:
    if "f1_micro" in figures:
        return f", F1 {words.percent(figures['f1_micro'])} at one half"
    return f", {words.percent(figures.get('accuracy'))} right"


def how_it_learnt(told: Facts, lead: str, curve: Curve) -> Html:
    """The section of a curve with its best epoch marked, and of the learning rate; nothing without epochs."""
    epochs = told["epochs"]
    if not epochs:
        return Html()
    best = told["best_epoch"]
    kept = f"The weights of epoch {best} were kept, of the lowest validation loss. " if best else ""
    return tag(
        "section",
        tag("h2", "How it learnt"),
        tag("p", f"{words.count(len(epochs), 'epochs')}. {kept}{lead}", class_="lead"),
        tag("div", _curves(told, curve), schedule(told), class_="grid wide-left"),
        id="learning",
    )


def _curves(told: Facts, curve: Curve) -> Html:
    epochs = told["epochs"]
    lines = [Series(side, side, [(e["epoch"], curve.height(e, side)) for e in epochs]) for side in LEARNT_ON]
    best = next((e for e in epochs if e["epoch"] == told["best_epoch"]), None)
    value = curve.height(best, "validation") if best else math.nan
    mark = (best["epoch"], value, f"kept: epoch {best['epoch']}, {curve.write(value)}") if best else None
    tips = [(e["epoch"], curve.tip(e)) for e in epochs]
    scale = ", logarithmic scale" if not curve.linear and is_logarithmic(lines) else ""
    plot = Plot(curve.name, lines, tips, mark if value == value else None, linear=curve.linear)
    return chart_card(f"{curve.title}{scale}", [("train", "training"), ("validation", "validation")], plot)


def schedule(told: Facts) -> Html:
    """The learning rate by epoch."""
    points, tips = [], []
    for done, epoch in enumerate(told["epochs"]):
        rates = [rate for rate in epoch.get("learning_rates") or [] if rate is not None]
        for number, rate in enumerate(rates):
            points.append((done + (number + 0.5) / len(rates), rate))
            tips.append((points[-1][0], f"epoch {epoch['epoch']}\nlearning rate {rate:.3g}"))
    plot = Plot("Learning rate by epoch", [Series("rate", "rate", points)], tips)
    return chart_card("Learning rate", [("rate", str(told["recipe"].get("schedule", "")))], plot)


def chart_card(title: str, key: Sequence[tuple[str, str]], plot: Plot) -> Html:
    """A chart with its title, and what its lines are: pairs (style, name)."""
    legend = tag("div", *(tag("span", name, class_=style) for style, name in key), class_="key")
    tip = tag("div", class_="tip", role="status")
    return tag("figure", tag("h3", title), legend, tag("div", line_chart(plot), tip, class_="plot"), class_="card")
