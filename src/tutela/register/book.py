"""The register's history: rebuilt from the table, kept in the process, lengthened by one writer at a time.

A record is accepted in one step: under the database's write lock the history is brought up to date, the
rules judge, the row and its audit row are written. Its leaf follows at once (`logbook.catch_up`); what a
crash leaves out is appended when the server starts, since the log's leaves are exactly the rows in order.
"""

from __future__ import annotations

import hashlib
import threading
import time
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from django.db import connection, transaction
from django.utils import timezone

from tutela.console import audit
from tutela.console.models import AuditRow
from tutela.hashlist import strict_json
from tutela.hashlist.errors import BadJSON
from tutela.hashlist.governance import GovernanceError, History, Record, RegisterState, state_at
from tutela.hashlist.governance.constitution import TYPE as CONSTITUTION
from tutela.hashlist.governance.errors import Malformed
from tutela.hashlist.governance.signing import MAX_CONSTITUTION, MAX_STATEMENT
from tutela.hashlist.governance.statements import KINDS, Dispute
from tutela.register import crashpoints
from tutela.register.errors import HistoryChanged, RegisterNotReady, TooManyDisputes
from tutela.register.models import StatementRow
from tutela.register.storage import Store

#: disputes that one account hands in within a day: opening one is free, and each stops an entry's clock
MOST_DISPUTES: Final = 50
#: how long a computed state is shown while nothing arrives; longer where computing it takes its time
_FRESH: Final = timedelta(seconds=5)
_LOCK: Final = 0x7265_6769_7374  # PostgreSQL's advisory lock of the history: "regist"
_DISPUTED: Final = "dispute.accepted"


@dataclass(frozen=True, slots=True)
class Accepted:
    """A record of the history, and whether it was there before."""

    record: Record
    repeated: bool


@dataclass(frozen=True, slots=True)
class Document:
    """A signed file: its type, and the digest (in hex) of what is signed, by which others name it."""

    data: bytes
    kind: str
    digest: str


@dataclass(slots=True)
class Book:
    """The history of one register in this process. Every use of `history` happens under `lock`."""

    store: Store
    lock: threading.RLock = field(default_factory=threading.RLock)
    _history: History | None = None
    _state: RegisterState | None = None
    _fresh: timedelta = _FRESH

    def history(self) -> History:
        """Return the history with every row that is committed.

        Raises:
            RegisterNotReady: there is none. HistoryChanged: a row is not what was accepted.
        """
        with self.lock:
            known = len(self._history) if self._history else 0
            for row in StatementRow.objects.filter(position__gte=known).iterator(chunk_size=1000):
                self._take(row)
            if self._history is None:
                raise RegisterNotReady("The register has not begun.", hint="Run `tutela register init`.")
            return self._history

    def state(self, now: datetime | None = None) -> RegisterState:
        """Return what the history amounts to now; raises as `history`."""
        with self.lock:
            history, moment = self.history(), present(now)
            kept = self._state
            if kept and kept.size == len(history) and kept.now <= moment < kept.now + self._fresh:
                return kept
            begun = time.perf_counter()
            self._state = state_at(history, history.constitution, moment)
            self._fresh = max(_FRESH, 20 * timedelta(seconds=time.perf_counter() - begun))
            return self._state

    def begin(self, data: bytes, actor: str, now: datetime | None = None) -> Record:
        """Write the first constitution down, once; raises as `History.begin`."""
        with self.lock, transaction.atomic():
            _serialise()
            if StatementRow.objects.exists():
                return self.history().records(1)[0]
            record = History.begin(data, self.store.anchor(), present(now)).records()[0]
            _write(record, actor, "constitution.accepted")
        return record

    def accept(self, data: bytes, actor: str, now: datetime | None = None) -> Accepted:
        """Take in a signed statement or the next constitution, durably, once.

        Args:
            data: the file.
            actor: as the audit names it.
            now: default: the clock's.

        Raises:
            GovernanceError: why it is refused; nothing has changed then.
            TooManyDisputes: this account opened enough for a day.
            RegisterNotReady, HistoryChanged: see `history`.
        """
        document = document_of(data)
        with self.lock:
            before = len(self.history())
            try:
                with transaction.atomic():
                    _serialise()
                    done = self._admit(document, actor, present(now))
                    crashpoints.reach("before-commit")
            except BaseException:
                if self._history is None or len(self._history) != before:
                    self._forget()
                raise
        return done

    def _admit(self, document: Document, actor: str, now: datetime) -> Accepted:
        history, kind = self.history(), document.kind
        known = StatementRow.objects.filter(digest=document.digest).values_list("position", flat=True).first()
        if known is not None:
            return Accepted(history.records(known + 1)[-1], repeated=True)
        if kind == CONSTITUTION:
            return self._accepted(history.amend(document.data, now), actor, "constitution.accepted")
        if kind == Dispute.kind:
            _check_rate(actor, now)
        action = _DISPUTED if kind == Dispute.kind else "statement.accepted"
        return self._accepted(history.append(document.data, now), actor, action)

    def _accepted(self, record: Record, actor: str, action: str) -> Accepted:
        _write(record, actor, action)
        return Accepted(record, repeated=False)

    def _take(self, row: StatementRow) -> None:
        data, received = bytes(row.data), row.received.astimezone(UTC)
        try:
            if self._history is None:
                self._history = History.begin(data, self.store.anchor(), received)
            elif document_of(data).kind == CONSTITUTION:
                self._history.amend(data, received)
            else:
                self._history.append(data, received)
        except GovernanceError as error:
            raise _changed(row.position) from error
        record = self._history.records()[-1]
        if record.position != row.position or record.digest.hex() != row.digest:
            self._forget()
            raise _changed(row.position)

    def _forget(self) -> None:
        """Read the rows anew: what was admitted may not have been committed."""
        self._history = self._state = None


