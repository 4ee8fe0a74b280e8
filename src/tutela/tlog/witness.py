"""A witness (C2SP tlog-witness): it cosigns a log's newest tree only if that continues all it saw before.

    POST add-checkpoint              200 signature lines | 400 | 403 | 404 | 409 size | 422
      old <size>
      <base64 consistency hash>...

      <checkpoint>

The core is without I/O: `Witness.handle(body)` takes the clock, the signer and the state by injection. The
state's `advance` runs the decision and stores what it returns in one transaction, so the answer leaves only
after the tree is stored, and a slower request cannot roll a faster one back.

What this does NOT protect: a witness says nothing of what the leaves hold, and one witness alone can lie.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from tutela.errors import TutelaError
from tutela.tlog import checkpoint as checkpoints
from tutela.tlog import cosignature, tree
from tutela.tlog.checkpoint import SignedCheckpoint
from tutela.tlog.errors import BadLogSignature, Fork, Malformed, UnknownLog
from tutela.tlog.note import (
    MAX_NOTE_BYTES,
    Signature,
    Signer,
    VerifierKey,
    decimal,
    decoded_hash,
    encoded,
    plain_text,
)

MAX_BODY_BYTES: Final = MAX_NOTE_BYTES + 4096
MAX_PROOF_LINES: Final = 63
TEXT: Final = "text/plain; charset=utf-8"
SIZE: Final = "text/x.tlog.size"


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A request: the size that the sender believes we know, a proof from it, and the checkpoint."""

    old: int
    proof: tuple[bytes, ...]
    signed: SignedCheckpoint

    @classmethod
    def parse(cls, body: bytes) -> AddCheckpoint:
        """Read a request's body.

        Raises:
            Malformed, Truncated: it is not one.
        """
        head, gap, signed = plain_text(body, MAX_BODY_BYTES).partition("\n\n")
        lines = head.split("\n")
        if not gap or not lines[0].startswith("old ") or len(lines) > 1 + MAX_PROOF_LINES:
            raise Malformed("The request is not an old size, a proof and a checkpoint.")
        proof = tuple(decoded_hash(line) for line in lines[1:])
        return cls(decimal(lines[0][4:]), proof, SignedCheckpoint.parse(signed.encode()))

    def to_bytes(self) -> bytes:
        """Return the request's body."""
        lines = [f"old {self.old}", *(encoded(step) for step in self.proof)]
        return ("\n".join(lines) + "\n\n").encode() + self.signed.to_bytes()


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer."""

    status: int
    body: bytes
    content_type: str = TEXT


@dataclass(frozen=True, slots=True)
class Seen:
    """What a witness stores of a log: the newest tree that it cosigned, as the log signed it."""

    size: int = 0
    root: bytes = tree.EMPTY_ROOT
    signed: bytes = b""


class Refused(Exception):
    """The decision's refusal. `conflicting`: the log signed this, and it does not fit what was seen."""

    def __init__(self, answer: Answer, conflicting: bytes = b"") -> None:
        super().__init__(answer.status)
        self.answer = answer
        self.conflicting = conflicting


class State(Protocol):
    """Where a witness keeps what it saw."""

    def advance(self, origin: str, decide: Callable[[Seen], Seen]) -> None:
        """Read what was seen of a log, decide, and store the outcome durably, all in one transaction.

        Raises whatever `decide` raises, and then stores nothing.
        """
        ...

    def keep_conflict(self, origin: str, signed: bytes) -> None:
        """Keep a checkpoint that the log signed and that does not fit: it may prove its misbehaviour."""
        ...


@dataclass(frozen=True, slots=True)
class Witness:
    """A witness of some logs.

    Args:
        signer: with a key of a cosignature type.
        logs: the keys of each log, by its origin.
        state: what was seen.
        clock: returns POSIX seconds.
    """

    signer: Signer
    logs: Mapping[str, Sequence[VerifierKey]]
    state: State
    clock: Callable[[], int]

    def handle(self, body: bytes) -> Answer:
        """Answer an `add-checkpoint` request; whatever was sent, the answer is an HTTP answer."""
        try:
            request = AddCheckpoint.parse(body)
            origin = request.signed.checkpoint.origin
            checkpoints.verify(request.signed, self.logs.get(origin, ()))
        except UnknownLog as error:
            return _said(404, error)
        except BadLogSignature as error:
            return _said(403, error)
        except Malformed as error:
            return _said(400, error)
        if request.old > request.signed.checkpoint.size:
            return Answer(400, b"The old size is above the checkpoint's.\n")
        return self._advance(origin, request)

    def _advance(self, origin: str, request: AddCheckpoint) -> Answer:
        lines: list[Signature] = []

        def decide(seen: Seen) -> Seen:
            # The log's own lines only: what else stood under the checkpoint is not ours to keep.
            own = request.signed.only(tuple(self.logs[origin]))
            after = step(seen, request, own)
            lines.append(cosignature.cosign(request.signed.note.text, self.signer, self.clock()))
            return after

        try:
            self.state.advance(origin, decide)
        except Refused as refusal:
            if refusal.conflicting:
                self.state.keep_conflict(origin, refusal.conflicting)
            return refusal.answer
        return Answer(200, "".join(line.line() for line in lines).encode())


def step(seen: Seen, request: AddCheckpoint, own: SignedCheckpoint) -> Seen:
    """Decide about a request whose signature was checked; return what is seen after it.

    Raises:
        Refused: with the answer.
    """
    new = request.signed.checkpoint
    if request.old != seen.size:
        raise Refused(Answer(409, f"{seen.size}\n".encode(), SIZE))
    try:
        if request.old == 0 and request.proof:
            raise Fork("A proof from nothing is empty.")  # noqa: TRY301
        if request.old:
            tree.verify_consistency(seen.size, seen.root, new.size, new.root, request.proof)
    except Fork as error:
        raise Refused(_said(422, error), own.to_bytes()) from error
    return Seen(new.size, new.root, own.to_bytes())


def _said(status: int, error: TutelaError) -> Answer:
    return Answer(status, f"{error.message}\n".encode("utf-8", "replace"))
