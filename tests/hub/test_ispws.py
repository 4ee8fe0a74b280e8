"""Intake over the wire: the rules of the protocol as a provider's program meets them."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import pytest
from django.utils import timezone

from tutela import sealed
from tutela.console.audit import verify_chain
from tutela.console.models import AuditRow
from tutela.cybertip import schema
from tutela.hub import tasks
from tutela.hub.models import Report, ReportFile, RoutingDecision

DATA = b"ordinary bytes " * 5000


def open_files(hub) -> list[str]:
    return sorted(path.name for path in hub.root.rglob("*") if path.is_file() and len(path.name) == 32)


def test_a_whole_session(provider, hub, make):
    assert make.code(provider.get("status")) == 0
    assert provider.get("xsd").content.lstrip().startswith(b"<")
    answer = provider.submit(make.report())
    assert answer["Content-Type"] == "application/xml"
    assert answer["Request-ID"]
    schema.validate(answer.content)
    report_id = int(make.field(answer, "reportId"))
    sent = provider.upload(report_id, DATA)
    schema.validate(sent.content)
    assert make.field(sent, "hash") == hashlib.md5(DATA).hexdigest()
    file_id = make.field(sent, "fileId")
    assert file_id[0] in "abcdef"
    assert make.code(provider.fileinfo(make.details(report_id, file_id, None))) == 0
    assert make.code(provider.fileinfo(make.details(report_id, file_id))) == 0  # a correction
    done = provider.finish(report_id)
    schema.validate(done.content)
    assert make.field(done, "fileId") == file_id

    report = Report.objects.get(pk=report_id)
    assert (report.intake, report.state, report.agency.slug) == ("finished", "new", "northland-police")
    assert bytes(report.xml) == make.report()
    file = report.files.get()
    assert (file.sha256, file.size, file.viewed) == (hashlib.sha256(DATA).hexdigest(), len(DATA), "yes")
    assert file.statements.count() == 2
    blob = hub.place(file_id).read_bytes()
    assert b"ordinary bytes" not in blob
    assert hub.read(file_id, hub.private_key(), 1 << 20) == DATA
    actions = list(AuditRow.objects.values_list("action", flat=True))
    assert actions == [
        "report.opened",
        "file.received",
        "file.described",
        "file.described",
        "report.finished",
    ]
    verify_chain()


def test_a_wrong_password_is_401_with_an_empty_body(provider, machine_token):
    provider.auth = {"Authorization": "Basic bm86bm8="}
    answer = provider.get("status")
    assert (answer.status_code, answer.content) == (401, b"")
    assert answer["Request-ID"]
    assert answer["WWW-Authenticate"].startswith("Basic")


def test_an_account_without_the_permission_is_403(hub, client, machine_token, make):
    token = machine_token(name="nobody")
    answer = client.get("/ispws/status", headers={"Authorization": f"Bearer {token}"})
    assert (answer.status_code, make.code(answer)) == (403, 3100)


def test_people_do_not_get_in_by_their_session(hub, signed_in):
    assert signed_in("supervisor").get("/ispws/status").status_code == 401


def test_unknown_calls_and_methods(provider, make):
    missing = provider.get("nothing")
    assert (missing.status_code, make.code(missing)) == (404, 1210)
    wrong = provider.get("submit")
    assert (wrong.status_code, make.code(wrong)) == (400, 4000)


def test_a_repeated_submit_is_the_same_report_while_it_is_open(provider, other_provider, make):
    first = make.field(provider.submit(make.report()), "reportId")
    spaced = make.report().replace(b"><", b">\n  <")
    assert make.field(provider.submit(spaced, kind="text/plain"), "reportId") == first
    assert make.field(other_provider.submit(make.report()), "reportId") != first
    assert make.field(provider.submit(make.report(note="Another.")), "reportId") != first
    assert make.field(provider.submit(make.report(), **{"Idempotency-Key": "2"}), "reportId") != first
    provider.finish(first)
    again = make.field(provider.submit(make.report()), "reportId")
    assert again != first
    assert Report.objects.filter(intake="finished").count() == 1


def test_a_repeated_upload_is_the_same_file(provider, hub, make):
    report_id = make.field(provider.submit(make.report()), "reportId")
    first = make.field(provider.upload(report_id, DATA), "fileId")
    assert make.field(provider.upload(report_id, DATA), "fileId") == first
    assert make.field(provider.upload(report_id, DATA, name="other.png"), "fileId") != first
    assert make.field(provider.upload(report_id, DATA + b"!"), "fileId") != first
    assert len(open_files(hub)) == ReportFile.objects.count() == 3
    assert not list(hub.incoming.iterdir())


@pytest.mark.parametrize("kind", ["application/x-www-form-urlencoded", "multipart/form-data"])
def test_finish_twice_and_retract_after_finish(provider, make, kind):
    report_id = make.field(provider.submit(make.report()), "reportId")
    file_id = make.field(provider.upload(report_id, DATA), "fileId")
    assert make.code(provider.finish(report_id, kind=kind)) == 0
    again = provider.finish(report_id, kind=kind)
    assert (again.status_code, make.code(again), make.field(again, "fileId")) == (200, 5102, file_id)
    assert again.content.find(b"<reportDoneResponse") >= 0
    late = provider.retract(report_id, kind=kind)
    assert (late.status_code, make.code(late)) == (200, 5102)
    assert make.code(provider.upload(report_id, b"more")) == 5102
    assert RoutingDecision.objects.count() == 1


def test_retract_removes_what_was_sent(provider, hub, make, django_capture_on_commit_callbacks):
    report_id = make.field(provider.submit(make.report()), "reportId")
    provider.upload(report_id, DATA)
    with django_capture_on_commit_callbacks(execute=True):
        assert make.code(provider.retract(report_id)) == 0
    report = Report.objects.get(pk=report_id)
    assert (report.intake, bytes(report.xml), report.files.count()) == ("retracted", b"", 0)
    assert open_files(hub) == []
    answer = provider.retract(report_id)
    assert (answer.status_code, make.code(answer)) == (200, 5101)


def test_another_providers_report_does_not_exist(provider, other_provider, make):
    report_id = make.field(provider.submit(make.report()), "reportId")
    file_id = make.field(provider.upload(report_id, DATA), "fileId")
    for answer in (
        other_provider.upload(report_id, b"x"),
        other_provider.fileinfo(make.details(int(report_id), file_id)),
        other_provider.finish(report_id),
        other_provider.retract(report_id),
    ):
        assert (answer.status_code, make.code(answer)) == (404, 5001)
    assert make.code(provider.fileinfo(make.details(int(report_id), "a" * 32))) == 5002


def test_expiry_is_the_later_of_both_clocks(provider, hub, make, django_capture_on_commit_callbacks):
    start = timezone.now()
    idle = make.field(provider.submit(make.report(note="Idle.")), "reportId")
    busy = make.field(provider.submit(make.report(note="Busy.")), "reportId")
    provider.upload(idle, DATA)
    Report.objects.filter(pk=busy).update(changed_at=start + timedelta(hours=23, minutes=30))
    assert tasks.expire(hub, start + timedelta(hours=23, minutes=59)) == 0
    with django_capture_on_commit_callbacks(execute=True):
        assert tasks.expire(hub, start + timedelta(hours=24, minutes=1)) == 1
    assert Report.objects.get(pk=idle).intake == "expired"
    assert open_files(hub) == []
    assert Report.objects.get(pk=busy).intake == "open"
    assert tasks.expire(hub, start + timedelta(hours=24, minutes=29)) == 0
    assert tasks.expire(hub, start + timedelta(hours=24, minutes=31)) == 1
    assert make.code(provider.finish(busy)) == 5001
    verify_chain()


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (b"", 4110),
        (b"not xml", 4110),
        (b'<?xml version="1.0"?><!DOCTYPE report [<!ENTITY a "aaaa">]><report>&a;</report>', 4110),
        (b'<!DOCTYPE report SYSTEM "http://example.org/x.dtd"><report/>', 4110),
        (b'<?xml version="1.0" encoding="utf-16"?><report/>', 4110),
        (b"<report><a>" * 60, 4000),
        (b"<report/>", 4100),
        (b"<fileDetails/>", 4100),
        (b"\xff\xfe", 4110),
    ],
)
def test_hostile_documents_are_refused_and_leave_nothing(provider, make, body, expected):
    for answer in (provider.submit(body), provider.fileinfo(body)):
        assert answer.status_code == 400
        assert make.code(answer) in {expected, 4100}
    assert Report.objects.count() == 0


def test_an_enormous_document_is_refused(provider, make):
    answer = provider.submit(b"<report>" + b"x" * (17 << 20))
    assert (answer.status_code, make.code(answer)) == (400, 4000)


def test_malformed_forms(provider, hub, client, make):
    report_id = make.field(provider.submit(make.report()), "reportId")
    for data in (
        b"",
        b"--b--",
        b'--b\r\nContent-Disposition: form-data; name="id"\r\n\r\n' + report_id.encode(),
    ):
        kind = "multipart/form-data; boundary=b"
        answer = client.post("/ispws/upload", data, content_type=kind, headers=provider.auth)
        assert (answer.status_code, make.code(answer)) == (400, 4000)
    answer = client.post("/ispws/upload", b"id=1", content_type="text/plain", headers=provider.auth)
    assert make.code(answer) == 4000
    answer = client.post(
        "/ispws/finish",
        "&".join(["id=1"] * 40),
        content_type="application/x-www-form-urlencoded",
        headers=provider.auth,
    )
    assert (answer.status_code, make.code(answer)) == (400, 4000)
    for bad in ("", "x", "-1", "1" * 40, "999999"):
        assert make.code(provider.finish(bad)) in {4000, 5001}
        assert make.code(provider.upload(bad, b"data")) in {4000, 5001}
    assert ReportFile.objects.count() == 0
    assert not hub.incoming.exists()  # refused before any byte was kept


def test_a_body_that_stops_in_the_middle_leaves_nothing(provider, hub, client, make):
    report_id = make.field(provider.submit(make.report()), "reportId")
    body = (
        b'--b\r\nContent-Disposition: form-data; name="id"\r\n\r\n'
        + report_id.encode()
        + b'\r\n--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
        + DATA
    )
    answer = client.post(
        "/ispws/upload", body, content_type="multipart/form-data; boundary=b", headers=provider.auth
    )
    assert make.code(answer) == 4000
    assert not list(hub.incoming.iterdir())
    assert open_files(hub) == []


def test_the_file_may_come_before_the_id(provider, client, make):
    report_id = make.field(provider.submit(make.report()), "reportId")
    body = (
        b'--b\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\nabc\r\n'
        b'--b\r\nContent-Disposition: form-data; name="id"\r\n\r\n' + report_id.encode() + b"\r\n--b--\r\n"
    )
    answer = client.post(
        "/ispws/upload", body, content_type="multipart/form-data; boundary=b", headers=provider.auth
    )
    assert make.field(answer, "hash") == hashlib.md5(b"abc").hexdigest()


def test_a_hub_without_its_key_says_so_and_keeps_nothing(provider, hub, make):
    report_id = make.field(provider.submit(make.report()), "reportId")
    hub.public_key_file.unlink()
    for answer in (provider.get("status"), provider.upload(report_id, DATA)):
        assert (answer.status_code, make.code(answer)) == (500, 1000)
    assert ReportFile.objects.count() == 0


def test_a_failure_before_the_commit_is_500_and_keeps_nothing(provider, hub, make, monkeypatch):
    report_id = make.field(provider.submit(make.report()), "reportId")

    def fail(*_):
        raise OSError("no space")

    monkeypatch.setattr("tutela.console.audit.record", fail)
    answer = provider.upload(report_id, DATA)
    assert (answer.status_code, make.code(answer)) == (500, 1000)
    assert ReportFile.objects.count() == 0
    assert make.code(provider.finish(report_id)) == 1000
    monkeypatch.undo()
    assert Report.objects.get(pk=report_id).intake == "open"
    assert make.code(provider.finish(report_id)) == 0


def test_orphans_are_swept_and_living_files_stay(provider, hub, make):
    report_id = make.field(provider.submit(make.report()), "reportId")
    provider.upload(report_id, DATA)
    (hub.incoming / "cut-off").write_bytes(b"part")
    orphan = hub.place("a" * 32)
    orphan.parent.mkdir(exist_ok=True)
    orphan.write_bytes(b"committed by nobody")
    now = timezone.now()
    assert tasks.sweep(hub, now) == 0
    assert tasks.sweep(hub, now + timedelta(hours=2)) == 2
    assert len(open_files(hub)) == 1


def test_routing_that_fails_sends_the_report_to_the_desk(provider, hub, make):
    hub.rules.write_text("broken")
    report_id = provider.session()
    report = Report.objects.get(pk=report_id)
    assert report.agency.slug == "centre-desk"
    made = report.decisions.get()
    assert not made.placed
    assert "routing failed" in made.reasons[0]


def test_sealed_bytes_need_the_hubs_own_key(provider, hub, make):
    provider.session(data=DATA)
    file = ReportFile.objects.get()
    with pytest.raises(sealed.SealedError):
        hub.read(file.file_id, sealed.generate_keypair()[0], 1 << 20)


def test_run_due_expires_always_and_sweeps_now_and_then(provider, hub, make):
    provider.submit(make.report())
    now = timezone.now()
    hub.incoming.mkdir(exist_ok=True)
    (hub.incoming / "cut-off").write_bytes(b"part")
    assert tasks.run_due(now) == 0
    assert tasks.run_due(now + timedelta(days=2)) == 2
    (hub.incoming / "cut-off").write_bytes(b"part")
    assert tasks.run_due(now + timedelta(days=2, minutes=5)) == 0
    assert tasks.run_due(now + timedelta(days=2, minutes=11)) == 1
