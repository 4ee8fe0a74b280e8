"""Our own file of a list: JSON lines.

The first line is `{"entries": n, "format": "tutela-list", "salt": hex, "version": 1}`, then comes one flat
object for each entry (`tutela.hashlist.entries.FIELDS`). The number of entries shows a file that was cut
short. The salt makes the public commitment to the list say nothing of its contents: it is as secret as
the list. Names that are not known here are refused, not ignored.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tutela.hashlist import strict_json
from tutela.hashlist.entries import Entry
from tutela.hashlist.errors import BadEntry, BadFile, BadJSON, BadLine
from tutela.hashlist.formats.lines import MAX_LINE_BYTES, read_lines, write_lines

FORMAT: Final = "tutela-list"
VERSION: Final = 1
SALT_BYTES: Final = 32


def save(path: Path, entries: Sequence[Entry], salt: bytes) -> None:
    """Write a list, whole or not at all, readable by its owner only."""
    header = {"format": FORMAT, "version": VERSION, "entries": len(entries), "salt": salt.hex()}
    rows: list[dict[str, Any]] = [header, *(entry.to_dict() for entry in entries)]
    write_lines(path, (strict_json.canonical(row).decode() for row in rows))


def load(path: Path) -> tuple[tuple[Entry, ...], bytes]:
    """Return the entries and the salt.

    Raises:
        BadFile: not a list of this version, or cut short.
        BadLine: an entry is damaged; names the line.
    """
    entries: list[Entry] = []
    expected, salt = -1, b""
    for number, line in read_lines(path):
        if number == 1:
            expected, salt = _header(line)
            continue
        try:
            entries.append(Entry.from_dict(_object(line)))
        except (BadEntry, BadJSON) as error:
            raise BadLine(number, error.message, hint=error.hint) from error
    if expected != len(entries):
        raise BadFile("The list is cut short, or it is not a list.", hint="Copy or make the file again.")
    return tuple(entries), salt


def _header(line: str) -> tuple[int, bytes]:
    try:
        header = _object(line)
    except BadJSON as error:
        raise BadFile("This is not a list: its first line is not a header.") from error
    if header.get("format") != FORMAT or header.get("version") != VERSION:
        raise BadFile("This is not a list of a version that is known here.")
    try:
        salt = bytes.fromhex(header["salt"])
    except (KeyError, TypeError, ValueError) as error:
        raise BadFile("The list's header lacks its salt.") from error
    count = header.get("entries")
    if (
        type(count) is not int
        or len(salt) != SALT_BYTES
        or set(header) != {"format", "version", "entries", "salt"}
    ):
        raise BadFile("The list's header is damaged.")
    return count, salt


def _object(line: str) -> dict[str, Any]:
    found = strict_json.read(line.encode(), max_bytes=2 * MAX_LINE_BYTES)
    if not isinstance(found, dict):
        raise BadJSON("A line is not an object.")
    return found
