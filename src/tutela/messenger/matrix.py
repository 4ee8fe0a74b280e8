"""A Matrix client (matrix-nio, vodozemac) whose files are accompanied by sealed sets.

    messenger = await sign_in(url, "anna", password, folder, policy, passphrase)
    messenger.guard.load_epoch(epoch_folder, trust)
    await messenger.send_file(room, "cat.jpg", data, "image/jpeg")

The folder holds nio's own database (device keys, sessions), the session and the guard's state; the next
`sign_in` continues the same device. Devices of others are not verified: who a person is, the user checks.
"""

from __future__ import annotations

import asyncio
import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tutela.guard import open_guard
from tutela.guard.core import Guard, Policy
from tutela.guard.pacing import BEAT
from tutela.messenger.adapter import Sent
from tutela.messenger.errors import (
    DamagedAttachment,
    HomeserverUnreachable,
    LoginRefused,
    NoSuchRoom,
    SendRefused,
)
from tutela.messenger.guarded import MAX_DOWNLOAD, GuardedMessenger
from tutela.messenger.session import SessionFile

if TYPE_CHECKING:
    from tutela.messenger.nio_client import GuardedClient

TUTELA: Final = "/_synapse/client/tutela/"
SYNC_MILLISECONDS: Final = 20_000
ENCRYPTION: Final = {
    "type": "m.room.encryption",
    "state_key": "",
    "content": {"algorithm": "m.megolm.v1.aes-sha2"},
}
#: answers that mean "not now"
TEMPORARY: Final = frozenset({408, 425, 429, 500, 502, 503, 504})


async def sign_in(
    url: str, user: str, password: str, folder: Path, policy: Policy, passphrase: str, *, beat: float = BEAT
) -> MatrixMessenger:
    """Sign in, or continue the session of the folder, and begin to receive.

    Args:
        url: of the homeserver, without a path.
        user: local part of the account's name.
        password: used only where the folder holds no session.
        folder: of this device; made when missing, private.
        policy: of the guard.
        passphrase: of the guard's key file.
        beat: seconds between two sets.

    Raises:
        LoginRefused: wrong name or password.
        HomeserverUnreachable: no answer.
    """
    from nio import AsyncClientConfig

    from tutela.messenger.nio_client import GuardedClient

    file = SessionFile.of(folder)
    config = AsyncClientConfig(
        encryption_enabled=True,
        store_sync_tokens=True,
        max_timeouts=1,
        max_limit_exceeded=3,
        request_timeout=30,
    )
    client = GuardedClient(url, user, store_path=str(folder), config=config)
    try:
        await _session(client, password, file)
        guard = open_guard(folder / "guard", client.user_id, client.device_id, policy, passphrase)
        messenger = MatrixMessenger(client, guard, beat=beat)
        await messenger.start()
    except BaseException:
        await client.close()
        raise
    return messenger


async def _session(client: GuardedClient, password: str, file: SessionFile) -> None:
    from nio import LoginResponse

    saved = file.load()
    if saved is not None:
        client.restore_login(saved["user_id"], saved["device_id"], saved["access_token"])
        return
    answer = await _reach(client.login(password, device_name="Tutela"))
    if not isinstance(answer, LoginResponse):
        raise LoginRefused("The homeserver does not accept this name and password.")
    file.save(user_id=client.user_id, device_id=client.device_id, access_token=client.access_token)


async def _reach(call: Any) -> Any:
    """Await a request; connection trouble becomes `HomeserverUnreachable`."""
    from aiohttp import ClientError

    try:
        return await call
    except (ClientError, OSError, TimeoutError) as error:
        raise HomeserverUnreachable("The homeserver does not answer.") from error


async def _bounded(response: Any) -> bytes:
    """Read a body of at most `MAX_DOWNLOAD` bytes."""
    data = bytearray()
    async with response:
        async for part in response.content.iter_chunked(1 << 16):
            data += part
            if len(data) > MAX_DOWNLOAD:
                raise DamagedAttachment("The homeserver's answer is too large.")
    return bytes(data)


