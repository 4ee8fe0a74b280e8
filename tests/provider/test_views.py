"""Machine routes, the public epoch, and the pages, through Django's client."""

from __future__ import annotations

import base64
import json
import os

import pytest
from django.utils import timezone
from provider_world import as_json, pattern

from tutela.console.models import AuditRow
from tutela.provider import decisions
from tutela.provider.models import Appeal, Case, Decision

pytestmark = pytest.mark.django_db


@pytest.fixture
def post(client, machine_token, service, monkeypatch):
    """Return a function that posts to the intake as the homeserver does, at the service's time."""
    monkeypatch.setattr(timezone, "now", lambda: service.now)
    token = machine_token("intake.write", name="homeserver")

    def send(route: str, body: object, *, token: str = token):
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.post(
            route, data, content_type="application/json", headers={"Authorization": f"Bearer {token}"}
        )

    return send


def voucher_body(device, voucher: bytes) -> dict[str, object]:
    return {
        "account": device.account, "voucher": base64.b64encode(voucher).decode(),
        "ip": "2001:db8::5", "port": 40_100, "sent_at": "2026-03-02T09:29:59.5Z",
    }  # fmt: skip


def enrolment_body(device) -> dict[str, str]:
    return {"account": device.account, "enrolment": base64.b64encode(device.enrolment()).decode()}


def test_enrol_and_send(service, post) -> None:
    device = service.device()
    body = enrolment_body(device)
    assert post("/intake/devices", body).status_code == 201
    assert post("/intake/devices", body).status_code == 200
    listed = voucher_body(device, device.send(service.world.pictures[0]))
    other = voucher_body(device, device.send(pattern(4)))
    answers = [post("/intake/vouchers", each) for each in (listed, other)]
    assert [answer.status_code for answer in answers] == [202, 202]
    assert answers[0].content == answers[1].content == b'{"state": "accepted"}'
    assert as_json(post("/intake/vouchers", listed).content) == {"state": "accepted", "repeated": True}


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"voucher": "!"}, 400, "provider.malformed_request"),
        ({"voucher": base64.b64encode(b"TV").decode()}, 400, "voucher.malformed"),
        ({"ip": "here"}, 400, "provider.malformed_request"),
        ({"port": 0}, 400, "provider.malformed_request"),
        ({"port": "1"}, 400, "provider.malformed_request"),
        ({"sent_at": "2026-03-02T09:29:59"}, 400, "provider.malformed_request"),
        ({"sent_at": "yesterday"}, 400, "provider.malformed_request"),
        ({"account": "@eve:example.org"}, 409, "provider.transplanted"),
        ({"account": ""}, 400, "provider.malformed_request"),
    ],
)
def test_final_refusals_are_typed(service, post, change, status, code) -> None:
    device = service.device()
    service.enrol(device)
    answer = post("/intake/vouchers", {**voucher_body(device, device.send(None)), **change})
    assert answer.status_code == status
    assert set(as_json(answer.content)) == {"code", "message", "hint"}
    assert as_json(answer.content)["code"] == code


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"[" * 50_000, b"\xff", b"0" * 70_000])
def test_garbage_is_refused(post, body: bytes) -> None:
    for route in ("/intake/devices", "/intake/vouchers"):
        answer = post(route, body)
        assert (answer.status_code, as_json(answer.content)["code"]) == (400, "provider.malformed_request")


def test_the_intake_is_for_machines_only(service, post, client, signed_in) -> None:
    assert post("/intake/vouchers", {}, token="wrong").status_code == 401
    assert client.post("/intake/vouchers", {}).status_code == 401
    assert signed_in("administrator").post("/intake/vouchers", {}).status_code == 401


@pytest.mark.parametrize("jurisdiction", ["XX", "YY"])
def test_a_device_without_a_table_is_answered_and_nothing_is_kept(service, post, jurisdiction) -> None:
    """In user-side mode a device sends noise that names no table. To refuse it would shut such users out."""
    from django.conf import settings

    from tutela.provider.models import Arrival, Device
    from tutela.voucher import everyday
    from tutela.voucher.sealing import chaff, enrol

    service.world.install(settings.TUTELA_STATE, jurisdiction=jurisdiction)
    device = service.device()
    names = (device.account, device.name, bytes(32), device.secrets)
    signed = enrol(*names)
    enrolment = {"account": device.account, "enrolment": base64.b64encode(signed).decode()}
    answer = post("/intake/devices", enrolment)
    assert (answer.status_code, as_json(answer.content)) == (200, {"state": "enrolled"})
    noise = chaff(everyday(), *names, 0, os.urandom)
    answer = post("/intake/vouchers", voucher_body(device, noise))
    assert (answer.status_code, as_json(answer.content)) == (202, {"state": "accepted"})
    assert not Device.objects.exists()
    assert not Arrival.objects.exists()
    forged = base64.b64encode(signed[:-1] + bytes((signed[-1] ^ 1,))).decode()
    assert post("/intake/devices", {**enrolment, "enrolment": forged}).status_code == 400


