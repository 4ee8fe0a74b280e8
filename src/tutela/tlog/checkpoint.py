"""Checkpoints (C2SP tlog-checkpoint): a signed note of a log's origin, its size and its root.

    <origin>
    <size>
    <base64 root>
    [extension lines]

What this does NOT protect: a log's own signature only says that the log said so. It may say something else to
someone else: see `cosignature`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tutela.tlog import note
from tutela.tlog.errors import BadLogSignature, Malformed, TrustError, UnknownLog, Unsupported
from tutela.tlog.note import Note, Signature, Signer, VerifierKey, decimal, decoded_hash, encoded
from tutela.tlog.tree import EMPTY_ROOT, HASH_BYTES

MAX_EXTENSIONS = 16


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a log says of itself: its origin, how many leaves it has, and their root."""

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if len(self.root) != HASH_BYTES or not 0 <= self.size < 1 << 63:
            raise Malformed("A checkpoint's root or size is out of range.")
        if self.size == 0 and self.root != EMPTY_ROOT:
            raise Malformed("The checkpoint of an empty log has another root than the empty tree.")
        lines = (self.origin, *self.extensions)
        if not all(lines) or any("\n" in line for line in lines) or len(self.extensions) > MAX_EXTENSIONS:
            raise Malformed("A checkpoint has an empty line, or too many.")

    @classmethod
    def parse(cls, text: str) -> Checkpoint:
        """Read a note's text.

        Raises:
            Malformed: it is not a checkpoint.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines[-1]:
            raise Malformed("A checkpoint has fewer than three lines.")
        return cls(lines[0], decimal(lines[1]), decoded_hash(lines[2]), tuple(lines[3:-1]))

    def text(self) -> str:
        """Return the text that is signed."""
        return "\n".join((self.origin, str(self.size), encoded(self.root), *self.extensions)) + "\n"


@dataclass(frozen=True, slots=True)
class SignedCheckpoint:
    """A checkpoint with signature lines, verified or not."""

    checkpoint: Checkpoint
    note: Note

    @classmethod
    def parse(cls, data: bytes) -> SignedCheckpoint:
        """Read a signed checkpoint.

        Raises:
            Malformed, Truncated: it is not one.
        """
        read = Note.parse(data)
        return cls(Checkpoint.parse(read.text), read)

    def to_bytes(self) -> bytes:
        """Return it as bytes, signatures in order."""
        return self.note.to_bytes()

    def signed(self, signatures: Iterable[Signature]) -> SignedCheckpoint:
        """Return it with more signatures."""
        return SignedCheckpoint(self.checkpoint, self.note.signed(tuple(signatures)))

    def only(self, keys: Sequence[VerifierKey]) -> SignedCheckpoint:
        """Return it with the signature lines of some keys only, one of each."""
        kept = tuple(found[-1] for key in keys if (found := self.note.by(key)))
        return SignedCheckpoint(self.checkpoint, Note(self.note.text, kept))


def sign(checkpoint: Checkpoint, signer: Signer) -> SignedCheckpoint:
    """Return the checkpoint signed by its log, whose key bears the origin as its name.

    Raises:
        UnknownLog: the key is another log's.
        Unsupported: the key signs cosignatures.
    """
    key = signer.key
    if key.name != checkpoint.origin:
        raise UnknownLog(f"The key of {key.name} does not sign for {checkpoint.origin}.")
    if key.type != note.ED25519:
        raise Unsupported("A log signs its checkpoints with a plain Ed25519 key.")
    text = checkpoint.text()
    return SignedCheckpoint(checkpoint, Note(text, (note.sign(text, signer),)))


def verify(signed: SignedCheckpoint, keys: Sequence[VerifierKey]) -> VerifierKey:
    """Check that one of a log's keys signed; return it. A bad signature of any of them refuses all.

    Raises:
        UnknownLog: no key is of the checkpoint's origin.
        BadLogSignature: none of its keys signed, or a signature does not verify.
    """
    origin = signed.checkpoint.origin
    own = [key for key in keys if key.name == origin]
    if not own:
        raise UnknownLog(
            f"The log {origin} is not one of those that are trusted here.",
            hint="If it should be, add its key to the policy, from a source that you trust.",
        )
    found: VerifierKey | None = None
    for key in own:
        for signature in signed.note.by(key):
            try:
                note.verify(signed.note.text, signature, key)
            except TrustError as error:
                raise _bad(origin) from error
            found = key
    if found is None:
        raise _bad(origin)
    return found


def _bad(origin: str) -> BadLogSignature:
    return BadLogSignature(
        f"The checkpoint does not bear a valid signature of the log {origin}.",
        hint="It was changed, or is by someone else: fetch it again from the log.",
    )
