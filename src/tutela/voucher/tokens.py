"""Tokens: approximate matching as a few exact look-ups (design, section 1).

A token is (mask, the 40 bits of a PDQ hash under that mask). A list entry has one token for each mask.
A device also knows how reliable each bit is, and sends for each mask the 2^q tokens that differ in any
subset of the q least reliable bits of that mask: those are the bits that an edit flips first
(query-directed probing; Lv and others, "Multi-probe LSH", VLDB 2007).

Not found: copies whose hash differs in other bits of every mask; mirrored or turned copies, unless the
list holds them as entries of their own.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tutela.voucher.errors import VoucherMalformed
from tutela.voucher.parameters import MASK_BITS, PDQ_BITS, Parameters

BITS_BYTES = MASK_BITS // 8


class Token(NamedTuple):
    """A mask index and the 5 bytes of a hash under it (first bit of the mask in the top bit)."""

    mask: int
    bits: bytes

    def to_bytes(self) -> bytes:
        """Return the 6-byte form that is hashed."""
        return bytes((self.mask,)) + self.bits


def _bits(pdq: bytes) -> npt.NDArray[np.uint8]:
    if len(pdq) * 8 != PDQ_BITS:
        raise VoucherMalformed("A PDQ hash has 32 bytes.")
    return np.unpackbits(np.frombuffer(pdq, np.uint8))


def entry_tokens(parameters: Parameters, pdq: bytes) -> tuple[Token, ...]:
    """Return the T tokens of a list entry's 32-byte PDQ hash."""
    bits = _bits(pdq)
    return tuple(Token(j, np.packbits(bits[list(mask)]).tobytes()) for j, mask in enumerate(parameters.masks))


def least_reliable(
    parameters: Parameters, reliability: npt.NDArray[np.float32]
) -> tuple[tuple[int, ...], ...]:
    """Return for each mask the places (0 to 39, within the mask) of its q least reliable bits.

    Args:
        parameters: the profile.
        reliability: shape (256,), distance of each DCT coefficient from the median.
    """
    if reliability.shape != (PDQ_BITS,):
        raise VoucherMalformed("Reliability needs one number for each of the 256 bits.")
    return tuple(
        tuple(
            sorted(
                int(place)
                for place in np.argsort(reliability[list(mask)], kind="stable")[: parameters.probes]
            )
        )
        for mask in parameters.masks
    )


def probe_tokens(
    parameters: Parameters, pdq: bytes, places: tuple[tuple[int, ...], ...]
) -> tuple[Token, ...]:
    """Return the T * 2^q tokens of a picture, mask by mask, subsets in binary order of `places`."""
    tokens = []
    for entry, weak in zip(entry_tokens(parameters, pdq), places, strict=True):
        value = int.from_bytes(entry.bits)
        flips = [1 << (MASK_BITS - 1 - place) for place in weak]
        for subset in range(1 << len(flips)):
            flipped = value
            for k, flip in enumerate(flips):
                if subset >> k & 1:
                    flipped ^= flip
            tokens.append(Token(entry.mask, flipped.to_bytes(BITS_BYTES)))
    return tuple(tokens)


def device_tokens(
    parameters: Parameters, pdq: bytes, reliability: npt.NDArray[np.float32]
) -> tuple[Token, ...]:
    """Return the tokens that a device sends for a picture."""
    return probe_tokens(parameters, pdq, least_reliable(parameters, reliability))
