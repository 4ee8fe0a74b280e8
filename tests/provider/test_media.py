"""Fetching and opening an attachment, against a homeserver in memory."""

from __future__ import annotations

import hashlib

import httpx
import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from tutela.provider.errors import HomeserverFailed, MediaUnavailable, OriginalMismatch
from tutela.provider.media import Homeserver, decrypt

KEY, IV = bytes(range(32)), bytes(range(8)) + bytes(8)


def encrypt(plain: bytes) -> bytes:
    context = Cipher(algorithms.AES(KEY), modes.CTR(IV)).encryptor()
    return context.update(plain) + context.finalize()


def homeserver(status: int, body: bytes, most_bytes: int = 1 << 20) -> Homeserver:
    def answer(request: httpx.Request) -> httpx.Response:
        assert request.headers["Authorization"] == "Bearer service"
        assert request.url.path.startswith("/_synapse/client/tutela/media/")
        return httpx.Response(status, content=body)

    return Homeserver(
        "http://hs.example.org/", "service", httpx.Client(transport=httpx.MockTransport(answer)), most_bytes
    )


def test_the_plaintext_comes_back() -> None:
    ciphertext = encrypt(b"a photograph of a harbour" * 9000)
    fetched = homeserver(200, ciphertext).fetch(hashlib.sha256(ciphertext).digest())
    assert decrypt(fetched, key=KEY, iv=IV) == b"a photograph of a harbour" * 9000


@pytest.mark.parametrize(
    ("status", "body", "most", "error"),
    [
        (200, b"other bytes", 100, OriginalMismatch),
        (200, bytes(101), 100, OriginalMismatch),
        (404, b"", 100, MediaUnavailable),
        (401, b"", 100, HomeserverFailed),
        (500, b"", 100, HomeserverFailed),
        (302, b"", 100, HomeserverFailed),
    ],
)
def test_anything_else_is_a_typed_error(status: int, body: bytes, most: int, error: type[Exception]) -> None:
    with pytest.raises(error):
        homeserver(status, body, most).fetch(hashlib.sha256(b"the bytes").digest())


def test_an_unreachable_homeserver_is_tried_again() -> None:
    def refuse(request: httpx.Request) -> httpx.Response:
        raise httpx.ConnectError("refused", request=request)

    server = Homeserver("http://hs.example.org", "t", httpx.Client(transport=httpx.MockTransport(refuse)), 10)
    with pytest.raises(HomeserverFailed):
        server.fetch(bytes(32))


def test_a_key_of_another_length_is_refused() -> None:
    with pytest.raises(OriginalMismatch):
        decrypt(b"x", key=bytes(16), iv=bytes(16))
