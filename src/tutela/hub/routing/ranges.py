"""Address ranges with their country, from a CSV file that the operator supplies.

Each line is `first,last,country` or `network,country` (CIDR); `#` begins a comment, one heading line
is allowed. Countries are ISO 3166-1 alpha-2 codes; the user-assigned codes (XA to XZ, QM to QZ) serve
tests and demonstrations. Ranges may not overlap, so that a look-up has one answer.

Bounds: 64 MiB, 2 million lines, 200 characters a line.
"""

from __future__ import annotations

import ipaddress
from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Final

from tutela.hub.errors import RangesError

MAX_BYTES: Final = 64 << 20
MAX_LINES: Final = 2_000_000
MAX_LINE: Final = 200

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True, slots=True)
class _Family:
    """The ranges of one address family, sorted by their first address."""

    first: tuple[int, ...]
    last: tuple[int, ...]
    country: tuple[str, ...]

    def find(self, number: int) -> str | None:
        index = bisect_right(self.first, number) - 1
        if index < 0 or number > self.last[index]:
            return None
        return self.country[index]


@dataclass(frozen=True, slots=True)
class Ranges:
    """A table of address ranges."""

    v4: _Family
    v6: _Family

    def __len__(self) -> int:
        return len(self.v4.first) + len(self.v6.first)

    def country(self, address: Address) -> str | None:
        """Return the country of `address`, or None where the table does not know it."""
        family = self.v4 if address.version == 4 else self.v6
        return family.find(int(address))

    @classmethod
    def parse(cls, lines: Iterable[str]) -> Ranges:
        """Read the lines of a range file.

        Raises:
            RangesError: a line is malformed, or two ranges overlap.
        """
        found: dict[int, list[tuple[int, int, str]]] = {4: [], 6: []}
        for number, line in enumerate(lines, start=1):
            if number > MAX_LINES:
                raise RangesError(f"The range file has more than {MAX_LINES} lines.")
            row = _row(line, number)
            if row is not None:
                version, first, last, country = row
                found[version].append((first, last, country))
        return cls(_family(found[4]), _family(found[6]))

    @classmethod
    def load(cls, path: Path) -> Ranges:
        """Read a range file.

        Raises:
            RangesError: it is absent, too large, not UTF-8, or malformed.
        """
        try:
            if path.stat().st_size > MAX_BYTES:
                raise RangesError(f"The range file is larger than {MAX_BYTES >> 20} MiB.")
            with path.open(encoding="utf-8-sig") as lines:
                return cls.parse(lines)
        except (OSError, UnicodeDecodeError) as error:
            raise RangesError(
                f"The range file {path.name} cannot be read: {type(error).__name__}.",
                hint="Put the operator's CSV file at this path, or run `tutela hub init` for the sample.",
            ) from error


def _row(line: str, number: int) -> tuple[int, int, int, str] | None:
    """Return (family, first, last, country), or None for an empty, comment or heading line."""
    if len(line) > MAX_LINE:
        raise RangesError(f"Line {number} of the range file is longer than {MAX_LINE} characters.")
    text = line.split("#", 1)[0].strip()
    if not text:
        return None
    cells = [cell.strip().strip('"') for cell in text.split(",")]
    if number == 1 and not any(character.isdigit() for character in cells[0]):
        return None
    try:
        version, first, last = _bounds(cells[:-1])
    except ValueError as error:
        raise RangesError(
            f"Line {number} of the range file is malformed.",
            hint="Each line is `first,last,country` or `network,country`.",
        ) from error
    return version, first, last, _country(cells[-1], number)


def _bounds(cells: list[str]) -> tuple[int, int, int]:
    if len(cells) == 1:
        network = ipaddress.ip_network(cells[0])
        return network.version, int(network.network_address), int(network.broadcast_address)
    if len(cells) != 2:
        raise ValueError
    first, last = ipaddress.ip_address(cells[0]), ipaddress.ip_address(cells[1])
    if first.version != last.version or int(first) > int(last):
        raise ValueError
    return first.version, int(first), int(last)


def _country(cell: str, number: int) -> str:
    code = cell.upper()
    if len(code) != 2 or not (code.isascii() and code.isalpha()):
        raise RangesError(f"Line {number} of the range file does not end with a two-letter country code.")
    return code


def _family(rows: list[tuple[int, int, str]]) -> _Family:
    rows.sort()
    for before, after in pairwise(rows):
        if after[0] <= before[1]:
            raise RangesError(
                "Two ranges of the range file overlap.",
                hint="Each address must have one country; remove the wider range or split it.",
            )
    first, last, country = zip(*rows, strict=True) if rows else ((), (), ())
    return _Family(first, last, country)
