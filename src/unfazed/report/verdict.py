"""What the numbers amount to, in sentences. Each says what it was measured on; none says what was not measured."""

from collections.abc import Mapping, Sequence
from typing import Any

from unfazed.analysis.surprise import BITS_PER_NAT
from unfazed.report.labels import caution
from unfazed.report.labels import headline as of_labels
from unfazed.report.words import (
    ITEMS,
    NO_INTERVAL,
    bits,
    bounds,
    count,
    ends,
    figure,
    interval,
    percent,
    points,
    printable,
)

WIDE = 0.10  # an interval of ten points and more is called wide
NAMED = 3  # classes without examples
FEW_EPOCHS = 20  # below it, a run that was not stopped early may simply have been too short
FEW_GROUPS = 10  # below it, how groups differ is hardly known
MISCALIBRATED = 0.02  # calibration error surely above this: the probabilities mislead
COMMON = 0.8  # share of the examples in one class from which on the share that is right says little
UNSURE = 0.05  # calibration error that cannot be excluded above this: too few examples to vouch for it
GUESSES = ("majority", "mean", "median")  # baselines that look at no input
GOOD, PLAIN, CAUTION = "good", "plain", "caution"

Facts = Mapping[str, Any]
Sentence = tuple[str, str] | None  # tone, text


def items(told: Facts) -> str:
    """What people call the inputs."""
    return ITEMS.get(str(told["task"]).partition(" ")[0], "examples")


def task(told: Facts) -> str:
    """What is predicted: "classification", "multilabel" or "regression"; the facts may be a stranger's."""
    said = str(told["task"]).rpartition(" ")[2]
    usual = "classification" if told["classes"] else "regression"
    return said if said in ("classification", "multilabel", "regression") else usual


def counted(told: Facts, n: int | None, noun: str = "") -> str:
    """A number of examples of the evaluated split, and of the groups that they come in, where they do."""
    groups = (told.get("groups") or {}).get(told["evaluated_on"])
    return f"{count(n, noun)} in {count(groups, 'groups')}" if groups else count(n, noun)


def headline(told: Facts) -> str:
    """The one sentence: accuracy on the evaluated split with its interval and n."""
    split = told["evaluated_on"]
    accuracy = told[split]["accuracy"]
    if not accuracy["n"]:
        return f"no labelled {items(told)} were kept apart, so nothing is known about new ones"
    said = f"{percent(accuracy['value'])} of {counted(told, accuracy['n'], f'{split} {items(told)}')} right"
    each = told[split]["balanced_accuracy"]
    mean = f"; {percent(each['value'])} of each class on average ({interval(each)})" if balanced(told) else ""
    return f"{said} (95 % interval {interval(accuracy)}){mean}"


def balanced(told: Facts) -> bool:
    """Whether every class was to count the same, so that simpler models are to be compared by that as well."""
    return bool(told["recipe"].get("class_weights") == "balanced")


def imbalanced(told: Facts) -> bool:
    """Whether most examples of the evaluated split are of one class, so that ranking tells what accuracy does not."""
    counts = (told.get("class_counts") or {}).get(told["evaluated_on"]) or []
    return len(counts) > 1 and max(counts) > COMMON * sum(counts)


def sentence(text: str) -> str:
    """The text with its first letter raised."""
    return text[:1].upper() + text[1:]


def verdict(told: Facts) -> list[dict[str, str]]:
    """Sentences with a tone each, the most important first."""
    split = told["evaluated_on"]
    if not told[split]["accuracy"]["n"]:
        return []
    beside = [judge(told, *one) for one in simpler(told) for judge in (_against, surprise_against)]
    said = [_against_majority(told), _ranking(told), *beside, _surprise(told), _calibration(told), _precision(told),
            absent(told), labels(told)]  # fmt: skip
    return spoken(told, said)


