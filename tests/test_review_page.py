"""Labels corrected in a real browser, by keyboard alone, reach the next run; a killed server loses nothing."""

import csv
import json
import os
import re
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import quote, urlsplit
from urllib.request import url2pathname

import numpy as np
import polars as pl
import pytest
import test_multilabel
import trained

import unfazed
from unfazed.corrections import FILE, Correction, outcomes_in, read_corrections
from unfazed.errors import UsageError
from unfazed.files import as_csv
from unfazed.labelled import read_labels
from unfazed.report.words import percent
from unfazed.run import Run
from unfazed.verb import queries
from unfazed.web.labelling import Labelling
from unfazed.web.open import door, served, static_file
from unfazed.web.review import Review, Wanted
from unfazed.web.server import ReviewServer

sync_api = pytest.importorskip("playwright.sync_api")


@contextmanager
def serving(run: Path) -> Iterator[tuple[str, "subprocess.Popen[str]"]]:
    """The link to a server in a process of its own, which is killed at the end."""
    arguments = [sys.executable, "-m", "unfazed", "review", str(run), "--reviewer", "ada", "--no-browser"]
    settings = {**os.environ, "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(arguments, stdout=subprocess.PIPE, text=True, env=settings)
    try:
        assert process.stdout is not None
        found = next(link for line in process.stdout if (link := re.search(r"http://\S+", line)))
        yield found[0], process
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def opened(browser: "sync_api.Browser", address: str, told: list[str], **settings: Any) -> "sync_api.Page":
    """The page with its first example; whatever goes wrong in it is added to `told`."""
    page = browser.new_page(**settings)
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.goto(f"{address}#ada")
    page.wait_for_selector("#question:not(:empty)")
    return page


def pressed(page: "sync_api.Page", key: str) -> str:
    """Decide with a key and wait for the next example; the name of the one that was decided about."""
    name = page.locator("#name").inner_text()
    page.keyboard.press(key)
    page.wait_for_function("name => document.getElementById('name').textContent !== name", arg=name)
    return name


def decided(page: "sync_api.Page", said: str) -> None:
    """Wait until the page says how many are decided; a browser's storage may take a moment to reach another page."""
    told = "said => document.getElementById('progress-words').textContent === said"
    page.wait_for_function(told, arg=said, polling=100)  # frames are not drawn of a page behind another


def test_labels_corrected_by_keyboard_reach_the_next_run(browser: "sync_api.Browser", tmp_path: Path) -> None:
    run, told = tmp_path / "run", []  # type: ignore[var-annotated]
    shutil.copytree(trained.run().path, run)
    with serving(run) as (address, _):
        page = opened(browser, address, told)
        suggestion = page.locator('[data-action="suggested"] b').inner_text()
        suggested = pressed(page, "s")
        kept = pressed(page, "k")
        dropped = pressed(page, "d")
        undone = pressed(page, "u")
        page.keyboard.press("z")
        page.wait_for_function("name => document.getElementById('name').textContent === name", arg=undone)
        page.keyboard.press("o")
        page.keyboard.type("zero, crossed")
        page.keyboard.press("Enter")
        page.wait_for_function("name => document.getElementById('name').textContent !== name", arg=undone)
        page.close()
    with serving(run) as (address, _):  # the first one was killed, without a warning
        page = opened(browser, address, told)
        assert page.locator("#name").inner_text() not in (suggested, kept, dropped, undone)
        assert page.locator("#progress-words").inner_text().startswith("4 of ")
        with page.expect_download() as download:
            page.get_by_text("Export").click()
        download.value.save_as(tmp_path / FILE)
        page.close()
    assert told == []
    found = {one.id: (one.action, one.corrected) for one in read_corrections(tmp_path / FILE)}
    assert found[suggested] == ("relabel", suggestion) and found[undone] == ("relabel", "zero, crossed")
    assert found[kept][0] == "keep" and found[dropped][0] == "drop"
    again = unfazed.train(
        trained.source(), out=tmp_path / "again", corrections=tmp_path / FILE, progress=False, **trained.SETTINGS
    )
    labels = dict(again.table().frame.select("id", "label").iter_rows())
    assert (labels[suggested], labels[undone]) == (suggestion, "zero, crossed")
    assert dropped not in labels and "zero, crossed" in again.classes


def test_sets_of_labels_are_ticked_by_keyboard(browser: "sync_api.Browser", tmp_path: Path) -> None:
    run, told = shutil.copytree(test_multilabel.run().path, tmp_path / "run"), []  # type: ignore[var-annotated]
    with serving(run) as (address, _):
        page = opened(browser, address, told)
        page.keyboard.press("f")
        page.locator("#filters select[name=worth]").select_option("")  # few sets of so small a run are worth a look
        page.locator("#filters select[name=label]").select_option("net")
        page.get_by_role("button", name="Apply").click()
        page.wait_for_function("() => !busy && document.getElementById('question').textContent.includes('net')")
        assert "“" in page.locator("#reason").inner_text()  # which labels are missing, or do not belong
        suggested = pressed(page, "s")
        ticked = page.locator("#name").inner_text()
        page.keyboard.press("o")
        assert page.locator("#labels .ticked").all_inner_texts() == page.locator("#question").inner_text().split(", ")
        for typed in ("net", "crypto"):  # the one is taken out, the other is new
            page.keyboard.type(typed)
            page.keyboard.press("Enter")
        left = page.locator("#set").inner_text().split(", ")
        page.keyboard.press("Control+Enter")
        page.wait_for_function("name => document.getElementById('name').textContent !== name", arg=ticked)
        emptied = page.locator("#name").inner_text()
        page.keyboard.press("o")
        for label in page.locator("#question").inner_text().split(", "):
            page.keyboard.type(label)
            page.keyboard.press("Enter")
        page.locator("#take").click()
        page.wait_for_function("name => document.getElementById('name').textContent !== name", arg=emptied)
        with page.expect_download() as download:
            page.get_by_text("Export").click()
        download.value.save_as(tmp_path / FILE)
        page.close()
    assert told == []
    found = {one.id: (one.action, one.corrected) for one in read_corrections(tmp_path / FILE)}
    assert found[suggested][0] == "relabel" and found[emptied] == ("relabel", "|")
    assert "net" not in left and found[ticked] == ("relabel", "|".join(sorted(left)))
    again = unfazed.train(
        test_multilabel.texts(), target="areas", out=tmp_path / "again", corrections=tmp_path / FILE, progress=False,
        **test_multilabel.SETTINGS,
    )  # fmt: skip
    labels = dict(again.table().frame.select("id", "label").iter_rows())
    assert labels[emptied] == "" and "crypto" in labels[ticked].split("|")
    audit = again.report["corrections"]["audit"]
    assert audit["metric"] == "f1_micro" and audit["difference"]["n"] > 10


def test_the_static_page_of_sets_ticks_and_writes_them_as_the_server_does(
    browser: "sync_api.Browser", tmp_path: Path
) -> None:
    told: list[str] = []
    static_file(test_multilabel.run().path, tmp_path / "page.html", 240)
    page = opened(browser, (tmp_path / "page.html").as_uri(), told)
    page.keyboard.press("f")
    page.locator("#filters select[name=worth]").select_option("")
    page.locator("#filters select[name=label]").select_option("net")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_function("() => !busy && document.getElementById('question').textContent.includes('net')")
    first = page.locator("#name").inner_text()
    page.keyboard.press("o")
    page.keyboard.type("zebra")
    page.keyboard.press("Enter")
    page.keyboard.press("Enter")  # takes it back, and no other
    assert "zebra" not in page.locator("#set").inner_text() and "net" in page.locator("#set").inner_text()
    page.keyboard.press("Enter")
    page.keyboard.type("alp")  # what is typed when the set is taken is meant
    page.keyboard.press("Control+Enter")
    page.wait_for_function("name => document.getElementById('name').textContent !== name", arg=first)
    with page.expect_download() as download:
        page.get_by_text("Export").click()
    download.value.save_as(tmp_path / FILE)
    assert told == []
    page.close()
    (found,) = read_corrections(tmp_path / FILE)
    assert found.id == first and found.label.startswith(("files|net", "net"))
    assert found.corrected == f"{found.label}|alp|zebra"  # new labels last


def test_sets_of_none_can_be_asked_for(browser: "sync_api.Browser", tmp_path: Path) -> None:
    review, told = Review(test_multilabel.run()), []  # type: ignore[var-annotated]
    expected = [review.item(int(row)) for row in review.order if review.labels[row] == ""]
    assert review.listed(Wanted(label="|"))["items"] == expected[:60] and len(expected) > 5
    suggested = review.listed(Wanted(suggested="|"))
    assert {one["suggested"] for one in suggested["items"]} == {""}
    static_file(review.run.path, tmp_path / "page.html", len(review.order))
    page = opened(browser, (tmp_path / "page.html").as_uri(), told)
    assert page.evaluate("() => source.list({ suggested: '|' })")["total"] == suggested["total"]
    for word, known in (("SOCKET", True), ("no such word", False)):  # in the texts, not in their numbers
        held = [word.lower() in text.lower() for text in review.table.frame["input"]]
        found = page.evaluate("text => source.list({ text })", word)["total"]
        assert review.listed(Wanted(text=word))["total"] == found == sum(held) and bool(found) is known
    page.keyboard.press("f")
    page.locator("#filters select[name=worth]").select_option("")
    page.locator("#filters select[name=label]").select_option(label="none of them")
    page.get_by_role("button", name="Apply").click()
    page.wait_for_function("words => document.getElementById('progress-words').textContent === words",
                           arg=f"0 of {len(expected)} decided")  # fmt: skip
    assert page.locator("#name").inner_text() == expected[0]["name"] and told == []
    page.close()


def asked(folder: Path, count: int = 5) -> Path:
    """A copy of the run with a query of digits that it has not seen; the query's folder."""
    run = shutil.copytree(trained.run().path, folder / "run")
    pool = trained.digits(folder / "new", first=400, count=40)
    return queries.keep(Run.open(run), unfazed.query(run, pool, count=count).frame, "new")


def test_examples_without_a_label_get_one_by_keyboard(browser: "sync_api.Browser", tmp_path: Path) -> None:
    query, told = asked(tmp_path), []  # type: ignore[var-annotated]
    with serving(query) as (address, _):
        page = opened(browser, address, told)
        assert "given" not in page.locator("main:visible").inner_text().lower()
        guess = page.locator('[data-action="suggested"] b').inner_text()
        assert page.locator("#question").inner_text() == f"{guess}?" and page.locator("#reason").inner_text()
        page.keyboard.press("k")  # there is nothing to keep
        first = pressed(page, "s")
        second_guess = page.locator(".choice .label").nth(1).inner_text()
        second = pressed(page, "2")
        page.keyboard.press("z")
        page.wait_for_function("name => document.getElementById('name').textContent === name", arg=second)
        second = pressed(page, "2")
        dropped = pressed(page, "d")
        assert page.locator("#progress-words").inner_text() == "3 of 5 decided"
        page.keyboard.press("w")
        page.wait_for_selector(".tile")
        assert "null" not in page.locator("#tiles").inner_text()
        with page.expect_download() as download:
            page.get_by_text("Export").click()
        download.value.save_as(tmp_path / "labels.csv")
        page.close()
    assert told == []
    found = {Path(one.input).name: one.label for one in read_labels(tmp_path / "labels.csv")}
    assert found == {Path(first).name: guess, Path(second).name: second_guess}
    assert Path(dropped).name not in found


def test_the_static_page_of_a_query_gives_back_its_labels(browser: "sync_api.Browser", tmp_path: Path) -> None:
    told: list[str] = []
    static_file(asked(tmp_path), tmp_path / "page.html", 5)
    page = opened(browser, (tmp_path / "page.html").as_uri(), told, viewport={"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    guess, name = page.locator('[data-action="suggested"] b').inner_text(), pressed(page, "s")
    pressed(page, "u")
    with page.expect_download() as download:
        page.get_by_text("Export").click()
    download.value.save_as(tmp_path / "labels.csv")
    assert [(one.input, one.label) for one in read_labels(tmp_path / "labels.csv")] == [(name, guess)]
    assert told == []
    page.close()


def downloaded(page: "sync_api.Page", file: Path) -> Path:
    with page.expect_download() as download:
        page.get_by_text("Export").click()
    download.value.save_as(file)
    return file


def test_a_static_page_of_a_corrected_run_gives_back_all_corrections(
    browser: "sync_api.Browser", tmp_path: Path
) -> None:
    """Training applies the file to the source as it is: all of it, told by the source's labels."""
    rows = list(trained.run().table().frame.filter(pl.col("split") == "train").head(6).iter_rows(named=True))
    others = {one["id"]: next(label for label in trained.run().classes if label != one["label"]) for one in rows}
    first = [
        Correction(one["id"], "", one["label"], others[one["id"]], "relabel", "bo", "", "", one["sha256"], "")
        for one in rows
    ]
    (tmp_path / FILE).write_text(as_csv(Correction._fields, first))
    settings = {**trained.SETTINGS, "epochs": 1, "progress": False}
    run = unfazed.train(trained.source(), out=tmp_path / "run", corrections=tmp_path / FILE, **settings)
    review, told = Review(run), []  # type: ignore[var-annotated]
    static_file(run.path, tmp_path / "page.html", len(review.order))
    page = opened(browser, (tmp_path / "page.html").as_uri(), told)
    page.keyboard.press("f")
    page.locator("#filters select[name=state]").select_option("")  # it counts as decided: bo did
    page.locator("#filters select[name=worth]").select_option("")
    page.locator("#filters input[name=text]").fill(rows[0]["id"])
    page.get_by_role("button", name="Apply").click()
    page.wait_for_function("name => document.getElementById('name').textContent === name", arg=rows[0]["id"])
    page.keyboard.press("o")
    page.keyboard.type("a third")
    page.keyboard.press("Enter")
    page.wait_for_selector("#nothing:not([hidden])")
    number = {name: row for row, name in enumerate(run.table().frame["id"])}
    ids = [one["id"] for one in rows]
    said = [(ids[0], "relabel", "a third"), (ids[1], "keep", ""), (ids[2], "relabel", rows[2]["label"]),
            (ids[3], "drop", ""), (ids[4], "unsure", "")]  # fmt: skip
    for name, action, corrected in said:
        decision = {"row": number[name], "action": action, "corrected": corrected, "who": "ada", "why": ""}
        decision["based_on"] = 0
        if name != ids[0]:
            page.evaluate("said => source.decide(said)", decision)
        review.decide(decision)
    found = read_corrections(downloaded(page, tmp_path / "second.csv"))
    assert told == []
    page.close()
    assert {one._replace(when="") for one in found} == {one._replace(when="") for one in review.corrections()}
    again = unfazed.train(trained.source(), out=tmp_path / "again", corrections=tmp_path / "second.csv", **settings)
    assert [one.refused for one in outcomes_in(again.path)] == [""] * 6
    labels = dict(again.table().frame.select("id", "label").iter_rows())
    assert [labels.get(name) for name in ids] == [
        "a third", others[ids[1]], rows[2]["label"], None, others[ids[4]], others[ids[5]]
    ]  # fmt: skip


def test_a_static_page_of_a_query_gives_back_the_labels_that_were_given_before(
    browser: "sync_api.Browser", tmp_path: Path
) -> None:
    told: list[str] = []
    first = asked(tmp_path, 3)
    run = Run.open(first.parent.parent)
    (run.path / "labels.csv").write_text("input,label\n/trained/with,digit 3\n")
    labelling = Labelling(first)
    give = {"action": "label", "corrected": "digit 1", "who": "bo", "based_on": 0}
    labelling.decide({"row": labelling.first, **give})
    pool = trained.digits(tmp_path / "newer", first=450, count=40)
    second = Labelling(queries.keep(run, unfazed.query(run, pool, count=4).frame, "newer"))
    for place in range(3):
        second.decide({"row": second.first + place, **give})
    static_file(second.folder, tmp_path / "page.html", 4)
    page = opened(browser, (tmp_path / "page.html").as_uri(), told)
    page.keyboard.press("f")
    page.locator("#filters select[name=state]").select_option("")  # also what bo has labelled
    page.get_by_role("button", name="Apply").click()
    page.locator("#decided", has_text="by bo").wait_for()
    dropped, relabelled = pressed(page, "d"), page.locator("#name").inner_text()
    page.keyboard.press("o")
    page.keyboard.type("digit 0")
    page.keyboard.press("Enter")
    page.wait_for_function("name => document.getElementById('name').textContent !== name", arg=relabelled)
    found = {one.input: (one.label, one.who) for one in read_labels(downloaded(page, tmp_path / "labels.csv"))}
    assert told == []
    page.close()
    inputs = second.query.frame["input"].to_list()
    assert [Path(dropped).name, Path(relabelled).name] == [Path(name).name for name in inputs[:2]]
    assert found == {
        "/trained/with": ("digit 3", ""),
        labelling.query.frame["input"][0]: ("digit 1", "bo"),
        inputs[1]: ("digit 0", "ada"),
        inputs[2]: ("digit 1", "bo"),
    }


def test_the_browser_that_the_command_opens_gets_the_key_by_a_private_file(
    browser: "sync_api.Browser", tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everybody on a machine can read what processes were started with; the name goes to that browser alone."""
    run, asked_for = shutil.copytree(trained.run().path, tmp_path / "run"), []  # type: ignore[var-annotated]

    def opening(address: str) -> bool:
        place = Path(url2pathname(urlsplit(address).path))
        asked_for.append((address, place, stat.S_IMODE(place.stat().st_mode), place.read_text(encoding="utf-8")))
        return True

    def serving_ends(server: ReviewServer) -> None:
        assert server.review.things.weights is not None, "what the report does not show is weighed when it is asked for"
        raise KeyboardInterrupt

    monkeypatch.setattr("unfazed.web.open.webbrowser.open", opening)
    monkeypatch.setattr("unfazed.web.open._has_screen", lambda: True)
    monkeypatch.setattr(ReviewServer, "serve_forever", serving_ends)
    said = "\n".join(served(run, "ada & <bo>", "127.0.0.1", 0, browser=True))
    address, place, mode, text = asked_for[0]
    token = re.search(r"http://127.0.0.1:\d+/([^/]+)/", said)[1]  # type: ignore[index]
    assert token in text and token not in address and address.startswith("file://")
    assert mode == 0o600 and not place.exists(), "it is gone when the server is"
    monkeypatch.undo()
    with serving(run) as (link, _), door(tmp_path, f"{link}#{quote('ada & <bo>')}") as place:
        page = browser.new_page()
        page.goto(place.as_uri())
        page.wait_for_selector("#question:not(:empty)")
        assert page.url == link and page.locator("#reviewer").input_value() == "ada & <bo>"
        page.reload()
        page.wait_for_selector("#question:not(:empty)")
        assert page.locator("#reviewer").input_value() == "ada & <bo>"
        page.close()


def lines_of(run: Path) -> list[str]:
    return (run / "review" / "decisions.jsonl").read_text().splitlines()


def test_two_people_see_each_other(browser: "sync_api.Browser", tmp_path: Path) -> None:
    run, told = tmp_path / "run", []  # type: ignore[var-annotated]
    shutil.copytree(trained.run().path, run)
    with serving(run) as (address, _):
        ada, bo = opened(browser, address, told), browser.new_page()
        bo.route("**/changes*", lambda route: route.abort())  # or he may hear of it before he decides
        bo.goto(address)
        bo.wait_for_selector("#question:not(:empty)")
        bo.keyboard.press("k")
        bo.wait_for_selector("#conflict:not([hidden])")
        assert "your name" in bo.locator("#conflict").inner_text(), "nobody decides in another's name"
        bo.keyboard.type("bo")
        assert bo.locator("#conflict").is_hidden(), "it is there now"
        name = pressed(ada, "d")
        bo.keyboard.press("Enter")  # what waited for the name is decided, by what he saw
        bo.locator("#conflict", has_text="Somebody else was faster").wait_for()
        assert bo.locator("#name").inner_text() == name, "it stays, to be looked at"
        assert "ada: dropped" in bo.locator("#conflict").inner_text()
        pressed(bo, "k")  # now that it was seen
        assert [json.loads(line)["who"] for line in lines_of(run)] == ["ada", "bo"]
        bo.locator("#reviewer").fill("ada")  # the name of the other does not make him take back what is hers
        bo.keyboard.press("Enter")
        bo.keyboard.press("z")
        bo.wait_for_function("() => document.getElementById('said').textContent.startsWith('Taken back.')")
        assert bo.locator("#name").inner_text() == name
        assert [json.loads(line)["undoes"] for line in lines_of(run)] == [0, 0, 2]
        bo.keyboard.press("z")
        bo.wait_for_function("() => document.getElementById('said').textContent.startsWith('Nothing was decided')")
        assert len(lines_of(run)) == 3
        ada.close()
        bo.close()


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (768, "light"), (1280, "light")])
def test_it_fits_the_screen_in_both_views(
    browser: "sync_api.Browser", width: int, scheme: str, tmp_path: Path
) -> None:
    file, told = tmp_path / "page.html", []  # type: ignore[var-annotated]
    written(file, 30)
    settings = {"viewport": {"width": width, "height": 800}, "color_scheme": scheme}
    page = opened(browser, file.as_uri(), told, **settings)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    keep, suggested, drop, track = (
        page.locator(place).bounding_box()
        for place in ('[data-action="keep"]', '[data-action="suggested"]', '[data-action="drop"]', ".doubt-track")
    )
    assert keep["y"] == suggested["y"] < drop["y"] and keep["width"] == pytest.approx(suggested["width"], abs=1)
    assert track["width"] > width / 3
    page.keyboard.press("w")
    page.wait_for_selector(".tile")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert told == []
    page.close()


def written(file: Path, limit: int) -> None:
    static_file(trained.run().path, file, limit)


def test_the_static_page_asks_nobody_keeps_decisions_and_gives_them_back(
    browser: "sync_api.Browser", tmp_path: Path
) -> None:
    file, told = tmp_path / "page.html", []  # type: ignore[var-annotated]
    written(file, 5)
    context = browser.new_context()
    page = context.new_page()
    page.on("request", lambda one: told.append(one.url) if one.url.startswith("http") else None)
    page.on("console", lambda message: told.append(message.text))
    page.goto(f"{file.as_uri()}#ada")
    page.wait_for_selector("#question:not(:empty)")
    assert page.locator("#thing img").evaluate("image => image.complete && image.naturalWidth") == 8
    first, second = pressed(page, "d"), pressed(page, "k")
    page.reload()
    page.wait_for_selector("#question:not(:empty)")
    decided(page, "2 of 5 decided")
    pressed(page, "u")
    page.keyboard.press("z")
    page.wait_for_function("document.getElementById('progress-words').textContent === '2 of 5 decided'")
    with page.expect_download() as download:
        page.get_by_text("Export").click()
    download.value.save_as(tmp_path / FILE)
    found = read_corrections(tmp_path / FILE)
    assert [(one.id, one.action) for one in found] == [(first, "drop"), (second, "keep")]
    table = {one["id"]: one for one in trained.run().table().frame.iter_rows(named=True)}
    assert all(one.sha256 == table[one.id]["sha256"] and one.label == table[one.id]["label"] for one in found)
    with (tmp_path / FILE).open(newline="") as text:
        assert len(list(csv.reader(text))) == 3
    assert told == []
    context.close()


def test_two_tabs_of_one_static_page_see_each_other(browser: "sync_api.Browser", tmp_path: Path) -> None:
    written(file := tmp_path / "page.html", 5)
    context = browser.new_context()
    one, other = (context.new_page() for _ in range(2))
    for page in (one, other):
        page.goto(f"{file.as_uri()}#ada")
        page.wait_for_selector("#question:not(:empty)")
    name = pressed(one, "d")
    assert other.locator("#name").inner_text() == name
    other.bring_to_front()  # a hidden page asks for no news
    other.evaluate("poll()")
    decided(other, "1 of 5 decided")
    other.wait_for_selector("#decided:not([hidden])")
    context.close()



def test_a_static_page_shows_what_was_decided_on_the_server(browser: "sync_api.Browser", tmp_path: Path) -> None:
    run, told = shutil.copytree(trained.run().path, tmp_path / "run"), []  # type: ignore[var-annotated]
    review = Review(Run.open(run))
    first, second = (int(row) for row in review.order[:2])
    near = review.example(first)["neighbours"][0]["row"]
    for row, who in ((second, "bo"), (near, "bo")):
        review.decide({"row": row, "action": "relabel", "corrected": "new", "who": who, "based_on": 0})
    static_file(run, tmp_path / "page.html", 2)
    page = opened(browser, (tmp_path / "page.html").as_uri(), told)
    assert page.locator("#progress-words").inner_text() == "1 of 2 decided"
    assert page.locator("#neighbours figcaption b").first.inner_text() == "new"
    assert {one.who for one in read_corrections(downloaded(page, tmp_path / "as-it-was.csv"))} == {"bo"}
    page.keyboard.press("f")
    page.locator("#filters select[name=state]").select_option("decided")
    page.get_by_role("button", name="Apply").click()
    page.locator("#decided", has_text="by bo").wait_for()
    page.keyboard.press("d")
    page.locator("#decided", has_text="by ada").wait_for()
    page.keyboard.press("z")
    page.locator("#decided", has_text="by bo").wait_for()
    assert {one.who for one in read_corrections(downloaded(page, tmp_path / "undone.csv"))} == {"bo"} and told == []
    page.close()


TYPED = {
    "classification": ["new", "b" * 201, "a\u200bb", "", "digit 1", "🦁" * 200],
    "multilabel": ["new|digit 1", "new|" + "b" * 201, "a\u200bb", "|"],
    "regression": ["5", "-.5", "1e5", "12,5", "1,234", "1.234", "1.234,5", "1,234.5", "$ 5", "5.", "five", "1_1", "",
                   "e5", "1e999", "0x10", "1,2,3"],
}  # fmt: skip


@pytest.mark.parametrize("decimal", [".", ","])
@pytest.mark.parametrize("task", TYPED)
def test_a_static_page_takes_the_labels_that_the_server_takes(
    task: str, decimal: str, browser: "sync_api.Browser", tmp_path: Path
) -> None:
    review, told = Review(trained.run()), []  # type: ignore[var-annotated]
    row = int(review.order[0])
    written(tmp_path / "page.html", 1)
    told_apart = {'"task": "classification"': f'"task": "{task}"', '"decimal": "."': f'"decimal": "{decimal}"'}
    text = (tmp_path / "page.html").read_text(encoding="utf-8")
    for one, other in told_apart.items():
        assert text.count(one) == 1
        text = text.replace(one, other)
    (tmp_path / "page.html").write_text(text, encoding="utf-8")
    review.run = SimpleNamespace(task=task)  # type: ignore[assignment]
    review.table = replace(review.table, task=task, decimal=decimal)
    page = opened(browser, (tmp_path / "page.html").as_uri(), told)
    taking = """corrected => source.decide({row: ROW, action: "relabel", corrected, who: "ada", why: "", based_on: 0})
        .then((taken) => taken.decision.corrected, (error) => error.status)""".replace("ROW", str(row))
    for typed in TYPED[task]:
        try:
            expected: str | int = review._label(row, typed)
        except UsageError:
            expected = 400
        assert (typed, page.evaluate(taking, typed)) == (typed, expected)
    assert told == []
    page.close()


def test_a_wall_goes_on_where_a_name_was_asked_for(browser: "sync_api.Browser", tmp_path: Path) -> None:
    written(tmp_path / "page.html", 6)
    page = browser.new_page()
    page.goto((tmp_path / "page.html").as_uri())  # whoever got the file: nobody is named in it
    page.wait_for_selector("#question:not(:empty)")
    page.keyboard.press("w")
    page.wait_for_selector(".tile:focus")
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.activeElement === document.querySelectorAll('.tile')[1]")
    page.keyboard.press("d")
    page.wait_for_selector("#conflict:not([hidden])")
    assert page.locator(".tile.is-decided").count() == 0
    page.keyboard.type("bo")
    page.keyboard.press("Enter")
    page.wait_for_selector(".tile.is-decided")
    assert page.locator(".tile").nth(1).locator(".caption .badge").inner_text() == "dropped", "it covers no picture"
    assert page.locator("h1:visible").inner_text() == "All labels, not yet decided"
    assert page.locator(".tile small").first.inner_text().endswith("% likely wrong")
    page.close()


def test_a_share_is_said_as_the_report_says_it(browser: "sync_api.Browser", tmp_path: Path) -> None:
    file, told = tmp_path / "page.html", []  # type: ignore[var-annotated]
    review = Review(trained.run())
    first = int(review.order[0])
    written(file, 1)
    page = opened(browser, file.as_uri(), told)
    example = review.example(first)
    assert page.locator("#doubt b").inner_text() == example["doubt"] == percent(review.error_probability[first])
    shares = [one["share"] for one in example["candidates"]]
    assert page.locator(".candidate .share").all_inner_texts() == shares and told == []
    page.close()
    for probability, said in ((0.9993, "99.9 %"), (0.99996, "> 99.9 %"), (0.0006, "0.1 %"), (np.nan, "–")):
        review.error_probability[first] = probability
        assert review.item(first)["doubt"] == said


def test_a_static_page_filters_as_the_server_does(browser: "sync_api.Browser", tmp_path: Path) -> None:
    file, told = tmp_path / "page.html", []  # type: ignore[var-annotated]
    review = Review(trained.run())
    written(file, len(review.order))
    unknown = int(review.order[3])  # nobody knows how probable it is
    review.error_probability[unknown] = np.nan
    text = file.read_text(encoding="utf-8")
    told_of_it = f'"row": {unknown}, "rank": 3, '
    start = text.index('"probability": ', text.index(told_of_it))
    file.write_text(f'{text[:start]}"probability": null{text[text.index(",", start):]}', encoding="utf-8")
    page = opened(browser, file.as_uri(), told)
    for asked in ({"low": 0.5}, {"high": 0.5}, {"low": 0.2, "high": 0.6}, {"split": "test", "low": 0.01}, {}):
        shown = page.evaluate("wanted => source.list(wanted)", asked)
        expected = review.listed(Wanted(**asked))  # type: ignore[arg-type]
        assert [item["row"] for item in shown["items"]] == [item["row"] for item in expected["items"]]
        if "split" not in asked:
            assert unknown in [item["row"] for item in shown["items"]]
    assert told == []
    page.close()


def test_the_wall_is_walked_and_decided_by_keyboard(browser: "sync_api.Browser", tmp_path: Path) -> None:
    file, told = tmp_path / "page.html", []  # type: ignore[var-annotated]
    written(file, 30)
    page = opened(browser, file.as_uri(), told, viewport={"width": 1000, "height": 800})
    page.keyboard.press("w")
    page.wait_for_selector(".tile:focus")
    page.keyboard.press("d")
    page.wait_for_function("document.activeElement === document.querySelectorAll('.tile')[1]")
    page.keyboard.press("ArrowDown")
    page.wait_for_function("document.activeElement !== document.querySelectorAll('.tile')[1]")
    first = page.locator(".tile").first.evaluate("tile => tile.offsetTop")
    assert page.evaluate("document.activeElement.offsetTop") > first
    page.keyboard.press("Enter")
    page.wait_for_selector("#one:not([hidden])")
    assert page.locator(".tile.is-decided").count() == 1 and told == []
    page.close()
