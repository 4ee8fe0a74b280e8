"""A device, and the network behind it: what it sends is counted there, and opened with every key there is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.attacks.house import JURISDICTION, House

from tutela.guard.core import Guard, Policy
from tutela.guard.epochs import Mode
from tutela.guard.keys import MemoryKeys
from tutela.guard.store import Store
from tutela.hashlist.epoch.publishing import claimed
from tutela.messenger.loopback import LoopbackMessenger, LoopbackServer
from tutela.messenger.updates import EpochWatch
from tutela.voucher import everyday
from tutela.voucher.errors import VoucherRefused
from tutela.voucher.opening import Opener
from tutela.voucher.wire import Enrolment

ACCOUNT = "@anna:loopback"


@dataclass(frozen=True)
class Traffic:
    """What reached the network's other end."""

    vouchers: tuple[bytes, ...]
    enrolment: bytes

    def opened(self, house: House) -> int:
        """How many of them a provider opens that holds the key of every table that was ever made."""
        return sum(any(_opens(voucher, self.enrolment, *made) for made in house.made) for voucher in self.vouchers)  # fmt: skip


def _opens(voucher: bytes, enrolment: bytes, epoch: Path, key: bytes) -> bool:
    manifest = claimed(epoch)
    try:
        opener = Opener(manifest.header, manifest.parameters, key)
        return opener.arrive(voucher, Enrolment.parse(enrolment)) is not None
    except VoucherRefused:  # made for another table
        return False


class Device:
    """A guard with its memory, and its look at a repository."""

    def __init__(self, house: House, folder: Path) -> None:
        self.house, self.folder = house, folder
        self._store, self._keys, self._enrolment = Store.memory(), MemoryKeys(), b""
        self.guard = self._guard("PHONE")

    def _guard(self, device: str) -> Guard:
        policy = Policy(JURISDICTION, provider_alerts=True)
        return Guard(
            ACCOUNT, device, policy, store=self._store, keys=self._keys, clock=lambda: datetime.now(UTC)
        )

    def restart(self) -> None:
        """The app ends and begins again: what it keeps is kept, and no list is loaded."""
        self.guard = self._guard("PHONE")

    def update(self, location: str | Path) -> Mode:
        watch = EpochWatch(location, self.folder, root=self.house.root)
        return watch.update(self.guard, self.house.trust)

    def send(self, picture: bytes) -> Traffic:
        """Send a picture to somebody, and return what the network saw."""
        return asyncio.run(asyncio.wait_for(self._send(picture), 60))

    async def _send(self, picture: bytes) -> Traffic:
        seen: list[bytes] = []
        server = LoopbackServer(
            everyday().voucher_bytes, relay=lambda _account, voucher: seen.append(voucher)
        )
        other = Guard(
            "@bert:loopback", "D", Policy(JURISDICTION), store=Store.memory(), keys=MemoryKeys()
        )  # fmt: skip
        anna, bert = (LoopbackMessenger(server, one, beat=0.005) for one in (self.guard, other))
        try:
            room = await anna.make_room(bert.account)
            await anna.send_file(room, "p.jpg", picture, "image/jpeg")
            assert (await bert.receive()).data == picture  # it arrives, whatever becomes of the list
        finally:
            await anna.close()
            await bert.close()
        self._enrolment = server.enrolments.get(ACCOUNT, self._enrolment)  # sent where it is a new one
        return Traffic(tuple(seen), self._enrolment)