def spoken(told: Facts, said: Sequence[Sentence]) -> list[dict[str, str]]:
    """What is to be said of the evaluation, as the report holds it, after what limits all of it."""
    caution = "There is no test set. These numbers are from the validation set, which chose the epoch: too kind."
    first = [(CAUTION, caution)] if told["evaluated_on"] == "validation" else []
    return [{"tone": one[0], "text": one[1]} for one in [*first, touched(told), grouped(told), *said] if one]


def touched(told: Facts) -> Sentence:
    """That rows which it is measured on were corrected, and how it does on the others."""
    found = (told.get("corrections") or {}).get("held_out") or {}
    relabelled, dropped, rest = (found.get(name) for name in ("relabelled", "dropped", "untouched"))
    if not relabelled and not dropped:
        return None
    measured = ""
    if rest and rest["value"] is not None:
        share = f"{percent(rest['value'])} ({interval(rest)}, n = {count(rest['n'])})"
        number = f"{figure(rest['value'])} ({bounds(rest)}, n = {count(rest['n'])})"
        said = {"accuracy": f"{share} right", "f1_micro": f"F1 {share}"}.get(str(found.get("metric")), f"R² {number}")
        measured = f" On those left that nobody relabelled: {said}."
    done = {"relabelled": relabelled, "dropped": dropped}
    changed = " and ".join(f"{count(number)} {what}" for what, number in done.items() if number)
    return CAUTION, (
        f"Of the {found.get('split')} {items(told)}, corrections had {changed}, looked at for what a model said of "
        f"them: the figures may be kinder than on a set that nobody looked at.{measured}"
    )


def grouped(told: Facts) -> Sentence:
    """That examples come in groups, of which there may be too few."""
    split = told["evaluated_on"]
    groups = (told.get("groups") or {}).get(split)
    if not groups:
        return None
    said = f"The {split} {items(told)} come in {count(groups, 'groups')}, which all intervals take as wholes"
    if groups >= FEW_GROUPS:
        return PLAIN, f"{said}: they are those of new groups."
    return CAUTION, f"{said}. So few say little about new ones, however many {items(told)} each has."


def _against_majority(told: Facts) -> Sentence:
    measured = told["baselines"]["majority"][told["evaluated_on"]]
    majority, gain = measured["accuracy"], measured["accuracy_difference"]
    guessed = f"{percent(majority['value'])} of the time ({interval(majority)}, n = {counted(told, majority['n'])})"
    always = f"Always naming the commonest class would be right {guessed}"
    if balanced(told) and (gain := measured["balanced_accuracy_difference"]):
        always = f"{always}, and find {percent(measured['balanced_accuracy']['value'])} of each class on average"
        if gain["low"] > 0:
            by = f"{points(gain['value'])} ({difference_ends(gain)})"
            return PLAIN, f"{always}: the model, which was to count classes the same, finds more of them, by {by}."
    if gain["low"] > 0:
        return PLAIN, f"{always}."
    return CAUTION, f"{always}: the model is not shown to be better than that."


def _ranking(told: Facts) -> Sentence:
    """How well rare classes are ranked, where most examples are of one class and accuracy says little."""
    split = told["evaluated_on"]
    area, precise = told[split].get("roc_auc"), told[split].get("average_precision")
    if not imbalanced(told) or not area or area["value"] is None:
        return None
    said = f"As a ranking, whatever the threshold: AUROC {figure(area['value'])} ({ends(area)})"
    if precise and precise["value"] is not None:
        counts = told["class_counts"][split]
        rarer = int(counts[1] <= counts[0])
        chance = figure(counts[rarer] / sum(counts))
        named = f"“{printable(told['classes'][rarer])}”"
        said += f", average precision of {named} {figure(precise['value'])} ({ends(precise)}; by chance {chance})"
        said += f", n = {count(counts[rarer])} of {counted(told, area['n'])}"
    else:
        said += f", n = {counted(told, area['n'])}"
    known = area["low"] is not None and area["low"] > 0.5
    return (PLAIN, f"{said}.") if known else (CAUTION, f"{said}: not shown to be better than chance.")


