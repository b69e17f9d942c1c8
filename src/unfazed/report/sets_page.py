"""The sections of the page that differ where sets of labels are predicted."""

from collections.abc import Mapping, Sequence
from typing import Any

from unfazed.report import words
from unfazed.report.examples import FINISHED, ROWS_SHOWN, Exhibits, heading, or_zero, score_cell, surprises
from unfazed.report.exhibits import shown
from unfazed.report.markup import Html, join, tag
from unfazed.report.overview import EXPLAINED, NAMES, latency_lines, rival, three_sets, tile, verdict_card
from unfazed.report.predictions import NONE
from unfazed.report.verdict import items, sentence, simpler

Facts = Mapping[str, Any]


def hero(told: Facts) -> Html:
    """The headline as a figure, beside the rivals."""
    f1, exact = (told[told["evaluated_on"]][name] for name in ("f1_micro", "subset_accuracy"))
    name = tag("p", f"{told['source']['name']} · {words.count(len(told['classes']), 'labels')}", class_="name")
    if not exact["n"] or f1["value"] is None:
        plain = tag("h1", sentence(told["headline"]) + ".", class_="plain")
        return tag("header", tag("div", name, plain), class_="hero")
    figure, rest = words.percent(f1["value"]).removesuffix(" %"), told["headline"].partition(" %")[2]
    headline = tag(
        "h1",
        tag("span", figure, tag("span", "\u202f%", class_="unit"), class_="figure"),
        tag("span", words.tight(f"F1 {rest.strip()}."), class_="words"),
    )
    return tag("header", tag("div", name, headline), _rivals(told), class_="hero")


def _rivals(told: Facts) -> Html:
    split = told["evaluated_on"]
    measured = [(sentence(name), facts.get(split, {}).get("f1_micro")) for name, facts in simpler(told)]
    rows = [
        rival("This model", told[split]["f1_micro"], "own"),
        *(rival(name, f1, "") for name, f1 in measured if f1),
        rival("Always the commonest set", told["baselines"]["majority"][split]["f1_micro"], ""),
    ]
    scale = tag("div", *(tag("span", text) for text in ("F1 0 %", "50 %", "100 %")), class_="scale", aria_hidden="true")
    return tag("div", *rows, scale, class_="rivals")


def summary(told: Facts) -> Html:
    """The verdict in sentences, and four figures."""
    split = told["evaluated_on"]
    exact, macro = told[split]["subset_accuracy"], told[split]["f1_macro"]
    latency, model = told["latency"] or {}, told["model"]
    n = f"{split}, n = {words.count(exact['n'])}"
    tiles = tag(
        "dl",
        tile("Sets exactly right", words.percent(exact["value"]), words.interval(exact), n),
        tile("F1, mean of the labels", words.percent(macro["value"]), words.interval(macro), n),
        tile("One prediction", words.milliseconds(latency.get("p50_ms")), *latency_lines(latency)),
        tile("Model", words.size(model["bytes"]), f"{words.short(model['parameters'])} parameters"),
        class_="tiles",
    )
    return tag(
        "section", tag("h2", "The verdict"), tag("div", verdict_card(told), tiles, class_="stacked"), id="verdict"
    )


def splits(told: Facts) -> Html:
    """Training, validation and test: three sets with three purposes."""
    return three_sets(told, [_split(told, split) for split in NAMES])


def _split(told: Facts, split: str) -> Html:
    about = EXPLAINED[split] if told["counts"][split] else "There are none."
    if split == "validation" and told["counts"][split]:
        about += " They also chose the threshold of each label."
    return tag(
        "article",
        tag("h3", NAMES[split]),
        tag("p", told["purposes"][split], class_="tagline"),
        tag("p", words.count(told["counts"][split], items(told)), class_="n"),
        tag("p", about, class_="soft small"),
        _scores(told, split) if told[split]["subset_accuracy"]["n"] else None,
        class_="card purpose",
    )


def _scores(told: Facts, split: str) -> Html:
    scores, found = told[split], told["surprise"][split]
    left = found["cross_entropy_bits"]
    rows = [
        ("F1 over all labels", words.percent(scores["f1_micro"]["value"]), words.interval(scores["f1_micro"])),
        ("Exactly right", words.percent(scores["subset_accuracy"]["value"]), words.interval(scores["subset_accuracy"])),
        ("Surprise of a set", words.bits(found["label_entropy_bits"]), None),
        ("Left by the model", words.bits(left["value"]), words.ends(left, 2)),
    ]
    return tag(
        "dl", *(join(tag("dt", name), tag("dd", value, tag("small", ends) if ends else None))
                for name, value, ends in rows)
    )  # fmt: skip


