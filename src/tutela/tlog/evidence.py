"""Evidence of equivocation: two checkpoints of one size and two roots, each signed by the log.

A file of evidence is the two signed checkpoints one after the other, parted by a line of its own. Anyone who
knows the log's public key can check it, offline.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from tutela.tlog import checkpoint
from tutela.tlog.checkpoint import SignedCheckpoint
from tutela.tlog.errors import Malformed, NoEquivocation
from tutela.tlog.note import MAX_NOTE_BYTES, VerifierKey

HEADER: Final = b"tutela.tlog-evidence@v1\n"
_PART: Final = b"\n=====\n\n"


@dataclass(frozen=True, slots=True)
class Evidence:
    """Two signed checkpoints that cannot both be of one honest log."""

    first: SignedCheckpoint
    second: SignedCheckpoint

    @classmethod
    def parse(cls, data: bytes) -> Evidence:
        """Read a file of evidence; nothing is verified yet.

        Raises:
            Malformed: it is not one.
        """
        if not data.startswith(HEADER) or len(data) > 2 * MAX_NOTE_BYTES + 64:
            raise Malformed("This is not a file of evidence.")
        first, gap, second = data[len(HEADER) :].partition(_PART)
        if not gap:
            raise Malformed("The evidence has one checkpoint only.")
        return cls(SignedCheckpoint.parse(first), SignedCheckpoint.parse(second))

    def to_bytes(self) -> bytes:
        """Return the evidence as a file."""
        return HEADER + self.first.to_bytes() + _PART + self.second.to_bytes()

    def check(self, keys: Sequence[VerifierKey]) -> None:
        """Check that the log did equivocate.

        Raises:
            UnknownLog, BadLogSignature: one of the two is not signed by a log of these keys.
            NoEquivocation: both may be true.
        """
        for signed in (self.first, self.second):
            checkpoint.verify(signed, keys)
        one, two = self.first.checkpoint, self.second.checkpoint
        if one.origin != two.origin or one.size != two.size or one.root == two.root:
            raise NoEquivocation("The two checkpoints do not contradict each other.")