def simpler(told: Facts) -> list[tuple[str, Facts]]:
    """The baselines that were fitted, with their names in words."""
    return [
        (str(facts.get("words", "a linear model on the pixels")), facts)
        for name, facts in told["baselines"].items()
        if name not in GUESSES and facts
    ]


def _against(told: Facts, words: str, baseline: Facts) -> Sentence:
    measured = baseline.get(told["evaluated_on"], {})
    name = skill_of(told)
    its, gain = measured.get(name), measured.get(f"{name}_difference")
    if not its or not gain or None in (its["value"], gain["value"], gain["low"], gain["high"]):
        return None
    what, share = f"{sentence(words)}{fitted_to(told, baseline)}", percent(its["value"])
    found = f"finds {share} of each class on average" if balanced(told) else f"is right {share} of the time"
    said = f"{what} {found} ({interval(its)})"
    return compared(said, gain, points(abs(gain["value"])), difference_ends(gain))


def skill_of(told: Facts) -> str:
    """By what a classifier is compared: where every class was to count the same, by balanced accuracy."""
    return "balanced_accuracy" if balanced(told) else "accuracy"


def compared(said: str, gain: Facts, amount: str, ends: str, remedy: str = "") -> tuple[str, str]:
    """Which is better, after what was `said` of a simpler model: `gain` in words, its size and the ends of it."""
    if gain["low"] <= 0 <= gain["high"]:
        return CAUTION, f"{said}: on this set the model is not distinguishable from it."
    by = f"{amount} ({ends}, compared example by example)"
    if gain["low"] > 0:
        return GOOD, f"{said}: the model is better by {by}."
    return CAUTION, f"{said}: it beats the model, by {by}.{remedy}"


def remedy(told: Facts) -> str:
    """What to do where a simpler model is better."""
    epochs = told["recipe"].get("epochs")
    if isinstance(epochs, int) and len(told["epochs"]) == epochs < FEW_EPOCHS:
        return f"Train longer: --epochs {2 * epochs}."
    return "More data or another setting may help; until then the simpler one is the better choice."


def surprise_against(told: Facts, words: str, baseline: Facts) -> Sentence:
    """Whether the baseline's probabilities are the better ones, though its answers need not be."""
    split = told["evaluated_on"]
    its, own = baseline.get(split, {}).get("log_loss") or {}, told[split]["log_loss"]
    if its.get("value") is None or own["value"] is None:
        return None
    more = baseline[split].get("log_loss_difference") or {}
    if more.get("low") is None or more["low"] <= 0:  # by example, not sure
        return None
    left, against = bits(its["value"] * BITS_PER_NAT), bits(own["value"] * BITS_PER_NAT)
    if its["value"] >= own["value"] or left == against:
        return None
    left, against = f"{left} ({ends(bits_of(its), 2)})", f"{against} ({ends(bits_of(own), 2)})"
    calibrated = (told.get("certainty") or {}).get("temperature")
    smoothing = 0 if calibrated else told["recipe"].get("label_smoothing") or 0
    why = f"; label smoothing ({smoothing:g}), which blunts the model's own, may be one reason" if smoothing else ""
    if balanced(told):
        why = "; the class weights, which make rare classes likelier than they are, are one reason"
    what = f"{left} of surprise left against {against}, n = {counted(told, told[split]['log_loss']['n'])}"
    return CAUTION, f"The probabilities of {words} are the better ones: {what}{why}."


def bits_of(nats: Facts) -> dict[str, float | None]:
    """An estimate in bits; None where an end is not known."""
    return {end: None if nats.get(end) is None else nats[end] * BITS_PER_NAT for end in ("value", "low", "high")}


def difference_ends(gain: Mapping[str, float]) -> str:
    """The ends of a difference in percentage points, without its sign."""
    low, high = sorted((abs(gain["low"]), abs(gain["high"])))
    return f"{100 * low:.1f} – {100 * high:.1f}"


