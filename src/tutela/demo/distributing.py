"""The demonstration's repository of epochs, and each device's look at it.

One publisher holds all its keys for one run. In earnest the root's keys lie offline with several people, and
the proofs are renewed by whoever runs the log. The provider serves the folder; any mirror could.
"""

from __future__ import annotations

import secrets
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from tutela.distribution import Organisation, Repository, RoleKeys, signer
from tutela.distribution.paths import EPOCH_PATTERNS, PROOF_PATTERNS
from tutela.messenger.updates import EpochWatch

_TOP: Final = ("root", "targets", "snapshot", "timestamp")
_BUILDER: Final = "builder"


class Distribution:
    """A repository in an empty folder, and the root that comes with every app.

    Args:
        folder: is made.
        location: where devices find it; by default in the folder.
    """

    def __init__(self, folder: Path, location: str | Path | None = None) -> None:
        self.folder, self._location = folder, location or folder
        signers = {name: signer(secrets.token_bytes(32)) for name in (*_TOP, _BUILDER)}
        self._signers = tuple(signers.values())
        self._repository = Repository(folder)
        paths = (*PROOF_PATTERNS, *EPOCH_PATTERNS)
        builder = Organisation(_BUILDER, RoleKeys.of([signers[_BUILDER]]), paths)
        keys = {name: RoleKeys.of([signers[name]]) for name in _TOP}
        self._root = self._repository.create(keys, [builder], self._signers, datetime.now(UTC))

    def publish(self, epoch: Path) -> None:
        """Make an epoch's folder, as it is now, the current one."""
        self._repository.publish_epoch(epoch, self._signers, datetime.now(UTC))

    def watch(self, folder: Path) -> EpochWatch:
        """Return a device's look at the repository, which keeps what it saw in a folder of the device."""
        return EpochWatch(self._location, folder, root=self._root)
