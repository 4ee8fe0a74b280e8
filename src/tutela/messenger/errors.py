"""What can go wrong between a client and its homeserver."""

from __future__ import annotations

from tutela.errors import InputError, RemoteError, UsageError
from tutela.guard.notices import Notice


class HomeserverUnreachable(RemoteError):
    """The homeserver does not answer, or only that it cannot now: the upload waits."""

    code = "messenger.unreachable"


class SendRefused(RemoteError):
    """The homeserver refused for a reason: `notice` for the user, `notice.code` for programs."""

    code = "messenger.refused"

    def __init__(self, notice: Notice) -> None:
        super().__init__(f"{notice.title}.", hint=notice.text)
        self.notice = notice


class LoginRefused(RemoteError):
    """The homeserver does not accept the name and password, or the stored session."""

    code = "messenger.login"


class NotProtected(UsageError):
    """Something tried to send a file around the guard."""

    code = "messenger.not_protected"


class DamagedAttachment(InputError):
    """A received file, or its description, is not what it says."""

    code = "messenger.attachment"


class NoSuchRoom(UsageError):
    """The client is not in this room, or the room is not encrypted."""

    code = "messenger.room"
