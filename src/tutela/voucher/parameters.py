"""The published parameters of a profile: everything that a device and a provider must agree on.

They stand in the signed epoch manifest, masks included, and are fixed before the list is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from tutela.voucher.errors import VoucherMalformed

VERSION = 1
PDQ_BITS = 256
MASK_BITS = 40
#: profile name -> number in the wire format
PROFILES = {"everyday": 1}

WRAP_BYTES = 49
TOKEN_WIRE_BYTES = 32 + WRAP_BYTES
COMMITMENT_BYTES = 32
SIGNATURE_BYTES = 64
PREAMBLE_BYTES = 4 + 32 + 16 + 8
BODY_BYTES = 3200


@dataclass(frozen=True, slots=True)
class Parameters:
    """One profile's numbers.

    Attributes:
        profile: name, a key of `PROFILES`.
        masks: T masks, each of 40 distinct bit positions of a PDQ hash (0 is the first bit of its hex).
        probes: q; for each mask the device sends the 2^q tokens over its q least reliable bits.
        hits: masks that must agree before an image key opens (1 or 2).
        threshold: t; distinct entries in one mask before a device opens.
        minimum_quality: PDQ quality (0 to 100) below which tokens are random.
    """

    profile: str
    masks: tuple[tuple[int, ...], ...]
    probes: int = 3
    hits: int = 1
    threshold: int = 8
    minimum_quality: int = 50

    def __post_init__(self) -> None:
        """Refuse parameters that the format cannot carry."""
        sound = (
            self.profile in PROFILES
            and 1 <= len(self.masks) <= 64
            and all(len(set(mask)) == MASK_BITS == len(mask) for mask in self.masks)
            and all(0 <= bit < PDQ_BITS for mask in self.masks for bit in mask)
            and 0 <= self.probes <= 6
            and self.tokens <= 128
            and 1 <= self.hits <= 2
            and 2 <= self.threshold <= 1000
            and 0 <= self.minimum_quality <= 100
        )
        if not sound:
            raise VoucherMalformed("These voucher parameters are outside of what the format allows.")

    @property
    def tokens(self) -> int:
        """Tokens that every voucher carries."""
        return len(self.masks) << self.probes

    @property
    def token_section_bytes(self) -> int:
        """Bytes of the token section of a voucher."""
        return self.tokens * TOKEN_WIRE_BYTES

    @property
    def voucher_bytes(self) -> int:
        """Bytes of a whole voucher, the same for every upload."""
        return PREAMBLE_BYTES + COMMITMENT_BYTES + self.token_section_bytes + BODY_BYTES + SIGNATURE_BYTES

    def with_threshold(self, threshold: int) -> Parameters:
        """Return the same profile with another threshold."""
        return replace(self, threshold=threshold)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON form that the manifest signs."""
        return {
            "version": VERSION,
            "profile": self.profile,
            "masks": [list(mask) for mask in self.masks],
            "probes": self.probes,
            "hits": self.hits,
            "threshold": self.threshold,
            "minimum_quality": self.minimum_quality,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Parameters:
        """Read the JSON form.

        Raises:
            VoucherMalformed: a field is missing, of another type, or out of bounds.
        """
        try:
            if data["version"] != VERSION:
                raise VoucherMalformed("These voucher parameters are of another version.")
            numbers = {name: data[name] for name in ("probes", "hits", "threshold", "minimum_quality")}
            masks = tuple(tuple(mask) for mask in data["masks"])
            if any(type(value) is not int for value in (*numbers.values(), *(b for m in masks for b in m))):
                raise VoucherMalformed("A number in the voucher parameters is not an integer.")
            return cls(profile=data["profile"], masks=masks, **numbers)
        except (KeyError, TypeError) as error:
            raise VoucherMalformed("The voucher parameters lack a field, or one has another type.") from error


def everyday(threshold: int = 8) -> Parameters:
    """Return the everyday profile: 8 learned masks, 3 probes, 64 tokens, one agreeing mask opens an image."""
    from tutela.voucher import masks

    return Parameters(profile="everyday", masks=masks.load("everyday"), threshold=threshold)