def labels_table(told: Facts) -> Html:
    """F1, recall, precision, average precision and threshold of each label, the lowest F1 first."""
    order = sorted(range(len(told["classes"])), key=lambda k: or_zero(told["per_class"][k]["f1"]["value"]))
    split = told["evaluated_on"]
    names = ["Label", f"{split} n", "training n", "F1", "Recall", "Precision", "Average precision", "Threshold"]
    head = tag("tr", *(heading(name, name == "F1") for name in names))
    body = [_label_row(told, k) for k in order[:ROWS_SHOWN]]
    rest = len(order) - len(body)
    best = "The best label is" if rest == 1 else f"The {words.count(rest)} best labels are"
    more = f" {best} left out here; report.json has all." if rest > 0 else ""
    lead = (
        f"On the {split} set, the weakest first, with 95 % intervals. n: the {items(told)} that have the label. "
        "Recall: the share of these for which it was predicted. Precision: of those for which it was predicted, the "
        "share that have it. F1: both in one. Average precision: how well its probability ranks those that have it, "
        "whatever the threshold. Threshold: the probability from which on the label is predicted, where its F1 on "
        f"the validation set is highest, drawn towards that of all labels together where few have it there.{more}"
    )
    return tag(
        "section",
        tag("h2", "Label by label"),
        tag("p", words.tight(lead), class_="lead"),
        tag("div", tag("table", tag("thead", head), tag("tbody", *body), class_="classes many"), class_="card"),
        id="classes",
    )


def _label_row(told: Facts, k: int) -> Html:
    scores, split = told["per_class"][k], told["evaluated_on"]
    known = (("f1", "F1"), ("recall", "Recall"), ("precision", "Precision"), ("average_precision", "Average precision"))
    counted = ((split, scores["support"]), ("training", told["class_counts"]["train"][k]))
    threshold = scores["threshold"]
    return tag(
        "tr",
        tag("th", scores["label"], scope="row"),
        *(tag("td", words.count(n), class_="counted", data_name=name, data_value=n) for name, n in counted),
        *(score_cell(title, scores[name], name == "f1") for name, title in known),
        tag("td", words.figure(threshold, 2), class_="counted", data_name="threshold", data_value=f"{threshold:.6f}"),
    )


def surprising(told: Facts, exhibits: Exhibits) -> Html | None:
    """The training and the validation examples whose sets the model finds most surprising."""
    lead = (
        "A label that was forgotten, or set by mistake, surprises a model that has learnt the others. So does a rare "
        "or a spoilt example: look before you relabel. The surprise of a set is that of all its labels, and of those "
        "that are not in it, together."
    )
    over = "by the mean over all epochs, since what was memorised ends low"
    abouts = [f"{how}. The sets and percentages are the finished model’s." for how in (over, FINISHED)]
    return surprises(told, exhibits, lead, abouts, _figure)


def _figure(row: Facts, exhibits: Exhibits) -> Html:
    """One example: what there is to see of it, its surprise, both sets, and the label that is most doubtful."""
    given, predicted, worst = row["labels"], row["predicted_labels"], row["worst"]
    said = "is given" if worst["given"] else "is not given"
    doubt = f"“{worst['label']}” {said}; the model gives it {words.percent(worst['probability'])}"
    lines = [
        tag("div", tag("dt", "given"), tag("dd", *_named(given, predicted))),
        tag("div", tag("dt", "predicted"), tag("dd", *_named(predicted, given))),
    ]
    name = tag("span", tag("bdi", row["id"]), class_="id", title=row["id"])
    caption = tag(
        "figcaption",
        tag("span", words.bits(row["bits"], 1), class_="bits"),
        tag("dl", *lines, class_="labels sets"),
        tag("p", words.tight(doubt), class_="soft small"),
        name,
    )
    return tag("figure", shown(exhibits.get(row["row"]), str(row["id"])), caption)


def _named(labels: Sequence[str], others: Sequence[str]) -> list[Html | str]:
    """The labels of a set; those that the other set lacks stand out."""
    if not labels:
        return [tag("span", NONE, class_="soft")]
    parts: list[Html | str] = []
    for label in labels:
        parts += [tag("bdi", label) if label in others else tag("b", tag("bdi", label)), ", "]
    return parts[:-1]
