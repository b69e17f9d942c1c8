"""The sections of the page that differ where sets of labels are predicted."""

from collections.abc import Mapping, Sequence
from typing import Any

from unfazed.report import words
from unfazed.report.examples import FINISHED, SCORES, Exhibits, score_cells, score_table, surprises
from unfazed.report.exhibits import shown
from unfazed.report.markup import Html, tag
from unfazed.report.overview import Score, rival, three_sets, tile, verdict_and_tiles
from unfazed.report.predictions import NONE
from unfazed.report.verdict import items, sentence, simpler

Facts = Mapping[str, Any]
SCORES_OF_LABELS = {**SCORES, "average_precision": "Average precision"}


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
    n = f"{split}, n = {words.count(exact['n'])}"
    return verdict_and_tiles(
        told,
        tile("Sets exactly right", words.percent(exact["value"]), words.interval(exact), n),
        tile("F1, mean of the labels", words.percent(macro["value"]), words.interval(macro), n),
    )


def splits(told: Facts) -> Html:
    """Training, validation and test: three sets with three purposes."""
    return three_sets(told, _scores, " They also chose the threshold of each label.")


def _scores(told: Facts, split: str) -> list[Score]:
    scores, found = told[split], told["surprise"][split]
    f1, exact, left = scores["f1_micro"], scores["subset_accuracy"], found["cross_entropy_bits"]
    if not exact["n"]:
        return []
    return [
        ("F1 over all labels", words.percent(f1["value"]), words.interval(f1)),
        ("Exactly right", words.percent(exact["value"]), words.interval(exact)),
        ("Surprise of a set", words.bits(found["label_entropy_bits"]), None),
        ("Left by the model", words.bits(left["value"]), words.ends(left, 2)),
    ]


def labels_table(told: Facts) -> Html:
    """F1, recall, precision, average precision and threshold of each label, the lowest F1 first."""
    lead = (
        f"On the {told['evaluated_on']} set, the weakest first, with 95 % intervals. n: the {items(told)} that have "
        "the label. Recall: the share of these for which it was predicted. Precision: of those for which it was "
        "predicted, the share that have it. F1: both in one. Average precision: how well its probability ranks "
        "those that have it, whatever the threshold. Threshold: the probability from which on the label is "
        "predicted, where its F1 on the validation set is highest, drawn towards that of all labels together where "
        "few have it there."
    )
    return score_table(told, lead, [*SCORES_OF_LABELS.values(), "Threshold"], lambda k: _label_row(told, k))


def _label_row(told: Facts, k: int) -> Html:
    threshold = told["per_class"][k]["threshold"]
    return tag(
        "tr",
        tag("th", told["per_class"][k]["label"], scope="row"),
        *score_cells(told, k, SCORES_OF_LABELS),
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
