"""Plain lines: `signal_type hash`, the least that hash-sharing tools agree on.

Signal types are pdq, md5 and sha256, hashes are hexadecimal. Empty lines and lines that begin with `#`
are passed over. A line carries one fingerprint only: what belonged together comes back as entries of
their own, and classification, quality and provenance are not carried.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tutela.hashlist.entries import SIGNALS, Entry, Labels, read_hex
from tutela.hashlist.errors import BadEntry, BadLine
from tutela.hashlist.formats.lines import read_lines, write_lines

ALL_SIGNALS: Final = tuple(SIGNALS)


@dataclass(frozen=True, slots=True)
class Read:
    """What a file gave: its entries, and how many lines only repeated an earlier one."""

    entries: tuple[Entry, ...]
    duplicates: int


def load(path: Path, labels: Labels) -> Read:
    """Return one entry for each distinct fingerprint.

    Raises:
        BadLine: a line is not `signal_type hash`; names the line, and nothing is used.
        BadFile: the file cannot be read.
    """
    seen: dict[tuple[str, bytes], Entry] = {}
    lines = 0
    for number, line in read_lines(path):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        lines += 1
        name, value = _signal(number, line)
        if (name, value) not in seen:
            fingerprints: dict[str, Any] = {name: value}
            seen[name, value] = labels.entry(**fingerprints)
    return Read(tuple(seen.values()), lines - len(seen))


def _signal(number: int, line: str) -> tuple[str, bytes]:
    parts = line.split()
    if len(parts) != 2 or parts[0].lower() not in SIGNALS:
        raise BadLine(number, "not a signal type (pdq, md5, sha256) and a hash.")
    name = parts[0].lower()
    try:
        return name, read_hex(name, parts[1])
    except BadEntry as error:
        raise BadLine(number, error.message) from error


def save(path: Path, entries: Iterable[Entry], signals: Collection[str] = ALL_SIGNALS) -> int:
    """Write a line for each distinct fingerprint of the named signal types; return how many."""
    lines = tuple(dict.fromkeys(_lines(entries, signals)))
    write_lines(path, lines)
    return len(lines)


def _lines(entries: Iterable[Entry], signals: Collection[str]) -> Iterator[str]:
    for entry in entries:
        for name in ALL_SIGNALS:
            value: bytes | None = getattr(entry, name)
            if value is not None and name in signals:
                yield f"{name} {value.hex()}"