@pytest.mark.parametrize("reason", ["no legal basis", "epoch over"])
def test_without_a_lawful_ground_what_was_queued_is_taken_and_discarded(service, post, reason) -> None:
    """It may not be looked at, and to hold it back would shut its account out of all uploads."""
    from datetime import timedelta

    from django.conf import settings

    from tutela.provider.models import Arrival, Device, Voucher

    device = service.device()
    service.enrol(device)
    listed = voucher_body(device, device.send(service.world.pictures[0]))
    if reason == "epoch over":
        service.now += timedelta(days=120)
    else:
        service.world.install(settings.TUTELA_STATE, jurisdiction="YY")
    answer = post("/intake/vouchers", listed)
    assert (answer.status_code, as_json(answer.content)) == (202, {"state": "accepted"})
    answer = post("/intake/devices", enrolment_body(service.device(name="TABLET")))
    assert (answer.status_code, as_json(answer.content)) == (200, {"state": "enrolled"})
    assert Device.objects.count() == 1
    assert not Arrival.objects.exists()
    assert not Voucher.objects.exists()


@pytest.mark.parametrize("broken", ["table.key", "legal-basis-XX.json"])
def test_in_technical_trouble_the_homeserver_tries_again(service, post, tmp_path, broken) -> None:
    import shutil
    from dataclasses import replace

    from django.conf import settings

    damaged = replace(service.world, folder=tmp_path / "world")
    shutil.copytree(service.world.folder, damaged.folder)
    damaged.install(settings.TUTELA_STATE)
    (damaged.folder / broken if broken == "table.key" else damaged.epoch / broken).write_text("damaged")
    answer = post("/intake/devices", enrolment_body(service.device()))
    assert answer.status_code == 503
    assert as_json(answer.content)["code"] in {"sealed.broken", "legal_basis.tampered"}


def test_two_people_decide_on_pages(service, signed_in) -> None:
    case = service.case()
    ada, berit = signed_in("reviewer", name="ada"), signed_in("reviewer", name="berit")
    page = f"/cases/{case.reference}"
    shown = ada.get(page).content.decode()
    assert "entry-1" in shown
    assert "0 of 256 bits" in shown
    for hidden in ("@ole", "DEVICE1", "192.0.2.7", "40001"):
        assert hidden not in shown
    agree = {"verdict": "agree", "reason": "Same composition as the entry."}
    assert ada.post(f"{page}/decision", agree).status_code == 302
    again = ada.post(f"{page}/decision", agree)
    assert again.status_code == 409
    assert "second, different person" in again.content.decode()
    assert "ada" not in berit.get(page).content.decode()
    assert berit.post(f"{page}/decision", agree).status_code == 302
    case.refresh_from_db()
    assert case.state == "confirmed"
    assert berit.post(f"{page}/decision", agree).status_code == 409
    assert Decision.objects.count() == 2


def test_nobody_decides_on_a_picture_that_was_not_on_the_page(service, signed_in) -> None:
    device = service.device()
    case = service.case(device=device)
    ada, page = signed_in("reviewer", name="ada"), f"/cases/{case.reference}"
    agree = {"verdict": "agree", "reason": "Same composition as the entry."}
    assert ada.post(f"{page}/decision", agree).status_code == 409
    ada.get(page)
    service.take(device, device.send(service.world.pictures[3]))
    service.work()
    answer = ada.post(f"{page}/decision", agree)
    assert answer.status_code == 409
    assert "not on the page" in answer.content.decode()
    assert not Decision.objects.exists()
    ada.get(page)
    assert ada.post(f"{page}/decision", agree).status_code == 302


def test_a_decision_needs_a_reason(service, signed_in) -> None:
    case = service.case()
    answer = signed_in("reviewer").post(
        f"/cases/{case.reference}/decision", {"verdict": "agree", "reason": " "}
    )
    assert answer.status_code == 422
    assert "Give the reason" in answer.content.decode()
    assert not Decision.objects.exists()


def test_pictures_are_served_in_review_only_and_recorded(service, signed_in, confirm) -> None:
    case = service.case()
    image = case.images.first()
    ada = signed_in("reviewer", name="cleo")
    answer = ada.get(f"/cases/{case.reference}/pictures/{image.pk}")
    assert (answer["Content-Type"], answer["Cache-Control"]) == ("image/webp", "no-store")
    assert answer.content[:4] == b"RIFF"
    assert ada.post(f"/cases/{case.reference}/pictures/{image.pk}/opened").status_code == 204
    rows = AuditRow.objects.filter(subject=f"case/{case.reference}", actor="user/cleo")
    assert [row.action for row in rows] == ["picture.served", "picture.opened"]
    confirm(case)
    assert ada.get(f"/cases/{case.reference}/pictures/{image.pk}").status_code == 404
    assert "no longer shown" in ada.get(f"/cases/{case.reference}").content.decode()


