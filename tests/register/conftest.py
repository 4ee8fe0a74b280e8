"""A register of invented organisations, two witnesses in this process, and short ways to hand things in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tutela.hashlist.governance import (
    Constitution,
    Dispute,
    Key,
    Organisation,
    Submission,
    sign,
    sign_constitution,
)
from tutela.hashlist.trust import Signer
from tutela.tlog import COSIGNATURE_ED25519, Ed25519Signer
from tutela.tlog.witness import Answer, Seen, Witness

PASSPHRASE = "a passphrase for tests"
ORIGIN = "register.example.org/log"
NOW = datetime.now(UTC).replace(microsecond=0)
#: id -> jurisdiction, alliances, roles
PEOPLE = {
    "east-hotline": ("XE", (), ("endorser", "submitter", "verifier")),
    "north-hotline": ("XN", ("northern-pact",), ("endorser", "submitter", "verifier")),
    "north-police": ("XN", ("northern-pact",), ("endorser", "police")),
    "rights-body": ("XR", (), ("adjudicator", "auditor", "endorser")),
    "south-centre": ("XS", ("northern-pact", "southern-group"), ("endorser", "submitter")),
    "south-hotline": ("XS", ("southern-group",), ("submitter",)),
}
SIGNERS = {name: Signer(hashlib.sha256(name.encode()).digest()) for name in PEOPLE}
THREE = ("east-hotline", "north-hotline", "rights-body")
STRANGER = Signer(b"\7" * 32)


def constitution(now: datetime = NOW, **changes) -> Constitution:
    begin, end = now - timedelta(days=10), now + timedelta(days=400)
    organisations = tuple(
        Organisation(
            name,
            name.replace("-", " ").title(),
            where,
            roles,
            (Key(SIGNERS[name].public_key, begin, end),),
            allied,
        )
        for name, (where, allied, roles) in sorted(PEOPLE.items())
    )
    said = {
        "number": 1,
        "previous": bytes(32),
        "valid_from": begin,
        "valid_until": end,
        "endorsers": ("east-hotline", "north-hotline", "north-police", "rights-body", "south-centre"),
        "organisations": organisations,
        "source_floor": 4,
    }
    return Constitution(**{**said, **changes})


def signed_constitution(said: Constitution) -> bytes:
    return sign_constitution(said, [SIGNERS[name] for name in THREE])


def commitment(number: int) -> bytes:
    return hashlib.sha256(b"entry %d" % number).digest()


def submission(number: int, who: str, at: datetime, **changes) -> bytes:
    said = {
        "organisation": who,
        "at": at,
        "commitment": commitment(number),
        "classification": "tutela-demo:A",
    }
    return sign(Submission(**{**said, **changes}), SIGNERS[who])


def dispute(number: int, at: datetime, **changes) -> bytes:
    said = {
        "at": at,
        "commitment": commitment(number),
        "ground": "lawful-content",
        "opener": STRANGER.public_key,
    }
    return sign(Dispute(**{**said, **changes}), STRANGER)


class MemoryState:
    """A witness's state in a dictionary."""

    def __init__(self) -> None:
        self.seen: dict[str, Seen] = {}

    def advance(self, origin, decide):
        self.seen[origin] = decide(self.seen.get(origin, Seen()))

    def keep_conflict(self, origin, signed):
        raise AssertionError("the log showed two trees")


def witness_signer(name: str) -> Ed25519Signer:
    return Ed25519Signer(f"example.org/{name}", name.encode().ljust(32, b"\2"), COSIGNATURE_ED25519)


WITNESSES = ("liberties", "safety")
POLICY_LINES = (
    "\n".join(
        [
            *(f"witness {name} {witness_signer(name).key} http://127.0.0.1:9/{name}" for name in WITNESSES),
            f"group both all {' '.join(WITNESSES)}",
            "quorum both",
            "",
        ]
    )
).encode()


@dataclass
class World:
    """The register of this test."""

    store: object
    constitution: Constitution
    down: set[str] = field(default_factory=set)
    witnesses: dict[str, Witness] = field(default_factory=dict)

    @property
    def book(self):
        from tutela.register import book

        return book.of_this_server()

    def hand_in(self, *files: bytes, now: datetime | None = None):
        from tutela.register import logbook

        done = [self.book.accept(each, "test", now) for each in files]
        logbook.catch_up(self.book)
        return done

    def now(self) -> datetime:
        return datetime.now(UTC).replace(microsecond=0)

    def entries(self, *numbers: int) -> None:
        """Submit entries by two unallied organisations."""
        for number in numbers:
            at = self.now()
            self.hand_in(submission(number, "east-hotline", at), submission(number, "north-hotline", at))

    def endorse(self, days: int = 30, who=THREE):
        """Draw a version and let endorsers sign it."""
        from tutela.register import drafts

        drawn = drafts.draw(self.book, "test", days)
        said = drafts.endorsement(drawn, who[0], self.now())
        self.hand_in(*(sign(replace(said, organisation=name, at=self.now()), SIGNERS[name]) for name in who))
        return drawn

    def ask(self, line, body: bytes) -> Answer:
        return Answer(503, b"down\n") if line.name in self.down else self.witnesses[line.name].handle(body)

    def publish(self, now: datetime | None = None) -> int:
        from tutela.register import tasks

        return tasks.run_due(now, self.ask)


@pytest.fixture
def world(db, settings, monkeypatch) -> World:
    """A register that has begun, with the witnesses of its policy in this process."""
    from tutela.register import setup, storage
    from tutela.register.storage import Store
    from tutela.sealed import keyfile

    monkeypatch.setenv("TUTELA_KEY_PASSPHRASE", PASSPHRASE)
    store, said = Store.of_this_server(), constitution()
    Path(store.root).mkdir(parents=True)
    keyfile.save(store.key_file, b"\5" * 32, PASSPHRASE, cost=12)
    answers = setup.Answers(signed_constitution(said), said.digest, ORIGIN, POLICY_LINES)
    setup.set_up(store, answers, PASSPHRASE)
    made = World(store, said)
    key = storage.Store.of_this_server().policy().log_keys()
    for name in WITNESSES:
        clock = lambda: int(datetime.now(UTC).timestamp())  # noqa: E731
        made.witnesses[name] = Witness(witness_signer(name), {ORIGIN: tuple(key)}, MemoryState(), clock)
    return made
