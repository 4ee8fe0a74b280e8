"""The provider's real server as processes, and the homeserver and the centre behind one real socket."""

from __future__ import annotations

import http.server
import json
import os
import re
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import httpx
from provider_world import Hub, Media

COMMAND = [sys.executable, "-c", "from tutela.cli.main import run; run()"]
PATIENCE = 60.0


def outside(hub: Hub, media: Media) -> tuple[str, http.server.ThreadingHTTPServer]:
    """Serve the centre and the media route on a free port; return the base URL and the server."""
    lock = threading.Lock()

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _handle(self) -> None:
            chunked = self.headers.get("Transfer-Encoding") == "chunked"
            body = (
                self._chunks() if chunked else self.rfile.read(int(self.headers.get("Content-Length") or 0))
            )
            request = httpx.Request(
                self.command, f"http://127.0.0.1{self.path}", headers=dict(self.headers), content=body
            )
            with lock:
                answer = (hub if "/ispws/" in self.path else media).answer(request)
            self.send_response(answer.status_code)
            for name, value in answer.headers.items():
                if name.lower() not in {"content-length", "transfer-encoding"}:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(answer.content)))
            self.end_headers()
            self.wfile.write(answer.content)

        def _chunks(self) -> bytes:
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        do_GET = do_POST = _handle  # noqa: N815  (the names are http.server's)

        def log_message(self, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}", server


def command(data: Path, *arguments: str, stdin: str = "") -> dict:
    """Run `tutela` and return what `--json` printed."""
    done = subprocess.run(
        [*COMMAND, *arguments, "--data", str(data), "--json"],
        input=stdin, capture_output=True, text=True, timeout=120, env=clean(), check=False,
    )  # fmt: skip
    assert done.stdout, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def clean(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TUTELA_", "DJANGO_"))}
    return {**kept, **more}


@dataclass
class Server:
    """`tutela serve provider`, killed and started at will."""

    data: Path
    crash_at: str = ""
    database: str = ""
    url: str = ""
    process: subprocess.Popen[str] | None = field(default=None, repr=False)

    def start(self) -> None:
        environment = clean(TUTELA_CRASH_AT=self.crash_at) if self.crash_at else clean()
        self.process = subprocess.Popen(
            [*COMMAND, "serve", "provider", "--port", "0", *self.options(), "--json"],
            stdout=subprocess.PIPE, stderr=(self.data / "log").open("a"), text=True, env=environment,
        )  # fmt: skip
        line = self.process.stdout.readline()
        assert line, (self.data / "log").read_text()[-3000:]
        self.url = json.loads(line)["url"]

    def options(self) -> list[str]:
        return ["--data", str(self.data), *(["--database", self.database] if self.database else [])]

    def kill(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()

    def query(self, sql: str) -> list[tuple]:
        if self.database:
            import psycopg

            connection = psycopg.connect(self.database)
        else:
            connection = sqlite3.connect(self.data / "provider.sqlite3", timeout=20)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition; fail with what was waited for."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


def post(server: Server, token: str, route: str, body: dict) -> httpx.Response:
    """Post as the homeserver does: again, until the provider itself answers."""
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            answer = httpx.post(server.url + route, json=body, headers={"Authorization": f"Bearer {token}"})
            if answer.status_code < 500:
                return answer
        except httpx.HTTPError:
            pass
        assert time.monotonic() < deadline, "the provider stays away"
        time.sleep(0.2)


def decide(server: Server, name: str, password: str, reference: str) -> None:
    """Sign in as a reviewer and agree."""
    with httpx.Client(base_url=server.url, timeout=30) as client:
        token = csrf(client.get("/sign-in"))
        data = {"username": name, "password": password, "csrfmiddlewaretoken": token}
        assert client.post("/sign-in", data=data).status_code == 302
        token = csrf(client.get(f"/cases/{reference}"))
        data = {"verdict": "agree", "reason": "Compared.", "csrfmiddlewaretoken": token}
        assert client.post(f"/cases/{reference}/decision", data=data).status_code == 302


def csrf(page: httpx.Response) -> str:
    return re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)[1]
