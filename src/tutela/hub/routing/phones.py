"""The country of a telephone number, by its calling code (ITU-T E.164).

The longest known prefix wins. Some codes serve several countries (+1, +7, +44): then each is a
candidate, and the confidence is shared between them.
"""

from __future__ import annotations

import csv
import importlib.resources
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

from tutela.hub.errors import RulesError

LONGEST = 7
MAX_DIGITS = 15


@dataclass(frozen=True, slots=True)
class CallingCodes:
    """Prefixes (digits, without plus) -> candidate countries, likeliest first."""

    prefixes: Mapping[str, tuple[str, ...]]

    def countries(self, number: str, calling_code: str | None = None) -> tuple[str, ...]:
        """Return the candidate countries of an international number, or () where it is none.

        Args:
            number: as the provider wrote it; only a leading `+` or `00` makes it international.
            calling_code: the code where the provider gave it apart from the number (`+44`).
        """
        digits = international_digits(number, calling_code)
        for length in range(min(LONGEST, len(digits)), 0, -1):
            found = self.prefixes.get(digits[:length])
            if found:
                return found
        return ()

    def with_overrides(self, overrides: Mapping[str, str]) -> CallingCodes:
        """Return a table where the operator's own prefixes replace or extend the standard ones."""
        added = {check_prefix(prefix): (country,) for prefix, country in overrides.items()}
        return CallingCodes(MappingProxyType({**self.prefixes, **added}))


def check_prefix(prefix: str) -> str:
    """Return the digits of a prefix such as `+44` or `+999 1`.

    Raises:
        RulesError: it is not a plus and one to seven digits.
    """
    digits = prefix.replace(" ", "").removeprefix("+")
    if not (digits.isascii() and digits.isdigit() and 0 < len(digits) <= LONGEST):
        raise RulesError("A telephone prefix is a plus and one to seven digits.")
    return digits


def international_digits(number: str, calling_code: str | None = None) -> str:
    """Return the digits with the calling code first, or "" for a national or unusable number."""
    text = number.strip()
    digits = "".join(c for c in text if c.isascii() and c.isdigit())[:MAX_DIGITS]
    if text.startswith("+"):
        return digits
    if digits.startswith("00"):
        return digits[2:]
    if calling_code:
        code = "".join(c for c in calling_code if c.isascii() and c.isdigit())
        return (code + digits.lstrip("0"))[:MAX_DIGITS] if code else ""
    return ""


@cache
def standard() -> CallingCodes:
    """Return the table that ships with the hub."""
    source = importlib.resources.files("tutela.hub") / "data" / "calling-codes.csv"
    rows = csv.reader(line for line in source.read_text("utf-8").splitlines() if not line.startswith("#"))
    return CallingCodes(MappingProxyType({row[0]: tuple(row[1].split()) for row in rows if row}))
