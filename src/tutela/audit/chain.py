"""The chain itself: records, their canonical digest, appending and verifying. Pure.

Canonical form: the record without its own digest, as JSON with sorted keys, no spaces, UTF-8 and
without ASCII escapes; `at` in UTC with exactly six digits of a second; digests as lower-case hex. The
digest is SHA-256 over a domain tag, a line feed and that JSON. Details are limited to values that every
database gives back unchanged (text, 53-bit integers, booleans, null): no floats.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

from tutela.errors import InputError, VerificationError

DOMAIN = b"tutela audit record v1\n"
GENESIS = bytes(32)
"""What the first record names as its previous digest."""

LARGEST_INTEGER = 2**53 - 1
LARGEST_TEXT = 65_536
MOST_DETAILS = 64

Scalar = str | int | bool | None


class MalformedRecord(InputError):
    """A record, or what was given to make one, is not of the kind that the chain holds."""

    code = "audit.malformed"


class ChainBroken(VerificationError):
    """The chain does not hold.

    Attributes:
        place: the sequence number at which the first thing is wrong (what should stand there).
    """

    code = "audit.chain-broken"

    def __init__(self, place: int, reason: str) -> None:
        super().__init__(
            f"the audit chain is broken at record {place}: {reason}",
            hint="Compare with a copy or a published head from before that record.",
        )
        self.place = place
        self.reason = reason


class Head(NamedTuple):
    """The end of a chain: publish it, and a later truncation or rewriting shows.

    Attributes:
        length: number of records in the chain.
        digest: digest of the last record, or GENESIS for an empty chain.
    """

    length: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """One link.

    Attributes:
        sequence: 0 for the first record, then one more each.
        at: when, in UTC.
        actor: who (an account name, or a machine's).
        action: what, as a dotted verb ("case.opened").
        subject: to what ("case/17").
        detail: a few plain values; never content or personal data.
        previous: 32 bytes, digest of the record before.
        digest: 32 bytes, digest of this one.
    """

    sequence: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, Scalar] = field(hash=False)
    previous: bytes
    digest: bytes

    @property
    def head(self) -> Head:
        """The head of a chain that ends with this record."""
        return Head(self.sequence + 1, self.digest)


def append(
    previous: Record | None,
    actor: str,
    action: str,
    subject: str,
    at: datetime,
    detail: Mapping[str, Scalar] | None = None,
) -> Record:
    """Make the record that follows `previous` (None: the first one).

    Raises:
        MalformedRecord: a text is empty or not storable, `at` has no time zone, or a detail is not a
            plain scalar.
    """
    if at.tzinfo is None:
        raise MalformedRecord("the time of an audit record has no time zone")
    sequence, link = (0, GENESIS) if previous is None else (previous.sequence + 1, previous.digest)
    details = dict(detail or {})
    moment = at.astimezone(UTC)
    digest = digest_of(sequence, moment, actor, action, subject, details, link)
    return Record(sequence, moment, actor, action, subject, details, link, digest)


def digest_of(
    sequence: int,
    at: datetime,
    actor: str,
    action: str,
    subject: str,
    detail: Mapping[str, Scalar],
    previous: bytes,
) -> bytes:
    """Return the 32-byte digest of a record's canonical form.

    Raises:
        MalformedRecord: a part is outside what a record may hold.
    """
    _check(sequence, at, previous, detail)
    for name, value in (("actor", actor), ("action", action), ("subject", subject)):
        if not value:
            raise MalformedRecord(f"the {name} of an audit record is empty")
        _check_text(name, value)
    body = {
        "sequence": sequence,
        "at": stamp(at),
        "actor": actor,
        "action": action,
        "subject": subject,
        "detail": dict(detail),
        "previous": previous.hex(),
    }
    return hashlib.sha256(DOMAIN + canonical(body)).digest()


def canonical(body: Mapping[str, object]) -> bytes:
    """Return the one JSON encoding of `body` that digests are taken over."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return text.encode("utf-8")


def stamp(at: datetime) -> str:
    """Return a moment as `2026-11-23T09:30:00.000000Z`."""
    return at.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds") + "Z"


def verify(records: Iterable[Record], *, head: Head | None = None, after: Head | None = None) -> Head:
    """Check a chain from its beginning, or from just after a head that was checked before.

    Args:
        records: in order.
        head: what the chain must end with, known from elsewhere; without it a chain that was cut short
            at its end cannot be told from a whole one.
        after: begin here instead of at the first record.

    Returns:
        The head of the chain, to be given as `after` or `head` next time.

    Raises:
        ChainBroken: with the place of the first fault.
    """
    length, link = after if after is not None else Head(0, GENESIS)
    for record in records:
        _verify_link(record, length, link)
        length, link = record.head
    if head is not None and head != (length, link):
        if length < head.length:
            raise ChainBroken(length, f"it ends here, but {head.length} records were known")
        raise ChainBroken(max(length - 1, 0), "it ends otherwise than the known head says")
    return Head(length, link)


def _verify_link(record: Record, sequence: int, link: bytes) -> None:
    if record.sequence != sequence:
        raise ChainBroken(sequence, f"record {record.sequence} stands in its place")
    if record.previous != link:
        raise ChainBroken(sequence, "it does not follow the record before it")
    try:
        expected = digest_of(
            record.sequence,
            record.at,
            record.actor,
            record.action,
            record.subject,
            record.detail,
            record.previous,
        )
    except MalformedRecord as error:
        raise ChainBroken(sequence, error.message) from error
    if record.digest != expected:
        raise ChainBroken(sequence, "its content is not what its digest says")


def _check(sequence: int, at: datetime, previous: bytes, detail: Mapping[str, Scalar]) -> None:
    if isinstance(sequence, bool) or not 0 <= sequence <= LARGEST_INTEGER:
        raise MalformedRecord("the sequence number of an audit record is out of range")
    if at.tzinfo is None:
        raise MalformedRecord("the time of an audit record has no time zone")
    if len(previous) != len(GENESIS):
        raise MalformedRecord("the previous digest of an audit record is not 32 bytes")
    if len(detail) > MOST_DETAILS:
        raise MalformedRecord(f"an audit record has more than {MOST_DETAILS} details")
    for name, value in detail.items():
        _check_text("name of a detail", name)
        _check_detail(name, value)


def _check_detail(name: str, value: object) -> None:
    if isinstance(value, str):
        _check_text(f"detail {name!r}", value)
    elif isinstance(value, int):
        if abs(value) > LARGEST_INTEGER:
            raise MalformedRecord(f"detail {name!r} of an audit record is too large an integer")
    elif value is not None:
        raise MalformedRecord(
            f"detail {name!r} of an audit record is not text, an integer, a boolean or nothing",
            hint="Write a fraction as text or in smaller units.",
        )


def _check_text(what: str, value: object) -> None:
    if not isinstance(value, str) or len(value) > LARGEST_TEXT:
        raise MalformedRecord(
            f"the {what} of an audit record is not text of at most {LARGEST_TEXT} characters"
        )
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise MalformedRecord(f"the {what} of an audit record has characters that no database stores")
