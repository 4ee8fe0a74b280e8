"""Typed leaves: one canonical line of JSON for each thing that is logged.

    {"fields":{...},"kind":"epoch","sha256":"<64 hex>","time":"2026-11-23T12:00:00Z"}

The canonical form is RFC 8785's for what is allowed: names sorted, no spaces, UTF-8, integers below 2**53.
`sha256` names the logged artefact, which itself is not in the log; it is "" for a leaf that is all fields.

What this does NOT protect: the log shows that a leaf was published, not that it is true or lawful. Leaves are
public for ever: never personal data, never a hash of unlisted content.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final, Never

from tutela.tlog.errors import BadLeaf

Value = str | int | bool | list[str]

KINDS: Final = frozenset(
    {
        "epoch",
        "list-change",
        "model",
        "policy",
        "release",
        "legal-basis",
        "endorsement",
        "audit",
        "key",
        "statement",
    }
)
MAX_BYTES: Final = 16 * 1024
MAX_FIELDS: Final = 32
MAX_ITEMS: Final = 256
_NAME: Final = re.compile(r"[a-z][a-z0-9_-]{0,39}")
_DIGEST: Final = re.compile(r"(?:[0-9a-f]{64})?")
_TIME: Final = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True, slots=True)
class Leaf:
    """Something that was published.

    Args:
        kind: one of `KINDS`.
        sha256: of the artefact, 64 lower-case hexadecimal digits, or "".
        time: aware; kept to the second, in UTC.
        fields: short facts: texts, integers, booleans, lists of texts.

    Raises:
        BadLeaf: something is out of range.
    """

    kind: str
    sha256: str
    time: datetime
    fields: Mapping[str, Value] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise BadLeaf(
                f"A leaf of the kind {self.kind!a:.40} is not known.",
                hint=f"Known: {', '.join(sorted(KINDS))}.",
            )
        if not isinstance(self.sha256, str) or not _DIGEST.fullmatch(self.sha256):
            raise BadLeaf("A leaf's sha256 is not 64 lower-case hexadecimal digits.")
        if self.time.tzinfo is None or self.time.microsecond:
            raise BadLeaf("A leaf's time has no zone, or fractions of a second.")
        if len(self.fields) > MAX_FIELDS:
            raise BadLeaf(f"A leaf has more than {MAX_FIELDS} fields.")
        for name, value in self.fields.items():
            _check(name, value)
        if len(self.to_bytes()) > MAX_BYTES:
            raise BadLeaf(f"A leaf is larger than {MAX_BYTES} bytes.")

    @classmethod
    def parse(cls, data: bytes) -> Leaf:
        """Read a leaf in its canonical form, and in no other.

        Raises:
            BadLeaf: it is not one.
        """
        if len(data) > MAX_BYTES:
            raise BadLeaf(f"A leaf is larger than {MAX_BYTES} bytes.")
        try:
            read = json.loads(data.decode(), parse_float=_refuse, parse_constant=_refuse, parse_int=_integer)
        except (ValueError, RecursionError) as error:
            raise BadLeaf("A leaf is not JSON.") from error
        if not isinstance(read, dict) or read.keys() != {"kind", "sha256", "time", "fields"}:
            raise BadLeaf("A leaf has other members than kind, sha256, time and fields.")
        if not isinstance(read["fields"], dict) or not isinstance(read["kind"], str):
            raise BadLeaf("A leaf's kind or fields are of another type.")
        leaf = cls(read["kind"], read["sha256"], _moment(read["time"]), read["fields"])
        if leaf.to_bytes() != data:
            raise BadLeaf("A leaf is not in its canonical form.")
        return leaf

    def to_bytes(self) -> bytes:
        """Return the canonical form, which is the log's entry."""
        value = {
            "kind": self.kind,
            "sha256": self.sha256,
            "time": self.time.astimezone(UTC).strftime(_TIME),
            "fields": dict(self.fields),
        }
        return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _check(name: object, value: object) -> None:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise BadLeaf("A field's name is not short lower-case text.")
    if isinstance(value, list):
        if len(value) > MAX_ITEMS or not all(isinstance(item, str) for item in value):
            raise BadLeaf(f"The field {name} is not a short list of texts.")
        texts = value
    else:
        texts = [value] if isinstance(value, str) else []
        if not texts and not isinstance(value, int):  # a bool is an int
            raise BadLeaf(f"The field {name} is neither text, integer, boolean nor a list of texts.")
        if isinstance(value, int) and abs(value) >= 1 << 53:
            raise BadLeaf(f"The field {name} is too large a number.")
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        raise BadLeaf(f"The field {name} holds half of a character.") from error


def _moment(text: Any) -> datetime:
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except (TypeError, ValueError) as error:
        raise BadLeaf("A leaf's time is not of the form 2026-11-23T12:00:00Z.") from error


def _integer(text: str) -> int:
    if len(text) > 17:
        _refuse(text)
    return int(text)


def _refuse(text: str) -> Never:
    del text
    raise BadLeaf("A leaf holds a fraction or a huge number.")
