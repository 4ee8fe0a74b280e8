"""The Merkle tree of RFC 9162, section 2.1: SHA-256, leaves marked 0x00, inner nodes 0x01.

Everything works over `Nodes`, a function `(level, index) -> hash` that gives the root of the complete subtree
over leaves `index << level` to `(index + 1) << level`. `Tree` answers it from memory, `tiles.TileNodes` from
files or a network. Verification raises and never returns a bool.

What this does NOT protect: a proof speaks of one root. Whether everyone sees the same root is the business
of cosignatures (`cosignature`, `policy`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final

from tutela.tlog.errors import Fork, Malformed, NotIncluded

HASH_BYTES: Final = 32
#: a proof of a tree below 2**63 leaves has at most this many hashes (twice for consistency)
MAX_LEVELS: Final = 63
EMPTY_ROOT: Final = sha256(b"").digest()

Nodes = Callable[[int, int], bytes]


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of an entry as a leaf."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """All of a tree that appending needs: its size and the roots of its complete subtrees, left to right."""

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    @classmethod
    def of(cls, nodes: Nodes, size: int) -> Frontier:
        """Return the frontier of the tree of the first `size` leaves."""
        return cls(size, tuple(nodes(level, index) for level, index in _complete(0, size)))

    def extended(self, leaf_hashes: Iterable[bytes]) -> Frontier:
        """Return the frontier after more leaves."""
        size, peaks = self.size, list(self.peaks)
        for added in leaf_hashes:
            top, count = added, size
            while count & 1:
                top = node_hash(peaks.pop(), top)
                count >>= 1
            peaks.append(top)
            size += 1
        return Frontier(size, tuple(peaks))

    def root(self) -> bytes:
        """Return the root hash of the tree."""
        return _folded(self.peaks) if self.peaks else EMPTY_ROOT


class Tree:
    """A whole tree in memory: 64 bytes of hashes for a leaf."""

    def __init__(self, leaf_hashes: Iterable[bytes] = ()) -> None:
        self._levels: list[list[bytes]] = [[]]
        for added in leaf_hashes:
            self.append_hash(added)

    def __len__(self) -> int:
        return len(self._levels[0])

    def append(self, entry: bytes) -> None:
        """Add an entry."""
        self.append_hash(sha256(b"\x00" + entry).digest())

    def append_hash(self, added: bytes) -> None:
        """Add a leaf by its hash."""
        levels = self._levels
        level = levels[0]
        level.append(added)
        count, height = len(level), 0
        while not count & 1:
            added = sha256(b"\x01" + level[-2] + added).digest()
            height, count = height + 1, count >> 1
            if height == len(levels):
                levels.append([])
            level = levels[height]
            level.append(added)

    def node(self, level: int, index: int) -> bytes:
        """Return the root of a complete subtree: the tree as `Nodes`."""
        return self._levels[level][index]

    def root(self, size: int | None = None) -> bytes:
        """Return the root of the tree, or of the tree as it was at `size`."""
        return root(self.node, len(self) if size is None else size)

    def inclusion_proof(self, index: int, size: int | None = None) -> tuple[bytes, ...]:
        """Return the proof that leaf `index` is in the tree of `size` leaves."""
        return inclusion_proof(self.node, index, len(self) if size is None else size)

    def consistency_proof(self, old: int, new: int | None = None) -> tuple[bytes, ...]:
        """Return the proof that the tree of `new` leaves extends that of `old`."""
        return consistency_proof(self.node, old, len(self) if new is None else new)


def root(nodes: Nodes, size: int) -> bytes:
    """Return the root of the first `size` leaves."""
    return _range_root(nodes, 0, size) if size else EMPTY_ROOT


def inclusion_proof(nodes: Nodes, index: int, size: int) -> tuple[bytes, ...]:
    """Return PATH(index, D[size]) of RFC 9162, 2.1.3.1: from the leaf's sibling up.

    Raises:
        Malformed: there is no such leaf.
    """
    if not 0 <= index < size:
        raise Malformed(f"A tree of {size} leaves has no leaf {index}.")
    proof, start, end = [], 0, size
    while end - start > 1:
        middle = start + _split(end - start)
        if index < middle:
            proof.append(_range_root(nodes, middle, end))
            end = middle
        else:
            proof.append(_range_root(nodes, start, middle))
            start = middle
    return tuple(reversed(proof))


def consistency_proof(nodes: Nodes, old: int, new: int) -> tuple[bytes, ...]:
    """Return PROOF(old, D[new]) of RFC 9162, 2.1.4.1; empty where either is trivial.

    Raises:
        Malformed: the sizes are out of order.
    """
    if not 0 <= old <= new:
        raise Malformed(f"A tree of {new} leaves has no earlier tree of {old}.")
    if old in {0, new}:
        return ()
    proof, start, end = [], 0, new
    while end != old:
        middle = start + _split(end - start)
        if old <= middle:
            proof.append(_range_root(nodes, middle, end))
            end = middle
        else:
            proof.append(_range_root(nodes, start, middle))
            start = middle
    if start:
        proof.append(_range_root(nodes, start, end))
    return tuple(reversed(proof))


def verify_inclusion(leaf: bytes, index: int, size: int, proof: Sequence[bytes], expected: bytes) -> None:
    """Check an inclusion proof (RFC 9162, 2.1.3.2).

    Args:
        leaf: the leaf's hash.
        index: of the leaf, from 0.
        size: of the tree.
        proof: hashes of 32 bytes.
        expected: the tree's root.

    Raises:
        NotIncluded: the proof does not hold.
    """
    if not 0 <= index < size or any(len(step) != HASH_BYTES for step in proof):
        raise _not_included()
    place, last, found = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise _not_included()
        if place & 1 or place == last:
            found = node_hash(step, found)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            found = node_hash(found, step)
        place, last = place >> 1, last >> 1
    if last or found != expected:
        raise _not_included()


def verify_consistency(old: int, old_root: bytes, new: int, new_root: bytes, proof: Sequence[bytes]) -> None:
    """Check a consistency proof (RFC 9162, 2.1.4.2). The empty tree precedes every tree.

    Raises:
        Fork: the proof does not hold.
    """
    if old in {0, new}:
        before = EMPTY_ROOT if old == 0 else new_root
        if proof or old_root != before or (new == 0 and new_root != EMPTY_ROOT):
            raise _fork()
        return
    if not 0 < old < new or not proof or any(len(step) != HASH_BYTES for step in proof):
        raise _fork()
    if _climbed(old, new, old_root, proof) != (old_root, new_root):
        raise _fork()


def _climbed(old: int, new: int, old_root: bytes, proof: Sequence[bytes]) -> tuple[bytes, bytes]:
    """Return the two roots that a consistency proof leads to."""
    steps = [old_root, *proof] if old & (old - 1) == 0 else list(proof)
    place, last = old - 1, new - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    first = second = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise _fork()
        if place & 1 or place == last:
            first, second = node_hash(step, first), node_hash(step, second)
            while not place & 1 and place:
                place, last = place >> 1, last >> 1
        else:
            second = node_hash(second, step)
        place, last = place >> 1, last >> 1
    if last:
        raise _fork()
    return first, second


def _not_included() -> NotIncluded:
    return NotIncluded(
        "The proof does not show that this record is in the log.",
        hint="The record, its proof or its place was changed: fetch them again, and do not trust the record.",
    )


def _fork() -> Fork:
    return Fork(
        "The log's newer state does not continue the state that was seen before.",
        hint="Keep both checkpoints: the log may have rewritten its history. Ask its witnesses.",
    )


def _split(count: int) -> int:
    """Return the largest power of two below `count`."""
    return 1 << ((count - 1).bit_length() - 1)


def _range_root(nodes: Nodes, start: int, end: int) -> bytes:
    """Return the root over leaves `start` to `end`, where `start` is aligned as a subtree of the tree is."""
    return _folded([nodes(level, index) for level, index in _complete(start, end)])


def _complete(start: int, end: int) -> Iterable[tuple[int, int]]:
    """Yield the complete subtrees that make up the leaves, as (level, index), left to right."""
    while start < end:
        level = (end - start).bit_length() - 1
        yield level, start >> level
        start += 1 << level


def _folded(peaks: Sequence[bytes]) -> bytes:
    found = peaks[-1]
    for peak in reversed(peaks[:-1]):
        found = node_hash(peak, found)
    return found
