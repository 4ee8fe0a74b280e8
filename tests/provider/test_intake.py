"""Arrival of enrolments and vouchers: what is kept, what is refused, and that repetitions change nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from provider_world import END, START

from tutela.hashlist.legal_basis import LegalBasis, LegalBasisNarrower
from tutela.provider.errors import (
    KeyDue,
    OtherTable,
    SlotReplayed,
    TooMany,
    Transplanted,
    UnknownDevice,
)
from tutela.provider.models import Arrival, Case, Device, Voucher
from tutela.voucher.errors import VoucherMalformed, VoucherRefused

LAW = LegalBasis("XX", "Example Act 2026, section 1", START, END, bytes(32))
pytestmark = pytest.mark.django_db


def enrolled(service, **names):
    device = service.device(**names)
    service.enrol(device)
    return device


def test_an_unlisted_picture_leaves_a_slot_and_nothing_else(service) -> None:
    from provider_world import pattern

    device = enrolled(service)
    voucher = device.send(pattern(1))
    assert service.take(device, voucher).created
    arrival = Arrival.objects.get()
    assert (arrival.slot, len(bytes(arrival.digest))) == (0, 16)
    assert not Voucher.objects.exists()
    assert not Device.objects.get().evaluation_due
    service.work()
    assert not Case.objects.exists()


def test_nothing_of_an_unopened_voucher_is_in_the_database(service, tmp_path) -> None:
    from django.db import connection
    from provider_world import pattern

    device = enrolled(service)
    voucher = device.send(pattern(2))
    service.take(device, voucher)
    with connection.cursor() as cursor:
        tables = connection.introspection.table_names(cursor)
        stored = b""
        for table in tables:
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                for value in row:
                    stored += bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()
    for start in range(100, len(voucher) - 64, 97):
        assert voucher[start : start + 12] not in stored
        assert voucher[start : start + 12].hex().encode() not in stored


def test_a_listed_picture_is_stored_sealed(service) -> None:
    device = enrolled(service)
    voucher = device.send(service.world.pictures[0])
    service.take(device, voucher)
    stored = Voucher.objects.get()
    assert voucher not in bytes(stored.sealed_voucher)
    assert (stored.ip, stored.port, stored.sent_at) == ("192.0.2.7", 40_001, service.now)
    assert stored.expires_at == Device.objects.get().expires_at


def test_the_same_bytes_again_change_nothing(service) -> None:
    from provider_world import pattern

    device = enrolled(service)
    for picture in (pattern(3), service.world.pictures[0]):
        voucher = device.send(picture)
        assert service.take(device, voucher).created
        assert not service.take(device, voucher).created
    assert (Arrival.objects.count(), Voucher.objects.count()) == (2, 1)
    service.enrol(device)
    assert Device.objects.count() == 1


def test_a_slot_serves_once_even_under_a_renewed_key(service) -> None:
    device = enrolled(service)
    service.take(device, device.send(None, slot=5))
    with pytest.raises(SlotReplayed):
        service.take(device, device.send(None, slot=5))
    device.renew()
    service.enrol(device)
    with pytest.raises(SlotReplayed):
        service.take(device, device.send(None, slot=5))


def test_another_account_cannot_hand_it_in(service) -> None:
    device = enrolled(service)
    voucher = device.send(service.world.pictures[0])
    with pytest.raises(Transplanted):
        service.take(device, voucher, account="@eve:example.org")
    other = enrolled(service, account="@eve:example.org")
    with pytest.raises(Transplanted):
        service.take(other, voucher)
    assert not Arrival.objects.exists()
    from tutela.provider import intake, runtime

    with pytest.raises(Transplanted):
        intake.enrol(
            runtime.alerts(service.now), "@mia:example.org", device.enrolment(), service.now, actor="test"
        )


def test_one_device_of_an_account_cannot_enrol_as_another(service) -> None:
    """Otherwise whoever signs in a second device takes the first one's vouchers out of use."""
    from tutela.provider import intake, runtime

    phone = enrolled(service, name="PHONE")
    forged = service.device(name="PHONE").enrolment()
    with pytest.raises(Transplanted):
        intake.enrol(
            runtime.alerts(service.now), phone.account, forged, service.now, actor="test", device="TABLET"
        )
    assert Device.objects.count() == 1
    assert service.take(phone, phone.send(None)).created


def test_a_device_that_changes_its_identity_is_on_record(service) -> None:
    """A renewal keeps the identity; an invented enrolment of somebody else's device cannot."""
    from tutela.console.models import AuditRow

    device = enrolled(service)
    device.renew()
    service.enrol(device)
    service.enrol(service.device())
    rows = AuditRow.objects.filter(action="device.enrolled")
    assert [row.detail["other_identity"] for row in rows] == [False, False, True]


def test_unknown_devices_other_tables_and_broken_vouchers(service) -> None:
    device = service.device()
    voucher = device.send(None)
    with pytest.raises(UnknownDevice):
        service.take(device, voucher)
    service.enrol(device)
    with pytest.raises(VoucherMalformed):
        service.take(device, voucher[:-1])
    with pytest.raises(VoucherRefused):
        service.take(device, voucher[:-1] + bytes((voucher[-1] ^ 1,)))
    with pytest.raises(VoucherMalformed):
        service.take(device, device.send(None, slot=2**63))
    moved = voucher[:4] + bytes(32) + voucher[36:]
    with pytest.raises(OtherTable):
        service.take(device, moved)
    assert not Arrival.objects.exists()


