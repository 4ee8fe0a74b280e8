"""The whole way in a real browser: two reviewers at the provider, then the report at the national centre.

The servers, the homeserver and the accounts are those of the demonstration. The tests follow each other:
a case is decided once. With README_IMAGES=docs/images they take the pictures of the README, with
SCREENSHOTS=folder one of every page.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from tests.e2e.houses import ENTRIES

from browser import assert_accessible, sign_in, watch
from tutela.demo.story import ANALYST, REVIEWERS, SUPERVISORS, House, Options, house

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Locator, Page

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(1800)]
WITHIN = 180
DOUBLE_CLICK = 700  # milliseconds; a quicker second press is taken for the first one's echo
INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|\sstyle=|\son[a-z]+=|javascript:", re.IGNORECASE)
FOCUSED = """() => {
  const node = document.activeElement;
  const style = getComputedStyle(node);
  const text = (node.labels?.length ? node.labels[0].innerText : node.innerText) || "";
  const shown = style.outlineStyle !== "none" || style.boxShadow !== "none" || node.type === "radio";
  return [text.replace(/\\s+/g, " ").trim(), shown];
}"""


@pytest.fixture(scope="module")
def built(chromium: Browser, new_folder: Callable[[str], Path]) -> Iterator[House]:
    """Run the house up to the moment at which a case waits for its reviewers.

    It lives in a thread of its own: this one may already have the browser's event loop.
    """
    del chromium  # without it there is no need to build anything
    with ThreadPoolExecutor(1) as thread:
        context = house(Options(new_folder("browser"), entries=ENTRIES), lambda _: None)
        running = thread.submit(context.__enter__).result()
        yield running
        thread.submit(context.__exit__, None, None, None).result()


@pytest.fixture
def window(chromium: Browser, built: House) -> Iterator[Callable[[str], Page]]:
    """Return a maker of private windows; at the end nothing may stand in their consoles."""
    pages = []

    def opened(name: str) -> Page:
        """Open a window and sign a person in."""
        context = chromium.new_context(viewport={"width": 1200, "height": 900}, reduced_motion="reduce")
        context.set_default_timeout(60_000)
        page = context.new_page()
        page.complaints = []
        watch(page)
        pages.append(page)
        if name:
            url, password = account(built, name)
            sign_in(page, url, name, password)
            page.get_by_role("button", name="Sign out").wait_for()
        return page

    yield opened
    complaints = [complaint for page in pages for complaint in page.complaints]
    for page in pages:
        page.context.close()
    assert complaints == []


def account(built: House, name: str) -> tuple[str, str]:
    """Return where a person works, and the password."""
    urls = {"provider": built.provider.url, "hub": built.hub.url}
    ((console, password),) = [(role, word) for role, user, _, word in built.logins if user == name]
    return urls[console], password


def check(page: Page, name: str) -> None:
    """Judge a page as it stands, and keep a picture of it where one is asked for."""
    assert_accessible(page)
    if folder := os.environ.get("SCREENSHOTS"):
        page.screenshot(path=Path(folder) / f"{name}.png", full_page=True)


def readme(page: Page, name: str, height: int) -> None:
    """Take a picture for the README: the upper part of a page, in few colours."""
    folder = os.environ.get("README_IMAGES")
    if not folder:
        return
    from PIL import Image

    path = Path(folder) / f"{name}.png"
    path.parent.mkdir(parents=True, exist_ok=True)
    page.evaluate("document.activeElement.blur()")
    clip = {"x": 0, "y": 0, "width": 1200, "height": height}
    page.screenshot(path=path, full_page=True, clip=clip)
    with Image.open(path) as taken:
        few = taken.convert("RGB").quantize(128, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    assert path.stat().st_size < 250_000


def blur(image: Locator) -> str:
    """Return the computed filter of a picture."""
    return str(image.evaluate("node => getComputedStyle(node).filter"))


def tab_to(page: Page, text: str) -> None:
    """Press Tab until the control with this text has the focus; each stop has to be visible as such."""
    for _ in range(120):
        page.keyboard.press("Tab")
        found, shown = page.evaluate(FOCUSED)
        assert shown, f"the focus cannot be seen on {found!r}"
        if found == text:
            return
    pytest.fail(f"the keyboard does not reach {text!r}")


def test_a_reviewer_agrees_once(built: House, window: Callable[[str], Page]) -> None:
    page = window("")
    url, password = account(built, REVIEWERS[0])
    page.goto(url)
    check(page, "provider-sign-in")
    sign_in(page, url, REVIEWERS[0], "not the password")
    page.get_by_text("There is a problem").wait_for()
    check(page, "provider-sign-in-error")
    sign_in(page, url, REVIEWERS[0], password)
    page.get_by_role("heading", name="Waiting for your decision").wait_for()
    check(page, "provider-queue")
    page.get_by_role("rowheader").get_by_role("link").click()
    page.get_by_role("heading", name=re.compile("^Case ")).wait_for()

    images = page.locator("figure img")
    assert images.count() > built.props.manifest.threshold
    assert all("blur(28px)" in blur(image) for image in images.all())
    check(page, "provider-case")
    readme(page, "review", 1300)
    menu = page.get_by_role("navigation", name="Menu")
    assert menu.get_by_role("link", name="Cases").get_attribute("aria-current") == "true"
    body = page.locator("body").inner_text()
    assert "@edda" not in body  # no account,
    assert "192.0.2." not in body  # and no address, is shown to a reviewer

    picture = page.get_by_role("figure", name="Picture 1", exact=True)
    image = picture.locator("img")
    picture.get_by_role("button", name="Show").dblclick()
    assert "blur" in blur(image)  # a double click is one act
    page.wait_for_timeout(DOUBLE_CLICK)
    with page.expect_response(lambda answer: answer.url.endswith("/opened")) as recorded:
        picture.get_by_role("button", name="Confirm").click()
    assert recorded.value.status == 204
    picture.get_by_role("button", name="Hide").wait_for()
    assert "blur" not in blur(image)
    assert image.evaluate("node => node.naturalWidth") > 100
    assert all("blur(28px)" in blur(other) for other in images.all()[1:])
    check(page, "provider-case-shown")
    picture.get_by_role("button", name="Hide").click()
    assert "blur(28px)" in blur(image)

    second = page.context.new_page()
    second.goto(page.url)
    page.get_by_role("button", name="Record my decision").click()
    page.get_by_text("There is a problem").wait_for()
    check(page, "provider-case-error")
    agree(page)
    page.get_by_text("A second, different person has to decide").wait_for()
    assert page.get_by_role("button", name="Record my decision").count() == 0
    check(page, "provider-case-decided")

    agree(second)  # the same person again, from a page that still offers it
    second.get_by_text("You have already decided this case").wait_for()
    check(second, "provider-refused")


def agree(page: Page) -> None:
    page.get_by_label("They agree with the listed entries").check()
    page.get_by_label("Reason").fill("The grey pictures agree with the entries that they are beside.")
    page.get_by_role("button", name="Record my decision").click()


def test_a_second_person_agrees_with_the_keyboard_alone(built: House, window: Callable[[str], Page]) -> None:
    page = window("")
    url, password = account(built, REVIEWERS[1])
    page.goto(url)
    keyboard = page.keyboard
    tab_to(page, "User name")
    keyboard.type(REVIEWERS[1])
    tab_to(page, "Password")
    keyboard.type(password)
    keyboard.press("Enter")
    page.get_by_role("heading", name="Waiting for your decision").wait_for()
    reference = page.get_by_role("rowheader").get_by_role("link").inner_text()
    tab_to(page, "Skip to main content")
    keyboard.press("Enter")
    tab_to(page, reference)
    keyboard.press("Enter")
    page.get_by_role("heading", name=f"Case {reference}").wait_for()

    image = page.get_by_role("figure", name="Picture 2", exact=True).locator("img")
    tab_to(page, "Show Picture 2")
    keyboard.press("Enter")
    page.wait_for_timeout(DOUBLE_CLICK)
    with page.expect_response(lambda answer: answer.url.endswith("/opened")):
        keyboard.press("Enter")
    page.get_by_role("button", name="Hide Picture 2").wait_for()
    assert "blur" not in blur(image)
    tab_to(page, "Show Picture 3")
    assert "blur(28px)" in blur(image)  # it is covered again as soon as one leaves it

    tab_to(page, "They agree with the listed entries")
    keyboard.press("Space")
    tab_to(page, "Reason")
    keyboard.type("I compared each picture with its entry.")
    tab_to(page, "Record my decision")
    keyboard.press("Enter")
    page.get_by_text("The derivatives are no longer shown").wait_for()
    check(page, "provider-case-confirmed")


def test_the_report_arrives_and_is_referred(built: House, window: Callable[[str], Page]) -> None:
    page = window(ANALYST)
    until = time.monotonic() + WITHIN
    while not page.get_by_role("rowheader").count():
        assert time.monotonic() < until, "no report has arrived"
        page.wait_for_timeout(500)
        page.reload()
    assert page.get_by_role("rowheader").count() == 1
    check(page, "hub-queue")
    page.get_by_role("rowheader").get_by_role("link").click()

    page.get_by_role("heading", name=re.compile(r"^Report \d+$")).wait_for()
    why = page.get_by_role("region", name="Where it goes, and why")
    assert "The rules propose Northland Police, child protection unit: country XN" in why.inner_text()
    assert "1 of 1 internet addresses with a country point to XN." in why.inner_text()
    evidence = page.get_by_role("table", name="Location signals").locator("tbody tr")
    assert "192.0.2.25 port " in evidence.first.inner_text()
    lines = evidence.all_inner_texts()
    assert len(lines) == len(set(lines))
    assert "@edda:" in page.locator("main").inner_text()
    files = page.get_by_role("link", name=re.compile("^Look at it"))
    assert built.props.manifest.threshold <= files.count()
    check(page, "hub-report")
    readme(page, "report", 1300)

    page.get_by_role("button", name="Take into work").click()
    page.get_by_text("is in work.").wait_for()
    files.first.click()
    page.get_by_text("The provider reported this file without viewing it.").wait_for()
    page.get_by_text("The file stays closed.").wait_for()
    assert page.locator("main img").count() == 0
    check(page, "hub-file-closed")
    page.get_by_role("link", name=re.compile("^Report ")).click()
    page.get_by_role("button", name="Refer").click()
    check(page, "hub-refer")
    page.get_by_label("Northland Police, child protection unit").check()
    page.get_by_role("button", name="Refer").click()
    page.get_by_text("is referred to Northland Police").wait_for()
    check(page, "hub-report-referred")


def test_a_supervisor_opens_a_file_with_a_legal_ground(window: Callable[[str], Page]) -> None:
    page = window(SUPERVISORS[1])
    page.goto(page.url.partition("?")[0] + "?state=referred")
    page.get_by_role("rowheader").get_by_role("link").click()
    page.get_by_role("link", name=re.compile("^Look at it")).first.click()
    page.get_by_role("button", name="Record a legal ground").click()
    check(page, "hub-allow")
    page.get_by_label("A court's order or warrant").check()
    page.get_by_label("Reference").fill("Order 7 of 2026 (invented)")
    page.get_by_role("button", name="Record").click()
    page.get_by_text("The legal ground is recorded.").wait_for()
    image = page.get_by_alt_text("Small grey copy of the file")
    assert "blur(28px)" in blur(image)
    check(page, "hub-file-open")
    page.get_by_role("button", name="Show").click()
    page.wait_for_timeout(DOUBLE_CLICK)
    page.get_by_role("button", name="Confirm").click()
    page.get_by_text("Shown. It is hidden again").wait_for()
    assert "blur" not in blur(image)
    assert image.evaluate("node => node.naturalWidth") > 100
    check(page, "hub-file-shown")


@pytest.mark.parametrize("name", [REVIEWERS[0], SUPERVISORS[0], ANALYST, SUPERVISORS[1]])
def test_every_page_that_a_link_leads_to(window: Callable[[str], Page], name: str) -> None:
    page = window(name)
    home = re.match(r"https?://[^/]+", page.url).group()
    waiting, kinds = [page.url, f"{home}/account"], set()
    if "/reports" in page.url:
        waiting.append(f"{home}/reports?state=referred")
    while waiting:
        url = waiting.pop(0).partition("#")[0]
        kind = re.sub(
            r"[0-9a-f]{16,}|[A-Z0-9]{4}-[A-Z0-9]{4}|\d+", "N", url.removeprefix(home).partition("?")[0]
        )
        seen = kind if "state=referred" not in url else f"{kind}?state=referred"
        if seen in kinds or not url.startswith(home):
            continue
        kinds.add(seen)
        answer = page.goto(url)
        assert answer.status == 200, url
        policy = answer.headers["content-security-policy"]
        assert "unsafe" not in policy
        assert re.search(r"(default|script)-src 'self'", policy) or "script-src 'nonce" in policy, policy
        assert not INLINE.search(answer.text()), (url, INLINE.search(answer.text()))
        check(page, f"{name}{kind.replace('/', '-')}")
        waiting += page.locator("a[href]").evaluate_all("nodes => nodes.map(node => node.href)")
    assert len(kinds) >= 3


def test_a_reviewer_is_kept_out_of_what_is_not_theirs(window: Callable[[str], Page]) -> None:
    page = window(REVIEWERS[0])
    home = page.url.rstrip("/")
    page.goto(home)
    path = page.get_by_role("rowheader").get_by_role("link").first.get_attribute("href")
    for forbidden in (f"{path}/history", "/appeals"):
        answer = page.goto(home + forbidden)
        assert answer.status == 403
        check(page, "provider-forbidden")
