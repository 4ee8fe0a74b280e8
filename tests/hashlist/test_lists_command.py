from __future__ import annotations

import hashlib
import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner, Result

import tutela.fingerprint
from tutela.cli.lists import app
from tutela.errors import InputError
from tutela.hashlist import BadFile, BadLine, BadPictures, CategoryRefused, HashList


class Unusable(InputError):
    code = "fingerprint.unusable"


def digests(path: Path, /, **options: Any) -> SimpleNamespace:
    """Stand in for the fingerprint room: the first bytes of a file are its hash."""
    assert options == {"path": "exact"}
    data = path.read_bytes()
    if not data:
        raise Unusable("The file is empty.")
    return SimpleNamespace(
        sha256=hashlib.sha256(data).digest(), md5=bytes(16), pdq=data.ljust(32, b"\0")[:32], quality=len(data)
    )


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tutela.fingerprint, "fingerprint_file", digests, raising=False)
    pictures = tmp_path / "pictures"
    (pictures / "more").mkdir(parents=True)
    (pictures / "a.jpg").write_bytes(b"\xff" * 32)
    (pictures / "again.jpg").write_bytes(b"\xff" * 32)
    (pictures / "b.jpg").write_bytes(b"\xff" * 31 + b"\xf0")
    (pictures / "more" / "c.jpg").write_bytes(b"\x0f" * 60)
    (pictures / ".hidden").write_bytes(b"")
    return pictures


def call(*args: object) -> Result:
    return CliRunner().invoke(app, [str(arg) for arg in args])


def output(*args: object) -> dict[str, Any]:
    result = call(*args, "--json")
    assert result.exit_code == 0, result.exception
    assert len(result.stdout.splitlines()) == 1
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_folder_becomes_a_list(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "list.jsonl"
    made = output(
        "make", folder, "--out", out, "--scale", "ncmec", "--value", "B2", "--source", "example.org"
    )
    assert (made["entries"], made["clusters"], made["duplicates"], made["low_quality"]) == (3, 2, 1, 2)
    loaded = HashList.load(out)
    assert {e.provenance.path for e in loaded.entries} == {"exact"}
    assert loaded.salt != bytes(32)
    assert "jpg" not in out.read_text()
    shown = output("show", out, "--entries")
    assert shown["categories"] == {"ncmec B2": 3}
    assert shown["commitment"] == loaded.commitment().hex()
    assert loaded.entries[0].pdq is not None
    assert loaded.entries[0].pdq.hex() not in json.dumps(shown)
    assert call("show", out, "--entries").exit_code == 0


def test_unreadable_files_stop_the_list_unless_told_otherwise(folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "list.jsonl"
    (folder / "empty.jpg").write_bytes(b"")
    refused = call("make", folder, "--out", out)
    assert isinstance(refused.exception, BadPictures)
    assert refused.exception.exit_code == 4
    assert not out.exists()
    assert "empty.jpg" in refused.stderr
    partly = call("make", folder, "--out", out, "--skip-bad", "--json")
    assert partly.exit_code == 4
    assert json.loads(partly.stdout)["unreadable"] == [{"name": "empty.jpg", "code": "fingerprint.unusable"}]
    assert len(HashList.load(out)) == 3


def test_lists_go_out_and_come_back(folder: Path, tmp_path: Path) -> None:
    out, again = tmp_path / "list.jsonl", tmp_path / "again.jsonl"
    assert call("make", folder, "--out", out).exit_code == 0
    exported = output("export", out, "--format", "csv")
    assert output("import", exported["file"], "--out", again)["entries"] == 3
    assert HashList.load(again).entries == HashList.load(out).entries
    plain = output("export", out, "--format", "plain", "--out", tmp_path / "plain.txt")
    assert plain["lines"] == 3 + 1 + 3  # pdq, the one md5 of the stand-in, sha256
    assert output("import", plain["file"], "--out", again)["entries"] == 7


def test_what_is_wrong_is_said(folder: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad.txt"
    bad.write_text("pdq 00\n")
    for args, expected in (
        (("import", bad, "--out", tmp_path / "x"), BadLine),
        (("show", bad), BadFile),
        (("make", tmp_path / "absent"), BadFile),
        (("make", folder, "--value", "Z"), CategoryRefused),
        (("import", tmp_path / "absent", "--out", tmp_path / "x"), BadFile),
    ):
        assert isinstance(call(*args).exception, expected)
    assert not (tmp_path / "x").exists()
