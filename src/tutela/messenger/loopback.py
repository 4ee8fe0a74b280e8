"""A messenger in one process: real Olm and Megolm (vodozemac), a server in memory that sees ciphertext only.

For quick tests of everything that does not need a homeserver. The server applies the homeserver module's rule
(a set of the right size for each upload, used once, by the account that announced it) and nothing else of it.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import vodozemac

from tutela.guard.core import Guard
from tutela.guard.pacing import BEAT
from tutela.messenger.adapter import Sent
from tutela.messenger.errors import HomeserverUnreachable, NoSuchRoom, SendRefused
from tutela.messenger.guarded import GuardedMessenger


@dataclass
class LoopbackServer:
    """The homeserver.

    Attributes:
        voucher_bytes: size of every set.
        relay: called with (account, set) at each upload, as the provider's intake would be.
        down: while true, nobody reaches it.
        refuse: a code with which all sets are refused, "" for none.
        stored: everything it was ever given, for tests that look for plaintext.
    """

    voucher_bytes: int
    relay: Callable[[str, bytes], None] = lambda _account, _set: None
    down: bool = False
    refuse: str = ""
    stored: bytearray = field(default_factory=bytearray)
    devices: dict[str, LoopbackMessenger] = field(default_factory=dict)
    rooms: dict[str, set[str]] = field(default_factory=dict)
    enrolments: dict[str, bytes] = field(default_factory=dict)
    media: dict[str, bytes] = field(default_factory=dict)
    sets: dict[tuple[str, str], tuple[str, bytes]] = field(default_factory=dict)

    def reach(self, *given: bytes) -> None:
        """Take a request, or be unreachable."""
        if self.down:
            raise HomeserverUnreachable("The server does not answer.")
        for part in given:
            self.stored += part

    def announce(self, account: str, ct_sha256: str, voucher: bytes) -> str:
        """Keep a set; return its state; other bytes for the same ciphertext count as used."""
        known = self.sets.setdefault((account, ct_sha256), ("waiting", voucher))
        return known[0] if known[1] == voucher else "used"

    def upload(self, account: str, ciphertext: bytes) -> str:
        """Store a ciphertext that a waiting set accompanies; return its URL or ""."""
        key = (account, hashlib.sha256(ciphertext).hexdigest())
        state, voucher = self.sets.get(key, ("", b""))
        if state != "waiting":
            return ""
        self.sets[key] = ("queued", voucher)
        url = f"loopback://{secrets.token_hex(8)}"
        self.media[url] = ciphertext
        self.relay(account, voucher)
        return url


class LoopbackMessenger(GuardedMessenger):
    """One device on a `LoopbackServer`."""

    def __init__(self, server: LoopbackServer, guard: Guard, *, beat: float = BEAT) -> None:
        super().__init__(guard, beat=beat)
        self._server, self._olm = server, vodozemac.Account()
        self._outbound: dict[str, tuple[vodozemac.GroupSession, frozenset[str]]] = {}
        self._inbound: dict[tuple[str, str], vodozemac.InboundGroupSession] = {}
        server.devices[guard.account] = self
        self.begin()

    async def make_room(self, *members: str) -> str:
        """Make a room of this account and the members."""
        room = f"!{secrets.token_hex(8)}:loopback"
        self._server.rooms[room] = {self.account, *members}
        return room

    async def join(self, room: str) -> None:
        """Join; a later message is encrypted to this device too."""
        self._room(room).add(self.account)

    async def send_text(self, room: str, text: str) -> Sent:
        """Send an encrypted text."""
        return Sent(await self._send_event(room, {"msgtype": "m.text", "body": text}))

    def _room(self, room: str) -> set[str]:
        if room not in self._server.rooms:
            raise NoSuchRoom("There is no such room.")
        return self._server.rooms[room]

    async def _send_event(self, room: str, content: dict[str, Any]) -> str:
        members = frozenset(self._room(room))
        session, shared = self._outbound.get(room, (None, frozenset()))
        if session is None or shared != members:
            session = vodozemac.GroupSession()
            for member in members - {self.account}:
                self._share(room, session, self._server.devices[member])
            self._outbound[room] = (session, members)
        plain = json.dumps({"room": room, "content": content}).encode()
        sealed = session.encrypt(plain).to_base64().encode()
        self._server.reach(sealed)
        event = f"${secrets.token_hex(8)}"
        for member in members - {self.account}:
            await self._server.devices[member].deliver(room, self.account, event, session.session_id, sealed)
        return event

    def _share(self, room: str, session: vodozemac.GroupSession, other: LoopbackMessenger) -> None:
        """Give another device the room key through an Olm session, as a to-device message would."""
        olm = self._olm.create_outbound_session(other._olm.curve25519_key, other.one_time_key())
        key = json.dumps({"room": room, "key": session.session_key.to_base64()}).encode()
        kind, message = olm.encrypt(key).to_parts()
        self._server.reach(message)
        other.take_key(self.account, self._olm.curve25519_key, kind, message)

    def one_time_key(self) -> vodozemac.Curve25519PublicKey:
        """Return a fresh one-time key."""
        self._olm.generate_one_time_keys(1)
        key = next(iter(self._olm.one_time_keys.values()))
        self._olm.mark_keys_as_published()
        return key

    def take_key(
        self, sender: str, identity: vodozemac.Curve25519PublicKey, kind: int, message: bytes
    ) -> None:
        """Take a room key from another device."""
        sealed = vodozemac.AnyOlmMessage.from_parts(kind, message).to_pre_key()
        assert sealed is not None  # a first message is a pre-key message
        _, plain = self._olm.create_inbound_session(identity, sealed)
        found = json.loads(plain)
        session = vodozemac.InboundGroupSession(vodozemac.SessionKey(found["key"]))
        self._inbound[sender, session.session_id] = session

    async def deliver(self, room: str, sender: str, event: str, session: str, sealed: bytes) -> None:
        """Decrypt one event of another device."""
        message = vodozemac.MegolmMessage.from_base64(sealed.decode())
        found = json.loads(self._inbound[sender, session].decrypt(message).plaintext)
        if found["room"] == room:
            await self._take(room, sender, event, found["content"])

    async def _enrol(self, enrolment: bytes) -> None:
        self._server.reach(enrolment)
        self._server.enrolments[self.account] = enrolment

    async def _announce(self, ct_sha256: str, voucher: bytes) -> str:
        self._server.reach(ct_sha256.encode(), voucher)
        code = self._server.refuse or ("" if len(voucher) == self._server.voucher_bytes else "voucher.size")
        if code:
            raise SendRefused(self.guard.explain_refusal(code))
        return self._server.announce(self.account, ct_sha256, voucher)

    async def _upload(self, ciphertext: bytes, ct_sha256: str) -> str:
        del ct_sha256
        self._server.reach(ciphertext)
        url = self._server.upload(self.account, ciphertext)
        if not url:
            raise SendRefused(self.guard.explain_refusal("voucher.missing"))
        return url

    async def _download(self, url: str) -> bytes:
        self._server.reach()
        return self._server.media.get(url, b"")

    async def _receipts(self) -> dict[str, Any]:
        self._server.reach()
        mine = [(key[1], state) for key, (state, _) in self._server.sets.items() if key[0] == self.account]
        items = [{"kind": "voucher", "ct_sha256": ct, "state": state} for ct, state in mine]
        return {"uploads": "open", "items": items}
