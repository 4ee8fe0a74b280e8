"""The recording proxy: what passes is what was sent, and only the client's stated address is its own."""

from __future__ import annotations

import http.client
import socket
import socketserver
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from tutela.demo.recorder import HOST, PORT_HEADER, Recorder

ADDRESS = "198.51.100.7"


class Echo(BaseHTTPRequestHandler):
    """Answers with what it got: the headers that matter, then the body."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        self.send_response(200)
        for name in ("X-Forwarded-For", "X-Forwarded-Proto", "X-Forwarded-Host", PORT_HEADER, "X-Other"):
            self.send_header(f"Got-{name}", repr(self.headers.get_all(name)))
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        self.do_POST()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


class Server(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def handle_error(self, *_: object) -> None:
        """Say nothing of requests that are none."""


@pytest.fixture
def target() -> Iterator[int]:
    with Server((HOST, 0), Echo) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


@pytest.fixture
def recorder(target: int, tmp_path: Path) -> Iterator[Recorder]:
    addresses = {"amina": ADDRESS, "bruno": "203.0.113.9"}
    with Recorder(target, addresses, tmp_path / "network") as running:
        yield running


def connect(recorder: Recorder, client: str = "amina") -> http.client.HTTPConnection:
    host, port = recorder.url(client).removeprefix("http://").split(":")
    return http.client.HTTPConnection(host, int(port), timeout=20)


def got(answer: http.client.HTTPResponse, name: str) -> str:
    return str(answer.getheader(f"Got-{name}"))


def recorded(tmp_path: Path, kind: str) -> bytes:
    return b"".join(path.read_bytes() for path in sorted((tmp_path / "network").glob(f"*.{kind}")))


@pytest.mark.parametrize("size", [0, 1, 64 * 1024, 300_001])
def test_a_body_of_known_length(recorder: Recorder, tmp_path: Path, size: int) -> None:
    body = bytes(k % 251 for k in range(size))
    connection = connect(recorder)
    connection.request("POST", "/upload?x=1", body)
    answer = connection.getresponse()
    assert answer.read() == body
    connection.close()
    assert body in recorded(tmp_path, "sent")
    assert b"POST /upload?x=1 HTTP/1.1\r\n" in recorded(tmp_path, "sent")
    assert recorded(tmp_path, "answered").endswith(b"\r\n\r\n" + body)


def test_a_body_in_chunks(recorder: Recorder, tmp_path: Path) -> None:
    parts = [b"first ", b"s" * 100_000, b"\r\n0\r\n\r\n looks like an end", b"last"]
    connection = connect(recorder)
    connection.request("POST", "/upload", iter(parts), encode_chunked=True)
    assert connection.getresponse().read() == b"".join(parts)
    connection.request("POST", "/again", b"on the same connection")
    assert connection.getresponse().read() == b"on the same connection"
    connection.close()
    sent = recorded(tmp_path, "sent")
    assert all(part in sent for part in parts)
    assert b"on the same connection" in sent


def test_many_requests_on_one_connection(recorder: Recorder, tmp_path: Path) -> None:
    connection = connect(recorder)
    for number in range(20):
        connection.request(
            "GET" if number % 2 else "POST", f"/{number}", None if number % 2 else b"x" * number
        )
        assert connection.getresponse().read() == (b"" if number % 2 else b"x" * number)
    connection.close()
    assert recorded(tmp_path, "sent").count(f"X-Forwarded-For: {ADDRESS}".encode()) == 20


@pytest.mark.parametrize("claimed", ["X-Forwarded-For", "x-forwarded-for", "X-FORWARDED-FOR"])
def test_the_clients_own_statements_are_replaced(recorder: Recorder, claimed: str) -> None:
    connection = connect(recorder)
    headers = {
        claimed: "192.0.2.66",
        "X-Forwarded-Proto": "https",
        PORT_HEADER: "1",
        "X-Forwarded-Host": "elsewhere",
    }
    connection.request("POST", "/", b"body", {**headers, "X-Other": "stays"})
    mine = connection.sock.getsockname()[1]
    answer = connection.getresponse()
    answer.read()
    assert got(answer, "X-Forwarded-For") == repr([ADDRESS])
    assert got(answer, "X-Forwarded-Proto") == repr(["http"])
    assert got(answer, PORT_HEADER) == repr([str(mine)])
    assert got(answer, "X-Forwarded-Host") == "None"
    assert got(answer, "X-Other") == repr(["stays"])
    connection.close()


def test_each_client_has_its_address(recorder: Recorder) -> None:
    seen = []
    for client in ("amina", "bruno"):
        connection = connect(recorder, client)
        connection.request("GET", "/")
        answer = connection.getresponse()
        answer.read()
        seen.append(got(answer, "X-Forwarded-For"))
        connection.close()
    assert seen == [repr([ADDRESS]), repr(["203.0.113.9"])]


def test_a_homeserver_that_is_down_is_a_closed_connection(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind((HOST, 0))  # bound, not listening
        with Recorder(taken.getsockname()[1], {"amina": ADDRESS}, tmp_path / "network") as recorder:
            connection = connect(recorder)
            connection.request("GET", "/")
            with pytest.raises((http.client.HTTPException, OSError)):
                connection.getresponse()
            connection.close()


def test_what_is_no_http_does_not_stop_it(recorder: Recorder) -> None:
    host, port = recorder.url("amina").removeprefix("http://").split(":")
    for nonsense in (b"\0" * 100_000, b"POST / HTTP/1.1\r\nContent-Length: many\r\n\r\n", b"GET"):
        with socket.create_connection((host, int(port)), timeout=20) as line:
            line.sendall(nonsense)
    connection = connect(recorder)
    connection.request("POST", "/", b"still there")
    assert connection.getresponse().read() == b"still there"
    connection.close()


def test_it_ends_while_a_connection_is_open(target: int, tmp_path: Path) -> None:
    with Recorder(target, {"amina": ADDRESS}, tmp_path / "network") as recorder:
        connection = connect(recorder)
        connection.request("POST", "/", b"body")
        connection.getresponse().read()
    assert not [thread for thread in threading.enumerate() if thread.name == "recorder"]
    connection.close()
