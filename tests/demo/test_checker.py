"""The program that counts: each complaint is provoked in small hand-made stores, and it trusts nothing of ours."""

from __future__ import annotations

import ast
import base64
import hashlib
import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.demo import checker

TEXT = "erin: shall we meet at the station at four tomorrow?"
CONTROL = "This line is in the clear on purpose."
THRESHOLD = 3
HOMESERVER = """
CREATE TABLE local_media_repository (user_id TEXT);
CREATE TABLE events (body TEXT);
CREATE TABLE tutela_queue (state TEXT);
"""
PROVIDER = """
CREATE TABLE provider_device (id INTEGER PRIMARY KEY, account TEXT);
CREATE TABLE provider_voucher (device_id INTEGER);
CREATE TABLE provider_case (id INTEGER PRIMARY KEY, device_id INTEGER, state TEXT);
CREATE TABLE provider_caseimage (case_id INTEGER, cluster TEXT, sealed_revealed BLOB);
CREATE TABLE provider_decision (case_id INTEGER, reviewer_id INTEGER, verdict TEXT);
"""
HUB = """
CREATE TABLE hub_agency (id INTEGER PRIMARY KEY, slug TEXT);
CREATE TABLE hub_report (id INTEGER PRIMARY KEY, agency_id INTEGER, state TEXT, intake TEXT);
CREATE TABLE hub_reportfile (sha256 TEXT, viewed TEXT);
"""


