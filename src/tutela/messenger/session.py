"""The signed-in session of a Matrix device: names and access token in a private file."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tutela.messenger.errors import LoginRefused
from tutela.sealed.files import replacing

FIELDS: Final = frozenset({"user_id", "device_id", "access_token"})


@dataclass(frozen=True, slots=True)
class SessionFile:
    """`session.json` in the device's folder, mode 0600."""

    path: Path

    @classmethod
    def of(cls, folder: Path) -> SessionFile:
        """Return the file of a folder, which is made, private, when missing."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(folder / "session.json")

    def load(self) -> dict[str, str] | None:
        """Return the session, or None before the first sign-in; raises `LoginRefused` for a damaged file."""
        if not self.path.exists():
            return None
        try:
            saved = json.loads(self.path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise LoginRefused(
                "The stored session cannot be read.", hint="Sign in with a new folder."
            ) from error
        if not isinstance(saved, dict) or saved.keys() != FIELDS:
            raise LoginRefused("The stored session is damaged.", hint="Sign in with a new folder.")
        return {name: str(saved[name]) for name in FIELDS}

    def save(self, **fields: str) -> None:
        """Keep a session, whole or not at all."""
        with replacing(self.path) as file:
            file.write(json.dumps(fields).encode())
