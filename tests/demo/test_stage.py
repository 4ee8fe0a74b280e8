"""The servers of the demonstration: started, killed, started again on the same port, never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from tutela.demo.stage import Console, StageProblem, surroundings

pytestmark = pytest.mark.e2e
STARTER = """
import sys
from pathlib import Path
from tutela.demo.stage import Console
console = Console("hub", Path(sys.argv[1]), {})
console.start()
print(console.url, flush=True)
sys.stdin.read()
"""


def test_settings_of_another_installation_stay_outside(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TUTELA_DATABASE_URL", "TUTELA_DATA", "DJANGO_SETTINGS_MODULE"):
        monkeypatch.setenv(name, "elsewhere")
    found = surroundings({"TUTELA_KEY_PASSPHRASE": "given"})
    assert {name: value for name, value in found.items() if name.startswith(("TUTELA_", "DJANGO_"))} == {
        "TUTELA_KEY_PASSPHRASE": "given",
        **({"TUTELA_LIBSODIUM": os.environ["TUTELA_LIBSODIUM"]} if "TUTELA_LIBSODIUM" in os.environ else {}),
    }


def test_killed_and_started_again_on_the_same_port(tmp_path: Path) -> None:
    with Console("hub", tmp_path, {}) as console:
        before = console.url
        assert httpx.get(f"{before}/healthz", timeout=30).status_code == httpx.codes.OK
        console.kill()
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{before}/healthz", timeout=30)
        console.start()
        assert console.url == before
        assert httpx.get(f"{before}/healthz", timeout=30).status_code == httpx.codes.OK
    with pytest.raises(httpx.TransportError):
        httpx.get(f"{before}/healthz", timeout=30)


def test_a_server_that_cannot_start_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(StageProblem, match="The mill did not start") as caught:
        Console("mill", tmp_path, {}).start()
    assert "server.log" in caught.value.hint


def test_a_failing_command_says_what_it_said(tmp_path: Path) -> None:
    with pytest.raises(StageProblem, match="`tutela hub init` failed"):
        Console("hub", tmp_path, {}).tutela("hub", "init").result()  # there is no passphrase


def test_servers_end_with_whoever_started_them(tmp_path: Path) -> None:
    command = [sys.executable, "-c", STARTER, str(tmp_path)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as starter:
        assert starter.stdout is not None
        url = starter.stdout.readline().strip()
        assert httpx.get(f"{url}/healthz", timeout=30).status_code == httpx.codes.OK
        starter.send_signal(signal.SIGKILL)
    until = time.monotonic() + 30
    while time.monotonic() < until:
        try:
            httpx.get(f"{url}/healthz", timeout=5)
        except httpx.ConnectError:
            return
        time.sleep(0.1)
    pytest.fail("the server still answers")
