"""A log in a folder: append a batch, sign, make it durable, publish it once witnesses vouch for it.

    head          the newest checkpoint that the log signed; its rename is the moment a batch is in
    checkpoint    the newest one that was published, with its cosignatures; never newer than `head`
    tile/...      see `tiles`
    .lock         held by the one process that writes

A crash leaves either the old head or the new one, and at most files that no checkpoint needs yet.

What this does NOT protect: a folder that is restored whole from an old copy looks right by itself. `Log.open`
takes the newest checkpoint that is known elsewhere, and every witness refuses to go back (`client.collect`).
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from tutela.tlog import checkpoint as checkpoints
from tutela.tlog import files, tiles, tree
from tutela.tlog.checkpoint import Checkpoint, SignedCheckpoint
from tutela.tlog.errors import (
    Equivocation,
    LogBusy,
    LogExists,
    LogMissing,
    Malformed,
    StoreDamaged,
    StoreRolledBack,
    StoreTruncated,
    StoreUnwritable,
    Unsupported,
)
from tutela.tlog.evidence import Evidence
from tutela.tlog.note import MAX_NOTE_BYTES, Signer, VerifierKey
from tutela.tlog.proof import Proof
from tutela.tlog.tiles import Edge, TileNodes

HEAD = "head"
CHECKPOINT = "checkpoint"
LOCK = ".lock"


class Log:
    """One log, opened by `create`, `open` (to write) or `read` (to look)."""

    def __init__(
        self, folder: Path, keys: Sequence[VerifierKey], signer: Signer | None, lock: int | None
    ) -> None:
        self.folder = folder
        self._signer = signer
        self._lock = lock
        self._keys = tuple(keys)
        self._head: SignedCheckpoint
        self._published: SignedCheckpoint | None
        self._edge: Edge
        self._frontier: tree.Frontier
        self._pending: list[bytes]
        try:
            self._load()
        except BaseException:
            self.close()
            raise

    @classmethod
    def create(cls, folder: Path, signer: Signer) -> Log:
        """Make an empty log; the signer's name is its origin.

        Raises:
            LogExists: one is there. StoreUnwritable: the folder cannot be made.
        """
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise StoreUnwritable(f"The folder {folder.name} cannot be made.") from error
        lock = _locked(folder)
        try:
            _check_empty(folder)
            empty = checkpoints.sign(Checkpoint(signer.key.name, 0, tree.EMPTY_ROOT), signer)
            files.write_all(folder, {HEAD: empty.to_bytes()})
        except BaseException:
            os.close(lock)
            raise
        return cls(folder, (signer.key,), signer, lock)

    @classmethod
    def open(cls, folder: Path, signer: Signer, *, at_least: SignedCheckpoint | None = None) -> Log:
        """Open a log to append to it.

        Args:
            folder: of the log.
            signer: the log's.
            at_least: the newest checkpoint of this log that is known from elsewhere.

        Raises:
            LogMissing, LogBusy, StoreRolledBack, StoreTruncated, StoreDamaged: see `errors`.
        """
        log = cls(folder, (signer.key,), signer, _locked(folder))
        try:
            log.check_not_before(at_least)
        except BaseException:
            log.close()
            raise
        return log

    @classmethod
    def read(cls, folder: Path, keys: Sequence[VerifierKey]) -> Log:
        """Open a log to look at it, beside a process that may write.

        Raises:
            LogMissing, StoreRolledBack, StoreTruncated, StoreDamaged: see `errors`.
        """
        return cls(folder, keys, None, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let another process write."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @property
    def head(self) -> SignedCheckpoint:
        """The newest checkpoint that the log signed, published or not."""
        return self._head

    @property
    def size(self) -> int:
        """How many entries the head has."""
        return self._head.checkpoint.size

    def published(self) -> SignedCheckpoint | None:
        """Return the newest checkpoint that was published, with its cosignatures."""
        return self._published

    def append(self, entries: Sequence[bytes]) -> SignedCheckpoint:
        """Add entries; return the new head, which is durable and not yet published.

        Raises:
            Malformed: an entry is longer than 65,535 bytes; nothing was added.
            StoreUnwritable: the disk refuses; nothing was added.
        """
        if not entries:
            return self._head
        signer = self._writer()
        hashes = [tree.leaf_hash(entry) for entry in entries]
        edge, written = self._edge.extended(hashes)
        bundles, pending = self._bundles(entries)
        frontier = self._frontier.extended(hashes)
        grown = Checkpoint(self._head.checkpoint.origin, frontier.size, frontier.root())
        head = checkpoints.sign(grown, signer)
        files.write_all(self.folder, {**bundles, **written})
        files.write_all(self.folder, {HEAD: head.to_bytes()})
        self._edge, self._frontier, self._pending, self._head = edge, frontier, pending, head
        return head

    def publish(self, signed: SignedCheckpoint) -> None:
        """Make a checkpoint of this log, with the cosignatures that it bears, the one that is served.

        Raises:
            StoreRolledBack: it is older than the published one.
            StoreDamaged, Malformed: it is not of this log's history.
        """
        self._writer()
        checkpoints.verify(signed, self._keys)
        new = signed.checkpoint
        if self._published and new.size < self._published.checkpoint.size:
            raise StoreRolledBack("A newer checkpoint is published already.")
        self._check_own(new)
        files.write_all(self.folder, {CHECKPOINT: signed.to_bytes()})
        before, self._published = self._published, signed
        self._drop_partials(before.checkpoint.size if before else 0, new.size)

    def nodes(self) -> TileNodes:
        """Return the tree's nodes, for `tree.inclusion_proof` and `tree.consistency_proof`."""
        return TileNodes(self._read_tile, self.size)

    def entry(self, index: int) -> bytes:
        """Return an entry.

        Raises:
            Malformed: there is none.
        """
        if not 0 <= index < self.size:
            raise Malformed(f"The log of {self.size} entries has no entry {index}.")
        wide = tiles.width(0, index // tiles.WIDTH, self.size)
        data = self._read_tile(tiles.path(tiles.ENTRIES, index // tiles.WIDTH, wide))
        return tiles.parse_bundle(data, index % tiles.WIDTH + 1)[-1]

    def proof(self, index: int, signed: SignedCheckpoint | None = None) -> Proof:
        """Return the offline proof of an entry under a checkpoint of this log (default: the published one).

        Raises:
            LogMissing: nothing is published. Malformed: the entry is not under that checkpoint.
        """
        under = signed or self._published
        if under is None:
            raise LogMissing("The log has published no checkpoint yet.", hint="Publish its head first.")
        hashes = tree.inclusion_proof(self.nodes(), index, under.checkpoint.size)
        return Proof(index, hashes, under)

    def consistency(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """Return the consistency proof from one size to another (default: the head's)."""
        return tree.consistency_proof(self.nodes(), old, self.size if new is None else new)

    def check(self) -> None:
        """Read every entry and tile, and check them against the head: minutes for millions of entries.

        Raises:
            StoreTruncated, StoreDamaged: see `errors`.
        """
        frontier = tree.Frontier()
        nodes = self.nodes()
        try:
            for index in range(-(-self.size // tiles.WIDTH)):
                wide = tiles.width(0, index, self.size)
                data = self._read_tile(tiles.path(tiles.ENTRIES, index, wide))
                hashes = [tree.leaf_hash(entry) for entry in tiles.parse_bundle(data, wide)]
                if hashes != [nodes(0, index * tiles.WIDTH + at) for at in range(wide)]:
                    raise _damaged()
                frontier = frontier.extended(hashes)
        except Malformed as error:
            raise _truncated() from error
        if frontier.root() != self._head.checkpoint.root:
            raise _damaged()
        for level in range(tiles.HEIGHT, self.size.bit_length(), tiles.HEIGHT):
            for index in range(self.size >> level):
                low = [nodes(level - 1, 2 * index), nodes(level - 1, 2 * index + 1)]
                if nodes(level, index) != tree.node_hash(*low):
                    raise _damaged()

    def check_not_before(self, known: SignedCheckpoint | None) -> None:
        """Check that this log is not behind a checkpoint of it that is known from elsewhere.

        Raises:
            StoreRolledBack: it is. Equivocation: the log signed another tree of that size.
        """
        if known is None:
            return
        checkpoints.verify(known, self._keys)
        seen = known.checkpoint
        if seen.size > self.size:
            raise _rolled_back(seen.size, self.size)
        if seen.size == self.size and seen.root != self._head.checkpoint.root:
            raise Equivocation(Evidence(self._head, known))
        self._check_own(seen)

    def _load(self) -> None:
        if not (self.folder / HEAD).is_file():
            raise LogMissing(
                f"The folder {self.folder.name} holds no log.", hint="Make one with `tutela log init`."
            )
        self._published = self._signed(CHECKPOINT) if (self.folder / CHECKPOINT).exists() else None
        self._head = self._signed(HEAD)
        size = self.size
        if self._published and self._published.checkpoint.size > size:
            raise _rolled_back(self._published.checkpoint.size, size)
        try:
            self._edge = Edge.read(self._read_tile, size)
            self._frontier = tree.Frontier.of(self.nodes(), size)
            last = size % tiles.WIDTH
            bundle = self._read_tile(tiles.path(tiles.ENTRIES, size // tiles.WIDTH, last)) if last else b""
            self._pending = tiles.parse_bundle(bundle, last)
        except Malformed as error:
            raise _truncated() from error
        hashes = tuple(tree.leaf_hash(entry) for entry in self._pending)
        if self._frontier.root() != self._head.checkpoint.root or (hashes and hashes != self._edge.levels[0]):
            raise _damaged()
        if self._published:
            self._check_own(self._published.checkpoint)

    def _signed(self, name: str) -> SignedCheckpoint:
        try:
            signed = SignedCheckpoint.parse(files.read(self.folder, name, MAX_NOTE_BYTES))
        except Malformed as error:
            raise _truncated() from error
        checkpoints.verify(signed, self._keys)
        return signed

    def _check_own(self, old: Checkpoint) -> None:
        if old.size > self.size:
            raise _rolled_back(old.size, self.size)
        if tree.root(self.nodes(), old.size) != old.root:
            raise _damaged()

    def _read_tile(self, name: str) -> bytes:
        limit = tiles.MAX_BUNDLE_BYTES if tiles.ENTRIES in name else tiles.MAX_TILE_BYTES
        try:
            return files.read(self.folder, name, limit)
        except StoreTruncated:
            full, gap, _ = name.partition(".p/")
            if not gap:
                raise
            return files.read(self.folder, full, limit)  # a writer went on beside us

    def _bundles(self, entries: Sequence[bytes]) -> tuple[dict[str, bytes], list[bytes]]:
        waiting = [*self._pending, *entries]
        first = self.size // tiles.WIDTH
        found = {}
        for start in range(0, len(waiting), tiles.WIDTH):
            part = waiting[start : start + tiles.WIDTH]
            found[tiles.path(tiles.ENTRIES, first + start // tiles.WIDTH, len(part))] = tiles.to_bundle(part)
        return found, waiting[len(waiting) - len(waiting) % tiles.WIDTH :]

    def _drop_partials(self, before: int, now: int) -> None:
        """Remove partial tiles whose full tile is published. A crash leaves them, which harms nothing."""
        for level in range(64 // tiles.HEIGHT):
            first, last = (size >> tiles.HEIGHT * (level + 1) for size in (before, now))
            for index in {first, last - 1} if first < last else ():
                for kind in (level, tiles.ENTRIES) if level == 0 else (level,):
                    _remove(self.folder / f"{tiles.path(kind, index)}.p")

    def _writer(self) -> Signer:
        if self._signer is None or self._lock is None:
            raise Unsupported("This log was opened to be read.")
        return self._signer


def _locked(folder: Path) -> int:
    try:
        descriptor = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise LogMissing(f"The folder {folder.name} is not there, or cannot be written.") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(descriptor)
        raise LogBusy(
            f"Another process appends to the log in {folder.name}.", hint="Wait until it is done."
        ) from error
    return descriptor


def _check_empty(folder: Path) -> None:
    if (folder / HEAD).exists() or (folder / "tile").exists():
        raise LogExists(f"The folder {folder.name} holds a log already.", hint="Choose another folder.")


def _remove(partials: Path) -> None:
    with suppress(OSError):
        for file in partials.iterdir():
            file.unlink()
        partials.rmdir()


def _rolled_back(seen: int, size: int) -> StoreRolledBack:
    return StoreRolledBack(
        f"The log's folder holds {size} entries, and {seen} were signed and shown before.",
        hint="It was restored from an old copy. Never append to it: restore the newest, or found a new log.",
    )


def _truncated() -> StoreTruncated:
    return StoreTruncated(
        "Files of the log are missing or cut short.", hint="Restore the folder from its newest copy."
    )


def _damaged() -> StoreDamaged:
    return StoreDamaged(
        "The log's files do not hash to the root that it signed.",
        hint="Restore the folder from its newest copy.",
    )
