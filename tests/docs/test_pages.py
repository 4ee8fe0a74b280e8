"""What the pages say of commands, files, exit codes and the environment is so."""

from __future__ import annotations

import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer
from tests.docs.pages import PAGES, ROOT, Command, anchors, commands, is_placeholder, links
from typer.testing import CliRunner

from tutela import errors
from tutela.cli.main import COMMANDS

OPERATING = (ROOT / "docs" / "operating.md").read_text()
FOUND = sorted(set(commands()))


def loaded(name: str) -> Any:
    return typer.main.get_command(importlib.import_module(COMMANDS[name][0]).app)


@pytest.mark.parametrize("command", FOUND, ids=lambda command: " ".join(command.words)[:60])
def test_a_named_command_exists_with_its_options(command: Command) -> None:
    name, *rest = command.words
    assert name in COMMANDS, command
    found, path = loaded(name), [name]
    while rest and hasattr(found, "commands"):
        below = found.commands.get(rest[0])
        assert below is not None or is_placeholder(rest[0]) or rest[0].startswith("-"), command
        if below is None:
            break
        found = below
        path.append(rest.pop(0))
    known = {flag for parameter in found.params for flag in (*parameter.opts, *parameter.secondary_opts)}
    given = {word.partition("=")[0] for word in rest if word.startswith("--")} - {"--help"}
    assert given <= known, (path, given - known)


def test_some_commands_are_named() -> None:
    assert len(FOUND) > 30
    assert {command.words[0] for command in FOUND} == set(COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_a_commands_help_is_shown(name: str) -> None:
    app = importlib.import_module(COMMANDS[name][0]).app
    shown = CliRunner().invoke(app, ["--help"])
    assert shown.exit_code == 0
    assert "Usage" in shown.output


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_inside_the_repository_lead_somewhere(page: Path) -> None:
    for file, anchor in links(page):
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), f"{page.name}: {file}"
        if anchor and target.suffix == ".md":
            assert anchor in anchors(target), f"{page.name}: {file}#{anchor}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_files_that_a_page_names_exist(page: Path) -> None:
    for name in re.findall(
        r"`((?:src|tests|docs|vectors|tools|requirements)/[\w./-]*[\w/])`", page.read_text()
    ):
        assert (ROOT / name).exists(), f"{page.name}: {name}"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_rows_of_a_table_have_the_cells_of_its_head(page: Path) -> None:
    cells = 0
    for line in re.sub(r"```.*?```", "", page.read_text(), flags=re.DOTALL).splitlines():
        here = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not cells or not here or here == cells, f"{page.name}: {line}"
        cells = here


def test_every_page_is_in_the_contents() -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    assert all(
        re.search(rf"^{page.stem}$", index, re.MULTILINE)
        for page in (ROOT / "docs").glob("*.md")
        if page.stem != "index"
    )


def test_the_exit_codes_are_those_of_the_errors() -> None:
    rows = re.findall(r"^\| (\d) \| `(\w+)` \|", OPERATING, re.MULTILINE)
    kinds = (errors.TutelaError, *errors.TutelaError.__subclasses__())
    own = {kind.__name__: kind.exit_code for kind in kinds if kind.__module__ == "tutela.errors"}
    assert {name: int(code) for code, name in rows} == own
    readme = " ".join((ROOT / "README.md").read_text().split())
    said = re.search(r"Exit codes: 0 [^.]+\.", readme)
    assert said
    assert {int(code) for code in re.findall(r"\d", said[0])} == {0, *own.values()}


def test_every_variable_of_the_environment_is_named() -> None:
    source = "\n".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    settings = {"TUTELA_STATE"}  # of Django, not of the environment
    used = set(re.findall(r"\bTUTELA_[A-Z_]*[A-Z]\b", source)) - settings
    shown = set(re.findall(r"`(TUTELA_[A-Z_]+)`", OPERATING.split("## Environment")[1]))
    assert shown == used


@pytest.mark.slow
def test_the_documentation_builds_without_a_warning(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-W",
        "--keep-going",
        "-q",
        "-b",
        "html",
        "docs",
        str(tmp_path),
    ]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert run.returncode == 0, run.stderr[-4000:]
