"""`tutela audit` from a list and pictures to every check, by the commands that people type."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner, Result

from trust_world import World
from tutela.cli import audit, epoch, lists
from tutela.hashlist import absence
from tutela.hashlist.auditing import OtherList
from tutela.sealed import keyfile
from tutela.voucher.errors import LawfulListed, OtherRoot, Uncommitted

RNG = np.random.default_rng(8)


def pattern(path: Path) -> Path:
    """A smooth picture of random waves: an ordinary pattern of good quality."""
    y, x = np.mgrid[0:256, 0:256] / 256
    waves = sum(
        np.sin(2 * np.pi * (x * RNG.uniform(-6, 6) + y * RNG.uniform(-6, 6)) + RNG.uniform(0, 6))
        for _ in range(12)
    )
    scaled = (waves - waves.min()) / np.ptp(waves) * 255
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(scaled.astype(np.uint8)).save(path)
    return path


def call(app: Any, *args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def output(app: Any, *args: object) -> dict[str, Any]:
    result = call(app, *args, "--json")
    assert result.exit_code == 0, result.exception
    found: dict[str, Any] = json.loads(result.stdout)
    return found


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUTELA_KEY_PASSPHRASE", "an invented passphrase")
    monkeypatch.delenv("TUTELA_KEY_PASSPHRASE_FILE", raising=False)
    monkeypatch.setattr(keyfile.save, "__kwdefaults__", {"overwrite": False, "cost": 12})
    for number in range(4):
        pattern(tmp_path / "listed" / f"{number}.png")
        pattern(tmp_path / "lawful" / f"{number}.png")
    output(lists.app, "make", tmp_path / "listed", "--out", tmp_path / "list.jsonl")
    trust = ("--trust", tmp_path / "trust.json", "--name", "Example Centre")
    output(epoch.app, "keygen", "--key-out", tmp_path / "sign.key", *trust)
    world = World(datetime.now(UTC) - timedelta(seconds=2), tmp_path)
    (tmp_path / "root").write_text(world.version.root.hex())
    (tmp_path / "checkpoint").write_bytes(world.listed.to_bytes())
    return tmp_path


def build(place: Path, name: str, *more: object) -> Path:
    keys = ("--signing-key", place / "sign.key", "--key-out", place / f"{name}.key")
    version = ("--list-root", (place / "root").read_text(), "--checkpoint", place / "checkpoint")
    output(epoch.app, "build", place / "list.jsonl", "--out", place / name, *keys, *version, *more)
    return place / name


def test_an_epoch_is_audited_by_list_holders_and_by_anyone(place: Path) -> None:
    trust = ("--trust", place / "trust.json")
    made = output(audit.app, "lawful-set", place / "lawful", "--out", place / "lawful.set")
    assert made["pictures"] == 4
    folder = build(place, "one", "--lawful", place / "lawful.set")
    checked = output(audit.app, "table", folder, place / "list.jsonl", *trust)
    assert checked["endorsers"] == ["Example Centre"]
    assert checked["tokens"] == 32
    proof = ("lawful-prove", folder, place / "lawful.set", *trust, "--table-key", place / "one.key")
    assert output(audit.app, *proof)["pictures"] == 4
    assert output(audit.app, "lawful", folder, place / "lawful.set", *trust)["set"] == made["digest"]
    human = call(audit.app, "lawful", folder, place / "lawful.set", *trust)
    assert "None of 4 lawful pictures" in human.stdout
    data = bytearray((folder / "table.bin").read_bytes())
    data[16:48] = data[48:80]
    (folder / "table.bin").write_bytes(data)
    assert isinstance(call(audit.app, "table", folder, place / "list.jsonl", *trust).exception, OtherRoot)


def test_only_the_committed_set_is_proved_and_a_listed_picture_never(place: Path) -> None:
    trust = ("--trust", place / "trust.json")
    output(audit.app, "lawful-set", place / "listed", "--out", place / "listed.set")
    output(audit.app, "lawful-set", place / "lawful", "--out", place / "lawful.set")
    folder = build(place, "one", "--lawful", place / "listed.set")
    key = (*trust, "--table-key", place / "one.key")
    uncommitted = call(audit.app, "lawful-prove", folder, place / "lawful.set", *key)
    assert isinstance(uncommitted.exception, Uncommitted)
    assert isinstance(
        call(audit.app, "lawful-prove", folder, place / "listed.set", *key).exception, LawfulListed
    )
    assert not (folder / "lawful.proof").exists()


def test_absence_of_a_file(place: Path) -> None:
    trust = ("--trust", place / "trust.json")
    folder = build(place, "one")
    absent = hashlib.sha256((place / "lawful" / "0.png").read_bytes()).hexdigest()
    listed = hashlib.sha256((place / "listed" / "0.png").read_bytes()).hexdigest()
    asked = ("absent-prove", place / "list.jsonl", "--out", place / "absent.proof", "--digest")
    assert isinstance(call(audit.app, *asked, listed).exception, absence.DigestListed)
    assert output(audit.app, *asked, absent)["kind"] == "sha256"
    check = ("absent", folder, place / "absent.proof", *trust, "--digest")
    assert output(audit.app, *check, absent)["digests"] == 8
    assert isinstance(call(audit.app, *check, listed).exception, absence.AbsenceRefused)
    output(audit.app, *asked, hashlib.md5(b"other").hexdigest())
    assert output(audit.app, *check, hashlib.md5(b"other").hexdigest())["kind"] == "md5"


def test_another_list_is_refused(place: Path) -> None:
    folder = build(place, "one")
    output(lists.app, "make", place / "lawful", "--out", place / "other.jsonl")
    trust = ("--trust", place / "trust.json")
    assert isinstance(call(audit.app, "table", folder, place / "other.jsonl", *trust).exception, OtherList)
