"""Signed statements: canonical JSON with detached Ed25519 signatures, so that several can sign in turn.

    {"signed": {"type": ..., "version": ..., ...}, "signatures": [{"key_id": ..., "signature": hex}, ...]}
    signature = Ed25519(key, "tutela signed statement 1" || 0 byte || canonical JSON of "signed")

(RFC 8032, RFC 8785.) The layout of the file does not matter, the statement's canonical form does. "type"
keeps a signature on one kind of statement from standing under another. A signature under a key that is not
trusted counts for nothing; one under a trusted key that does not fit condemns the whole file.

Not protected: when a statement was signed, and that everybody is shown the same one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tutela.errors import VerificationError
from tutela.hashlist import strict_json
from tutela.hashlist.errors import BadJSON
from tutela.hashlist.trust import Signer, Trust, TrustedKey, key_id

MAX_SIGNATURES: Final = 64
_TAG: Final = b"tutela signed statement 1\0"

Statement = dict[str, Any]


class BrokenStatement(VerificationError):
    """The bytes are not a signed statement, or they are not what a trusted key signed."""

    code = "hashlist.broken_statement"


class UnknownSigners(VerificationError):
    """Too few of the trusted keys signed."""

    code = "hashlist.unknown_signers"


@dataclass(frozen=True, slots=True)
class Verified:
    """A statement that enough trusted keys signed, and the names of their holders in order."""

    statement: Statement
    signers: tuple[str, ...]


def sign(statement: Statement, signers: Sequence[Signer]) -> bytes:
    """Return the signed statement's file."""
    message = _TAG + strict_json.canonical(statement)
    signatures = [
        {"key_id": key_id(signer.public_key), "signature": signer.sign(message).hex()} for signer in signers
    ]
    return strict_json.canonical({"signed": statement, "signatures": signatures}) + b"\n"


def add_signature(data: bytes, signer: Signer) -> bytes:
    """Return the file with one signature more, or unchanged if this key has signed already.

    Raises:
        BrokenStatement: the file is not a signed statement.
    """
    statement, signatures = _split(data)
    name = key_id(signer.public_key)
    if name in signatures:
        return data
    message = _TAG + strict_json.canonical(statement)
    listed = [{"key_id": key, "signature": value.hex()} for key, value in signatures.items()]
    listed.append({"key_id": name, "signature": signer.sign(message).hex()})
    return strict_json.canonical({"signed": statement, "signatures": listed}) + b"\n"


def verify(data: bytes, trust: Trust, role: str) -> Verified:
    """Return the statement, if a quorum of the keys that `trust` holds for `role` signed it.

    Raises:
        BrokenStatement: malformed, or a trusted key's signature does not fit.
        UnknownSigners: fewer trusted keys signed than the quorum asks for.
    """
    statement, signatures = _split(data)
    message = _TAG + strict_json.canonical(statement)
    trusted = trust.for_role(role)
    names = [_check(trusted[key], value, message) for key, value in signatures.items() if key in trusted]
    if len(names) < trust.quorum:
        raise UnknownSigners(
            f"{len(names)} of the {trust.quorum} trusted signatures that are needed are there."
        )
    return Verified(statement, tuple(sorted(names)))


def _check(key: TrustedKey, signature: bytes, message: bytes) -> str:
    try:
        Ed25519PublicKey.from_public_bytes(key.public_key).verify(signature, message)
    except (InvalidSignature, ValueError) as error:
        raise BrokenStatement(f"The signature of {key.name} does not fit.") from error
    return key.name


def _split(data: bytes) -> tuple[Statement, Mapping[str, bytes]]:
    try:
        found = strict_json.read(data)
        statement, listed = found["signed"], found["signatures"]
        signatures = {item["key_id"]: bytes.fromhex(item["signature"]) for item in listed}
        sound = set(found) == {"signed", "signatures"} and isinstance(statement, dict)
    except (BadJSON, KeyError, TypeError, ValueError) as error:
        raise BrokenStatement("This is not a signed statement.") from error
    unique = len(signatures) == len(listed) <= MAX_SIGNATURES
    if not sound or not unique or not all(isinstance(key, str) for key in signatures):
        raise BrokenStatement("This is not a signed statement.")
    return statement, signatures
