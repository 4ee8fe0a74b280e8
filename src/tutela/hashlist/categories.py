"""What a list may be about: one purpose, and the classification codes of its scales. Both sets are closed.

A code is opaque: no description of content stands in the code, in a list or in a manifest. Adding a
scale is a change of this file, so of the program that every device runs (claim C16, purpose limitation;
what remains is exactly that: someone can change the code, visibly). The scale `ncmec` has the codes of
the industry classification system that the CyberTipline schema carries.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tutela.hashlist.errors import CategoryRefused

#: the one purpose that an epoch's manifest, and a legal basis, may name
PURPOSE: Final = "child-sexual-exploitation-and-abuse"

#: scale -> its codes
SCALES: Final[Mapping[str, frozenset[str]]] = MappingProxyType(
    {
        "tutela-demo": frozenset({"A", "B"}),
        "ncmec": frozenset({"A1", "A2", "B1", "B2"}),
    }
)

DEFAULT_SCALE: Final = "tutela-demo"
DEFAULT_CODE: Final = "A"


def check_category(scale: str, code: str) -> None:
    """Raise `CategoryRefused` unless `code` is one of the codes of a known scale."""
    if code not in SCALES.get(scale, frozenset()):
        known = "; ".join(f"{name}: {', '.join(sorted(codes))}" for name, codes in SCALES.items())
        raise CategoryRefused(
            "This classification is not one that a list may hold.", hint=f"Known scales are {known}."
        )
