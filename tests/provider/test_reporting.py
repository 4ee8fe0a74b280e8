"""From two agreements to one finished report: verified originals, nothing doubled, nothing lost."""

from __future__ import annotations

import hashlib
from datetime import timedelta

import httpx
import pytest
from provider_world import Hub, pattern

from tutela.provider.models import CaseImage, ReportJob, Voucher

pytestmark = pytest.mark.django_db


def reported(service, confirm):
    case = confirm(service.case())
    service.work_until_idle()
    case.refresh_from_db()
    return case


def test_an_honest_device_is_reported(service, confirm) -> None:
    case = reported(service, confirm)
    assert case.state == "reported"
    (report_id,) = service.hub.finished()
    report = service.hub.storage.documents[report_id]
    account = report.person_or_user_reported[0]
    assert (account.esp_identifier, account.screen_name) == ("@ole:example.org", "ole")
    seen = account.ip_capture_event[0]
    assert (seen.ip_address, seen.port, seen.date_time) == ("192.0.2.7", 40_001, service.now)
    assert report.incident_summary.incident_type.startswith("Child Pornography (possession")
    text = report.additional_info
    for words in ("until 3 distinct entries", "epoch 7", "0, 0, 0", "(both reviewers)"):
        assert words in text
    assert "ada" not in text
    assert "berit" not in text


def test_the_centre_has_the_originals_and_their_hashes(service, confirm) -> None:
    reported(service, confirm)
    (report_id,) = service.hub.finished()
    files = service.hub.storage.files(report_id)
    assert sorted(service.hub.files[f.file_id] for f in files) == sorted(service.world.pictures[:3])
    for file in files:
        (details,) = service.hub.storage.details[file.file_id]
        assert details.file_viewed_by_esp is False
        hashes = {h.hash_type: h.value for h in details.original_file_hash}
        data = service.hub.files[file.file_id]
        assert hashes["SHA256"] == hashlib.sha256(data).hexdigest()
        assert hashes["MD5"] == hashlib.md5(data).hexdigest()
        assert len(hashes["PDQ"]) == 64
        assert details.ip_capture_event.port == 40_001


def test_nothing_leaves_before_two_people_agreed(service, person) -> None:
    case = service.case()
    service.work()
    service.decide(case, person("reviewer", name="ada"))
    service.work_until_idle()
    assert service.media.asked == 0
    assert service.hub.calls == []


def test_one_disagreement_deletes_it_and_tells_the_holder_later(service, person) -> None:
    case = service.case()
    service.decide(case, person("reviewer", name="ada"))
    service.decide(case, person("reviewer", name="berit"), agree=False)
    service.work_until_idle()
    case.refresh_from_db()
    assert case.state == "dismissed"
    assert case.notice_due_at == service.now + timedelta(days=30)
    assert not Voucher.objects.exists()
    assert not CaseImage.objects.exclude(sealed_revealed=None).exists()
    assert not CaseImage.objects.exclude(ip=None, port=None).exists()
    assert service.media.asked == 0


def test_a_lying_device_ends_the_case(service, confirm) -> None:
    case = confirm(service.case(lie=pattern(55)))
    service.work_until_idle()
    case.refresh_from_db()
    assert case.state == "ended_mismatch"
    assert service.hub.calls == []
    assert not CaseImage.objects.exclude(sealed_original=None).exists()


def test_an_original_that_is_no_picture_ends_the_case(service, confirm) -> None:
    case = confirm(service.case(lie=b"a document"))
    service.work_until_idle()
    case.refresh_from_db()
    assert case.state == "ended_mismatch"


def test_a_homeserver_that_is_away_costs_time_only(service, confirm) -> None:
    case = confirm(service.case())
    service.media.status = 503
    for _ in range(4):
        service.work_until_idle()
        service.now += timedelta(minutes=5)
    service.media.status = 200
    service.work_until_idle()
    case.refresh_from_db()
    assert case.state == "reported"


def test_what_the_homeserver_lost_falls_away_in_the_end(service, confirm) -> None:
    device = service.device()
    case = confirm(service.case(device=device, pictures=4))
    lost = next(iter(service.media.blobs))
    del service.media.blobs[lost]
    service.work_until_idle()
    case.refresh_from_db()
    assert case.state == "unsealing"
    service.now += timedelta(hours=73)
    service.work_until_idle()
    case.refresh_from_db()
    assert case.state == "reported"
    assert len(service.hub.storage.files(service.hub.finished()[0])) == 3


