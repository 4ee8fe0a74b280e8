"""The threshold: recover, re-derive, check in the clear, and only then make a case.

Design, section 5. Nothing that fails here is kept, and no person sees anything before all of it held. What
holds but covers too few clusters (frames of one film are several entries) stays closed and counts on. The
work is done outside of a transaction on what was read; the result is written only if the device's vouchers
are still the same, otherwise the device is looked at again.
"""

from __future__ import annotations

import logging
import secrets
from dataclasses import dataclass, field, replace
from datetime import datetime

from django.db import transaction

from tutela.console import audit
from tutela.provider import workflow
from tutela.provider.cases import Signal, State
from tutela.provider.contents import Shown, seal_revealed
from tutela.provider.derivatives import Derivative, redraw
from tutela.provider.judging import JudgeFailed
from tutela.provider.models import Case, CaseImage, Device, Voucher
from tutela.provider.runtime import Runtime
from tutela.voucher.errors import RederivationError, VoucherMalformed, VoucherRefused
from tutela.voucher.opening import MAX_SUBSETS, Confirmed, Opened, Revealed, close, clusters
from tutela.voucher.wire import Enrolment

#: no vowels and nothing that is easily misread: a reference is read out over the telephone
_ALPHABET = "23456789BCDFGHJKMNPQRSTVWXZ"
_FEW_SUBSETS = 16
log = logging.getLogger("tutela.provider")


@dataclass(frozen=True, slots=True)
class Found:
    """What became of a device's vouchers: those that hold, by voucher, and whether the key opened at all.

    A voucher holds if it was made again from its seed and is close to the list in the clear. `derivatives`
    has, by slot, what reviewers will see of those that come into the case.
    """

    opened: bool
    confirmed: dict[int, Confirmed]
    derivatives: dict[int, Derivative] = field(default_factory=dict)


def evaluate(runtime: Runtime, device: Device, now: datetime) -> Case | None:
    """Look at a device whose vouchers changed; return its case if there is one now."""
    vouchers = list(device.vouchers.order_by("slot").defer("sealed_voucher"))
    try:
        found = _examine(runtime, device, vouchers)
    except JudgeFailed as error:
        log.warning("not-evaluated code=%s", error.code)
        return None  # still due
    with transaction.atomic():
        device = Device.objects.select_for_update().get(pk=device.pk)
        if set(device.vouchers.values_list("pk", flat=True)) != {voucher.pk for voucher in vouchers}:
            return None  # another one arrived meanwhile: still due
        device.evaluation_due = False
        device.save(update_fields=["evaluation_due"])
        if not found.opened:
            return None
        return _settle(runtime, device, vouchers, found, now)


def _examine(runtime: Runtime, device: Device, vouchers: list[Voucher]) -> Found:
    enrolment = Enrolment.parse(bytes(device.enrolment))
    opened = {v.pk: Opened.from_bytes(_unseal(runtime, v, "opened", v.sealed_opened)) for v in vouchers}
    tries = searched(len(vouchers), runtime.epoch.parameters.threshold)
    key = runtime.epoch.opener.recover(list(opened.values()), enrolment, tries=tries)
    if key is None:
        return Found(opened=False, confirmed={})
    revealed: dict[int, Revealed] = {}
    for voucher in vouchers:
        data = _unseal(runtime, voucher, "voucher", voucher.sealed_voucher)
        try:
            revealed[voucher.pk] = runtime.epoch.opener.reveal(
                data, opened[voucher.pk], key, enrolment, runtime.epoch.table
            )
        except (RederivationError, VoucherMalformed, VoucherRefused):
            continue
    by_slot = {item.revealed.slot: item for item in close(revealed.values(), runtime.nearest)}
    confirmed = {pk: by_slot[item.slot] for pk, item in revealed.items() if item.slot in by_slot}
    return Found(opened=True, confirmed=confirmed, derivatives=_redrawn(runtime, device, confirmed))


def _redrawn(runtime: Runtime, device: Device, confirmed: dict[int, Confirmed]) -> dict[int, Derivative]:
    """Draw the derivatives that people will see: nothing is decoded that does not come before them."""
    case = Case.objects.filter(device=device).first()
    if case is None and clusters(confirmed.values()) < runtime.epoch.parameters.threshold:
        return {}
    if case is not None and not workflow.takes_pictures(case):
        return {}
    known = set(case.images.values_list("slot", flat=True)) if case else set()
    return redraw([one.revealed for one in confirmed.values() if one.revealed.slot not in known])


