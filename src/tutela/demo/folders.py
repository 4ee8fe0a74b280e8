"""Where the demonstration keeps what it makes: a cache that may be used again, and one run's state."""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Self


@dataclass(frozen=True, slots=True)
class Folders:
    """One folder for everything. Below it, `cache/` stays between runs and `run/` begins empty."""

    root: Path

    @classmethod
    def prepare(cls, root: Path, *, fresh: bool) -> Self:
        """Empty what one run left behind, and the cache too if `fresh`."""
        folders = cls(root)
        if fresh:
            shutil.rmtree(folders.cache, ignore_errors=True)
        shutil.rmtree(folders.run, ignore_errors=True)
        for folder in (root, folders.cache, folders.run, folders.sent):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        return folders

    @property
    def cache(self) -> Path:
        """List, epoch and keys."""
        return self.root / "cache"

    @property
    def run(self) -> Path:
        """Databases, homeserver, devices of one run."""
        return self.root / "run"

    @property
    def devices(self) -> Path:
        """One folder for each person's device."""
        return self.run / "devices"

    @property
    def sent(self) -> Path:
        """Copies of the pictures that were sent, for the checker."""
        return self.run / "sent"

    @property
    def network(self) -> Path:
        """What the recorder saw."""
        return self.run / "network"

    def passphrase(self) -> str:
        """Return the passphrase of the demonstration's key files; drawn once, readable by the owner only."""
        path = self.cache / "passphrase"
        if not path.exists():
            path.touch(mode=0o600)
            path.write_text(secrets.token_urlsafe(24))
        return path.read_text()
