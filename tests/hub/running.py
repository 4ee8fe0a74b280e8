"""A real hub: `tutela serve hub` as a process of its own, with a real port, that can be killed."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import httpx

PASSPHRASE = "a passphrase for tests"
TUTELA = [sys.executable, "-c", "from tutela.cli.main import run; run()"]


class RunningHub:
    """A hub in a folder; `start` and `kill` as often as wanted."""

    def __init__(self, folder: Path, database: str = "") -> None:
        self.folder, self.database, self.process = folder, database, None
        clean = {
            key: value for key, value in os.environ.items() if not key.startswith(("TUTELA_", "DJANGO_"))
        }
        self.environment = clean | {"TUTELA_KEY_PASSPHRASE": PASSPHRASE}
        self.call("hub", "init")
        made = self.call(
            "user", "machine", "example-esp", "--permission", "report.submit", "--console", "hub"
        )
        self.auth = ("example-esp", made["token"])

    def arguments(self) -> list[str]:
        where = ["--data", str(self.folder)]
        return [*where, "--database", self.database] if self.database else where

    def call(self, *command: str, stdin: str = "") -> dict:
        """Run a command and return the object that it prints."""
        done = subprocess.run(
            [*TUTELA, *command, *self.arguments(), "--json"],
            env=self.environment, input=stdin, capture_output=True, check=False, text=True, timeout=120,
        )  # fmt: skip
        assert done.returncode == 0, (done.stdout[-2000:], done.stderr[-2000:])
        return json.loads(done.stdout)

    def start(self, **environment: str) -> None:
        """Start the server and wait until it answers."""
        log = (self.folder / "server.log").open("ab")
        self.process = subprocess.Popen(
            [*TUTELA, "serve", "hub", "--port", "0", *self.arguments(), "--json"],
            env=self.environment | environment, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip
        line = self.process.stdout.readline()
        assert line, (self.folder / "server.log").read_text()[-3000:]
        self.url = json.loads(line)["url"]
        self.http = httpx.Client(base_url=f"{self.url}/ispws", auth=self.auth, timeout=60)

    def kill(self) -> None:
        """End the server as a power cut would, with all of its processes."""
        self.http.close()
        children = descendants(self.process.pid)
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(30)
        deadline = time.monotonic() + 20
        while any(alive(pid) for pid in children) and time.monotonic() < deadline:
            time.sleep(0.02)
        assert not any(alive(pid) for pid in children)

    def stop(self) -> None:
        """End the server politely."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(30)

    def reports(self) -> list[dict]:
        """Return what the queue holds."""
        return self.call("hub", "report", "list")["reports"]

    def sealed_files(self) -> list[Path]:
        """Return the sealed files in place, and those under way."""
        hub = self.folder / "hub"
        return [
            path for place in ("files", "incoming") for path in (hub / place).rglob("*") if path.is_file()
        ]

    def peak_memory(self) -> int:
        """Return the largest resident size of any process of the server so far, in bytes."""
        peaks = []
        for pid in [self.process.pid, *descendants(self.process.pid)]:
            status = Path(f"/proc/{pid}/status").read_text()
            peaks += [int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM")]
        return max(peaks)


@contextmanager
def running_hub(folder: Path, database: str = ""):
    """Run a hub for as long as the block lasts."""
    hub = RunningHub(folder, database)
    hub.start()
    try:
        yield hub
    finally:
        hub.stop()


def descendants(pid: int) -> list[int]:
    """Return the ids of all processes below one."""
    found = []
    for children in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in children.read_text().split():
            found += [int(child), *descendants(int(child))]
    return found


def alive(pid: int) -> bool:
    """Return whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def raw(hub: RunningHub) -> socket.socket:
    """Open a bare connection to a hub."""
    url = httpx.URL(hub.url)
    return socket.create_connection((url.host, url.port), timeout=60)
