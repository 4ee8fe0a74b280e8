"""Sign a document on the machine that holds the key: the register never sees the key, the key no register.

What is to be signed is a canonical statement without signatures, as the register's page gives it, or a
constitution that others may have signed before. It is read and understood first: what cannot be read is not
signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tutela.hashlist import strict_json
from tutela.hashlist.errors import BadJSON
from tutela.hashlist.governance import Constitution, GovernanceError, sign, sign_constitution
from tutela.hashlist.governance.constitution import TYPE as CONSTITUTION
from tutela.hashlist.governance.signing import MAX_CONSTITUTION
from tutela.hashlist.governance.statements import from_dict
from tutela.hashlist.trust import Signer
from tutela.register.errors import NotToSign


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed file, what it says, and the digest (in hex) by which other documents name it."""

    data: bytes
    said: dict[str, Any]
    digest: str


def sign_document(data: bytes, signer: Signer) -> Signed:
    """Return a document with the signer's signature.

    Raises:
        NotToSign: it is no document of the register, or is signed already.
    """
    found = _read(data)
    if found.get("type") == CONSTITUTION or "signed" in found:
        return _sign_constitution(found, signer)
    try:
        statement = from_dict(found)
    except GovernanceError as error:
        raise NotToSign(error.message, hint="Take the file as the register's page gave it.") from error
    return Signed(sign(statement, signer), statement.to_dict(), statement.digest.hex())


def _sign_constitution(found: dict[str, Any], signer: Signer) -> Signed:
    try:
        constitution = Constitution.from_dict(found.get("signed", found))
    except GovernanceError as error:
        raise NotToSign(error.message, hint="A statement that is signed is not signed again.") from error
    envelope = strict_json.read(sign_constitution(constitution, [signer]))
    earlier = found.get("signatures", []) if "signed" in found else []
    (own,) = envelope["signatures"]
    if not isinstance(earlier, list) or any(
        isinstance(each, dict) and each.get("key_id") == own["key_id"] for each in earlier
    ):
        raise NotToSign("This key signed it already.")
    envelope["signatures"] = [*earlier, own]
    signed = strict_json.canonical(envelope) + b"\n"
    return Signed(signed, constitution.to_dict(), constitution.digest.hex())


def _read(data: bytes) -> dict[str, Any]:
    try:
        found = strict_json.read(data, max_bytes=MAX_CONSTITUTION)
    except BadJSON as error:
        raise NotToSign(error.message) from error
    if not isinstance(found, dict):
        raise NotToSign("It is no document of the register.")
    return found
