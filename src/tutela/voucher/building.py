"""Building a table: choose slots by peeling, then solve for them from the last peeled token back.

Streaming: tokens are held as 8 bytes each, points in a memory-mapped file of 32 bytes a slot. The order
of work and every free slot follow from the header, so whoever holds the list can rebuild and compare roots.
"""

from __future__ import annotations

import functools
import math
import mmap
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt

from tutela.oprf import group
from tutela.voucher.errors import TableError
from tutela.voucher.table import (
    CHUNK,
    PREAMBLE,
    SLOT_BYTES,
    Progress,
    TableHeader,
    free_point,
    preamble,
    slot_seeds,
    slots_of,
    token_point,
    tree_root,
)
from tutela.voucher.tokens import BITS_BYTES, Token

DUMMY_MASK: Final = 255
_BATCH: Final = 4096
_TRIES_AT_ONE_SIZE: Final = 6
_FACTORS: Final = ((200_000, 1.13), (50_000, 1.15), (15_000, 1.175), (3_000, 1.2), (0, 1.2))

Keys = npt.NDArray[np.uint64]
Slots = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Layout:
    """A choice of slots under which every token can be peeled."""

    seed: bytes
    segments: int
    segment_length: int
    order: Slots
    pivots: Slots
    slots: Slots


def build_table(
    tokens: Iterable[Token],
    *,
    key: bytes,
    table_id: bytes,
    seed: bytes,
    path: Path,
    progress: Progress | None = None,
) -> TableHeader:
    """Write the table of `tokens` under the scalar `key` and return its header.

    Args:
        tokens: in any order; repeated ones count once.
        key: the table's secret scalar a, 32 bytes, never used for another table.
        table_id: 32 bytes that name this table in every hash.
        seed: 32 bytes fixed by the list's commitment; a retry counter is hashed in until peeling succeeds.
        path: where the table is written, in one step at the end.
        progress: called with (tokens done, tokens in all).

    Raises:
        TableError: there are no tokens, or no layout peels (practically impossible).
    """
    keys = padded_keys(tokens)
    layout = find_layout(keys, seed)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=path.name, delete=False) as file:
        temporary = Path(file.name)
        try:
            slots = (layout.segments + 2) * layout.segment_length
            file.write(preamble(slots))
            file.truncate(PREAMBLE + slots * SLOT_BYTES)
            file.flush()
            with mmap.mmap(file.fileno(), 0) as data:
                _solve(data, keys, layout, key=key, table_id=table_id, progress=progress)
                data.flush()
                root = tree_root(data[start : start + CHUNK] for start in range(PREAMBLE, len(data), CHUNK))
            os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
    return TableHeader(
        table_id=table_id,
        public_key=group.multiply_base(key),
        tokens=len(keys),
        segments=layout.segments,
        segment_length=layout.segment_length,
        seed=layout.seed,
        root=root,
    )


def padded_keys(tokens: Iterable[Token]) -> Keys:
    """Return the distinct tokens as sorted numbers, and behind them the dummies: all that a table holds.

    Raises:
        TableError: there are no tokens.
    """
    return _padded(_distinct(tokens))


def _distinct(tokens: Iterable[Token]) -> Keys:
    def numbers() -> Iterator[int]:
        for token in tokens:
            yield int.from_bytes(token.to_bytes())

    keys = np.unique(np.fromiter(numbers(), np.uint64))
    if not len(keys):
        raise TableError("A table needs at least one token.")
    return keys


def _padded(keys: Keys) -> Keys:
    """Round the number of tokens up with dummies, so that the size says little of the list's."""
    step = 1 << max(4, int(math.log2(len(keys))) - 6)
    missing = -len(keys) % step
    dummies = (np.uint64(DUMMY_MASK) << np.uint64(8 * BITS_BYTES)) + np.arange(missing, dtype=np.uint64)
    return np.concatenate([keys, dummies])


def token_bytes(key: np.uint64) -> bytes:
    """Return the 6 bytes of a token held as a number."""
    return int(key).to_bytes(1 + BITS_BYTES)


