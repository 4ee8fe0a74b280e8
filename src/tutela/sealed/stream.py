"""Seal a file of any size to one recipient, in constant memory.

    shared  = X25519(ephemeral secret, recipient)                                        (RFC 7748)
    key || commitment = HKDF-SHA256(shared, salt = ephemeral || recipient, info = "tutela sealed stream 1")
    file    = "tutelaS1" || ephemeral (32) || commitment (32) || chunk 0 || chunk 1 || ... || last chunk
    chunk i = AES-256-GCM(key, nonce = i (11 bytes, big-endian) || last?, 65,536 bytes of the file)

This is the STREAM construction (Hoang, Reyhanitabar, Rogaway, Vizar, "Online authenticated encryption and
its nonce-reuse misuse-resistance", CRYPTO 2015): the counter fixes the order, the flag of the last chunk
fixes the end. Only the last chunk is shorter, and it is empty only if the file is. The commitment ties
the file to one key, which AES-GCM alone does not.

Not protected: anyone who has the public key can seal (the sender is not authenticated); the size of the
file shows; whoever later gets the recipient's private key opens everything ever sealed to it. A reader
that stops early has seen a genuine prefix only: use what `open_stream` wrote only after it returned.
"""

from __future__ import annotations

import hmac
from pathlib import Path
from typing import IO, Final, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from tutela.sealed.errors import KeyFileMissing, SealedError
from tutela.sealed.files import replacing

MAGIC: Final = b"tutelaS1"
KEY_BYTES: Final = 32
CHUNK_BYTES: Final = 64 * 1024
TAG_BYTES: Final = 16
HEADER_BYTES: Final = len(MAGIC) + 2 * KEY_BYTES
_INFO: Final = b"tutela sealed stream 1"


class Reader(Protocol):
    """Anything that gives bytes; a short read is not the end, an empty one is."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes."""


class Writer(Protocol):
    """Anything that takes bytes."""

    def write(self, data: bytes, /) -> object:
        """Take all of `data`."""


def generate_keypair() -> tuple[bytes, bytes]:
    """Return a fresh (private key, public key), 32 bytes each."""
    private = X25519PrivateKey.generate()
    return private.private_bytes_raw(), private.public_key().public_bytes_raw()


def public_key(private_key: bytes) -> bytes:
    """Return the public key of a private one.

    Raises:
        SealedError: it has not 32 bytes.
    """
    return _private(private_key).public_key().public_bytes_raw()


def seal_stream(reader: Reader, writer: Writer, recipient_public_key: bytes) -> int:
    """Seal everything that `reader` gives, and return how many bytes that was.

    Raises:
        SealedError: the public key is not usable.
    """
    ephemeral = X25519PrivateKey.generate()
    public = ephemeral.public_key().public_bytes_raw()
    key, commitment = _derive(ephemeral, recipient_public_key, public + recipient_public_key)
    writer.write(MAGIC + public + commitment)
    cipher, total, index = AESGCM(key), 0, 0
    chunk = _fill(reader, CHUNK_BYTES)
    while True:
        following = _fill(reader, CHUNK_BYTES) if len(chunk) == CHUNK_BYTES else b""
        writer.write(cipher.encrypt(_nonce(index, last=not following), chunk, None))
        total += len(chunk)
        if not following:
            return total
        chunk, index = following, index + 1


def open_stream(reader: Reader, writer: Writer, private_key: bytes) -> int:
    """Open a sealed stream, and return how many bytes it held.

    Each chunk is verified before it is written; that the stream is complete is known only on return.

    Raises:
        SealedError: not a sealed stream, sealed to another key, changed, reordered or cut short.
    """
    header = _fill(reader, HEADER_BYTES)
    if len(header) != HEADER_BYTES or not header.startswith(MAGIC):
        raise SealedError("This is not a sealed file of a version that is known here.")
    ephemeral = header[len(MAGIC) : len(MAGIC) + KEY_BYTES]
    private = _private(private_key)
    key, commitment = _derive(private, ephemeral, ephemeral + private.public_key().public_bytes_raw())
    if not hmac.compare_digest(commitment, header[-KEY_BYTES:]):
        raise SealedError("The file is sealed to another key, or its beginning was changed.")
    cipher, total, index = AESGCM(key), 0, 0
    chunk = _fill(reader, CHUNK_BYTES + TAG_BYTES)
    while True:
        full = len(chunk) == CHUNK_BYTES + TAG_BYTES
        following = _fill(reader, CHUNK_BYTES + TAG_BYTES) if full else b""
        clear = _decrypt(cipher, chunk, index, last=not following)
        writer.write(clear)
        total += len(clear)
        if not following:
            return total
        chunk, index = following, index + 1


def seal_file(source: Path, target: Path, recipient_public_key: bytes) -> int:
    """Seal `source` into `target` (mode 0600), whole or not at all; return the size of `source`."""
    with _opened(source) as reader, replacing(target) as writer:
        return seal_stream(reader, writer, recipient_public_key)


def open_file(source: Path, target: Path, private_key: bytes) -> int:
    """Open `source` into `target` (mode 0600), whole or not at all; return the size of `target`."""
    with _opened(source) as reader, replacing(target) as writer:
        return open_stream(reader, writer, private_key)


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise KeyFileMissing(f"The file {path.name} cannot be read.") from error


def _decrypt(cipher: AESGCM, chunk: bytes, index: int, *, last: bool) -> bytes:
    empty = len(chunk) == TAG_BYTES
    if len(chunk) < TAG_BYTES or (empty and index):
        raise SealedError("The sealed file is cut short.")
    try:
        return cipher.decrypt(_nonce(index, last=last), chunk, None)
    except InvalidTag as error:
        raise SealedError("The sealed file was changed, reordered or cut short.") from error


def _nonce(index: int, *, last: bool) -> bytes:
    return index.to_bytes(11) + bytes((last,))


def _fill(reader: Reader, size: int) -> bytes:
    """Read until `size` bytes are there or the reader is at its end."""
    parts: list[bytes] = []
    missing = size
    while missing and (part := reader.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _private(key: bytes) -> X25519PrivateKey:
    if len(key) != KEY_BYTES:
        raise SealedError("A private key has 32 bytes.")
    return X25519PrivateKey.from_private_bytes(key)


def _derive(private: X25519PrivateKey, public: bytes, salt: bytes) -> tuple[bytes, bytes]:
    if len(public) != KEY_BYTES:
        raise SealedError("A public key has 32 bytes.")
    try:
        shared = private.exchange(X25519PublicKey.from_public_bytes(public))
    except ValueError as error:  # a point of small order: the shared secret would be known to all
        raise SealedError("The public key is not usable.") from error
    derived = HKDF(SHA256(), 2 * KEY_BYTES, salt, _INFO).derive(shared)
    return derived[:KEY_BYTES], derived[KEY_BYTES:]
