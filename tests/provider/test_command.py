"""`tutela provider`, as its own process."""

from __future__ import annotations

import json
import re
import stat
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from provider_world import World, build_world
from real_servers import COMMAND, clean, command


@pytest.fixture(scope="module")
def today(tmp_path_factory) -> World:
    """Return a world whose epoch is in force now."""
    now = datetime.now(UTC)
    world = build_world(
        tmp_path_factory.mktemp("today"), start=now - timedelta(days=1), end=now + timedelta(days=9), now=now
    )
    (world.folder / "secret").write_text("a secret\n")
    return world


def init(world: World, data: Path, **changes: str) -> dict:
    options = {
        "epoch": str(world.epoch), "list": str(world.folder / "list.jsonl"),
        "table-key": str(world.folder / "table.key"), "trust": str(world.folder / "trust.json"),
        "jurisdiction": "XX", "hub": "http://127.0.0.1:9/ispws", "homeserver": "http://127.0.0.1:8",
        "passphrase-file": str(world.folder / "passphrase"), "hub-password-file": str(world.folder / "secret"),
        "homeserver-token-file": str(world.folder / "secret"), **changes,
    }  # fmt: skip
    return command(
        data, "provider", "init", *(part for name, value in options.items() for part in (f"--{name}", value))
    )


def test_set_up_look_and_withdraw(today: World, tmp_path: Path) -> None:
    done = init(today, tmp_path)
    assert (done["epoch"], done["threshold"], done["voucher_bytes"]) == (7, 3, 8540)
    secrets = tmp_path / "provider" / "secrets.json"
    before = secrets.read_text()
    assert stat.S_IMODE(secrets.stat().st_mode) == 0o600
    init(today, tmp_path)
    assert secrets.read_text() == before  # the sealing key stays
    found = command(tmp_path, "provider", "status")
    assert (found["alerts"], found["epoch"], found["entries_withdrawn"]) == ("on", 7, 0)
    done = command(tmp_path, "provider", "withdraw", "entry-1", "--reason", "Listed by mistake.")
    assert done == {"entry": "entry-1", "reversed": [], "still_hold": []}
    again = command(tmp_path, "provider", "withdraw", "entry-1", "--reason", "Listed by mistake.")
    assert again["error"]["code"] == "provider.withdrawal"
    assert command(tmp_path, "provider", "status")["entries_withdrawn"] == 1


def test_a_new_set_up_keeps_the_limits_that_the_operator_changed(today: World, tmp_path: Path) -> None:
    init(today, tmp_path)
    file = tmp_path / "provider" / "config.json"
    config = json.loads(file.read_text())
    file.write_text(json.dumps(config | {"vouchers_per_day": 7, "notice_days": 45}))
    init(today, tmp_path, hub="http://127.0.0.1:10/ispws")
    after = json.loads(file.read_text())
    assert after == config | {"vouchers_per_day": 7, "notice_days": 45, "hub": "http://127.0.0.1:10/ispws"}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"jurisdiction": "YY"}, "legal_basis.missing"),
        ({"jurisdiction": "xx"}, "legal_basis.missing"),
        ({"trust": "{world}/list.jsonl"}, "hashlist.trust"),
        ({"list": "{world}/other.jsonl"}, "provider.alerts_off"),
        ({"passphrase-file": "{world}/secret"}, "sealed.passphrase"),
    ],
)
def test_nothing_is_written_unless_everything_holds(today: World, tmp_path: Path, change, code) -> None:
    today.hash_list.without("entry-0").save(today.folder / "other.jsonl")
    refused = init(
        today, tmp_path, **{name: value.format(world=today.folder) for name, value in change.items()}
    )
    assert refused["error"]["code"] == code
    assert not (tmp_path / "provider" / "config.json").exists()


def test_status_before_any_set_up(tmp_path: Path) -> None:
    assert command(tmp_path, "provider", "status")["alerts"] == "provider.not_configured"


def tutela(data: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, "provider", *arguments, "--data", str(data)],
        capture_output=True, text=True, timeout=120, env=clean(COLUMNS="80"), check=False,
    )  # fmt: skip


def test_the_exit_code_says_whether_alerts_are_on(today: World, tmp_path: Path) -> None:
    assert tutela(tmp_path, "status").returncode == 3
    init(today, tmp_path)
    assert tutela(tmp_path, "status").returncode == 0


def test_the_head_of_the_audit_is_one_word_of_one_line(tmp_path: Path) -> None:
    said = tutela(tmp_path, "verify-audit").stdout
    assert re.search(r"Head: [0-9a-f]{64}$", said.strip())
