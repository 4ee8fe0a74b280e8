"""A file on its way: encrypted, with its sealed set, ready to be carried now or later."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any, Self

from tutela.messenger.attachments import FileKey
from tutela.messenger.errors import DamagedAttachment

_FIELDS = ("room", "name", "content_type")
_BINARY = ("key", "iv", "sha256", "voucher")


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One file.

    Attributes:
        room: where to.
        name: file name, shown to the members only.
        content_type: as the app says.
        key: its own key and the hash of its ciphertext.
        voucher: the sealed set.
        ciphertext: what is uploaded.
    """

    room: str
    name: str
    content_type: str
    key: FileKey
    voucher: bytes
    ciphertext: bytes

    def content(self, url: str) -> dict[str, Any]:
        """Return the event's content, which is encrypted before it is sent."""
        kind = "m.image" if self.content_type.startswith("image/") else "m.file"
        return {
            "msgtype": kind,
            "body": self.name,
            "info": {"mimetype": self.content_type, "size": len(self.ciphertext)},
            "file": {**self.key.to_dict(url), "mimetype": self.content_type},
        }

    def to_bytes(self) -> bytes:
        """Return the form that the guard's outbox seals."""
        head: dict[str, Any] = {name: getattr(self, name) for name in _FIELDS}
        parts = (self.key.key, self.key.iv, self.key.sha256, self.voucher)
        head |= {name: base64.b64encode(part).decode() for name, part in zip(_BINARY, parts, strict=True)}
        return json.dumps(head).encode() + b"\n" + self.ciphertext

    @classmethod
    def from_bytes(cls, data: bytes) -> Self:
        """Read that form; raises `DamagedAttachment`."""
        head, found, ciphertext = data.partition(b"\n")
        try:
            fields = json.loads(head)
            room, name, content_type = (fields[name] for name in _FIELDS)
            key, iv, sha256, voucher = (base64.b64decode(fields[name], validate=True) for name in _BINARY)
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise DamagedAttachment("A held file cannot be read.") from error
        if not found or not all(isinstance(text, str) for text in (room, name, content_type)):
            raise DamagedAttachment("A held file cannot be read.")
        return cls(room, name, content_type, FileKey(key, iv, sha256), voucher, ciphertext)
