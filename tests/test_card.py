"""README.md: a model card that the hub's own reader understands, whatever the labels are."""

import json
import re

import numpy as np
import pytest
from fake_run import HOSTILE, MEASUREMENTS, fake_run, without_split

from unfazed.report.card import card, plain
from unfazed.report.facts import facts
from unfazed.run import Run


@pytest.fixture(scope="module")
def told(tmp_path_factory):
    return facts(fake_run(tmp_path_factory.mktemp("run") / "run"))


def test_the_hub_reads_the_metadata(told):
    hub = pytest.importorskip("huggingface_hub")
    read = hub.ModelCard(card(told))
    assert read.data.library_name == "unfazed"
    assert read.data.pipeline_tag == "image-classification"
    results = {result.metric_type: result for result in read.data.eval_results}
    assert results["accuracy"].metric_value == pytest.approx(told["test"]["accuracy"]["value"], abs=1e-6)
    assert results["f1"].dataset_split == "test"
    assert read.text.startswith("\n# ") or read.text.startswith("# ")


def test_the_metadata_survives_names_that_yaml_would_stumble_on(told):
    hub = pytest.importorskip("huggingface_hub")
    for name in (
        '"',
        "a: b",
        "---\nlicense: mit",
        "- x",
        "\u2028",
        "a\u0085b",
        "\x7f",
        "😀",
        "{{",
        "# no",
        HOSTILE,
        "null",
        "'",
        "\\",
    ):
        source = {**told["source"], "name": name}
        read = hub.ModelCard(card({**told, "source": source}))
        assert read.data.eval_results[0].dataset_name == name
        assert not hasattr(read.data, "license") or read.data.license is None


def test_the_sections_are_there_with_intervals_and_n(told):
    text = card(told)
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert titles == ["What limits it", "Intended use", "Data", "Training", "Evaluation", "Limitations", "How to use"]
    assert "unfazed predict" in text
    accuracy = re.search(r"^\| Accuracy \| (.*) \|$", text, re.MULTILINE).group(1)
    assert re.fullmatch(r"[\d.]+ % \([\d.]+ – [\d.]+ %\) \| 63\.0 % \(55\.0 – 70\.0 %\) \| .* \| \d+", accuracy)
    assert "Nothing was measured on others" in text


def test_surprise_is_in_bits_for_people_and_in_nats_for_the_hub(told):
    text = card(told)
    nats = told["test"]["log_loss"]["value"]
    assert f"| Surprise of a label, bits | {nats / np.log(2):.3f} (" in text
    index = json.loads(re.search(r"^model-index: (.*)$", text, re.MULTILINE).group(1))
    metrics = {metric["type"]: metric for metric in index[0]["results"][0]["metrics"]}
    assert metrics["log_loss"] == {"name": "Log loss, nats", "type": "log_loss", "value": round(nats, 6)}
    assert "nats" not in text.split("\n---\n", 1)[1]


def test_what_is_called_balanced_accuracy_is_that_where_a_class_has_no_test_row(told):
    split = told["evaluated_on"]
    changed = {name: {**told[split][name], "value": value} for name, value in
               (("balanced_accuracy", 0.465), ("recall_macro", 0.387))}  # fmt: skip
    table = card({**told, split: {**told[split], **changed}}).partition("## Evaluation")[2].partition("| class |")[0]
    assert re.findall(r"^\| ([^|]*) \|", table, re.MULTILINE)[1:] == [
        "Accuracy", "F1, mean over classes", "Balanced accuracy", "AUROC, each class against the rest",
        "Surprise of a label, bits", "Calibration error, debiased",
    ]  # fmt: skip
    assert "| Balanced accuracy | 46.5 % (" in table


def test_labels_cannot_become_markup(told):
    text = card(told)
    body = text.split("---", 2)[2]
    outside_code = re.sub(r"`[^`\n]*`", "", re.sub(r"```.*?```", "", body, flags=re.DOTALL))
    assert not re.search(r"(?<!\\)<script", outside_code)
    assert not re.search(r"(?<!\\)\[x(?<!\\)\]", outside_code)


def test_every_table_row_has_as_many_cells_as_its_head(told):
    tables = re.findall(r"(?:^\|.*\|$\n?)+", card(told), re.MULTILINE)
    assert len(tables) == 3
    for table in tables:
        cells = {len(re.findall(r"(?<!\\)\|", line)) for line in table.strip().splitlines()}
        assert len(cells) == 1


HOSTILE_TEXT = "<img src=x onerror=alert(1)> [a](javascript:b) | ![c](http://d) www.e.f g@h.i &lt;b&gt; \x1b[2J \u202e"


def test_whatever_a_foreign_run_says_is_escaped(tmp_path):
    origin = dict.fromkeys(("unfazed", "python", "torch", "platform", "device", "created"), HOSTILE_TEXT)
    measurements = MEASUREMENTS | {"latency": {"p50_ms": 1.0, "n": 3, "device": HOSTILE_TEXT}}
    run = fake_run(tmp_path / "run", rows=60, origin=origin, measurements=measurements)
    run.write_json("model.json", run.model | dict.fromkeys(("family", "modality"), HOSTILE_TEXT))
    text = card(facts(Run(run.path)))
    body = text.split("\n---\n", 1)[1]
    assert body.count("onerror") == 6  # model, device, three versions, latency
    assert len(re.findall(r"(?<!\\)<img", body)) == 0
    for markup in ("<", "[a", "[c", "|", "://", "www.", "@", "&lt"):
        for line in body.splitlines():
            if "onerror" in line:
                assert not re.search(r"(?<!\\)" + re.escape(markup), line), (markup, line)
    assert "\x1b" not in text
    assert "\u202e" not in text


def test_plain_text_is_one_harmless_line():
    assert plain("# a\n<b> *c* [d](e) `f` g|h") == r"\# a \<b\> \*c\* \[d\](e) \`f\` g\|h"
    assert plain("98.6 % (95 % interval 96.8 – 99.4 %)") == "98.6 % (95 % interval 96.8 – 99.4 %)"


def test_a_run_without_measurements_or_test_set_gets_a_card(tmp_path):
    hub = pytest.importorskip("huggingface_hub")
    run = fake_run(tmp_path / "a", rows=60)
    table = without_split(without_split(run.table(), "test"), "validation")
    bare = fake_run(tmp_path / "b", rows=60, table=table, measurements={})
    text = card(facts(bare))
    assert hub.ModelCard(text).data.library_name == "unfazed"
    assert "nothing is known" in text
