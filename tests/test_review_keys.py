"""What the keys of the review page decide about is what is on the screen, and what they did is said."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trained
from test_review_page import lines_of, opened, pressed, serving
from test_review_server import with_corrections

from unfazed.corrections import FILE
from unfazed.verb.label_issues import Depth, label_issues
from unfazed.web.open import retraining, static_file
from unfazed.web.review import Review, Wanted, _lead

sync_api = pytest.importorskip("playwright.sync_api")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The page without a server, with more than two lists of examples."""
    path = tmp_path_factory.mktemp("review") / "page.html"
    static_file(trained.run().path, path, 130)
    return path


@pytest.fixture
def page(browser: "sync_api.Browser", file: Path) -> Iterator["sync_api.Page"]:
    """It with all that it holds, in a browser that remembers nothing; ends without any complaint of the browser."""
    told: list[str] = []
    context = browser.new_context()
    shown = opened(context, file.as_uri(), told)  # type: ignore[arg-type]
    listed(shown, worth="")
    yield shown
    context.close()
    assert told == []


def listed(page: "sync_api.Page", **wanted: Any) -> None:
    page.evaluate("some => { Object.assign(wanted, some); return tried(load); }", wanted)


def named(page: "sync_api.Page", count: int) -> None:
    """Ask for `count` examples alone."""
    page.evaluate("count => { data.items.splice(count); return tried(load); }", count)


def decided(page: "sync_api.Page") -> list[dict[str, Any]]:
    page.wait_for_function("() => !busy")
    found: list[dict[str, Any]] = page.evaluate("() => lines")
    return found


def shown_to_all(page: "sync_api.Page") -> str:
    page.wait_for_function("() => !busy")
    text: str = page.locator("#told:not(.unseen)").inner_text()
    return text.strip()


def through(page: "sync_api.Page", *keys: str) -> None:
    """Decide by `keys` about as many examples as there are, to the end."""
    named(page, len(keys))
    for key in keys[:-1]:
        pressed(page, key)
    page.keyboard.press(keys[-1])
    page.wait_for_selector("#nothing:not([hidden])")


def test_after_the_last_example_no_key_decides(page: "sync_api.Page") -> None:
    through(page, "k", "k", "k")
    page.keyboard.press("d")
    assert [one["action"] for one in decided(page)] == ["keep"] * 3
    page.keyboard.press("ArrowLeft")
    page.wait_for_selector("#one:not([hidden])")
    page.keyboard.press("d")
    assert [one["row"] for one in decided(page)][2:] == [page.evaluate("() => data.items[2].row")] * 2


def test_the_end_says_what_was_done_and_what_comes_next(page: "sync_api.Page") -> None:
    through(page, "k", "d", "k")
    page.locator("#nothing-title", has_text="3 of 3 decided").wait_for()
    assert page.locator("#done").inner_text().split() == ["kept", "2", "dropped", "1"]
    with page.expect_download() as download:
        page.locator("#take-file").click()
    assert download.value.suggested_filename == FILE and len(download.value.path().read_bytes().splitlines()) == 4
    assert page.locator("#onward").inner_text() == retraining(trained.run().path, Path(FILE))
    page.locator("#copy").click()
    page.locator("#told", has_text="to be copied").or_(page.locator("#told", has_text="Copied")).wait_for()
    listed(page, text="no such name")
    assert page.locator("#nothing-title").inner_text() == "No example fits the filter"
    assert page.locator(".progress").is_hidden() and page.locator("#take-file").is_hidden()
    page.locator("#other-filter").click()
    assert page.locator("#filters").is_visible()


def test_it_opens_on_what_there_is_to_do(browser: "sync_api.Browser", file: Path, page: "sync_api.Page") -> None:
    waiting = browser.new_page(java_script_enabled=False)  # as it is before the list comes
    waiting.goto(file.as_uri())
    assert waiting.locator("#one").is_hidden() and waiting.locator("#lead").inner_text() == "Loading …"
    waiting.close()
    review = Review(trained.run())
    none = "None of the labels is worth a look."
    assert page.locator("#lead").inner_text() == f"{none} Here are 130, the most doubtful."
    assert review.start()["lead"] == f"{none} These are all of them."
    audit = label_issues(trained.run(), every=True)
    worth = _lead(replace(audit, worth=20, depths=[Depth(20, 0.45, 1.0)]), review.asked)
    assert worth == "20 labels worth a look, about 9 of them wrong."


