"""The commands of those who hold the offline keys: rotation, renewal, delegation."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from tutela.cli.distribution import app
from tutela.errors import TutelaError
from tutela.sealed import keyfile


@pytest.fixture(autouse=True)
def cheap_keys(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TUTELA_KEY_PASSPHRASE", "three ordinary words")
    monkeypatch.setattr(keyfile.save, "__kwdefaults__", {"overwrite": False, "cost": 12})


def run(*words: str, code: int = 0) -> dict[str, Any]:
    done = CliRunner().invoke(app, [*words, "--json"])
    if code:
        assert isinstance(done.exception, TutelaError), done.output
        assert done.exception.exit_code == code
        return {"error": done.exception.diagnostics()}
    assert done.exit_code == 0, done.exception
    return dict(json.loads(done.stdout))


def test_a_device_that_knows_only_the_first_root_follows_to_the_third(tmp_path: Path) -> None:
    run("init", "repo", "--keys", "keys", "--root-out", "root.json", "--lists-by", "centre")
    seen = run("status", "repo", "--state", "seen", "--root", "root.json")
    assert seen["versions"]["root"] == 1
    (tmp_path / "keys" / "root-3.key").unlink()  # lost; two of three are enough
    words = ("rotate", "repo", "--keys", "keys", "--new-keys", "second")
    second = run(*words, "--role", "root", "--root-out", "root2.json")
    assert second["keys"] == ["root-1.key", "root-2.key", "root-3.key"]
    # the first root's keys, and one key of the second's, are not enough any more
    few = (
        "rotate",
        "repo",
        "--new-keys",
        "third",
        "--role",
        "root",
        "--role",
        "timestamp",
        "--root-keys",
        "4",
    )
    refused = run(*few, "--root-threshold", "3", "--keys", "keys", code=2)
    assert refused["error"]["code"] == "distribution.not_enough_keys"
    assert list((tmp_path / "third").glob("*.key")) == []
    for name in ("snapshot", "timestamp", "targets", "centre"):
        (tmp_path / "keys" / f"{name}.key").rename(tmp_path / "second" / f"{name}.key")
    run(*few, "--root-threshold", "3", "--keys", "second", "--root-out", "root3.json")
    for state, root in (("seen", ()), ("fresh", ("--root", "root.json")), ("new", ("--root", "root3.json"))):
        found = run("status", "repo", "--state", state, *root)
        assert (found["online"], found["versions"]["root"]) == (True, 3), state
    old = run("refresh-timestamp", "repo", "--keys", "second", code=2)
    assert old["error"]["code"] == "distribution.not_enough_keys"
    assert run("refresh-timestamp", "repo", "--keys", "third")["ok"]
    again = run(*few, "--root-threshold", "5", "--keys", "third", code=2)
    assert again["error"]["code"] == "distribution.cannot_publish"


def test_what_runs_out_is_renewed_by_its_own_keys(tmp_path: Path) -> None:
    run("init", "repo", "--keys", "keys", "--root-out", "root.json", "--lists-by", "centre")
    before = run("expiries", "repo", "--within", "100")["expiries"]
    assert set(before) == {"root", "targets", "snapshot", "timestamp", "builder", "log", "centre"}
    late = run("expiries", "repo", "--within", "130", code=1)["error"]
    assert late["code"] == "distribution.runs_out"
    assert "builder, " in late["message"]
    for name in ("targets", "builder", "centre", "log", "snapshot", "timestamp"):
        (tmp_path / "keys" / f"{name}.key").rename(tmp_path / f"{name}.key")
    run("renew", "repo", "--keys", "keys", "--role", "root", "--root-out", "root2.json")
    assert run("status", "repo", "--state", "s", "--root", "root.json")["versions"]["root"] == 2
    for name in ("centre", "snapshot", "timestamp"):
        (tmp_path / f"{name}.key").rename(tmp_path / "keys" / f"{name}.key")
    run("renew", "repo", "--keys", "keys", "--role", "centre", "--role", "snapshot")
    assert run("status", "repo", "--state", "s")["versions"]["centre"] == 2
    refused = run("renew", "repo", "--keys", "keys", "--role", "timestamp", code=2)
    assert refused["error"]["code"] == "distribution.cannot_publish"


def test_an_organisation_comes_later_and_takes_a_new_key(tmp_path: Path) -> None:
    run("init", "repo", "--keys", "keys", "--root-out", "root.json")
    words = ("delegate", "repo", "north", "--keys", "keys")
    none = run(*words, "--new-keys", "north", code=2)
    assert none["error"]["code"] == "distribution.cannot_publish"
    run(*words, "--new-keys", "north", "--path", "lists/north/*")
    (tmp_path / "north" / "north.key").rename(tmp_path / "keys" / "north.key")
    (tmp_path / "list.csv").write_bytes(b"list")
    publish = ("publish", "repo", "--organisation", "north", "--file", "list.csv")
    run(*publish, "--keys", "keys")
    run(*words, "--new-keys", "north")
    found = run("status", "repo", "--state", "s", "--root", "root.json")
    assert (found["files"], found["refused"]) == (["lists/north/list.csv"], {})
    old = run(*publish, "--keys", "keys", code=2)
    assert old["error"]["code"] == "distribution.not_enough_keys"
