"""The page's first half: what came out, on which examples, and how it was learnt."""

from collections.abc import Mapping, Sequence
from typing import Any

from unfazed.analysis.surprise import BITS_PER_NAT
from unfazed.report import words
from unfazed.report.charts import Plot, Series, is_logarithmic, line_chart, track
from unfazed.report.markup import Html, join, tag
from unfazed.report.verdict import balanced, items, sentence, simpler, skill_of, task

Facts = Mapping[str, Any]

SYMBOLS = {
    "good": "M4 10.5l4 4 8-9",
    "plain": "M10 9v5.5M10 5.6v.1",
    "caution": "M10 3.2l7.6 13.3H2.4zM10 8.4v3.6M10 14.2v.1",
}
TONES = {"good": "good", "plain": "note", "caution": "caution"}
NAMES = {"train": "Training", "validation": "Validation", "test": "Test"}
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
    tiles = tag("div", verdict_card(told), _tiles(told), class_="stacked")
    return tag("section", tag("h2", "The verdict"), tiles, id="verdict")


def verdict_card(told: Facts) -> Html | None:
    """The sentences of the verdict."""
    lines = [
        tag("li", _symbol(line["tone"]), tag("span", words.tight(line["text"])), class_=line["tone"])
        for line in told["verdict"]
    ]
    return tag("div", tag("ul", *lines, class_="verdict"), class_="card") if lines else None


def _symbol(tone: str) -> Html:
    drawn = tag("path", d=SYMBOLS[tone])
    ring = tag("circle", cx=10, cy=10, r=8.4) if tone == "plain" else None
    return tag("svg", tag("title", TONES[tone]), ring, drawn, viewBox="0 0 20 20", role="img")


def _tiles(told: Facts) -> Html:
    split = told["evaluated_on"]
    scores, removed = told[split], told["surprise"][split]["share_removed"]
    f1 = scores["f1_macro"]
    latency, model = told["latency"] or {}, told["model"]
    n = f"{split}, n = {words.count(scores['accuracy']['n'])}"
    return tag(
        "dl",
        tile("Surprise gone", words.percent(removed["value"]), words.interval(removed), n),
        tile("F1, mean over classes", words.percent(f1["value"]), words.interval(f1), n),
        tile("One prediction", words.milliseconds(latency.get("p50_ms")), *latency_lines(latency)),
        tile("Model", words.size(model["bytes"]), f"{words.short(model['parameters'])} parameters"),
        class_="tiles",
    )  # fmt: skip


def latency_lines(latency: Facts) -> list[str]:
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
    return three_sets(told, [_split(told, split) for split in NAMES])


def three_sets(told: Facts, cards: Sequence[Html]) -> Html:
    """The section of the three sets, with a card of each and the notes of the source."""
    notes = told["source"]["notes"]
    return tag(
        "section",
        tag("h2", "Three sets, three purposes"),
        tag("p", "The same number means something different on each.", class_="lead"),
        tag("div", *cards, class_="grid three"),
        tag("ul", *(tag("li", sentence(words.tight(note))) for note in notes), class_="notes soft small after")
        if notes
        else None,
        id="sets",
    )


def _split(told: Facts, split: str) -> Html:
    number = words.count(told["counts"][split], items(told))
    used = told["purposes"][split]
    about = EXPLAINED[split] if told["counts"][split] else "There are none."
    return tag(
        "article",
        tag("h3", NAMES[split]),
        tag("p", used, class_="tagline"),
        tag("p", number, class_="n"),
        tag("p", about, class_="soft small"),
        _scores(told, split) if told[split]["accuracy"]["n"] else None,
        class_="card purpose",
    )


def _scores(told: Facts, split: str) -> Html:
    accuracy, found = told[split]["accuracy"], told["surprise"][split]
    rows = [
        ("Right", words.percent(accuracy["value"]), words.interval(accuracy)),
        ("Surprise of a label", words.bits(found["label_entropy_bits"]), None),
        (
            "Left by the model",
            words.bits(found["cross_entropy_bits"]["value"]),
            words.ends(found["cross_entropy_bits"], 2),
        ),
        *(
            (name, words.figure(its["value"]), words.ends(its))
            for name, its in (("AUROC", told[split].get("roc_auc")), *_precise(told, split))
            if its and its["value"] is not None
        ),
    ]
    return tag(
        "dl",
        *(
            join(tag("dt", name), tag("dd", value, tag("small", about) if about else None))
            for name, value, about in rows
        ),
    )


def _precise(told: Facts, split: str) -> list[tuple[str, Facts | None]]:
    """The average precision, by the name of the rarer class, where there are two."""
    counts = told["class_counts"][split]
    if len(counts) != 2:
        return []
    name = words.printable(told["classes"][int(counts[1] <= counts[0])])
    return [(f"Average precision, “{name}”", told[split].get("average_precision"))]


def learning(told: Facts) -> Html:
    """Curves of surprise with the best epoch marked, and the learning rate."""
    epochs = told["epochs"]
    if not epochs:
        return Html()
    kept = f"The weights of epoch {told['best_epoch']} were kept. " if told["best_epoch"] else ""
    changed = told["recipe"].get("augmentation") or told["recipe"].get("dropout")
    lead = (
        f"{words.count(len(epochs), 'epochs')}. {kept}Training surprise is taken during the pass, on each example "
        f"before its update{' and with augmentation or dropout on' if changed else ''}, so it may lie above validation."
    )
    return tag(
        "section",
        tag("h2", "How it learnt"),
        tag("p", lead, class_="lead"),
        tag("div", _curves(told), schedule(told), class_="grid wide-left"),
        id="learning",
    )


def _curves(told: Facts) -> Html:
    epochs = told["epochs"]
    lines = [Series(split, split, _bits(epochs, split)) for split in ("train", "validation")]
    best = next((e for e in epochs if e["epoch"] == told["best_epoch"]), None)
    left = _nats(best, "validation") * BITS_PER_NAT if best else None
    mark = (best["epoch"], left, f"best: epoch {best['epoch']}, {words.bits(left)}") if best and left == left else None
    plot = Plot("Surprise in bits by epoch", lines, [(e["epoch"], _tip(e)) for e in epochs], mark)  # type: ignore[arg-type]
    scale = ", logarithmic scale" if is_logarithmic(lines) else ""
    what = "one set of labels" if task(told) == "multilabel" else "one label"
    return chart_card(
        f"Surprise of {what}, bits{scale}", [("train", "training"), ("validation", "validation")], plot
    )


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


def _nats(epoch: Facts, split: str) -> float:
    value = (epoch.get(split) or {}).get("log_loss")
    return float("nan") if value is None else float(value)


def _skill(epoch: Facts, split: str) -> str:
    figures = epoch.get(split) or {}
    if "f1_micro" in figures:
        return f"F1 {words.percent(figures['f1_micro'])} at one half"
    return f"{words.percent(figures.get('accuracy'))} right"


def _bits(epochs: Sequence[Facts], split: str) -> list[tuple[float, float]]:
    return [(epoch["epoch"], _nats(epoch, split) * BITS_PER_NAT) for epoch in epochs]


def _tip(epoch: Facts) -> str:
    lines = [
        f"{NAMES[split]}: {words.bits(bits)}, {_skill(epoch, split)}"
        for split in ("train", "validation")
        for [(_, bits)] in [_bits([epoch], split)]
    ]
    return "\n".join([f"epoch {epoch['epoch']}{' (best)' if epoch.get('best') else ''}", *lines])