@pytest.mark.parametrize("role", ["administrator", ""])
def test_others_see_no_case(service, signed_in, role) -> None:
    case = service.case()
    client = signed_in(*filter(None, [role]), name="sam")
    image = case.images.first()
    for route in (
        "/",
        f"/cases/{case.reference}",
        f"/cases/{case.reference}/pictures/{image.pk}",
        "/appeals",
    ):
        assert client.get(route).status_code == 403
    assert (
        client.post(f"/cases/{case.reference}/decision", {"verdict": "agree", "reason": "x"}).status_code
        == 403
    )


def test_reviewers_do_not_see_the_history(service, signed_in) -> None:
    case = service.case()
    assert signed_in("reviewer").get(f"/cases/{case.reference}/history").status_code == 403
    assert signed_in("supervisor").get(f"/cases/{case.reference}/history").status_code == 200


def test_an_appeal_from_link_to_reversal(service, confirm, signed_in, client) -> None:
    case = confirm(service.case())
    service.work_until_idle()
    supervisor = signed_in("supervisor", name="sam")
    link = f"/appeal/{decisions.appeal_token(case)}"
    assert link in supervisor.get(f"/cases/{case.reference}/history").content.decode()
    assert "Reported" in client.get(link).content.decode()
    assert client.post(link, {"statement": ""}).status_code == 422
    assert client.post(link, {"statement": "It is my own photograph."}).status_code == 200
    assert client.post(link, {"statement": "Again."}).status_code == 409
    assert client.get(link[:-2]).status_code == 404
    appeal = Appeal.objects.get()
    assert case.reference in supervisor.get("/appeals").content.decode()
    assert "my own photograph" in supervisor.get(f"/appeals/{appeal.pk}").content.decode()
    answer = supervisor.post(f"/appeals/{appeal.pk}", {"state": "upheld", "answer": "You are right."})
    assert answer.status_code == 302
    assert Case.objects.get().state == "reversed"
    assert "You are right." in client.get(link).content.decode()
    service.now = timezone.now()  # the pages have the real clock
    service.work_until_idle()
    assert len(service.hub.finished()) == 2
    told = supervisor.post(f"/cases/{case.reference}/notified")
    assert told.status_code == 302
    assert Case.objects.get().notified_at is not None


def test_a_supervisor_who_reviewed_cannot_decide_the_appeal(service, signed_in) -> None:
    case = service.case()
    agree = {"verdict": "agree", "reason": "x"}
    sam, ada = signed_in("supervisor", name="sam"), signed_in("reviewer", name="ada")
    for client in (sam, ada):
        client.get(f"/cases/{case.reference}")
        client.post(f"/cases/{case.reference}/decision", agree)
    case.refresh_from_db()
    appeal = decisions.appeal(decisions.appeal_token(case), "Why?", service.step())
    answer = sam.post(f"/appeals/{appeal.pk}", {"state": "declined", "answer": "No."})
    assert answer.status_code == 409
    assert "yourself" in answer.content.decode()


def test_stuck_reports_are_tried_again(service, confirm, signed_in) -> None:
    import httpx

    case = confirm(service.case())
    refusal = b"<reportResponse><responseCode>3000</responseCode><responseDescription>no</responseDescription></reportResponse>"
    refusal = refusal.replace(b"3000", b"4100")
    service.hub.fail = lambda name: httpx.Response(400, content=refusal) if name == "submit" else None
    service.work_until_idle()
    supervisor = signed_in("supervisor", name="sam")
    assert "cybertip.request-refused" in supervisor.get(f"/cases/{case.reference}/history").content.decode()
    service.hub.fail = lambda name: None
    supervisor.post(f"/cases/{case.reference}/retry")
    service.now = timezone.now()
    service.work_until_idle()
    case.refresh_from_db()
    assert case.state == "reported"


def test_the_service_page_says_why_alerts_are_off(service, signed_in, monkeypatch) -> None:
    from django.conf import settings

    monkeypatch.setattr(timezone, "now", lambda: service.now)
    client = signed_in("reviewer")
    assert "Example Act 2026" in client.get("/service").content.decode()
    service.world.install(settings.TUTELA_STATE, jurisdiction="YY")
    assert "no legal basis" in client.get("/service").content.decode()
    (settings.TUTELA_STATE / "config.json").unlink()
    assert "not set up" in client.get("/service").content.decode()
