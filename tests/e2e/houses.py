"""What the tests of the whole house share: one list and table for all of them, and a way to count leftovers."""

from __future__ import annotations

import os
import secrets
from pathlib import Path

ENTRIES = 1000
MARK = "E2E_RUN"


def data_folder(root: Path, cache: Path) -> Path:
    """Return a new data folder whose cache is the shared one, so that the table is built once."""
    root.mkdir(parents=True)
    (root / "cache").symlink_to(cache, target_is_directory=True)
    return root


def new_mark() -> str:
    """Return a value that is put into a run's environment, and inherited by every process of it."""
    return secrets.token_hex(16)


def marked(mark: str) -> list[str]:
    """Return the commands of the processes that still carry a mark, whatever group they moved to."""
    wanted, found = f"{MARK}={mark}".encode(), []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted in (process / "environ").read_bytes().split(b"\0"):
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode())
        except OSError:  # it ended meanwhile, or is another user's
            continue
    return found


def environment(mark: str) -> dict[str, str]:
    """Return an environment as a newcomer has it, with the mark."""
    foreign = ("TUTELA_", "DJANGO_", "PYTEST_", "COV_")
    kept = {key: value for key, value in os.environ.items() if not key.startswith(foreign)}
    return kept | {MARK: mark, "COLUMNS": "120"}
