"""Exact search among PDQ hashes: a flat scan of all of them, by XOR and popcount.

No build, nothing approximate, 32 bytes a hash. A scan of a million hashes takes some milliseconds, about
as long as the usual multi-index structures need at this radius, and an entry is gone when its row is.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from tutela.hashlist.errors import BadEntry

WORDS: Final = 4
HASH_BYTES: Final = 32
#: rows of one step: four words of each stay in the cache
STEP: Final = 1 << 14

Columns = npt.NDArray[np.uint64]


def columns(hashes: Sequence[bytes]) -> Columns:
    """Return the hashes as four 64-bit words each, shape (4, n), one word of all hashes side by side."""
    if any(len(value) != HASH_BYTES for value in hashes):
        raise BadEntry("A PDQ hash has 32 bytes.")
    rows = np.frombuffer(b"".join(hashes), np.uint64).reshape(-1, WORDS)
    return np.ascontiguousarray(rows.T)


class FlatIndex:
    """PDQ hashes that can be asked for their nearest; positions are those of the given sequence."""

    def __init__(self, hashes: Sequence[bytes]) -> None:
        self._columns = columns(hashes)

    def __len__(self) -> int:
        return int(self._columns.shape[1])

    def nearest(self, pdq: bytes, radius: int) -> tuple[int, int] | None:
        """Return (position, distance) of the nearest hash within `radius`, the first of equal ones."""
        query = columns([pdq])
        best: tuple[int, int] | None = None
        for start in range(0, len(self), STEP):
            distances = distances_of(self._columns[:, start : start + STEP], query)
            position = int(distances.argmin())
            distance = int(distances[position])
            if distance <= radius and (best is None or distance < best[1]):
                best = start + position, distance
        return best


def distances_of(block: Columns, query: Columns) -> npt.NDArray[np.uint16]:
    """Return the Hamming distances (0 to 256) of the hashes of `block` (4, n) to those of `query` (4, 1)."""
    total: npt.NDArray[np.uint16] = np.bitwise_count(block[0] ^ query[0]).astype(np.uint16)
    for word in range(1, WORDS):
        total += np.bitwise_count(block[word] ^ query[word])
    return total
