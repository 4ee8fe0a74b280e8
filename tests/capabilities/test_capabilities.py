"""Every command of docs/capabilities.md runs, and ends as the page says."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.register.conftest import constitution, signed_constitution

ROOT = Path(__file__).parents[2]
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
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    from tutela.bench import corpus
    from tutela.errors import EnvironmentProblem

    try:
        found = corpus.photographs(24)
    except EnvironmentProblem as error:
        pytest.skip(error.message)
    place = tmp_path_factory.mktemp("capabilities")
    (place / "photos").mkdir()
    for number, photograph in enumerate(found[:24]):
        (place / "photos" / f"{number:02d}.jpg").write_bytes(photograph.data(600))
    shutil.copy(place / "photos" / "00.jpg", place / "photo.jpg")
    (place / "broken.jpg").write_bytes((place / "photo.jpg").read_bytes()[:900])
    found_register(place)
    subprocess.run(
        ["git", "clone", "--quiet", str(ROOT), str(place / "source")],
        check=(ROOT / ".git").exists(),
        capture_output=True,
        timeout=120,
    )
    return place


def found_register(place: Path) -> None:
    """Write a first constitution of invented organisations, unsigned and signed, and its digest."""
    said = constitution(datetime.now(UTC).replace(microsecond=0))
    (place / "constitution.json").write_text(json.dumps(said.to_dict()))
    (place / "constitution.signed").write_bytes(signed_constitution(said))
    (place / "anchor").write_text(said.digest.hex())


def run(row: Row, folder: Path) -> None:
    anchor = (folder / "anchor").read_text()
    words = shlex.split(row.command.replace("VECTORS", str(ROOT / "vectors")).replace("ANCHOR", anchor))
    if words[0] == "tutela":
        words[:1] = [sys.executable, "-m", "tutela.cli.main"]
    elif shutil.which(words[0]) is None or not (ROOT / "node_modules" / "@noble").is_dir():
        pytest.skip("Node.js or its packages are missing: run `make setup-test`")
    if words[3:4] == ["release"] and not (ROOT / ".git").exists():
        pytest.skip("this is not a clone")
    environment = os.environ | {"TUTELA_KEY_PASSPHRASE": "a passphrase for this test only"}
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=1500
    )
    assert done.returncode == row.exit_code, f"{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    if "--json" in words:
        assert isinstance(json.loads(done.stdout), dict)
    assert "Traceback" not in done.stderr


def test_the_page_has_rows() -> None:
    assert len(QUICK) >= 13
    assert len(SLOW) >= 5


@pytest.mark.parametrize("row", QUICK, ids=[row.capability for row in QUICK])
def test_quick(row: Row, folder: Path) -> None:
    run(row, folder)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("row", SLOW, ids=[row.capability for row in SLOW])
def test_slow(row: Row, folder: Path) -> None:
    run(row, folder)
