"""The learned masks of each profile: data, fixed and published before any list is.

A mask is 40 bit positions of a PDQ hash; two pictures agree on a mask when those bits are equal. Masks of
bits that seldom turn over find far more copies than random ones. The procedure that made the data files is
`python -m tutela.bench.masks.learn`; a file also says what it was made from and what was measured.
"""

from __future__ import annotations

import json
from functools import cache
from importlib import resources
from typing import Any

from tutela.errors import UsageError

MASK_BITS = 40
PDQ_BITS = 256


class UnknownProfile(UsageError):
    """There are no masks of that name."""

    code = "voucher.unknown_profile"


@cache
def data(profile: str) -> bytes:
    """Return the bytes of a profile's data file, whose SHA-256 is logged.

    Raises:
        UnknownProfile: there are no masks of that name.
    """
    file = resources.files(__package__).joinpath(f"{profile}.json")
    if not profile.isidentifier() or not file.is_file():
        raise UnknownProfile(f"There is no profile named {profile!r}.", hint="Use: everyday.")
    return file.read_bytes()


def describe(profile: str) -> dict[str, Any]:
    """Return the whole data file of a profile: masks, procedure, corpus and validation figures.

    Raises:
        UnknownProfile: there are no masks of that name.
    """
    found: dict[str, Any] = json.loads(data(profile))
    return found


@cache
def load(profile: str) -> tuple[tuple[int, ...], ...]:
    """Return the masks of a profile: sorted tuples of 40 bit positions, the masks sorted too.

    Raises:
        UnknownProfile: there are no masks of that name.
    """
    return tuple(tuple(mask) for mask in describe(profile)["masks"])