class World:
    """Two accounts: erin stays closed, finn crossed the threshold and was reported. Everything holds."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name in ("media", "network", "sent"):
            (folder / name).mkdir()
        self.pictures = {name: hashlib.shake_256(name.encode()).digest(5000) for name in ("erin", "finn")}
        for name, data in self.pictures.items():
            (folder / "sent" / name).write_bytes(data)
        sha256 = {name: hashlib.sha256(data).hexdigest() for name, data in self.pictures.items()}
        for name, schema in (("homeserver", HOMESERVER), ("provider", PROVIDER), ("hub", HUB)):
            self.change(name, *filter(str.strip, schema.split(";")))
        self.change(
            "homeserver",
            "INSERT INTO local_media_repository VALUES ('@erin:x'), ('@finn:x')",
            "INSERT INTO tutela_queue VALUES ('delivered'), ('delivered')",
            f"INSERT INTO events VALUES ('{CONTROL}')",
        )
        self.change(
            "provider",
            "INSERT INTO provider_device VALUES (1, '@erin:x'), (2, '@finn:x')",
            "INSERT INTO provider_voucher VALUES (1), (2), (2), (2)",
            "INSERT INTO provider_case VALUES (7, 2, 'reported')",
            "INSERT INTO provider_caseimage VALUES (7, 'a', x'00'), (7, 'b', x'00'), (7, 'c', NULL)",
            "INSERT INTO provider_decision VALUES (7, 1, 'agree'), (7, 2, 'agree')",
        )
        self.change(
            "hub",
            "INSERT INTO hub_agency VALUES (1, 'northland-police')",
            "INSERT INTO hub_report VALUES (1, 1, 'new', 'finished'), (2, NULL, '', 'retracted')",
            f"INSERT INTO hub_reportfile VALUES ('{sha256['finn']}', 'no')",
        )
        (folder / "network" / "erin-1.sent").write_text(f"POST / HTTP/1.1\r\n\r\n{CONTROL}")
        self.facts: dict[str, Any] = {
            "homeserver": {
                "database": str(self.database("homeserver")),
                "media": str(folder / "media"),
                "network": str(folder / "network"),
            },
            "provider": {"database": str(self.database("provider"))},
            "hub": {"database": str(self.database("hub"))},
            "threshold": THRESHOLD,
            "texts": [TEXT],
            "control": CONTROL,
            "pictures": [
                {"account": name, "file": str(folder / "sent" / name), "sha256": sha256[name]}
                for name in self.pictures
            ],
            "accounts": {
                "erin": {"matrix": "@erin:x", "expected": "closed"},
                "finn": {"matrix": "@finn:x", "expected": "opened"},
            },
            "reports_expected": 1,
        }

    def database(self, name: str) -> Path:
        return self.folder / f"{name}.sqlite3"

    def change(self, name: str, *statements: str) -> None:
        connection = sqlite3.connect(self.database(name))
        connection.execute("PRAGMA synchronous = OFF")
        with connection:
            for statement in statements:
                connection.execute(statement)
        connection.close()

    def check(self) -> dict[str, Any]:
        return checker.Check(self.facts).result()

    def complaints(self) -> list[str]:
        result = self.check()
        assert result["ok"] is not bool(result["complaints"])
        return result["complaints"]

    def run(self) -> subprocess.CompletedProcess[str]:
        """Run it as the demonstration does: alone, isolated from this environment."""
        path = self.folder / "facts.json"
        path.write_text(json.dumps(self.facts))
        command = [sys.executable, "-I", "-S", checker.__file__, str(path)]
        return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


def test_it_imports_nothing_but_the_standard_library() -> None:
    imported = set()
    for node in ast.walk(ast.parse(Path(checker.__file__).read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add(str(node.module).split(".")[0])
    assert imported <= sys.stdlib_module_names, imported
    assert not {"importlib", "runpy"} & imported


def test_where_everything_holds(world: World) -> None:
    done = world.run()
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("\n") == 1
    assert json.loads(done.stdout) == {
        "ok": True,
        "complaints": [],
        "homeserver_plaintext_hits": 0,
        "provider_plaintext_hits": 0,
        "control_hits": 2,
        "accounts": {
            "erin": {"sent": 1, "matched": 1, "opened": 0, "revealed": 0},
            "finn": {"sent": 1, "matched": 3, "opened": 3, "revealed": 2},
        },
        "reports": [{"id": 1, "agency": "northland-police", "state": "new"}],
    }


def test_a_complaint_is_an_exit_code(world: World) -> None:
    world.facts["reports_expected"] = 0
    done = world.run()
    assert done.returncode == 1
    assert json.loads(done.stdout)["complaints"] == ["1 reports; 0 were expected"]


def as_it_is(data: bytes) -> bytes:
    return data


def as_hex(data: bytes) -> bytes:
    return data.hex().encode()


SPELLINGS = [as_it_is, as_hex, base64.b64encode, base64.urlsafe_b64encode]


@pytest.mark.parametrize("spelled", SPELLINGS)
@given(before=st.binary(max_size=9), after=st.binary(max_size=9), secret=st.binary(min_size=12, max_size=40))
def test_a_secret_is_known_in_every_spelling(
    spelled: Callable[[bytes], bytes], before: bytes, after: bytes, secret: bytes
) -> None:
    lying = spelled(before + secret + after)
    assert any(spelling in lying for spelling in checker.spellings(secret))


@pytest.mark.parametrize("offset", range(3))
@pytest.mark.parametrize("spelled", SPELLINGS)
@pytest.mark.parametrize("place", ["media/aa/bb/leaked", "network/erin-2.answered", "homeserver.sqlite3-wal"])
def test_a_leaked_text_is_counted(
    world: World, place: str, spelled: Callable[[bytes], bytes], offset: int
) -> None:
    path = world.folder / place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"before " + spelled(b"x" * offset + TEXT.encode() + b" and after"))
    assert world.complaints() == ["1 plaintexts lie on the homeserver or went over its network"]


@pytest.mark.parametrize("begin", [0, 1, 2])
def test_a_part_of_a_picture_is_counted_once(world: World, begin: int) -> None:
    data = world.pictures["erin"]
    (world.folder / "media" / "one").write_bytes(data[1000 + begin : 2000])
    (world.folder / "media" / "two").write_bytes(base64.b64encode(data[begin:]))
    result = world.check()
    assert result["homeserver_plaintext_hits"] == 1
    assert not result["ok"]


@pytest.mark.parametrize("shift", [-len(TEXT), -len(TEXT) + 1, -7, -1, 0])
def test_a_text_across_the_border_of_two_pieces_is_found(
    world: World, shift: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checker, "PIECE", 4096)
    (world.folder / "media" / "one").write_bytes(b"\0" * (2 * 4096 + shift) + TEXT.encode() + b"\0" * 5000)
    assert world.check()["homeserver_plaintext_hits"] == 1


def test_plaintext_in_the_homeservers_database(world: World) -> None:
    world.change("homeserver", f"INSERT INTO events VALUES ('{TEXT}')")
    assert world.check()["homeserver_plaintext_hits"] == 1


def test_a_picture_in_the_providers_database(world: World) -> None:
    data = world.pictures["finn"].hex()
    world.change("provider", f"UPDATE provider_caseimage SET sealed_revealed = x'{data}' WHERE cluster = 'a'")
    assert world.complaints() == ["1 plaintexts lie in the provider's database"]


def test_ciphertext_and_other_text_are_nothing_to_complain_of(world: World) -> None:
    (world.folder / "media" / "one").write_bytes(hashlib.shake_256(b"other").digest(50_000))
    (world.folder / "media" / "two").write_text(TEXT.replace("four", "five"))
    assert world.complaints() == []


@pytest.mark.parametrize("where", ["database", "network"])
def test_a_control_that_is_missing_makes_the_search_worthless(world: World, where: str) -> None:
    if where == "database":
        world.change("homeserver", "PRAGMA secure_delete = ON", "DELETE FROM events")
    else:
        (world.folder / "network" / "erin-1.sent").write_bytes(b"")
    result = world.check()
    assert result["control_hits"] == 1
    assert result["complaints"] == ["the planted control was not found everywhere: the search proves nothing"]


def test_opened_below_the_threshold(world: World) -> None:
    world.change(
        "provider",
        "INSERT INTO provider_case VALUES (8, 1, 'review')",
        "INSERT INTO provider_caseimage VALUES (8, 'a', x'00'), (8, 'a', x'00'), (8, 'b', x'00')",
    )
    assert world.complaints() == [
        "erin was opened with 2 distinct entries; the threshold is 3",
        "erin should be closed",
    ]


def test_copies_of_one_entry_are_one(world: World) -> None:
    world.change("provider", "UPDATE provider_caseimage SET cluster = 'a'")
    assert world.complaints() == ["finn was opened with 1 distinct entries; the threshold is 3"]


def test_an_account_that_should_be_opened_and_is_not(world: World) -> None:
    world.change("provider", "DELETE FROM provider_caseimage")
    assert world.complaints() == ["finn should be opened"]


def test_a_case_without_a_report_and_a_report_without_a_case(world: World) -> None:
    world.change("hub", "UPDATE hub_report SET intake = 'open' WHERE id = 1")
    assert world.complaints() == ["0 reports for 1 cases", "0 reports; 1 were expected"]
    world.change("provider", "UPDATE provider_case SET state = 'review'")
    world.facts["reports_expected"] = 0
    assert world.complaints() == []


def test_a_report_that_arrived_twice(world: World) -> None:
    world.change("hub", "INSERT INTO hub_report VALUES (3, 1, 'new', 'finished')")
    assert world.complaints() == ["2 reports for 1 cases", "2 reports; 1 were expected"]


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM provider_decision WHERE reviewer_id = 2",
        "UPDATE provider_decision SET reviewer_id = 1",
        "UPDATE provider_decision SET verdict = 'disagree' WHERE reviewer_id = 2",
    ],
)
def test_reported_on_the_word_of_one(world: World, statement: str) -> None:
    world.change("provider", statement)
    assert world.complaints() == ["case 7 was reported on the word of 1 people"]


def test_a_file_at_the_hub_that_nobody_sent(world: World) -> None:
    world.change("hub", f"INSERT INTO hub_reportfile VALUES ('{'0' * 64}', 'no')")
    assert world.complaints() == ["a file at the hub is not one that was sent"]


@pytest.mark.parametrize("viewed", ["yes", "unknown"])
def test_a_file_that_claims_to_have_been_viewed(world: World, viewed: str) -> None:
    world.change("hub", f"UPDATE hub_reportfile SET viewed = '{viewed}'")
    assert world.complaints() == ["a file at the hub is not marked as not viewed by the provider"]


def test_a_voucher_that_was_not_delivered(world: World) -> None:
    world.change("homeserver", "UPDATE tutela_queue SET state = 'queued' WHERE rowid = 1")
    assert world.complaints() == ["1 vouchers have not reached the provider"]


def test_it_changes_nothing(world: World) -> None:
    def state(paths: Iterable[Path]) -> dict[Path, bytes]:
        return {path: path.read_bytes() for path in sorted(paths) if path.is_file()}

    before = state(world.folder.rglob("*"))
    world.check()
    assert state(world.folder.rglob("*")) == before


TABLES = {name: hashlib.sha256(name.encode()).hexdigest() for name in ("before", "now", "own")}
REFUSED = {"code": "governance.too_few_endorsements", "sentence": "Too few.", "table": TABLES["now"]}
ACCEPTED = {"code": "accepted", "sentence": "Uses list 2.", "table": TABLES["now"]}


class TrustWorld(World):
    """Act two held: two devices use list 2, and refused what one organisation alone tried."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.change(
            "provider",
            "ALTER TABLE provider_device ADD COLUMN table_id TEXT",
            f"UPDATE provider_device SET table_id = '{TABLES['before']}'",
            "CREATE TABLE provider_arrival (device_id INTEGER)",
            "INSERT INTO provider_arrival VALUES (1), (2), (2)",
        )
        for name in ("erin", "finn"):
            self.change(name, "CREATE TABLE tables (public_key TEXT, table_id TEXT)")
            self.change(
                name, *(f"INSERT INTO tables VALUES ('', '{TABLES[at]}')" for at in ("before", "now"))
            )
            self.seal(name, "now")
        early = {**REFUSED, "code": "tlog.too-few-witnesses", "table": TABLES["before"]}
        self.trust: dict[str, Any] = {
            "organisations": {}, "endorsers": [], "endorsers_needed": 3, "witnesses": {}, "witnesses_needed": 2,
            "alone": "north-centre", "register": [],
            "updates": [
                {"name": "one witness", "what": "publishes it", "answers": self.all(early)},
                {"name": "quorum", "what": "publishes it again", "answers": self.all(ACCEPTED)},
            ],
            "attempts": [
                {"name": "alone", "what": "endorses it alone", "table": TABLES["own"], "answers": self.all(REFUSED)}
            ],
            "tables": {at: TABLES[at] for at in ("before", "now")},
            "devices": {
                name: {"sealed": str(folder / f"{name}.sealed"), "database": str(self.database(name))}
                for name in ("erin", "finn")
            },
        }  # fmt: skip
        self.facts["trust"] = self.trust

    def all(self, answer: dict[str, str]) -> dict[str, dict[str, str]]:
        return {name: dict(answer) for name in ("erin", "finn")}

    def seal(self, name: str, table: str) -> None:
        (self.folder / f"{name}.sealed").write_bytes(b"TV\1\1" + bytes.fromhex(TABLES[table]) + b"rest" * 9)

    def answer(self, at: str, row: int, name: str, **changes: str) -> None:
        self.trust[at][row]["answers"][name].update(changes)


