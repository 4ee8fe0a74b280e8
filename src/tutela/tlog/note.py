"""Signed notes (C2SP signed-note): a text, and signature lines under it.

    key ID = SHA-256(name || 0x0A || type || public key)[:4]
    verifier key: name "+" key ID in hex "+" base64(type || public key)

What this does NOT protect: a note's text means nothing before a signature of a key that the reader already
trusts was verified; the key ID is an index, not a commitment.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from tutela.tlog.errors import Malformed, Truncated, TrustError, Unsupported

MAX_NOTE_BYTES: Final = 64 * 1024
MAX_SIGNATURES: Final = 64
MAX_NAME_BYTES: Final = 255
ED25519: Final = 0x01
COSIGNATURE_ED25519: Final = 0x04
COSIGNATURE_ML_DSA_44: Final = 0x06
#: signature type -> (name, bytes of the public key). The last is read in keys and policies, not verified yet.
KEY_TYPES: Final = {
    ED25519: ("Ed25519", 32),
    COSIGNATURE_ED25519: ("cosignature/v1", 32),
    COSIGNATURE_ML_DSA_44: ("ML-DSA-44 cosignature", 1312),
}
_SIGNATURE_LINE: Final = re.compile(r"— (\S+) ([A-Za-z0-9+/=]+)")
_VERIFIER_KEY: Final = re.compile(r"([^\s+]+)\+([0-9a-f]{8})\+([A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A name with a public key and the type of signature that it makes.

    Raises:
        Malformed: the name or the key's length is not allowed.
    """

    name: str
    type: int
    public: bytes

    def __post_init__(self) -> None:
        check_name(self.name)
        if self.type not in KEY_TYPES:
            raise Unsupported(f"The key of {self.name} is of an unknown type ({self.type:#04x}).")
        if len(self.public) != KEY_TYPES[self.type][1]:
            raise Malformed(f"The key of {self.name} has {len(self.public)} bytes.")

    @classmethod
    def parse(cls, text: str) -> VerifierKey:
        """Read a verifier key, as `str` writes it.

        Raises:
            Malformed, Unsupported: it is not one.
        """
        match = _VERIFIER_KEY.fullmatch(text) if len(text) < 4096 else None
        if not match:
            raise Malformed("A verifier key is not of the form name+id+key.")
        material = decoded(match[3])
        if not material:
            raise Malformed("A verifier key is empty.")
        key = cls(match[1], material[0], material[1:])
        if key.id.hex() != match[2]:
            raise Malformed(f"The id of the key of {key.name} does not fit the key.")
        return key

    @property
    def id(self) -> bytes:
        """The key ID: 4 bytes."""
        return sha256(self.name.encode() + b"\n" + bytes([self.type]) + self.public).digest()[:4]

    def made(self, signature: Signature) -> bool:
        """Tell whether a signature line bears this key's name and ID. It says nothing of its validity."""
        return signature.name == self.name and signature.key_id == self.id

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{encoded(bytes([self.type]) + self.public)}"


@dataclass(frozen=True, slots=True)
class Signature:
    """One signature line, verified or not."""

    name: str
    key_id: bytes
    value: bytes

    def line(self) -> str:
        """Return the line, with its newline."""
        return f"— {self.name} {encoded(self.key_id + self.value)}\n"

    @classmethod
    def parse(cls, line: str) -> Signature:
        """Read a line without its newline.

        Raises:
            Malformed: it is not a signature line.
        """
        match = _SIGNATURE_LINE.fullmatch(line)
        if not match:
            raise Malformed("A signature line is not of the form: dash, name, base64.")
        check_name(match[1])
        value = decoded(match[2])
        if len(value) < 5:
            raise Malformed("A signature is shorter than its key ID.")
        return cls(match[1], value[:4], value[4:])


@dataclass(frozen=True, slots=True)
class Note:
    """A text with its final newline, and the signatures under it."""

    text: str
    signatures: tuple[Signature, ...]

    @classmethod
    def parse(cls, data: bytes) -> Note:
        """Read a signed note.

        Raises:
            Truncated: it ends before a signature does.
            Malformed: it is not a signed note, or larger than 64 KiB or 64 signatures.
        """
        text = plain_text(data)
        body, gap, lines = text.rpartition("\n\n")
        if not gap or not lines:
            raise Truncated("The note ends before its signatures.", hint="Fetch it again.")
        found = lines[:-1].split("\n")
        if len(found) > MAX_SIGNATURES:
            raise Malformed(f"A note bears more than {MAX_SIGNATURES} signatures.")
        return cls(body + "\n", tuple(Signature.parse(line) for line in found))

    def to_bytes(self) -> bytes:
        """Return the note as bytes."""
        return (self.text + "\n" + "".join(signature.line() for signature in self.signatures)).encode()

    def by(self, key: VerifierKey) -> tuple[Signature, ...]:
        """Return the signatures that bear a key's name and ID."""
        return tuple(signature for signature in self.signatures if key.made(signature))

    def signed(self, signatures: Sequence[Signature]) -> Note:
        """Return the note with more signatures; a line that is there already is not repeated."""
        added = tuple(
            dict.fromkeys(signature for signature in signatures if signature not in self.signatures)
        )
        return Note(self.text, self.signatures + added)


