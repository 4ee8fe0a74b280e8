"""A withdrawn entry and an upheld appeal reach everyone who was told."""

from __future__ import annotations

import pytest

from tutela.provider import decisions
from tutela.provider.errors import AppealError, WithdrawalError
from tutela.provider.models import CaseImage, ReportJob

pytestmark = pytest.mark.django_db


def withdraw(service, entry: str = "entry-1"):
    return decisions.withdraw(entry, "Listed by mistake.", service.world.hash_list, service.step())


def test_before_the_report_the_case_is_reversed(service) -> None:
    case = service.case()
    assert withdraw(service).reversed == (case.reference,)
    case.refresh_from_db()
    assert (case.state, case.notice_due_at) == ("reversed", service.now)
    assert not CaseImage.objects.exclude(sealed_revealed=None).exists()
    assert not ReportJob.objects.exists()


def test_enough_other_clusters_keep_it(service, confirm) -> None:
    case = service.case(pictures=4)
    assert withdraw(service).still_hold == (case.reference,)
    confirm(case)
    service.work_until_idle()
    (report_id,) = service.hub.finished()
    assert len(service.hub.storage.files(report_id)) == 3


def test_an_unfinished_report_is_taken_back(service, confirm) -> None:
    import httpx

    case = confirm(service.case())
    service.hub.fail = lambda name: httpx.Response(500, content=b"") if name == "finish" else None
    service.work_until_idle()
    withdraw(service)
    service.work_until_idle()
    case.refresh_from_db()
    assert case.state == "reversed"
    assert service.hub.finished() == []
    assert {report.state.value for report in service.hub.storage.reports()} == {"retracted"}
    assert ReportJob.objects.get().state == "retracted"


def test_a_finished_report_is_followed_by_a_reversal(service, confirm) -> None:
    case = confirm(service.case())
    service.work_until_idle()
    first = service.hub.finished()[0]
    assert withdraw(service).reversed == (case.reference,)
    service.work_until_idle()
    second = service.hub.finished()[1]
    message = service.hub.storage.documents[second]
    assert message.person_or_user_reported[0].prior_ct_reports == (first,)
    assert message.additional_info.startswith("Reversal.")
    assert "entry-1" in message.additional_info
    case.refresh_from_db()
    assert (case.state, case.notice_due_at) == ("reversed", service.now)


def test_a_finished_report_that_still_holds_is_corrected(service, confirm) -> None:
    confirm(service.case(pictures=4))
    service.work_until_idle()
    withdraw(service)
    service.work_until_idle()
    message = service.hub.storage.documents[service.hub.finished()[1]]
    assert message.additional_info.startswith("Correction of report")


def test_a_report_under_way_is_made_again_without_the_entry(service, confirm) -> None:
    import httpx

    confirm(service.case(pictures=4))
    service.hub.fail = lambda name: httpx.Response(500, content=b"") if name == "finish" else None
    service.work_until_idle()
    withdraw(service)
    service.hub.fail = lambda name: None
    service.work_until_idle()
    (report_id,) = service.hub.finished()
    assert len(service.hub.storage.files(report_id)) == 3
    assert "3 such pictures" in service.hub.storage.documents[report_id].additional_info


def test_too_late_to_take_back_becomes_a_reversal(service, confirm) -> None:
    """The report was finished, but the answer to `/finish` never arrived."""
    import httpx
    from provider_world import Hub

    case = confirm(service.case())
    route = Hub._route

    def lose(hub: Hub, name: str, request: httpx.Request):
        got = route(hub, name, request)
        if name == "finish":
            raise httpx.ReadError("lost")
        return got

    service.hub._route = lose.__get__(service.hub)
    service.work_until_idle()
    assert ReportJob.objects.get().state == "open"
    withdraw(service)
    service.hub._route = route.__get__(service.hub)
    service.work_until_idle()
    case.refresh_from_db()
    assert case.state == "reversed"
    assert len(service.hub.finished()) == 2
    assert set(ReportJob.objects.values_list("kind", "state")) == {
        ("report", "finished"),
        ("reversal", "finished"),
    }


def test_an_entry_is_withdrawn_once_and_must_exist(service) -> None:
    withdraw(service)
    with pytest.raises(WithdrawalError, match="before"):
        withdraw(service)
    with pytest.raises(WithdrawalError, match="Neither"):
        withdraw(service, "entry-99")


def test_an_appeal_is_decided_by_somebody_else(service, confirm, person) -> None:
    from django.contrib.auth.models import Group

    case = confirm(service.case())
    token = decisions.appeal_token(case)
    received = decisions.appeal(token, "That is my own drawing.", service.step())
    with pytest.raises(AppealError, match="waiting"):
        decisions.appeal(token, "Again.", service.step())
    reviewer = case.decisions.first().reviewer
    reviewer.groups.add(Group.objects.get_or_create(name="supervisor")[0])
    with pytest.raises(AppealError, match="yourself"):
        decisions.decide_appeal(received.pk, reviewer, "No.", service.step(), uphold=True)
    service.work_until_idle()
    decisions.decide_appeal(
        received.pk, person("supervisor", name="sam"), "It is.", service.step(), uphold=True
    )
    service.work_until_idle()
    case.refresh_from_db()
    assert case.state == "reversed"
    assert len(service.hub.finished()) == 2
    with pytest.raises(AppealError, match="already"):
        decisions.decide_appeal(
            received.pk, person("supervisor", name="tom"), "It is.", service.step(), uphold=False
        )


def test_only_signed_links_lead_to_an_appeal(service) -> None:
    case = service.case()
    for token in ("", case.reference, decisions.appeal_token(case)[:-1]):
        with pytest.raises(AppealError):
            decisions.case_of(token)
    with pytest.raises(AppealError, match="no decision"):
        decisions.appeal(decisions.appeal_token(case), "Why?", service.step())
