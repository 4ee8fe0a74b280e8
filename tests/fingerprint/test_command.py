from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from tutela.cli.fingerprint import app
from tutela.fingerprint import fingerprint


@pytest.fixture
def folder(tmp_path, files):
    for name, data in files.items():
        (tmp_path / f"{name}.bin").write_bytes(data)
    return tmp_path


def run(*arguments: object):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def test_one_json_object_for_all_files(folder, files) -> None:
    result = run(folder / "PNG.bin", folder / "HEIC.bin", "--json", "--path", "exact")
    assert result.exit_code == 0
    assert result.stderr == ""
    found = json.loads(result.stdout)["files"]
    assert [entry["ok"] for entry in found] == [True, True]
    expected = fingerprint(files["PNG"])
    assert found[0] == {
        "file": str(folder / "PNG.bin"),
        "ok": True,
        "sha256": expected.sha256.hex(),
        "md5": expected.md5.hex(),
        "pdq": expected.pdq.hex(),
        "quality": expected.quality,
        "orientations": [turned.hex() for turned in expected.orientations],
        "format": "PNG",
        "width": 96,
        "height": 80,
        "path": "exact",
    }


def test_the_others_are_printed_when_one_fails(folder) -> None:
    (folder / "empty.png").write_bytes(b"")
    result = run(folder / "empty.png", folder / "PNG.bin", folder / "missing", folder, "--json")
    assert result.exit_code == 4
    found = json.loads(result.stdout)["files"]
    assert [entry["ok"] for entry in found] == [False, True, False, False]
    assert [entry["error"]["code"] for entry in found if not entry["ok"]] == [
        "fingerprint.empty",
        "fingerprint.unreadable",
        "fingerprint.unreadable",
    ]
    assert "--recursive" in found[3]["error"]["hint"]


def test_folders_are_walked_when_asked(folder, files) -> None:
    (folder / "inner").mkdir()
    (folder / "inner" / "copy.png").write_bytes(files["PNG"])
    result = run(folder, "--recursive", "--json")
    assert result.exit_code == 0
    assert len(json.loads(result.stdout)["files"]) == len(files) + 1


def test_for_people(folder) -> None:
    (folder / "\x1b[31mred\n.png").write_bytes(b"hello")
    result = run(folder, "-r")
    assert result.exit_code == 4
    assert fingerprint((folder / "PNG.bin").read_bytes()).pdq.hex() in result.stdout
    assert "no fingerprint" in result.stdout
    assert "\x1b" not in result.stdout
    assert "1 of 8 files" in result.stderr


def test_names_that_are_not_unicode(folder, files) -> None:
    import os

    name = os.fsencode(folder) + b"/caf\xe9.png"
    with open(name, "wb") as stream:  # noqa: PTH123  the name is bytes
        stream.write(files["PNG"])
    result = run(folder, "-r", "--json")
    assert result.exit_code == 0
    assert any("caf" in entry["file"] for entry in json.loads(result.stdout)["files"])


def test_another_path_is_refused(folder) -> None:
    assert run(folder / "PNG.bin", "--path", "quick").exit_code == 2
