# SPDX-License-Identifier: Apache-2.0
"""The voucher queue of the homeserver: settings, reasons, and the tables as transactions on a DB-API cursor.

No Synapse, clock or network here: `synapse_module` runs it inside Synapse's own database (SQLite or
PostgreSQL; `?` placeholders, which Synapse translates), tests run it on sqlite3. Times are UTC milliseconds.

States of a row: waiting (set received) -> queued (claimed by one upload) -> delivered | refused (the
provider's own final answer; set, address and port are deleted in that moment). Enrolments begin as queued.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import astuple, dataclass, fields
from typing import Any
from urllib.parse import urlsplit

MAX_WAITING = 128  # unclaimed sets of one account
MAX_ENROLMENTS = 32  # undelivered enrolments of one account
MINUTE = 60_000
LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
LISTED = 100  # rows that `receipts` shows
#: codes of settled sets after which the device has to draw a new key and enrol again
RENEW = frozenset({"key.renew", "provider.key_due", "provider.unknown_device"})

#: code -> (what happened, what helps); the client shows both
REASONS = {
    "voucher.missing": (
        "No voucher set of this account accompanies the file.",
        "Send it with a client that has the guard.",
    ),
    "voucher.used": (
        "The voucher set was already used for an upload.",
        "Send the file again: it is sealed anew.",
    ),
    "voucher.expired": (
        "The voucher set waited too long for its upload.",
        "Send the file again: it is sealed anew.",
    ),
    "voucher.too_many": (
        "Too many voucher sets of this account wait for their upload.",
        "Upload the files that were announced, or wait some minutes.",
    ),
    "enrolment.too_many": (
        "Too many enrolments of this account wait for their delivery.",
        "Wait some minutes; each device needs one.",
    ),
    "voucher.deadline": (
        "Voucher sets of this account have waited for delivery longer than the deadline.",
        "Files can be sent again once the provider's voucher service answers. Text is not affected.",
    ),
    "voucher.refused_by_provider": (
        "The provider refused the last voucher sets of this device.",
        "Update the client, or enrol the device again; then files can be sent. Text is not affected.",
    ),
    "voucher.no_account": ("The uploading account could not be determined.", "Sign in again."),
}


def reason(code: str) -> dict[str, str]:
    """Return the reason as the object that clients and `receipts` show."""
    message, hint = REASONS[code]
    return {"code": code, "message": message, "hint": hint}


@dataclass(frozen=True, slots=True)
class Settings:
    """The module's configuration; times in the unit that their name says."""

    voucher_bytes: int
    provider_url: str
    service_token_file: str
    media_token_file: str = ""
    deadline_hours: float = 24.0
    unclaimed_minutes: float = 10.0
    receipt_days: float = 7.0
    refusals_allowed: int = 3
    rate_per_second: float = 2.0
    rate_burst: int = 60
    relay_seconds: float = 1.0
    backoff_seconds: float = 300.0
    client_port_header: str = ""
    public_media: str = "refuse"

    @classmethod
    def parse(cls, config: Mapping[str, Any]) -> Settings:
        """Check the configuration; raises ValueError that names the wrong setting."""
        kinds = {field.name: str(field.type) for field in fields(cls)}
        for name in ("voucher_bytes", "provider_url", "service_token_file"):
            if not config.get(name):
                raise ValueError(f"{name} is required")
        for name, value in config.items():
            if name not in kinds:
                raise ValueError(f"unknown setting {name!r}")
            if not _fits(value, kinds[name]):
                raise ValueError(f"{name} must be {'text' if kinds[name] == 'str' else 'a positive number'}")
        settings = cls(**config)
        if settings.public_media not in {"refuse", "allow"}:
            raise ValueError("public_media must be refuse or allow")
        url = urlsplit(settings.provider_url)
        if url.scheme != "https" and (url.scheme != "http" or url.hostname not in LOOPBACK):
            raise ValueError("provider_url must begin with https://, or with http:// for this machine only")
        return settings


