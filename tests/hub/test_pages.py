"""The analysts' pages: what they show, who may act, and the record of every act."""

from __future__ import annotations

import pytest

from tutela.console.audit import verify_chain
from tutela.console.models import AuditRow, AuditRows
from tutela.hub.models import Agency, CaseNote, Report, ReportFile


def actions(subject: str) -> list[str]:
    return list(AuditRow.objects.filter(subject=subject).values_list("action", flat=True))


def post(client, url, **data):
    return client.post(url, data, follow=True)


def test_the_queue_filters_and_sorts(provider, signed_in, make):
    north = provider.session()
    south = provider.session(make.report(address="198.51.100.9", escalate="Please look at once."))
    analyst = signed_in("analyst")
    text = analyst.get("/reports").content.decode()
    assert "New (2)" in text
    assert text.index(f"/reports/{south}") < text.index(f"/reports/{north}")
    assert "Urgent" in text
    older = analyst.get("/reports?sort=oldest").content.decode()
    assert older.index(f"/reports/{north}") < older.index(f"/reports/{south}")
    filtered = analyst.get("/reports?agency=southmark-police").content.decode()
    assert f"/reports/{south}" in filtered
    assert f"/reports/{north}" not in filtered
    assert "No reports here" in analyst.get("/reports?state=closed").content.decode()
    assert analyst.get("/reports?state=nonsense&sort=x&agency=y&page=z").status_code == 200


def test_unfinished_reports_are_not_shown(provider, signed_in, make):
    report_id = make.field(provider.submit(make.report()), "reportId")
    analyst = signed_in("analyst")
    assert "New (0)" in analyst.get("/reports").content.decode()
    assert analyst.get(f"/reports/{report_id}").status_code == 404


def test_the_report_page_tells_everything_and_is_recorded(provider, signed_in, make):
    report_id = provider.session(data=make.picture())
    text = signed_in("analyst").get(f"/reports/{report_id}").content.decode()
    for words in (
        "example-esp", "Abuse imagery", "20 Nov 2026, 12:30:00 UTC", "sam@example.org", "192.0.2.10", "40123",
        "Northland Police", "85%", "Address range of XN", "A neutral sample report.", "holiday.png",
        ReportFile.objects.get().sha256, "Report received",
    ):  # fmt: skip
        assert words in text, words
    assert actions(f"report/{report_id}")[-1] == "report.read"


def test_missing_port_and_zone_are_warned_of(provider, signed_in, make):
    report_id = provider.session(make.report(port=None))
    assert "CGNAT" in signed_in("analyst").get(f"/reports/{report_id}").content.decode()


def test_text_of_a_report_is_escaped(provider, signed_in, make):
    report_id = provider.session(make.report(note="<script>alert(1)</script>"))
    text = signed_in("analyst").get(f"/reports/{report_id}").content.decode()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text


def test_open_refer_reroute_close_reopen(provider, signed_in):
    report_id = provider.session()
    north, south = (Agency.objects.get(slug=f"{name}-police") for name in ("northland", "southmark"))
    analyst, supervisor = signed_in("analyst", name="ana"), signed_in("supervisor", name="sue")
    url = f"/reports/{report_id}"
    assert "is in work" in post(analyst, f"{url}/open").content.decode()
    assert "cannot be opened" in post(analyst, f"{url}/open").content.decode()
    assert "is referred to" in post(analyst, f"{url}/refer", agency=north.pk, reason="").content.decode()
    assert post(analyst, f"{url}/refer", agency=south.pk, reason="x").status_code == 403
    assert analyst.get(f"{url}/refer").status_code == 403
    missing = post(supervisor, f"{url}/refer", agency=south.pk, reason="").content.decode()
    assert "Enter a reason" in missing
    moved = post(supervisor, f"{url}/refer", agency=south.pk, reason="The subject moved.").content.decode()
    assert "Referred to Southmark" in moved
    assert "The subject moved." in moved
    assert "Enter a reason" in post(analyst, f"{url}/close", reason=" ").content.decode()
    assert "is closed" in post(analyst, f"{url}/close", reason="Handed over.").content.decode()
    assert (
        "cannot be referred"
        in post(supervisor, f"{url}/refer", agency=north.pk, reason="again").content.decode()
    )
    assert "is open again" in post(analyst, f"{url}/reopen", reason="New facts.").content.decode()
    assert "new note" in post(analyst, f"{url}/note", text="Asked the agency.").content.decode()
    report = Report.objects.get(pk=report_id)
    assert (report.state, report.agency) == ("open", south)
    assert report.decisions.count() == 3
    acts = [name for name in actions(f"report/{report_id}") if name != "report.read"]
    assert acts == [
        "report.opened", "report.finished", "report.taken", "report.referred", "report.referred",
        "report.closed", "report.reopened", "report.noted",
    ]  # fmt: skip
    verify_chain()


def test_a_first_referral_elsewhere_needs_a_reason(provider, signed_in):
    report_id = provider.session()
    south = Agency.objects.get(slug="southmark-police")
    analyst = signed_in("analyst")
    url = f"/reports/{report_id}/refer"
    assert "not what the rules proposed" in post(analyst, url, agency=south.pk).content.decode()
    assert Report.objects.get().state == "new"
    post(analyst, url, agency=south.pk, reason="The child lives there.")
    assert Report.objects.get().state == "referred"


