"""Paths of what is published: `epochs/<number>/<file>` and `lists/<organisation>/<file>`.

An epoch's proofs (`*.tlog-proof`, and the log's hashes below `log/`) are renewed every day and prove
themselves. They have patterns of their own: the key that signs them is online, and the builder's need not be.

A path comes from an organisation's signed words and ends up as a name on a disk, so that its form is checked
even though it is signed: no part begins with a dot, none is empty, and there is no way up.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from tutela.distribution.errors import BadPath

EPOCHS: Final = "epochs"
MANIFEST: Final = "manifest.json"
MAX_PARTS: Final = 9
#: what an organisation that renews proofs may publish; it has to come before the builder
PROOF_PATTERNS: Final = (
    "epochs/*/*.tlog-proof",
    "epochs/*/log/*",
    "epochs/*/log/tile/*/*",
    "epochs/*/log/tile/*/*/*",
    "epochs/*/log/tile/*/*/*/*",
    "epochs/*/log/tile/*/*/*/*/*",
)
EPOCH_PATTERNS: Final = ("epochs/*/*",)
_PART: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}", re.ASCII)
_PATTERN: Final = re.compile(r"[A-Za-z0-9*][A-Za-z0-9._*-]{0,99}", re.ASCII)
_ROLE: Final = re.compile(r"[a-z][a-z0-9-]{0,39}", re.ASCII)
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,15}", re.ASCII)
_OWN: Final = frozenset({"root", "targets", "snapshot", "timestamp"})


def check(path: str) -> str:
    """Return a path that is one of ours; raises `BadPath`."""
    parts = path.split("/")
    if not 2 <= len(parts) <= MAX_PARTS or not all(_PART.fullmatch(part) for part in parts):
        raise BadPath
    return path


def check_pattern(pattern: str) -> str:
    """Return the pattern of an organisation's paths; its first part is fixed. Raises `BadPath`."""
    parts = pattern.split("/")
    sound = 2 <= len(parts) <= MAX_PARTS and all(_PATTERN.fullmatch(part) for part in parts)
    if not sound or not _PART.fullmatch(parts[0]):
        raise BadPath
    return pattern


def check_role(name: str) -> str:
    """Return the name of an organisation; raises `BadPath`."""
    if not _ROLE.fullmatch(name) or name in _OWN:
        raise BadPath("An organisation's name has small letters, digits and hyphens.")
    return name


def stored(path: str, sha256: bytes) -> str:
    """Return the name under which a target lies in a repository with consistent snapshots."""
    folder, _, name = check(path).rpartition("/")
    return f"targets/{folder}/{sha256.hex()}.{name}"


def epoch(number: int) -> str:
    """Return the folder of an epoch."""
    return f"{EPOCHS}/{number}"


def epoch_numbers(listed: Iterable[str]) -> tuple[int, ...]:
    """Return the numbers of the epochs whose manifest is among the paths, ascending."""
    found = set()
    for path in listed:
        parts = path.split("/")
        if len(parts) == 3 and (parts[0], parts[2]) == (EPOCHS, MANIFEST) and _NUMBER.fullmatch(parts[1]):
            found.add(int(parts[1]))
    return tuple(sorted(found))
