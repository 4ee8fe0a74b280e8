"""What every messenger offers to an app, whatever its transport."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from tutela.guard.core import Guard
from tutela.guard.notices import Notice


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of a message: its event's name, or that it is held here until the homeserver takes it."""

    event: str | None
    held: bool = False
    notices: tuple[Notice, ...] = ()


@dataclass(frozen=True, slots=True)
class TextReceived:
    """A decrypted text message."""

    room: str
    sender: str
    event: str
    text: str


@dataclass(frozen=True, slots=True)
class FileReceived:
    """A decrypted file, or None if it could not be had, and notices to show before it is."""

    room: str
    sender: str
    event: str
    name: str
    content_type: str
    data: bytes | None
    notices: tuple[Notice, ...] = ()

    @property
    def is_picture(self) -> bool:
        """Whether it says that it is a picture."""
        return self.content_type.startswith("image/")


@dataclass(frozen=True, slots=True)
class Told:
    """Something for the user that belongs to no message."""

    notices: tuple[Notice, ...]


Received = TextReceived | FileReceived | Told


class Messenger(Protocol):
    """One signed-in device."""

    guard: Guard
    contacts: set[str]

    @property
    def account(self) -> str:
        """Full account name."""

    async def make_room(self, *members: str) -> str:
        """Make an encrypted room, invite the members, return its name."""

    async def join(self, room: str) -> None:
        """Accept an invitation."""

    async def send_text(self, room: str, text: str) -> Sent:
        """Send an encrypted text."""

    async def send_file(self, room: str, name: str, data: bytes, content_type: str) -> Sent:
        """Send an encrypted file with its sealed set; raises `SendRefused`."""

    async def receive(self, within: float = 10.0) -> Received:
        """Return the next thing that arrives within so many seconds; raises TimeoutError."""

    async def flush(self) -> int:
        """Try what is held; return how many files were sent."""

    async def refresh(self) -> None:
        """Ask the homeserver what became of the sealed sets."""

    async def close(self) -> None:
        """Sign off; the session stays valid."""
