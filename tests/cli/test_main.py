"""The command line as a whole: quick help, one JSON object, errors as sentences, exit codes that mean something."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tutela.cli.main import COMMANDS


def tutela(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tutela.cli.main", *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=cwd,
        timeout=120,
    )


def test_help_names_every_command_and_imports_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "tutela.cli.main", "--help"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert all(name in done.stdout for name in COMMANDS)
    loaded = {line.rsplit("|", 1)[-1].strip() for line in done.stderr.splitlines()}
    assert not loaded & {"numpy", "django", "nio", "lxml", "PIL", "cryptography"}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help(name: str) -> None:
    done = tutela(name, "--help")
    assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout


def test_an_unknown_command_is_a_usage_error() -> None:
    done = tutela("nonsense")
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_an_error_is_one_object_with_json_and_a_sentence_without(tmp_path: Path) -> None:
    arguments = ("epoch", "verify", str(tmp_path), "--trust", str(tmp_path / "none.json"))
    quiet = tutela(*arguments, "--json")
    assert quiet.returncode > 0
    answer = json.loads(quiet.stdout)
    assert answer["ok"] is False
    assert set(answer["error"]) == {"code", "message", "hint"}
    loud = tutela(*arguments)
    assert loud.returncode == quiet.returncode
    assert loud.stdout == ""
    assert answer["error"]["message"] in loud.stderr
    assert "Traceback" not in loud.stderr


def test_a_missing_extra_names_itself(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from tutela.cli import main

    monkeypatch.setattr(sys, "argv", ["tutela", "ghost"])
    monkeypatch.setitem(COMMANDS, "ghost", ("a_package_that_is_not_there", "No such thing."))
    with pytest.raises(SystemExit) as ended:
        main.run()
    assert ended.value.code == 3
    assert "make setup" in capsys.readouterr().err
