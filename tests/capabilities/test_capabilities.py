"""Every command of docs/capabilities.md runs, and ends as the page says."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from tests.capabilities.surroundings import ROOT, Surroundings, program

PAGE = (ROOT / "docs" / "capabilities.md").read_text()


class Row(NamedTuple):
    capability: str
    command: str
    exit_code: int


def rows(section: str) -> list[Row]:
    part = PAGE.split(f"## {section}\n")[1].split("\n## ")[0]
    found = []
    for line in part.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        match = re.fullmatch(r"`(.+)`", cells[1]) if len(cells) == 5 else None
        if match:
            assert re.fullmatch(r"\d{4}-\d{2}-\d{2}", cells[3]), f"{cells[0]}: no date"
            found.append(Row(cells[0], match[1], int(cells[2])))
    return found


QUICK, SLOW = rows("Quick"), rows("Slow")


@pytest.fixture(scope="module")
def around(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Surroundings]:
    made = Surroundings(tmp_path_factory.mktemp("capabilities"))
    yield made
    made.close()


def run(row: Row, around: Surroundings) -> None:
    said = shlex.split(around.words(row.command))
    if said[0] == "node" and (
        shutil.which("node") is None or not (ROOT / "node_modules" / "@noble").is_dir()
    ):
        pytest.skip("Node.js or its packages are missing: run `make setup-test`")
    if said[:2] == ["tutela", "release"] and not (ROOT / ".git").exists():
        pytest.skip("this is not a clone")
    words = program(said)
    if "serve" in words:
        around.serve(words)
        return
    done = subprocess.run(
        words,
        cwd=around.folder,
        env=around.environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=1500,
    )
    assert done.returncode == row.exit_code, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    if "--json" in words:
        assert isinstance(json.loads(done.stdout), dict)
    assert "Traceback" not in done.stderr


def test_the_page_has_rows() -> None:
    assert len(QUICK) >= 60
    assert len(SLOW) >= 5


@pytest.mark.parametrize("row", QUICK, ids=[row.capability for row in QUICK])
def test_quick(row: Row, around: Surroundings) -> None:
    run(row, around)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("row", SLOW, ids=[row.capability for row in SLOW])
def test_slow(row: Row, around: Surroundings) -> None:
    run(row, around)
