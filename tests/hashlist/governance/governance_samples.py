"""Seven invented organisations, their keys, and short ways to make statements and histories."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from tutela.hashlist.governance import (
    Constitution,
    Dispute,
    Endorsement,
    History,
    Key,
    Organisation,
    Statement,
    Submission,
    Verified,
    sign,
    sign_constitution,
)
from tutela.hashlist.governance.records import Amendment
from tutela.hashlist.trust import Signer

BEGIN = datetime(2026, 1, 1, tzinfo=UTC)
END = datetime(2028, 1, 1, tzinfo=UTC)
#: id -> jurisdiction, alliances, roles
PEOPLE = {
    "east-hotline": ("XE", (), ("endorser", "submitter", "verifier")),
    "north-hotline": ("XN", ("pact",), ("endorser", "submitter", "verifier")),
    "north-police": ("XN", ("pact",), ("endorser", "police")),
    "rights-body": ("XR", (), ("adjudicator", "auditor", "endorser")),
    "south-centre": ("XS", ("group", "pact"), ("endorser", "submitter")),
    "south-hotline": ("XS", ("group",), ("submitter",)),
    "west-centre": ("XW", (), ("adjudicator", "submitter", "verifier")),
}
SIGNERS = {name: Signer(hashlib.sha256(name.encode()).digest()) for name in PEOPLE}
STRANGER = Signer(b"\7" * 32)


def organisation(name: str) -> Organisation:
    jurisdiction, alliances, roles = PEOPLE[name]
    key = Key(SIGNERS[name].public_key, BEGIN, END)
    return Organisation(name, name.replace("-", " "), jurisdiction, roles, (key,), alliances)


def constitution(**changes: Any) -> Constitution:
    said: dict[str, Any] = {
        "number": 1,
        "previous": bytes(32),
        "valid_from": BEGIN,
        "valid_until": END,
        "endorsers": ("east-hotline", "north-hotline", "north-police", "rights-body", "south-centre"),
        "organisations": tuple(organisation(name) for name in sorted(PEOPLE)),
        "source_floor": 4,
    }
    return Constitution(**{**said, **changes})


FIRST = constitution()
FIRST_DATA = sign_constitution(
    FIRST, [SIGNERS[name] for name in ("east-hotline", "north-hotline", "rights-body")]
)


def hours(count: float) -> datetime:
    return BEGIN + timedelta(hours=count)


def name(number: int) -> bytes:
    return hashlib.sha256(b"entry %d" % number).digest()


def begin(first: Constitution = FIRST) -> History:
    """A history whose first constitution needs no signatures."""
    return History(Amendment(first, b"{}"), BEGIN)


def signed(statement: Statement) -> bytes:
    return sign(statement, STRANGER if isinstance(statement, Dispute) else SIGNERS[statement.organisation])


def admit(history: History, statement: Statement) -> None:
    """Take a statement in without the cost of a signature, at the time at which it was signed."""
    who = history.constitution.directory.get(statement.organisation)
    history.admit(Verified(statement, who, b"{}"), statement.at)


def submission(number: int, who: str, at: datetime, **changes: Any) -> Submission:
    said = {"organisation": who, "at": at, "commitment": name(number), "classification": "tutela-demo:A"}
    return Submission(**{**said, **changes})


def dispute(number: int, at: datetime) -> Dispute:
    return Dispute(at=at, commitment=name(number), ground="lawful-content", opener=STRANGER.public_key)


def endorsement(history: History, who: str, drawn: datetime, number: int = 1, **changes: Any) -> Endorsement:
    """Endorse what the history gives at `drawn`."""
    size = history.size_at(drawn)
    said: dict[str, Any] = {
        "organisation": who,
        "at": drawn,
        "number": number,
        "root": history.draw(history.constitution, size, drawn).root,
        "size": size,
        "drawn": drawn,
        "valid_from": drawn,
        "valid_until": drawn + timedelta(days=30),
        "constitution": history.constitution.digest,
    }
    return Endorsement(**{**said, **changes})


THREE = ("east-hotline", "north-hotline", "rights-body")


def endorse(history: History, at: datetime, number: int = 1, who: tuple[str, ...] = THREE) -> None:
    """Draw once, then let each endorser sign."""
    drawn = endorsement(history, who[0], at, number)
    for place, each in enumerate(who, 1):
        admit(history, replace(drawn, organisation=each, at=at + timedelta(seconds=place)))
