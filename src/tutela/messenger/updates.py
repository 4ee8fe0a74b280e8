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

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tutela.distribution import Patience, Updater
from tutela.distribution.errors import DistributionFailed, DistributionRefused
from tutela.distribution.paths import epoch
from tutela.guard.core import Guard
from tutela.guard.epochs import NONE_LOADED, Mode
from tutela.hashlist.epoch.folder import SMALL_FILES
from tutela.hashlist.epoch.verification import TABLE_FILE
from tutela.hashlist.trust import Trust

_STATE: Final = "state"
_EPOCH: Final = "epoch"


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

    def fetch(self) -> Path:
        """Bring the current epoch's folder here, and return it.

        Raises:
            DistributionRefused: what the repository says is not believed; the folder is as before.
            DistributionFailed: it does not answer, or not to the end; the next try goes on from there.
            NoTrustedRoot, Busy, NoStorage: this device's side.
        """
        self._updater.refresh(self._clock())
        prefix = epoch(self._updater.latest_epoch())
        for name in (*SMALL_FILES, TABLE_FILE):
            self._updater.find(f"{prefix}/{name}")
        self._updater.fetch_folder(prefix, self.folder)
        return self.folder

    def update(self, guard: Guard, trust: Trust) -> Mode:
        """Fetch, and let the guard decide; return the mode that follows.

        A repository that does not answer changes nothing by itself: what was loaded ends with its own proofs,
        a day after the witnesses' last cosignatures. After a start the last epoch that was fetched is loaded.

        Raises:
            NoTrustedRoot, Busy, NoStorage: this device's side.
        """
        try:
            folder = self.fetch()
        except DistributionRefused as error:
            return guard.distrust(error)
        except DistributionFailed as error:
            if guard.mode().code != NONE_LOADED:
                return guard.mode()
            if not self.folder.exists():
                return guard.distrust(error)
            folder = self.folder
        return guard.load_epoch(folder, trust)
