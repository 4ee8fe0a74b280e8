"""A repository with its keys, at a fixed time."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from securesystemslib.signer import Signer

from tutela.distribution import Organisation, Repository, RoleKeys, Updater, signer
from tutela.distribution.paths import EPOCH_PATTERNS, PROOF_PATTERNS

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HOUR = timedelta(hours=1)


def fresh(count: int = 1) -> tuple[Signer, ...]:
    return tuple(signer(secrets.token_bytes(32)) for _ in range(count))


@dataclass
class House:
    folder: Path
    root: tuple[Signer, ...] = field(default_factory=lambda: fresh(3))
    targets: tuple[Signer, ...] = field(default_factory=fresh)
    snapshot: tuple[Signer, ...] = field(default_factory=fresh)
    timestamp: tuple[Signer, ...] = field(default_factory=fresh)
    builder: tuple[Signer, ...] = field(default_factory=lambda: fresh(2))
    centre: tuple[Signer, ...] = field(default_factory=fresh)
    first: bytes = b""

    @property
    def repository(self) -> Repository:
        return Repository(self.folder)

    @property
    def all(self) -> tuple[Signer, ...]:
        return (*self.root, *self.targets, *self.online, *self.builder, *self.centre)

    @property
    def online(self) -> tuple[Signer, ...]:
        return (*self.snapshot, *self.timestamp)

    def open(self, now: datetime = NOW) -> House:
        keys = {
            "root": RoleKeys.of(self.root, 2),
            "targets": RoleKeys.of(self.targets),
            "snapshot": RoleKeys.of(self.snapshot),
            "timestamp": RoleKeys.of(self.timestamp),
        }
        organisations = (
            Organisation("builder", RoleKeys.of(self.builder, 2), (*EPOCH_PATTERNS, *PROOF_PATTERNS)),
            Organisation("centre", RoleKeys.of(self.centre), ("lists/centre/*",)),
        )
        self.first = self.repository.create(keys, organisations, self.all, now)
        return self

    def put(self, path: str, data: bytes, now: datetime = NOW, role: str = "builder") -> None:
        file = self.folder.parent / "input"
        file.write_bytes(data)
        who = {"builder": self.builder, "centre": self.centre}[role]
        self.repository.publish(role, {path: file}, (*who, *self.online), now)

    def beat(self, now: datetime) -> None:
        self.repository.refresh_timestamp(self.timestamp, now)

    def reader(self, state: Path, location: str | Path | None = None) -> Updater:
        return Updater(self.folder if location is None else location, state, root=self.first)