LONG = """() => {
    shown = { ...shown, label: "card_payment_fee_charged", suggested: "transfer_fee_charged_<b>" };
    shown.candidates = [shown.label, shown.suggested].map((label) => ({ label, probability: 0.5, share: "50 %" }));
    $("question").replaceChildren(...breaking(shown.label));
    evidence();
}"""


@pytest.mark.parametrize("width", [390, 1280])
def test_long_names_are_whole_where_one_decides(page: "sync_api.Page", width: int) -> None:
    page.set_viewport_size({"width": width, "height": 844})
    page.evaluate(LONG)
    for action, name in (("keep", "card_payment_fee_charged"), ("suggested", "transfer_fee_charged_<b>")):
        button = page.locator(f'[data-action="{action}"]')
        assert button.get_attribute("title") == button.locator("b").text_content() == name
        whole = "it => it.scrollHeight <= it.clientHeight + 1 && it.scrollWidth <= it.clientWidth + 1"
        assert button.locator("b").evaluate(whole) and button.locator("b b").count() == 0
    for row in page.locator(".candidate").all():
        tag, bar = (row.locator(place).bounding_box() for place in ("small", ".track-bar"))
        assert tag is not None and bar is not None and tag["width"] > 25 and tag["x"] + tag["width"] <= bar["x"]
    parts = "name => breaking(name).filter((one) => typeof one === 'string')"
    assert page.evaluate(parts, "a_name-of.parts/1.25") == ["a_", "name-", "of.", "parts/1.25"]
    undo = page.locator(".actions #undo").bounding_box()
    near = page.locator("#neighbours figure").first.bounding_box()
    assert undo is not None and near is not None and undo["y"] + undo["height"] < 844 > near["y"] + near["height"] / 2


def test_what_scrolls_by_itself_is_reached_by_key(page: "sync_api.Page") -> None:
    page.evaluate("""() => {
        const usual = source.example;
        source.example = async (row) => {
            const cells = Array.from({ length: wide }, (_, place) => ["column " + place, "value", 0]);
            return { ...await usual(row), thing: { kind: "row", cells, speaks_for: "x" } };
        };
    }""")
    for columns, reached in ((40, []), (60, ["thing"])):
        page.evaluate("async (columns) => { window.wide = columns; await tried(() => go(0)); }", columns)
        assert page.evaluate("[...document.querySelectorAll('[tabindex=\"0\"]')].map((one) => one.id)") == reached
        hidden = page.locator("#thing").evaluate("it => it.scrollHeight - it.clientHeight")
        assert (hidden > 1) is bool(reached), "of fewer columns none is out of sight"
    page.set_viewport_size({"width": 390, "height": 800})
    page.wait_for_selector("#neighbours[tabindex='0'][aria-label]")
    name = page.locator("#name").inner_text()
    page.locator("#neighbours").focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => $('neighbours').scrollLeft > 0")
    assert page.locator("#name").inner_text() == name


def test_where_the_next_example_does_not_come_the_keys_are_about_the_one_that_is_shown(page: "sync_api.Page") -> None:
    page.evaluate("() => { source.example = async () => { throw { status: 0, error: 'gone' }; }; }")
    page.keyboard.press("k")
    page.wait_for_selector("#conflict:not([hidden])")
    assert page.locator("#conflict").inner_text() == "That could not be shown: gone.", "the decision was kept"
    page.keyboard.press("d")
    found = decided(page)
    assert [one["action"] for one in found] == ["keep", "drop"] and found[0]["row"] == found[1]["row"]
    page.evaluate("() => { source.decide = source.example; }")
    page.keyboard.press("k")
    page.locator("#conflict", has_text="That was not kept: gone.").wait_for()


def test_a_key_that_is_held_decides_once(page: "sync_api.Page") -> None:
    for _ in range(3):
        page.keyboard.down("d")
        assert len(decided(page)) == 1
    page.keyboard.up("d")
    page.locator('[data-action="keep"]').focus()
    for _ in range(3):
        page.keyboard.down("Enter")
        assert len(decided(page)) == 2


