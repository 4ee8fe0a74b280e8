"""Local search for the masks that find the most copies, with false agreement in the objective.

A mask finds a copy when all its differing bits are among the copy's q least reliable bits of that mask
(the device's 2^q probes). Objective: the weighted share of copies found, where a copy that k masks find
already adds only `DIMINISH`^k, so that a margin is worth something; less `price` for each unit of the
logarithm of the false rate. For pictures that have nothing to do with each other that logarithm is, to
second order, sum E[b_i]^2 + sum_{i<j} E[b_i b_j]^2 with bits b = +-1: biased and correlated bits cost.

Moves: in one mask, one bit for the best other bit. All numbers come from numpy and a seed.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

BITS = 256
MASK_BITS = 40
PROBES = 3
DIMINISH = 0.25
_HOPELESS = 100  # copies that differ in more bits are left out of the search
_NEGLIGIBLE = 1e-3

Bools = npt.NDArray[np.bool_]
Ranks = npt.NDArray[np.uint8]
Reals = npt.NDArray[np.float32]
Masks = list[list[int]]

#: hash bit i belongs to the DCT coefficient 255 - i = 16 * row + column; transposed: 16 * column + row
_PLACE = 255 - np.arange(BITS)
TRANSPOSED = 255 - ((_PLACE % 16) * 16 + _PLACE // 16)


@dataclass(frozen=True, slots=True, eq=False)
class Copies:
    """Copies to be found: which bits differ, how the copy ranks its bits, how much each copy counts.

    Attributes:
        differs: (n, 256).
        ranks: 0 is the least reliable bit; (n, 256).
        weights: (n,).
    """

    differs: Bools
    ranks: Ranks
    weights: Reals

    def select(self, chosen: Bools | npt.NDArray[np.intp]) -> Copies:
        """Return the chosen copies."""
        return Copies(self.differs[chosen], self.ranks[chosen], self.weights[chosen])

    def with_transposed(self) -> Copies:
        """Return these and the same copies of the transposed pictures (rows and columns exchanged)."""
        return Copies(
            np.concatenate([self.differs, self.differs[:, TRANSPOSED]]),
            np.concatenate([self.ranks, self.ranks[:, TRANSPOSED]]),
            np.concatenate([self.weights, self.weights]),
        )


@dataclass(frozen=True, slots=True, eq=False)
class Moments:
    """Squared first (256,) and second (256, 256) moments of the bits over pairs of unrelated pictures."""

    first: npt.NDArray[np.float64]
    second: npt.NDArray[np.float64]

    def log_false(self, mask: list[int]) -> float:
        """Return the estimated logarithm of (false rate / ideal false rate) of a mask."""
        inner = self.second[np.ix_(mask, mask)]
        return float(self.first[mask].sum() + (inner.sum() - np.trace(inner)) / 2)


def moments(bits: Bools, sources: npt.NDArray[np.str_]) -> Moments:
    """Estimate moments over pairs of pictures of different sources; bits (n, 256), sources (n,).

    Pictures of one source share a weight that grows with the root of their number. Estimates that come
    out negative are chance and become 0, or the search would collect them.
    """
    signs = bits.astype(np.float32) * 2 - 1
    total1, total2 = np.zeros(BITS), np.zeros((BITS, BITS))
    same1, same2 = np.zeros(BITS), np.zeros((BITS, BITS))
    weight = same_weight = 0.0
    for source in np.unique(sources):
        rows = signs[sources == source]
        share = len(rows) ** -0.5
        sum1, sum2 = share * rows.sum(axis=0), share * (rows.T @ rows)
        total1, total2 = total1 + sum1, total2 + sum2
        same1, same2 = same1 + sum1**2, same2 + sum2**2
        weight, same_weight = weight + share * len(rows), same_weight + (share * len(rows)) ** 2
    pairs = max(weight**2 - same_weight, 1e-9)  # one source only: no pairs, and every sum below is 0
    return Moments(np.maximum((total1**2 - same1) / pairs, 0), np.maximum((total2**2 - same2) / pairs, 0))


def blend(parts: list[tuple[float, Moments]]) -> Moments:
    """Return the weighted mean of moments of several classes of pictures."""
    return Moments(
        np.sum([weight * part.first for weight, part in parts], axis=0),
        np.sum([weight * part.second for weight, part in parts], axis=0),
    )


def found(differs: Bools, ranks: Ranks, mask: list[int], probes: int = PROBES) -> Bools:
    """Return which copies a mask finds with 2^probes tokens; shape (n,)."""
    inside = ranks[:, mask].astype(np.int16)
    firmest = np.where(differs[:, mask], inside, -1).max(axis=1)
    result: Bools = (inside <= firmest[:, None]).sum(axis=1) <= probes
    return result


def gains(copies: Copies, partial: list[int], probes: int = PROBES) -> Reals:
    """Return, for each of the 256 bits, the weight that a mask of `partial` and that bit finds."""
    inside = copies.ranks[:, partial].astype(np.int16)
    firmest = np.where(copies.differs[:, partial], inside, -1).max(axis=1)
    used = (inside <= firmest[:, None]).sum(axis=1)
    weakest = np.partition(inside, probes - 1, axis=1)[:, probes - 1]
    # with a probe to spare, only a new bit that differs and is firmer than the probed ones spoils it
    spare, full = used < probes, used == probes
    a, b = copies.select(spare), copies.select(full)
    spoiled = a.differs & (a.ranks >= weakest[spare, None])
    kept = ~b.differs & (b.ranks > firmest[full, None])
    result: Reals = a.weights.sum() - a.weights @ spoiled + b.weights @ kept
    return result


def _start(copies: Copies, count: int, generator: np.random.Generator) -> Masks:
    flips = copies.weights @ copies.differs
    chance = np.exp(-1.5 * flips / flips.std())
    chance = chance / chance.sum()
    return [list(generator.choice(BITS, MASK_BITS, replace=False, p=chance)) for _ in range(count)]


def _improve(
    mask: list[int], copies: Copies, cost: Moments, price: float, order: npt.NDArray[np.intp]
) -> int:
    swaps = 0
    for place in order:
        rest = mask[:place] + mask[place + 1 :]
        worth = gains(copies, rest) - price * (cost.first + cost.second[:, rest].sum(axis=1))
        worth[rest] = -np.inf
        best = int(worth.argmax())
        if worth[best] > worth[mask[place]] + 1e-7:
            mask[place] = best
            swaps += 1
    return swaps


def search(
    copies: Copies,
    cost: Moments,
    *,
    price: float,
    count: int = 8,
    seed: int = 1,
    sweeps: int = 12,
    progress: Callable[[str], None] = print,
) -> Masks:
    """Return `count` sorted masks of 40 bits.

    Args:
        copies: what is to be found.
        cost: moments of unrelated pictures.
        price: share of found copies that one unit of log(false rate) of one mask is worth.
        count: number of masks.
        seed: of the start and the order of moves.
        sweeps: passes over all bits of all masks; ends earlier when none moves.
        progress: called once a sweep.
    """
    generator = np.random.default_rng(seed)
    distance = copies.differs.sum(axis=1)
    copies = copies.select((distance > 0) & (distance < _HOPELESS))
    weights = copies.weights / copies.weights.sum()
    copies = Copies(copies.differs, copies.ranks, weights.astype(np.float32))
    masks = _start(copies, count, generator)
    hits = np.stack([found(copies.differs, copies.ranks, mask) for mask in masks], axis=1)
    for sweep in range(sweeps):
        swaps = 0
        for j in generator.permutation(count):
            others = np.delete(hits, j, axis=1).sum(axis=1)
            left = copies.weights * np.float32(DIMINISH) ** others
            open_copies = Copies(copies.differs, copies.ranks, left).select(
                left > _NEGLIGIBLE * copies.weights.max()
            )
            swaps += _improve(masks[j], open_copies, cost, price, generator.permutation(MASK_BITS))
            hits[:, j] = found(copies.differs, copies.ranks, masks[j])
        progress(f"sweep {sweep}: {swaps} swaps, found {float(copies.weights @ hits.any(axis=1)):.4f}")
        if not swaps:
            break
    return sorted(sorted(int(bit) for bit in mask) for mask in masks)
