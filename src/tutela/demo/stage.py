"""Starting and stopping the servers, and setting each organisation up with its own commands."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Final, Self

from tutela.console.processes import PARENT
from tutela.errors import EnvironmentProblem

TUTELA = (sys.executable, "-m", "tutela.cli.main")
_KEPT: Final = frozenset({"TUTELA_LIBSODIUM"})
_KILLED_WITHIN: Final = 20.0


class StageProblem(EnvironmentProblem):
    """A server or a set-up command did not do what the demonstration needs."""

    code = "demo.stage"


def surroundings(extra: Mapping[str, str]) -> dict[str, str]:
    """Return this process's environment with `extra`, but without settings of another installation.

    A database or a folder that the caller exported for a real server must never become the demonstration's.
    """
    foreign = ("TUTELA_", "DJANGO_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign) or key in _KEPT}
    return kept | dict(extra)


def command(*arguments: str, environment: Mapping[str, str], given: str = "") -> dict[str, Any]:
    """Run a `tutela` command with `--json` and return its object.

    Raises:
        StageProblem: it failed; the message holds the command's own.
    """
    done = subprocess.run(  # noqa: S603  our own command
        [*TUTELA, *arguments, "--json"],
        input=given,
        capture_output=True,
        text=True,
        env=surroundings(environment),
        check=False,
        timeout=300,
    )
    if done.returncode:
        raise StageProblem(
            f"`tutela {' '.join(arguments[:2])}` failed: {(done.stdout or done.stderr).strip()[-400:]}"
        )
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@dataclass(slots=True)
class Console:
    """A provider's or a centre's server in a process of its own."""

    role: str
    data: Path
    environment: Mapping[str, str]
    port: int = 0
    url: str = ""
    _process: subprocess.Popen[str] | None = None
    _log: IO[str] | None = None

    def tutela(self, *arguments: str, given: str = "") -> dict[str, Any]:
        """Run a set-up command of this organisation."""
        return command(*arguments, "--data", str(self.data), environment=self.environment, given=given)

    def add_people(self, people: Sequence[tuple[str, str, str]]) -> None:
        """Make accounts: (name, role, password)."""
        for name, role, password in people:
            self.tutela(
                "user",
                "add",
                name,
                "--role",
                role,
                "--console",
                self.role,
                "--password-stdin",
                given=password,
            )

    def machine_token(self, name: str, permission: str) -> str:
        """Make a machine account and return its token."""
        answer = self.tutela("user", "machine", name, "--permission", permission, "--console", self.role)
        return str(answer["token"])

    def __enter__(self) -> Self:
        """Start and wait until it answers."""
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Start and wait until it answers; after a first start on the same port. It ends with this thread.

        Raises:
            StageProblem: it did not start.
        """
        self.data.mkdir(parents=True, exist_ok=True)
        self._log = (self.data / "server.log").open("a")
        arguments = ("serve", self.role, "--port", str(self.port), "--data", str(self.data), "--json")
        self._process = subprocess.Popen(  # noqa: S603  our own command
            [*TUTELA, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=surroundings({**self.environment, PARENT: str(os.getpid())}),
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        try:
            self.url = str(json.loads(line)["url"])
        except (json.JSONDecodeError, KeyError) as error:
            self.stop()
            raise StageProblem(
                f"The {self.role} did not start.", hint=f"See {self.data / 'server.log'}."
            ) from error
        self.port = int(self.url.rpartition(":")[2])

    def kill(self) -> None:
        """End it at once, with its children, as a power cut would (SIGKILL); wait until its port is free."""
        if self._process is not None:
            self._process.kill()
        self.stop()
        until = time.monotonic() + _KILLED_WITHIN
        while not _free(self.port):
            if time.monotonic() > until:
                raise StageProblem(f"Something of the killed {self.role} still listens.")
            time.sleep(0.02)

    def stop(self) -> None:
        """End the server and its worker."""
        if self._process is not None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(20)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdout:
                self._process.stdout.close()
            self._process = None
        if self._log is not None:
            self._log.close()
            self._log = None


def _free(port: int) -> bool:
    """Whether nothing listens on a port of this machine."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
