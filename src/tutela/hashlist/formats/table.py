"""CSV (RFC 4180) with a header line and all fields of an entry: nothing is lost on the way out and in.

Fields hold no line ends, so a record is a line and an error names its line. An empty field is an absent
fingerprint or quality. No field can begin like a formula (`tutela.hashlist.entries` refuses those).
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tutela.hashlist.entries import FIELDS, SIGNALS, Entry
from tutela.hashlist.errors import BadEntry, BadFile, BadLine
from tutela.hashlist.formats.lines import read_lines, write_lines

_OPTIONAL = (*SIGNALS, "quality")


def load(path: Path) -> tuple[Entry, ...]:
    """Return the entries of a CSV file.

    Raises:
        BadFile: the header is another one, or the file cannot be read.
        BadLine: a record is damaged, or repeats an id; names the line, and nothing is used.
    """
    lines = read_lines(path)
    _, header = next(lines, (1, ""))
    if tuple(_cells(1, header)) != FIELDS:
        raise BadFile("The CSV file has another header.", hint="Expected: " + ",".join(FIELDS))
    entries: dict[str, Entry] = {}
    for number, line in lines:
        if not line.strip():
            continue
        entry = _entry(number, line)
        if entry.id in entries:
            raise BadLine(number, "this id occurred before.")
        entries[entry.id] = entry
    return tuple(entries.values())


def _entry(number: int, line: str) -> Entry:
    cells = _cells(number, line)
    if len(cells) != len(FIELDS):
        raise BadLine(number, f"{len(cells)} fields instead of {len(FIELDS)}.")
    data: dict[str, Any] = dict(zip(FIELDS, cells, strict=True))
    for name in _OPTIONAL:
        data[name] = data[name] or None
    try:
        if data["quality"] is not None:
            data["quality"] = _number(data["quality"])
        return Entry.from_dict(data)
    except BadEntry as error:
        raise BadLine(number, error.message, hint=error.hint) from error


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 3):
        raise BadEntry("The quality of an entry is a whole number.")
    return int(text)


def _cells(number: int, line: str) -> list[str]:
    try:
        records = list(csv.reader([line], strict=True))
    except csv.Error as error:
        raise BadLine(number, "not a record of a CSV file.") from error
    return records[0] if records else []


def save(path: Path, entries: Iterable[Entry]) -> None:
    """Write all fields of the entries."""
    write_lines(path, _records(entries))


def _records(entries: Iterable[Entry]) -> Iterator[str]:
    yield ",".join(FIELDS)
    for entry in entries:
        row = io.StringIO()
        data = entry.to_dict()
        csv.writer(row, lineterminator="").writerow(
            "" if data[name] is None else data[name] for name in FIELDS
        )
        yield row.getvalue()
