from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tutela.release import builds, making
from tutela.tlog import Ed25519Signer

ROOT = Path(__file__).parents[2]
SIGNER = Ed25519Signer("example.org/release", bytes(range(32)))


def git(folder: Path, *words: str) -> None:
    identity = ("-c", "user.name=A Maintainer", "-c", "user.email=maintainer@example.org")
    subprocess.run(["git", *identity, *words], cwd=folder, check=True, capture_output=True, timeout=120)


@pytest.fixture(scope="session")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone whose one commit is the files of this checkout as they are now."""
    place = tmp_path_factory.mktemp("source") / "clone"
    try:
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            check=True,
            timeout=60,
        )
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a clone")
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (place / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / name, place / name)
    git(place, "init", "--quiet")
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "--message", "All of it")
    return place


@pytest.fixture(scope="session")
def made(clone: Path) -> dict[str, bytes]:
    return making.make(clone, builds.head(clone))


@pytest.fixture
def folder(made: dict[str, bytes], tmp_path: Path) -> Path:
    """A signed release of one's own to spoil."""
    making.write(tmp_path / "dist", made)
    making.sign(tmp_path / "dist", SIGNER)
    return tmp_path / "dist"
