"""What the accounts do, through real Matrix clients with the guard inside."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tutela.demo.cast import CAST, CONTROL, Player, files, texts
from tutela.demo.distributing import Distribution
from tutela.demo.epoch import JURISDICTION, Props
from tutela.demo.folders import Folders
from tutela.demo.stage import StageProblem
from tutela.guard.core import Guard, Policy
from tutela.hashlist.epoch import Trust
from tutela.messenger.updates import EpochWatch

if TYPE_CHECKING:
    from tutela.messenger.matrix import MatrixMessenger

BEAT: Final = 0.02  # seconds between two sets; a phone takes its time, a demonstration does not
WITHIN: Final = 60.0


@dataclass(frozen=True, slots=True)
class Played:
    """What was really sent, what arrived, and on each device the guard and what keeps its epoch current."""

    texts: tuple[str, ...]
    pictures: tuple[Mapping[str, str], ...]
    received: int
    unequal: int
    notices: tuple[str, ...]
    guards: Mapping[str, Guard]
    watches: Mapping[str, EpochWatch]


class Scenes:
    """One encrypted room with all players in it."""

    def __init__(
        self,
        folders: Folders,
        props: Props,
        distribution: Distribution,
        url: Callable[[str], str],
        passwords: Mapping[str, str],
        step: Callable[[str], None],
    ) -> None:
        self._folders, self._props, self._distribution = folders, props, distribution
        self._url, self._passwords, self._step = url, passwords, step
        self._watches: dict[str, EpochWatch] = {}
        self._clients: dict[str, MatrixMessenger] = {}
        self._sent: dict[str, bytes] = {}
        self._pictures: list[Mapping[str, str]] = []

    def play(self) -> Played:
        """Let everything happen, in one event loop of its own."""
        return asyncio.run(self._play())

    async def _play(self) -> Played:
        try:
            await self._sign_in()
            room = await self._meet()
            for player in CAST:
                for text in texts(player):
                    await self._clients[player.name].send_text(room, text)
            await self._control()
            listener = asyncio.create_task(self._listen(self._clients[CAST[0].name]))
            await asyncio.gather(*(self._send_all(player, room) for player in CAST))
            return await listener
        finally:
            await asyncio.gather(*(client.close() for client in self._clients.values()))

    async def _sign_in(self) -> None:
        self._step("Five people sign in with real Matrix clients; each fetches and checks the epoch")
        trust = Trust.load(self._props.trust_file)
        await asyncio.gather(*(self._enter(player, trust) for player in CAST))

    async def _enter(self, player: Player, trust: Trust) -> None:
        from tutela.messenger.matrix import sign_in

        client = await sign_in(
            self._url(player.name),
            player.name,
            self._passwords[player.name],
            self._folders.devices / player.name,
            Policy(JURISDICTION, provider_alerts=True),
            self._folders.passphrase(),
            beat=BEAT,
        )
        self._clients[player.name] = client
        watch = self._distribution.watch(self._folders.devices / player.name / "updates")
        self._watches[player.name] = watch
        mode = watch.update(client.guard, trust)
        if not mode.alerts:
            raise StageProblem(f"A device refuses the epoch: {mode.name}.")

    async def _meet(self) -> str:
        self._step("They meet in an encrypted room")
        first, *others = CAST
        accounts = [self._clients[player.name].account for player in others]
        room = await self._clients[first.name].make_room(*accounts)
        for player in others:
            await self._clients[player.name].join(room)
        # everybody has to know everybody's device before the first message is encrypted
        await asyncio.gather(*(self._knows_all(self._clients[player.name], room) for player in CAST))
        return room

    async def _knows_all(self, client: MatrixMessenger, room: str) -> None:
        await _until(
            lambda: len(client.client.rooms[room].users) == len(CAST) and not client.client.should_query_keys
        )

    async def _control(self) -> None:
        """Say one line in a room that is not encrypted: a search that misses it would prove nothing."""
        client = self._clients[CAST[0].name].client
        room = (await client.room_create()).room_id
        await _until(lambda: room in client.rooms)
        content = {"msgtype": "m.text", "body": CONTROL}
        sent = await client.room_send(room, "m.room.message", content, ignore_unverified_devices=True)
        if not getattr(sent, "event_id", ""):
            raise StageProblem("The control line could not be sent.")

    async def _send_all(self, player: Player, room: str) -> None:
        client = self._clients[player.name]
        for number, sending in enumerate(files(player, self._props)):
            if player.name != CAST[0].name:
                self._sent[hashlib.sha256(sending.data).hexdigest()] = sending.data
            if sending.content_type.startswith("image/"):
                self._keep(player, number, sending.data)
            done = await client.send_file(room, sending.name, sending.data, sending.content_type)
            if done.held:
                raise StageProblem("The homeserver did not take a file.")
        await client.refresh()
        self._step(f"{player.name} {player.part}")

    def _keep(self, player: Player, number: int, data: bytes) -> None:
        path = self._folders.sent / f"{player.name}-{number:03d}"
        path.write_bytes(data)
        picture = {"account": player.name, "file": str(path), "sha256": hashlib.sha256(data).hexdigest()}
        self._pictures.append(picture)

    async def _listen(self, client: MatrixMessenger) -> Played:
        """Let the first player receive what all others send, and compare every byte."""
        from tutela.messenger.adapter import FileReceived

        expected = sum(len(list(files(player, self._props))) for player in CAST[1:])
        received = unequal = 0
        notices: list[str] = []
        while received < expected:
            item = await client.receive(WITHIN)
            if isinstance(item, FileReceived):
                received += 1
                data = item.data or b""
                unequal += self._sent.get(hashlib.sha256(data).hexdigest()) != data
                notices += [one.code for one in item.notices]
        return Played(
            texts=tuple(text for player in CAST for text in texts(player)),
            pictures=tuple(self._pictures),
            received=received,
            unequal=unequal,
            notices=tuple(dict.fromkeys(notices)),
            guards={name: each.guard for name, each in self._clients.items()},
            watches=self._watches,
        )


async def _until(condition: Callable[[], bool]) -> None:
    """Wait for something that nio's background sync brings; nio has no event for it."""
    async with asyncio.timeout(WITHIN):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0.05)
