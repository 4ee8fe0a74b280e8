"""One Synapse for the session, and a provider that only counts."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from pathlib import Path

import httpx
import pytest

from tutela.homeserver.lab import Lab
from tutela.voucher.parameters import Parameters

PARAMETERS = Parameters("everyday", tuple(tuple(range(start, start + 40)) for start in range(0, 160, 20)))
VOUCHER_BYTES = PARAMETERS.voucher_bytes
MODULE = {
    "relay_seconds": 0.2,
    "backoff_seconds": 0.3,
    "rate_per_second": 500,
    "rate_burst": 500,
    "refusals_allowed": 2,
}


CANNED = {
    "error": (503, {}),
    "token": (403, {"code": "console.machine", "message": "another token", "hint": ""}),
    "proxy": (404, {"detail": "some other server"}),
    "refuse": (400, {"code": "voucher.malformed", "message": "not a voucher", "hint": ""}),
    "unknown": (404, {"code": "provider.unknown_device", "message": "not enrolled", "hint": ""}),
}


@dataclass
class FakeProvider:
    """Answers like a provider's intake; keeps what arrived; idempotent on the digest of the bytes."""

    mode: str = "up"  # "up" | "silent" | one of CANNED
    requests: list[tuple[str, dict]] = field(default_factory=list)
    digests: dict[str, int] = field(default_factory=dict)  # digest -> times accepted
    tokens: set[str] = field(default_factory=set)
    renew: set[str] = field(default_factory=set)
    url: str = ""

    def answer(self, path: str, body: dict, token: str) -> tuple[int, dict] | None:
        if self.mode == "silent":
            return None
        self.tokens.add(token)
        canned = CANNED.get(self.mode)
        if canned and (self.mode not in {"refuse", "unknown"} or path.endswith("vouchers")):
            return canned
        sealed = base64.b64decode(body.get("voucher") or body["enrolment"])
        digest = hashlib.sha256(sealed).hexdigest()
        self.digests[digest] = self.digests.get(digest, 0) + 1
        if self.digests[digest] == 1:
            self.requests.append((path, body))
        if path.endswith("devices"):
            self.renew.discard(body["account"])
            return 201, {"state": "enrolled"}
        return 202, {"state": "accepted", **({"key": "renew"} if body["account"] in self.renew else {})}

    def vouchers(self, account: str) -> list[bytes]:
        return [
            base64.b64decode(body["voucher"])
            for path, body in self.requests
            if path == "/intake/vouchers" and body["account"] == account
        ]


def handler(provider: FakeProvider) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            answer = provider.answer(self.path, body, self.headers["Authorization"])
            if answer is None:
                self.connection.shutdown(socket.SHUT_RDWR)
                return
            data = json.dumps(answer[1]).encode()
            self.send_response(answer[0])
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, *args: object) -> None:
            pass

    return Handler


@pytest.fixture(scope="session")
def provider() -> Iterator[FakeProvider]:
    fake = FakeProvider()
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler(fake))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_port}"
    yield fake
    server.shutdown()
    server.server_close()


@pytest.fixture(scope="session")
def lab(provider: FakeProvider, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lab]:
    if find_spec("synapse") is None:
        pytest.skip("matrix-synapse is not installed")
    folder: Path = tmp_path_factory.mktemp("homeserver")
    with Lab(folder, provider.url, "service-token", "media-token", VOUCHER_BYTES, module=MODULE) as made:
        yield made


@pytest.fixture
def online(provider: FakeProvider) -> Iterator[FakeProvider]:
    provider.mode = "up"
    yield provider
    provider.mode = "up"


class Account:
    """A user of the homeserver over plain HTTP."""

    def __init__(self, lab: Lab, name: str) -> None:
        self.name = lab.register(name, "password")
        body = {
            "type": "m.login.password",
            "identifier": {"type": "m.id.user", "user": name},
            "password": "password",
        }
        self.http = httpx.Client(base_url=lab.base_url, timeout=30)
        login = self.http.post("/_matrix/client/v3/login", json=body).raise_for_status().json()
        self.device = login["device_id"]
        self.http.headers["Authorization"] = f"Bearer {login['access_token']}"

    def tutela(self, name: str, body: dict) -> httpx.Response:
        return self.http.post(f"/_synapse/client/tutela/{name}", json=body)

    def voucher(self, ciphertext: bytes, voucher: bytes) -> httpx.Response:
        ct = hashlib.sha256(ciphertext).hexdigest()
        return self.tutela("voucher", {"ct_sha256": ct, "voucher": base64.b64encode(voucher).decode()})

    def upload(self, data: bytes, content_type: str = "application/octet-stream") -> httpx.Response:
        return self.http.post(
            "/_matrix/media/v3/upload", content=data, headers={"Content-Type": content_type}
        )

    def receipts(self) -> dict:
        return self.http.get("/_synapse/client/tutela/receipts").raise_for_status().json()


@pytest.fixture(scope="session")
def account(lab: Lab) -> Iterator[Callable[[], Account]]:
    made: list[Account] = []

    def new() -> Account:
        made.append(Account(lab, f"user{len(made)}"))
        return made[-1]

    yield new
    for one in made:
        one.http.close()


def wait(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.02)


@pytest.fixture(scope="session", name="wait")
def wait_fixture() -> Callable[..., None]:
    return wait
