"""A receiving system for the tests: the server's rules behind httpx's mock transport, without sockets."""

from __future__ import annotations

import base64
import hashlib
import random
from datetime import UTC, datetime
from email.parser import BytesParser
from email.policy import HTTP
from urllib.parse import parse_qs

import httpx

from tutela.cybertip import server
from tutela.cybertip.memory import MemoryStorage
from tutela.cybertip.server import Answer, Ispws
from tutela.cybertip.storage import Received

PASSWORDS = {"esp": "correct horse"}


def form(request: httpx.Request) -> tuple[str, str, bytes]:
    """Return the field `id`, and the name and bytes of `file`, of either kind of form."""
    kind = request.headers.get("Content-Type", "")
    if not kind.startswith("multipart/form-data"):
        return parse_qs(request.content.decode()).get("id", [""])[0], "", b""
    message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + kind.encode() + b"\r\n\r\n" + request.content
    )
    fields = {part.get_param("name", header="Content-Disposition"): part for part in message.iter_parts()}
    number = fields["id"].get_payload(decode=True).decode()
    file = fields.get("file")
    return number, (file.get_filename() or "") if file else "", file.get_payload(decode=True) if file else b""


class Loopback:
    """Answers like a hub. `spoil(path, answer)` may change an answer or raise in its place."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 1, tzinfo=UTC)
        self.storage = MemoryStorage()
        self.ispws = Ispws(self.storage, clock=lambda: self.now, random=random.Random(3).randbytes)
        self.calls: list[str] = []
        self.spoil = lambda path, answer: answer

    def __call__(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.rpartition("/")[2]
        self.calls.append(path)
        request.read()
        answer = self.spoil(path, None) or self.answer(path, request)
        answer = self.spoil(path, answer) or answer
        headers = {**answer.headers, "Request-ID": f"request-{len(self.calls)}"}
        return httpx.Response(answer.status, headers=headers, content=answer.body)

    def answer(self, path: str, request: httpx.Request) -> Answer:
        user, _, password = (
            base64.b64decode(request.headers["Authorization"].split()[1]).decode().partition(":")
        )
        if PASSWORDS.get(user) != password:
            return server.unauthenticated()
        if path in {"status", "xsd"}:
            return getattr(self.ispws, path)()
        if path == "submit":
            return self.ispws.submit(
                user, request.content, idempotency_key=request.headers.get("Idempotency-Key")
            )
        if path == "fileinfo":
            return self.ispws.file_info(user, request.content)
        return self.answer_form(path, user, *form(request))

    def answer_form(self, path: str, user: str, number: str, name: str, data: bytes) -> Answer:
        if path in {"finish", "retract"}:
            return getattr(self.ispws, path)(user, number)
        md5 = hashlib.md5(data, usedforsecurity=False).digest()
        sha256 = hashlib.sha256(data).digest()
        item = Received(name=name, size=len(data), md5=md5, sha256=sha256, handle="")
        return self.ispws.upload(user, number, item)

    def http(self) -> httpx.Client:
        return httpx.Client(transport=httpx.MockTransport(self))
