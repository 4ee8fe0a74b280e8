"""Signed documents: canonical JSON (RFC 8785, integers only) under Ed25519 (RFC 8032).

    {"signed": {"type": ..., "version": 1, ...}, "signatures": [{"key_id": ..., "signature": hex}, ...]}
    signature = Ed25519(key, "tutela governance 1" || 0 || type || 0 || canonical JSON of "signed")

A statement has exactly one signature; a constitution one of each endorser that signs it. Tag and type keep a
signature on one kind of document from standing under another. Unlike an epoch's envelope, a signature of a
stranger is refused by name: these documents are the record of who said what.

Not protected: when a statement was signed. Its time is what the signer says; the history only bounds it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from tutela.hashlist import strict_json
from tutela.hashlist.errors import BadJSON
from tutela.hashlist.governance import fields, statements
from tutela.hashlist.governance.constitution import Constitution
from tutela.hashlist.governance.errors import (
    AlliedOnly,
    DuplicateSigner,
    ForgedSignature,
    Malformed,
    OtherConstitution,
    TooFewEndorsements,
    WrongRole,
)
from tutela.hashlist.governance.organisations import Directory, Organisation, independent
from tutela.hashlist.governance.statements import Dispute, Statement
from tutela.hashlist.trust import Signer, key_id

_TAG: Final = b"tutela governance 1\0"
MAX_SIGNATURES: Final = 64
MAX_STATEMENT: Final = 8192
MAX_CONSTITUTION: Final = 1 << 19
_SIGNATURE: Final[fields.Schema] = {
    "key_id": fields.Codec(str, lambda value: fields.read_bytes(value, 16).hex()),
    "signature": fields.Codec(bytes.hex, lambda value: fields.read_bytes(value, fields.SIGNATURE_BYTES)),
}


@dataclass(frozen=True, slots=True)
class Verified:
    """A statement whose signature was checked: by `verify`, and nothing else should make one.

    Attributes:
        statement: what was said.
        organisation: by whom, as the directory had it then; None for a dispute.
        data: the file, in its canonical layout.
    """

    statement: Statement
    organisation: Organisation | None
    data: bytes


def message(signed: dict[str, Any]) -> bytes:
    """Return the bytes that a signature is made over."""
    return _TAG + str(signed["type"]).encode() + b"\0" + strict_json.canonical(signed)


def sign(statement: Statement, signer: Signer) -> bytes:
    """Return the file of a statement, one line."""
    return _seal(statement.to_dict(), [signer])


def sign_constitution(constitution: Constitution, signers: Sequence[Signer]) -> bytes:
    """Return the file of a constitution, one line."""
    return _seal(constitution.to_dict(), signers)


def verify(data: bytes, directory: Directory) -> Verified:
    """Return the statement in `data`, whose signer the directory holds.

    Raises:
        Malformed, UnknownOrganisation, ForgedSignature: as they say.
        WrongRole: the key is another organisation's than the one that the statement names.
    """
    signed, signatures = split(data, MAX_STATEMENT)
    statement = statements.from_dict(signed)
    if len(signatures) != 1:
        raise Malformed("A statement has one signature.")
    ((key, signature),) = signatures
    if isinstance(statement, Dispute):
        if key != key_id(statement.opener):
            raise ForgedSignature("It is of another key than the one that opened the dispute.")
        check_signature(statement.opener, signature, signed)
        return Verified(statement, None, tidy(data, MAX_STATEMENT))
    organisation, found = directory.signer(key, statement.at)
    check_signature(found.public_key, signature, signed)
    if organisation.id != statement.organisation:
        raise WrongRole("It was signed in another's name.", organisation=organisation.id)
    return Verified(statement, organisation, tidy(data, MAX_STATEMENT))


def read_constitution(data: bytes, known: bytes | Constitution) -> Constitution:
    """Return the constitution in `data`, if it is the one known, or the lawful successor of the one known.

    Args:
        data: the file.
        known: digest of the first constitution; or the one before this.

    Raises:
        Malformed, BadConstitution: it is none.
        OtherConstitution: it is another, or does not follow.
        UnknownOrganisation, ForgedSignature, DuplicateSigner, WrongRole, AlliedOnly, TooFewEndorsements:
            its signatures are not a quorum.
    """
    signed, signatures = split(data, MAX_CONSTITUTION)
    constitution = Constitution.from_dict(signed)
    judge = known if isinstance(known, Constitution) else constitution
    if isinstance(known, Constitution):
        follows = constitution.number == known.number + 1 and constitution.previous == known.digest
        if not follows or not known.valid_from <= constitution.valid_from:
            raise OtherConstitution("It does not follow the one before.")
    elif constitution.digest != known:
        raise OtherConstitution
    signers = []
    for key, signature in signatures:
        organisation, found = judge.directory.signer(key, constitution.valid_from)
        check_signature(found.public_key, signature, signed)
        signers.append(organisation)
    check_quorum(signers, judge, judge.amendment_quorum)
    return constitution


def check_quorum(signers: Sequence[Organisation], constitution: Constitution, quorum: int) -> None:
    """Raise unless these organisations are a quorum of the constitution's endorsers.

    Raises:
        WrongRole, DuplicateSigner, TooFewEndorsements, AlliedOnly: as they say.
    """
    if len({each.id for each in signers}) != len(signers):
        raise DuplicateSigner
    for each in signers:
        if each.id not in constitution.endorsers:
            raise WrongRole(organisation=each.id)
    if len(signers) < quorum:
        raise TooFewEndorsements(found=len(signers), needed=quorum)
    if (found := independent(signers, quorum)) < quorum:
        raise AlliedOnly(found=found, needed=quorum)


def split(data: bytes, limit: int) -> tuple[dict[str, Any], tuple[tuple[str, bytes], ...]]:
    """Return what is signed, and each signature with its key's id; raises `Malformed`."""
    try:
        found = strict_json.read(data, max_bytes=limit)
    except BadJSON as error:
        raise Malformed(error.message) from error
    read_one = fields.read_list(lambda item: fields.read(_SIGNATURE, item), MAX_SIGNATURES)
    parts = fields.read(
        {"signed": fields.Codec(dict, _object), "signatures": fields.Codec(list, read_one)}, found
    )
    return parts["signed"], tuple((item["key_id"], item["signature"]) for item in parts["signatures"])


def tidy(data: bytes, limit: int) -> bytes:
    """Return a signed file in its canonical layout, which is what histories keep; raises `Malformed`."""
    split(data, limit)
    return strict_json.canonical(strict_json.read(data, max_bytes=limit)) + b"\n"


def check_signature(public_key: bytes, signature: bytes, signed: dict[str, Any]) -> None:
    """Raise `ForgedSignature` unless it fits."""
    try:
        Ed25519PublicKey.from_public_bytes(public_key).verify(signature, message(signed))
    except (InvalidSignature, ValueError) as error:
        raise ForgedSignature from error


def _object(value: Any) -> dict[str, Any]:
    if isinstance(value, dict) and isinstance(value.get("type"), str):
        return value
    raise Malformed("What is signed is an object with a type.")


def _seal(signed: dict[str, Any], signers: Sequence[Signer]) -> bytes:
    whole = message(signed)
    listed = [{"key_id": key_id(each.public_key), "signature": each.sign(whole).hex()} for each in signers]
    return strict_json.canonical({"signed": signed, "signatures": listed}) + b"\n"
