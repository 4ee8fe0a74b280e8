"""What the server's rules need of a store: records, and the protocol that a store implements.

Every method is called inside `exclusive(provider)`, apart from `overdue`. The store decides nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from tutela.cybertip.documents import FileDetails, Report

OPEN_FOR = timedelta(hours=24)
QUIET_FOR = timedelta(hours=1)


class State(StrEnum):
    """Where a report stands. Only an open one changes."""

    OPEN = "open"
    FINISHED = "finished"
    RETRACTED = "retracted"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredReport:
    """A report as the rules see it.

    Attributes:
        report_id: given by the store, positive, never reused.
        provider: name of the account that opened it.
        state: where it stands.
        fingerprint: 32 bytes that a repeated `/submit` has in common with the first.
        opened_at: when it was opened (aware).
        changed_at: when anything was last added to it (aware).
    """

    report_id: int
    provider: str
    state: State
    fingerprint: bytes
    opened_at: datetime
    changed_at: datetime

    @property
    def expires_at(self) -> datetime:
        """24 h after opening or 1 h after the last change, whichever is later."""
        return max(self.opened_at + OPEN_FOR, self.changed_at + QUIET_FOR)


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """A file of a report.

    Attributes:
        file_id: 32 lower-case hex digits, the first of them a letter.
        report_id: its report.
        name: as it was uploaded.
        size: in bytes.
        md5: 16 bytes.
        sha256: 32 bytes.
        details_sha256: digest of the canonical `<fileDetails>` last received for it, or None.
    """

    file_id: str
    report_id: int
    name: str
    size: int
    md5: bytes
    sha256: bytes
    details_sha256: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Received:
    """An upload whose bytes the shell has already streamed to its sealed store.

    Attributes:
        name: the multipart file name, "" if none was given.
        size: in bytes.
        md5: 16 bytes.
        sha256: 32 bytes.
        handle: how the shell finds the sealed bytes again; handed to `Storage.add_file`.
    """

    name: str
    size: int
    md5: bytes
    sha256: bytes
    handle: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """All there is to store when a report is opened; `raw` is kept byte for byte."""

    provider: str
    fingerprint: bytes
    at: datetime
    document: Report
    raw: bytes


class Storage(Protocol):
    """What a hub's database does for the rules."""

    def exclusive(self, provider: str) -> AbstractContextManager[object]:
        """One transaction, alone for this provider: nothing is kept if the block raises.

        Two calls of one provider must not run in it at once (a row lock on the account does that).
        """

    def report(self, report_id: int) -> StoredReport | None:
        """Return a report of any provider, or None."""

    def open_report(self, provider: str, fingerprint: bytes, opened_after: datetime) -> StoredReport | None:
        """Return the newest OPEN report of this provider and fingerprint that was opened after a moment."""

    def create_report(self, opening: Opening) -> int:
        """Store a new report in state OPEN, opened and changed at `opening.at`, and return its id."""

    def change_report(self, report_id: int, state: State, changed_at: datetime) -> None:
        """Set a report's state and the moment of its last change."""

    def files(self, report_id: int) -> Sequence[StoredFile]:
        """Return a report's files in the order of their upload."""

    def add_file(self, file: StoredFile, handle: str, at: datetime) -> None:
        """Store a file of a report; `handle` is that of its `Received`."""

    def describe_file(self, file: StoredFile, details: FileDetails, raw: bytes, at: datetime) -> None:
        """Store details of a file; `file.details_sha256` is set. A later call is a correction: keep both."""

    def overdue(self, opened_before: datetime, changed_before: datetime) -> Sequence[StoredReport]:
        """Return reports in state OPEN, opened at or before one moment and changed at or before the other."""
