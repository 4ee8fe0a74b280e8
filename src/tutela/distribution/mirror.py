"""A copy of a repository in a folder: verified while it is made, and a repository like the first one.

Only what is current is copied, timestamp last, so that an interrupted copy leaves the mirror as it was. A
mirror needs no trust: it can withhold, and that shows once the timestamp expires.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from tutela.distribution import paths
from tutela.distribution.client import Status, Updater
from tutela.distribution.download import Progress, download
from tutela.distribution.errors import Unreachable
from tutela.distribution.source import Patience
from tutela.distribution.storage import alone, storage_errors, write

_STATE: Final = ".mirror"


@dataclass(frozen=True, slots=True)
class Mirrored:
    """What a mirror holds, and what it cost."""

    status: Status
    files: int
    received: int
    resumed: int


def mirror(
    location: str | Path,
    folder: Path,
    *,
    now: datetime,
    root: bytes | None = None,
    patience: Patience | None = None,
    progress: Progress | None = None,
) -> Mirrored:
    """Copy what is current into a folder, or bring the folder up to date.

    Raises:
        DistributionRefused, DistributionFailed, NoTrustedRoot, Busy, NoStorage: as `Updater`; the mirror
            is as it was, except for files that no statement names yet.
    """
    updater = Updater(location, folder / _STATE, root=root, patience=patience)
    status = updater.refresh(now)
    if not status.online:
        raise Unreachable("A mirror is made of a repository that answers.")
    received = resumed = 0
    listed = updater.paths()
    with alone(folder):
        for path in listed:
            wanted = updater.find(path)
            name = paths.stored(path, wanted.sha256)
            tally = download(updater.source, name, wanted, folder / name, progress=progress)
            received, resumed = received + tally.received, resumed + tally.resumed
        _write_statements(updater.state / "complete", folder / "metadata", status)
    return Mirrored(status, len(listed), received, resumed)


def _write_statements(kept: Path, metadata: Path, status: Status) -> None:
    with storage_errors():
        for root in (kept / "root_history").glob("*.root.json"):
            write(metadata / root.name, root.read_bytes())
        for role, version in status.versions.items():
            if role not in {"root", "timestamp"}:
                write(metadata / f"{version}.{role}.json", (kept / f"{role}.json").read_bytes())
        write(metadata / "timestamp.json", (kept / "timestamp.json").read_bytes())