@pytest.fixture
def acted(tmp_path: Path) -> TrustWorld:
    return TrustWorld(tmp_path)


def test_where_act_two_holds(acted: TrustWorld) -> None:
    done = acted.run()
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)["trust"]
    assert found["devices"] == 2
    assert (found["sets_under_an_attempts_table"], found["sets_before"]) == (0, 3)
    assert [row["accepted"] for row in found["updates"]] == [[], ["erin", "finn"]]
    (attempt,) = found["attempts"]
    assert attempt == {
        "name": "alone",
        "what": "endorses it alone",
        "accepted": [],
        "said": [
            {"code": REFUSED["code"], "sentence": REFUSED["sentence"], "devices": ["erin", "finn"]},
        ],
    }


def test_an_attempt_that_one_device_accepted(acted: TrustWorld) -> None:
    acted.answer("attempts", 0, "erin", code="accepted", table=TABLES["own"])
    assert acted.complaints() == [
        "erin accepted what one organisation alone tried: it endorses it alone",
    ]


def test_an_attempts_table_in_a_devices_store_whatever_it_answered(acted: TrustWorld) -> None:
    acted.change("finn", f"INSERT INTO tables VALUES ('', '{TABLES['own']}')")
    assert acted.complaints() == ["finn keeps a table that it should not"]


