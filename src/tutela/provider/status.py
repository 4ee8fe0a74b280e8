"""The provider's state in a few numbers: for the page, and for `tutela provider status`."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from tutela.errors import TutelaError
from tutela.provider import runtime, tablekeys
from tutela.provider.cases import FINAL, State
from tutela.provider.errors import NotConfigured
from tutela.provider.models import Appeal, Case, Device, ReportJob, Voucher, Withdrawal


@dataclass(frozen=True, slots=True)
class Status:
    """Whether alerts run, and what waits.

    Attributes:
        alerts: "on", or the code of the reason why they are off.
        reason: that reason in a sentence.
        epoch, threshold, valid_until, statute, signers: of the epoch and the legal basis in force.
        conflicts: where the law of the provider's place and those beside its epoch differ, in sentences.
        earlier_epochs: numbers of those whose late vouchers still count.
        table_keys_overdue: keys that should be destroyed by now.
        others: counts.
    """

    alerts: str
    reason: str
    epoch: int | None
    threshold: int | None
    valid_until: str | None
    statute: str | None
    signers: str | None
    conflicts: tuple[str, ...]
    earlier_epochs: tuple[int, ...]
    table_keys_overdue: int
    devices: int
    vouchers_kept: int
    cases_for_review: int
    cases_open: int
    reports_waiting: int
    reports_stuck: int
    appeals_open: int
    notices_due: int
    entries_withdrawn: int

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return asdict(self)


def collect(now: datetime) -> Status:
    """Return the state now; what is wrong becomes part of it and is not raised."""
    found: dict[str, Any] = dict.fromkeys(("epoch", "threshold", "valid_until", "statute", "signers"))
    found["earlier_epochs"] = ()
    alerts, reason = "on", ""
    try:
        working = runtime.alerts(now)
        basis = runtime.legal_basis(now)
        found = {
            "epoch": working.epoch.number,
            "threshold": working.epoch.parameters.threshold,
            "valid_until": working.epoch.valid_until.isoformat(),
            "statute": f"{basis.jurisdiction}: {basis.statute}",
            "signers": ", ".join(working.epoch.manifest.endorsers),
            "earlier_epochs": tuple(one.epoch.number for one in working.earlier),
        }
    except TutelaError as error:
        alerts, reason = error.code, error.message
    return Status(
        alerts=alerts,
        reason=reason,
        **found,
        conflicts=_conflicts(now),
        table_keys_overdue=_keys_overdue(now),
        devices=Device.objects.filter(key=Device.Key.CURRENT).count(),
        vouchers_kept=Voucher.objects.count(),
        cases_for_review=Case.objects.filter(state=State.REVIEW).count(),
        cases_open=Case.objects.exclude(state__in=[*FINAL, State.REPORTED]).count(),
        reports_waiting=ReportJob.objects.filter(state__in=("open", "retracting")).count(),
        reports_stuck=ReportJob.objects.filter(state=ReportJob.State.STUCK).count(),
        appeals_open=Appeal.objects.filter(state=Appeal.State.OPEN).count(),
        notices_due=Case.objects.filter(notice_due_at__lte=now, notified_at=None).count(),
        entries_withdrawn=Withdrawal.objects.count(),
    )


def _conflicts(now: datetime) -> tuple[str, ...]:
    try:
        return tuple(conflict.sentence for conflict in runtime.laws(now))
    except TutelaError:
        return ()


def _keys_overdue(now: datetime) -> int:
    try:
        return len(list(tablekeys.overdue(runtime.offline()[0], now)))
    except NotConfigured:
        return 0


def _moment(text: str | None) -> str:
    """Return an ISO 8601 time as people read it."""
    return (
        "unknown" if text is None else f"{datetime.fromisoformat(text).astimezone(UTC):%d %B %Y, %H:%M} UTC"
    )


def rows(status: Status) -> list[tuple[str, str]]:
    """Return the state as pairs to read."""
    pairs = [("Provider alerts", "On" if status.alerts == "on" else f"Off: {status.reason}")]
    if status.epoch is not None:
        pairs += [
            ("Epoch of the list", str(status.epoch)),
            ("Valid until", _moment(status.valid_until)),
            ("Endorsed by", status.signers or "nobody"),
            ("Legal basis", status.statute or "none"),
            ("Earlier epochs still counted", ", ".join(map(str, status.earlier_epochs)) or "none"),
            ("Threshold", f"{status.threshold} distinct entries for each device and period"),
        ]
    return [
        *pairs,
        ("Conflicts of laws", " ".join(status.conflicts) or "none among the legal bases of the epoch"),
        ("Devices enrolled", str(status.devices)),
        ("Vouchers kept", f"{status.vouchers_kept}; those that matched nothing are deleted on arrival"),
        ("Cases for review", str(status.cases_for_review)),
        ("Cases not closed", str(status.cases_open)),
        ("Reports waiting", str(status.reports_waiting)),
        ("Reports stuck", str(status.reports_stuck)),
        ("Appeals open", str(status.appeals_open)),
        ("Notices due", str(status.notices_due)),
        ("Entries withdrawn", str(status.entries_withdrawn)),
        ("Table keys to destroy", str(status.table_keys_overdue)),
    ]
