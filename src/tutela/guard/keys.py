"""The device's secrets: for the vouchers of one table and window, and for what waits in the guard's folder.

Kept in one key file under a passphrase (`tutela.sealed.keyfile`). Whoever has the file and the passphrase can
make vouchers in the device's name and read its held uploads; nothing here opens vouchers that were sent.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final, Protocol, Self

from tutela.guard.errors import GuardStateDamaged
from tutela.voucher.sealing import DeviceSecrets
from tutela.voucher.wire import NO_TABLE

FILE: Final = "device.key"
#: the longest time for one account key (design, section 2)
WINDOW: Final = timedelta(days=92)
_MAGIC: Final = b"TG1\0"
_BYTES: Final = 4 + 32 + 8 + 80 + 32


@dataclass(frozen=True, slots=True)
class Keys:
    """What the key file holds.

    Attributes:
        table_id: the table that the account key was drawn for; zeros before the first.
        drawn: when, UTC.
        device: secrets of the vouchers.
        folder: 32 bytes; seals held uploads and names contacts in the guard's folder.
    """

    table_id: bytes
    drawn: datetime
    device: DeviceSecrets
    folder: bytes

    @classmethod
    def generate(cls, random: Callable[[int], bytes], now: datetime) -> Self:
        """Draw all of them."""
        return cls(NO_TABLE, now, DeviceSecrets.generate(random), random(32))

    def for_table(self, table_id: bytes, random: Callable[[int], bytes], now: datetime) -> Self:
        """Return keys for a table: the same ones within its window, else with a fresh account key."""
        if table_id == self.table_id and abs(now - self.drawn) < WINDOW:
            return self
        return replace(self, table_id=table_id, drawn=now, device=self.device.rotated(random))

    def rotated(self, random: Callable[[int], bytes], now: datetime) -> Self:
        """Return the same with a fresh account key, as after an opening."""
        return replace(self, drawn=now, device=self.device.rotated(random))

    def to_bytes(self) -> bytes:
        """Return the bytes that are sealed."""
        drawn = int(self.drawn.timestamp()).to_bytes(8, "little")
        return _MAGIC + self.table_id + drawn + self.device.to_bytes() + self.folder

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read them; raises `GuardStateDamaged`."""
        if len(data) != _BYTES or data[:4] != _MAGIC:
            raise GuardStateDamaged("The device's key file is of another version.")
        seconds = int.from_bytes(data[36:44], "little")
        if seconds > 1 << 36:
            raise GuardStateDamaged("The device's key file holds a time that cannot be.")
        drawn = datetime.fromtimestamp(seconds, UTC)
        return cls(data[4:36], drawn, DeviceSecrets.from_bytes(data[44:124]), data[124:])


class KeyStore(Protocol):
    """Where the keys are kept between two runs."""

    def load(self) -> Keys | None:
        """Return them, or None before the first save."""

    def save(self, keys: Keys) -> None:
        """Keep them durably."""


class MemoryKeys:
    """Keys that end with the process: for tests, and for apps that keep them in the system's key store."""

    def __init__(self, keys: Keys | None = None) -> None:
        self.keys = keys

    def load(self) -> Keys | None:
        """Return them."""
        return self.keys

    def save(self, keys: Keys) -> None:
        """Keep them."""
        self.keys = keys


class KeyFile:
    """Keys in a file under a passphrase."""

    def __init__(self, path: Path, passphrase: str, *, cost: int | None = None) -> None:
        self._path, self._passphrase, self._cost = path, passphrase, cost

    def load(self) -> Keys | None:
        """Return them; raises SealedError in its kinds, for example for another passphrase."""
        from tutela.sealed import keyfile

        return Keys.from_bytes(keyfile.load(self._path, self._passphrase)) if self._path.exists() else None

    def save(self, keys: Keys) -> None:
        """Write them in one step, readable by the owner only."""
        from tutela.sealed import keyfile

        cost = self._cost or keyfile.DEFAULT_COST
        keyfile.save(self._path, keys.to_bytes(), self._passphrase, overwrite=True, cost=cost)
