"""Tiles (C2SP tlog-tiles): a log as files that never change, readable over HTTP or from a folder.

    tile/<L>/<N>[.p/<W>]         hashes of level 8 * L, 256 in a full tile
    tile/entries/<N>[.p/<W>]     entries, each behind its length in two bytes, big-endian
    checkpoint

N is written in groups of three digits, all but the last behind an `x`: 1234067 is `x001/x234/067`.

What this does NOT protect: tiles are checked against nothing here. Whoever reads foreign tiles verifies the
proofs that they make against a checkpoint (`client` does).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from tutela.tlog.errors import Malformed, Truncated
from tutela.tlog.tree import HASH_BYTES, node_hash

WIDTH: Final = 256
HEIGHT: Final = 8
MAX_ENTRY_BYTES: Final = 0xFFFF
MAX_TILE_BYTES: Final = WIDTH * HASH_BYTES
MAX_BUNDLE_BYTES: Final = WIDTH * (MAX_ENTRY_BYTES + 2)
ENTRIES: Final = "entries"
_PATH: Final = re.compile(
    r"tile/(entries|[0-9]|[1-5][0-9]|6[0-3])/((?:x[0-9]{3}/){0,6}[0-9]{3})(?:\.p/([1-9][0-9]{0,2}))?"
)
_CACHED: Final = 64

Hashes = list[bytes]
Read = Callable[[str], bytes]


def path(level: int | str, index: int, width: int = WIDTH) -> str:
    """Return the path of a tile (level 0 to 63) or bundle (level "entries")."""
    groups = [f"{index % 1000:03}"]
    while index := index // 1000:
        groups.insert(0, f"x{index % 1000:03}")
    partial = f".p/{width}" if width < WIDTH else ""
    return f"tile/{level}/{'/'.join(groups)}{partial}"


@dataclass(frozen=True, slots=True)
class Place:
    """What a path names."""

    level: int | str
    index: int
    width: int


def parse_path(text: str) -> Place:
    """Read a path as `path` writes it.

    Raises:
        Malformed: it is not one.
    """
    match = _PATH.fullmatch(text) if len(text) < 64 else None
    if not match:
        raise Malformed("The path names no tile.")
    level: int | str = match[1] if match[1] == ENTRIES else int(match[1])
    place = Place(level, int(match[2].replace("x", "").replace("/", "")), int(match[3] or WIDTH))
    if path(place.level, place.index, place.width) != text:
        raise Malformed("The path names no tile.")
    return place


def width(level: int, index: int, size: int) -> int:
    """Return how wide a tile of a tree of `size` leaves is; 0 or less: there is none."""
    return min(WIDTH, (size >> HEIGHT * level) - index * WIDTH)


def to_bundle(entries: Iterable[bytes]) -> bytes:
    """Return entries as a bundle.

    Raises:
        Malformed: one is longer than 65,535 bytes.
    """
    parts = []
    for entry in entries:
        if len(entry) > MAX_ENTRY_BYTES:
            raise Malformed(f"An entry is longer than {MAX_ENTRY_BYTES} bytes.")
        parts.append(len(entry).to_bytes(2, "big") + entry)
    return b"".join(parts)


def parse_bundle(data: bytes, count: int) -> list[bytes]:
    """Return the first `count` entries of a bundle.

    Raises:
        Truncated: it holds fewer.
        Malformed: it is larger than a bundle can be.
    """
    if len(data) > MAX_BUNDLE_BYTES:
        raise Malformed("A bundle of entries is too large.")
    entries: list[bytes] = []
    at = 0
    while len(entries) < count:
        end = at + 2 + int.from_bytes(data[at : at + 2], "big")
        if at + 2 > len(data) or end > len(data):
            raise Truncated(f"A bundle holds {len(entries)} of {count} entries.", hint="Fetch it again.")
        entries.append(data[at + 2 : end])
        at = end
    return entries


def parse_tile(data: bytes, count: int) -> Hashes:
    """Return the first `count` hashes of a tile.

    Raises:
        Truncated: it holds fewer.
        Malformed: it is larger than a tile, or holds part of a hash.
    """
    if len(data) > MAX_TILE_BYTES or len(data) % HASH_BYTES:
        raise Malformed("A tile is too large, or ends within a hash.")
    if len(data) < count * HASH_BYTES:
        raise Truncated(f"A tile holds fewer than {count} hashes.", hint="Fetch it again.")
    return [data[at : at + HASH_BYTES] for at in range(0, count * HASH_BYTES, HASH_BYTES)]


@dataclass(frozen=True, slots=True)
class Edge:
    """The partial tiles at the right of a tree: for each level, the hashes of its last tile."""

    size: int = 0
    levels: tuple[tuple[bytes, ...], ...] = ()

    @classmethod
    def read(cls, read: Read, size: int) -> Edge:
        """Read the edge of a tree of `size` leaves."""
        levels, level = [], 0
        while size >> HEIGHT * level:
            count = size >> HEIGHT * level
            last = count % WIDTH
            data = read(path(level, count // WIDTH, last)) if last else b""
            levels.append(tuple(parse_tile(data, last)))
            level += 1
        return cls(size, tuple(levels))

    def extended(self, leaf_hashes: Sequence[bytes]) -> tuple[Edge, dict[str, bytes]]:
        """Return the edge after more leaves, and the tiles to write, by path."""
        files: dict[str, bytes] = {}
        levels: list[tuple[bytes, ...]] = []
        level, added = 0, list(leaf_hashes)
        while added or level < len(self.levels):
            hashes = [*(self.levels[level] if level < len(self.levels) else ()), *added]
            index = (self.size >> HEIGHT * level) // WIDTH
            above: Hashes = []
            for start in range(0, len(hashes) - WIDTH + 1, WIDTH):
                full = hashes[start : start + WIDTH]
                files[path(level, index)] = b"".join(full)
                above.append(subtree(full))
                index += 1
            rest = hashes[len(hashes) - len(hashes) % WIDTH :]
            if rest and added:
                files[path(level, index, len(rest))] = b"".join(rest)
            levels.append(tuple(rest))
            level, added = level + 1, above
        return Edge(self.size + len(leaf_hashes), tuple(levels)), files


def subtree(hashes: Sequence[bytes]) -> bytes:
    """Return the root over a power of two of sibling hashes."""
    row = list(hashes)
    while len(row) > 1:
        row = [node_hash(row[at], row[at + 1]) for at in range(0, len(row), 2)]
    return row[0]


class TileNodes:
    """The nodes of a tree of `size` leaves, read from tiles: call it as `tree.Nodes`.

    Args:
        read: returns the bytes at a path; it may answer a partial tile with the full one.
        size: of a tree whose checkpoint exists, so that its partial tiles do.
    """

    def __init__(self, read: Read, size: int) -> None:
        self._read = read
        self._size = size
        self._cache: dict[tuple[int, int], Hashes] = {}

    def __call__(self, level: int, index: int) -> bytes:
        """Return the root of a complete subtree, as `tree.Tree.node`."""
        tall, low = divmod(level, HEIGHT)
        first = index << low
        tile = self._tile(tall, first // WIDTH)
        found = tile[first % WIDTH : first % WIDTH + (1 << low)]
        if len(found) != 1 << low:
            raise Malformed(f"A tree of {self._size} leaves has no node {index} at level {level}.")
        return subtree(found)

    def _tile(self, level: int, index: int) -> Hashes:
        key = (level, index)
        if key not in self._cache:
            if len(self._cache) >= _CACHED:
                self._cache.pop(next(iter(self._cache)))
            wide = width(level, index, self._size)
            if wide <= 0:
                raise Malformed(f"A tree of {self._size} leaves has no such tile.")
            self._cache[key] = parse_tile(self._read(path(level, index, wide)), wide)
        return self._cache[key]
