"""The store that the rules of `tutela.cybertip.server` ask for, on Django's models.

Every change and its audit row are one transaction. A provider's calls run one after the other, because
`exclusive` takes a lock on the account's row (SQLite: on the database).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

from django.db import transaction

from tutela.console import audit
from tutela.console.models import MachineAccount
from tutela.cybertip.documents import FileDetails
from tutela.cybertip.storage import Opening, State, StoredFile, StoredReport
from tutela.hub import placing, storage
from tutela.hub.casework import CaseState
from tutela.hub.models import FileStatement, Report, ReportFile
from tutela.hub.reading import summary, without_nul
from tutela.hub.storage import Store

SWEEP_BATCH: Final = 500
SYSTEM: Final = "system/hub"
Detail = dict[str, str | int | bool | None]


class DatabaseStorage:
    """Implements `tutela.cybertip.storage.Storage`.

    Args:
        store: the hub's folder.
        actor: who is written into the audit chain; the sweeper passes `SYSTEM`.
    """

    def __init__(self, store: Store, actor: MachineAccount | str) -> None:
        self._store = store
        self._actor = actor

    @contextmanager
    def exclusive(self, provider: str) -> Iterator[None]:
        """One transaction, alone for this provider."""
        with transaction.atomic():
            MachineAccount.objects.select_for_update().get(name=provider)
            yield

    def report(self, report_id: int) -> StoredReport | None:
        """Return a report of any provider, or None."""
        row = Report.objects.select_related("esp").defer("xml").filter(pk=report_id).first()
        return None if row is None else _stored(row)

    def open_report(self, provider: str, fingerprint: bytes, opened_after: datetime) -> StoredReport | None:
        """Return the newest open report of this submission."""
        rows = Report.objects.select_related("esp").defer("xml").order_by("-id")
        row = rows.filter(
            esp__name=provider,
            fingerprint=fingerprint.hex(),
            intake=State.OPEN,
            opened_at__gt=opened_after,
        ).first()
        return None if row is None else _stored(row)

    def create_report(self, opening: Opening) -> int:
        """Store a new report."""
        found = summary(opening.document)
        row = Report.objects.create(
            esp=MachineAccount.objects.get(name=opening.provider),
            opened_at=opening.at,
            changed_at=opening.at,
            xml=opening.raw,
            fingerprint=opening.fingerprint.hex(),
            warnings=list(found.warnings),
            incident_type=found.incident_type,
            incident_at=found.incident_at,
            platform=found.platform,
            escalated=found.escalated,
        )
        audit.record(self._actor, "report.opened", f"report/{row.pk}", {"bytes": len(opening.raw)})
        return row.pk

    def change_report(self, report_id: int, state: State, changed_at: datetime) -> None:
        """Set a report's state; finishing routes it, retracting and expiring remove what it held."""
        row = Report.objects.get(pk=report_id)
        row.intake, row.changed_at = state.value, changed_at
        if state is State.OPEN:
            row.save(update_fields=["changed_at"])
            return
        if state is State.FINISHED:
            self._finish(row)
        else:
            self._empty(row)

    def files(self, report_id: int) -> Sequence[StoredFile]:
        """Return a report's files in the order of their upload."""
        return [_stored_file(row) for row in ReportFile.objects.filter(report_id=report_id)]

    def add_file(self, file: StoredFile, handle: str, at: datetime) -> None:
        """Store a file of a report and move its sealed bytes to their place."""
        received = storage.Received(Path(handle), file.size, file.md5.hex(), file.sha256.hex())
        self._store.keep(received, file.file_id)
        ReportFile.objects.create(
            report_id=file.report_id,
            file_id=file.file_id,
            name=file.name,
            size=file.size,
            md5=file.md5.hex(),
            sha256=file.sha256.hex(),
            uploaded_at=at,
        )
        detail: Detail = {"report": file.report_id, "bytes": file.size}
        audit.record(self._actor, "file.received", f"file/{file.file_id}", detail)

    def describe_file(self, file: StoredFile, details: FileDetails, raw: bytes, at: datetime) -> None:
        """Store what was said about a file; a later statement corrects the earlier ones."""
        row = ReportFile.objects.get(file_id=file.file_id)
        row.details_sha256 = (file.details_sha256 or b"").hex()
        row.viewed = _viewed(details.file_viewed_by_esp)
        row.save(update_fields=["details_sha256", "viewed"])
        FileStatement.objects.create(file=row, xml=raw, warnings=list(details.warnings), received_at=at)
        detail: Detail = {"report": file.report_id, "viewed": row.viewed}
        audit.record(self._actor, "file.described", f"file/{file.file_id}", detail)

    def overdue(self, opened_before: datetime, changed_before: datetime) -> Sequence[StoredReport]:
        """Return open reports that were opened and changed long enough ago, the oldest first."""
        rows = Report.objects.select_related("esp").defer("xml").order_by("id")
        due = rows.filter(intake=State.OPEN, opened_at__lte=opened_before, changed_at__lte=changed_before)
        return [_stored(row) for row in due[:SWEEP_BATCH]]

    def _finish(self, row: Report) -> None:
        row.finished_at, row.state = row.changed_at, CaseState.NEW.value
        row.save(update_fields=["intake", "changed_at", "finished_at", "state"])
        decision = placing.place(row, self._store, row.changed_at)
        detail: Detail = {
            "files": row.files.count(),
            "agency": decision.agency.slug,
            "placed": decision.placed,
        }
        audit.record(self._actor, "report.finished", f"report/{row.pk}", detail)

    def _empty(self, row: Report) -> None:
        """Remove what a retracted or expired report held; the row stays so that its id has an answer."""
        removed = list(row.files.values_list("file_id", flat=True))
        row.xml, row.warnings, row.platform, row.incident_at = b"", [], "", None
        row.save()
        row.files.all().delete()
        audit.record(self._actor, f"report.{row.intake}", f"report/{row.pk}", {"files": len(removed)})
        transaction.on_commit(lambda: self._drop(removed))

    def _drop(self, file_ids: list[str]) -> None:
        # The rows are gone: should the process die in here, the orphan sweeper removes the rest.
        for file_id in file_ids:
            self._store.drop(file_id)


def upload_name(filename: str | None) -> str:
    """Return a file's name as it can be stored; the receipt of a repeated upload compares it."""
    return without_nul(filename or "")[:500]


def _viewed(stated: bool | None) -> str:
    if stated is None:
        return ReportFile.Viewed.UNKNOWN.value
    return (ReportFile.Viewed.YES if stated else ReportFile.Viewed.NO).value


def _stored(row: Report) -> StoredReport:
    return StoredReport(
        report_id=row.pk,
        provider=row.esp.name,
        state=State(row.intake),
        fingerprint=bytes.fromhex(row.fingerprint),
        opened_at=row.opened_at,
        changed_at=row.changed_at,
    )


def _stored_file(row: ReportFile) -> StoredFile:
    return StoredFile(
        file_id=row.file_id,
        report_id=row.report_id,
        name=row.name,
        size=row.size,
        md5=bytes.fromhex(row.md5),
        sha256=bytes.fromhex(row.sha256),
        details_sha256=bytes.fromhex(row.details_sha256) or None,
    )
