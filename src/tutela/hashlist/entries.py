"""One entry of a list: fingerprints, a classification code, and where it came from. Never what it shows."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final, Self

from tutela.hashlist.categories import check_category
from tutela.hashlist.errors import BadEntry

PDQ_BYTES: Final = 32
SHA256_BYTES: Final = 32
MD5_BYTES: Final = 16
SIGNALS: Final[Mapping[str, int]] = {"pdq": PDQ_BYTES, "sha256": SHA256_BYTES, "md5": MD5_BYTES}
#: how the fingerprints were computed: the exact or the fast path of `tutela.fingerprint`, or by someone else
PATHS: Final = ("exact", "fast", "unknown")
MAX_TEXT: Final = 120
FIELDS: Final = (
    *("id", "scale", "category", "pdq", "sha256", "md5"),
    *("quality", "cluster", "source", "added", "note", "path"),
)

_ID: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
_TIME: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
#: a spreadsheet takes a cell that begins so for a formula
_FORMULA: Final = ("=", "+", "-", "@")


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where an entry came from.

    Attributes:
        source: the organisation or collection that submitted it.
        added: when, UTC, whole seconds.
        note: an administrative reference such as a file number; never a description of content.
        path: "exact", "fast" or "unknown": how the fingerprints were computed.
    """

    source: str
    added: datetime
    note: str = ""
    path: str = "unknown"

    def __post_init__(self) -> None:
        """Refuse what no format can carry."""
        _check_text(self.source, "source")
        _check_text(self.note, "note", empty=True)
        if self.path not in PATHS:
            raise BadEntry(f"The path of an entry is one of {', '.join(PATHS)}.")
        if self.added.tzinfo is None:
            raise BadEntry("The time of an entry needs a time zone.")
        try:
            added = self.added.astimezone(UTC).replace(microsecond=0)
        except OverflowError as error:
            raise BadEntry("The time of an entry is out of range.") from error
        object.__setattr__(self, "added", added)


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """An entry; at least one of `pdq` (32 bytes), `sha256` (32) and `md5` (16) is there.

    Attributes:
        id: 1 to 64 of A-Z a-z 0-9 . _ : -
        scale: name of the classification scale.
        category: its code.
        quality: PDQ quality 0 to 100, or None where the source did not say.
        cluster: name that near-duplicates share; an entry's own id if nothing is given.

    Raises (on construction): BadEntry, CategoryRefused.
    """

    id: str
    scale: str
    category: str
    pdq: bytes | None = None
    sha256: bytes | None = None
    md5: bytes | None = None
    quality: int | None = None
    cluster: str = ""
    provenance: Provenance

    def __post_init__(self) -> None:
        """Refuse what no format can carry, and every category outside of the closed set."""
        check_category(self.scale, self.category)
        object.__setattr__(self, "cluster", self.cluster or self.id)
        if not (_ID.fullmatch(self.id) and _ID.fullmatch(self.cluster)):
            raise BadEntry("The id or the cluster of an entry has other characters than A-Z a-z 0-9 . _ : -")
        sizes = {name: getattr(self, name) for name in SIGNALS}
        if all(value is None for value in sizes.values()):
            raise BadEntry("An entry needs a fingerprint.")
        for name, value in sizes.items():
            if value is not None and len(value) != SIGNALS[name]:
                raise BadEntry(f"A {name} fingerprint has {SIGNALS[name]} bytes.")
        if self.quality is not None and not 0 <= self.quality <= 100:
            raise BadEntry("The quality of an entry is 0 to 100.")

    def in_cluster(self, cluster: str) -> Entry:
        """Return the same entry in another cluster."""
        return self if cluster == self.cluster else replace(self, cluster=cluster)

    def to_dict(self) -> dict[str, Any]:
        """Return the entry as one flat object, with exactly the names of `FIELDS`."""
        return {
            "id": self.id,
            "scale": self.scale,
            "category": self.category,
            **{name: _hex(getattr(self, name)) for name in SIGNALS},
            "quality": self.quality,
            "cluster": self.cluster,
            "source": self.provenance.source,
            "added": format_time(self.provenance.added),
            "note": self.provenance.note,
            "path": self.provenance.path,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Read what `to_dict` wrote; raises `BadEntry` on any defect."""
        if set(data) != set(FIELDS):
            raise BadEntry("An entry lacks a field, or has an unknown one.")
        texts = {name: data[name] for name in FIELDS if name not in SIGNALS and name != "quality"}
        if not all(isinstance(value, str) for value in texts.values()):
            raise BadEntry("A field of an entry is not a text.")
        quality = data["quality"]
        if quality is not None and type(quality) is not int:
            raise BadEntry("The quality of an entry is a whole number.")
        origin = Provenance(
            source=texts["source"], added=parse_time(texts["added"]), note=texts["note"], path=texts["path"]
        )
        signals = {name: data[name] if data[name] is None else read_hex(name, data[name]) for name in SIGNALS}
        return cls(
            id=texts["id"],
            scale=texts["scale"],
            category=texts["category"],
            quality=quality,
            cluster=texts["cluster"],
            provenance=origin,
            **signals,
        )


@dataclass(frozen=True, slots=True)
class Labels:
    """What all entries of one import share, and where their ids come from.

    Attributes:
        scale: classification scale.
        category: its code.
        provenance: of all entries.
        new_id: gives a fresh id at each call.
    """

    scale: str
    category: str
    provenance: Provenance
    new_id: Callable[[], str]

    def __post_init__(self) -> None:
        """Refuse a category outside of the closed set before any work is done."""
        check_category(self.scale, self.category)

    def entry(
        self,
        *,
        pdq: bytes | None = None,
        sha256: bytes | None = None,
        md5: bytes | None = None,
        quality: int | None = None,
    ) -> Entry:
        """Return an entry with these fingerprints, a fresh id and a cluster of its own."""
        return Entry(
            id=self.new_id(),
            scale=self.scale,
            category=self.category,
            pdq=pdq,
            sha256=sha256,
            md5=md5,
            quality=quality,
            provenance=self.provenance,
        )


def read_hex(signal: str, text: object) -> bytes:
    """Return the bytes of a fingerprint in hex, either case; raises `BadEntry`."""
    size = SIGNALS[signal]
    if isinstance(text, str) and len(text) == 2 * size and re.fullmatch(r"[0-9A-Fa-f]+", text):
        return bytes.fromhex(text)
    raise BadEntry(f"A {signal} fingerprint is {2 * size} hexadecimal digits.")


def parse_time(text: str) -> datetime:
    """Return a time of the form 2026-01-31T12:00:00Z; raises `BadEntry`."""
    if _TIME.fullmatch(text):
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    raise BadEntry("A time is written as 2026-01-31T12:00:00Z.")


def format_time(moment: datetime) -> str:
    """Return a time as 2026-01-31T12:00:00Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ").rjust(20, "0")


def _hex(value: bytes | None) -> str | None:
    return None if value is None else value.hex()


def _check_text(text: str, name: str, *, empty: bool = False) -> None:
    sound = len(text) <= MAX_TEXT and text.isprintable() and text == text.strip()
    if not sound or text.startswith(_FORMULA) or not (text or empty):
        raise BadEntry(
            f"The {name} of an entry is one line of at most {MAX_TEXT} characters,"
            " without spaces around it, and does not begin with = + - or @."
        )
