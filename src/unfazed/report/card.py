"""README.md: the model card, in the Hugging Face format, so that a run folder can be shared as it is."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from unfazed.report import words
from unfazed.report.background import duplicates, flips, problems
from unfazed.report.numbers_verdict import bits_explained, in_bits, named_target
from unfazed.report.overview import EXPLAINED, NAMES
from unfazed.report.verdict import bits_of, counted, items, sentence, simpler, task

Facts = Mapping[str, Any]
METRICS = {"accuracy": "Accuracy", "f1_macro": "F1, mean over classes", "balanced_accuracy": "Balanced accuracy",
           "roc_auc": "AUROC, each class against the rest", "average_precision": "Average precision of the rarer class",
           "log_loss": "Surprise of a label, bits",
           "calibration_error": "Calibration error, debiased"}  # fmt: skip
RANKED = ("roc_auc", "average_precision")
SCORES = ("precision", "recall", "f1")
METRICS_OF_SETS = {"f1_micro": "F1 over all labels", "f1_macro": "F1, mean of the labels",
                   "subset_accuracy": "Sets exactly right", "hamming_loss": "Wrong yes or no (Hamming loss)",
                   "log_loss": "Surprise of a set, bits"}  # fmt: skip
METRICS_OF_NUMBERS = {"r2": "R²", "mae": "Mean absolute error", "median_absolute_error": "Median absolute error",
                      "rmse": "Root mean squared error"}  # fmt: skip
METRICS_OF_DENSITIES = {"nll": "Surprise of a target, bits", "coverage_50": "Targets in the predicted 50 % intervals",
                        "coverage_90": "Targets in the predicted 90 % intervals"}  # fmt: skip
HUB_NAMES_OF_NUMBERS = {"r2": "r_squared", "mae": "mae"}
HUB_NAMES_OF_SETS = {"f1_micro": "f1", "f1_macro": "f1", "subset_accuracy": "accuracy"}
HUB_NAMES = {"accuracy": "accuracy", "f1_macro": "f1"}  # metric types that the hub knows
INDEX = {
    **{name: (METRICS[name], kind) for name, kind in HUB_NAMES.items()},
    "log_loss": ("Log loss, nats", "log_loss"),
}
TABLES = {"classification": METRICS, "multilabel": METRICS_OF_SETS,
          "regression": {**METRICS_OF_NUMBERS, **METRICS_OF_DENSITIES}}  # fmt: skip
INDEXES = {
    "classification": INDEX,
    "multilabel": {name: (METRICS_OF_SETS[name], kind) for name, kind in HUB_NAMES_OF_SETS.items()},
    "regression": {name: (METRICS_OF_NUMBERS[name], kind) for name, kind in HUB_NAMES_OF_NUMBERS.items()},
}
HUB_METRICS = {"classification": HUB_NAMES, "multilabel": HUB_NAMES_OF_SETS, "regression": HUB_NAMES_OF_NUMBERS}
GUESSED = {"classification": ("commonest class", "majority"), "multilabel": ("commonest set", "majority"),
           "regression": ("mean", "mean")}  # fmt: skip
ROWS = 50
UNPRINTABLE = re.compile("[\x7f-\x9f\u2028-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&@]|^[#+-]|:(?=//)|(?<=www)\.)")  # addresses would become links


def card(told: Facts) -> str:
    """The model card as Markdown with YAML front matter."""
    parts = [
        f"# {plain(told['source']['name'])}",
        f"{plain(sentence(told['headline']))}.",
        _listed([plain(line["text"]) for line in told["verdict"]]),
        _section("What limits it", _diagnosis(told["diagnosis"])),
        _section("Intended use", _use(told)),
        _section("Data", _data(told)),
        _section("Training", _training(told)),
        _section("Evaluation", _evaluation(told)),
        _section("Limitations", _limitations(told)),
        _section("How to use", _how(told)),
    ]
    body = "\n\n".join(part for part in parts if part)
    return f"---\n{front_matter(told)}---\n\n{body}\n"


def front_matter(told: Facts) -> str:
    """The metadata as YAML; every value is written as JSON, which YAML contains, so that no label can break out."""
    split = told["evaluated_on"]
    on_hub = told["task"].replace(" ", "-").replace("multilabel", "classification")  # the hub knows no other name
    result = {
        "task": {"type": on_hub},
        "dataset": {"name": told["source"]["name"], "type": _slug(told["source"]["name"]), "split": split},
        "metrics": [
            {"name": title, "type": kind, "value": round(told[split][name]["value"], 6)}
            for name, (title, kind) in INDEXES[task(told)].items()
            if told[split][name]["value"] is not None
        ],
    }
    index = [{"name": told["source"]["name"], "results": [result]}]
    fields: dict[str, Any] = {
        "library_name": "unfazed",
        "pipeline_tag": on_hub,
        "tags": ["unfazed", on_hub, *(["multi-label-classification"] if task(told) == "multilabel" else [])],
        "metrics": list(dict.fromkeys(HUB_METRICS[task(told)].values())),
    }
    if result["metrics"]:
        fields["model-index"] = index
    return "".join(f"{key}: {_yaml(value)}\n" for key, value in fields.items())


def plain(text: object) -> str:
    """Text on one line in which Markdown, HTML and terminals find nothing of theirs; None is not known."""
    said = words.UNKNOWN if text is None else str(text)
    return MARKDOWN.sub(r"\\\1", words.printable(" ".join(said.split())))


def _yaml(value: Any) -> str:
    """JSON, with the characters escaped that YAML readers refuse or take for line ends.

    Only those: JSON writes an emoji as a pair of escapes that YAML would read as two halves of a character.
    """
    return UNPRINTABLE.sub(lambda found: f"\\u{ord(found[0]):04x}", json.dumps(value, ensure_ascii=False))


def _slug(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "data"


def _section(title: str, body: str) -> str:
    return f"## {title}\n\n{body}"


def _listed(lines: Sequence[str | None]) -> str:
    return "\n".join(f"- {line}" for line in lines if line)


def _diagnosis(found: Facts) -> str:
    said = f"{sentence(found['cause'])} ({found['confidence']} confidence). {found['paragraph']}"
    return f"{plain(said)}\n\nWhat to do: {plain(found['action'])}"


def _use(told: Facts) -> str:
    if not told["classes"]:
        return f"It predicts {plain(named_target(told))} for each of the {items(told)} like those it was trained on."
    classes = [f"`{_code(label)}`" for label in told["classes"][:ROWS]]
    more = f" and {words.count(len(told['classes']) - ROWS)} more" if len(told["classes"]) > ROWS else ""
    if task(told) == "multilabel":
        return (
            f"It says of {items(told)} which of {words.count(len(told['classes']), 'labels')} they have, several, one "
            f"or none: {', '.join(classes)}{more}. It is meant for {items(told)} like those it was trained on."
        )
    return (
        f"It tells {items(told)} of {words.count(len(told['classes']), 'classes')} apart: {', '.join(classes)}{more}. "
        f"It is meant for {items(told)} like those it was trained on; for any input it names one of these classes, "
        "also where none fits."
    )


def _data(told: Facts) -> str:
    sets = [f"{NAMES[s]} ({told['purposes'][s]}): {words.count(told['counts'][s], items(told))}" for s in NAMES]
    notes = [duplicates(told), flips(told), problems(told), *told["source"]["notes"]]
    kind = f"Source: {plain(told['source']['name'])}, {plain(told['source']['kind'])}"
    return _listed([kind, *sets, *(plain(note) for note in notes if note)])


def _training(told: Facts) -> str:
    recipe, origin = told["recipe"], told["origin"]
    said = [
        f"Model: {plain(told['model']['family'])}, {words.count(told['model']['parameters'], 'parameters')}, "
        f"{words.size(told['model']['bytes'])}",
        f"{words.count(len(told['epochs']), 'epochs')}; the weights of epoch {told['best_epoch']} were kept, "
        "the best by validation loss" if told["best_epoch"] else None,
        f"Time: {words.seconds(told['timings'].get('total'))} on {plain(origin.get('device'))}",
        f"Versions: Unfazed {plain(origin.get('unfazed'))}, PyTorch {plain(origin.get('torch'))}, "
        f"Python {plain(origin.get('python'))}; seed {plain(origin.get('seed'))}",
    ]  # fmt: skip
    settings = [f"| {plain(name)} | {plain(value)} |" for name, value in recipe.items()]
    return "\n".join([_listed(said), "", "| setting | value |", "|---|---|", *settings])


def _evaluation(told: Facts) -> str:
    split = told["evaluated_on"]
    return "\n\n".join(filter(None, [
        f"On the {split} set. {EXPLAINED[split]} Intervals are 95 %{_of_groups(told)}.",
        _metrics(told),
        bits_explained() if "nll" in told[split] else None,
        _classes(told) if told["classes"] else None,
        _latency(told),
    ]))  # fmt: skip


def _metrics(told: Facts) -> str:
    split = told["evaluated_on"]
    guess = GUESSED[task(told)]
    rivals = [
        ("this model", told[split]),
        *((plain(name), baseline.get(split)) for name, baseline in simpler(told)),
        (guess[0], told["baselines"][guess[1]].get(split)),
    ]
    present = [(name, scores) for name, scores in rivals if scores]
    head = f"| metric | {' | '.join(name for name, _ in present)} | n |"
    rows = [
        f"| {title} | {' | '.join(_cell(name, scores.get(name)) for _, scores in present)} "
        f"| {_examples(told, told[split][name]['n'])} |"
        for name, title in TABLES[task(told)].items()
        if name in told[split]
    ]
    return "\n".join([head, "|---|" + "---|" * (len(present) + 1), *rows])


def _of_groups(told: Facts) -> str:
    return ", of whole groups" if (told.get("groups") or {}).get(told["evaluated_on"]) else ""


def _examples(told: Facts, n: int) -> str:
    """A cell with the number of examples, and of their groups."""
    return counted(told, n) if _of_groups(told) else str(n)


def _cell(name: str, estimate: Facts | None) -> str:
    if not estimate or estimate["value"] is None:
        return words.UNKNOWN
    if name in METRICS_OF_NUMBERS:
        write = words.figure if name == "r2" else words.number
        return f"{write(estimate['value'])} ({words.bounds(estimate, write)})"
    if name in RANKED:
        return f"{words.figure(estimate['value'])} ({words.ends(estimate)})"
    if name == "nll":
        return f"{in_bits(estimate['value'])} ({words.bounds(estimate, in_bits)})"
    if name == "log_loss":
        found = bits_of(estimate)
        return f"{words.figure(found['value'])} ({words.ends(found)})"
    return f"{words.percent(estimate['value'])} ({words.interval(estimate)})"


def _classes(told: Facts) -> str:
    sets = task(told) == "multilabel"
    scores = (*SCORES, "average_precision") if sets else SCORES
    rows = [
        " | ".join(
            ["", plain(row["label"]), *(_cell(name, row[name]) for name in scores),
             *([words.figure(row["threshold"], 2)] if sets else []), f"{row['support']} |"]
        ).strip()
        for row in told["per_class"][:ROWS]
    ]  # fmt: skip
    rest = len(told["per_class"]) - len(rows)
    verb = "is" if rest == 1 else "are"
    noun, further = ("label", " average precision | threshold |") if sets else ("class", "")
    more = [f"\nThe other {words.count(rest, 'labels' if sets else 'classes')} {verb} in report.json."] if rest else []
    head = f"| {noun} | precision | recall | F1 |{further} n |"
    return "\n".join([head, "|---" * (head.count("|") - 1) + "|", *rows, *more])


def _latency(told: Facts) -> str | None:
    found = told["latency"]
    if not found:
        return None
    median, slow = words.milliseconds(found.get("p50_ms")), words.milliseconds(found.get("p95_ms"))
    measured = f"n = {words.count(found.get('n'))}, {plain(found.get('device', 'device not recorded'))}"
    return f"One prediction takes {median} in the median, {slow} at the 95th percentile ({measured})."


def _limitations(told: Facts) -> str:
    split, weakest = told["evaluated_on"], _weakest(told)
    lines = [
        f"The intervals hold for new {items(told)} drawn like the {split} set. Nothing was measured on others: other "
        "sources, times or devices.",
        "Nothing was measured about fairness between groups of people, or about inputs made to deceive it.",
        _calibration(told) if told["classes"] else None,
        _corrected(told),
        weakest,
        *(plain(line["text"]) for line in told["verdict"] if line["tone"] == "caution"),
    ]
    return _listed(lines)


def _corrected(told: Facts) -> str:
    """How far labels are those of the source."""
    found = told.get("corrections") or {}
    changed, dropped = (int(found.get(name) or 0) for name in ("relabelled", "dropped"))
    listed = "the report lists those that surprise the model most."
    if not changed and not dropped:
        return f"Labels were taken as given; {listed}"
    drops = f", and {words.count(dropped, 'examples')} dropped" if dropped else ""
    changes = f"{words.count(changed, 'labels')} {'was' if changed == 1 else 'were'} corrected{drops}"
    return f"{changes} by people who had seen what a model said of them. All others were taken as given; {listed}"


def _calibration(told: Facts) -> str:
    warm = (told.get("certainty") or {}).get("temperature")
    if not warm:
        return "Its probabilities were not calibrated afterwards."
    return (
        f"Its probabilities are calibrated by one temperature, {words.figure(warm['value'], 2)}, fitted to "
        f"{words.count(warm['n'], f'validation {items(told)}')}: right on average, not for every class or group."
    )


def _weakest(told: Facts) -> str | None:
    if not told["classes"]:
        return None
    known = [row for row in told["per_class"] if row["f1"]["value"] is not None and row["support"]]
    if len(known) < 2:
        return None
    row = min(known, key=lambda row: row["f1"]["value"])
    score = f"F1 {_cell('f1', row['f1'])}, n = {words.count(row['support'])}"
    return f"Its weakest {'label' if task(told) == 'multilabel' else 'class'} is {plain(row['label'])}: {score}."


def _how(told: Facts) -> str:
    said = {"classification": "labels", "multilabel": "label_sets", "regression": "numbers"}[task(told)]
    modality = told["task"].partition(" ")[0]
    given = words.GIVEN.get(modality, "FILE")
    item = '{"column": "value"}' if modality == "tabular" else f'"{given}"'
    return (
        f"With Unfazed installed, in this folder:\n\n```sh\nunfazed predict . {given}\n```\n\n"
        f'```python\nimport unfazed\n\nunfazed.Predictor.open(".").predict([{item}]).{said}\n```\n\n'
        "`report.html` shows everything that was measured, `report.json` holds it for programs."
    )


def _code(text: str) -> str:
    return words.printable(" ".join(text.replace("`", "'").split()))
