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
#: the life of an account key is drawn between these, evenly, whatever happens to the key
SHORTEST: Final = timedelta(days=7)
LONGEST: Final = timedelta(days=28)
#: no account key serves longer, whatever the file or the clock says (design, section 2)
WINDOW: Final = timedelta(days=92)
_MAGIC: Final = b"TG2\0"
_BYTES: Final = 4 + 32 + 8 + 8 + 80 + 32
_MAGIC_1: Final = b"TG1\0"  # without `ends`


@dataclass(frozen=True, slots=True)
class Keys:
    """What the key file holds.

    Attributes:
        table_id: the table that the account key was drawn for; zeros before the first.
        drawn: when, UTC.
        ends: when the device draws another account key by itself; drawn with the key, told to nobody.
        device: secrets of the vouchers.
        folder: 32 bytes; seals held uploads and names contacts in the guard's folder.
    """

    table_id: bytes
    drawn: datetime
    ends: datetime
    device: DeviceSecrets
    folder: bytes

    @classmethod
    def generate(cls, random: Callable[[int], bytes], now: datetime) -> Self:
        """Draw all of them."""
        return cls(NO_TABLE, now, _end(random, now), DeviceSecrets.generate(random), random(32))

    def over(self, now: datetime) -> bool:
        """Whether the account key's time is over."""
        return now >= self.ends or abs(now - self.drawn) >= WINDOW

    def for_table(self, table_id: bytes, random: Callable[[int], bytes], now: datetime) -> Self:
        """Return keys for a table: the same ones within their time, else with a fresh account key."""
        if table_id == self.table_id and not self.over(now):
            return self
        return replace(self.rotated(random, now), table_id=table_id)

    def rotated(self, random: Callable[[int], bytes], now: datetime) -> Self:
        """Return the same with a fresh account key."""
        return replace(self, drawn=now, ends=_end(random, now), device=self.device.rotated(random))

    def to_bytes(self) -> bytes:
        """Return the bytes that are sealed."""
        times = b"".join(int(time.timestamp()).to_bytes(8, "little") for time in (self.drawn, self.ends))
        return _MAGIC + self.table_id + times + self.device.to_bytes() + self.folder

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read them, of this version or the one before; raises `GuardStateDamaged`."""
        first = data[:4] == _MAGIC_1
        if len(data) != _BYTES - 8 * first or data[:4] not in {_MAGIC, _MAGIC_1}:
            raise GuardStateDamaged("The device's key file is of another version.")
        drawn, rest = _time(data[36:44]), data[-112:]
        ends = drawn + LONGEST if first else _time(data[44:52])
        return cls(data[4:36], drawn, ends, DeviceSecrets.from_bytes(rest[:80]), rest[80:])


def _end(random: Callable[[int], bytes], now: datetime) -> datetime:
    span = int((LONGEST - SHORTEST).total_seconds()) + 1
    return now + SHORTEST + timedelta(seconds=int.from_bytes(random(8), "little") % span)


def _time(data: bytes) -> datetime:
    seconds = int.from_bytes(data, "little")
    if seconds > 1 << 36:
        raise GuardStateDamaged("The device's key file holds a time that cannot be.")
    return datetime.fromtimestamp(seconds, UTC)


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
