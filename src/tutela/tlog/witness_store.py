"""What a witness saw, in one SQLite file: synchronous, so that an answer is never ahead of the disk."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from tutela.tlog.errors import StoreUnwritable
from tutela.tlog.witness import Seen

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS seen (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, signed BLOB NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS conflict (
    id INTEGER PRIMARY KEY, origin TEXT NOT NULL, signed BLOB NOT NULL, UNIQUE (origin, signed)
) STRICT;
"""
#: conflicting checkpoints that are kept of one log; the first ones matter
MAX_CONFLICTS: Final = 100
_WAIT_SECONDS: Final = 10.0


class WitnessStore:
    """The state of a witness (`witness.State`); safe to share among threads and processes.

    Raises:
        StoreUnwritable: the file cannot be opened or written.
    """

    def __init__(self, path: Path) -> None:
        self._lock = threading.Lock()
        with _as_ours():
            self._connection = sqlite3.connect(
                path, timeout=_WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = DELETE")
            self._connection.execute("PRAGMA synchronous = EXTRA")  # the journal's removal is synced too
            self._connection.executescript(_SCHEMA)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def seen(self, origin: str) -> Seen:
        """Return what was seen of a log."""
        with self._lock, _as_ours():
            return self._seen(origin)

    def origins(self) -> tuple[str, ...]:
        """Return the logs that were cosigned, in order."""
        with self._lock, _as_ours():
            return tuple(
                row[0] for row in self._connection.execute("SELECT origin FROM seen ORDER BY origin")
            )

    def conflicts(self, origin: str) -> tuple[bytes, ...]:
        """Return the signed checkpoints of a log that did not fit."""
        query = "SELECT signed FROM conflict WHERE origin = ? ORDER BY id"
        with self._lock, _as_ours():
            return tuple(row[0] for row in self._connection.execute(query, (origin,)))

    def advance(self, origin: str, decide: Callable[[Seen], Seen]) -> None:
        """Decide and store in one transaction (`witness.State.advance`)."""
        with self._lock, _as_ours(), self._transaction():
            after = decide(self._seen(origin))
            self._connection.execute(
                "INSERT INTO seen VALUES (?, ?, ?, ?) ON CONFLICT (origin) DO UPDATE "
                "SET size = excluded.size, root = excluded.root, signed = excluded.signed",
                (origin, after.size, after.root, after.signed),
            )

    def keep_conflict(self, origin: str, signed: bytes) -> None:
        """Keep a checkpoint that did not fit (`witness.State.keep_conflict`)."""
        with self._lock, _as_ours(), self._transaction():
            self._connection.execute(
                "INSERT OR IGNORE INTO conflict (origin, signed) SELECT ?, ? "
                "WHERE (SELECT count(*) FROM conflict WHERE origin = ?) < ?",
                (origin, signed, origin, MAX_CONFLICTS),
            )

    def _seen(self, origin: str) -> Seen:
        query = "SELECT size, root, signed FROM seen WHERE origin = ?"
        row = self._connection.execute(query, (origin,)).fetchone()
        return Seen(*row) if row else Seen()

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._connection.execute("COMMIT")
        except BaseException:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
            raise


@contextmanager
def _as_ours() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise StoreUnwritable(
            "The witness's file cannot be read or written.", hint="Is the disk full, or the file another's?"
        ) from error
