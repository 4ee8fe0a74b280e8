"""Uploads that wait because the homeserver takes none: sealed, bounded, and given up after the deadline.

The messenger's payload (ciphertext, its key, the room) is sealed under the device's own folder key with
ChaCha20-Poly1305 (RFC 8439); the database shows number, size and age. A file never leaves without its set:
what waits too long is removed, and the user is told.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

from tutela.guard.errors import OutboxFull
from tutela.guard.notices import Notice, notice
from tutela.guard.store import Store

MAX_HELD: Final = 64
MAX_BYTES: Final = 256 * 1024 * 1024
FIRST_WAIT: Final = 2_000  # milliseconds; doubles
LONGEST_WAIT: Final = 600_000
_CONTEXT: Final = b"tutela guard outbox 1"


@dataclass(frozen=True, slots=True)
class Held:
    """One upload that is due for another attempt."""

    number: int
    attempts: int
    payload: bytes


class Outbox:
    """The queue; times are UTC milliseconds."""

    def __init__(self, store: Store, key: bytes, random: Callable[[int], bytes], deadline: int) -> None:
        self._store, self._random, self._deadline = store, random, deadline
        self._cipher = ChaCha20Poly1305(key)

    def hold(self, payload: bytes, now: int) -> int:
        """Keep an upload.

        Raises:
            OutboxFull: 64 uploads or 256 MiB wait already.
        """
        count, size, _ = self._store.outbox_size()
        if count >= MAX_HELD or size + len(payload) > MAX_BYTES:
            raise OutboxFull(
                "Too many files wait to be sent.", hint="Send this one when the others are gone."
            )
        nonce = self._random(12)
        return self._store.hold(now, nonce + self._cipher.encrypt(nonce, payload, _CONTEXT))

    def due(self, now: int) -> tuple[tuple[Held, ...], tuple[Notice, ...]]:
        """Return what should be tried now, and a notice for each upload that was given up."""
        ready, notices = [], []
        for number, since, attempts, sealed in self._store.held(now):
            payload = self._open(sealed) if now - since <= self._deadline else None
            if payload is None:
                self._store.release(number)
                notices.append(notice("upload.given_up"))
            else:
                ready.append(Held(number, attempts, payload))
        return tuple(ready), tuple(notices)

    def failed(self, held: Held, now: int) -> None:
        """Try again later: after 2, 4, 8 ... seconds, at most 10 minutes."""
        self._store.postpone(held.number, now + min(LONGEST_WAIT, FIRST_WAIT << min(held.attempts, 16)))

    def done(self, held: Held) -> None:
        """Forget an upload that was sent, or finally refused."""
        self._store.release(held.number)

    def _open(self, sealed: bytes) -> bytes | None:
        try:
            return self._cipher.decrypt(sealed[:12], sealed[12:], _CONTEXT)
        except (InvalidTag, ValueError):
            return None  # sealed under keys that are gone
