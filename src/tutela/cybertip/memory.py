"""A store in memory, for tests and for trying a client: nothing survives the process."""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from tutela.cybertip.documents import FileDetails, Report
from tutela.cybertip.storage import Opening, State, StoredFile, StoredReport


class MemoryStorage:
    """Implements `tutela.cybertip.storage.Storage`.

    Attributes:
        documents: what was submitted, by report.
        details: all details of each file, in the order of arrival.
    """

    def __init__(self, first_id: int = 4_000_001) -> None:
        self._lock = threading.RLock()
        self._next = first_id
        self._reports: dict[int, StoredReport] = {}
        self._files: dict[int, list[StoredFile]] = {}
        self.documents: dict[int, Report] = {}
        self.details: dict[str, list[FileDetails]] = {}

    @contextmanager
    def exclusive(self, provider: str) -> Iterator[None]:
        """One caller at a time, of whichever provider."""
        del provider
        with self._lock:
            yield

    def report(self, report_id: int) -> StoredReport | None:
        """Return a report, or None."""
        return self._reports.get(report_id)

    def open_report(self, provider: str, fingerprint: bytes, opened_after: datetime) -> StoredReport | None:
        """Return the newest open report with this fingerprint."""
        for report in reversed(self._reports.values()):
            if (
                (report.provider, report.fingerprint) == (provider, fingerprint)
                and report.state is State.OPEN
                and report.opened_at > opened_after
            ):
                return report
        return None

    def create_report(self, opening: Opening) -> int:
        """Store a new report."""
        report_id, self._next = self._next, self._next + 1
        self._reports[report_id] = StoredReport(
            report_id=report_id,
            provider=opening.provider,
            state=State.OPEN,
            fingerprint=opening.fingerprint,
            opened_at=opening.at,
            changed_at=opening.at,
        )
        self._files[report_id] = []
        self.documents[report_id] = opening.document
        return report_id

    def change_report(self, report_id: int, state: State, changed_at: datetime) -> None:
        """Set a report's state."""
        report = self._reports[report_id]
        self._reports[report_id] = dataclasses.replace(report, state=state, changed_at=changed_at)

    def files(self, report_id: int) -> Sequence[StoredFile]:
        """Return a report's files."""
        return tuple(self._files[report_id])

    def add_file(self, file: StoredFile, handle: str, at: datetime) -> None:
        """Add a file to a report."""
        del handle, at
        self._files[file.report_id].append(file)

    def describe_file(self, file: StoredFile, details: FileDetails, raw: bytes, at: datetime) -> None:
        """Add details to a file."""
        del raw, at
        files = self._files[file.report_id]
        files[[known.file_id for known in files].index(file.file_id)] = file
        self.details.setdefault(file.file_id, []).append(details)

    def overdue(self, opened_before: datetime, changed_before: datetime) -> Sequence[StoredReport]:
        """Return open reports that were opened and changed long enough ago."""
        return [
            report
            for report in self._reports.values()
            if report.state is State.OPEN
            and report.opened_at <= opened_before
            and report.changed_at <= changed_before
        ]

    def reports(self, state: State | None = None) -> list[StoredReport]:
        """Return all reports, or those in one state."""
        return [report for report in self._reports.values() if state in {None, report.state}]