def test_too_few_originals_end_the_case(service, confirm) -> None:
    case = confirm(service.case())
    service.media.blobs.clear()
    service.work_until_idle()
    service.now += timedelta(hours=73)
    service.work_until_idle()
    case.refresh_from_db()
    assert case.state == "ended_unavailable"
    assert service.hub.calls == []


@pytest.mark.parametrize("call", ["submit", "upload", "fileinfo", "finish", "retract"])
@pytest.mark.parametrize("kind", ["refused-connection", "server-error", "answer-lost"])
def test_any_failing_call_is_made_good(service, confirm, call: str, kind: str) -> None:
    """Each call fails three times, before or after the centre acted on it; one report is finished."""
    failures = {"left": 3}

    def fail(name: str) -> httpx.Response | None:
        if name != call or not failures["left"]:
            return None
        failures["left"] -= 1
        if kind == "refused-connection":
            raise httpx.ConnectError("refused")
        return httpx.Response(500, content=b"")

    case = confirm(service.case())
    if kind == "answer-lost":
        route = Hub._route

        def lose(hub: Hub, name: str, request: httpx.Request):
            got = route(hub, name, request)
            if name == call and failures["left"]:
                failures["left"] -= 1
                raise httpx.ReadError("lost")
            return got

        service.hub._route = lose.__get__(service.hub)
    else:
        service.hub.fail = fail
    for _ in range(12):
        service.work_until_idle()
        service.now += timedelta(minutes=2)
        service.hub.now = service.now
    case.refresh_from_db()
    assert case.state == "reported"
    assert len(service.hub.finished()) == 1
    assert ReportJob.objects.get().report_id == service.hub.finished()[0]


def test_a_refused_report_waits_for_a_person(service, confirm) -> None:
    case = confirm(service.case())
    refusal = b"<reportResponse><responseCode>4100</responseCode><responseDescription>no</responseDescription></reportResponse>"
    service.hub.fail = lambda name: httpx.Response(400, content=refusal) if name == "submit" else None
    service.work_until_idle()
    job = ReportJob.objects.get()
    assert (job.state, job.last_error) == ("stuck", "cybertip.request-refused")
    case.refresh_from_db()
    assert case.state == "reporting"


def test_what_was_reported_is_preserved_and_then_deleted(service, confirm) -> None:
    case = reported(service, confirm)
    assert CaseImage.objects.exclude(sealed_revealed=None).exclude(ip=None).count() == 3
    service.now = case.preserve_until
    service.work_until_idle()
    assert not CaseImage.objects.exclude(sealed_revealed=None).exists()
    assert not CaseImage.objects.exclude(ip=None, port=None).exists()
    assert not Voucher.objects.exists()
    case.refresh_from_db()
    assert case.state == "reported"


def test_one_broken_case_does_not_keep_the_others_waiting(service, confirm, monkeypatch) -> None:
    from tutela.provider import composing

    cases = [service.case(), service.case(device=service.device("@mia:example.org"))]
    broken, sound = [confirm(case) for case in cases]
    compose = composing.report

    def refuse(case, *rest):
        if case.reference == broken.reference:
            raise ZeroDivisionError
        return compose(case, *rest)

    monkeypatch.setattr(composing, "report", refuse)
    with pytest.raises(ZeroDivisionError):
        service.work_until_idle()
    service.work_until_idle()
    sound.refresh_from_db()
    assert sound.state == "reported"
    monkeypatch.undo()
    service.now += timedelta(minutes=1)
    service.work_until_idle()
    broken.refresh_from_db()
    assert broken.state == "reported"


def test_a_case_that_ends_while_originals_are_fetched_keeps_nothing(service, confirm) -> None:
    from tutela.provider import decisions

    case = confirm(service.case())
    answer = service.media.answer

    def withdraw_first(request):
        service.media.answer = answer
        decisions.withdraw("entry-0", "Listed by mistake.", None, service.step())
        return answer(request)

    service.media.answer = withdraw_first
    service.work_until_idle()
    case.refresh_from_db()
    assert case.state == "reversed"
    assert not CaseImage.objects.exclude(sealed_original=None).exists()
    assert not CaseImage.objects.exclude(sealed_revealed=None).exists()
    assert service.hub.calls == []
