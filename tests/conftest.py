"""Every test may import the helpers that stand beside it, and none may be skipped where everything is installed."""

import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

os.environ["XDG_CACHE_HOME"] = tempfile.mkdtemp(prefix="unfazed-test-cache-")  # never the user's own
sys.path.insert(0, str(Path(__file__).parent))
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:  # as in a shell's background jobs, whose children inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)
QUIET = ("--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
         "--disable-sync")  # fmt: skip


@pytest.fixture(scope="session", autouse=True)
def _short_trials() -> Iterator[None]:
    """What a diagnosis tries out takes half as long as the small trainings of most tests: a few steps serve these."""
    from unfazed.verb import examine

    usual = examine.STEPS
    examine.STEPS = (4, usual[1])
    yield
    examine.STEPS = usual


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """A real browser, which fetches nothing by itself."""
    sync_api = pytest.importorskip("playwright.sync_api")
    path = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if path is None:
        pytest.skip("a Chromium browser is not installed")
    with sync_api.sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=QUIET)
        yield running
        running.close()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]):  # type: ignore[no-untyped-def]
    """In CI, a test that is skipped for a missing browser, server or package fails."""
    report = yield
    if os.environ.get("CI") and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        if "not installed" in reason or "could not import" in reason:
            report.outcome = "failed"
            report.longrepr = f"skipped in CI, where everything must be installed: {reason}"
    return report
