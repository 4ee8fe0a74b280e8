"""Commitments to entries: the same for everyone who submits the same entry, a secret to everyone else.

    salt       = HMAC-SHA256(register secret, "tutela entry salt 1" || 0 || canonical)
    commitment = SHA-256("tutela entry commitment 1" || 0 || salt || canonical)
    canonical  = canonical JSON of {"classification", "md5", "pdq", "sha256"}: lower-case hex or null

The register secret is 32 bytes that the submitting organisations share. So two organisations that submit the
same entry arrive at the same commitment without talking to each other, and anybody can count, from public
statements alone, how many organisations stand behind each commitment. The salt opens one commitment to an
auditor without the secret and without any other entry.

What it protects: without the secret, a commitment says nothing of the entry and no guess can be tested.
What it does not protect:

- Whoever holds the secret can test any fingerprint against all published commitments. All submitters do, as
  they hold the entries themselves. If the secret leaks, so can everybody; fingerprints that were published
  or guessed are then recognised. A new secret means new commitments, and new submissions of every entry.
- All fingerprints and the classification are bound. That is on purpose: else one submitter could confirm a
  SHA-256 and another slip in a PDQ of something else. So a submitter that has only some of the fingerprints,
  or another classification, makes another commitment; the two link only once both state the same.
- The number of entries, when each was submitted and by whom, is public.
- That each of two organisations has truly seen the picture: a submitter that only copies what another one
  announced is not told apart by mathematics. It signs that it has, and answers for it.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Final

from tutela.hashlist import strict_json
from tutela.hashlist.entries import SIGNALS, Entry
from tutela.hashlist.governance.errors import Malformed, OtherRoot

SECRET_BYTES: Final = 32
_SALT: Final = b"tutela entry salt 1\0"
_COMMITMENT: Final = b"tutela entry commitment 1\0"
_EMPTY: Final = hashlib.sha256(b"tutela empty list 1\0").digest()
_LEAF, _NODE = b"\0", b"\1"


@dataclass(frozen=True, slots=True)
class Opening:
    """What a commitment is to: the fingerprints, the classification, the salt."""

    fingerprints: tuple[tuple[str, bytes | None], ...]
    classification: str
    salt: bytes

    def commitment(self) -> bytes:
        """Return 32 bytes."""
        content = _canonical(dict(self.fingerprints), self.classification)
        return hashlib.sha256(_COMMITMENT + self.salt + content).digest()

    def check(self, commitment: bytes) -> None:
        """Raise `OtherRoot` unless this opens the commitment."""
        if not hmac.compare_digest(self.commitment(), commitment):
            raise OtherRoot("The opening is of another commitment.")


def classification_of(entry: Entry) -> str:
    """Return `scale:code`."""
    return f"{entry.scale}:{entry.category}"


def opening(entry: Entry, secret: bytes) -> Opening:
    """Return the opening of an entry's commitment; provenance, id, quality and cluster are not part of it.

    Raises:
        Malformed: the secret has another length than 32 bytes.
    """
    if len(secret) != SECRET_BYTES:
        raise Malformed("The secret of a register has 32 bytes.")
    signals = {name: getattr(entry, name) for name in SIGNALS}
    content = _canonical(signals, classification_of(entry))
    salt = hmac.digest(secret, _SALT + content, "sha256")
    return Opening(tuple(sorted(signals.items())), classification_of(entry), salt)


def commit(entry: Entry, secret: bytes) -> bytes:
    """Return the commitment of an entry, 32 bytes; raises `Malformed`."""
    return opening(entry, secret).commitment()


def list_root(commitments: Iterable[bytes]) -> bytes:
    """Return the Merkle root over the sorted commitments: the tree of RFC 9162, section 2.1.

    An empty list has a root of its own. The root does not depend on the order given, nor on repetitions.
    """
    level = [hashlib.sha256(_LEAF + each).digest() for each in sorted(set(commitments))]
    while len(level) > 1:
        pairs = zip(level[::2], level[1::2], strict=False)
        odd = level[-1:] if len(level) % 2 else []
        level = [hashlib.sha256(_NODE + left + right).digest() for left, right in pairs] + odd
    return level[0] if level else _EMPTY


def _canonical(signals: dict[str, bytes | None], classification: str) -> bytes:
    said: dict[str, Any] = {name: None if value is None else value.hex() for name, value in signals.items()}
    return strict_json.canonical({**said, "classification": classification})
