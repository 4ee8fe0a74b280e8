"""What organisations state. The category stands inside of what is signed; every text is of a closed set.

A statement is one JSON object; its "type" is the domain of its signature. None holds free text, a name of a
person, or a fingerprint: entries are named by their commitments (`commitments.py`).
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any, ClassVar, Final

from tutela.hashlist import strict_json
from tutela.hashlist.categories import PURPOSE
from tutela.hashlist.governance import fields
from tutela.hashlist.governance.errors import Malformed
from tutela.hashlist.governance.organisations import POLICE, SUBMITTER, VERIFIER

VERSION: Final = 1

HOTLINE: Final = "hotline"
POLICE_VOTES: Final = "police-votes"
VERIFIED_REQUEST: Final = "verified-own-request"
OWN_REQUEST: Final = "own-removal-request"
#: source kind -> the role that may submit it
SOURCES: Final = {
    HOTLINE: SUBMITTER,
    POLICE_VOTES: POLICE,
    VERIFIED_REQUEST: VERIFIER,
    OWN_REQUEST: VERIFIER,
}
#: what counts for the intersection rule: an organisation saw the picture itself and answers for it
COUNTING: Final = frozenset(SOURCES) - {OWN_REQUEST}
WITHDRAWALS: Final = ("court-order", "lawful", "mistaken", "other-classification", "owner-request")
GROUNDS: Final = (
    "lawful-content",
    "mistaken-identity",
    "my-own-picture",
    "other-purpose",
    "wrong-classification",
)
STANDS, ACCEPTED = "stands", "accepted"
KEEP, REMOVE = "keep", "remove"


@dataclass(frozen=True, kw_only=True)
class Statement:
    """What every statement has.

    Attributes:
        organisation: id of who states it; empty where anybody may.
        at: when it was signed.
        category: as in an epoch's manifest; the closed set is the constitution's.

    Raises (on construction): Malformed.
    """

    kind: ClassVar[str]
    schema: ClassVar[fields.Schema]

    organisation: str
    at: datetime
    category: str = PURPOSE

    def __post_init__(self) -> None:
        """Refuse what cannot be written."""
        fields.check(self.schema, self)

    def to_dict(self) -> dict[str, Any]:
        """Return what is signed."""
        return {"type": self.kind, "version": VERSION, **fields.write(self.schema, self)}

    @property
    def entry(self) -> bytes:
        """The commitment of the entry that it is about, or nothing."""
        return b""

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 of the canonical form, by which other statements name it."""
        return hashlib.sha256(strict_json.canonical(self.to_dict())).digest()


@dataclass(frozen=True, kw_only=True)
class OfEntry(Statement):
    """What every statement about one entry has: its commitment, 32 bytes."""

    commitment: bytes

    @property
    def entry(self) -> bytes:
        """The commitment of the entry that it is about."""
        return self.commitment


_COMMON: Final[fields.Schema] = {
    "organisation": fields.LABEL,
    "at": fields.TIME,
    "category": fields.CODE,
}
_ENTRY: Final[fields.Schema] = {**_COMMON, "commitment": fields.HASH}


@dataclass(frozen=True, kw_only=True)
class Submission(OfEntry):
    """This entry belongs in the list.

    Attributes:
        commitment: of the entry.
        classification: `scale:code`; also bound by the commitment.
        source: kind of source, a name of `SOURCES`.
        evidence: SHA-256 of what the organisation keeps about it (the tally of votes, a file's record).
    """

    kind: ClassVar[str] = "tutela-submission"
    schema: ClassVar[fields.Schema] = {
        **_ENTRY,
        "classification": fields.CODE,
        "source": fields.one_of(SOURCES),
        "evidence": fields.HASH,
    }
    classification: str
    source: str = HOTLINE
    evidence: bytes = bytes(fields.HASH_BYTES)


