"""matrix-nio's client with the guard at the points that nothing can go around.

Imported only by `matrix`, when somebody signs in: nio takes about a second to import. Pinned to 0.26, whose
methods `encrypt` and `upload` are overridden here: a media event is encrypted only if its file was just
uploaded with its set by `GuardedMessenger`, once; nio's own upload is closed.
"""

from __future__ import annotations

from typing import Any, Final

from nio import AsyncClient

from tutela.messenger.errors import NotProtected

MEDIA: Final = frozenset({"m.image", "m.file", "m.video", "m.audio"})


class GuardedClient(AsyncClient):  # type: ignore[misc] # nio is untyped
    """An AsyncClient that sends no file around the guard."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.protected: set[Any] = set()  # URLs of uploads that had their set and wait for their event

    def encrypt(self, room_id: str, message_type: str, content: dict[Any, Any]) -> tuple[str, dict[str, str]]:
        """Encrypt an event; raises `NotProtected` for a file that the guard has not seen."""
        file = content.get("file")
        media = message_type == "m.sticker" or content.get("msgtype") in MEDIA or "file" in content
        url = file.get("url") if isinstance(file, dict) else None
        thumbnail = "thumbnail_file" in (content.get("info") or {})
        if media and (url not in self.protected or thumbnail):
            raise NotProtected("A file must be sent with send_file, so that its sealed set goes with it.")
        self.protected.discard(url)  # sending the same upload again would be sending without a set
        encrypted: tuple[str, dict[str, str]] = super().encrypt(room_id, message_type, content)
        return encrypted

    async def upload(self, *_: Any, **__: Any) -> Any:
        """Closed: the messenger uploads ciphertext by itself, after its set."""
        raise NotProtected("Use send_file: it uploads with the sealed set.")
