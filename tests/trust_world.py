"""Invented organisations, a log and witnesses, so that tests publish epochs as one publishes them.

`World` is `tutela.demo.endorsing` with a clock that tests turn, fixed keys, and short ways to build and spoil.
"""

from __future__ import annotations

import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tutela.demo.endorsing import Endorsing
from tutela.hashlist import Entry, HashList, Provenance, clustered
from tutela.hashlist.epoch import Plan
from tutela.hashlist.epoch.leaves import checkpoint_digest
from tutela.hashlist.governance import ListVersion
from tutela.hashlist.trust import Trust, TrustedKey
from tutela.tlog import SignedCheckpoint

SECRET = b"r" * 32


def few_entries(count: int = 3) -> HashList:
    """A list for the register; devices never see it, so it need not be the epoch's."""
    origin = Provenance(source="example.org", added=datetime(2026, 1, 1, tzinfo=UTC), note="", path="exact")
    rows = np.random.default_rng(3).integers(0, 256, (count, 32), np.uint8)
    return HashList(
        clustered(
            [
                Entry(
                    id=f"r{at}",
                    scale="tutela-demo",
                    category="A",
                    pdq=row.tobytes(),
                    quality=90,
                    provenance=origin,
                )
                for at, row in enumerate(rows)
            ]
        ),
        SECRET,
    )


class World:
    """Everybody, at `now`; the list version is endorsed and logged at once."""

    def __init__(self, now: datetime, folder: Path | None = None) -> None:
        self.now = now
        self._kept = None if folder else tempfile.TemporaryDirectory(prefix="tutela-trust-")
        place = folder or Path(str(self._kept and self._kept.name))
        self.endorsing = Endorsing.create(place / "world", lambda: self.now, seed=b"w" * 32)
        self.version: ListVersion
        self.listed: SignedCheckpoint
        self.endorsing.submit(few_entries(), SECRET)
        self.new_version()

    def new_version(self, **changes: Any) -> ListVersion:
        """Endorse and log what the history gives now."""
        self.version = self.endorsing.endorse(**{"days": 366, **changes})
        self.listed = self.endorsing.log_version(self.version)
        return self.version

    def trust(self, *keys: TrustedKey, quorum: int = 1) -> Trust:
        return self.endorsing.trust(keys, quorum)

    def plan(self, number: int, valid_from: datetime, valid_until: datetime, **changes: Any) -> Plan:
        said = {"list_root": self.version.root, "checkpoint": checkpoint_digest(self.listed), **changes}
        return Plan(number, valid_from, valid_until, **said)

    def publish(self, folder: Path) -> SignedCheckpoint:
        return self.endorsing.publish(folder, self.version, self.listed)

    def refresh(self, folder: Path) -> SignedCheckpoint:
        return self.endorsing.refresh(folder)
