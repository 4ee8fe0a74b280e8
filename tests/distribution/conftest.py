from __future__ import annotations

import json
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.distribution import server as server_module
from tests.distribution.house import House


class Server:
    """A server process over a repository's folder."""

    def __init__(self, folder: Path) -> None:
        self.process = subprocess.Popen(
            [sys.executable, server_module.__file__, str(folder)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = f"http://127.0.0.1:{int(self._line())}"

    def _line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline()

    def fault(self, **faults: dict[str, Any]) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(faults) + "\n")
        self.process.stdin.flush()
        assert self._line() == "set\n"

    def sent(self, part: str) -> int:
        return sum(count for name, count in self._counts()["sent"].items() if part in name)

    def asked(self, part: str) -> int:
        return sum(part in name for name in self._counts()["asked"])

    def _counts(self) -> dict[str, Any]:
        with urllib.request.urlopen(f"{self.url}/-/sent", timeout=10) as answer:
            return json.load(answer)

    def stop(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path / "repository").open()


@pytest.fixture
def server(house: House) -> Iterator[Server]:
    running = Server(house.folder)
    yield running
    running.stop()
