"""From one epoch to the next: what is late still counts, and old table keys are destroyed in time."""

from __future__ import annotations

import shutil
from dataclasses import asdict, replace
from datetime import datetime, timedelta

import pytest
from django.conf import settings
from provider_world import END, HUB_PASSWORD, MEDIA_TOKEN, NOW, World, build_world

from tutela.console.models import AuditRow
from tutela.hashlist.trust import key_id
from tutela.provider import runtime, status
from tutela.provider.errors import OtherTable
from tutela.provider.models import Case, Device, Voucher
from tutela.provider.setup import Answers, set_up

pytestmark = pytest.mark.django_db
LATER = END + timedelta(days=60)


@pytest.fixture(scope="module")
def following(tmp_path_factory) -> World:
    """Return the world of the next epoch, which begins while the first one runs."""
    return build_world(tmp_path_factory.mktemp("next"), start=NOW - timedelta(hours=1), end=LATER, number=8)


@pytest.fixture
def first(service, tmp_path) -> World:
    """Return the first world, installed, in files of its own: its table key may be destroyed."""
    own = replace(service.world, folder=tmp_path / "first")
    shutil.copytree(service.world.folder, own.folder)
    own.install(settings.TUTELA_STATE)
    return own


def switch(world: World, now: datetime) -> None:
    """Run `tutela provider init` with a world's epoch, its proofs fresh."""
    world.renew_proofs(now)
    config = asdict(world.config().source)
    answers = Answers(
        **{name: world.folder.__class__(value) for name, value in config.items()},
        jurisdiction="XX", organisation="Example Messenger", contact_email="safety@example.org",
        hub="http://127.0.0.1:9/ispws", hub_user="example-messenger", homeserver="http://127.0.0.1:8",
    )  # fmt: skip
    secrets = {"TUTELA_HUB_PASSWORD": HUB_PASSWORD, "TUTELA_HOMESERVER_TOKEN": MEDIA_TOKEN}
    set_up(settings.TUTELA_STATE, answers, now=now, environ=secrets)


def test_vouchers_that_arrive_after_the_switch_still_count(service, first, following) -> None:
    device = service.device()
    service.enrol(device)
    late = [device.send(service.world.pictures[index]) for index in range(3)]
    service.take(device, late[0])
    switch(following, service.now)
    assert runtime.alerts(service.now).epoch.number == 8
    assert status.collect(service.now).earlier_epochs == (7,)
    for voucher in late[1:]:
        service.take(device, voucher)
    service.work()
    case = Case.objects.get()
    assert (case.epoch, case.images.count()) == (7, 3)
    assert not Device.objects.filter(evaluation_due=True).exists()


def test_what_waits_to_be_looked_at_survives_the_switch(service, first, following) -> None:
    device = service.device()
    service.enrol(device)
    for index in range(3):
        service.take(device, device.send(service.world.pictures[index]))
    switch(following, service.now)
    service.work()
    assert Case.objects.get().epoch == 7


def test_a_device_may_renew_its_key_for_the_earlier_table(service, first, following) -> None:
    device = service.device()
    service.enrol(device)
    switch(following, service.now)
    device.renew()
    service.enrol(device)
    assert Device.objects.latest("pk").expires_at == END
    assert service.take(device, device.send(service.world.pictures[0])).created
    assert Voucher.objects.get().expires_at == END


def test_the_earlier_table_ends_with_its_epoch(service, first, following) -> None:
    device = service.device()
    service.enrol(device)
    switch(following, service.now)
    service.now = END - timedelta(seconds=1)
    Device.objects.update(renew_at=service.now)
    assert service.take(device, device.send(None)).created
    service.now = END
    with pytest.raises(OtherTable):
        service.take(device, device.send(None))
    with pytest.raises(OtherTable):
        service.enrol(device)


def test_without_its_key_an_earlier_table_ends_at_once_and_harms_nothing(service, first, following) -> None:
    device = service.device()
    service.enrol(device)
    switch(following, service.now)
    assert service.take(device, device.send(None)).created
    (first.folder / "table.key").unlink()
    with pytest.raises(OtherTable):
        service.take(device, device.send(None))
    fresh = replace(device, world=following)
    service.enrol(fresh)
    assert service.take(fresh, fresh.send(None)).created


def test_the_same_files_again_are_no_earlier_epoch(service, first) -> None:
    switch(first, service.now)
    assert runtime.offline()[0].earlier == ()


def destroyed() -> list[AuditRow]:
    return list(AuditRow.objects.filter(action="table-key.destroyed"))


def test_a_table_key_is_destroyed_a_day_after_its_epoch(service, first, following) -> None:
    key, switched = first.folder / "table.key", following.folder / "table.key"
    inode = key.with_name("hard link")
    inode.hardlink_to(key)
    before = key.read_bytes()
    switch(following, service.now)
    service.now = END + timedelta(days=1, seconds=-1)
    service.work_until_idle()
    assert (key.exists(), destroyed()) == (True, [])
    service.now = END + timedelta(days=1)
    service.work_until_idle()
    assert not key.exists()
    assert len(inode.read_bytes()) == len(before)
    assert inode.read_bytes() != before  # overwritten, not only unlinked
    (row,) = destroyed()
    known = key_id(first.table.header.public_key)
    assert (row.subject, row.detail) == ("epoch/7", {"epoch": 7, "key": known})
    assert switched.exists()
    assert runtime.alerts(service.now).epoch.number == 8


def test_the_last_key_is_destroyed_too_and_alerts_say_that_the_epoch_is_over(service, first) -> None:
    service.now = END + timedelta(days=1)
    service.work_until_idle()
    assert not (first.folder / "table.key").exists()
    assert len(destroyed()) == 1
    assert status.collect(service.now).alerts == "epoch.expired"


def test_what_came_before_the_end_is_looked_at_before_the_key_goes(service, first, following) -> None:
    device = service.device()
    service.enrol(device)
    for index in range(3):
        service.take(device, device.send(service.world.pictures[index]))
    switch(following, service.now)
    service.now = END + timedelta(hours=20)  # the worker was away
    service.work()
    assert Case.objects.get().images.count() == 3


def test_a_key_stays_while_vouchers_wait_for_it(service, first, following) -> None:
    service.case()
    Device.objects.update(evaluation_due=True)
    service.now = END + timedelta(days=1)
    service.work()  # no epoch is in force: nothing can be looked at
    assert (first.folder / "table.key").exists()
    assert status.collect(service.now).table_keys_overdue == 1
    switch(following, service.now)
    service.work_until_idle()
    assert not (first.folder / "table.key").exists()


def test_a_file_that_is_another_key_is_left_alone(service, first, following) -> None:
    key = first.folder / "table.key"
    shutil.copy(following.folder / "table.key", key)
    before = key.read_bytes()
    service.now = END + timedelta(days=1)
    service.work_until_idle()
    assert key.read_bytes() == before
    assert destroyed() == []
