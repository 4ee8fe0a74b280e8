"""Enrolments and vouchers as they arrive.

    enrol   verify the signature and the names, store it, and retire the device's earlier key
    take    try the voucher; keep it only if something of it opened

Both are idempotent: the same bytes again get the same answer and change nothing. The group work is done
before the transaction, so that writers do not wait for it. The threshold is looked at by the worker
(`evaluation`), so the answer takes as long whether a device is near it or not.

An opened key has to be renewed, but a device that is asked for that at once knows that it opened. So devices
renew every key by themselves; one that did not is asked to, at a later time that is drawn when the key is
enrolled, and an opening changes nothing of either. Meanwhile the provider holds itself to the rule: once a
person has decided on a key's case, nothing more is kept under it.

What it does not protect: the answer to a voucher that matched costs the server one write more.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from django.db import transaction
from django.db.models import QuerySet

from tutela.console import audit
from tutela.console.models import MachineAccount
from tutela.provider import crashpoints
from tutela.provider.cases import State
from tutela.provider.errors import (
    KeyDue,
    OtherTable,
    SlotReplayed,
    TooMany,
    Transplanted,
    UnknownDevice,
)
from tutela.provider.models import Arrival, Case, Device, Voucher
from tutela.provider.runtime import Runtime
from tutela.voucher.errors import VoucherMalformed
from tutela.voucher.opening import Opened
from tutela.voucher.wire import NO_TABLE, Enrolment
from tutela.voucher.wire import Voucher as WireVoucher

DAY: Final = timedelta(days=1)
LARGEST_SLOT: Final = 2**63 - 1  # what every database stores
_TABLE_ID: Final = slice(4, 36)  # of enrolments and vouchers alike
_LOAD_AGAIN: Final = "Load the current epoch and enrol again."


@dataclass(frozen=True, slots=True)
class Delivery:
    """One voucher as the homeserver hands it over.

    Attributes:
        account: who sent it, as the homeserver knows.
        voucher: its bytes.
        ip, port: from where; the port tells subscribers behind one address apart.
        sent_at: when, UTC.
    """

    account: str
    voucher: bytes
    ip: str
    port: int | None
    sent_at: datetime


@dataclass(frozen=True, slots=True)
class Answer:
    """What the homeserver is told: `created` for a first delivery, `renew` when the key's time has come."""

    created: bool
    renew: bool = False


def enrol(
    runtime: Runtime,
    account: str,
    enrolment: bytes,
    now: datetime,
    *,
    actor: MachineAccount | str,
    device: str = "",
) -> Answer:
    """Store a device's enrolment for the table in use, or for an earlier one whose epoch has not ended.

    Args:
        runtime: what intake works with.
        account: who sent it, as the homeserver knows.
        enrolment: its bytes.
        now: the time.
        actor: who hands it over.
        device: from which device it came, as the homeserver knows; "" where it does not.

    Raises:
        VoucherMalformed, VoucherRefused: not an enrolment, or its signature is bad.
        Transplanted: it names another account or device.
        OtherTable: it is for a table that does not count (any more).
        TooMany: the device enrols too often.
    """
    parsed = Enrolment.parse(enrolment)
    if parsed.account != account:
        raise Transplanted("The enrolment names another account than the one that sent it.")
    if device and parsed.device != device:
        raise Transplanted("The enrolment names another device than the one that sent it.")
    under = runtime.under(parsed.table_id)
    if under is None:
        raise OtherTable("The enrolment is for another table.", hint=_LOAD_AGAIN)
    names = {"account": account, "device_id": parsed.device, "table_id": parsed.table_id.hex()}
    digest = hashlib.sha256(enrolment).hexdigest()
    with transaction.atomic():
        earlier = list(Device.objects.select_for_update().filter(**names))
        if any(known.enrolment_sha256 == digest for known in earlier):
            return Answer(created=False)
        if sum(known.enrolled_at > now - DAY for known in earlier) >= runtime.config.enrolments_per_day:
            raise TooMany("This device enrols too often.", hint="Try again tomorrow.")
        for known in earlier:
            _retire(known, now)
        created = Device.objects.create(
            **names,
            tag=parsed.tag.hex(),
            enrolment=enrolment,
            enrolment_sha256=digest,
            enrolled_at=now,
            renew_at=now + _key_life(runtime.config.renew_days),
            expires_at=under.epoch.valid_until,
        )
        detail = {
            "renewed": bool(earlier),
            "other_identity": any(_identity(known) != parsed.identity for known in earlier),
            "epoch": under.epoch.number,
        }
        audit.record(actor, "device.enrolled", f"device/{created.pk}", detail)
    return Answer(created=True)


def names_no_table(data: bytes) -> bool:
    """Whether an enrolment or a voucher comes from a device that has no valid table.

    Such a device is in user-side mode and sends noise. It is answered like any other, also while alerts are
    off, and nothing of it is kept: refused, it could send no files at all.
    """
    return data[:3] in {b"TE\1", b"TV\1"} and data[_TABLE_ID] == NO_TABLE


def _identity(device: Device) -> bytes:
    return Enrolment.parse(bytes(device.enrolment)).identity


