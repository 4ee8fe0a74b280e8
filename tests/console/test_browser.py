"""The pages in a real browser: accessible, without complaints, and pictures stay covered until asked twice."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest
from django.test import override_settings

pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
from playwright.sync_api import expect

from browser import assert_accessible, sign_in
from django_roles import PASSWORD
from tutela.console.models import AuditRow

sys.path.insert(0, str(Path(__file__).parent))
SHOTS = os.environ.get("SHOTS", "")

pytestmark = [pytest.mark.e2e, pytest.mark.role("provider"), pytest.mark.django_db(transaction=True)]


def shoot(page, name):
    if SHOTS:
        page.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


@pytest.fixture
def at_gallery(page, live_server, person):
    person("reviewer", name="robin")
    with override_settings(ROOT_URLCONF="console_gallery"):
        sign_in(page, live_server.url, "robin", PASSWORD)
        page.get_by_role("link", name="robin").wait_for()
        page.goto(f"{live_server.url}/gallery")
        yield page


def test_sign_in_account_and_out(page, live_server, person):
    person("reviewer", name="robin")
    url = live_server.url
    page.goto(f"{url}/account")
    assert page.title() == "Sign in \u2013 Tutela safety review"
    assert page.locator("html").get_attribute("lang") == "en"
    assert_accessible(page)
    shoot(page, "sign-in")
    page.keyboard.press("Tab")
    assert page.get_by_role("link", name="Skip to main content").is_visible()
    page.get_by_role("button", name="Sign in").press("Enter")
    expect(page).to_have_title(re.compile("^Error: Sign in"))
    summary = page.get_by_role("alert")
    summary.get_by_role("link").first.click()
    assert page.evaluate("document.activeElement.id") == "id_username"
    assert_accessible(page)
    shoot(page, "sign-in-empty")
    page.get_by_label("User name").fill("robin")
    page.get_by_label("Password").fill("wrong")
    page.get_by_role("button", name="Sign in").click()
    page.get_by_text("Check your user name and password").wait_for()
    assert_accessible(page)
    shoot(page, "sign-in-wrong")
    page.get_by_label("User name").fill("robin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{url}/account")
    assert page.get_by_role("heading", name="Your account").is_visible()
    assert_accessible(page)
    shoot(page, "account")
    page.get_by_role("button", name="Change password").or_(
        page.get_by_role("link", name="Change password")
    ).click()
    assert_accessible(page)
    shoot(page, "password")
    page.goto(f"{url}/nothing-here")
    assert_accessible(page)
    shoot(page, "404")
    page.get_by_role("button", name="Sign out").click()
    page.wait_for_url(f"{url}/sign-in")


def test_locked_page(page, live_server, person):
    for _ in range(5):
        sign_in(page, live_server.url, "robin", "wrong")
    assert page.get_by_role("heading", name="Too many attempts to sign in").is_visible()
    assert_accessible(page)
    shoot(page, "locked")


def test_components_are_accessible_and_start(at_gallery):
    page = at_gallery
    assert page.locator("body.js-enabled.govuk-frontend-supported").count() == 1
    assert_accessible(page)
    shoot(page, "gallery")
    page.get_by_role("button", name="Save").click()
    page.get_by_role("alert").wait_for()
    assert_accessible(page)
    shoot(page, "gallery-errors")
    assert page.evaluate("document.activeElement.className") == "govuk-error-summary"
    page.get_by_label("Note").fill("A note")
    page.get_by_label("Agency").select_option("a")
    page.get_by_label("Confirm").check()
    page.get_by_label("I looked twice").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()
    assert_accessible(page)
    page.set_viewport_size({"width": 360, "height": 740})
    shoot(page, "gallery-narrow")
    assert page.evaluate("document.documentElement.scrollWidth") <= 360


def blurred(picture):
    return "blur(" in picture.locator("img").evaluate("image => getComputedStyle(image).filter")


def show(picture):
    picture.get_by_role("button", name=re.compile("^Show")).click()
    picture.page.wait_for_timeout(600)  # a second press sooner than that is taken for a double click
    picture.get_by_role("button", name=re.compile("^Confirm")).click()


def test_picture_needs_two_acts_and_covers_itself_again(at_gallery):
    page = at_gallery
    picture = page.get_by_role("figure", name="Picture 1")
    assert blurred(picture)
    assert "grayscale(1)" in picture.locator("img").evaluate("image => getComputedStyle(image).filter")
    picture.get_by_role("button", name="Show").dblclick()
    assert blurred(picture)  # a double click is one act
    page.keyboard.press("Escape")
    assert picture.get_by_role("button", name="Show").is_visible()
    assert AuditRow.objects.filter(action="picture.opened").count() == 0
    show(picture)
    picture.get_by_role("button", name="Hide").wait_for()
    assert not blurred(picture)
    assert AuditRow.objects.filter(action="picture.opened").count() == 1
    shoot(page, "picture-shown")
    assert_accessible(page)
    page.mouse.move(0, 0)
    assert blurred(picture)
    picture.get_by_role("button", name="Show").focus()  # the same with the keyboard alone
    page.keyboard.press("Enter")
    page.wait_for_timeout(600)
    assert page.evaluate("document.activeElement.dataset.act") == "confirm"
    page.keyboard.press("Enter")
    picture.get_by_role("button", name="Hide").wait_for()
    assert not blurred(picture)
    page.keyboard.press("Tab")
    assert blurred(picture)


def test_picture_stays_covered_when_the_opening_cannot_be_recorded(at_gallery):
    picture = at_gallery.get_by_role("figure", name="Picture 2")
    show(picture)
    picture.get_by_text("could not record").wait_for()
    assert blurred(picture)


def test_swapped_in_picture_is_covered_and_works(at_gallery):
    at_gallery.get_by_role("button", name="Load").click()
    picture = at_gallery.get_by_role("figure", name="Picture 3")
    picture.wait_for()
    assert blurred(picture)
    show(picture)
    picture.get_by_role("button", name="Hide").wait_for()
    assert not blurred(picture)


def test_picture_stays_covered_without_javascript(chromium, live_server, person, client):
    with override_settings(ROOT_URLCONF="console_gallery"):
        context = chromium.new_context(java_script_enabled=False)
        page = context.new_page()
        person("reviewer", name="robin")
        sign_in(page, live_server.url, "robin", PASSWORD)
        page.goto(f"{live_server.url}/gallery")
        assert page.get_by_text("Showing the picture needs JavaScript.").first.is_visible()
        assert page.get_by_role("button", name="Show").count() == 0
        context.close()
