"""Count, in the stores and on the network, who saw what. Imports the standard library and nothing of Tutela.

    python checker.py FACTS.json  ->  one JSON object on stdout, exit 0 if everything holds, else 1

FACTS.json says what was really sent, and where to look:

    homeserver   {"database": file, "media": folder, "network": folder}
    provider     {"database": file}          hub  {"database": file}
    threshold    t of the signed manifest
    texts        secrets that were sent encrypted
    control      the text that was sent in the clear, on purpose
    pictures     [{"account", "file", "sha256"}]          what was sent
    accounts     {name: {"matrix": "@name:server", "expected": "closed" | "opened"}}

Every figure of the demonstration's last table is made here.
"""

from __future__ import annotations

import base64
import json
import sqlite3
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

PROBES_PER_PICTURE = 3
PROBE_BYTES = 24
PIECE = 8 << 20


def spellings(secret: bytes) -> Iterator[bytes]:
    """Yield the bytes under which a secret could lie in a store: raw, hexadecimal, base64 at any offset."""
    yield secret
    yield secret.hex().encode()
    for offset in range(3):
        begin = -(-offset * 8 // 6)
        for encode in (base64.b64encode, base64.urlsafe_b64encode):  # both alphabets
            encoded = encode(b"\0" * offset + secret)
            yield encoded[begin : len(encoded) - 4]


def probes(picture: bytes) -> Iterator[bytes]:
    """Yield a few pieces from inside a picture's file."""
    for k in range(1, PROBES_PER_PICTURE + 1):
        start = len(picture) * k // (PROBES_PER_PICTURE + 1)
        yield picture[start : start + PROBE_BYTES]


def pieces(paths: Iterable[Path], overlap: int) -> Iterator[bytes]:
    """Yield the contents of files in overlapping pieces."""
    for path in paths:
        tail = b""
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                yield tail + piece
                tail = piece[-overlap:]


def found(needles: dict[bytes, str], paths: list[Path]) -> set[str]:
    """Return the names of the needles that occur in any of the files."""
    longest = max(map(len, needles), default=1)
    hits: set[str] = set()
    for piece in pieces(paths, longest):
        hits.update(name for needle, name in needles.items() if name not in hits and needle in piece)
    return hits


def beside(database: Path) -> list[Path]:
    """Return a SQLite file with its write-ahead log."""
    return [path for path in database.parent.glob(database.name + "*") if not path.name.endswith("-shm")]


def files(folder: Path) -> list[Path]:
    """Return all files below a folder."""
    return [path for path in folder.rglob("*") if path.is_file()]


def rows(database: Path, query: str, *values: object) -> list[tuple[Any, ...]]:
    """Return the rows of a query, read-only."""
    connection = sqlite3.connect(f"file:{database}?mode=ro", uri=True, timeout=30)
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.close()


class Check:
    """One pass over the stores."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.facts = facts
        self.homeserver = {name: Path(path) for name, path in facts["homeserver"].items()}
        self.provider = Path(facts["provider"]["database"])
        self.hub = Path(facts["hub"]["database"])
        self.complaints: list[str] = []

    def need(self, holds: bool, complaint: str) -> None:
        """Note a complaint unless the condition holds."""
        if not holds:
            self.complaints.append(complaint)

    def plaintext(self) -> tuple[int, int, int]:
        """Return secrets found at the homeserver and on its network, at the provider, and controls found."""
        secrets: dict[bytes, str] = {}
        for text in self.facts["texts"]:
            secrets.update(dict.fromkeys(spellings(text.encode()), text))
        for picture in self.facts["pictures"]:
            data = Path(picture["file"]).read_bytes()
            for probe in probes(data):
                secrets.update(dict.fromkeys(spellings(probe), picture["file"]))
        places = [
            *beside(self.homeserver["database"]),
            *files(self.homeserver["media"]),
            *files(self.homeserver["network"]),
        ]
        control = {self.facts["control"].encode(): "control"}
        controls = sum(
            bool(found(control, group))
            for group in (beside(self.homeserver["database"]), files(self.homeserver["network"]))
        )
        return len(found(secrets, places)), len(found(secrets, beside(self.provider))), controls

    def account(self, name: str) -> dict[str, int]:
        """Return what one account sent, and what of it the provider has in the clear."""
        matrix = self.facts["accounts"][name]["matrix"]
        sent = rows(
            self.homeserver["database"],
            "SELECT count(*) FROM local_media_repository WHERE user_id = ?",
            matrix,
        )
        matched = rows(
            self.provider,
            "SELECT count(*) FROM provider_voucher v JOIN provider_device d ON d.id = v.device_id"
            " WHERE d.account = ?",
            matrix,
        )
        images = rows(
            self.provider,
            "SELECT i.cluster, i.sealed_revealed IS NOT NULL FROM provider_caseimage i"
            " JOIN provider_case c ON c.id = i.case_id JOIN provider_device d ON d.id = c.device_id"
            " WHERE d.account = ?",
            matrix,
        )
        clusters = {cluster for cluster, _ in images}
        threshold = self.facts["threshold"]
        if images:
            self.need(
                len(clusters) >= threshold,
                f"{name} was opened with {len(clusters)} distinct entries; the threshold is {threshold}",
            )
        expected = self.facts["accounts"][name]["expected"]
        self.need(bool(images) == (expected == "opened"), f"{name} should be {expected}")
        return {
            "sent": sent[0][0],
            "matched": matched[0][0],
            "opened": len(images),
            "revealed": sum(revealed for _, revealed in images),
        }

    def reports(self) -> list[dict[str, Any]]:
        """Return the hub's reports, and hold them against the provider's cases and what was sent."""
        reports = rows(
            self.hub,
            "SELECT r.id, a.slug, r.state FROM hub_report r LEFT JOIN hub_agency a ON a.id = r.agency_id"
            " WHERE r.intake = 'finished' ORDER BY r.id",
        )
        reported = rows(self.provider, "SELECT id FROM provider_case WHERE state = 'reported'")
        self.need(len(reports) == len(reported), f"{len(reports)} reports for {len(reported)} cases")
        for (case,) in reported:
            people = rows(
                self.provider,
                "SELECT count(DISTINCT reviewer_id) FROM provider_decision"
                " WHERE case_id = ? AND verdict = 'agree'",
                case,
            )
            self.need(people[0][0] >= 2, f"case {case} was reported on the word of {people[0][0]} people")
        truly_sent = {picture["sha256"] for picture in self.facts["pictures"]}
        for sha256, viewed in rows(self.hub, "SELECT sha256, viewed FROM hub_reportfile"):
            self.need(sha256 in truly_sent, "a file at the hub is not one that was sent")
            self.need(viewed == "no", "a file at the hub is not marked as not viewed by the provider")
        return [{"id": number, "agency": agency, "state": state} for number, agency, state in reports]

    def undelivered(self) -> int:
        """Return vouchers that the homeserver still holds for the provider."""
        query = "SELECT count(*) FROM tutela_queue WHERE state = 'queued'"
        return int(rows(self.homeserver["database"], query)[0][0])

    def result(self) -> dict[str, Any]:
        """Return everything that was counted."""
        hits, provider_hits, controls = self.plaintext()
        accounts = {name: self.account(name) for name in self.facts["accounts"]}
        reports = self.reports()
        waiting = self.undelivered()
        self.need(hits == 0, f"{hits} plaintexts lie on the homeserver or went over its network")
        self.need(provider_hits == 0, f"{provider_hits} plaintexts lie in the provider's database")
        self.need(controls == 2, "the planted control was not found everywhere: the search proves nothing")
        self.need(waiting == 0, f"{waiting} vouchers have not reached the provider")
        if self.facts.get("reports_expected") is not None:
            self.need(
                len(reports) == self.facts["reports_expected"],
                f"{len(reports)} reports; {self.facts['reports_expected']} were expected",
            )
        return {
            "ok": not self.complaints,
            "complaints": self.complaints,
            "homeserver_plaintext_hits": hits,
            "provider_plaintext_hits": provider_hits,
            "control_hits": controls,
            "accounts": accounts,
            "reports": reports,
        }


def main() -> int:
    """Check the facts that the first argument names."""
    result = Check(json.loads(Path(sys.argv[1]).read_text())).result()
    sys.stdout.write(json.dumps(result) + "\n")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
