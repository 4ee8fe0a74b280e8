"""An analyst at work in a real browser: sign in, queue, report, picture, refer; every page judged by axe."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from django.db import connections
from playwright.sync_api import expect

from browser import assert_accessible, sign_in
from tutela.console.models import AuditRow
from tutela.hub.models import Report, ReportFile

pytestmark = [pytest.mark.e2e, pytest.mark.django_db(transaction=True)]
PASSWORD = "correct horse battery staple"


def check(page, name: str) -> None:
    """Judge a page; keep a picture of it where TUTELA's testers ask for one."""
    assert_accessible(page)
    folder = os.environ.get("SCREENSHOTS")
    if folder:
        page.screenshot(path=Path(folder) / f"hub-{name}.png", full_page=True)


@pytest.fixture
def work(provider, make, person):
    """Three reports, and two people."""
    ids = [
        provider.session(make.report(escalate="A child may be in danger tonight."), make.picture()),
        provider.session(make.report(address="198.51.100.4", port=None, note="A second one.")),
        provider.session(make.report(address="8.8.8.8", note="Nowhere known."), make.picture(), viewed=None),
    ]
    person("analyst", name="ana")
    person("supervisor", name="sue")
    return ids


def test_an_analyst_refers_a_report(work, live_server, page):
    sign_in(page, live_server.url, "ana", PASSWORD)
    expect(page.get_by_role("heading", name="Reports", level=1)).to_be_visible()
    expect(page.get_by_role("link", name="New (3)")).to_be_visible()
    check(page, "queue")
    page.get_by_role("link", name="Received (UTC)").click()  # swapped in by htmx
    expect(page.get_by_role("columnheader", name="Received (UTC)")).to_have_attribute(
        "aria-sort", "ascending"
    )
    page.get_by_label("Agency").select_option("northland-police")
    page.get_by_role("button", name="Filter").click()
    expect(page.get_by_role("rowheader")).to_have_count(1)
    check(page, "queue-filtered")

    page.get_by_role("link", name=f"{work[0]} (report)").click()
    expect(page.get_by_role("heading", name=f"Report {work[0]}", level=1)).to_be_visible()
    expect(page.get_by_text("192.0.2.10", exact=True)).to_be_visible()
    check(page, "report")
    page.get_by_role("button", name="Take into work").click()
    expect(page.get_by_text(f"Report {work[0]} is in work.")).to_be_visible()

    page.get_by_role("link", name="Look at it (holiday.png)").click()
    image = page.get_by_alt_text("Small grey copy of the file")
    assert "blur" in image.evaluate("node => getComputedStyle(node).filter")
    check(page, "file")
    page.get_by_role("button", name="Show").click()
    page.wait_for_timeout(600)  # a quicker press is taken for the first one's echo
    page.get_by_role("button", name="Confirm").click()
    expect(page.get_by_text("Shown. It is hidden again")).to_be_visible()
    assert "blur" not in image.evaluate("node => getComputedStyle(node).filter")
    assert AuditRow.objects.filter(action="file.shown").count() == 1
    check(page, "file-shown")

    page.get_by_role("link", name=f"Report {work[0]}").click()
    page.get_by_role("button", name="Refer").click()
    check(page, "refer")
    page.get_by_label("Southmark Police, child protection unit").check()
    page.get_by_role("button", name="Refer").click()
    expect(page.get_by_text("There is a problem")).to_be_visible()
    check(page, "refer-error")
    page.get_by_label("Northland Police, child protection unit").check()
    page.get_by_role("button", name="Refer").click()
    expect(page.get_by_text("is referred to Northland Police")).to_be_visible()
    check(page, "report-referred")
    assert Report.objects.get(pk=work[0]).state == "referred"
    connections.close_all()


def test_a_supervisor_sees_what_stays_closed(work, live_server, page):
    sign_in(page, live_server.url, "sue", PASSWORD)
    file = ReportFile.objects.get(report_id=work[2])
    page.goto(f"{live_server.url}/files/{file.file_id}")
    expect(page.get_by_text("Treat it as not viewed")).to_be_visible()
    expect(page.get_by_role("img")).to_have_count(0)
    check(page, "file-closed")
    page.get_by_role("button", name="Record a legal ground").click()
    check(page, "allow")
    page.get_by_label("A court's order or warrant").check()
    page.get_by_label("Reference").fill("Order 7 of 2026")
    page.get_by_role("button", name="Record").click()
    expect(page.get_by_text("The legal ground is recorded.")).to_be_visible()
    page.goto(f"{live_server.url}/reports/{work[1]}")
    expect(page.get_by_text("No source port was reported", exact=False)).to_be_visible()
    check(page, "report-no-port")
    page.goto(f"{live_server.url}/agencies")
    check(page, "agencies")
    page.goto(f"{live_server.url}/audit")
    page.get_by_role("button", name="Check the whole chain").click()
    expect(page.get_by_text("holds")).to_be_visible()
    check(page, "audit")
    connections.close_all()


def test_without_javascript_the_work_gets_done(work, live_server, chromium):
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, live_server.url, "ana", PASSWORD)
    page.get_by_label("Agency").select_option("southmark-police")
    page.get_by_role("button", name="Filter").click()
    page.get_by_role("link", name=f"{work[1]} (report)").click()
    page.get_by_role("button", name="Take into work").click()
    page.get_by_role("button", name="Refer").click()
    page.get_by_role("button", name="Refer").click()
    expect(page.get_by_text("is referred to Southmark Police")).to_be_visible()
    context.close()
    assert Report.objects.get(pk=work[1]).state == "referred"
    connections.close_all()


def test_a_narrow_screen_keeps_the_page_inside(work, live_server, chromium):
    context = chromium.new_context(viewport={"width": 390, "height": 800})
    page = context.new_page()
    sign_in(page, live_server.url, "ana", PASSWORD)
    for path in ("/reports", f"/reports/{work[0]}"):
        page.goto(live_server.url + path)
        width = page.evaluate("document.documentElement.scrollWidth")
        assert width <= 390, (path, width)
        check(page, f"narrow{path.replace('/', '-')}")
    context.close()
    connections.close_all()