def find_layout(keys: Keys, seed: bytes) -> Layout:
    """Try slot seeds, then slightly larger arrays, until every token can be peeled."""
    length = _segment_length(len(keys))
    wanted = len(keys) * _first_factor(len(keys))
    for counter, trial in enumerate(slot_seeds(seed)):
        size = wanted * 1.01 ** (counter // _TRIES_AT_ONE_SIZE)
        segments = max(1, math.ceil(size / length) - 2)
        slots = slots_of_all(keys, trial, segments, length)
        peeled = peel(slots, (segments + 2) * length)
        if peeled is not None:
            return Layout(trial, segments, length, *peeled, slots)
    raise TableError("No layout was found for this table.")


def _segment_length(count: int) -> int:
    """Return about a 30th of the array for small lists, growing as the paper's formula for large ones."""
    return 1 << max(2, math.floor(math.log(count) / math.log(3.33) + 1.25))


def _first_factor(count: int) -> float:
    """Return slots a token to begin with: what peels after a few tries, found by trial for each size."""
    return next(factor for least, factor in _FACTORS if count >= least)


def slots_of_all(keys: Keys, seed: bytes, segments: int, length: int) -> Slots:
    """Return the three slots of each token, shape (n, 3)."""
    rows = (slots_of(token_bytes(key), seed=seed, segments=segments, segment_length=length) for key in keys)
    flat = (slot for row in rows for slot in row)
    return np.fromiter(flat, np.int64, count=3 * len(keys)).reshape(-1, 3)


def peel(slots: Slots, size: int) -> tuple[Slots, Slots] | None:
    """Return tokens in peeling order with the slot that each one owns, or None if some cannot be peeled.

    Works in rounds: all slots that only one remaining token touches are taken at once.

    Args:
        slots: shape (n, 3), the slots of each token.
        size: number of slots.
    """
    index = np.arange(len(slots), dtype=np.int64)
    count = np.zeros(size, np.int64)
    owner = np.zeros(
        size, np.int64
    )  # xor of the tokens that touch a slot: the token itself where one is left
    for column in slots.T:
        np.add.at(count, column, 1)
        np.bitwise_xor.at(owner, column, index)
    orders: list[Slots] = []
    pivots: list[Slots] = []
    single = np.flatnonzero(count == 1)
    while len(single):
        tokens, first = np.unique(owner[single], return_index=True)
        orders.append(tokens)
        pivots.append(single[first])
        touched = slots[tokens]
        for column in touched.T:
            np.subtract.at(count, column, 1)
            np.bitwise_xor.at(owner, column, tokens)
        candidates = np.unique(touched)
        single = candidates[count[candidates] == 1]
    order = np.concatenate(orders) if orders else index[:0]
    if len(order) != len(slots):
        return None
    return order, np.concatenate(pivots)


def _solve(
    data: mmap.mmap,
    keys: Keys,
    layout: Layout,
    *,
    key: bytes,
    table_id: bytes,
    progress: Progress | None,
) -> None:
    """Fill the free slots, then give each token, last peeled first, what its own slot still lacks."""

    def free(slot: int) -> bytes:
        return group.multiply(key, free_point(table_id, slot))

    def listed(token: int) -> bytes:
        return group.multiply(key, token_point(table_id, token_bytes(keys[token])))

    size = (layout.segments + 2) * layout.segment_length
    for slot, point in _mapped(free, np.setdiff1d(np.arange(size), layout.pivots)):
        _put(data, slot, point)
    pivots = layout.pivots[::-1].tolist()
    for done, (token, point) in enumerate(_mapped(listed, layout.order[::-1])):
        others = [slot for slot in layout.slots[token].tolist() if slot != pivots[done]]
        rest = functools.reduce(group.subtract, (_get(data, slot) for slot in others), point)
        if rest == group.IDENTITY:
            raise TableError("A slot would be the identity; build again under another key.")
        _put(data, pivots[done], rest)
        if progress and ((done + 1) % _BATCH == 0 or done + 1 == len(pivots)):
            progress(done + 1, len(pivots))


def _put(data: mmap.mmap, slot: int, point: bytes) -> None:
    start = PREAMBLE + slot * SLOT_BYTES
    data[start : start + SLOT_BYTES] = point


def _get(data: mmap.mmap, slot: int) -> bytes:
    start = PREAMBLE + slot * SLOT_BYTES
    return data[start : start + SLOT_BYTES]


def _mapped(function: Callable[[int], bytes], items: Slots) -> Iterator[tuple[int, bytes]]:
    """Yield (item, function(item)) in order, computed by batches on every core.

    libsodium calls release the interpreter's lock; a batch is large enough that handing it over costs little.
    """

    def compute(batch: list[int]) -> list[bytes]:
        return [function(item) for item in batch]

    workers = os.cpu_count() or 1
    with ThreadPoolExecutor(workers) as pool:
        for start in range(0, len(items), _BATCH):
            batch = items[start : start + _BATCH].tolist()
            share = -(-len(batch) // workers)
            parts = [batch[i : i + share] for i in range(0, len(batch), share)]
            for part, points in zip(parts, pool.map(compute, parts), strict=True):
                yield from zip(part, points, strict=True)
