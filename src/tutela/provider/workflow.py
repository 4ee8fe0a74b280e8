"""Applies the case table to the database: state, effects and audit row in one transaction."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from tutela.audit import Scalar
from tutela.console import audit
from tutela.console.models import User
from tutela.provider import cases
from tutela.provider.cases import Decided, Effect, Event, State
from tutela.provider.config import Config
from tutela.provider.models import Case, CaseImage, Decision, Device, ReportJob

WORKER: Final = "worker"


@dataclass(frozen=True, slots=True)
class Step:
    """Who does something, when, under which configuration, and what the audit row says besides.

    Attributes:
        actor: a person, or `WORKER`.
        now: aware.
        config: the provider's.
        reason: why the case ends, if it does; no content.
    """

    actor: User | str
    now: datetime
    config: Config
    reason: str = ""


def as_pure(case: Case) -> cases.Case:
    """Return what the table sees of a case row."""
    decisions = tuple(
        Decided(str(reviewer), agrees=verdict == Decision.Verdict.AGREE)
        for reviewer, verdict in case.decisions.values_list("reviewer_id", "verdict")
    )
    return cases.Case(threshold=case.threshold, state=State(case.state), decisions=decisions)


def locked(reference: str) -> Case:
    """Return a case, locked until the transaction ends; raises `Case.DoesNotExist`."""
    return Case.objects.select_for_update().get(reference=reference)


def takes_pictures(case: Case) -> bool:
    """Whether a case still takes pictures: until a person has decided on those that it has."""
    return case.state == State.REVIEW and not case.decisions.exists()


def advance(case: Case, event: Event, step: Step) -> State:
    """Apply an event to a locked case, carry out its effects, and record it.

    Raises:
        CaseError: the event does not fit; nothing is changed.
    """
    before = State(case.state)
    outcome = cases.handle(as_pure(case), event)
    case.state = outcome.case.state
    if case.is_final:
        case.closed_at, case.end_reason, case.next_attempt_at = step.now, step.reason, None
    for effect in outcome.effects:
        _EFFECTS[effect](case, step)
    case.save()
    detail: dict[str, Scalar] = {"from": before.value, "to": case.state, "event": _name(event)}
    audit.record(step.actor, "case.advanced", f"case/{case.reference}", detail)
    return State(case.state)


def _name(event: Event) -> str:
    if isinstance(event, Decided):
        return "decided"
    return "clusters_remain" if isinstance(event, cases.ClustersRemain) else event.value


def _rotate_device_key(case: Case, step: Step) -> None:
    spend(case.device, step.now)


def spend(device: Device, now: datetime) -> None:
    """Mark a device key as opened: the device must draw a new one."""
    if device.key == Device.Key.CURRENT:
        device.key = Device.Key.SPENT
    device.opened_at = device.opened_at or now
    device.save(update_fields=["key", "opened_at"])
    audit.record(WORKER, "device.key-spent", f"device/{device.pk}")


def _delete_content(case: Case, step: Step) -> None:
    del step
    delete_content(case)


def delete_content(case: Case) -> None:
    """Delete what was opened of a case, and from where it was sent; the case itself stays for appeals."""
    case.device.vouchers.all().delete()
    CaseImage.objects.filter(case=case).update(sealed_revealed=None, sealed_original=None, ip=None, port=None)


def _preserve(case: Case, step: Step) -> None:
    case.preserve_until = step.now + timedelta(days=step.config.preserve_days)
    case.closed_at = step.now


def _queue_unsealing(case: Case, step: Step) -> None:
    case.next_attempt_at = step.now


def _queue_report(case: Case, step: Step) -> None:
    ReportJob.objects.get_or_create(
        case=case, kind=ReportJob.Kind.REPORT, defaults={"next_attempt_at": step.now}
    )


def _withdraw_report(case: Case, step: Step) -> None:
    open_jobs = case.jobs.filter(kind=ReportJob.Kind.REPORT, state__in=_CAN_BE_TAKEN_BACK)
    open_jobs.update(state=ReportJob.State.RETRACTING, next_attempt_at=step.now, attempts=0)


def _recompose_report(case: Case, step: Step) -> None:
    waiting = case.jobs.filter(kind=ReportJob.Kind.REPORT, state__in=_CAN_BE_TAKEN_BACK)
    waiting.update(sealed_document=None, state=ReportJob.State.OPEN, next_attempt_at=step.now)


def _inform_centre(case: Case, step: Step) -> None:
    inform(case, step.now)


def inform(case: Case, now: datetime) -> None:
    """Queue what the centre is told after it has a report: that it is reversed, or which file falls away."""
    if case.state == State.REVERSED:
        ReportJob.objects.get_or_create(
            case=case, kind=ReportJob.Kind.REVERSAL, defaults={"next_attempt_at": now}
        )
    else:
        ReportJob.objects.create(case=case, kind=ReportJob.Kind.CORRECTION, next_attempt_at=now)


def _notify_user(case: Case, step: Step) -> None:
    case.notice_due_at = step.now


def _notify_user_later(case: Case, step: Step) -> None:
    case.notice_due_at = step.now + timedelta(days=step.config.notice_days)


_CAN_BE_TAKEN_BACK: Final = (ReportJob.State.OPEN, ReportJob.State.STUCK)
_EFFECTS: Final[dict[Effect, Callable[[Case, Step], None]]] = {
    Effect.ROTATE_DEVICE_KEY: _rotate_device_key,
    Effect.DELETE_CONTENT: _delete_content,
    Effect.PRESERVE: _preserve,
    Effect.QUEUE_UNSEALING: _queue_unsealing,
    Effect.QUEUE_REPORT: _queue_report,
    Effect.WITHDRAW_REPORT: _withdraw_report,
    Effect.RECOMPOSE_REPORT: _recompose_report,
    Effect.INFORM_CENTRE: _inform_centre,
    Effect.NOTIFY_USER: _notify_user,
    Effect.NOTIFY_USER_LATER: _notify_user_later,
}
