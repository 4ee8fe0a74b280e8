"""Encrypted attachments as in Matrix (Client-Server API v1.15, "Sending encrypted attachments").

AES-256-CTR with a fresh key for each file, 64 random bits of counter block and a counter from zero; SHA-256
of the ciphertext in the event. The cipher commits to nothing and authenticates nothing by itself: the hash
inside the encrypted event does. The size of the file shows.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Self

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tutela.messenger.errors import DamagedAttachment


@dataclass(frozen=True, slots=True)
class FileKey:
    """How to decrypt and check an upload: key (32 bytes), counter block (16), ciphertext's SHA-256 (32)."""

    key: bytes
    iv: bytes
    sha256: bytes

    def to_dict(self, url: str) -> dict[str, Any]:
        """Return Matrix's EncryptedFile."""
        return {
            "v": "v2",
            "url": url,
            "key": {
                "kty": "oct",
                "alg": "A256CTR",
                "ext": True,
                "k": base64.urlsafe_b64encode(self.key).decode().rstrip("="),
                "key_ops": ["encrypt", "decrypt"],
            },
            "iv": base64.b64encode(self.iv).decode().rstrip("="),
            "hashes": {"sha256": base64.b64encode(self.sha256).decode().rstrip("=")},
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> tuple[Self, str]:
        """Read an EncryptedFile; return the key and the URL; raises `DamagedAttachment`."""
        try:
            sizes = (32, 16, 32)
            parts = tuple(map(_decode, (data["key"]["k"], data["iv"], data["hashes"]["sha256"])))
            url = data["url"]
        except (KeyError, TypeError, ValueError, binascii.Error) as error:
            raise DamagedAttachment("The description of a received file is damaged.") from error
        if tuple(map(len, parts)) != sizes or not isinstance(url, str) or data.get("v") != "v2":
            raise DamagedAttachment("The description of a received file is damaged.")
        return cls(*parts), url


def encrypt(data: bytes, random: Callable[[int], bytes]) -> tuple[bytes, FileKey]:
    """Return the ciphertext of a file and its key."""
    key, iv = random(32), random(8) + bytes(8)
    ciphertext = _counter_mode(key, iv, data)
    return ciphertext, FileKey(key, iv, hashlib.sha256(ciphertext).digest())


def decrypt(ciphertext: bytes, key: FileKey) -> bytes:
    """Return the file; raises `DamagedAttachment` if the ciphertext is another one."""
    if not hmac.compare_digest(hashlib.sha256(ciphertext).digest(), key.sha256):
        raise DamagedAttachment("A received file is not the one that was sent.")
    return _counter_mode(key.key, key.iv, ciphertext)


def _counter_mode(key: bytes, iv: bytes, data: bytes) -> bytes:
    cipher = Cipher(algorithms.AES(key), modes.CTR(iv)).encryptor()
    return cipher.update(data) + cipher.finalize()


def _decode(text: Any) -> bytes:
    """Decode unpadded base64 of either alphabet."""
    if not isinstance(text, str) or len(text) > 64:
        raise ValueError("not short base64")
    standard = text.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(standard + "=" * (-len(standard) % 4), validate=True)
