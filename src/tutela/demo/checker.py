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
    trust        what one organisation alone tried, what each device answered, and where each device's store
                 and the last set that it sealed lie; may be left out

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
TABLE_OF_A_SET = slice(4, 36)


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

    def trust(self) -> dict[str, Any]:
        """Return what act two came to, by the devices' answers, stores and sets, and the provider."""
        told = self.facts["trust"]
        devices, tables = told["devices"], told["tables"]
        tried = {attempt["table"] for attempt in told["attempts"]}
        self.need(bool(tried) and bool(devices), "nothing was tried")
        updates = [self.answered(row, tables["now"], devices) for row in told["updates"]]
        attempts = [self.answered(row, row["table"], devices) for row in told["attempts"]]
        for row in updates[:-1]:
            self.need(not row["accepted"], f"accepted without a quorum of witnesses: {row['what']}")
        self.need(len(updates[-1]["accepted"]) == len(devices), "not every device uses the list in force")
        for row in attempts:
            for name in row["accepted"]:
                self.need(False, f"{name} accepted what one organisation alone tried: it {row['what']}")
        for name, place in devices.items():
            known = {table for (table,) in rows(Path(place["database"]), "SELECT table_id FROM tables")}
            self.need(known == {tables["before"], tables["now"]}, f"{name} keeps a table that it should not")
            sealed = Path(place["sealed"]).read_bytes()[TABLE_OF_A_SET].hex()
            self.need(sealed == tables["now"], f"{name} seals pictures under another table")
        arrived = {table: self.arrived(table) for table in tried | {tables["before"]}}
        sets = sum(arrived[table] for table in tried)
        self.need(sets == 0, f"{sets} sets under a table of one organisation's own reached the provider")
        self.need(arrived[tables["before"]] > 0, "no set reached the provider: the count proves nothing")
        kept = ("organisations", "endorsers", "endorsers_needed", "witnesses", "witnesses_needed")
        return {
            **{name: told[name] for name in (*kept, "alone", "register")},
            "devices": len(devices),
            "updates": updates,
            "attempts": attempts,
            "sets_under_an_attempts_table": sets,
            "sets_before": arrived[tables["before"]],
        }

    def answered(self, row: dict[str, Any], table: str, devices: Iterable[str]) -> dict[str, Any]:
        """Return who accepted an epoch, and what was said of it, each answer once with who gave it."""
        self.need(set(row["answers"]) == set(devices), f"not every device was asked: {row['what']}")
        said: dict[str, dict[str, Any]] = {}
        for name, answer in row["answers"].items():
            found = said.setdefault(
                answer["code"], {"code": answer["code"], "sentence": answer["sentence"], "devices": []}
            )
            found["devices"].append(name)
        accepted = [name for name, answer in row["answers"].items() if answer["table"] == table]
        return {"name": row["name"], "what": row["what"], "accepted": accepted, "said": list(said.values())}

    def arrived(self, table: str) -> int:
        """Return how many sets under a table reached the provider, whether they opened or not."""
        query = (
            "SELECT count(*) FROM provider_arrival a JOIN provider_device d ON d.id = a.device_id"
            " WHERE d.table_id = ?"
        )
        return int(rows(self.provider, query, table)[0][0])

    def result(self) -> dict[str, Any]:
        """Return everything that was counted."""
        hits, provider_hits, controls = self.plaintext()
        accounts = {name: self.account(name) for name in self.facts["accounts"]}
        reports = self.reports()
        waiting = self.undelivered()
        trust = {"trust": self.trust()} if "trust" in self.facts else {}
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
            **trust,
        }


def main() -> int:
    """Check the facts that the first argument names."""
    result = Check(json.loads(Path(sys.argv[1]).read_text())).result()
    sys.stdout.write(json.dumps(result) + "\n")
    return 0 if result["ok"] else 1


if __name__ == "__main__":
    sys.exit(main())
