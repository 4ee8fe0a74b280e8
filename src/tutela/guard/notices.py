"""What the guard says to the person in front of the device, in plain words.

Notices stay on the device. They blame nobody, name no suspicion, can be dismissed, and say where help is.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tutela.guard.help_lines import HelpLine, help_lines


@dataclass(frozen=True, slots=True)
class Notice:
    """One notice: a stable code, two short texts, and whom one can talk to."""

    code: str
    title: str
    text: str
    help: tuple[HelpLine, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Return the notice for `--json`."""
        return {
            "code": self.code,
            "title": self.title,
            "text": self.text,
            "help": [line.to_dict() for line in self.help],
        }


_TRUSTED: Final = "You can always say no, and you can talk to someone: a person you trust, or a helpline."

#: code -> (title, text)
TEXTS: Final = {
    "received.first_picture": (
        "First picture from someone new",
        "This person is not in your contacts. You can look, leave it, or block them. " + _TRUSTED,
    ),
    "mode.provider_alerts": (
        "Pictures that you send are compared with a list",
        (
            "This app compares pictures that you send with a signed list of known abuse pictures. Pictures "
            "that are not on it stay unreadable for all others. `tutela guard status` shows what was sent."
        ),
    ),
    "mode.user_side": (
        "Nothing about your pictures goes to the provider",
        (
            "The check against the list is not active on this device. Each file that you send still carries "
            "a packet of the same size, filled with noise that nobody can open."
        ),
    ),
    "voucher.missing": (
        "The file was not sent",
        "The server wants a sealed packet with each file and did not get one. Please update the app.",
    ),
    "voucher.used": (
        "The file was not sent",
        "The server saw the sealed packet before. Please send it again.",
    ),
    "voucher.expired": ("The file was not sent", "The upload took too long. Please send the file again."),
    "voucher.too_many": ("The file was not sent", "Too many uploads are open. Please wait some minutes."),
    "enrolment.too_many": ("The file was not sent", "The app signs on too often. Please wait some minutes."),
    "voucher.size": ("The file was not sent", "App and server do not agree. Please update the app."),
    "voucher.malformed": ("The file was not sent", "App and server do not agree. Please update the app."),
    "voucher.deadline": (
        "Files cannot be sent at the moment",
        (
            "The provider's safety service has not answered for a long time, so the server takes no files "
            "from this account until it does. Text messages go on as usual. Your account is in order."
        ),
    ),
    "voucher.refused_by_provider": (
        "Files cannot be sent from this device at the moment",
        (
            "The provider could not accept the last sealed packets of this device. Please update the app or "
            "sign in again. Text messages go on as usual."
        ),
    ),
    "voucher.no_account": (
        "The file was not sent",
        "The server did not recognise you. Please sign in again.",
    ),
    "upload.held": (
        "The file waits",
        "The server does not take files right now. The file is kept here, sealed, and sent when it does.",
    ),
    "upload.given_up": (
        "A file was not sent",
        "The server did not take the file for too long, so it was removed from the queue of this device.",
    ),
    "upload.unknown": (
        "The file was not sent",
        "The server refused the file and gave no reason that this app knows. Please try again later.",
    ),
}


def notice(code: str, country: str = "") -> Notice:
    """Return the notice of a code; an unknown code gets the general one, with the code kept.

    Args:
        code: a key of `TEXTS`, or whatever a server said.
        country: ISO 3166-1 alpha-2; "" leaves the help lines out.
    """
    title, text = TEXTS.get(code, TEXTS["upload.unknown"])
    return Notice(code, title, text, help_lines(country) if country else ())
