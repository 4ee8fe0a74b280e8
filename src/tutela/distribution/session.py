"""One look at a repository through python-tuf, at a given time, with our sources and our errors.

python-tuf's client keeps its state machine private and reads the clock itself. This module is the one that
reaches in: to set the time, to read all roles that it has verified, and to name its refusals. pyproject.toml
pins the minor version for this reason.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Final

import tuf.ngclient
from tuf.api import exceptions
from tuf.api.metadata import Delegations, Root, Snapshot, TargetFile, Targets, Timestamp
from tuf.ngclient import FetcherInterface, UpdaterConfig
from tuf.ngclient._internal.trusted_metadata_set import TrustedMetadataSet

from tutela.distribution.errors import (
    DistributionFailed,
    DistributionRefused,
    EndlessData,
    Expired,
    Frozen,
    Malformed,
    MixAndMatch,
    NotThere,
    Rollback,
    Threshold,
)
from tutela.distribution.source import Source

_BASE: Final = "tutela:"
LIMITS: Final = UpdaterConfig(
    max_root_rotations=256,
    max_delegations=32,
    root_max_length=1 << 19,
    timestamp_max_length=1 << 14,
    snapshot_max_length=1 << 21,
    targets_max_length=5_000_000,
)


class _Fetcher(FetcherInterface):
    """Gives python-tuf metadata from a source, and remembers what it asked for last."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.last = ""

    def _fetch(self, url: str) -> Iterator[bytes]:
        self.last = url.removeprefix(f"{_BASE}/")
        try:
            with self.source.open(f"metadata/{self.last}") as body:
                yield from body.parts
        except NotThere as error:
            raise exceptions.DownloadHTTPError(self.last, 404) from error


class Session(tuf.ngclient.Updater):
    """The verified state of a repository at one time.

    Args:
        source: of the files.
        folder: python-tuf's cache of verified metadata.
        root: trusted from elsewhere, or None for the newest one of the cache.
        now: the time, with its zone.

    Raises:
        DistributionRefused, DistributionFailed: see `tutela.distribution.errors`.
        OSError: the cache cannot be read or written.
    """

    def __init__(self, source: Source, folder: Path, root: bytes | None, now: datetime) -> None:
        self.now = now
        self._files = _Fetcher(source)
        self.refused: dict[str, DistributionRefused | NotThere] = {}
        try:
            super().__init__(str(folder), _BASE, fetcher=self._files, config=LIMITS, bootstrap=root)
        except exceptions.RepositoryError as error:
            raise Malformed("(The root that was given.)") from error
        self.trusted.reference_time = now
        with self._named():
            self.refresh()
        for role in self.roles():
            self._load(role)

    @property
    def trusted(self) -> TrustedMetadataSet:
        """What was verified so far."""
        return self._trusted_set

    @property
    def delegations(self) -> Delegations:
        """Who may publish what."""
        return self.trusted.targets.delegations or Delegations({}, {})

    def roles(self) -> tuple[str, ...]:
        """Return the organisations, in the order in which they decide."""
        return tuple(self.delegations.roles or ())

    def said(self, role: str) -> dict[str, TargetFile]:
        """Return what an organisation lists, whether it may or not; empty if its word was refused."""
        if role in self.refused:
            return {}
        signed = self.trusted[role]
        assert isinstance(signed, Targets)
        return signed.targets

    def look_up(self, path: str) -> TargetFile | None:
        """Return what the organisation that may publish a path says of it."""
        with self._named():
            return self.get_targetinfo(path)

    def responsible(self, path: str) -> str | None:
        """Return the first organisation that may publish a path."""
        return next((name for name, _ in self.delegations.get_roles_for_target(path)), None)

    def expiries(self) -> dict[str, datetime]:
        """Return until when each statement is believed."""
        return {role: self.trusted[role].expires for role in self._loaded()}

    def versions(self) -> dict[str, int]:
        """Return the version of each statement."""
        return {role: self.trusted[role].version for role in self._loaded()}

    def _loaded(self) -> tuple[str, ...]:
        accepted = tuple(role for role in self.roles() if role not in self.refused)
        return (Root.type, Timestamp.type, Snapshot.type, Targets.type, *accepted)

    def _load(self, role: str) -> None:
        """Verify one organisation's word; a bad one costs only what it publishes."""
        try:
            with self._named():
                self._load_targets(role, Targets.type)
        except (DistributionRefused, NotThere) as error:
            self.refused[role] = error

    @contextmanager
    def _named(self) -> Iterator[None]:
        try:
            yield
        except exceptions.DownloadHTTPError as error:
            raise NotThere(f"({self._files.last})") from error
        except exceptions.DownloadLengthMismatchError as error:
            raise EndlessData(f"({self._files.last})") from error
        except exceptions.DownloadError as error:
            raise DistributionFailed from error
        except exceptions.RepositoryError as error:
            raise self._refusal(error) from error
        except (TypeError, ValueError, AttributeError, KeyError) as error:  # it checks not every field's kind
            raise Malformed(f"({self._files.last})") from error

    def _refusal(self, error: exceptions.RepositoryError) -> DistributionRefused:
        """Name a refusal by its kind and by how far the look had come."""
        where = f"({self._files.last})"
        if isinstance(error, exceptions.ExpiredMetadataError):
            late = Timestamp.type in self.trusted and self.trusted.timestamp.is_expired(self.now)
            return Frozen() if late else Expired(where)
        if isinstance(error, exceptions.UnsignedMetadataError):
            return Threshold(where)
        if isinstance(error, exceptions.LengthOrHashMismatchError):
            return MixAndMatch(where)
        if isinstance(error, exceptions.BadVersionNumberError):
            return self._wrong_version(error, where)
        # what was verified before does not vanish from a later snapshot
        if "missing info for" in str(error):
            return Rollback(where)
        return Malformed(where)

    def _wrong_version(self, error: exceptions.BadVersionNumberError, where: str) -> DistributionRefused:
        """Tell an older state from parts of different ones."""
        older = self._files.last.endswith((f"{Timestamp.type}.json", f".{Snapshot.type}.json"))
        # the snapshot itself is another one than the timestamp names; otherwise something in it is older
        if older and not str(error).startswith("Expected snapshot version"):
            return Rollback(where)
        return MixAndMatch(where)