@dataclass(frozen=True, kw_only=True)
class Withdrawal(OfEntry):
    """A submitter takes an entry back: no earlier submission of it, by anyone, counts any more."""

    kind: ClassVar[str] = "tutela-withdrawal"
    schema: ClassVar[fields.Schema] = {**_ENTRY, "reason": fields.one_of(WITHDRAWALS)}
    reason: str


@dataclass(frozen=True, kw_only=True)
class Expiry(OfEntry):
    """The organisation's own submissions of this entry so far end at `ends`, if they do not end before."""

    kind: ClassVar[str] = "tutela-expiry"
    schema: ClassVar[fields.Schema] = {**_ENTRY, "ends": fields.TIME}
    ends: datetime


@dataclass(frozen=True, kw_only=True)
class Dispute(OfEntry):
    """Anybody says that an entry should not be listed, under a key of their own.

    Attributes:
        commitment: of the entry.
        ground: one of `GROUNDS`.
        opener: the raw Ed25519 public key that signs; `organisation` is empty.
    """

    kind: ClassVar[str] = "tutela-dispute"
    schema: ClassVar[fields.Schema] = {
        **_ENTRY,
        "organisation": fields.one_of([""]),
        "ground": fields.one_of(GROUNDS),
        "opener": fields.HASH,
    }
    ground: str
    opener: bytes
    organisation: str = ""


@dataclass(frozen=True, kw_only=True)
class Answer(OfEntry):
    """A submitter answers a dispute: the entry stands, or (`accepted`) is withdrawn."""

    kind: ClassVar[str] = "tutela-answer"
    schema: ClassVar[fields.Schema] = {
        **_ENTRY,
        "dispute": fields.HASH,
        "outcome": fields.one_of([STANDS, ACCEPTED]),
    }
    dispute: bytes
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Decision(OfEntry):
    """An adjudicator decides a dispute: the entry is removed, or may be kept."""

    kind: ClassVar[str] = "tutela-decision"
    schema: ClassVar[fields.Schema] = {
        **_ENTRY,
        "dispute": fields.HASH,
        "outcome": fields.one_of([KEEP, REMOVE]),
    }
    dispute: bytes
    outcome: str


@dataclass(frozen=True, kw_only=True)
class Endorsement(Statement):
    """This list version follows from the history by the rules, and may be used.

    Attributes:
        number: of the list version; only ever grows.
        root: of the sorted entry commitments.
        size: number of records of the history that the list was drawn from.
        drawn: the moment for which it was drawn.
        valid_from: first moment of use.
        valid_until: first moment after it.
        constitution: digest of the one in force.
    """

    kind: ClassVar[str] = "tutela-endorsement"
    schema: ClassVar[fields.Schema] = {
        **_COMMON,
        "number": fields.WHOLE,
        "root": fields.HASH,
        "size": fields.WHOLE,
        "drawn": fields.TIME,
        "valid_from": fields.TIME,
        "valid_until": fields.TIME,
        "constitution": fields.HASH,
    }
    number: int
    root: bytes
    size: int
    drawn: datetime
    valid_from: datetime
    valid_until: datetime
    constitution: bytes

    @property
    def version(self) -> tuple[object, ...]:
        """What two endorsements of one list version agree in: everything but who signed and when."""
        return tuple(getattr(self, name) for name in self.schema if name not in {"organisation", "at"})


KINDS: Final[dict[str, type[Statement]]] = {
    each.kind: each for each in (Submission, Withdrawal, Expiry, Dispute, Answer, Decision, Endorsement)
}


def from_dict(data: Any) -> Statement:
    """Read a statement of any kind; raises `Malformed`."""
    kind = data.get("type") if isinstance(data, dict) else None
    found = KINDS.get(kind) if isinstance(kind, str) else None
    if found is None:
        raise Malformed("It is a statement of a kind that is not known here.")
    return found(**fields.read(found.schema, data, {"type": found.kind, "version": VERSION}))