def _fits(value: Any, kind: str) -> bool:
    if kind == "str":
        return isinstance(value, str)
    number = isinstance(value, int if kind == "int" else (int, float)) and not isinstance(value, bool)
    return number and value > 0


@dataclass(frozen=True, slots=True)
class Row:
    """One enrolment or voucher set as it arrives."""

    account: str
    device: str
    kind: str  # "enrolment" | "voucher"
    ct_sha256: str | None  # hex, vouchers only
    digest: str  # SHA-256 of the body, hex
    body: bytes
    ip: str | None
    port: int | None


class Ledger:
    """The tables; each method is one transaction on the cursor `txn`."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings

    def create(self, txn: Any, *, postgres: bool) -> None:
        """Create the tables where they are missing."""
        key = "BIGSERIAL PRIMARY KEY" if postgres else "INTEGER PRIMARY KEY AUTOINCREMENT"
        txn.execute(
            f"CREATE TABLE IF NOT EXISTS tutela_queue (seq {key}, account TEXT NOT NULL,"
            " device TEXT NOT NULL, kind TEXT NOT NULL, ct_sha256 TEXT, digest TEXT NOT NULL,"
            " body BYTEA, ip TEXT, port INTEGER,"
            " state TEXT NOT NULL, arrived BIGINT NOT NULL, claimed BIGINT, done BIGINT,"
            " attempts INTEGER NOT NULL DEFAULT 0, due BIGINT NOT NULL DEFAULT 0, code TEXT, message TEXT)"
        )
        txn.execute("CREATE UNIQUE INDEX IF NOT EXISTS tutela_queue_digest ON tutela_queue (digest)")
        txn.execute("CREATE UNIQUE INDEX IF NOT EXISTS tutela_queue_ct ON tutela_queue (account, ct_sha256)")
        txn.execute(
            "CREATE INDEX IF NOT EXISTS tutela_queue_lane ON tutela_queue (state, account, device, seq)"
        )
        txn.execute(
            "CREATE TABLE IF NOT EXISTS tutela_refusals (account TEXT NOT NULL, ct_sha256 TEXT NOT NULL,"
            " code TEXT NOT NULL, at BIGINT NOT NULL)"
        )
        txn.execute("CREATE TABLE IF NOT EXISTS tutela_media (ct_sha256 TEXT PRIMARY KEY)")

    def overdue(self, txn: Any, account: str, now: int) -> bool:
        """Whether the account's oldest undelivered row has passed the deadline."""
        txn.execute(
            "SELECT MIN(claimed) FROM tutela_queue WHERE account = ? AND state = 'queued'", (account,)
        )
        (oldest,) = txn.fetchone()
        return oldest is not None and now - oldest > self.settings.deadline_hours * 3_600_000

    def blocked(self, txn: Any, account: str, device: str, now: int) -> str | None:
        """Return the code of the reason why this device may not announce an upload, if there is one."""
        if self.overdue(txn, account, now):
            return "voucher.deadline"
        txn.execute(
            "SELECT state FROM tutela_queue WHERE account = ? AND device = ? AND done IS NOT NULL"
            " ORDER BY seq DESC LIMIT ?",
            (account, device, self.settings.refusals_allowed),
        )
        last = [row[0] for row in txn.fetchall()]
        if last == ["refused"] * self.settings.refusals_allowed:
            return None if self._enrolling(txn, account, device) else "voucher.refused_by_provider"
        return None

    @staticmethod
    def _enrolling(txn: Any, account: str, device: str) -> bool:
        """Whether a new enrolment waits: sets that follow it may be good again."""
        txn.execute(
            "SELECT COUNT(*) FROM tutela_queue WHERE account = ? AND device = ? AND kind = 'enrolment'"
            " AND state = 'queued'",
            (account, device),
        )
        return bool(txn.fetchone()[0])

    def add(self, txn: Any, row: Row, now: int) -> tuple[str, str | None]:
        """Store an enrolment or a set; return (its state, None) or ("", code of the refusal)."""
        txn.execute(
            "SELECT account, device, ct_sha256, state FROM tutela_queue WHERE digest = ?", (row.digest,)
        )
        known = txn.fetchone()
        if known is not None:  # the same bytes again: the answer was lost on its way
            same = tuple(known[:3]) == (row.account, row.device, row.ct_sha256)
            return (known[3], None) if same else ("", "voucher.used")
        refuse = self._refuse_set if row.kind == "voucher" else self._refuse_enrolment
        code = refuse(txn, row, now)
        if code:
            return "", code
        state, claimed = ("waiting", None) if row.kind == "voucher" else ("queued", now)
        txn.execute(
            "INSERT INTO tutela_queue (account, device, kind, ct_sha256, digest, body, ip, port, state,"
            " arrived, claimed) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (*astuple(row), state, now, claimed),
        )
        return state, None

    @staticmethod
    def _refuse_enrolment(txn: Any, row: Row, now: int) -> str | None:
        del now
        txn.execute(
            "SELECT COUNT(*) FROM tutela_queue WHERE account = ? AND state = 'queued' AND kind = 'enrolment'",
            (row.account,),
        )
        return "enrolment.too_many" if txn.fetchone()[0] >= MAX_ENROLMENTS else None

    def _refuse_set(self, txn: Any, row: Row, now: int) -> str | None:
        txn.execute(
            "SELECT COUNT(*), COALESCE(SUM(CASE WHEN ct_sha256 = ? THEN 1 ELSE 0 END), 0) FROM tutela_queue"
            " WHERE account = ? AND (state = 'waiting' OR ct_sha256 = ?)",
            (row.ct_sha256, row.account, row.ct_sha256),
        )
        waiting, same_file = txn.fetchone()
        if same_file:
            return "voucher.used"
        if waiting >= MAX_WAITING:
            return "voucher.too_many"
        return self.blocked(txn, row.account, row.device, now)

    def claim(self, txn: Any, account: str, ct_sha256: str, now: int) -> str | None:
        """Bind the account's set for this ciphertext to an upload; return and note a refusal's code."""
        txn.execute(
            "SELECT seq, state, arrived FROM tutela_queue WHERE account = ? AND ct_sha256 = ?",
            (account, ct_sha256),
        )
        row = txn.fetchone()
        if self.overdue(txn, account, now):
            code = "voucher.deadline"
        elif row is None:
            code = "voucher.missing"
        elif row[1] == "waiting" and now - row[2] > self.settings.unclaimed_minutes * 60_000:
            code = "voucher.expired"
        else:
            txn.execute(
                "UPDATE tutela_queue SET state = 'queued', claimed = ? WHERE seq = ? AND state = 'waiting'",
                (now, row[0]),
            )
            if txn.rowcount == 1:
                return None
            code = "voucher.used"
        txn.execute("INSERT INTO tutela_refusals VALUES (?, ?, ?, ?)", (account, ct_sha256, code, now))
        return code

    def accompanied(self, txn: Any, ct_sha256: str) -> bool:
        """Whether the provider accepted the set of an upload of this ciphertext; outlives the set's row."""
        txn.execute("SELECT COUNT(*) FROM tutela_media WHERE ct_sha256 = ?", (ct_sha256,))
        return bool(txn.fetchone()[0])

    def heads(self, txn: Any, now: int) -> list[dict[str, Any]]:
        """Return the oldest undelivered row of each device that is due now."""
        names = ("seq", "account", "device", "kind", "body", "ip", "port", "claimed", "attempts")
        txn.execute(
            f"SELECT {', '.join(names)} FROM tutela_queue WHERE due <= ? AND seq IN (SELECT MIN(seq)"  # noqa: S608 - own names
            " FROM tutela_queue WHERE state = 'queued' GROUP BY account, device) ORDER BY seq LIMIT 64",
            (now,),
        )
        return [dict(zip(names, row, strict=True)) for row in txn.fetchall()]

    def settle(self, txn: Any, seq: int, state: str, why: tuple[str, str], now: int) -> None:
        """Note the provider's own answer and forget the set, the address and the port."""
        txn.execute(
            "UPDATE tutela_queue SET state = ?, code = ?, message = ?, done = ?, body = NULL, ip = NULL,"
            " port = NULL WHERE seq = ?",
            (state, *why, now, seq),
        )
        txn.execute(
            "INSERT INTO tutela_media SELECT ct_sha256 FROM tutela_queue WHERE seq = ?"
            " AND state = 'delivered' AND kind = 'voucher' ON CONFLICT (ct_sha256) DO NOTHING",
            (seq,),
        )

    def postpone(self, txn: Any, seq: int, due: int) -> None:
        """Count a failed attempt and wait until `due`."""
        txn.execute("UPDATE tutela_queue SET attempts = attempts + 1, due = ? WHERE seq = ?", (due, seq))

    def renew(self, txn: Any, account: str, device: str) -> bool:
        """Whether the provider wants a new enrolment of the device, and none has come since."""
        txn.execute(
            "SELECT kind, code FROM tutela_queue WHERE account = ? AND device = ?"
            " AND (done IS NOT NULL OR kind = 'enrolment') ORDER BY seq DESC LIMIT 1",
            (account, device),
        )
        last = txn.fetchone()
        return last is not None and last[0] == "voucher" and last[1] in RENEW

    def expire(self, txn: Any, now: int) -> None:
        """Delete unclaimed sets, old receipts and old refusals."""
        keep = now - int(self.settings.receipt_days * 86_400_000)
        unclaimed = now - int(2 * self.settings.unclaimed_minutes * 60_000)
        txn.execute("DELETE FROM tutela_queue WHERE state = 'waiting' AND arrived < ?", (unclaimed,))
        txn.execute("DELETE FROM tutela_queue WHERE done < ?", (keep,))
        txn.execute("DELETE FROM tutela_refusals WHERE at < ?", (keep,))

    def receipts(self, txn: Any, account: str, device: str, now: int) -> dict[str, Any]:
        """Return what the account may know: its device's sets, and whether and why uploads are refused."""
        code = self.blocked(txn, account, device, now)
        names = ("kind", "ct_sha256", "state", "arrived", "claimed", "done", "attempts", "code", "message")
        mine = "FROM tutela_queue WHERE account = ? AND device = ?"
        txn.execute(
            f"SELECT {', '.join(names)} {mine} ORDER BY seq DESC LIMIT ?",
            (account, device, LISTED),
        )
        items = [_coarse(dict(zip(names, row, strict=True))) for row in txn.fetchall()]
        txn.execute(
            f"SELECT state, COUNT(*) {mine} AND kind = 'voucher' GROUP BY state",
            (account, device),
        )
        counts = dict(txn.fetchall())
        txn.execute(
            "SELECT ct_sha256, code, at FROM tutela_refusals WHERE account = ? ORDER BY at DESC LIMIT 20",
            (account,),
        )
        refusals = [{"ct_sha256": row[0], "at": row[2], **reason(row[1])} for row in txn.fetchall()]
        return {
            "uploads": "refused" if code else "open",
            "reason": reason(code) if code else None,
            "renew": self.renew(txn, account, device),
            "counts": {name: counts.get(name, 0) for name in ("waiting", "queued", "delivered", "refused")},
            "deadline_hours": self.settings.deadline_hours,
            "voucher_bytes": self.settings.voucher_bytes,
            "public_media": self.settings.public_media,
            "items": items,
            "refusals": refusals,
        }


def _coarse(item: dict[str, Any]) -> dict[str, Any]:
    """Name only the minute of delivery: how long the provider worked on a set is not the device's."""
    done = item["done"]
    return item if done is None else {**item, "done": -(-done // MINUTE) * MINUTE}
