"""What all messengers share: no file leaves without its sealed set, none is lost while the server is away.

    encrypt -> seal (on the beat) -> announce the set -> upload -> event

A transport that cannot be reached makes the file wait, sealed, in the guard's outbox. A refusal is explained.
A set that was used or expired (the answer to an upload was lost) is made anew, once.
"""

from __future__ import annotations

import abc
import asyncio
import contextlib
import os
import time
from typing import Any, Final

from tutela.errors import TutelaError
from tutela.guard.core import Guard, Protected
from tutela.guard.notices import notice
from tutela.guard.pacing import BEAT, PacedQueue
from tutela.messenger import attachments
from tutela.messenger.adapter import FileReceived, Received, Sent, TextReceived, Told
from tutela.messenger.attachments import FileKey
from tutela.messenger.errors import DamagedAttachment, HomeserverUnreachable, SendRefused
from tutela.messenger.outgoing import Outgoing
from tutela.voucher.wire import MESSAGE_BYTES, Attachment

#: refusals after which the same file, sealed anew, is good
SEAL_AGAIN: Final = frozenset({"voucher.used", "voucher.expired"})
HOUSEKEEPING_SECONDS: Final = 2.0
RECEIPTS_EVERY: Final = 30  # rounds of housekeeping
MAX_DOWNLOAD: Final = 100 * 1024 * 1024


