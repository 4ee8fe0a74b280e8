"""The publisher's side of a repository (The Update Framework, specification 1.0).

    metadata/<n>.root.json         who may sign what; several keys, kept apart and offline
    metadata/<n>.targets.json      which organisation may publish under which paths
    metadata/<n>.<organisation>.json   what it publishes: length and SHA-256 of each file
    metadata/<n>.snapshot.json     the versions that belong together
    metadata/timestamp.json        which snapshot is current; expires after a day
    targets/<folder>/<sha256>.<name>

Publication only adds files until its last step, which replaces timestamp.json (or adds the next root): who
is killed on the way leaves the old state valid, and the next publication writes over the unused leftovers.

Not protected: whoever holds a threshold of an organisation's keys publishes under its paths; whoever holds
the root's decides who does. That something was published once cannot be hidden later is not promised here:
a transparency log does that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from securesystemslib.signer import Signer
from tuf.api.metadata import (
    DelegatedRole,
    Delegations,
    Metadata,
    MetaFile,
    Root,
    Snapshot,
    TargetFile,
    Targets,
    Timestamp,
)

from tutela.distribution import paths
from tutela.distribution.errors import CannotPublish
from tutela.distribution.keys import Organisation, RoleKeys
from tutela.distribution.state import (
    ROOT,
    SNAPSHOT,
    TARGETS,
    TIMESTAMP,
    TOP,
    State,
    metafile,
    sign,
    to_bytes,
)
from tutela.distribution.storage import alone, copy, digest, storage_errors, write
from tutela.hashlist.epoch.folder import EPOCH_PROOF_FILE, published_files
from tutela.hashlist.epoch.verification import MANIFEST_FILE, number_of

MAX_TARGET: Final = 1 << 32


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long each kind of statement is believed after it was signed."""

    root: timedelta = timedelta(days=400)
    targets: timedelta = timedelta(days=400)
    organisation: timedelta = timedelta(days=120)
    snapshot: timedelta = timedelta(days=120)
    timestamp: timedelta = timedelta(hours=24)

    def of(self, role: str) -> timedelta:
        """Return the lifetime of a role."""
        kinds = {ROOT: self.root, TARGETS: self.targets, SNAPSHOT: self.snapshot, TIMESTAMP: self.timestamp}
        return kinds.get(role, self.organisation)


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository in a folder.

    Attributes:
        folder: holds metadata/ and targets/; served as it is, or copied.
        lifetimes: of what is signed from now on.
    """

    folder: Path
    lifetimes: Lifetimes = Lifetimes()

    def create(
        self,
        keys: Mapping[str, RoleKeys],
        organisations: Sequence[Organisation],
        signers: Sequence[Signer],
        now: datetime,
    ) -> bytes:
        """Make the first, empty state and return the root that clients begin from.

        Args:
            keys: of root, targets, snapshot and timestamp.
            organisations: who may publish under which paths; the first one that matches decides.
            signers: enough for every role.
            now: the time, with its zone.

        Raises:
            CannotPublish: a role is missing, the folder has a repository, or keys are too few.
        """
        if set(keys) != set(TOP):
            raise CannotPublish("Root, targets, snapshot and timestamp need keys.")
        if len({each.name for each in organisations}) != len(organisations):
            raise CannotPublish("Two organisations have one name.")
        with alone(self.folder), storage_errors():
            if list((self.folder / "metadata").glob("*.root.json")):
                raise CannotPublish("The folder holds a repository already.")
            root = Root(expires=self._until(ROOT, now), consistent_snapshot=True)
            for role, its in keys.items():
                _set_keys(root, role, its)
            changed: dict[str, Targets] = {TARGETS: Targets(delegations=Delegations({}, {}))}
            for each in organisations:
                _delegate(changed[TARGETS], each)
                changed[each.name] = Targets()
            return self._release(State(Metadata(root), None, None, {}), changed, signers, now, new_root=root)

    def publish(self, role: str, files: Mapping[str, Path], signers: Sequence[Signer], now: datetime) -> None:
        """Add files to what an organisation publishes, in a new state; without files, renew its word.

        Args:
            role: the organisation, or "targets" to renew the delegations.
            files: path in the repository -> file here.
            signers: enough for the role, the snapshot and the timestamp.
            now: the time.

        Raises:
            CannotPublish: the organisation may not publish there, or keys are too few.
        """
        with alone(self.folder), storage_errors():
            state = State.load(self.folder)
            signed = state.role(role)
            for path in files:
                state.check_delegated(role, paths.check(path))
            for path, file in files.items():
                signed.targets[path] = self._store(path, file)
            self._release(state, {role: signed}, signers, now)

    def withdraw(self, role: str, listed: Sequence[str], signers: Sequence[Signer], now: datetime) -> None:
        """Take files out of what an organisation publishes; raises `CannotPublish` if it does not."""
        with alone(self.folder), storage_errors():
            state = State.load(self.folder)
            signed = state.role(role)
            for path in listed:
                if signed.targets.pop(path, None) is None:
                    raise CannotPublish("The organisation does not publish this file.")
            self._release(state, {role: signed}, signers, now)

    def publish_epoch(self, directory: Path, signers: Sequence[Signer], now: datetime) -> int:
        """Publish all public files of an epoch's folder under its number, and return the number.

        Each file goes to the organisation that may publish it; all of them, the snapshot and the timestamp
        must sign. What an earlier state of the folder had and this one has not is taken out.

        Raises:
            CannotPublish: nobody may publish one of the files, or keys are too few.
            Tampered, BadFile: the manifest cannot be read.
        """
        return self._publish_folder(directory, MANIFEST_FILE, signers, now, every=True)

    def publish_proofs(self, directory: Path, signers: Sequence[Signer], now: datetime) -> int:
        """Publish what is renewed every day of an epoch: what the organisation that signs its proofs may.

        Raises:
            CannotPublish, Tampered, BadFile: as `publish_epoch`.
        """
        return self._publish_folder(directory, EPOCH_PROOF_FILE, signers, now, every=False)

    def _publish_folder(
        self, directory: Path, leading: str, signers: Sequence[Signer], now: datetime, *, every: bool
    ) -> int:
        number = number_of(directory)
        prefix = paths.epoch(number)
        files = {f"{prefix}/{name}": directory / name for name in published_files(directory)}
        with alone(self.folder), storage_errors():
            state = State.load(self.folder)
            owners = {path: state.owner(paths.check(path)) for path in files}
            lead = state.owner(f"{prefix}/{leading}")
            changed = {name: state.role(name) for name in ([*owners.values(), lead] if every else [lead])}
            for signed in changed.values():
                for path in [each for each in signed.targets if each.startswith(f"{prefix}/")]:
                    del signed.targets[path]
            for path, owner in owners.items():
                if owner in changed:
                    changed[owner].targets[path] = self._store(path, files[path])
            self._release(state, changed, signers, now)
        return number

    def refresh_timestamp(self, signers: Sequence[Signer], now: datetime) -> datetime:
        """Say again that the state is current; return until when.

        Raises:
            CannotPublish: another statement has run out, or keys are too few.
        """
        with alone(self.folder), storage_errors():
            state = State.load(self.folder)
            late = [role for role, metadata in state.all().items() if metadata.signed.is_expired(now)]
            if set(late) - {TIMESTAMP}:
                raise CannotPublish(f"The word of {', '.join(late)} has run out and must be renewed first.")
            timestamp = state.next_timestamp(self._until(TIMESTAMP, now))
            sign(timestamp, TIMESTAMP, [state.root.signed], signers)
            write(self.folder / "metadata" / "timestamp.json", to_bytes(timestamp))
            return timestamp.signed.expires

    def rotate(self, keys: Mapping[str, RoleKeys], signers: Sequence[Signer], now: datetime) -> bytes:
        """Give roles other keys by a new root, and return it.

        The old root's keys and the new root's must both sign. What other roles have signed is signed again
        with old and new keys first, so that the state is valid for clients of either root.
        """
        with alone(self.folder), storage_errors():
            state = State.load(self.folder)
            root = self._next_root(state, now)
            for role, its in keys.items():
                if role not in TOP:
                    raise CannotPublish("A root gives keys to root, targets, snapshot and timestamp.")
                for old in list(root.roles[role].keyids):
                    root.revoke_key(old, role)
                _set_keys(root, role, its)
            changed = {TARGETS: state.role(TARGETS)} if TARGETS in keys else {}
            touched = bool(set(keys) & {TARGETS, SNAPSHOT, TIMESTAMP})
            return self._release(state, changed, signers, now, new_root=root, renew=touched)

    def renew(self, roles: Collection[str], signers: Sequence[Signer], now: datetime) -> None:
        """Sign again what runs out, with nothing else changed.

        Args:
            roles: root, targets, snapshot or organisations. For all but the root, the snapshot and the
                timestamp are new as well, and must sign.
            signers: enough for all of that.
            now: the time.

        Raises:
            CannotPublish: a role is not known, or is the timestamp; keys are too few.
        """
        if not roles or TIMESTAMP in roles:
            raise CannotPublish(
                "Name root, targets, snapshot or an organisation; the timestamp has its own way."
            )
        with alone(self.folder), storage_errors():
            state = State.load(self.folder)
            changed = {role: state.role(role) for role in roles if role not in {ROOT, SNAPSHOT}}
            root = self._next_root(state, now) if ROOT in roles else None
            self._release(state, changed, signers, now, new_root=root, renew=set(roles) != {ROOT})

    def root(self) -> bytes:
        """Return the newest root."""
        return to_bytes(State.load(self.folder).root)

    def expiries(self) -> dict[str, datetime]:
        """Return until when each statement is believed, by its role."""
        return {role: each.signed.expires for role, each in State.load(self.folder).all().items()}

    def delegated_paths(self, name: str) -> tuple[str, ...]:
        """Return the patterns under which an organisation publishes; none if it is not known."""
        delegations = State.load(self.folder).role(TARGETS).delegations
        roles = (delegations.roles if delegations else None) or {}
        return tuple((roles[name].paths if name in roles else None) or ())

    def delegate(self, organisation: Organisation, signers: Sequence[Signer], now: datetime) -> None:
        """Let an organisation publish, or give it other keys or paths; it and the targets' keys must sign."""
        with alone(self.folder), storage_errors():
            state = State.load(self.folder)
            targets = state.role(TARGETS)
            _delegate(targets, organisation)
            known = state.roles.get(organisation.name)
            own = known.signed if known else Targets()
            assert isinstance(own, Targets)
            self._release(state, {TARGETS: targets, organisation.name: own}, signers, now)

    def _release(
        self,
        state: State,
        changed: Mapping[str, Targets],
        signers: Sequence[Signer],
        now: datetime,
        *,
        new_root: Root | None = None,
        renew: bool = True,
    ) -> bytes:
        """Sign everything, then write it: roles, snapshot, timestamp, root."""
        roots = [state.root.signed] + ([new_root] if new_root and new_root is not state.root.signed else [])
        targets = changed.get(TARGETS) or state.role(TARGETS)
        files: dict[str, bytes] = {}
        meta: dict[str, MetaFile] = dict(state.snapshot.signed.meta) if state.snapshot else {}
        for role, signed in changed.items():
            signed.version = meta[f"{role}.json"].version + 1 if f"{role}.json" in meta else 1
            signed.expires = self._until(role, now)
            metadata = Metadata(signed)
            sign(metadata, role, roots if role == TARGETS else [targets], signers)
            files[f"{signed.version}.{role}.json"] = data = to_bytes(metadata)
            meta[f"{role}.json"] = metafile(signed.version, data)
        if renew:
            files.update(self._current(state, meta, roots, signers, now))
        last = to_bytes(state.root)
        if new_root is not None:
            of_root = Metadata(new_root)
            sign(of_root, ROOT, roots, signers)
            files[f"{new_root.version}.root.json"] = last = to_bytes(of_root)
        for name, data in files.items():
            write(self.folder / "metadata" / name, data)
        return last

    def _current(
        self,
        state: State,
        meta: dict[str, MetaFile],
        roots: Sequence[Root],
        signers: Sequence[Signer],
        now: datetime,
    ) -> dict[str, bytes]:
        """Return the next snapshot and timestamp."""
        version = state.snapshot.signed.version + 1 if state.snapshot else 1
        snapshot = Metadata(Snapshot(version=version, expires=self._until(SNAPSHOT, now), meta=meta))
        sign(snapshot, SNAPSHOT, roots, signers)
        data = to_bytes(snapshot)
        version_of_time = state.timestamp.signed.version + 1 if state.timestamp else 1
        timestamp = Metadata(
            Timestamp(
                version=version_of_time,
                expires=self._until(TIMESTAMP, now),
                snapshot_meta=metafile(version, data),
            )
        )
        sign(timestamp, TIMESTAMP, roots, signers)
        return {f"{version}.snapshot.json": data, "timestamp.json": to_bytes(timestamp)}

    def _next_root(self, state: State, now: datetime) -> Root:
        root = Metadata.from_bytes(to_bytes(state.root)).signed
        assert isinstance(root, Root)
        root.version, root.expires = root.version + 1, self._until(ROOT, now)
        return root

    def _until(self, role: str, now: datetime) -> datetime:
        if now.tzinfo is None:
            raise CannotPublish("The time needs a zone.")
        return (now + self.lifetimes.of(role)).replace(microsecond=0)

    def _store(self, path: str, file: Path) -> TargetFile:
        try:
            length, sha256 = digest(file)
        except OSError as error:
            raise CannotPublish(f"The file {file.name} cannot be read.") from error
        if length > MAX_TARGET:
            raise CannotPublish(f"The file {file.name} is larger than 4 GiB.")
        to = self.folder / paths.stored(path, sha256)
        if not to.exists():
            copy(file, to)
        if digest(to) != (length, sha256):
            to.unlink()
            raise CannotPublish(f"The file {file.name} changed while it was read.")
        return TargetFile(length, {"sha256": sha256.hex()}, path)


def _set_keys(root: Root, role: str, its: RoleKeys) -> None:
    for key in its.keys:
        root.add_key(key, role)
    root.roles[role].threshold = its.threshold


def _delegate(targets: Targets, organisation: Organisation) -> None:
    delegations = targets.delegations
    assert delegations is not None
    assert delegations.roles is not None
    its = organisation.keys
    delegations.roles[organisation.name] = DelegatedRole(
        organisation.name, [], its.threshold, terminating=True, paths=list(organisation.paths)
    )
    for key in its.keys:
        targets.add_key(key, organisation.name)
    used = {keyid for role in delegations.roles.values() for keyid in role.keyids}
    delegations.keys = {keyid: key for keyid, key in delegations.keys.items() if keyid in used}
