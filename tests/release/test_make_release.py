"""`make release` in two clones in two folders, then all that a person does with the result, as processes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tests.release.conftest import ROOT, git

NAME, ORIGIN = "example.org/tutela-release", "log.example.org"
SECRET = {"TUTELA_KEY_PASSPHRASE": "a passphrase for this test only", "PYTHONPATH": str(ROOT / "src")}


def run(folder: Path, *words: str, code: int = 0) -> str:
    done = subprocess.run(
        words,
        check=False,
        cwd=folder,
        env={**os.environ, **SECRET},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == code, done.stderr
    return done.stdout if code == 0 else done.stdout + done.stderr


def tutela(folder: Path, *words: str, code: int = 0) -> dict[str, Any]:
    said = run(folder, sys.executable, "-m", "tutela.cli.main", *words, "--json", code=code)
    return dict(json.loads(said)) if code == 0 else {"refused": said}


def made_by_make(clone: Path, folder: Path) -> Path:
    """Clone, and run `make release` there with this interpreter's packages for installed ones."""
    folder.parent.mkdir(parents=True)
    git(folder.parent, "clone", "--quiet", str(clone), str(folder))
    command = folder / ".venv" / "bin" / "tutela"
    command.parent.mkdir(parents=True)
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m tutela.cli.main "$@"\n')
    command.chmod(0o755)
    (folder / ".venv" / ".demo").touch()
    run(folder, "make", "release")
    return folder / "dist"


@pytest.fixture
def dists(clone: Path, tmp_path: Path) -> tuple[Path, Path]:
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    return made_by_make(clone, tmp_path / "one" / "tree"), made_by_make(
        clone, tmp_path / "two" / "a" / "tree"
    )


def test_two_people_make_one_release_and_a_third_checks_it(
    dists: tuple[Path, Path], clone: Path, tmp_path: Path
) -> None:
    first, second = dists
    names = {path.name for path in first.iterdir()}
    assert len(names) == 4
    assert {name: (first / name).read_bytes() for name in names} == {
        path.name: path.read_bytes() for path in second.iterdir()
    }
    run(first, "sha256sum", "--check", "--strict", "SHA256SUMS")

    tutela(
        tmp_path,
        "release",
        "keygen",
        "--key-out",
        "release.key",
        "--public-out",
        "release.pub",
        "--name",
        NAME,
    )
    key = tutela(tmp_path, "log", "init", "log", "--origin", ORIGIN, "--key-out", "log.key")["vkey"]
    (tmp_path / "policy").write_text(f"log {key}\nquorum none\n")
    tutela(tmp_path, "release", "sign", str(first), "--signing-key", "release.key", "--name", NAME)
    (tmp_path / "release.leaf").write_text(tutela(tmp_path, "release", "leaf", str(first))["leaf"])
    proof = str(first / "SHA256SUMS.tlog-proof")
    tutela(
        tmp_path, "log", "append", "log", "release.leaf", "--signing-key", "log.key", "--policy", "policy",
        "--proof", proof,
    )  # fmt: skip

    checks = ("--key", "release.pub", "--policy", "policy", "--rebuild", "--source", str(clone))
    found = tutela(tmp_path, "release", "verify", str(first), *checks)
    assert found["checked"] == ["checksums", "bill of materials", "signature", "log", "rebuild"]
    for name in ("SHA256SUMS.note", "SHA256SUMS.tlog-proof"):
        shutil.copy(first / name, second)
    tutela(tmp_path, "release", "verify", str(second), *checks[:4])

    wheel = next(second.glob("*.whl"))
    wheel.write_bytes(wheel.read_bytes()[:-1] + b"x")
    said = tutela(tmp_path, "release", "verify", str(second), *checks[:4], code=1)["refused"]
    assert wheel.name in said
    tutela(tmp_path, "release", "verify", str(first), *checks[:2], "--policy", "release.pub", code=1)

    (first.parent / "new.py").write_text("# not committed\n")
    assert "new.py" in run(first.parent, "make", "release", code=2)
    tutela(tmp_path, "release", "verify", str(first), *checks[:4])


def test_proofs_are_written_for_one_leaf_only(tmp_path: Path) -> None:
    tutela(tmp_path, "log", "init", "log", "--origin", ORIGIN, "--key-out", "log.key")
    append = ("log", "append", "log", "--signing-key", "log.key", "--proof", "proof")
    assert "one leaf" in tutela(tmp_path, *append, code=2)["refused"]
    assert not (tmp_path / "proof").exists()