def test_floods_end_at_the_limit_and_go_on_the_next_day(service) -> None:
    from django.conf import settings

    service.world.install(settings.TUTELA_STATE, vouchers_per_day=3, enrolments_per_day=2)
    device = enrolled(service)
    vouchers = [device.send(None) for _ in range(4)]
    for voucher in vouchers[:3]:
        service.take(device, voucher)
    with pytest.raises(TooMany):
        service.take(device, vouchers[3])
    assert not service.take(device, vouchers[0]).created  # a repetition is no flood
    device.renew()
    service.enrol(device)
    with pytest.raises(TooMany):  # a new key buys nothing
        service.take(device, vouchers[3])
    device.renew()
    with pytest.raises(TooMany):
        service.enrol(device)
    service.now += timedelta(days=1, seconds=1)
    assert service.take(device, vouchers[3]).created


def test_what_is_kept_of_one_key_is_bounded(service) -> None:
    """One listed picture in hand is enough to make shares up: they must not fill the disk day after day."""
    from django.conf import settings

    service.world.install(settings.TUTELA_STATE, vouchers_per_day=2)
    device = enrolled(service)
    for _ in range(3):
        for _ in range(2):
            assert service.take(device, device.send(service.world.pictures[0])).created
        service.now += timedelta(days=1, seconds=1)
    assert (Arrival.objects.count(), Voucher.objects.count()) == (6, 2)


def test_every_key_is_renewed_in_its_time_and_an_opening_changes_nothing_of_it(service) -> None:
    from provider_world import pattern

    device, quiet = service.device(), enrolled(service, account="@mia:example.org")
    service.case(device=device)
    rows = {row.account: row for row in Device.objects.all()}
    assert (rows[device.account].key, rows[device.account].opened_at) == (Device.Key.SPENT, service.now)
    for row in rows.values():
        assert timedelta(days=28) <= row.renew_at - row.enrolled_at <= timedelta(days=35)
    for each in (device, quiet):
        assert not service.take(each, each.send(pattern(9))).renew
    for each in (device, quiet):
        service.now = rows[each.account].renew_at
        assert service.take(each, each.send(pattern(10))).renew
        service.now += timedelta(days=14)
        assert service.take(each, each.send(pattern(10))).renew  # it may have been away
        service.now += timedelta(seconds=1)
        with pytest.raises(KeyDue):
            service.take(each, each.send(pattern(11)))
        each.renew()
        service.enrol(each)
        assert not service.take(each, each.send(pattern(12))).renew
    spent = rows[device.account]
    spent.refresh_from_db()
    assert spent.key == Device.Key.REPLACED
    assert spent.vouchers.count() == 3  # the case has them


@pytest.mark.parametrize("when", [timedelta(days=-2), timedelta(days=120)])
def test_without_a_valid_epoch_alerts_are_off(service, when: timedelta) -> None:
    from tutela.hashlist.epoch import EpochRefused

    device = service.device()
    service.now += when
    with pytest.raises(EpochRefused):
        service.enrol(device)


def test_without_a_legal_basis_alerts_are_off(service) -> None:
    from django.conf import settings

    from tutela.hashlist.legal_basis import LegalBasisMissing

    device = enrolled(service)
    service.world.install(settings.TUTELA_STATE, jurisdiction="YY")
    with pytest.raises(LegalBasisMissing):
        service.take(device, device.send(None))


@pytest.fixture
def under(service, tmp_path):
    """Let the provider work under other legal bases than the world's."""
    import shutil

    from django.conf import settings

    from tutela.hashlist.legal_basis import file_name, make

    def work_under(*bases):
        world = replace(service.world, folder=tmp_path / "world")
        shutil.copytree(service.world.folder, world.folder)
        for basis in bases:
            (world.epoch / file_name(basis.jurisdiction)).write_bytes(make(basis, world.signer))
        world.install(settings.TUTELA_STATE)

    return work_under


@pytest.mark.parametrize(
    ("narrow", "word"),
    [
        ({"acts": ("alert",)}, "report"),
        ({"keep_days": 364}, "not for 365"),
        ({"scales": ("ncmec",)}, "tutela-demo"),
    ],
)
def test_a_legal_basis_that_permits_less_than_the_provider_does_turns_alerts_off(
    service, under, narrow, word
) -> None:
    from tutela.provider import runtime, status

    under(replace(LAW, **narrow))
    with pytest.raises(LegalBasisNarrower, match=word):
        runtime.alerts(service.now)
    found = status.collect(service.now)
    assert (found.alerts, found.conflicts) == ("legal_basis.narrower", ())


def test_conflicts_of_laws_are_shown_and_decide_nothing(service, under) -> None:
    from tutela.provider import status

    found = status.collect(service.now)
    assert ("Conflicts of laws", "none among the legal bases of the epoch") in status.rows(found)
    under(replace(LAW, jurisdiction="YY", keep_days=90))
    found = status.collect(service.now)
    assert found.alerts == "on"
    (sentence,) = found.conflicts
    assert (
        "XX: content may be kept for 366 days after a report; YY: content may be kept for 90 days" in sentence
    )
    assert ("Conflicts of laws", sentence) in status.rows(found)
