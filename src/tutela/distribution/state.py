"""The signed state of a repository's folder, as its publisher reads it back and signs the next one."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from securesystemslib.exceptions import StorageError
from securesystemslib.signer import Signer
from tuf.api.exceptions import RepositoryError, UnsignedMetadataError
from tuf.api.metadata import Metadata, MetaFile, Root, Snapshot, Targets, Timestamp
from tuf.api.serialization.json import JSONSerializer

from tutela.distribution.errors import CannotPublish, NoRepository, NotEnoughKeys

ROOT: Final = Root.type
TARGETS: Final = Targets.type
SNAPSHOT: Final = Snapshot.type
TIMESTAMP: Final = Timestamp.type
TOP: Final = (ROOT, TARGETS, SNAPSHOT, TIMESTAMP)


@dataclass(frozen=True, slots=True)
class State:
    """What is current: the newest root, and what the timestamp leads to.

    Attributes:
        root: newest.
        timestamp: None while the first state is made.
        snapshot: the one that the timestamp names.
        roles: targets and the organisations, of the versions that the snapshot names.
    """

    root: Metadata[Root]
    timestamp: Metadata[Timestamp] | None
    snapshot: Metadata[Snapshot] | None
    roles: dict[str, Metadata[Targets]]

    @classmethod
    def load(cls, folder: Path) -> State:
        """Read the state of a folder; raises `NoRepository`."""
        metadata = folder / "metadata"
        try:
            newest = max(metadata.glob("*.root.json"), key=lambda path: int(path.name.split(".")[0]))
            root = Metadata[Root].from_file(str(newest))
            timestamp = Metadata[Timestamp].from_file(str(metadata / "timestamp.json"))
            version = timestamp.signed.snapshot_meta.version
            snapshot = Metadata[Snapshot].from_file(str(metadata / f"{version}.snapshot.json"))
            roles = {
                name.removesuffix(".json"): Metadata[Targets].from_file(
                    str(metadata / f"{meta.version}.{name}")
                )
                for name, meta in snapshot.signed.meta.items()
            }
        except (ValueError, TypeError, AttributeError, OSError, StorageError, RepositoryError) as error:
            raise NoRepository from error
        return cls(root, timestamp, snapshot, roles)

    def all(self) -> dict[str, Metadata[Any]]:
        """Return every statement by its role."""
        return {ROOT: self.root, SNAPSHOT: self.snapshot, TIMESTAMP: self.timestamp, **self.roles}  # type: ignore[dict-item]

    def role(self, name: str) -> Targets:
        """Return what targets or an organisation says; raises `CannotPublish` for an unknown one."""
        if name not in self.roles:
            raise CannotPublish(f"No organisation {name!r} may publish here.")
        return self.roles[name].signed

    def check_delegated(self, role: str, path: str) -> None:
        """Raise `CannotPublish` unless a client would take this path from this organisation."""
        if self.owner(path) != role:
            raise CannotPublish(f"{role} may not publish {path}.")

    def owner(self, path: str) -> str:
        """Return the organisation from which a client takes this path; raises `CannotPublish`."""
        delegations = self.role(TARGETS).delegations
        first = None
        if delegations is not None:
            first = next((name for name, _ in delegations.get_roles_for_target(path)), None)
        if first is None:
            raise CannotPublish(f"Nobody may publish {path}.")
        return first

    def next_timestamp(self, expires: datetime) -> Metadata[Timestamp]:
        """Return the same timestamp with the next version, unsigned."""
        assert self.timestamp is not None
        before = self.timestamp.signed
        return Metadata(
            Timestamp(version=before.version + 1, expires=expires, snapshot_meta=before.snapshot_meta)
        )


def sign(
    metadata: Metadata[Any], role: str, delegators: Sequence[Root | Targets], signers: Sequence[Signer]
) -> None:
    """Sign with those of the signers that any of the delegators names for the role.

    Raises:
        NotEnoughKeys: one of the delegators would not be content.
    """
    named = {keyid for each in delegators for keyid in each.get_delegated_role(role).keyids}
    for signer in signers:
        if signer.public_key.keyid in named:
            metadata.sign(signer, append=True)
    for each in delegators:
        try:
            each.verify_delegate(role, metadata.signed_bytes, metadata.signatures)
        except UnsignedMetadataError as error:
            raise NotEnoughKeys(f"({role}: {each.get_delegated_role(role).threshold} must.)") from error


def metafile(version: int, data: bytes) -> MetaFile:
    """Return how other metadata names a file."""
    return MetaFile(version, len(data), {"sha256": hashlib.sha256(data).hexdigest()})


def to_bytes(metadata: Metadata[Any]) -> bytes:
    """Return the form in which metadata is published."""
    return metadata.to_bytes(JSONSerializer(compact=False))
