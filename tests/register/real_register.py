"""A real register: `tutela serve register` as processes, real witnesses over HTTP, files and keys on the disk."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import wsgiref.simple_server
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import httpx
from tests.register.conftest import (
    ORIGIN,
    PASSPHRASE,
    SIGNERS,
    MemoryState,
    constitution,
    signed_constitution,
    witness_signer,
)

from tutela.tlog.note import VerifierKey
from tutela.tlog.serving import witness_app
from tutela.tlog.witness import Witness

COMMAND = [sys.executable, "-c", "from tutela.cli.main import run; run()"]
PATIENCE = 60.0


class _Quiet(wsgiref.simple_server.WSGIRequestHandler):
    def log_message(self, *args: object) -> None:
        pass


def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition; fail with what was waited for."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, f"waited in vain for {what}"
        time.sleep(0.1)


class RealRegister:
    """A register in a folder, with one witness that runs in this process behind a real socket."""

    def __init__(self, folder: Path, database: str = "") -> None:
        self.folder, self.data = folder, folder / "data"
        self.where = ["--data", str(self.data), *(["--database", database] if database else [])]
        folder.mkdir(parents=True, exist_ok=True)
        self.constitution = constitution()
        self.process: subprocess.Popen[str] | None = None
        self.origins: dict[str, tuple[VerifierKey, ...]] = {}
        signer = witness_signer("safety")
        clock = lambda: int(datetime.now(UTC).timestamp())  # noqa: E731
        app = witness_app(Witness(signer, self.origins, MemoryState(), clock))
        self.witness = wsgiref.simple_server.make_server("127.0.0.1", 0, app, handler_class=_Quiet)
        threading.Thread(target=self.witness.serve_forever, daemon=True).start()
        lines = f"witness safety {signer.key} http://127.0.0.1:{self.witness.server_port}\nquorum safety\n"
        (folder / "witnesses").write_text(lines)
        (folder / "constitution.json").write_bytes(signed_constitution(self.constitution))
        done = self.call(
            "register", "init", "--constitution", str(folder / "constitution.json"),
            "--anchor", self.constitution.digest.hex(), "--origin", ORIGIN,
            "--witnesses", str(folder / "witnesses"),
        )  # fmt: skip
        self.origins[ORIGIN] = (VerifierKey.parse(done["vkey"]),)
        made = self.call("user", "machine", "east", "--permission", "statement.submit")
        self.token = made["token"]

    def key_file(self, name: str) -> Path:
        """Return an organisation's key under the passphrase."""
        from tutela.sealed import keyfile

        path = self.folder / f"{name}.key"
        if not path.exists():
            keyfile.save(path, SIGNERS[name].private, PASSPHRASE, cost=12)
        return path

    def environment(self, **more: str) -> dict[str, str]:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("TUTELA_", "DJANGO_"))}
        return {**kept, "TUTELA_KEY_PASSPHRASE": PASSPHRASE, **more}

    def call(self, *words: str, stdin: str = "", on_data: bool = True) -> dict:
        """Run a command and return the object that it prints."""
        where = self.where if on_data else []
        done = subprocess.run(
            [*COMMAND, *words, *where, "--json"],
            input=stdin, capture_output=True, text=True, timeout=120, env=self.environment(), check=False,
        )  # fmt: skip
        assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-2000:])
        return json.loads(done.stdout.splitlines()[-1])

    def start(self, **environment: str) -> None:
        """Start the server and wait until it answers."""
        self.process = subprocess.Popen(
            [*COMMAND, "serve", "register", "--port", "0", *self.where, "--json"],
            stdout=subprocess.PIPE, stderr=(self.folder / "log").open("a"), text=True,
            env=self.environment(**environment),
        )  # fmt: skip
        line = self.process.stdout.readline()
        assert line, (self.folder / "log").read_text()[-3000:]
        self.url = json.loads(line)["url"]

    def kill(self) -> None:
        """End the server as a power cut would, with all of its processes."""
        if self.process is not None and self.process.poll() is None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(30)
            self.process.stdout.close()

    def close(self) -> None:
        self.kill()
        self.witness.shutdown()
        self.witness.server_close()

    def send(self, data: bytes) -> httpx.Response:
        headers = {"Authorization": f"Bearer {self.token}"}
        return httpx.post(f"{self.url}/register/statements", content=data, headers=headers, timeout=30)

    def query(self, sql: str) -> list[tuple]:
        connection = sqlite3.connect(self.data / "register.sqlite3", timeout=20)
        try:
            return connection.execute(sql).fetchall()
        finally:
            connection.close()

    def status(self) -> dict:
        return self.call("register", "status")
