"""The table that devices load: a group-valued binary fuse table (design, section 3).

For the distinct, sorted tokens x of a list, `P_x = a*H(x)`. The array D has three slots for each x with
`D[s1] + D[s2] + D[s3] = P_x`; the slots that no token needs are `a*H("free", slot)`, which nobody can
tell from the others (Graf and Lemire, "Binary Fuse Filters", 2022, over a group instead of bits;
Garimella and others, "Oblivious key-value stores", CRYPTO 2021).

File: 16 bytes preamble (`tutelaT1`, number of slots as u64), then 32 bytes for each slot. The root is the
RFC 9162 tree hash (SHA-256) over chunks of 2,048 slots, so that a device can verify a download in a stream.

Not protected here: that the table holds the endorsed list and nothing else is the audit's to show, and
whoever learns the key `a` can enumerate the tokens. One key serves one table only: two tables under one
key reveal their common tokens to everyone.
"""

from __future__ import annotations

import hashlib
import mmap
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Self

from tutela.oprf import group
from tutela.voucher import hashing
from tutela.voucher.errors import TableError

MAGIC: Final = b"tutelaT1"
PREAMBLE: Final = 16
SLOT_BYTES: Final = 32
CHUNK: Final = 2048 * SLOT_BYTES
MAX_SLOTS: Final = 1 << 31
MAX_TRIES: Final = 600

Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class TableHeader:
    """What the manifest says of a table.

    Attributes:
        table_id: 32 bytes; part of every hash to the group, so a token of another table is another point.
        public_key: A = a*G.
        tokens: number of tokens, rounded up with dummies.
        segments: number of start segments; a token's three slots lie in three neighbouring segments.
        segment_length: slots in a segment, a power of two.
        seed: 32 bytes that choose the slots: a hash of the list commitment, and of a retry counter.
        root: 32 bytes, the tree hash of the file's slots.
    """

    table_id: bytes
    public_key: bytes
    tokens: int
    segments: int
    segment_length: int
    seed: bytes
    root: bytes

    def __post_init__(self) -> None:
        """Refuse a header that cannot describe a table."""
        sizes = (self.table_id, self.public_key, self.seed, self.root)
        sound = (
            all(len(value) == 32 for value in sizes)
            and self.segments >= 1
            and 1 <= self.segment_length <= 1 << 20
            and self.segment_length & (self.segment_length - 1) == 0
            and 1 <= self.tokens <= self.slots <= MAX_SLOTS
        )
        if not sound:
            raise TableError("The table's header does not describe a table.")

    @property
    def slots(self) -> int:
        """Number of slots in the file."""
        return (self.segments + 2) * self.segment_length

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that the manifest signs."""
        return {
            "table_id": self.table_id.hex(),
            "public_key": self.public_key.hex(),
            "tokens": self.tokens,
            "segments": self.segments,
            "segment_length": self.segment_length,
            "seed": self.seed.hex(),
            "root": self.root.hex(),
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read the JSON form; raises `TableError` on any defect."""
        try:
            names = ("table_id", "public_key", "seed", "root")
            table_id, public_key, seed, root = (bytes.fromhex(data[name]) for name in names)
            tokens, segments, length = (data[name] for name in ("tokens", "segments", "segment_length"))
        except (KeyError, TypeError, ValueError) as error:
            raise TableError("The table's header lacks a field, or one has another form.") from error
        if any(type(value) is not int for value in (tokens, segments, length)):
            raise TableError("A number in the table's header is not an integer.")
        return cls(table_id, public_key, tokens, segments, length, seed, root)


def token_point(table_id: bytes, token: bytes) -> bytes:
    """Return H(x): the 6 bytes of a token, hashed to the group under this table's id."""
    return group.hash_to_group(hashing.digest(hashing.POINT, token, size=64, key=table_id))


def free_point(table_id: bytes, slot: int) -> bytes:
    """Return H("free", slot), whose multiple fills a slot that no token needs."""
    data = slot.to_bytes(8, "little")
    return group.hash_to_group(hashing.digest(hashing.FREE_SLOT, data, size=64, key=table_id))