class Signer(Protocol):
    """Whoever holds a private key: a file, a token, a service."""

    @property
    def key(self) -> VerifierKey:
        """The public half."""
        ...

    def sign(self, message: bytes) -> bytes:
        """Return the raw signature over a message."""
        ...


@dataclass(frozen=True, slots=True)
class Ed25519Signer:
    """A signer whose private key lies in memory.

    Args:
        name: the key's name: the log's origin, or the witness's name.
        private: 32 bytes.
        type: `ED25519` for a log, `COSIGNATURE_ED25519` for a witness.
    """

    name: str
    private: bytes = field(repr=False)
    type: int = ED25519

    def __post_init__(self) -> None:
        check_name(self.name)
        if len(self.private) != 32:
            raise Malformed("A private key has 32 bytes.")
        if self.type not in {ED25519, COSIGNATURE_ED25519}:
            raise Unsupported("An Ed25519 key signs notes or cosignatures.")

    @property
    def key(self) -> VerifierKey:
        """The public half."""
        public = Ed25519PrivateKey.from_private_bytes(self.private).public_key().public_bytes_raw()
        return VerifierKey(self.name, self.type, public)

    def sign(self, message: bytes) -> bytes:
        """Return the 64 bytes of a signature."""
        return Ed25519PrivateKey.from_private_bytes(self.private).sign(message)


def sign(text: str, signer: Signer) -> Signature:
    """Return a plain note signature over a text that ends with a newline."""
    key = signer.key
    return Signature(key.name, key.id, signer.sign(text.encode()))


def verify(text: str, signature: Signature, key: VerifierKey) -> None:
    """Check a plain Ed25519 note signature.

    Raises:
        Unsupported: the key makes signatures of another kind.
        TrustError: the signature is not the key's over this text.
    """
    if key.type != ED25519:
        raise Unsupported(f"The key of {key.name} does not sign notes.")
    if not key.made(signature):
        raise TrustError(f"The signature is not by the key of {key.name}.")
    verify_ed25519(key.public, signature.value, text.encode())


def verify_ed25519(public: bytes, value: bytes, message: bytes) -> None:
    """Check a raw signature.

    Raises:
        TrustError: it does not verify.
    """
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(value, message)
    except (InvalidSignature, ValueError) as error:
        raise TrustError("A signature does not verify.") from error


def check_name(name: str) -> None:
    """Check a key's name.

    Raises:
        Malformed: it is empty, too long, or holds a space, a plus or a control character.
    """
    bad = any(character.isspace() or character == "+" or not character.isprintable() for character in name)
    try:
        size = len(name.encode())
    except UnicodeEncodeError:
        size = 0
    if bad or not 0 < size <= MAX_NAME_BYTES:
        raise Malformed("A key's name is empty, too long, or holds a space, a plus or a control character.")


def plain_text(data: bytes, limit: int = MAX_NOTE_BYTES) -> str:
    """Return bytes as text that ends with a newline and has no other control character.

    Raises:
        Truncated: the last line is not ended.
        Malformed: too large, not UTF-8, or with control characters.
    """
    if len(data) > limit:
        raise Malformed(f"The text is larger than {limit} bytes.")
    if not data.endswith(b"\n"):
        raise Truncated("The text ends in the middle of a line.", hint="Fetch it again.")
    if any(byte < 0x20 and byte != 0x0A for byte in data):
        raise Malformed("The text holds control characters.")
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise Malformed("The text is not UTF-8.") from error


def encoded(data: bytes) -> str:
    """Return base64 (RFC 4648, section 4)."""
    return base64.b64encode(data).decode()


def decoded(text: str) -> bytes:
    """Read base64 of its one canonical form.

    Raises:
        Malformed: it is not that.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed("A value is not base64.") from error
    if encoded(data) != text:
        raise Malformed("A value is not canonical base64.")
    return data


def decoded_hash(text: str) -> bytes:
    """Read a base64 hash of 32 bytes.

    Raises:
        Malformed: it is not that.
    """
    data = decoded(text)
    if len(data) != 32:
        raise Malformed("A hash does not have 32 bytes.")
    return data


def decimal(text: str) -> int:
    """Read a number below 2**63 without sign or leading zeroes.

    Raises:
        Malformed: it is not that.
    """
    if not text.isascii() or not text.isdigit() or len(text) > 19 or (text[0] == "0" and text != "0"):
        raise Malformed("A number is not plain decimal.")
    number = int(text)
    if number >= 1 << 63:
        raise Malformed("A number is too large.")
    return number
