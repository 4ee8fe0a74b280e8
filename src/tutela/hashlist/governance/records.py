"""One line of the history: a statement or a constitution, its place, and when it arrived."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tutela.hashlist.entries import format_time
from tutela.hashlist.governance.constitution import TYPE, Constitution
from tutela.hashlist.governance.signing import Verified
from tutela.hashlist.governance.statements import Endorsement, Statement

LEAF: Final = "tutela-governance"
LEAF_VERSION: Final = 1


@dataclass(frozen=True, slots=True)
class Amendment:
    """A constitution whose signatures and succession were checked, and its file."""

    constitution: Constitution
    data: bytes


@dataclass(frozen=True, slots=True)
class Record:
    """One record.

    Attributes:
        position: 0, 1, ...
        received: when the register took it in; never before the record before it.
        content: what it is.
    """

    position: int
    received: datetime
    content: Verified | Amendment

    @property
    def statement(self) -> Statement | None:
        """The statement, or None for a constitution."""
        return self.content.statement if isinstance(self.content, Verified) else None

    @property
    def data(self) -> bytes:
        """The signed file."""
        return self.content.data

    @property
    def digest(self) -> bytes:
        """By which other documents name it."""
        if isinstance(self.content, Amendment):
            return self.content.constitution.digest
        return self.content.statement.digest

    def leaf(self) -> dict[str, Any]:
        """Return the body of this record's leaf in the transparency log.

        `document` is the SHA-256 of the signed file, `digest` that of what is signed.
        """
        body = {
            "type": LEAF,
            "version": LEAF_VERSION,
            "position": self.position,
            "received": format_time(self.received),
            "digest": self.digest.hex(),
            "document": hashlib.sha256(self.data).hexdigest(),
        }
        if self.statement is None:
            return {**body, "kind": TYPE}
        body |= {"kind": self.statement.kind, "category": self.statement.category}
        body["organisation"] = self.statement.organisation
        if isinstance(self.statement, Endorsement):
            return {**body, "number": self.statement.number, "root": self.statement.root.hex()}
        return {**body, "commitment": self.statement.entry.hex()}
