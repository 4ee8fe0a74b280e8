"""Sealing of single values in the provider's database.

Each value has a key of its own, derived from the server's key and a fresh salt, so that the number of values
is not bounded by random nonces. `place` binds a value to where it stands: moved to another row, it does not
open. Layout: version (1) | salt (32) | ChaCha20-Poly1305 (RFC 8439) of the value under BLAKE2b(key, salt).

What it does not protect: whoever holds the database *and* the key file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tutela.provider.errors import AtRestError

VERSION: Final = b"\x01"
KEY_BYTES: Final = 32
DIGEST_BYTES: Final = 16
_SALT_BYTES: Final = 32
_NONCE: Final = bytes(12)  # one message a key


@dataclass(frozen=True, slots=True)
class AtRest:
    """Seals and opens values under one 32-byte key.

    Attributes:
        key: 32 secret bytes.
        random: returns that many random bytes.
    """

    key: bytes
    random: Callable[[int], bytes]

    def seal(self, place: str, value: bytes) -> bytes:
        """Return `value` sealed for `place`."""
        salt = self.random(_SALT_BYTES)
        sealed = ChaCha20Poly1305(self._subkey(salt)).encrypt(_NONCE, value, _bound(VERSION, place))
        return VERSION + salt + sealed

    def open(self, place: str, sealed: bytes) -> bytes:
        """Return the value; raises `AtRestError` if it was sealed for another place or under another key."""
        blob = bytes(sealed)
        salt, rest = blob[1 : 1 + _SALT_BYTES], blob[1 + _SALT_BYTES :]
        try:
            return ChaCha20Poly1305(self._subkey(salt)).decrypt(_NONCE, rest, _bound(blob[:1], place))
        except InvalidTag as error:
            raise AtRestError(
                "A sealed value does not open with this server's key.",
                hint="Restore at-rest.key together with the database.",
            ) from error

    def digest(self, value: bytes) -> bytes:
        """Return a 16-byte digest that only this server can compute, to recognise `value` again."""
        return self._hash(value, b"tutela arrival", DIGEST_BYTES)

    def _subkey(self, salt: bytes) -> bytes:
        return self._hash(salt, b"tutela at rest", KEY_BYTES)

    def _hash(self, data: bytes, use: bytes, size: int) -> bytes:
        return hashlib.blake2b(data, digest_size=size, key=self.key, person=use).digest()


def _bound(version: bytes, place: str) -> bytes:
    return version + place.encode()
