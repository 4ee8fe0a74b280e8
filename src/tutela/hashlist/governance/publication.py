"""What a register publishes of a list version, and how anybody checks it offline.

Files, each the same for the same history and version:

    version.json        {"type": "tutela-list-version", "version": 1, "number", "root", "category", ...}
    history.jsonl       one record a line: {"document": the signed file, "position", "received"}
    commitments.txt     the commitments of the version, sorted, 64 hexadecimal digits a line
    tombstones.jsonl    one withdrawn entry a line: {"cause", "commitment", "position"}

`verify_list` (the audit of a list) believes nothing but the digest of the first constitution: it reads the
history as the register did, so every signature, role, clock and conflict is checked again, draws the list
again, and compares. It needs no entry and no secret.

Not protected: that this history is the one that others are shown, and that it is whole. Each record has a
leaf for the transparency log (`Record.leaf`), which is what settles that.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from tutela.hashlist import strict_json
from tutela.hashlist.entries import format_time
from tutela.hashlist.errors import BadJSON
from tutela.hashlist.governance import fields
from tutela.hashlist.governance.commitments import list_root
from tutela.hashlist.governance.constitution import TYPE as CONSTITUTION
from tutela.hashlist.governance.constitution import Constitution
from tutela.hashlist.governance.endorsements import Endorsements
from tutela.hashlist.governance.errors import Malformed, NotEndorsed, OtherPublication
from tutela.hashlist.governance.history import History
from tutela.hashlist.governance.organisations import Organisation
from tutela.hashlist.governance.records import Record
from tutela.hashlist.governance.signing import MAX_CONSTITUTION
from tutela.hashlist.governance.state import RegisterState, Version, state_at

TYPE: Final = "tutela-list-version"
VERSION: Final = 1
VERSION_FILE: Final = "version.json"
HISTORY_FILE: Final = "history.jsonl"
COMMITMENTS_FILE: Final = "commitments.txt"
TOMBSTONES_FILE: Final = "tombstones.jsonl"
FILES: Final = frozenset({VERSION_FILE, HISTORY_FILE, COMMITMENTS_FILE, TOMBSTONES_FILE})
MAX_RECORDS: Final = 1 << 21
MAX_FILE: Final = 1 << 31
_LINE: Final[fields.Schema] = {
    "position": fields.WHOLE,
    "received": fields.TIME,
    "document": fields.Codec(strict_json.read, lambda value: strict_json.canonical(value) + b"\n"),
}


@dataclass(frozen=True, slots=True)
class ListVersion:
    """A published list version: its files by name, and what the device and the log take of it."""

    number: int
    root: bytes
    files: Mapping[str, bytes]
    endorsements: Endorsements

    def leaf(self) -> dict[str, Any]:
        """Return the body of its leaf in the transparency log."""
        body: dict[str, Any] = strict_json.read(self.files[VERSION_FILE])
        return body


@dataclass(frozen=True, slots=True)
class Audit:
    """What an outsider found to hold.

    Attributes:
        number: of the list version.
        root: of its commitments.
        entries: how many it holds.
        live: how many of them are live at the moment of the audit.
        endorsers: who endorsed it.
        constitution: in force.
        state: everything, entry by entry.
    """

    number: int
    root: bytes
    entries: int
    live: int
    endorsers: tuple[Organisation, ...]
    constitution: Constitution
    state: RegisterState


def publish(history: History, state: RegisterState) -> ListVersion:
    """Return the files of the list version in force.

    Raises:
        NotEndorsed: none is in force.
    """
    if state.version is None:
        raise NotEndorsed
    version = state.version
    files = {
        VERSION_FILE: strict_json.canonical(_describe(version, state)) + b"\n",
        HISTORY_FILE: b"".join(_line(record) for record in history.records(state.size)),
        COMMITMENTS_FILE: b"".join(each.hex().encode() + b"\n" for each in version.commitments),
        TOMBSTONES_FILE: b"".join(_tombstones(state)),
    }
    signed = Endorsements.of(record.data for record in version.records)
    return ListVersion(version.number, version.root, files, signed)


def verify_list(files: Mapping[str, bytes], anchor: bytes, now: datetime) -> Audit:
    """Check everything that a register published of a list version, offline.

    Args:
        files: by name, exactly `FILES`.
        anchor: digest of the register's first constitution, from elsewhere.
        now: the moment; the list must be in force.

    Raises:
        GovernanceError: the refusal of the first record that does not hold; `NotEndorsed` where no list
            version has a quorum now; `OtherPublication` where a file does not follow from the history.
    """
    if set(files) != FILES:
        raise Malformed("A list version is published as four files.")
    history = replay(files[HISTORY_FILE], anchor)
    state = state_at(history, history.constitution, now)
    if state.version is None:
        raise NotEndorsed
    if state.size != len(history):
        raise OtherPublication("Some of the history is of later than the audit.")
    version = state.version
    if list_root(read_commitments(files[COMMITMENTS_FILE])) != version.root:
        raise OtherPublication("The commitments are not those of the root.")
    for name, data in publish(history, state).files.items():
        if files[name] != data:
            raise OtherPublication(f"The file {name} differs.")
    return Audit(
        version.number,
        version.root,
        len(version.commitments),
        len(state.live),
        version.endorsers,
        history.constitution,
        state,
    )


def replay(data: bytes, anchor: bytes) -> History:
    """Read history.jsonl again as the register did; raises `GovernanceError`."""
    history: History | None = None
    for position, (document, received) in enumerate(read_lines(data)):
        if history is None:
            history = History.begin(document, anchor, received)
        elif _is_constitution(document):
            history.amend(document, received)
        else:
            history.append(document, received)
        if len(history) != position + 1:
            raise Malformed("A record is out of its place.")
    if history is None:
        raise Malformed("The history is empty.")
    return history


def read_lines(data: bytes) -> Iterator[tuple[bytes, datetime]]:
    """Yield each record's signed file and time of arrival; raises `Malformed`."""
    for place, line in enumerate(_lines(data)):
        try:
            found = fields.read(_LINE, strict_json.read(line, max_bytes=MAX_CONSTITUTION + 256))
        except BadJSON as error:
            raise Malformed(error.message) from error
        if found["position"] != place:
            raise Malformed("A record is out of its place.")
        yield found["document"], found["received"]


