"""How often pictures that have nothing to do with each other share a token: measured, then extended.

A false hit on one mask means that the 37 bits outside of the device's three probed ones all agree. With
fair and independent bits its probability is 2^-37, and 8 * 2^-37 = 64 * 2^-40 for a voucher. Nothing that
rare can be counted, so: for every pair the distance X over those 37 bits is measured; the probability
that l random ones of them agree is then P_l = E[C(37-X, l) / C(37, l)], exact for every l that the sample
carries; log2(P_l / 2^-l) is fitted by a parabola in l through 0 and read at l = 37. The interval comes
from drawing the source files again (bootstrap). Pairs that do agree are reported as counts as well.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import comb
from typing import Any

import numpy as np
import numpy.typing as npt

from tutela.bench.masks.search import BITS, MASK_BITS, PROBES, Bools, Ranks

OPEN_BITS = MASK_BITS - PROBES
SHORT = range(4, 19)  # lengths whose probabilities a sample of some 10^5 pairs carries
_NEAR = 31  # pairs at most this far apart are copies, not unrelated pictures
_DRAWS = 200


@dataclass(frozen=True, slots=True)
class FalseRate:
    """The false rate of one class of pictures.

    Attributes:
        pictures, pairs: sample; ordered pairs of pictures of different sources.
        copies_left_out: pairs at distance 31 or less, which are no unrelated pictures.
        sharing_pairs: pairs that did share a token.
        at_12: measured rate over ideal at 12 open bits.
        at_18: the same at 18 open bits.
        over_ideal: extended to 37 open bits; with the 95 % interval `low` to `high`.
        upper_log2: log2 of the upper end of the rate of one voucher against one entry.
    """

    pictures: int
    pairs: int
    copies_left_out: int
    sharing_pairs: int
    at_12: float
    at_18: float
    over_ideal: float
    low: float
    high: float
    upper_log2: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form."""
        return asdict(self)


@dataclass(frozen=True, slots=True, eq=False)
class Pictures:
    """One class of pictures, as listed and as sent (recompressed once).

    Attributes:
        listed: bits of the originals; (n, 256).
        sent: bits of the copies; (n, 256).
        ranks: reliability ranks of the copies' bits; (n, 256).
        sources: the file that each comes from; (n,).
    """

    listed: Bools
    sent: Bools
    ranks: Ranks
    sources: npt.NDArray[np.str_]


def open_distances(pictures: Pictures, mask: list[int]) -> npt.NDArray[np.uint8]:
    """Return X of every pair (sent, listed) for a mask; shape (n, n)."""
    probed = np.argsort(pictures.ranks[:, mask], axis=1, kind="stable")[:, :PROBES]
    unprobed = np.ones((len(probed), len(mask)), dtype=np.float32)
    np.put_along_axis(unprobed, probed, 0.0, axis=1)
    sent, listed = _signs(pictures.sent[:, mask]), _signs(pictures.listed[:, mask])
    agreement = (sent * unprobed) @ listed.T  # agreeing less differing bits of 37
    return np.rint((OPEN_BITS - agreement) / 2).astype(np.uint8)


def _signs(bits: Bools) -> npt.NDArray[np.float32]:
    return bits.astype(np.float32) * 2 - 1


def _agreeing(length: int) -> npt.NDArray[np.float64]:
    """Return, for X = 0..37, the chance that `length` random ones of the 37 bits all agree."""
    return np.array([comb(OPEN_BITS - x, length) / comb(OPEN_BITS, length) for x in range(OPEN_BITS + 1)])


def excess(histogram: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return log2(P_l / 2^-l) for l in SHORT from a histogram of X, shape (38,)."""
    share = histogram / histogram.sum()
    return np.array([np.log2(share @ _agreeing(length)) + length for length in SHORT])


def extended(histogram: npt.NDArray[np.float64]) -> float:
    """Return log2 of (false rate / ideal) read from the parabola at all 37 open bits."""
    lengths = np.array(SHORT, dtype=np.float64)
    design = np.stack([lengths, lengths**2], axis=1)
    fit, *_ = np.linalg.lstsq(design, excess(histogram), rcond=None)
    return float(fit @ (OPEN_BITS, OPEN_BITS**2))


def false_rate(pictures: Pictures, masks: Sequence[Sequence[int]]) -> FalseRate:
    """Measure the false rate of a class of pictures."""
    apart = np.rint((BITS - _signs(pictures.sent) @ _signs(pictures.listed).T) / 2) > _NEAR
    names, group = np.unique(pictures.sources, return_inverse=True)
    unrelated = (group[:, None] != group[None, :]) & apart
    tables = np.zeros((len(names), len(names), OPEN_BITS + 1), dtype=np.float32)
    sharing = np.zeros(unrelated.shape, dtype=bool)
    cell = (group[:, None] * len(names) + group[None, :])[unrelated]
    for mask in masks:
        distances = open_distances(pictures, list(mask))
        sharing |= distances == 0
        flat = np.bincount(cell * (OPEN_BITS + 1) + distances[unrelated], minlength=tables.size)
        tables += flat.reshape(tables.shape)
    histogram = tables.sum(axis=(0, 1), dtype=np.float64)
    draws = _bootstrap(tables)
    low, high = np.quantile(draws, (0.025, 0.975))
    measured = dict(zip(SHORT, excess(histogram), strict=True))
    return FalseRate(
        pictures=len(pictures.sent),
        pairs=int(unrelated.sum()),
        copies_left_out=int(((group[:, None] != group[None, :]) & ~apart).sum()),
        sharing_pairs=int((sharing & unrelated).sum()),
        at_12=round(float(2 ** measured[12]), 3),
        at_18=round(float(2 ** measured[18]), 3),
        over_ideal=round(float(2 ** extended(histogram)), 2),
        low=round(float(2**low), 2),
        high=round(float(2**high), 2),
        upper_log2=round(float(high) + np.log2(len(masks)) - OPEN_BITS, 2),
    )


def _bootstrap(tables: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    generator = np.random.default_rng(1)
    count = len(tables)
    draws = []
    for _ in range(_DRAWS):
        times = np.bincount(generator.integers(0, count, count), minlength=count).astype(np.float32)
        histogram = np.tensordot(times, np.tensordot(times, tables, axes=(0, 0)), axes=(0, 0))
        if histogram.any():  # a draw of one source only has no pairs
            draws.append(extended(histogram.astype(np.float64)))
    return np.array(draws)


def show(rates: Mapping[str, FalseRate]) -> str:
    """Return a small table for people."""
    lines = ["class       pairs   shared  x ideal at 12, 18, all (95 %)"]
    lines += [
        f"{name:11s} {rate.pairs:7d} {rate.sharing_pairs:6d}  "
        f"{rate.at_12:.2f} {rate.at_18:.2f} {rate.over_ideal:.1f} ({rate.low:.1f} to {rate.high:.1f})"
        for name, rate in rates.items()
    ]
    return "\n".join(lines)