@pytest.mark.parametrize("table", ["own", "before"])
def test_a_set_under_another_table(acted: TrustWorld, table: str) -> None:
    acted.seal("finn", table)
    assert acted.complaints() == ["finn seals pictures under another table"]


def test_a_set_under_an_attempts_table_at_the_provider(acted: TrustWorld) -> None:
    acted.change("provider", f"UPDATE provider_device SET table_id = '{TABLES['own']}' WHERE id = 1")
    assert acted.complaints() == ["1 sets under a table of one organisation's own reached the provider"]


def test_a_provider_that_got_nothing_proves_nothing(acted: TrustWorld) -> None:
    acted.change("provider", "DELETE FROM provider_arrival")
    assert acted.complaints() == ["no set reached the provider: the count proves nothing"]


def test_an_update_without_a_quorum_and_one_that_failed(acted: TrustWorld) -> None:
    acted.answer("updates", 0, "erin", table=TABLES["now"])
    acted.answer("updates", 1, "finn", code="tlog.stale", table=TABLES["before"])
    assert acted.complaints() == [
        "accepted without a quorum of witnesses: publishes it",
        "not every device uses the list in force",
    ]


def test_a_device_that_was_not_asked(acted: TrustWorld) -> None:
    del acted.trust["attempts"][0]["answers"]["finn"]
    assert acted.complaints() == ["not every device was asked: endorses it alone"]


def test_facts_without_an_attempt_prove_nothing(acted: TrustWorld) -> None:
    acted.trust["attempts"] = []
    assert acted.complaints() == ["nothing was tried"]
