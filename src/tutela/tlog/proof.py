"""Offline proofs (C2SP tlog-proof): that a record is in a log, and that witnesses saw it there.

    c2sp.org/tlog-proof@v1
    [extra <base64>]
    index <decimal>
    <base64 hash>...

    <checkpoint with its signatures>

What this does NOT protect: `extra` is not authenticated; nothing holds before `verification.verify_offline`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from tutela.tlog.checkpoint import SignedCheckpoint
from tutela.tlog.errors import Malformed, Truncated
from tutela.tlog.note import MAX_NOTE_BYTES, decimal, decoded, decoded_hash, encoded, plain_text
from tutela.tlog.tree import MAX_LEVELS

HEADER: Final = "c2sp.org/tlog-proof@v1"
#: the usual ending of a proof's file name
SUFFIX: Final = ".tlog-proof"
MAX_EXTRA_BYTES: Final = 16 * 1024
MAX_BYTES: Final = MAX_NOTE_BYTES + 2 * MAX_EXTRA_BYTES


@dataclass(frozen=True, slots=True)
class Proof:
    """A leaf's place, the hashes from it to the root, and the checkpoint of that root."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: SignedCheckpoint
    extra: bytes = b""

    @classmethod
    def parse(cls, data: bytes) -> Proof:
        """Read a proof.

        Raises:
            Truncated: it ends too early.
            Malformed: it is not a proof.
        """
        text = plain_text(data, MAX_BYTES)
        head, gap, signed = text.partition("\n\n")
        lines = head.split("\n")
        if lines[0] != HEADER:
            raise Malformed("This is not a proof of a transparency log.")
        if not gap:
            raise Truncated("The proof ends before its checkpoint.", hint="Fetch it again.")
        extra = b""
        if len(lines) > 1 and lines[1].startswith("extra "):
            extra = decoded(lines.pop(1)[6:])
        if len(lines) < 2 or not lines[1].startswith("index "):
            raise Malformed("The proof names no index.")
        if len(lines) > 2 + MAX_LEVELS or len(extra) > MAX_EXTRA_BYTES:
            raise Malformed("The proof is longer than any tree needs.")
        hashes = tuple(decoded_hash(line) for line in lines[2:])
        return cls(decimal(lines[1][6:]), hashes, SignedCheckpoint.parse(signed.encode()), extra)

    def to_bytes(self) -> bytes:
        """Return the proof as a file."""
        lines = [HEADER, *([f"extra {encoded(self.extra)}"] if self.extra else ()), f"index {self.index}"]
        lines += [encoded(step) for step in self.hashes]
        return ("\n".join(lines) + "\n\n").encode() + self.checkpoint.to_bytes()
