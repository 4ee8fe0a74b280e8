"""An ended case is deleted when nobody needs it any more, and not before."""

from __future__ import annotations

from datetime import timedelta

import pytest
from provider_world import END

from tutela.console.models import AuditRow
from tutela.provider.models import Appeal, Case, CaseImage, Decision, Device, ReportJob

pytestmark = pytest.mark.django_db
KEPT = timedelta(days=90)


@pytest.fixture
def dismissed(service, person):
    """Return a dismissed case whose holder was told and whose key is replaced."""
    device = service.device()
    case = service.case(device=device)
    service.decide(case, person("reviewer", name="ada"), agree=False)
    device.renew()
    service.enrol(device)
    service.now += timedelta(days=30)
    Case.objects.update(notified_at=service.now)
    return case


def test_an_ended_case_is_forgotten_in_its_time(service, dismissed) -> None:
    service.now += KEPT - timedelta(seconds=1)
    service.work()
    assert Case.objects.exists()
    service.now += timedelta(seconds=1)
    assert service.work()
    for model in (Case, CaseImage, Decision):
        assert not model.objects.exists()
    row = AuditRow.objects.get(action="case.forgotten")
    assert (row.actor, row.subject) == ("worker", f"case/{dismissed.reference}")
    assert row.detail == {"state": "dismissed"}
    assert not service.work()


@pytest.mark.parametrize("missing", ["notice", "renewal", "end"])
def test_a_case_that_is_still_needed_stays(service, dismissed, missing) -> None:
    if missing == "notice":
        Case.objects.update(notified_at=None)
    elif missing == "renewal":
        Device.objects.update(key=Device.Key.SPENT, expires_at=END + 2 * KEPT)
    else:
        Case.objects.update(state="reported")
    service.now += KEPT
    service.work()
    assert Case.objects.exists()


def test_the_end_of_the_window_is_the_end_of_its_key(service, dismissed) -> None:
    Device.objects.update(key=Device.Key.SPENT)
    service.now = END + KEPT
    service.work_until_idle()
    assert not Case.objects.exists()
    assert not Device.objects.exists()


@pytest.mark.parametrize(("state", "left"), [("finished", 0), ("retracted", 0), ("stuck", 1), ("open", 1)])
def test_what_the_centre_has_to_be_told_comes_first(service, dismissed, state, left) -> None:
    Case.objects.update(state="reversed")
    ReportJob.objects.create(
        case=dismissed, kind="reversal", state=state, next_attempt_at=service.now + 10 * KEPT
    )
    Appeal.objects.create(case=dismissed, statement="Wrong.", state="upheld", received_at=service.now)
    service.now += KEPT
    service.work()
    assert Case.objects.count() == ReportJob.objects.count() == Appeal.objects.count() == left