def slots_of(token: bytes, *, seed: bytes, segments: int, segment_length: int) -> tuple[int, int, int]:
    """Return the three slots of a token: a start segment, and a place in it and in the next two."""
    word = hashing.digest(hashing.SLOTS, token, size=16, key=seed)
    start = (int.from_bytes(word[:8], "little") * segments >> 64) * segment_length
    places = int.from_bytes(word[8:], "little")
    mask = segment_length - 1
    return (
        start + (places & mask),
        start + segment_length + (places >> 20 & mask),
        start + 2 * segment_length + (places >> 40 & mask),
    )


def slot_seeds(seed: bytes) -> Iterator[bytes]:
    """Yield the slot seeds that a builder tries in turn: all that may stand in a header of this list."""
    for counter in range(MAX_TRIES):
        yield hashing.digest(hashing.SLOT_SEED, seed + counter.to_bytes(4, "little"))


def tree_root(chunks: Iterable[bytes]) -> bytes:
    """Return the RFC 9162 tree hash (SHA-256) of `chunks`, keeping one hash for each level."""
    stack: list[tuple[int, bytes]] = []
    for chunk in chunks:
        size, node = 1, hashlib.sha256(b"\0" + chunk).digest()
        while stack and stack[-1][0] == size:
            node = hashlib.sha256(b"\1" + stack.pop()[1] + node).digest()
            size *= 2
        stack.append((size, node))
    if not stack:
        return hashlib.sha256(b"").digest()
    node = stack.pop()[1]
    while stack:
        node = hashlib.sha256(b"\1" + stack.pop()[1] + node).digest()
    return node


class Table:
    """A table file, memory-mapped; decoding touches three slots of it.

    Raises (from `open` and `check`): TableError. An error in any group call ends the use of the table,
    never the work on one token: a failure for one token only would be a match without a key.
    """

    def __init__(self, header: TableHeader, data: mmap.mmap | bytes) -> None:
        self.header = header
        self._data = data

    @classmethod
    def open(cls, path: Path, header: TableHeader) -> Self:
        """Map a table file of the size that its header names."""
        expected = PREAMBLE + header.slots * SLOT_BYTES
        try:
            with path.open("rb") as file:
                if path.stat().st_size != expected:
                    raise TableError(
                        "The table file has another size than its manifest says.",
                        hint="Download the table again.",
                    )
                data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError as error:
            raise TableError("The table file cannot be read.", hint="Download the table again.") from error
        if data[:PREAMBLE] != preamble(header.slots):
            raise TableError("The table file does not begin as a table of this version.")
        return cls(header, data)

    def slot(self, index: int) -> bytes:
        """Return the 32 bytes of one slot."""
        start = PREAMBLE + index * SLOT_BYTES
        return self._data[start : start + SLOT_BYTES]

    def check(self, progress: Progress | None = None) -> None:
        """Verify the whole table against its header, once, before it is used.

        The file must hash to the root, A and every slot must be canonical, valid and not the identity
        (about 5 microseconds a slot).
        """
        self.check_root()
        try:
            group.check_point(self.header.public_key)
            for index in range(self.header.slots):
                group.check_point(self.slot(index))
                if progress and index % 4096 == 0:
                    progress(index, self.header.slots)
        except group.InvalidPoint as error:
            raise TableError("The table, or its key, holds something that is not a group element.") from error

    def check_root(self) -> None:
        """Verify that the file hashes to the root of its header."""
        if tree_root(self._chunks()) != self.header.root:
            raise TableError("The table does not match its root.", hint="Download the table again.")

    def decode(self, token: bytes) -> bytes:
        """Return D[s1] + D[s2] + D[s3] for a token's 6 bytes; it may be the identity."""
        header = self.header
        first, second, third = slots_of(
            token, seed=header.seed, segments=header.segments, segment_length=header.segment_length
        )
        try:
            return group.add(group.add(self.slot(first), self.slot(second)), self.slot(third))
        except group.InvalidPoint as error:
            raise TableError("A slot of the table is not a group element.") from error

    def _chunks(self) -> Iterable[bytes]:
        for start in range(PREAMBLE, PREAMBLE + self.header.slots * SLOT_BYTES, CHUNK):
            yield self._data[start : start + CHUNK]


def preamble(slots: int) -> bytes:
    """Return the first 16 bytes of a table file."""
    return MAGIC + slots.to_bytes(8, "little")
