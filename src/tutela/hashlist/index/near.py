"""Groups of near duplicates: everything that a chain of distances within the radius joins.

All pairs are compared, in blocks, two of the four words first: two hashes that have nothing to do with
each other differ in 64 of those 128 bits (standard deviation 5.7), so only real neighbours are left for
the other two words. 10,000 hashes take well under a second, 100,000 about twenty seconds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tutela.hashlist.index.flat import columns

ROWS: Final = 64
STEP: Final = 1 << 13

Positions = npt.NDArray[np.intp]


class UnionFind:
    """Sets of positions that only ever grow together (Tarjan 1975), each named by its smallest member."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def find(self, item: int) -> int:
        """Return the smallest member of the set that `item` is in."""
        parent = self._parent
        while parent[item] != item:
            parent[item] = parent[parent[item]]
            item = parent[item]
        return item

    def union(self, left: int, right: int) -> None:
        """Join the sets of two items."""
        first, second = sorted((self.find(left), self.find(right)))
        self._parent[second] = first


def join_near(hashes: Sequence[bytes], radius: int, sets: UnionFind, names: Sequence[int]) -> None:
    """Join in `sets` the names of all hashes that are within `radius` of each other.

    Args:
        hashes: 32 bytes each.
        radius: largest distance, in bits.
        sets: what is joined.
        names: for each hash its item in `sets`.
    """
    data = columns(hashes)
    count = data.shape[1]
    seen = np.arange(
        count
    )  # equal numbers are known to be joined; keeps a dense group from being joined n^2 times
    for top in range(0, count, ROWS):
        for start in range(top, count, STEP):
            rows, others = _pairs(data[:, top : top + ROWS], data[:, start : start + STEP], radius)
            rows, others = rows + top, others + start
            later = others > rows
            _join(rows[later], others[later], sets, names, seen)


def _pairs(
    block: npt.NDArray[np.uint64], others: npt.NDArray[np.uint64], radius: int
) -> tuple[Positions, Positions]:
    """Return the pairs of columns of the two blocks that are within `radius`."""
    half = np.bitwise_count(block[0][:, None] ^ others[0]) + np.bitwise_count(block[1][:, None] ^ others[1])
    left, right = np.nonzero(half <= radius)
    rest = np.bitwise_count(block[2][left] ^ others[2][right]) + np.bitwise_count(
        block[3][left] ^ others[3][right]
    )
    close = half[left, right].astype(np.uint16) + rest <= radius
    return left[close], right[close]


def _join(left: Positions, right: Positions, sets: UnionFind, names: Sequence[int], seen: Positions) -> None:
    boundaries = np.flatnonzero(np.diff(left)) + 1
    for group, mates in zip(np.split(left, boundaries), np.split(right, boundaries), strict=True):
        if not len(group):
            continue
        row = int(group[0])
        for mate in mates[seen[mates] != seen[row]].tolist():
            sets.union(names[row], names[mate])
        seen[mates] = seen[row]