class MatrixMessenger(GuardedMessenger):
    """One signed-in Matrix device."""

    def __init__(self, client: GuardedClient, guard: Guard, *, beat: float = BEAT) -> None:
        super().__init__(guard, beat=beat)
        self.client = client
        self._synced = asyncio.Condition()

    async def start(self) -> None:
        """Load the rooms, publish keys, and begin to receive."""
        from nio import RoomEncryptedMedia, RoomMessageText

        await self._sync(0, full=True)
        self.client.add_event_callback(self._on_event, (RoomMessageText, RoomEncryptedMedia))
        self.begin()
        self._tasks.append(asyncio.create_task(self._sync_for_ever()))

    async def close(self) -> None:
        """Stop receiving and close the connection; the session stays valid."""
        await super().close()
        await self.client.close()

    async def _sync(self, milliseconds: int, *, full: bool = False) -> None:
        from nio import SyncResponse

        answer = await _reach(self.client.sync(milliseconds, full_state=full))
        if not isinstance(answer, SyncResponse):
            raise HomeserverUnreachable("The homeserver does not answer a sync.")
        if self.client.should_upload_keys:
            await _reach(self.client.keys_upload())
        if self.client.should_query_keys:
            await _reach(self.client.keys_query())
        await _reach(self.client.send_to_device_messages())
        async with self._synced:
            self._synced.notify_all()

    async def _sync_for_ever(self) -> None:
        wait = 0.0
        while True:
            try:
                await self._sync(SYNC_MILLISECONDS)
                wait = 0.0
            except HomeserverUnreachable:
                wait = min(30.0, wait * 2 or 0.25)
                await asyncio.sleep(wait)

    async def _on_event(self, room: Any, event: Any) -> None:
        if event.sender != self.account and event.decrypted:
            await self._take(room.room_id, event.sender, event.event_id, event.source["content"])

    async def make_room(self, *members: str) -> str:
        """Make an encrypted room and invite the members."""
        answer = await _reach(self.client.room_create(invite=list(members), initial_state=[ENCRYPTION]))
        room = str(getattr(answer, "room_id", ""))
        if not room:
            raise NoSuchRoom("The homeserver made no room.")
        await self._known(room)
        return room

    async def join(self, room: str) -> None:
        """Accept an invitation."""
        answer = await _reach(self.client.join(room))
        if not getattr(answer, "room_id", ""):
            raise NoSuchRoom("The homeserver does not let this account into the room.")
        await self._known(room)

    async def _known(self, room: str, within: float = 20.0) -> None:
        """Wait until a sync has told of the room and its encryption."""
        async with self._synced, asyncio.timeout(within):
            await self._synced.wait_for(
                lambda: room in self.client.rooms and self.client.rooms[room].encrypted
            )

    async def send_text(self, room: str, text: str) -> Sent:
        """Send an encrypted text."""
        return Sent(await self._send_event(room, {"msgtype": "m.text", "body": text}))

    async def _send_event(self, room: str, content: dict[str, Any]) -> str:
        if room not in self.client.rooms or not self.client.rooms[room].encrypted:
            raise NoSuchRoom("This device is not in that room, or the room is not encrypted.")
        sending = self.client.room_send(room, "m.room.message", content, ignore_unverified_devices=True)
        answer = await _reach(sending)
        event = getattr(answer, "event_id", "")
        if not event:
            raise HomeserverUnreachable("The homeserver did not take the message.")
        return str(event)

    async def _request(self, method: str, route: str, body: bytes | None = None) -> tuple[int, bytes]:
        """One request with the access token; a temporary answer counts as unreachable."""
        kind = "application/octet-stream" if route.startswith("/_matrix") else "application/json"
        headers = {"Authorization": f"Bearer {self.client.access_token}", "Content-Type": kind}
        response = await _reach(self.client.send(method, route, body, headers, timeout=60))
        data = await _reach(_bounded(response))
        if response.status in TEMPORARY:
            raise HomeserverUnreachable("The homeserver cannot answer at the moment.")
        return response.status, data

    async def _tutela(self, method: str, name: str, body: dict[str, Any] | None = None) -> dict[str, Any]:
        sent = json.dumps(body).encode() if body is not None else None
        status, data = await self._request(method, TUTELA + name, sent)
        try:
            answer = json.loads(data)
        except ValueError:
            answer = {}
        answer = answer if isinstance(answer, dict) else {}
        if status != 200:
            why = answer.get("tutela")
            code = str(why.get("code", "upload.unknown")) if isinstance(why, dict) else "upload.unknown"
            raise SendRefused(self.guard.explain_refusal(code))
        return answer

    async def _enrol(self, enrolment: bytes) -> None:
        await self._tutela("POST", "enrol", {"enrolment": base64.b64encode(enrolment).decode()})

    async def _announce(self, ct_sha256: str, voucher: bytes) -> str:
        body = {"ct_sha256": ct_sha256, "voucher": base64.b64encode(voucher).decode()}
        return str((await self._tutela("POST", "voucher", body)).get("state", ""))

    async def _upload(self, ciphertext: bytes, ct_sha256: str) -> str:
        status, data = await self._request("POST", "/_matrix/media/v3/upload", ciphertext)
        if status != 200:
            raise SendRefused(self.guard.explain_refusal(await self._why(ct_sha256)))
        url = str(json.loads(data)["content_uri"])
        self.client.protected.add(url)
        return url

    async def _why(self, ct_sha256: str) -> str:
        """Ask why an upload was refused: Synapse's own answer does not say."""
        receipts = await self._receipts()
        refusals = receipts.get("refusals")
        for refusal in refusals if isinstance(refusals, list) else ():
            if isinstance(refusal, dict) and refusal.get("ct_sha256") == ct_sha256:
                return str(refusal.get("code"))
        return "upload.unknown"

    async def _download(self, url: str) -> bytes:
        server, _, media = url.removeprefix("mxc://").partition("/")
        if (
            not url.startswith("mxc://")
            or not server
            or not media.replace("-", "").replace("_", "").isalnum()
        ):
            raise DamagedAttachment("A received file has no usable address.")
        status, data = await self._request("GET", f"/_matrix/client/v1/media/download/{server}/{media}")
        if status != 200:
            raise DamagedAttachment("A received file cannot be had.")
        return data

    async def _receipts(self) -> dict[str, Any]:
        return await self._tutela("GET", "receipts")