def fitted_to(told: Facts, baseline: Facts) -> str:
    """How many examples a baseline saw, where it did not see all that the model was trained on."""
    rows, all_of = baseline.get("rows"), told["counts"]["train"]
    if rows is None or rows >= all_of:
        return ""
    return f", fitted to {count(rows)} of the {count(all_of)} training {items(told)},"


def _surprise(told: Facts) -> Sentence:
    found = told["surprise"][told["evaluated_on"]]
    before, after = found["label_entropy_bits"], found["cross_entropy_bits"]
    if not before:
        return None
    left = f"{bits(after['value'])} are left ({ends(after, 2)}, n = {counted(told, after['n'])})"
    said = f"A label holds {bits(before)} of surprise; with the model, {left}"
    why = ", as class weights make them" if balanced(told) else ""
    return surprise_gone(said, found["share_removed"], f"naming the class shares{why}")


def surprise_gone(said: str, share: Facts, guess: str) -> tuple[str, str]:
    """Whether a share of the surprise was taken away, after what was `said` of it; `guess`: what else takes none."""
    value, low, high = share["value"], share["low"], share["high"]
    if high is not None and high < 0:
        return CAUTION, f"{said}: its probabilities are worse than {guess}."
    between = NO_INTERVAL if low is None else interval(share)
    if value == 1 or (low is not None and low > 0):  # of what never surprises no interval is known
        return PLAIN, f"{said}: {percent(value)} of the surprise is gone ({between})."
    return CAUTION, f"{said}: not shown to be less ({percent(value)} gone, {between})."


def _calibration(told: Facts) -> Sentence:
    found = told["certainty"]
    error, before = found["after"]["calibration_error"], (found["before"] or {}).get("calibration_error")
    if error["value"] is None:
        return None
    was = f"; before calibration {percent(before['value'])} ({interval(before)})" if before else ""
    measured = f"off by {percent(error['value'])} ({interval(error)}, n = {counted(told, error['n'])}{was})"
    if error["low"] > MISCALIBRATED:
        return CAUTION, f"Its confidence can't be taken at its word: {measured}."
    if error["high"] > UNSURE:
        return PLAIN, f"Whether its confidence can be taken at its word can't be told: {measured}."
    return GOOD, f"Its confidence can be taken at its word: {measured}."


def _precision(told: Facts) -> Sentence:
    split = told["evaluated_on"]
    accuracy = told[split]["accuracy"]
    width = accuracy["high"] - accuracy["low"]
    if width < WIDE:
        return None
    wide = f"n = {counted(told, accuracy['n'])}: the interval is wide ({points(width)})"
    return CAUTION, f"{wide}. Only more {narrowing(told)} narrow it."


def narrowing(told: Facts) -> str:
    """Of what more is needed for intervals to be narrower."""
    split = told["evaluated_on"]
    return f"groups of {split} {items(told)}" if (told.get("groups") or {}).get(split) else f"{split} {items(told)}"


def absent(told: Facts) -> Sentence:
    """Classes of which the evaluated split has no example."""
    split = told["evaluated_on"]
    missing = [label for label, n in zip(told["classes"], told["class_counts"][split], strict=True) if not n]
    if not missing:
        return None
    named = ", ".join(f"“{printable(label)}”" for label in missing[:NAMED])
    more = f" and {count(len(missing) - NAMED)} more" if len(missing) > NAMED else ""
    they = "it" if len(missing) == 1 else "they"
    return CAUTION, f"No {split} {items(told)} of {named}{more}: how well {they} will be recognised is not known."


def labels(told: Facts) -> Sentence:
    """How many labels are wrong, and where to see which."""
    found = told.get("labels")
    if not found:
        return None
    said = " ".join(filter(None, [f"{sentence(of_labels(found))}.", caution(found)]))
    return PLAIN, f"{said} To see which: unfazed label-issues RUN." if found.get("worth") else said