def test_a_failed_record_undoes_the_act(provider, signed_in, monkeypatch):
    report_id = provider.session()
    analyst = signed_in("analyst")
    analyst.raise_request_exception = False

    def fail(*_):
        raise OSError

    monkeypatch.setattr("tutela.console.audit.record", fail)
    assert analyst.post(f"/reports/{report_id}/open").status_code == 500
    assert Report.objects.get().state == "new"
    assert CaseNote.objects.count() == 0


@pytest.mark.parametrize("viewed", [False, None])
def test_a_file_not_viewed_by_the_provider_stays_closed_until_a_ground_is_recorded(
    provider, signed_in, make, viewed
):
    provider.session(data=make.picture(), viewed=viewed)
    file = ReportFile.objects.get()
    analyst, supervisor = signed_in("analyst"), signed_in("supervisor")
    text = analyst.get(f"/files/{file.file_id}").content.decode()
    assert "warrant" in text
    assert "data:image" not in text
    assert analyst.post(f"/files/{file.file_id}/shown").status_code == 403
    assert analyst.get(f"/files/{file.file_id}/allow").status_code == 403
    assert "file.decrypted" not in actions(f"file/{file.file_id}")
    bad = post(supervisor, f"/files/{file.file_id}/allow", basis="warrant", reason="").content.decode()
    assert "Enter a reference" in bad
    post(supervisor, f"/files/{file.file_id}/allow", basis="warrant", reason="Order 7 of 2026")
    opened = analyst.get(f"/files/{file.file_id}").content.decode()
    assert "data:image/webp" in opened
    assert "Order 7 of 2026" in opened
    assert (
        "already"
        in post(supervisor, f"/files/{file.file_id}/allow", basis="warrant", reason="x").content.decode()
    )
    assert "file.allowed" in actions(f"file/{file.file_id}")


def test_a_viewed_picture_is_small_grey_blurred_and_every_showing_is_recorded(provider, signed_in, make):
    provider.session(data=make.picture())
    file = ReportFile.objects.get()
    analyst = signed_in("analyst")
    text = analyst.get(f"/files/{file.file_id}").content.decode()
    assert 'data-module="tutela-picture"' in text
    assert f"/files/{file.file_id}/shown" in text
    assert analyst.post(f"/files/{file.file_id}/shown").status_code == 204
    assert actions(f"file/{file.file_id}")[-2:] == ["file.decrypted", "file.shown"]
    assert AuditRow.objects.last().actor == "user/analyst"


def test_what_is_no_picture_says_so(provider, signed_in):
    provider.session(data=b"plain text, ordinary")
    file = ReportFile.objects.get()
    assert "not a picture" in signed_in("analyst").get(f"/files/{file.file_id}").content.decode()


def test_a_server_without_the_passphrase_says_so(provider, signed_in, make, monkeypatch):
    provider.session(data=make.picture())
    monkeypatch.delenv("TUTELA_KEY_PASSPHRASE")
    file = ReportFile.objects.get()
    text = signed_in("analyst").get(f"/files/{file.file_id}").content.decode()
    assert "passphrase" in text
    assert "data:image" not in text


PAGES = {
    "/reports": "report.list",
    "/reports/{report}": "report.read",
    "/reports/{report}/refer": "report.triage",
    "/reports/{report}/close": "report.triage",
    "/reports/{report}/note": "report.triage",
    "/files/{file}": "report.read",
    "/files/{file}/allow": "report.allow",
    "/agencies": "report.list",
    "/audit": "audit.read",
}


@pytest.mark.parametrize("role", ["analyst", "supervisor", "administrator", "reviewer"])
def test_every_page_opens_to_the_roles_of_the_table_only(provider, signed_in, client, make, role):
    from tutela.console.permissions import PERMISSIONS

    report_id = provider.session(data=make.picture())
    file_id = ReportFile.objects.get().file_id
    someone = signed_in(role)
    for pattern, permission in PAGES.items():
        url = pattern.format(report=report_id, file=file_id)
        expected = 200 if role in PERMISSIONS[permission] else 403
        assert someone.get(url).status_code == expected, url
        assert client.get(url).status_code == 302
        assert someone.delete(url).status_code in {403, 405}
    assert client.post(f"/reports/{report_id}/open").status_code == 302
    assert Report.objects.get().state == "new"


def test_home_leads_to_what_a_person_may_see(hub, signed_in):
    assert signed_in("analyst").get("/").url == "/reports"
    assert signed_in("administrator").get("/").url == "/audit"


def test_the_same_document_again_is_linked(provider, signed_in):
    first, second = provider.session(), provider.session()
    assert f"/reports/{first}" in signed_in("analyst").get(f"/reports/{second}").content.decode()


def test_overview_pages(provider, signed_in):
    provider.session()
    supervisor = signed_in("supervisor")
    assert "Northland Police" in supervisor.get("/agencies").content.decode()
    assert "report.finished" in supervisor.get("/audit").content.decode()
    assert "holds" in supervisor.get("/audit?check=1").content.decode()
    super(AuditRows, AuditRow.objects.filter(sequence=1)).update(action="report.other")
    assert "broken at record 1" in supervisor.get("/audit?check=1").content.decode()
