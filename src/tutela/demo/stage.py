"""Starting and stopping the servers, and setting each organisation up with its own commands."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Self

from tutela.errors import EnvironmentProblem

TUTELA = (sys.executable, "-m", "tutela.cli.main")


class StageProblem(EnvironmentProblem):
    """A server or a set-up command did not do what the demonstration needs."""

    code = "demo.stage"


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
        env=os.environ | dict(environment),
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
        self.data.mkdir(parents=True, exist_ok=True)
        self._log = (self.data / "server.log").open("a")
        arguments = ("serve", self.role, "--port", str(self.port), "--data", str(self.data), "--json")
        self._process = subprocess.Popen(  # noqa: S603  our own command
            [*TUTELA, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
            env=os.environ | dict(self.environment),
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
        return self

    def __exit__(self, *exc: object) -> None:
        """Stop."""
        self.stop()

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