def read_commitments(data: bytes) -> tuple[bytes, ...]:
    """Read commitments.txt; raises `Malformed`."""
    found = tuple(fields.read_bytes(line.decode("ascii", "replace")) for line in _lines(data))
    if list(found) != sorted(set(found)):
        raise Malformed("The commitments stand in order, and each once.")
    return found


def _lines(data: bytes) -> list[bytes]:
    if len(data) > MAX_FILE or (data and not data.endswith(b"\n")):
        raise Malformed("A file of lines ends with one, and is of bounded size.")
    lines = data.split(b"\n")[:-1]
    if len(lines) > MAX_RECORDS:
        raise Malformed(f"More than {MAX_RECORDS} lines.")
    return lines


def _line(record: Record) -> bytes:
    said = {
        "position": record.position,
        "received": format_time(record.received),
        "document": strict_json.read(record.data),
    }
    return strict_json.canonical(said) + b"\n"


def _is_constitution(document: bytes) -> bool:
    found = strict_json.read(document)
    signed = found.get("signed") if isinstance(found, dict) else None
    return isinstance(signed, dict) and signed.get("type") == CONSTITUTION


def _tombstones(state: RegisterState) -> Iterator[bytes]:
    for stone in state.tombstones:
        said = {"commitment": stone.commitment.hex(), "position": stone.position, "cause": stone.cause}
        yield strict_json.canonical(said) + b"\n"


def _describe(version: Version, state: RegisterState) -> dict[str, Any]:
    said = version.statement.to_dict()
    for name in ("organisation", "at", "type"):
        del said[name]
    return {
        **said,
        "type": TYPE,
        "version": VERSION,
        "entries": len(version.commitments),
        "records": state.size,
        "endorsers": [each.id for each in version.endorsers],
    }
