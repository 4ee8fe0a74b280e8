"""What the guard remembers: one SQLite file in one private folder; no content, no plaintext names of others.

Every number that must never repeat is written, and forced to the disk, before it is used: a crash wastes a
number and can not give it out twice. `:memory:` makes a store for tests.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

from tutela.guard.errors import GuardStateDamaged, NoGuardState

T = TypeVar("T")
FILE: Final = "guard.db"
VERSION: Final = 2
#: states of a sent set, in their order
STATES: Final = ("made", "waiting", "queued", "delivered", "refused")
_SCHEMA: Final = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE sent (slot INTEGER PRIMARY KEY, at INTEGER NOT NULL, bytes INTEGER NOT NULL,
  ct_sha256 TEXT NOT NULL, epoch INTEGER, mode TEXT NOT NULL, state TEXT NOT NULL, code TEXT, message TEXT);
CREATE INDEX sent_ct ON sent (ct_sha256);
CREATE TABLE tables (public_key TEXT PRIMARY KEY, table_id TEXT NOT NULL);
CREATE TABLE contacts (tag BLOB PRIMARY KEY);
CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, at INTEGER NOT NULL, due INTEGER NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0, sealed BLOB NOT NULL);
"""
#: papers of every epoch that was used; `checked` is when they held last
_SINCE_2: Final = """
CREATE TABLE epochs (digest TEXT PRIMARY KEY, number INTEGER NOT NULL, since INTEGER NOT NULL,
  checked INTEGER NOT NULL, papers TEXT NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class Sent:
    """What is noted of one set: times in UTC milliseconds, size of the set in bytes."""

    slot: int
    at: int
    bytes: int
    ct_sha256: str
    epoch: int | None
    mode: str
    state: str
    code: str | None = None
    message: str | None = None


class Store:
    """The guard's memory. One process at a time writes; readers (status) may be others."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection

    @classmethod
    def memory(cls) -> Store:
        """Return a store that ends with the process."""
        return cls(_prepare(sqlite3.connect(":memory:", isolation_level=None)))

    @classmethod
    def open(cls, folder: Path, *, create: bool = True) -> Store:
        """Open the store of a folder.

        Raises:
            NoGuardState: nothing is there and `create` is false.
            GuardStateDamaged: the file is no guard database of this version.
        """
        path = folder / FILE
        if not path.exists():
            if not create:
                raise NoGuardState(
                    f"There is no guard in {folder}.",
                    hint="Name the app's folder with --state, or sign in first.",
                )
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            path.touch(mode=0o600)
        try:
            return cls(_prepare(sqlite3.connect(path, isolation_level=None, timeout=10.0)))
        except sqlite3.Error as error:
            raise GuardStateDamaged(
                f"The guard's database in {folder} cannot be used.",
                hint="Restore it, or enrol the device anew.",
            ) from error

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    def next_slot(self) -> int:
        """Reserve a slot: strictly increasing, on the disk before it is returned."""
        return self._write(lambda: self._reserve("slot"))

    def next_sealer(self) -> int:
        """Reserve a number for a sealer, in the same way."""
        return self._write(lambda: self._reserve("sealer"))

    def _reserve(self, name: str) -> int:
        number = int(self.get(name, 0))
        self._put(name, number + 1)
        return number

    def get(self, key: str, default: Any = None) -> Any:
        """Return a remembered value (JSON)."""
        row = self._run("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return default if row is None else json.loads(row[0])

    def put(self, key: str, value: Any) -> None:
        """Remember a JSON value."""
        self._write(lambda: self._put(key, value))

    def _put(self, key: str, value: Any) -> None:
        self._run("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, json.dumps(value)))

    def note_sent(self, sent: Sent) -> None:
        """Note a set before it leaves."""
        values = tuple(getattr(sent, name) for name in Sent.__slots__)
        self._write(lambda: self._run("INSERT INTO sent VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", values))

    def settle(self, ct_sha256: str, state: str, code: str | None, message: str | None) -> None:
        """Note what the homeserver says of a set; never back from an end state."""
        self._write(
            lambda: self._run(
                "UPDATE sent SET state = ?, code = ?, message = ? WHERE ct_sha256 = ?"
                " AND state NOT IN ('delivered', 'refused')",
                (state, code, message, ct_sha256),
            )
        )

    def sent(self, limit: int = 20) -> list[Sent]:
        """Return the latest sets, newest first."""
        rows = self._run("SELECT * FROM sent ORDER BY slot DESC LIMIT ?", (limit,)).fetchall()
        return [Sent(*row) for row in rows]

    def totals(self) -> Mapping[str, tuple[int, int]]:
        """Return state -> (number of sets, their bytes)."""
        rows = self._run("SELECT state, COUNT(*), SUM(bytes) FROM sent GROUP BY state", ()).fetchall()
        return {state: (count, size) for state, count, size in rows}

    def tables(self) -> dict[str, str]:
        """Return the table keys A that were accepted, in hex, each with its table's id."""
        return dict(self._run("SELECT public_key, table_id FROM tables", ()).fetchall())

    def note_table(self, public_key: str, table_id: str) -> None:
        """Remember an accepted table's key."""
        self._write(lambda: self._run("INSERT OR IGNORE INTO tables VALUES (?, ?)", (public_key, table_id)))

    def keep_papers(self, digest: str, number: int, at: int, papers: str) -> None:
        """Keep the newest papers of an epoch in use, by its manifest's digest; they are never dropped."""
        self._write(
            lambda: self._run(
                "INSERT INTO epochs VALUES (?, ?, ?, ?, ?) ON CONFLICT (digest) DO UPDATE"
                " SET checked = excluded.checked, papers = excluded.papers",
                (digest, number, at, at, papers),
            )
        )

    def papers(self) -> list[tuple[int, int, str]]:
        """Return (since, checked, papers) of every epoch that was used, in order of first use."""
        query = "SELECT since, checked, papers FROM epochs ORDER BY since, number"
        return [tuple(row) for row in self._run(query, ()).fetchall()]

    def meet(self, tag: bytes) -> bool:
        """Remember a sender by a keyed hash; return whether it is the first time."""
        added = self._write(lambda: self._run("INSERT OR IGNORE INTO contacts VALUES (?)", (tag,)).rowcount)
        return added == 1

    def hold(self, at: int, sealed: bytes) -> int:
        """Keep a sealed upload; return its number."""
        insert = "INSERT INTO outbox (at, due, sealed) VALUES (?, ?, ?)"
        return self._write(lambda: int(self._run(insert, (at, at, sealed)).lastrowid or 0))

    def held(self, now: int, limit: int = 8) -> list[tuple[int, int, int, bytes]]:
        """Return (number, since, attempts, sealed) of what is due, oldest first."""
        query = "SELECT id, at, attempts, sealed FROM outbox WHERE due <= ? ORDER BY id LIMIT ?"
        return [tuple(row) for row in self._run(query, (now, limit)).fetchall()]

    def postpone(self, number: int, due: int) -> None:
        """Try a held upload again at `due`."""
        update = "UPDATE outbox SET attempts = attempts + 1, due = ? WHERE id = ?"
        self._write(lambda: self._run(update, (due, number)))

    def release(self, number: int) -> None:
        """Forget a held upload."""
        self._write(lambda: self._run("DELETE FROM outbox WHERE id = ?", (number,)))

    def outbox_size(self) -> tuple[int, int, int | None]:
        """Return how many uploads are held, their bytes, and since when (milliseconds)."""
        row = self._run(
            "SELECT COUNT(*), COALESCE(SUM(LENGTH(sealed)), 0), MIN(at) FROM outbox", ()
        ).fetchone()
        return int(row[0]), int(row[1]), row[2]

    def _run(self, statement: str, values: tuple[Any, ...]) -> sqlite3.Cursor:
        try:
            return self._connection.execute(statement, values)
        except sqlite3.Error as error:
            raise GuardStateDamaged("The guard's database cannot be read or written.") from error

    def _write(self, work: Callable[[], T]) -> T:
        self._run("BEGIN IMMEDIATE", ())
        try:
            result = work()
        except BaseException:
            self._connection.rollback()
            raise
        self._run("COMMIT", ())
        return result


def _prepare(connection: sqlite3.Connection) -> sqlite3.Connection:
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    version = connection.execute("PRAGMA user_version").fetchone()[0]
    if version == 0:
        connection.executescript(f"BEGIN; {_SCHEMA} {_SINCE_2} PRAGMA user_version = {VERSION}; COMMIT;")
    elif version == 1:
        connection.executescript(f"BEGIN; {_SINCE_2} PRAGMA user_version = {VERSION}; COMMIT;")
    elif version != VERSION:
        raise GuardStateDamaged("The guard's database is of another version.", hint="Update tutela.")
    return connection
