"""Fetching an encrypted attachment and opening it in memory.

Matrix client-server API, "Sending encrypted attachments": AES-256 in counter mode, the 16-byte `iv` is the
first counter block, and the SHA-256 of the *ciphertext* names it. The plaintext is never written to a disk
here and never shown to anyone: it is checked, and goes to the centre.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Final

import httpx
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tutela.provider.errors import HomeserverFailed, MediaUnavailable, OriginalMismatch

PATH: Final = "/_synapse/client/tutela/media/"
_CHUNK: Final = 64 * 1024


@dataclass(frozen=True, slots=True)
class Homeserver:
    """The media route of the homeserver's module.

    Attributes:
        base_url: without the path.
        token: the provider's service token.
        http: the client to speak with.
        most_bytes: larger ciphertexts are refused.
    """

    base_url: str
    token: str
    http: httpx.Client
    most_bytes: int

    def fetch(self, ciphertext_sha256: bytes) -> bytes:
        """Return the ciphertext, verified against its SHA-256.

        Raises:
            MediaUnavailable: the homeserver does not have it.
            HomeserverFailed: try again later.
            OriginalMismatch: other bytes came, or too many.
        """
        url = self.base_url.rstrip("/") + PATH + ciphertext_sha256.hex()
        try:
            with self.http.stream("GET", url, headers={"Authorization": f"Bearer {self.token}"}) as answer:
                _check_status(answer.status_code)
                ciphertext = self._read(answer)
        except httpx.HTTPError as error:
            raise HomeserverFailed(
                "The homeserver could not be reached.", hint="It is tried again."
            ) from error
        if hashlib.sha256(ciphertext).digest() != ciphertext_sha256:
            raise OriginalMismatch("The ciphertext does not have the SHA-256 that the voucher names.")
        return ciphertext

    def _read(self, answer: httpx.Response) -> bytes:
        buffer = io.BytesIO()
        for chunk in answer.iter_bytes(_CHUNK):
            if buffer.tell() + len(chunk) > self.most_bytes:
                raise OriginalMismatch("The ciphertext is larger than a picture may be.")
            buffer.write(chunk)
        return buffer.getvalue()


def _check_status(status: int) -> None:
    if status in {404, 410}:
        raise MediaUnavailable("The homeserver no longer has the picture.")
    if status != 200:
        raise HomeserverFailed(
            f"The homeserver answered {status}.", hint="Check the service token in both configurations."
        )


def decrypt(ciphertext: bytes, *, key: bytes, iv: bytes) -> bytes:
    """Return the plaintext of a Matrix attachment (32-byte key, 16-byte first counter block)."""
    if len(key) != 32 or len(iv) != 16:
        raise OriginalMismatch("The voucher's attachment key is not one of Matrix.")
    context = Cipher(algorithms.AES(key), modes.CTR(iv)).decryptor()
    return context.update(ciphertext) + context.finalize()
