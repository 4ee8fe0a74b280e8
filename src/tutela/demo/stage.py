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


@dataclass(slots=True)
class Task:
    """A set-up program under way; several run beside each other."""

    name: str
    process: subprocess.Popen[str]

    def result(self) -> dict[str, Any]:
        """Wait, and return the JSON object that it printed.

        Raises:
            StageProblem: it failed; the message holds its own.
        """
        out, complaint = self.process.communicate(timeout=300)
        if self.process.returncode:
            raise StageProblem(f"{self.name} failed: {(out or complaint).strip()[-400:]}")
        answer: dict[str, Any] = json.loads(out)
        return answer


def begin(name: str, *words: str, environment: Mapping[str, str], given: object = None) -> Task:
    """Start a program of ours that reads JSON and prints JSON."""
    process = subprocess.Popen(  # noqa: S603  our own command
        [sys.executable, *words],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=surroundings(environment),
    )
    assert process.stdin is not None
    process.stdin.write(json.dumps(given))
    process.stdin.close()
    process.stdin = None  # communicate() must not flush it again
    return Task(name, process)


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

    def found(self, people: Sequence[tuple[str, str, str]], machine: tuple[str, str]) -> Task:
        """Begin to set it up: (name, role, password) of people, (name, permission) of a machine."""
        words = ("-m", "tutela.demo.founding", self.role, str(self.data))
        given = {"people": people, "machine": machine}
        return begin(f"Setting the {self.role} up", *words, environment=self.environment, given=given)

    def tutela(self, *arguments: str) -> Task:
        """Begin a command of this organisation."""
        words = (*TUTELA[1:], *arguments, "--data", str(self.data), "--json")
        return begin(f"`tutela {' '.join(arguments[:2])}`", *words, environment=self.environment)

    def __enter__(self) -> Self:
        """Start and wait until it answers."""
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop."""
        self.stop()

    def start(self) -> None:
        """Start and wait until it answers; after a first start on the same port.

        Raises:
            StageProblem: it did not start.
        """
        self.launch()
        self.wait()

    def words(self) -> Sequence[str]:
        """Return the command that serves."""
        return (*TUTELA, "serve", self.role, "--port", str(self.port), "--data", str(self.data), "--json")

    def launch(self) -> None:
        """Start it without waiting. It ends with the thread that launched it."""
        self.data.mkdir(parents=True, exist_ok=True)
        self._log = (self.data / "server.log").open("a")
        self._process = subprocess.Popen(  # noqa: S603  our own command
            self.words(),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=surroundings({**self.environment, PARENT: str(os.getpid())}),
        )

    def wait(self) -> None:
        """Wait until a launched server answers."""
        assert self._process is not None
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