class GuardedMessenger(abc.ABC):
    """One signed-in device; transports implement the five steps at the end."""

    def __init__(self, guard: Guard, *, beat: float = BEAT) -> None:
        self.guard, self.contacts = guard, set[str]()
        self._queue = PacedQueue(guard, beat=beat)
        self._tickets: dict[int, asyncio.Future[Protected]] = {}
        self._received: asyncio.Queue[Received] = asyncio.Queue()
        self._wake, self._tasks = asyncio.Event(), list[asyncio.Task[None]]()
        self._carrying, self._flushing = asyncio.Lock(), asyncio.Lock()

    @property
    def account(self) -> str:
        """Full account name."""
        return self.guard.account

    def begin(self) -> None:
        """Start the beat and the housekeeping; called by the transport when it is signed in."""
        beats = asyncio.create_task(self._beats())
        beats.add_done_callback(self._give_up)
        self._tasks += [beats, asyncio.create_task(self._housekeeping())]

    def _give_up(self, beats: asyncio.Task[None]) -> None:
        """Let nobody wait for a set that will not come."""
        reason = None if beats.cancelled() else beats.exception()
        for future in self._tickets.values():
            if not future.done():
                future.set_exception(reason or asyncio.CancelledError())
        self._tickets.clear()

    async def close(self) -> None:
        """Stop; what is held stays in the guard's folder."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def send_file(self, room: str, name: str, data: bytes, content_type: str) -> Sent:
        """Send a file with its sealed set.

        Raises:
            SendRefused: the homeserver takes no file of this account now; `notice` says why.
            OutboxFull: it cannot be reached, and too much waits already.
        """
        outgoing, notices = await self._seal(room, name, data, content_type)
        try:
            event = await self._carry(outgoing)
        except HomeserverUnreachable:
            self.guard.outbox.hold(outgoing.to_bytes(), self.guard.now())
            return Sent(None, held=True, notices=(*notices, notice("upload.held")))
        return Sent(event, notices=notices)

    async def flush(self) -> int:
        """Try what is held and due; return how many files were sent."""
        async with self._flushing:
            return await self._flush()

    async def _flush(self) -> int:
        due, given_up = self.guard.outbox.due(self.guard.now())
        sent, notices = 0, list(given_up)
        for held in due:
            try:
                await self._carry(Outgoing.from_bytes(held.payload))
                sent += 1
            except HomeserverUnreachable:
                self.guard.outbox.failed(held, self.guard.now())
                continue
            except SendRefused as error:
                notices.append(error.notice)
            except DamagedAttachment:
                notices.append(notice("upload.given_up"))
            self.guard.outbox.done(held)
        if notices:
            self._received.put_nowait(Told(tuple(notices)))
        return sent

    async def refresh(self) -> None:
        """Ask the homeserver what became of the sealed sets; `guard.status()` shows it."""
        self.guard.note_receipts(await self._receipts())

    async def receive(self, within: float = 10.0) -> Received:
        """Return the next thing that arrives within so many seconds; raises TimeoutError."""
        return await asyncio.wait_for(self._received.get(), within)

    async def _seal(
        self, room: str, name: str, data: bytes, content_type: str
    ) -> tuple[Outgoing, tuple[Any, ...]]:
        ciphertext, key = attachments.encrypt(data, os.urandom)
        message = room.encode()[:MESSAGE_BYTES].decode(errors="ignore")
        ticket = self._queue.submit(data, Attachment(key.key, key.iv, key.sha256, message))
        self._tickets[ticket] = asyncio.get_running_loop().create_future()
        self._wake.set()
        protected = await self._tickets[ticket]
        return Outgoing(room, name, content_type, key, protected.voucher, ciphertext), protected.notices

    async def _carry(self, outgoing: Outgoing, *, again: bool = True) -> str:
        """Announce, upload, send; one file at a time, so that sets arrive in the order of their slots."""
        try:
            async with self._carrying:
                if self.guard.outdated(outgoing.voucher):  # it waited while the key was renewed
                    outgoing = await self._seal_anew(outgoing)
                return await self._carry_once(outgoing)
        except SendRefused as error:
            if not again or not await self._worth_again(error.notice.code):
                raise
        return await self._carry(await self._seal_anew(outgoing), again=False)

    async def _seal_anew(self, outgoing: Outgoing) -> Outgoing:
        data = attachments.decrypt(outgoing.ciphertext, outgoing.key)
        fresh, _ = await self._seal(outgoing.room, outgoing.name, data, outgoing.content_type)
        return fresh

    async def _worth_again(self, code: str) -> bool:
        """Whether a file sealed anew may be taken: by itself, or because the device has to enrol again."""
        if code == "voucher.refused_by_provider":
            await self.refresh()
            return self.guard.enrolment() is not None
        return code in SEAL_AGAIN

    async def _carry_once(self, outgoing: Outgoing) -> str:
        enrolment = self.guard.enrolment()
        if enrolment is not None:
            await self._enrol(enrolment)
            self.guard.enrolled(enrolment)
        ct_sha256 = outgoing.key.sha256.hex()
        if await self._announce(ct_sha256, outgoing.voucher) != "waiting":
            raise SendRefused(self.guard.explain_refusal("voucher.used"))
        url = await self._upload(outgoing.ciphertext, ct_sha256)
        return await self._send_event(outgoing.room, outgoing.content(url))

    async def _beats(self) -> None:
        """Hand out sets on the beat; sleep while nothing waits and nothing is to be done ahead."""
        while True:
            ready = self._queue.due(time.monotonic())
            future = self._tickets.pop(ready.ticket, None) if ready else None
            if ready and future and not future.done():
                if ready.protected:
                    future.set_result(ready.protected)
                else:
                    future.set_exception(ready.error or TutelaError("The set could not be made."))
            await asyncio.sleep(0)  # let it leave before the next piece of work
            if not self._queue.work() and not self._queue.busy:
                self._wake.clear()
                await self._wake.wait()
            await asyncio.sleep(max(0.0, self._queue.next_beat - time.monotonic()))

    async def _housekeeping(self) -> None:
        for count in range(1, 1 << 62):
            await asyncio.sleep(HOUSEKEEPING_SECONDS)
            with contextlib.suppress(TutelaError):
                await self.flush()
                if count % RECEIPTS_EVERY == 0:
                    await self.refresh()

    async def _take(self, room: str, sender: str, event: str, content: dict[str, Any]) -> None:
        """Turn a decrypted message into what the app sees; files are fetched and checked before."""
        if "file" not in content:
            self._received.put_nowait(TextReceived(room, sender, event, str(content.get("body", ""))))
            return
        info = content.get("info")
        kind = str(info.get("mimetype", "")) if isinstance(info, dict) else ""
        picture = content.get("msgtype") == "m.image" or kind.startswith("image/")
        notices = self.guard.received(sender, picture=picture, known=sender in self.contacts)
        try:
            key, url = FileKey.from_dict(content["file"])
            data = attachments.decrypt(await self._download(url), key)
        except (DamagedAttachment, HomeserverUnreachable):
            data = None
        self._received.put_nowait(
            FileReceived(room, sender, event, str(content.get("body", "")), kind, data, notices)
        )

    @abc.abstractmethod
    async def _enrol(self, enrolment: bytes) -> None:
        """Give the homeserver the device's enrolment."""

    @abc.abstractmethod
    async def _announce(self, ct_sha256: str, voucher: bytes) -> str:
        """Give the homeserver a sealed set; return its state."""

    @abc.abstractmethod
    async def _upload(self, ciphertext: bytes, ct_sha256: str) -> str:
        """Upload a ciphertext; return its URL."""

    @abc.abstractmethod
    async def _download(self, url: str) -> bytes:
        """Fetch a ciphertext of at most `MAX_DOWNLOAD` bytes."""

    @abc.abstractmethod
    async def _send_event(self, room: str, content: dict[str, Any]) -> str:
        """Encrypt and send a message; return its name."""

    @abc.abstractmethod
    async def _receipts(self) -> dict[str, Any]:
        """Ask what became of the sets."""
