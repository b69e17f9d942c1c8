"""The report in a real browser: no errors, no requests, no sideways scrolling, and cells that answer."""

import re
import shutil
from collections.abc import Iterator

import pytest
import trained

sync_api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="a Chromium browser is not installed")
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="module")
def browser() -> Iterator["sync_api.Browser"]:
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
        yield running
        running.close()


@pytest.mark.parametrize("width", [390, 768, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_shows_without_errors_requests_or_sideways_scrolling(
    browser: "sync_api.Browser", width: int, scheme: str
) -> None:
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.on("pageerror", lambda error: told.append(str(error)))
    page.on("request", lambda request: told.append(request.url) if request.url.startswith("http") else None)
    page.goto((trained.run().path / "report.html").as_uri())
    assert told == []
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert (sum(map(int, re.findall(r"\d+", colour)[:3])) < 200) is (scheme == "dark")
    page.close()


def test_a_cell_of_the_confusion_matrix_shows_its_examples(browser: "sync_api.Browser") -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto((trained.run().path / "report.html").as_uri())
    cells = page.locator("#mistakes button, #mistakes [data-cell]")
    before = page.locator("#mistakes").inner_text()
    assert cells.count() >= 2
    for number in range(cells.count()):
        cells.nth(number).click()
        if page.locator("#mistakes").inner_text() != before:
            assert page.locator("#mistakes img").count() > 0
            return
    raise AssertionError("no cell changed what is shown")
