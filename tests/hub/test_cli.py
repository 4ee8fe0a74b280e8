"""`tutela hub`, as a process: one JSON object, or a sentence and an exit code."""

from __future__ import annotations

import json
import subprocess

import pytest
from tests.hub.running import TUTELA, RunningHub

pytestmark = pytest.mark.e2e


def run(hub, *command):
    return subprocess.run(
        [*TUTELA, "hub", *command, *hub.arguments()],
        env=hub.environment, capture_output=True, check=False, text=True, timeout=120,
    )  # fmt: skip


def test_the_commands(tmp_path):
    hub = RunningHub(tmp_path)
    again = hub.call("hub", "init")
    assert (again["made"], again["agencies"]) == ([], 4)
    assert hub.call("hub", "agency", "list")["agencies"][0].keys() >= {"slug", "name", "countries", "active"}
    assert hub.call("hub", "verify-audit") | {"head": ""} == {"ok": True, "rows": 1, "head": ""}
    assert hub.reports() == []
    head = hub.call("hub", "verify-audit")["head"]
    assert f"Head: {head}\n" in run(hub, "verify-audit").stdout  # whole, however narrow the terminal
    human = run(hub, "agency", "list")
    assert human.returncode == 0
    assert "northland-police" in human.stdout
    wrong = run(hub, "report", "list", "--state", "lost", "--json")
    assert wrong.returncode == 2
    assert json.loads(wrong.stdout)["error"]["code"] == "hub.unknown-state"
    (tmp_path / "hub" / "routing.toml").write_text("version = 2")
    broken = run(hub, "init")
    assert broken.returncode == 4
    assert "Traceback" not in broken.stderr
    del hub.environment["TUTELA_KEY_PASSPHRASE"]
    without = run(hub, "init")
    assert without.returncode != 0
    assert "TUTELA_KEY_PASSPHRASE" in without.stderr