_books: dict[Store, Book] = {}
_books_lock = threading.Lock()


def of_this_server() -> Book:
    """Return this process's book of the folder that the settings name."""
    store = Store.of_this_server()
    with _books_lock:
        return _books.setdefault(store, Book(store))


def present(now: datetime | None) -> datetime:
    """Return the moment, in whole seconds as documents write it."""
    return (now or timezone.now()).astimezone(UTC).replace(microsecond=0)


def document_of(data: bytes) -> Document:
    """Read what a signed document is, unverified.

    Raises:
        Malformed: it is none that the register knows, or too large.
    """
    try:
        found = strict_json.read(data, max_bytes=MAX_CONSTITUTION)
    except BadJSON as error:
        raise Malformed(error.message) from error
    signed = found.get("signed") if isinstance(found, dict) else None
    kind = signed.get("type") if isinstance(signed, dict) else None
    known = isinstance(kind, str) and (kind == CONSTITUTION or (kind in KINDS and len(data) <= MAX_STATEMENT))
    if not known:
        raise Malformed("It is no signed statement of a known kind.")
    return Document(data, str(kind), hashlib.sha256(strict_json.canonical(signed)).hexdigest())


def _write(record: Record, actor: str, action: str) -> None:
    StatementRow(
        position=record.position, received=record.received, digest=record.digest.hex(), data=record.data
    ).save()
    audit.record(actor, action, f"statement/{record.position}")


def _check_rate(actor: str, now: datetime) -> None:
    since = now - timedelta(days=1)
    if AuditRow.objects.filter(actor=actor, action=_DISPUTED, at__gt=since).count() >= MOST_DISPUTES:
        raise TooManyDisputes(
            f"{MOST_DISPUTES} disputes came from here within a day.", hint="Hand in the others tomorrow."
        )


def _serialise() -> None:
    """Let one writer judge at a time. SQLite does so by itself: its transactions begin IMMEDIATE."""
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])


def _changed(position: int) -> HistoryChanged:
    return HistoryChanged(
        f"The stored statement {position} is not what was accepted.",
        hint="Restore the database from its newest copy; compare it with the published history.",
    )
