"""Keep a device's epoch current from a repository of The Update Framework: the provider's, a mirror, a stick.

    watch = EpochWatch("https://provider.example.org/distribution", folder, root=the_apps_root)
    mode = watch.update(guard, trust)

Repository and guard answer for different things. The repository says what is current, and its refusal (an
old state, a frozen one, parts of several) turns the guard to user-side mode under the repository's error.
What a fetched epoch is worth is said by `Guard.load_epoch` and nobody else. The folder is replaced as a
whole, so that a broken download leaves the last one. All jurisdictions' legal bases are fetched: the server
does not learn which one the device asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tutela.distribution import Patience, Updater
from tutela.distribution.errors import DistributionFailed, DistributionRefused
from tutela.distribution.paths import epoch
from tutela.errors import InputError, VerificationError
from tutela.guard.core import Guard
from tutela.guard.epochs import NONE_LOADED, Mode
from tutela.hashlist.epoch.folder import (
    EPOCH_PROOF_FILE,
    LIST_PROOF_FILE,
    LOG_FOLDER,
    SMALL_FILES,
    continuation,
)
from tutela.hashlist.epoch.verification import TABLE_FILE
from tutela.hashlist.trust import Trust, read_small
from tutela.tlog import Proof, SignedCheckpoint
from tutela.tlog.tiles import parse_path
from tutela.tlog.tree import HASH_BYTES

_STATE: Final = "state"
_EPOCH: Final = "epoch"
_PROOF: Final = "proof"
_TILES: Final = f"{LOG_FOLDER}/tile/"


def _now() -> datetime:
    return datetime.now(UTC)


class EpochWatch:
    """One device's look at a repository.

    Args:
        location: https address, http on this machine, or a folder.
        folder: of its own; what was seen and the epoch are kept in it.
        root: root.json that came with the app, beside the trust file.
        clock: UTC time.
        patience: with a slow server.

    Raises:
        BadAddress: the location is of another kind.
    """

    def __init__(
        self,
        location: str | Path,
        folder: Path,
        *,
        root: bytes,
        clock: Callable[[], datetime] = _now,
        patience: Patience | None = None,
    ) -> None:
        self.folder, self._clock = folder / _EPOCH, clock
        self._updater = Updater(location, folder / _STATE, root=root, patience=patience)

    def fetch(self, seen: Iterable[SignedCheckpoint] = ()) -> Path:
        """Bring the current epoch's folder here, and return it.

        Args:
            seen: checkpoints that this device saw (`Guard.seen`): of the log's hashes only those are fetched
                that show that it continues them.

        Raises:
            DistributionRefused: what the repository says is not believed; the folder is as before.
            DistributionFailed: it does not answer, or not to the end; the next try goes on from there.
            NoTrustedRoot, Busy, NoStorage: this device's side.
        """
        self._updater.refresh(self._clock())
        prefix = epoch(self._updater.latest_epoch())
        for name in (*SMALL_FILES, TABLE_FILE):
            self._updater.find(f"{prefix}/{name}")
        tiles = self._tiles(prefix, seen)
        self._updater.fetch_folder(
            prefix, self.folder, wants=lambda name: name in tiles or not name.startswith(_TILES)
        )
        return self.folder

    def _tiles(self, prefix: str, seen: Iterable[SignedCheckpoint]) -> frozenset[str]:
        """Return the names of the hash tiles that the guard will ask for: they follow from sizes alone."""
        proofs = [self._proof(f"{prefix}/{name}") for name in (EPOCH_PROOF_FILE, LIST_PROOF_FILE)]
        named = _Named()
        try:
            now, listed = (Proof.parse(data).checkpoint for data in proofs)
            for before in (listed, *seen):
                if before.checkpoint.origin == now.checkpoint.origin:
                    continuation(named, before, now)
        except (InputError, VerificationError):
            return frozenset()  # the guard refuses what came, by name
        return frozenset(f"{LOG_FOLDER}/{name}" for name in named.names)

    def _proof(self, path: str) -> bytes:
        to = self.folder.with_name(_PROOF)
        self._updater.fetch(path, to)
        return read_small(to)

    def update(self, guard: Guard, trust: Trust) -> Mode:
        """Fetch, and let the guard decide; return the mode that follows.

        A repository that does not answer changes nothing by itself: what was loaded ends with its own proofs,
        a day after the witnesses' last cosignatures. After a start the last epoch that was fetched is loaded.

        Raises:
            NoTrustedRoot, Busy, NoStorage: this device's side.
        """
        try:
            folder = self.fetch(guard.seen())
        except DistributionRefused as error:
            return guard.distrust(error)
        except DistributionFailed as error:
            if guard.mode().code != NONE_LOADED:
                return guard.mode()
            if not self.folder.exists():
                return guard.distrust(error)
            folder = self.folder
        return guard.load_epoch(folder, trust)


@dataclass(frozen=True, slots=True)
class _Named:
    """A log without its hashes (`tutela.tlog.client.Source`): remembers which tiles are asked for."""

    names: set[str] = field(default_factory=set)

    def read(self, path: str, limit: int) -> bytes:
        """Return a tile of zeros."""
        del limit
        self.names.add(path)
        return bytes(HASH_BYTES * parse_path(path).width)