def searched(kept: int, threshold: int) -> int:
    """Return how many subsets of shares are tried in a mask when `kept` vouchers are there.

    An honest device opens with the first. Who makes shares up must not keep the worker for as long with each
    further voucher: beyond four thresholds the whole search is made eight times while their number doubles.
    """
    whole = kept <= 4 * threshold or kept % (1 << max(0, kept.bit_length() - 4)) == 0
    return MAX_SUBSETS if whole else _FEW_SUBSETS


def _unseal(runtime: Runtime, voucher: Voucher, kind: str, sealed: bytes | memoryview) -> bytes:
    return runtime.at_rest.open(f"{kind}/{voucher.device_id}/{voucher.slot}", bytes(sealed))


def _settle(
    runtime: Runtime, device: Device, vouchers: list[Voucher], found: Found, now: datetime
) -> Case | None:
    failed = [voucher.pk for voucher in vouchers if voucher.pk not in found.confirmed]
    Voucher.objects.filter(pk__in=failed).delete()
    case = Case.objects.select_for_update().filter(device=device).first()
    if case is None and not found.confirmed:
        return _discard(_opened(runtime, device, now), runtime, now)
    if case is None and clusters(found.confirmed.values()) < runtime.epoch.parameters.threshold:
        detail = {"deleted": len(failed), "kept": len(found.confirmed)}
        audit.record(workflow.WORKER, "device.opening-short", f"device/{device.pk}", detail)
        return None
    case = case or _for_review(_opened(runtime, device, now), runtime, now)
    if not workflow.takes_pictures(case):
        device.vouchers.exclude(slot__in=case.images.values("slot")).delete()  # too late for this case
        return case
    kept = [voucher for voucher in vouchers if voucher.pk in found.confirmed]
    _add_images(runtime, case, kept, found)
    return case


def _opened(runtime: Runtime, device: Device, now: datetime) -> Case:
    case = Case.objects.create(
        reference=_reference(),
        device=device,
        state=State.COLLECTING,
        threshold=runtime.epoch.parameters.threshold,
        epoch=runtime.epoch.number,
        opened_at=now,
    )
    workflow.advance(case, Signal.THRESHOLD, workflow.Step(workflow.WORKER, now, runtime.config))
    return case


def _for_review(case: Case, runtime: Runtime, now: datetime) -> Case:
    workflow.advance(case, Signal.CLEAR, workflow.Step(workflow.WORKER, now, runtime.config))
    return case


def _discard(case: Case, runtime: Runtime, now: datetime) -> Case:
    """End a void opening: nothing of it is left but that it happened, and that its holder is told."""
    reason = "Nothing that opened was close to the list."
    workflow.advance(case, Signal.UNCLEAR, workflow.Step(workflow.WORKER, now, runtime.config, reason))
    return case


def _reference() -> str:
    text = "".join(secrets.choice(_ALPHABET) for _ in range(8))
    return f"{text[:4]}-{text[4:]}"


def _add_images(runtime: Runtime, case: Case, vouchers: list[Voucher], found: Found) -> None:
    known = set(case.images.values_list("slot", flat=True))
    added = 0
    for voucher in vouchers:
        if voucher.slot in known:
            continue
        item = found.confirmed[voucher.pk]
        entry = runtime.entry(item.listed.entry)
        drawn = found.derivatives.get(voucher.slot)
        revealed = replace(item.revealed, derivative=drawn.webp if drawn else b"")
        CaseImage.objects.create(
            case=case,
            slot=voucher.slot,
            entry_id=entry.id,
            cluster=entry.cluster,
            category=f"{entry.scale} {entry.category}",
            distance=item.listed.distance,
            ip=voucher.ip,
            port=voucher.port,
            sent_at=voucher.sent_at,
            sealed_revealed=seal_revealed(runtime.at_rest, case.pk, Shown(revealed, entry.pdq or b"")),
            derivative_distance=drawn.distance if drawn else None,
        )
        added += 1
    if added:
        audit.record(workflow.WORKER, "case.pictures-added", f"case/{case.reference}", {"added": added})
