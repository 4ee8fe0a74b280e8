"""The commands as a person runs them, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

EPOCH = {
    "manifest.json": b'{"signed":{"number":7}}',
    "table.bin": b"table" * 50_000,
    "table.proof": b"proof",
    "constitution.json": b"rules",
    "endorsements.json": b"names",
    "list.tlog-proof": b"list",
    "epoch.tlog-proof": b"epoch, first day",
    "legal-basis-ZZ.json": b"{}",
    "legal-basis-ZZ.tlog-proof": b"law",
    "log/checkpoint": b"first day",
    "log/tile/0/000.p/5": b"five",
    "log/tile/0/x001/x234/067.p/8": b"eight",
}


def files_of(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def run(tmp_path: Path, *words: str, code: int = 0) -> dict[str, Any]:
    done = subprocess.run(
        [sys.executable, "-m", "tutela.cli.main", "distribution", *words, "--json"],
        cwd=tmp_path,
        env={**os.environ, "TUTELA_KEY_PASSPHRASE": "three ordinary words"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == code, done.stderr
    return json.loads(done.stdout)


def test_from_init_to_an_epoch_on_a_device(tmp_path: Path) -> None:
    epoch = tmp_path / "epoch"
    for name, data in {**EPOCH, "table.key": b"private", "log/tile/.x": b"no"}.items():
        (epoch / name).parent.mkdir(parents=True, exist_ok=True)
        (epoch / name).write_bytes(data)
    made = run(tmp_path, "init", "repo", "--keys", "keys", "--root-out", "root.json", "--lists-by", "centre")
    assert made["keys"] == sorted(
        f"{name}.key"
        for name in (
            "root-1",
            "root-2",
            "root-3",
            "targets",
            "snapshot",
            "timestamp",
            "log",
            "builder",
            "centre",
        )
    )
    assert run(tmp_path, "publish", "repo", "epoch", "--keys", "keys")["epoch"] == 7
    (tmp_path / "list.csv").write_bytes(b"list")
    words = ("--keys", "keys", "--organisation", "centre", "--file", "list.csv")
    assert run(tmp_path, "publish", "repo", *words)["files"] == ["list.csv"]
    assert run(tmp_path, "refresh-timestamp", "repo", "--keys", "keys")["ok"]
    assert run(tmp_path, "mirror", "repo", "stick", "--root", "root.json")["files"] == len(EPOCH) + 1
    fetched = run(tmp_path, "fetch", "stick", "device", "--state", "state", "--root", "root.json")
    assert (fetched["epoch"], fetched["received"]) == (7, sum(map(len, EPOCH.values())))
    assert files_of(tmp_path / "device") == EPOCH
    (tmp_path / "stick").rename(tmp_path / "away")
    status = run(tmp_path, "status", "stick", "--state", "state")
    assert not status["online"]
    assert "cannot be reached" in status["sentence"]
    assert "lists/centre/list.csv" in status["files"]


def test_refusals_are_named(tmp_path: Path) -> None:
    run(tmp_path, "init", "repo", "--keys", "keys", "--root-out", "root.json")
    again = run(tmp_path, "init", "repo", "--keys", "keys", "--root-out", "root.json", code=2)
    assert again["error"]["code"] == "distribution.cannot_publish"
    no_root = run(tmp_path, "status", "repo", "--state", "state", code=3)
    assert no_root["error"]["code"] == "distribution.no_root"
    empty = run(tmp_path, "fetch", "repo", "out", "--state", "state", "--root", "root.json", code=1)
    assert empty["error"]["code"] == "distribution.not_listed"
    # keys of another house
    run(tmp_path, "init", "other", "--keys", "other-keys", "--root-out", "other.json")
    wrong = run(tmp_path, "refresh-timestamp", "repo", "--keys", "other-keys", code=2)
    assert wrong["error"]["code"] == "distribution.not_enough_keys"
    other = run(tmp_path, "status", "repo", "--state", "another", "--root", "other.json", code=1)
    assert other["error"]["code"] == "distribution.threshold"


def test_proofs_are_renewed_daily_without_the_builders_key(tmp_path: Path) -> None:
    epoch = tmp_path / "epoch"
    for name, data in EPOCH.items():
        (epoch / name).parent.mkdir(parents=True, exist_ok=True)
        (epoch / name).write_bytes(data)
    run(tmp_path, "init", "repo", "--keys", "keys", "--root-out", "root.json")
    run(tmp_path, "publish", "repo", "epoch", "--keys", "keys")
    run(tmp_path, "fetch", "repo", "device", "--state", "state", "--root", "root.json")
    for name in ("builder", "targets", "root-1", "root-2", "root-3"):
        (tmp_path / "keys" / f"{name}.key").rename(tmp_path / f"{name}.key")
    fresh = {"epoch.tlog-proof": b"epoch, second day", "log/checkpoint": b"2", "log/tile/0/000.p/6": b"six"}
    for name, data in {**fresh, "table.bin": b"another table"}.items():
        (epoch / name).write_bytes(data)
    (epoch / "log/tile/0/000.p/5").unlink()
    assert run(tmp_path, "publish-proofs", "repo", "epoch", "--keys", "keys")["epoch"] == 7
    again = run(tmp_path, "fetch", "repo", "device", "--state", "state")
    assert again["received"] == sum(map(len, fresh.values()))
    expected = {**EPOCH, **fresh}
    del expected["log/tile/0/000.p/5"]
    assert files_of(tmp_path / "device") == expected  # and the table is the one that its builder signed