def test_news_of_the_example_on_the_screen_do_not_arm_an_overruling(
    browser: "sync_api.Browser", tmp_path: Path
) -> None:
    run, told = shutil.copytree(trained.run().path, tmp_path / "run"), []  # type: ignore[var-annotated]
    with serving(run) as (address, _):
        ada, bo = opened(browser, address, told), opened(browser, address, told)
        bo.locator("#reviewer").fill("bo")
        bo.keyboard.press("Enter")
        pressed(bo, "d")
        ada.evaluate("() => poll()")
        ada.locator("#decided", has_text="dropped by bo").wait_for()
        ada.locator("#progress-words", has_text="1 of ").wait_for()
        ada.keyboard.press("k")
        ada.locator("#conflict", has_text="Somebody else was faster").wait_for()
        assert [json.loads(line)["who"] for line in lines_of(run)] == ["bo"]
        pressed(ada, "k")
        assert [json.loads(line)["who"] for line in lines_of(run)] == ["bo", "ada"]
        ada.close()
        bo.close()


def test_what_is_taken_back_under_another_filter_is_not_counted_there(page: "sync_api.Page") -> None:
    name = pressed(page, "k")
    listed(page, text=page.evaluate("() => data.items[7].name"))
    page.keyboard.press("z")
    page.wait_for_function("name => document.getElementById('name').textContent === name", arg=name)
    assert shown_to_all(page) == "Taken back."
    page.locator("#progress-words", has_text="0 of 1 decided").wait_for()


def test_an_example_that_is_taken_back_hides_none_that_come_before_it(page: "sync_api.Page") -> None:
    page.evaluate("() => source.decide({ row: data.items[100].row, action: 'keep', who: 'ada', why: '' })")
    page.keyboard.press("z")
    page.wait_for_function("() => shown.rank === 100")
    page.evaluate("async () => { await tried(extend); await tried(extend); }")
    assert sorted(page.evaluate("() => items.map((item) => item.rank)")) == list(range(130))


def test_what_a_key_did_is_seen_and_read_with_what_follows(page: "sync_api.Page") -> None:
    named(page, 2)
    page.keyboard.press("z")
    assert shown_to_all(page).startswith("Nothing was decided in this window")
    page.keyboard.press("ArrowLeft")
    assert shown_to_all(page) == "That is the first one."
    page.keyboard.press("ArrowRight")
    page.keyboard.press("k")
    assert shown_to_all(page) == "kept. That was the last one. Some before it are not decided."
    page.keyboard.press("ArrowLeft")
    pressed(page, "d")
    assert page.locator("#said").text_content().startswith("dropped. Given ")  # type: ignore[union-attr]


def test_the_end_of_what_was_decided_is_not_called_empty(page: "sync_api.Page") -> None:
    pressed(page, "k")
    listed(page, state="decided")
    page.keyboard.press("ArrowRight")
    assert shown_to_all(page) == "That was the last one." and page.locator("#one").is_visible()


def test_the_wall_and_the_one_example_are_at_the_same_place(page: "sync_api.Page") -> None:
    page.keyboard.press("w")
    page.wait_for_selector(".tile:focus")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement === document.querySelectorAll('.tile')[1]")
    page.keyboard.press("w")
    page.wait_for_function("() => shown?.rank === 1")
    page.keyboard.press("w")
    page.wait_for_selector(".tile:nth-child(2):focus")
    page.keyboard.press("f")
    page.locator("#filters input[name=text]").press("Enter")
    page.wait_for_selector(".tile:focus")
    page.keyboard.press("d")
    assert len(decided(page)) == 1


def test_keys_work_on_keyboards_of_other_scripts(page: "sync_api.Page") -> None:
    press = """key => document.body.dispatchEvent(new KeyboardEvent("keydown", { bubbles: true, ...key }))"""
    page.evaluate(press, {"key": "в", "code": "KeyD"})
    assert [one["action"] for one in decided(page)] == ["drop"]
    page.evaluate(press, {"key": "k", "code": "KeyV"})  # of a Latin layout the letter counts, wherever it is
    assert [one["action"] for one in decided(page)] == ["drop", "keep"]
    page.evaluate(press, {"key": "d", "code": "KeyD", "isComposing": True})
    assert len(decided(page)) == 2


def test_neighbours_speak_with_the_labels_that_they_have_now(page: "sync_api.Page") -> None:
    page.evaluate("() => { shown = { ...shown, label: 'digit 0', suggested: 'digit 1' }; }")
    for label, decision, speaks, caption in (
        ("digit 1", None, "speaks", "digit 1"),
        ("digit 0", {"action": "relabel", "corrected": "digit 1"}, "speaks", "digit 1"),
        ("digit 1", {"action": "relabel", "corrected": "digit 0"}, "", "digit 0"),
        ("digit 1", {"action": "drop", "corrected": ""}, "", "dropped"),
        ("digit 1", {"action": "keep", "corrected": ""}, "speaks", "digit 1"),
    ):
        near = {"label": label, "decision": decision, "thing": {"kind": "none"}, "split": "train"}
        script = "near => { const it = neighbour(near); return [it.className, it.querySelector('b').textContent]; }"
        assert page.evaluate(script, near) == [speaks, caption]


