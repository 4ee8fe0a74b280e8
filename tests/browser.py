"""The real browser: Debian's chromium, driven by playwright, judged by axe.

Fixtures: `chromium` (one for each module), `page` (a fresh one for each test; console errors and refused resources
fail the test). Helpers: `assert_accessible(page)`, `sign_in(page, base_url, name, password)`.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
]
WCAG = ["wcag2a", "wcag2aa", "wcag21aa", "wcag22aa"]


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """Start the browser once a module: while it runs, its event loop allows no other in this thread."""
    path = shutil.which("chromium")
    if path is None:
        pytest.skip("chromium is not installed (apt-get install chromium)")
    sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, headless=True, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """Open a page; afterwards, no error and no refusal may stand in its console."""
    context = chromium.new_context(viewport={"width": 1200, "height": 800}, reduced_motion="reduce")
    opened = context.new_page()
    opened.complaints = []
    watch(opened)
    yield opened
    context.close()
    assert not opened.complaints, opened.complaints


def watch(page: Page) -> None:
    """Note what the browser complains about in `page.complaints`: errors, warnings, refused resources.

    The note of an expected answer (403, 404, 429) is not a complaint.
    """

    def on_console(message):
        expected = message.text.startswith("Failed to load resource: the server responded with a status of 4")
        if message.type in {"error", "warning"} and not expected:
            page.complaints.append(f"{message.type}: {message.text}")

    page.on("console", on_console)
    page.on("pageerror", lambda error: page.complaints.append(f"page error: {error}"))


def assert_accessible(page: Page) -> None:
    """Fail with axe's findings for WCAG 2.2 A and AA."""
    from axe_playwright_python.sync_playwright import Axe

    violations = Axe().run(page, options={"runOnly": WCAG}).response["violations"]
    found = [(each["id"], [node["html"][:200] for node in each["nodes"]]) for each in violations]
    assert not found, found


def sign_in(page: Page, base_url: str, name: str, password: str) -> None:
    """Sign in through the form."""
    page.goto(f"{base_url}/sign-in")
    page.get_by_label("User name").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()
