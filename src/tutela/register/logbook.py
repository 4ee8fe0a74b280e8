"""The register's transparency log: leaf n is record n, so what a crash left out is known from the sizes.

`catch_up` is the step after a commit and the repair at start: under the log's own lock it appends a leaf for
every row that has none. `publish` asks the witnesses; it holds no lock while it waits for them.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from tutela.hashlist.governance import Record
from tutela.register import crashpoints
from tutela.register.book import Accepted, Book
from tutela.register.errors import HistoryChanged, LogStuck
from tutela.register.storage import Store
from tutela.tlog import Leaf, SignedCheckpoint
from tutela.tlog.client import Ask, collect
from tutela.tlog.errors import LogBusy
from tutela.tlog.log import Log
from tutela.tlog.verification import cosigners

PATIENCE: Final = 10.0
#: a device asks for cosignatures of the last 24 hours; ours are renewed long before
RENEW_AFTER: Final = timedelta(hours=1)
_ENDORSEMENT: Final = "tutela-endorsement"
_WITHOUT: Final = {"type", "version", "document"}


def leaf_of(record: Record) -> bytes:
    """Return the log's entry for a record: its body with the signed file's SHA-256 as the artefact."""
    body: dict[str, Any] = record.leaf()
    kind = "endorsement" if body["kind"] == _ENDORSEMENT else "statement"
    fields = {name: value for name, value in body.items() if name not in _WITHOUT | {"received"}}
    return Leaf(kind, body["document"], record.received, fields).to_bytes()


def take_in(book: Book, data: bytes, actor: str) -> Accepted:
    """Accept a signed file and log it, in one step; raises as `Book.accept` and `catch_up`."""
    done = book.accept(data, actor)
    crashpoints.reach("after-commit-before-leaf")
    catch_up(book)
    crashpoints.reach("after-leaf-before-answer")
    return done


def catch_up(book: Book) -> int:
    """Append a leaf for each record that has none; return how many.

    Raises:
        LogStuck: another process holds the log. HistoryChanged: the log holds more than the table.
    """
    with reading(book.store) as log:
        if not _missing(log, book):
            return 0
    with writing(book.store) as log:
        missing = _missing(log, book)
        log.append(missing)
    return len(missing)


def _missing(log: Log, book: Book) -> list[bytes]:
    """Return the leaves that an open log lacks; the table is read after the log, so it is never behind."""
    with book.lock:
        records = book.history().records()
    if log.size > len(records) or (log.size and log.entry(log.size - 1) != leaf_of(records[log.size - 1])):
        raise HistoryChanged(
            "The log holds what the table of statements does not.",
            hint="The database was restored from an old copy. Restore the newest one.",
        )
    return [leaf_of(record) for record in records[log.size :]]


def publish(store: Store, now: datetime, ask: Ask | None = None) -> bool:
    """Publish the log's head with the witnesses' cosignatures if it is new, or they are no longer fresh.

    Raises:
        NoQuorum: too few witnesses answer; what was published before stays.
    """
    policy = store.policy()
    with reading(store) as log:
        if not _due(log, store, now):
            return False
        signed = collect(log, policy, ask)
    crashpoints.reach("before-publish")
    with writing(store) as log:
        log.publish(signed)
    return True


def _due(log: Log, store: Store, now: datetime) -> bool:
    published = log.published()
    if published is None or published.checkpoint.size < log.size:
        return True
    times = cosigners(published, store.policy())
    return bool(times) and now - min(times.values()) > RENEW_AFTER


def witnesses(store: Store, signed: SignedCheckpoint) -> dict[str, datetime]:
    """Return when each witness of the policy vouched for a checkpoint."""
    return {name: at.astimezone(UTC) for name, at in cosigners(signed, store.policy()).items()}


@contextmanager
def reading(store: Store) -> Iterator[Log]:
    """Open the log to look at it, beside whoever writes."""
    with Log.read(store.log, store.policy().log_keys()) as log:
        yield log


@contextmanager
def writing(store: Store) -> Iterator[Log]:
    """Open the log to write, after whoever writes now; raises `LogStuck`."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            log = Log.open(store.log, store.signer())
        except LogBusy as error:
            if time.monotonic() > deadline:
                raise LogStuck("The log is held by another process.", hint="Try again.") from error
            time.sleep(0.02)
            continue
        with log:
            yield log
        return
