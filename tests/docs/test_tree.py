"""What holds for every file in the repository."""

from __future__ import annotations

import hashlib
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LONGEST = 400
#: SHA-256 of host names of package registries and their mirrors: nothing here may depend on one by name,
#: and this file names none either
REGISTRIES = frozenset(
    {
        "3ca29e55be4befa48f875d24c27f9bed32fe06588819ed6264084b6670a1ebb0",
        "51c6b9f69c48a75b146d2785c3d70d336d5fdce24868f2e22db377d736f2ef24",
        "66394d5952c288e40ccaec7daa9aa49da941dfd405ca83f9feac5a590539dc59",
        "71741fe2460a615058687c4585f665af5e825968e51a512ffb14c6f2684a397d",
        "75adac515f0bd3db64beb3cdd657340ff9f5443675a8cea41731a4d5d57d0c45",
        "789e46d79514e28093cabe2bb4a0798266f584b0e508ef269ebabb6e57859290",
        "8743857e3ea00fd1c64bbc68b8af241954ad2c285e7a60340eec7ea5dcb200db",
        "87d14f070cb9686970d008f9f94e668075fd37620381409858bf040ae1271d51",
        "8b5bb5eb9d758455b8635855cf8aaf05b68775e3f83f0291e800ef338fb9783c",
        "9c6b05022d03bb0559d856fbea303f3b278bd3a993531bd7a46fe71804243830",
        "a4aa2ac280bb8d1a0ce7a1be5a7bfb10292b49fe9435ad5cff19f421f3c70e41",
        "d6d7019ca9fcbf07c769e445342515ef0c92e4f18a96adbb3bf6460f5b0ba17f",
        "e2dd3580aeebec6412c05eea976bbe4ceaf03cac38d78d6f77ee0cc0807c1101",
        "fad691c6d9ae77c43a007ead29eea7edae34413791f7e8e2c975f2278c6a939f",
    }
)
_HOST = re.compile(
    r"(?<![\w.-])(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]{2,6}(?![\w-])", re.IGNORECASE
)


def tracked() -> list[Path]:
    try:
        run = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=60)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("this is not a clone")
    return [path for name in run.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


def endings(host: str) -> set[str]:
    labels = host.lower().split(".")
    return {hashlib.sha256(".".join(labels[i:]).encode()).hexdigest() for i in range(len(labels) - 1)}


def test_no_file_names_the_host_of_a_package_registry() -> None:
    found = []
    for path in tracked():
        text = path.read_bytes().decode("utf-8", "replace")
        found += [
            f"{path.relative_to(ROOT)}: a host ending in {host[-4:]}"
            for host in set(_HOST.findall(text))
            if endings(host) & REGISTRIES
        ]
    assert not found


def test_files_are_short() -> None:
    lines = {
        path: len(path.read_text().splitlines())
        for path in (ROOT / "src").rglob("*.py")
        if "migrations" not in path.parts
    }
    worst = sorted(lines.items(), key=lambda item: -item[1])[:5]
    print("\n".join(f"{count:5} {path.relative_to(ROOT)}" for path, count in worst))
    assert worst[0][1] < LONGEST, worst
