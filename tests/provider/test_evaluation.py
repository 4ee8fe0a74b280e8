"""The threshold: when a case is made, of what, and what is deleted."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest

from tutela.provider.atrest import AtRest
from tutela.provider.contents import open_revealed
from tutela.provider.models import Case, CaseImage, Device, Voucher

pytestmark = pytest.mark.django_db


def test_below_the_threshold_nothing_opens(service) -> None:
    device = service.device()
    service.enrol(device)
    for index in (0, 1, 0, 0, 1):  # the same entries again count once
        service.take(device, device.send(service.world.pictures[index]))
        service.work()
    assert not Case.objects.exists()
    assert Device.objects.get().key == Device.Key.CURRENT
    assert Voucher.objects.count() == 5


def test_the_third_entry_makes_a_case(service) -> None:
    case = service.case()
    assert (case.state, case.threshold, case.epoch) == ("review", 3, 7)
    images = list(case.images.all())
    assert [image.entry_id for image in images] == ["entry-0", "entry-1", "entry-2"]
    assert {image.distance for image in images} == {0}
    assert images[0].category == "tutela-demo A"
    shown = open_revealed(AtRest(bytes(range(32)), bytes), images[0])
    assert shown.revealed.derivative[:4] == b"RIFF"


def test_what_follows_joins_until_a_person_decides(service, person) -> None:
    device = service.device()
    case = service.case(device=device)
    service.take(device, device.send(service.world.pictures[3]))
    service.work()
    assert case.images.count() == 4
    service.decide(case, person("reviewer", name="ada"))
    service.take(device, device.send(service.world.pictures[4]))
    service.work()
    assert case.images.count() == 4
    assert Voucher.objects.count() == 4


def test_two_devices_of_an_account_do_not_add_up(service) -> None:
    for name, listed in (("PHONE", (0, 1)), ("TABLET", (2, 3))):
        device = service.device(name=name)
        service.enrol(device)
        for index in listed:
            service.take(device, device.send(service.world.pictures[index]))
    service.work()
    assert not Case.objects.exists()


@pytest.fixture
def one_film(monkeypatch) -> None:
    """Let entries 0 and 1 be frames of one film: two tokens, one cluster."""
    from dataclasses import replace

    from tutela.provider.runtime import Runtime

    looked_up = Runtime.__dict__["nearest"].func

    def nearest(self):
        plain = looked_up(self)

        def grouped(pdq):
            found = plain(pdq)
            return (
                replace(found, cluster="film") if found and found.entry in {"entry-0", "entry-1"} else found
            )

        return grouped

    monkeypatch.setattr(Runtime, "nearest", property(nearest))


def test_frames_of_one_film_count_once_and_are_not_lost(service, one_film) -> None:
    from tutela.console.models import AuditRow

    device = service.device()
    service.enrol(device)
    for index in (0, 1, 2):
        service.take(device, device.send(service.world.pictures[index]))
        service.work()
    assert not Case.objects.exists()  # three entries opened the key, and are two clusters
    assert not CaseImage.objects.exists()
    assert Voucher.objects.count() == 3
    assert AuditRow.objects.get(action="device.opening-short").detail == {"deleted": 0, "kept": 3}
    service.take(device, device.send(service.world.pictures[3]))
    service.work()
    assert [image.slot for image in Case.objects.get().images.all()] == [0, 1, 2, 3]


def test_what_fails_in_a_short_opening_is_deleted(service, one_film, monkeypatch) -> None:
    from tutela.voucher.errors import RederivationError
    from tutela.voucher.opening import Opener

    device = service.device()
    service.enrol(device)
    reveal = Opener.reveal

    def second_fails(self, data, opened, *rest):
        if opened.slot == 2:
            raise RederivationError("made up")
        return reveal(self, data, opened, *rest)

    monkeypatch.setattr(Opener, "reveal", second_fails)
    for index in (0, 1, 2):
        service.take(device, device.send(service.world.pictures[index]))
    service.work()
    assert list(Voucher.objects.values_list("slot", flat=True).order_by("slot")) == [0, 1]
    assert not Case.objects.exists()
    for index in (3, 4):
        service.take(device, device.send(service.world.pictures[index]))
        service.work()
    assert [image.slot for image in Case.objects.get().images.all()] == [0, 1, 3, 4]


def test_a_void_opening_leaves_a_notice_and_nothing_else(service, monkeypatch) -> None:
    from tutela.provider.runtime import Runtime

    monkeypatch.setattr(Runtime, "nearest", property(lambda self: lambda pdq: None))
    device = service.device()
    service.enrol(device)
    for index in range(3):
        service.take(device, device.send(service.world.pictures[index]))
    service.work()
    case = Case.objects.get()
    assert (case.state, case.is_final, case.closed_at) == ("discarded", True, service.now)
    assert case.notice_due_at == service.now + timedelta(days=service.world.config().notice_days)
    assert not CaseImage.objects.exists()
    assert not Voucher.objects.exists()
    assert Device.objects.get().key == Device.Key.SPENT
    for index in range(4):  # the key was open: nothing more is kept under it
        service.take(device, device.send(service.world.pictures[index]))
    service.work()
    assert not Voucher.objects.exists()
    assert Case.objects.count() == 1


def test_a_withdrawn_entry_does_not_count(service) -> None:
    from tutela.provider import decisions

    decisions.withdraw("entry-1", "Listed by mistake.", service.world.hash_list, service.step())
    device = service.device()
    service.enrol(device)
    for index in range(4):
        service.take(device, device.send(service.world.pictures[index]))
    service.work()
    case = Case.objects.get()
    assert [image.entry_id for image in case.images.all()] == ["entry-0", "entry-2", "entry-3"]
    assert Voucher.objects.count() == 3


def test_windows_end(service) -> None:
    from provider_world import END

    from tutela.provider.models import Arrival

    device = service.device()
    service.enrol(device)
    service.take(device, device.send(service.world.pictures[0]))
    service.work()
    service.now = END
    service.work()
    assert not Device.objects.exists()
    assert not Arrival.objects.exists()
    assert not Voucher.objects.exists()


def test_made_up_shares_cannot_keep_the_worker() -> None:
    """The work of a flood of 5,000 grows with its logarithm, not with its square."""
    from tutela.provider.evaluation import searched
    from tutela.voucher.opening import MAX_SUBSETS

    whole = [kept for kept in range(1, 5001) if searched(kept, 10) == MAX_SUBSETS]
    assert set(range(1, 41)) <= set(whole)
    assert len(whole) < 150
    assert all(later <= earlier * 1.2 for earlier, later in pairwise(whole[40:]))


def test_sealed_vouchers_are_read_only_when_the_key_opened(service) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    device = service.device()
    service.enrol(device)
    service.take(device, device.send(service.world.pictures[0]))
    with CaptureQueriesContext(connection) as queries:
        service.work()
    assert not any("sealed_voucher" in query["sql"] for query in queries if "SELECT" in query["sql"])


def test_what_a_dead_key_left_closed_is_deleted(service) -> None:
    """Below the threshold an address and a time are kept for as long as they can count, and no longer."""
    device = service.device()
    service.enrol(device)
    for index in (0, 1):
        service.take(device, device.send(service.world.pictures[index]))
    service.work()
    assert Voucher.objects.count() == 2
    device.renew()
    service.enrol(device)
    service.work()
    assert not Voucher.objects.exists()
    service.take(device, device.send(service.world.pictures[2]))
    service.work()
    assert Voucher.objects.count() == 1
    service.now = Device.objects.latest("pk").renew_at + timedelta(
        days=14, seconds=1
    )  # it takes no vouchers any more
    service.work()
    assert not Voucher.objects.exists()


def test_what_a_dead_key_sent_is_looked_at_before_it_is_deleted(service) -> None:
    device = service.device()
    service.enrol(device)
    for index in range(3):
        service.take(device, device.send(service.world.pictures[index]))
    device.renew()
    service.enrol(device)
    service.work()
    assert Case.objects.get().images.count() == 3
    assert Voucher.objects.count() == 3


def test_devices_that_are_always_due_do_not_hide_the_others(service, monkeypatch) -> None:
    from tutela.provider import tasks

    device = service.device()
    service.enrol(device)
    known = Device.objects.get()
    for number in range(149):
        known.pk, known.enrolment_sha256 = None, f"{number:064x}"
        known.save()
    Device.objects.update(evaluation_due=True)
    seen: set[int] = set()
    monkeypatch.setattr(tasks, "evaluate", lambda runtime, device, now: seen.add(device.pk))
    for _ in range(40):
        tasks.thresholds(service.now)
    assert len(seen) == 150