def _key_life(days: int) -> timedelta:
    """Draw when a key is asked to be renewed: devices renew by themselves before `days`, so no earlier."""
    return timedelta(days=days) * secrets.SystemRandom().uniform(1.0, 1.25)


def _retire(device: Device, now: datetime) -> None:
    """Replace a key. What it left closed is looked at once more, and deleted (`tasks.prune`)."""
    if device.key == Device.Key.REPLACED:
        return
    device.key, device.replaced_at = Device.Key.REPLACED, now
    device.save(update_fields=["key", "replaced_at"])


def take(runtime: Runtime, delivery: Delivery, now: datetime) -> Answer:
    """Try a voucher and keep it only if it opened.

    Raises:
        VoucherMalformed, VoucherRefused: not a voucher of this profile, or its signature is bad.
        OtherTable, UnknownDevice, Transplanted, SlotReplayed, KeyDue, TooMany: see `errors`.
    """
    runtime = runtime.under(delivery.voucher[_TABLE_ID]) or runtime
    wire = WireVoucher.parse(delivery.voucher, runtime.epoch.parameters)
    if wire.table_id != runtime.epoch.header.table_id:
        raise OtherTable("The voucher is for another table.", hint=_LOAD_AGAIN)
    if wire.slot > LARGEST_SLOT:
        raise VoucherMalformed("The voucher's slot is beyond what is counted.", hint="Count slots upwards.")
    device = _device(delivery.account, wire)
    digest = runtime.at_rest.digest(delivery.voucher)
    repeated = _repeated(device, wire.slot, digest, now)
    if repeated is not None:
        return repeated
    _check_limits(runtime, device, now)
    opened = runtime.epoch.opener.arrive(delivery.voucher, Enrolment.parse(bytes(device.enrolment)))
    with transaction.atomic():
        device = _locked(device)
        repeated = _repeated(device, wire.slot, digest, now)
        if repeated is not None:
            return repeated
        Arrival.objects.create(device=device, slot=wire.slot, digest=digest, arrived_at=now)
        if opened is not None and _counts(device) and _has_room(runtime, device):
            _keep(runtime, device, delivery, opened)
        crashpoints.reach("after-arrival-before-commit")
    crashpoints.reach("after-commit-before-answer")
    return Answer(created=True, renew=now >= device.renew_at)


def _device(account: str, wire: WireVoucher) -> Device:
    """Return the newest enrolment of the device that the voucher names, if it is this account's."""
    found = Device.objects.filter(tag=wire.device.hex(), table_id=wire.table_id.hex())
    device = found.order_by("-enrolled_at", "-pk").first()
    if device is None:
        raise UnknownDevice("This device has not enrolled for the table.", hint="Enrol the device first.")
    if device.account != account:
        raise Transplanted("The voucher was made by a device of another account.")
    return device


def _locked(device: Device) -> Device:
    """Return the row again, locked with the device's other keys: a slot counts across all of them."""
    keys = Device.objects.select_for_update().filter(tag=device.tag, table_id=device.table_id)
    return {key.pk: key for key in keys.order_by("pk")}[device.pk]


def _repeated(device: Device, slot: int, digest: bytes, now: datetime) -> Answer | None:
    """Return the answer to a repeated delivery, None for a new one; a slot counts across renewed keys."""
    known = _arrivals(device).filter(slot=slot).first()
    if known is None:
        return None
    if bytes(known.digest) != digest:
        raise SlotReplayed("The device has used this slot for another voucher.", hint="Count slots upwards.")
    return Answer(created=False, renew=now >= device.renew_at)


def _arrivals(device: Device) -> QuerySet[Arrival]:
    return Arrival.objects.filter(device__tag=device.tag, device__table_id=device.table_id)


def _check_limits(runtime: Runtime, device: Device, now: datetime) -> None:
    limit = runtime.config.vouchers_per_day
    if _arrivals(device).filter(arrived_at__gt=now - DAY).count() >= limit:
        raise TooMany(f"The device sent {limit} vouchers within a day.", hint="It may go on later.")
    if now > device.renew_at + timedelta(hours=runtime.config.renew_hours):
        raise KeyDue("The device has to renew its key.", hint="Enrol the device again.")


def _counts(device: Device) -> bool:
    """Whether an opened voucher still counts: not once a person has decided on the device's case."""
    case = Case.objects.filter(device=device).first()
    return case is None or (case.state == State.REVIEW and not case.decisions.exists())


def _has_room(runtime: Runtime, device: Device) -> bool:
    """Whether less is kept of the key than it may send in a day: an honest one opens long before that."""
    return device.vouchers.count() < runtime.config.vouchers_per_day


def _keep(runtime: Runtime, device: Device, delivery: Delivery, opened: Opened) -> None:
    place = f"{device.pk}/{opened.slot}"
    Voucher.objects.create(
        device=device,
        slot=opened.slot,
        sha256=hashlib.sha256(delivery.voucher).hexdigest(),
        sealed_voucher=runtime.at_rest.seal(f"voucher/{place}", delivery.voucher),
        sealed_opened=runtime.at_rest.seal(f"opened/{place}", opened.to_bytes()),
        ip=delivery.ip,
        port=delivery.port,
        sent_at=delivery.sent_at,
        expires_at=device.expires_at,
    )
    device.evaluation_due = True
    device.save(update_fields=["evaluation_due"])