def test_shading_says_what_it_speaks_for(page: "sync_api.Page") -> None:
    assert page.evaluate("() => shown.thing.speaks_for") in trained.run().classes
    drawn = """told => {
        const it = thing(told, "", false);
        return [it.textContent, ...[...it.querySelectorAll("[title]")].map((one) => one.title)];
    }"""
    words = {"kind": "text", "words": [["good ", 1.5], ["film", -0.5]], "speaks_for": "positive"}
    said = "for and against “positive”, which the model finds most probable"
    weights = ["for “positive”: 1.50 bits", "against “positive”: 0.50 bits"]
    assert page.evaluate(drawn, words) == [f"{said}good film", *weights]
    unknown = {"kind": "row", "cells": [["a", "1", 0]], "speaks_for": "positive"}
    assert page.evaluate(drawn, unknown)[0] == "a1", "nothing is shaded"


def test_a_decision_waits_for_the_name_unless_something_else_is_done(page: "sync_api.Page") -> None:
    for then, expected in (("Enter", ["drop"]), ("Escape", []), ("ArrowRight", [])):
        page.evaluate("() => { lines = []; keep(); $('reviewer').value = ''; return tried(load); }")
        page.keyboard.press("d")
        page.wait_for_selector("#conflict:not([hidden])")
        if then == "ArrowRight":
            page.evaluate("() => tried(() => go(1))")
        page.locator("#reviewer").focus()
        page.keyboard.type("bo")
        page.keyboard.press("Escape" if then == "Escape" else "Enter")
        assert page.locator("#conflict").is_hidden()
        assert [one["action"] for one in decided(page)] == expected


def test_a_row_is_whole_on_a_phone_and_a_guess_is_one_line(page: "sync_api.Page") -> None:
    page.set_viewport_size({"width": 390, "height": 800})
    page.evaluate("""() => {
        const cells = Array.from({ length: 40 }, (_, place) => ["column " + place, "a value of many letters", place]);
        shown = { ...shown, thing: { kind: "row", cells, speaks_for: "x" } };
        $("thing").replaceChildren(thing(shown.thing, "", false));
        $("thing").className = "row";
        $("candidates").replaceChildren(choice({ label: "one", probability: 0.5, share: "50 %" }, 0));
    }""")
    cut = """place => [...document.querySelectorAll(place)].filter((one) =>
        one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1).length"""
    assert page.evaluate(cut, "#thing, #thing th, #thing td:not(.weighed)") == 0
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    label, share = (page.locator(f".choice {part}").bounding_box() for part in (".label", ".share"))
    assert label is not None and share is not None and label["y"] == pytest.approx(share["y"], abs=3)


def test_what_was_decided_before_the_run_is_said_and_may_be_decided_anew(
    browser: "sync_api.Browser", tmp_path: Path
) -> None:
    told: list[str] = []
    run = with_corrections(tmp_path / "run", (0, "keep", {}), (1, "relabel", {"label": "of the source"}))
    review = Review(run)
    static_file(run.path, tmp_path / "page.html", len(review.order))
    page = opened(browser, (tmp_path / "page.html").as_uri(), told)
    for state in ("open", "decided", "keep", "relabel", ""):
        its = page.evaluate("wanted => source.list(wanted)", {"state": state})
        served = review.listed(Wanted(state=state))
        assert {**its, "items": 0} == {**served, "items": 0}
    listed(page, worth="", state="decided")
    page.wait_for_function("() => !busy")
    said = {}
    for _ in range(2):
        said[page.locator("#name").inner_text()] = page.locator("#decided").inner_text()
        page.keyboard.press("ArrowRight")
        page.wait_for_function("() => !busy")
    kept, changed = (said[name] for name in run.table().frame["id"][:2])
    assert kept.startswith("kept by ada on ") and kept.endswith("before this run")
    assert changed.startswith("now ")
    assert changed.endswith("by ada on 1/2/2026, before this run; it was “of the source”")
    assert page.locator("[data-action][aria-pressed=true]").count() == 0
    page.keyboard.press("d")
    page.locator("#decided", has_text="dropped").wait_for()
    page.keyboard.press("z")
    page.locator("#decided", has_text="before this run").wait_for()
    page.close()
    assert told == []
