"""report.html: one safe file, whatever the labels and file names are."""

import base64
import hashlib
import io
import json
import re
from html.parser import HTMLParser

import numpy as np
import pytest
from fake_run import HOSTILE, LABELS, fake_run, thumbnail, without_split
from PIL import Image

from unfazed.analysis.metrics import classification
from unfazed.errors import RunError
from unfazed.report import sets, sets_page, words
from unfazed.report.charts import Plot, Series, is_logarithmic, line_chart, powers, thinned, ticks, track
from unfazed.report.markup import VOID, Html, join, tag
from unfazed.report.page import write_report
from unfazed.report.pictures import BUDGET, pictures
from unfazed.run import Run

ADDRESSES = {"src", "href", "action", "formaction", "srcset", "poster", "data", "xlink:href"}


class Reader(HTMLParser):
    """Collects what a browser would see, and checks that every element is closed in order."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.open, self.words, self.code = [], [], [], {}
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, name, attributes):
        self.elements.append((name, dict(attributes)))
        if name not in VOID:
            self.open.append(name)

    def handle_endtag(self, name):
        assert self.open.pop() == name

    def handle_data(self, text):
        if self.open and self.open[-1] in ("script", "style"):
            self.code[self.open[-1]] = self.code.get(self.open[-1], "") + text
        else:
            self.words.append(text)

    def named(self, name):
        return [attributes for found, attributes in self.elements if found == name]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    run = fake_run(tmp_path_factory.mktemp("run") / "run")
    write_report(run)
    return run


@pytest.fixture(scope="module")
def text(run):
    return (run.path / "report.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def page(text):
    return Reader(text)


def test_hostile_labels_and_names_stay_text(page):
    assert len(page.named("script")) == 1
    assert "alert(1)" not in page.code["script"]
    words = "".join(page.words)
    for label in LABELS:
        assert label in words, label
    assert not [name for _, attributes in page.elements for name in attributes if name.startswith("on")]
    assert not [value for _, attributes in page.elements for value in attributes.values() if "javascript:" in str(value)
                and value not in LABELS and not any(str(label) in str(value) for label in LABELS)]  # fmt: skip


def test_nothing_is_fetched(page):
    addresses = [value for _, attributes in page.elements for name, value in attributes.items() if name in ADDRESSES]
    assert addresses
    assert all(value.startswith(("#", "data:image/png;base64,", "data:image/jpeg;base64,")) for value in addresses)
    assert not {"link", "iframe", "object", "embed", "form", "base"} & {name for name, _ in page.elements}
    assert "url(" not in page.code["style"]
    assert "@import" not in page.code["style"]


def test_the_policy_admits_this_style_and_this_script_and_nothing_else(page):
    policy = next(meta["content"] for meta in page.named("meta") if meta.get("http-equiv") == "Content-Security-Policy")
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy
    for kind in ("script", "style"):
        digest = base64.b64encode(hashlib.sha256(page.code[kind].encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy
    assert not [attributes for _, attributes in page.elements if "style" in attributes]


def test_every_link_leads_somewhere_and_ids_are_unique(page):
    ids = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {link["href"].removeprefix("#") for link in page.named("a")} <= set(ids)


def test_the_page_says_what_was_measured(page):
    words = "".join(page.words)
    for said in (
        "test images right", "Always naming the commonest class", "A linear model on the pixels", "fits the weights",
        "chose the epoch", "touched once", "kept: epoch 6", "learning rate", "share their content", "mirrored",
        "truncated PNG: 120 bytes missing", "batch size", "in all",
    ):  # fmt: skip
        assert said in words, said


def test_copies_are_listed_those_in_conflict_first(page):
    words = "".join(page.words)
    listed = words.partition("Which share their content")[2]
    names = re.findall(r'train/<script>alert\(1\)</script>, "copy"\n(\d+)\.png', listed)
    assert names == ["10", "11", *map(str, range(10))]
    assert listed.count("(labels differ)") == 2
    assert "left out" in listed
    assert listed.count("the first of its kind") == 6


def test_cells_lead_to_their_examples(run, page):
    matrix = run.report["confusion"]["matrix"]
    links = {link["data-cell"] for link in page.named("a") if "data-cell" in link}
    wrong = {f"cell-{g}-{p}" for g, row in enumerate(matrix) for p, n in enumerate(row) if n and g != p}
    assert wrong
    assert wrong <= links
    assert sum("data-first" in link for link in page.named("a")) == 1


def test_every_picture_has_a_name_and_a_thumbnail(run, page):
    images = page.named("img")
    assert len(images) > 50
    assert all(image["alt"] for image in images)
    assert len({image["src"] for image in images}) <= 240


def test_the_report_beside_it_is_strict_json(run):
    def refuse(name):
        raise AssertionError(name)

    text = (run.path / "report.json").read_text(encoding="utf-8")
    assert json.loads(text, parse_constant=refuse)["headline"] == run.report["headline"]


def test_a_run_without_pictures_measurements_or_test_rows_gets_a_page(tmp_path):
    table = without_split(fake_run(tmp_path / "whole", rows=24, epochs=1).table(), "test")
    run = fake_run(tmp_path / "run", rows=24, epochs=1, table=table)
    for name in ("exhibits.parquet", "measurements.json", "problems.csv", "duplicates.csv"):
        (run.path / name).unlink()
    page = "".join(Reader(write_report(run).read_text(encoding="utf-8")).words)
    assert f"{run.report['source']['name']}: {run.report['headline']}" in page and "validation images right" in page
    said = [line["text"] for line in run.report["verdict"]]
    assert said[0].startswith("There is no test set.") and all(words.tight(line) in page for line in said)


def test_a_run_without_held_out_rows_or_epochs_links_to_what_its_page_has(tmp_path):
    run = fake_run(tmp_path / "run", rows=24, epochs=1)
    run.write_table(run.table().with_split(["train"] * 24))
    (run.path / "epochs.jsonl").write_text("")
    page = Reader(write_report(run).read_text(encoding="utf-8"))
    links = {link["href"].removeprefix("#") for link in page.named("a")}
    assert links <= {attributes["id"] for _, attributes in page.elements if "id" in attributes}
    assert {"verdict", "data"} <= links and not links & {"mistakes", "learning"}


def test_a_hundred_classes_and_many_rows_stay_below_three_megabytes(tmp_path):
    run = fake_run(tmp_path / "run", rows=20_000, classes=[f"class {k:03}" for k in range(100)], thumbnail_side=96)
    path = write_report(run)
    assert path.stat().st_size < 3_000_000
    page = Reader(path.read_text(encoding="utf-8"))
    assert not [table for table in page.named("table") if "matrix" in (table.get("class") or "")]
    assert "The 40 commonest mistakes" in "".join(page.words)


# Damage


def paths(value, depth=3):
    """The places in a value, `depth` keys deep at most."""
    if not depth or not isinstance(value, dict | list):
        return
    for key in value if isinstance(value, dict) else range(min(len(value), 2)):
        yield (key,)
        yield from ((key, *rest) for rest in paths(value[key], depth - 1))


def put(value, path, new):
    """The value with another at a place."""
    changed = value.copy()
    changed[path[0]] = put(value[path[0]], path[1:], new) if path[1:] else new
    return changed


def remembered(function):
    """The function of two arrays, computed once for each."""
    known = {}

    def wrapped(y, probs, **options):
        key = y.tobytes(), probs.tobytes()
        known[key] = known.get(key) or function(y, probs, **options)
        return known[key]

    return wrapped


def outcome(run):
    """What came of a report: only success and RunError are allowed."""
    try:
        write_report(Run(run.path))
    except RunError as error:
        assert str(run.path) in str(error)
        return "refused"
    return "written"


@pytest.mark.parametrize("name", ["origin.json", "measurements.json", "model.json", "epochs.jsonl"])
def test_any_damage_to_a_json_file_is_refused_or_borne(tmp_path, name, monkeypatch):
    run = fake_run(tmp_path / "run", rows=36, epochs=2, thumbnail_side=8)
    monkeypatch.setattr("unfazed.report.facts.classification", remembered(classification))  # the same arrays each time
    lines = run.read_text(name)
    value = json.loads(lines) if name.endswith("json") else [json.loads(line) for line in lines.splitlines()]
    seen = set()
    for path in paths(value):
        for new in (None, 5, "x", [], {}):
            changed = put(value, path, new)
            parts = changed if name.endswith("jsonl") else [changed]
            (run.path / name).write_text("".join(json.dumps(part) + "\n" for part in parts))
            seen.add(outcome(run))
    assert seen == {"written", "refused"}


def test_whatever_stands_in_a_json_file_is_refused_or_borne(tmp_path):
    run = fake_run(tmp_path / "run", rows=36, epochs=2)
    huge = "1" + "0" * 400
    for text in ("", "[]", "null", "5", "{", '{"timings": NaN}', '{"timings": {"a": 1e999}}', f'{{"timings": {huge}}}',
                 f'{{"seed": {huge}, "timings": {{"total": {huge}, "train": -1}}}}'):  # fmt: skip
        (run.path / "origin.json").write_text(text)
        outcome(run)


def test_an_error_of_the_last_resort_names_the_run_and_the_cause(tmp_path, monkeypatch):
    def broken(*_):
        raise KeyError("a surprise")

    run = fake_run(tmp_path / "run", rows=36)
    with monkeypatch.context() as patch:
        patch.setattr("unfazed.report.page.facts", broken)
        with pytest.raises(RunError, match="run cannot be reported.*KeyError: 'a surprise'"):
            write_report(run)
    monkeypatch.setattr("unfazed.report.page.card", broken)  # no file is read for it: a mistake of ours
    with pytest.raises(KeyError, match="a surprise"):
        write_report(run)
    assert not (run.path / "report.json").exists()


# Markup


def test_text_is_escaped_and_markup_is_not():
    assert tag("p", "<b>&", tag("b", "x"), None) == "<p>&lt;b&gt;&amp;<b>x</b></p>"
    assert join("<", Html("<")) == "&lt;<"


def test_attributes_are_escaped_left_out_or_bare():
    made = tag("a", href='"><script>', class_="x", data_row=3, hidden=True, title=None, open=False)
    assert made == '<a href="&quot;&gt;&lt;script&gt;" class="x" data-row="3" hidden></a>'


# Charts


@pytest.mark.parametrize("end", [1e-5, 0.003, 0.7, 1, 3.32, 7, 10, 23, 99_999])
def test_ticks_are_few_round_and_reach_the_end(end):
    found = ticks(end)
    assert found[0] == 0
    assert end <= found[-1] * (1 + 1e-9) <= 2.5 * end
    assert 3 <= len(found) <= 7


@pytest.mark.parametrize(("start", "end"), [(-0.9, 1.7), (-3.2, 0), (-1e-4, 2.0)])
def test_ticks_reach_below_zero(start, end):
    found = ticks(end, start=start)
    assert found[0] <= start < found[1] and found[-2] < end <= found[-1]
    assert 0.0 in found and len(found) <= 8


@pytest.mark.parametrize(("low", "high"), [(0.14, 2.8), (0.5, 4.0), (1e-4, 7.0), (0.03, 0.3)])
def test_powers_of_two_enclose_the_values(low, high):
    found = powers(low, high)
    assert found[0] <= low
    assert found[-1] >= high
    assert 3 <= len(found) <= 9


def test_a_chart_that_spans_much_is_logarithmic():
    falling = [Series("s", "train", [(1, 4.0), (2, 1.0), (3, 0.25)])]
    assert is_logarithmic(falling)
    assert not is_logarithmic([Series("s", "train", [(1, 4.0), (2, 1.0)])])
    assert not is_logarithmic([Series("s", "train", [(1, 4.0), (2, 0.0)])])
    peak = [Series("s", "validation", list(enumerate([7.3, 0.99, 0.97, 0.96, 0.95, 0.95])))]
    assert is_logarithmic(peak)
    assert not is_logarithmic([Series("s", "train", [(1, 3.0), (2, 1.5), (3, 1.0), (4, 0.9)])])
    path = re.search(r' d="([^"]*)"', line_chart(Plot("t", falling, [(1, "")]))).group(1)
    first, second, third = (float(point.split()[1]) for point in re.split("[ML]", path)[1:])
    assert second - first == pytest.approx(third - second, abs=0.2)


def test_a_line_breaks_where_a_value_is_missing():
    points = [(1, 1.0), (2, 0.5), (3, float("nan")), (4, 0.25)]
    chart = line_chart(Plot("t", [Series("s", "train", points)], [(x, "") for x, _ in points]))
    path = re.search(r' d="([^"]*)"', chart).group(1)
    assert path.count("M") == 2
    assert path.count("L") == 1
    assert "nan" not in chart


def test_no_points_no_chart():
    assert line_chart(Plot("t", [Series("s", "train", [])], [])) == ""
    assert line_chart(Plot("t", [Series("s", "train", [(1, float("nan"))])], [])) == ""
    assert track(0.1, None, 0.2) == ""


def test_tips_are_hostile_too():
    chart = line_chart(Plot("<t>", [Series("s", "train", [(1, 1.0)])], [(1, f'"{HOSTILE}')]))
    svg = Reader(chart).named("svg")[0]
    assert json.loads(svg["data-tips"]) == [f'"{HOSTILE}']


def test_thinning_keeps_both_ends():
    few = thinned(list(range(5000)))
    assert (few[0], few[-1], len(few)) == (0, 4999, 400)
    assert thinned([1, 2]) == [1, 2]


# Pictures


def test_heavy_pictures_become_light_and_damaged_ones_are_left_out():
    generator = np.random.default_rng(0)
    heavy = thumbnail(1, 96, generator)
    found = pictures(
        {0: heavy, 1: b"<svg onload=alert(1)>", 2: heavy[:200], 3: b"", 4: thumbnail(2, 8, generator)}, range(9)
    )
    assert list(found) == [0, 4]
    assert found[0].source.startswith("data:image/jpeg;base64,")
    assert len(found[0].source) < len(heavy)
    assert not found[0].small
    assert found[4].small
    data = base64.b64decode(found[4].source.partition(",")[2])
    assert Image.open(io.BytesIO(data)).size == (8, 8)


def test_pictures_stop_at_the_budget():
    heavy = thumbnail(1, 96, np.random.default_rng(0))
    found = pictures(dict.fromkeys(range(2000), heavy), range(2000))
    assert 100 < len(found) < 2000
    assert sum(len(picture.source) for picture in found.values()) <= BUDGET


# Words


@pytest.mark.parametrize(
    ("share", "said"),
    [
        (0, "0 %"),
        (1, "100 %"),
        (0.99999, "> 99.9 %"),
        (0.9994, "99.9 %"),
        (1e-6, "< 0.1 %"),
        (-0.0, "0 %"),
        (-0.0003, "> −0.1 %"),
        (-0.012, "−1.2 %"),
        (0.5, "50.0 %"),
        (None, "–"),
    ],
)
def test_percent_never_rounds_to_certainty(share, said):
    assert words.percent(share) == said


def test_f1_is_all_only_where_it_is_that():
    f1 = {"value": 0.9997, "low": 0.998, "high": 0.9999, "n": 4000}
    scores = {"f1_micro": f1, "subset_accuracy": f1}
    told = {"evaluated_on": "test", "test": scores, "source": {"name": "posts.csv"}, "classes": ["a"],
            "baselines": {"majority": {"test": scores}}, "task": "text multilabel"}  # fmt: skip
    said = str(sets_page.hero({**told, "headline": sets.headline(told)}))
    assert ">&gt; 99.9<" in said and "100.0" not in said


def test_what_steers_terminals_becomes_visible():
    assert words.printable("a\x1b[2J\r\n\x7f\x9b\u202eb\u2066\udc80") == (
        "a\\x1b[2J\\x0d\\x0a\\x7f\\x9b\\u202eb\\u2066\\udc80"
    )
    assert words.printable("größe 東京 😀 <b>") == "größe 東京 😀 <b>"


def test_words():
    assert words.seconds(0.25) == "250 ms"
    assert words.seconds(59.96) == "60 s"
    assert words.seconds(200) == "3 min 20 s"
    assert words.seconds(7322) == "2 h 2 min"
    assert words.size(310_000) == "310 kB"
    assert words.size(1_234_567) == "1.2 MB"
    assert words.count(1, "images") == "1 image"
    assert words.count(1, "classes") == "1 class"
    assert words.count(12_345, "images") == "12,345 images"
    assert words.bits(1.0, 1) == "1.0 bit"
