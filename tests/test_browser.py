"""The pages in a real browser: no errors, no requests, no sideways scrolling, and cells that answer."""

import re
from pathlib import Path

import pytest
import ranged
import trained

from unfazed.report.learning_rates_page import page

sync_api = pytest.importorskip("playwright.sync_api")


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_shows_without_errors_requests_or_sideways_scrolling(
    browser: "sync_api.Browser", width: int, scheme: str
) -> None:
    check(browser, trained.run().path / "report.html", width, scheme)


@pytest.mark.parametrize(("width", "scheme"), [(390, "dark"), (1280, "light")])
def test_so_does_the_learning_rate_range_test(
    browser: "sync_api.Browser", width: int, scheme: str, tmp_path: Path
) -> None:
    path = tmp_path / "rates.html"
    path.write_text(page(ranged.found()), encoding="utf-8")
    check(browser, path, width, scheme)


def check(browser: "sync_api.Browser", path: Path, width: int, scheme: str) -> None:
    shown = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    told: list[str] = []
    shown.on("console", lambda message: told.append(message.text))
    shown.on("pageerror", lambda error: told.append(str(error)))
    shown.on("request", lambda request: told.append(request.url) if request.url.startswith("http") else None)
    shown.goto(path.as_uri())
    assert told == []
    assert shown.evaluate("document.documentElement.scrollWidth") <= width
    colour = shown.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", colour)[:3])) < 200) is (scheme == "dark")
    shown.close()


def test_the_values_at_the_pointer_are_told(browser: "sync_api.Browser", tmp_path: Path) -> None:
    path = tmp_path / "rates.html"
    path.write_text(page(ranged.found()), encoding="utf-8")
    shown = browser.new_page(viewport={"width": 1280, "height": 1400})
    shown.goto(path.as_uri())
    shown.locator(".chart.wide").hover()
    assert re.fullmatch(r"learning rate [\d.e-]+\n[\d.]+ bits?", shown.locator(".tip").inner_text())
    shown.close()


def test_a_cell_of_the_confusion_matrix_shows_its_examples(browser: "sync_api.Browser") -> None:
    shown = browser.new_page(viewport={"width": 1280, "height": 800})
    shown.goto((trained.run().path / "report.html").as_uri())
    cells = shown.locator("#mistakes button, #mistakes [data-cell]")
    before = shown.locator("#mistakes").inner_text()
    assert cells.count() >= 2
    for number in range(cells.count()):
        cells.nth(number).click()
        if shown.locator("#mistakes").inner_text() != before:
            assert shown.locator("#mistakes img").count() > 0
            return
    raise AssertionError("no cell changed what is shown")


BROKEN = """() => {
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    const found = [], range = document.createRange();
    while (texts.nextNode()) for (const number of texts.currentNode.data.matchAll(/[0-9][0-9.,]*[0-9]/g)) {
        range.setStart(texts.currentNode, number.index);
        range.setEnd(texts.currentNode, number.index + number[0].length);
        if (new Set([...range.getClientRects()].map((box) => Math.round(box.top))).size > 1) found.push(number[0]);
    }
    return found;
}"""  # numbers in the middle of which a line ends


def test_a_phone_breaks_no_number_and_keeps_links_and_sorting_at_hand(browser: "sync_api.Browser") -> None:
    shown = browser.new_page(viewport={"width": 320, "height": 800})
    shown.goto((trained.run().path / "report.html").as_uri())
    assert shown.evaluate(BROKEN) == [] and shown.evaluate("document.documentElement.scrollWidth") <= 320
    classes = shown.locator("#classes tbody th").all_inner_texts()
    shown.locator("#classes thead button").first.click()
    shown.locator("#classes thead button").first.click()
    assert shown.locator("#classes tbody th").all_inner_texts() == sorted(classes, reverse=True) != classes
    shown.get_by_role("link", name="Classes").click()
    shown.wait_for_function("() => scrollY > 1000")
    assert shown.get_by_role("link", name="Verdict").bounding_box()["y"] < 60  # type: ignore[index]
    shown.close()


def test_it_prints_light_and_in_colours_also_where_screens_are_dark(browser: "sync_api.Browser") -> None:
    shown = browser.new_page(color_scheme="dark")
    shown.goto((trained.run().path / "report.html").as_uri())
    style = "name => getComputedStyle(document.body)[name]"
    assert shown.evaluate(style, "color") != "rgb(28, 30, 34)"
    shown.emulate_media(media="print", color_scheme="dark")
    assert shown.evaluate(style, "color") == "rgb(28, 30, 34)"
    assert shown.evaluate(style, "printColorAdjust") == "exact"
    shown.close()


def test_names_of_classes_go_on_behind_their_marks(browser: "sync_api.Browser", tmp_path: Path) -> None:
    text = (trained.run().path / "report.html").read_text(encoding="utf-8")
    (tmp_path / "report.html").write_text(text.replace("digit 3", "digit_three/1.5"), encoding="utf-8")
    shown = browser.new_page()
    shown.goto((tmp_path / "report.html").as_uri())
    name = shown.locator("#classes tbody th", has_text="three")
    assert name.inner_html() == "digit_<wbr>three/1.5"
    shown.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_lines_of_the_charts_stand_out(browser: "sync_api.Browser", scheme: str) -> None:
    """Graphics want a contrast of 3 with what is behind them (WCAG 2.2, 1.4.11)."""
    shown = browser.new_page(color_scheme=scheme)
    shown.goto((trained.run().path / "report.html").as_uri())
    colour = "name => getComputedStyle(document.documentElement).getPropertyValue(name).trim()"
    behind, *lines = (luminance(shown.evaluate(colour, name)) for name in ("--card", "--train", "--accent"))
    for line in lines:
        assert (max(line, behind) + 0.05) / (min(line, behind) + 0.05) >= 3
    shown.close()


def luminance(colour: str) -> float:
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    light = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2]
