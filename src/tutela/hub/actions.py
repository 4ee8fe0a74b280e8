"""What a person does to a finished report: each act, its note and its audit row are one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.utils import timezone

from tutela.console import audit
from tutela.console.models import User
from tutela.console.permissions import holds
from tutela.cybertip.storage import State
from tutela.hub.casework import CaseState, Move, moved
from tutela.hub.errors import IllegalMoveError
from tutela.hub.models import Agency, CaseNote, Report, ReportFile, RoutingDecision

#: Legal grounds on which a file that the provider did not view may be opened.
GROUNDS = {
    "warrant": "A court's order or warrant",
    "consent": "The account holder's consent",
    "exigent": "An emergency: danger to life or of serious harm",
    "statute": "The centre's own law allows it",
}


@contextmanager
def _locked(report_id: int) -> Iterator[Report]:
    """One transaction with the report's row locked."""
    with transaction.atomic():
        yield Report.objects.select_for_update().get(pk=report_id, intake=State.FINISHED)


def open_report(user: User, report_id: int) -> None:
    """Take a new report into work.

    Raises:
        IllegalMoveError: it is not new.
    """
    with _locked(report_id) as report:
        _move(report, user, Move.OPEN, "", {})


def refer(user: User, report_id: int, agency: Agency, reason: str) -> None:
    """Refer a report to an agency; a referred one is sent elsewhere.

    Raises:
        IllegalMoveError: the report is closed, or it is referred to this agency already.
        PermissionDenied: it is referred, and the person may not change that.
    """
    with _locked(report_id) as report:
        again = report.state == CaseState.REFERRED
        if again and not holds(user, "report.route"):
            raise PermissionDenied
        if again and report.agency_id == agency.pk:
            raise IllegalMoveError(f"The report is referred to {agency.name} already.")
        before = report.agency
        report.agency = agency
        detail = {"agency": agency.slug, "before": before.slug if before else None, "again": again}
        _move(report, user, Move.REFER, reason, detail)
        RoutingDecision.objects.create(
            report=report,
            agency=agency,
            reasons=[reason] if reason else [],
            made_by=user,
            made_at=timezone.now(),
        )


def close(user: User, report_id: int, reason: str) -> None:
    """Close a report with a reason.

    Raises:
        IllegalMoveError: it is closed already.
    """
    with _locked(report_id) as report:
        _move(report, user, Move.CLOSE, reason, {})


def reopen(user: User, report_id: int, reason: str) -> None:
    """Take a closed report up again.

    Raises:
        IllegalMoveError: it is not closed.
    """
    with _locked(report_id) as report:
        _move(report, user, Move.REOPEN, reason, {})


def note(user: User, report_id: int, text: str) -> None:
    """Write a note about a report; its state does not change."""
    with _locked(report_id) as report:
        _write(report, user, "note", text)
        audit.record(user, "report.noted", f"report/{report.pk}")


def allow(user: User, file_id: str, basis: str, reason: str) -> None:
    """Record the legal ground on which a file that the provider did not view may be opened.

    Raises:
        IllegalMoveError: the provider viewed it (no ground is needed), or there is one already.
    """
    with transaction.atomic():
        file = ReportFile.objects.select_for_update().get(file_id=file_id, report__intake=State.FINISHED)
        if may_open(file):
            raise IllegalMoveError("This file may be opened already.")
        file.access_basis, file.access_note, file.access_by = basis, reason, user
        file.save(update_fields=["access_basis", "access_note", "access_by"])
        _write(file.report, user, "allow", f"{GROUNDS[basis]}: {reason}")
        audit.record(user, "file.allowed", f"file/{file_id}", {"basis": basis, "report": file.report_id})


def shown(user: User, file_id: str) -> None:
    """Record that a person uncovered a picture.

    Raises:
        PermissionDenied: the file may not be opened.
    """
    with transaction.atomic():
        file = ReportFile.objects.get(file_id=file_id, report__intake=State.FINISHED)
        if not may_open(file):
            raise PermissionDenied
        audit.record(user, "file.shown", f"file/{file_id}", {"report": file.report_id})


def may_open(file: ReportFile) -> bool:
    """Return whether the law's gate is open: the provider viewed the file, or a ground is recorded.

    "Not stated" counts as "no": opening a file that no person has seen can be a search of its own
    (in the United States: United States v. Wilson, 9th Cir. 2021).
    """
    return file.viewed == ReportFile.Viewed.YES or bool(file.access_basis)


def _move(report: Report, user: User, move: Move, reason: str, detail: dict[str, str | bool | None]) -> None:
    before = report.state
    report.state = moved(before, move).value
    report.save(update_fields=["state", "agency"])
    _write(report, user, move.value, reason)
    verb = {Move.OPEN: "taken", Move.REFER: "referred", Move.CLOSE: "closed", Move.REOPEN: "reopened"}[move]
    audit.record(
        user, f"report.{verb}", f"report/{report.pk}", {"before": before, "after": report.state, **detail}
    )


def _write(report: Report, user: User, action: str, text: str) -> None:
    CaseNote.objects.create(report=report, author=user, at=timezone.now(), action=action, text=text)
