"""Cosignatures (C2SP tlog-cosignature), Ed25519, type 0x04: a witness's dated statement.

    cosignature/v1
    time <POSIX seconds>
    <the checkpoint's text>

A signature line's value is the time (64 bits, big-endian) and the 64 bytes of the signature. It says: at that
time, this was the largest tree that I saw of that log, and it continues all that I saw before.

What this does NOT protect: witnesses do not read the leaves, and a quorum of witnesses that lie together can
show two trees.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from tutela.tlog import note
from tutela.tlog.errors import BadCosignature, Malformed, TrustError, Unsupported
from tutela.tlog.note import COSIGNATURE_ED25519, Signature, Signer, VerifierKey

TIME_BYTES: Final = 8


@dataclass(frozen=True, slots=True)
class Kind:
    """How cosignatures of one type are made: what is signed, how long the signature is, who verifies it."""

    message: Callable[[str, int], bytes]
    signature_bytes: int
    verify: Callable[[bytes, bytes, bytes], None]


def _message_v1(text: str, time: int) -> bytes:
    return f"cosignature/v1\ntime {time}\n{text}".encode()


#: ML-DSA-44 (0x06) is one more row: its message is the `subtree/v1` structure, its signature 2,420 bytes
KINDS: Final[Mapping[int, Kind]] = {COSIGNATURE_ED25519: Kind(_message_v1, 64, note.verify_ed25519)}


def cosign(text: str, signer: Signer, time: int) -> Signature:
    """Return a cosignature.

    Args:
        text: the checkpoint's text, with its final newline.
        signer: with a key of a cosignature type.
        time: POSIX seconds.

    Raises:
        Unsupported: the key does not make cosignatures.
    """
    if not 0 <= time < 1 << 63:
        raise Malformed("The time of a cosignature is out of range.")
    key = signer.key
    value = signer.sign(_kind(key).message(text, time))
    return Signature(key.name, key.id, time.to_bytes(TIME_BYTES, "big") + value)


def verify(text: str, signature: Signature, key: VerifierKey) -> int:
    """Check a cosignature; return its time in POSIX seconds.

    Raises:
        Unsupported: the key's type is not verified here.
        BadCosignature: it is not the key's over this text.
    """
    kind = _kind(key)
    value = signature.value
    time = int.from_bytes(value[:TIME_BYTES], "big")
    whole = len(value) == TIME_BYTES + kind.signature_bytes and time < 1 << 63
    if not whole or not key.made(signature):
        raise _bad(key)
    try:
        kind.verify(key.public, value[TIME_BYTES:], kind.message(text, time))
    except TrustError as error:
        raise _bad(key) from error
    return time


def _bad(key: VerifierKey) -> BadCosignature:
    return BadCosignature(
        f"The cosignature of the witness {key.name} does not verify.",
        hint="The checkpoint was changed on its way, or the witness's key: fetch it again.",
    )


def _kind(key: VerifierKey) -> Kind:
    if key.type not in KINDS:
        name = note.KEY_TYPES[key.type][0]
        raise Unsupported(f"The key of {key.name} is of the type {name}, which is not verified here.")
    return KINDS[key.type]
