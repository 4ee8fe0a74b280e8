"""A list: entries, a secret salt, and the questions that are asked of it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Final, NamedTuple, Self

from tutela.hashlist import strict_json
from tutela.hashlist.clusters import RADIUS, clusters
from tutela.hashlist.entries import Entry
from tutela.hashlist.errors import BadEntry, ListError
from tutela.hashlist.formats import jsonl
from tutela.hashlist.index import FlatIndex

_COMMITMENT: Final = b"tutela list commitment 1\0"


class Nearest(NamedTuple):
    """The nearest entry, and its distance in bits."""

    entry: Entry
    distance: int


@dataclass(frozen=True)
class HashList:
    """Entries with distinct ids.

    Attributes:
        entries: in the order of the file.
        salt: 32 bytes, as secret as the list; hides it in its public commitment.

    Raises (on construction): BadEntry.
    """

    entries: tuple[Entry, ...]
    salt: bytes = bytes(jsonl.SALT_BYTES)

    def __post_init__(self) -> None:
        """Refuse two entries of one id."""
        object.__setattr__(self, "entries", tuple(self.entries))
        if len(self._by_id) != len(self.entries):
            raise BadEntry("Two entries of the list have one id.")
        if len(self.salt) != jsonl.SALT_BYTES:
            raise BadEntry("The salt of a list has 32 bytes.")

    def __len__(self) -> int:
        return len(self.entries)

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a list file; raises `BadFile` and `BadLine`."""
        entries, salt = jsonl.load(path)
        return cls(entries, salt)

    def save(self, path: Path) -> None:
        """Write a list file, whole or not at all."""
        jsonl.save(path, self.entries, self.salt)

    def nearest(self, pdq: bytes, radius: int = RADIUS) -> Nearest | None:
        """Return the nearest entry within `radius` bits of a 32-byte PDQ hash, the first of equal ones."""
        entries, index = self._index
        found = index.nearest(pdq, radius)
        return None if found is None else Nearest(entries[found[0]], found[1])

    def get(self, entry_id: str) -> Entry | None:
        """Return the entry of this id."""
        return self._by_id.get(entry_id)

    def without(self, entry_id: str) -> HashList:
        """Return the list with one entry withdrawn.

        The rest of its cluster stays as it is: an entry that only the withdrawn one joined to the others
        keeps counting with them, which is the careful direction.

        Raises:
            ListError: there is no such entry.
        """
        if entry_id not in self._by_id:
            raise ListError(
                "The list has no entry of this id.", hint="`tutela list show --entries` prints ids."
            )
        return HashList(tuple(entry for entry in self.entries if entry.id != entry_id), self.salt)

    def clusters(self) -> dict[str, tuple[Entry, ...]]:
        """Return the entries of each cluster, by its name."""
        return clusters(self.entries)

    def commitment(self) -> bytes:
        """Return 32 bytes that commit to the salt and to every field of every entry, whatever their order.

        SHA-256 over the domain tag, the salt, the number of entries (8 bytes, big-endian) and, in order of
        ids, the SHA-256 of each entry's canonical JSON.
        """
        total = hashlib.sha256(_COMMITMENT + self.salt + len(self.entries).to_bytes(8))
        for entry in sorted(self.entries, key=lambda entry: entry.id):
            total.update(hashlib.sha256(strict_json.canonical(entry.to_dict())).digest())
        return total.digest()

    @cached_property
    def _by_id(self) -> dict[str, Entry]:
        return {entry.id: entry for entry in self.entries}

    @cached_property
    def _index(self) -> tuple[Sequence[Entry], FlatIndex]:
        hashed = [(entry, entry.pdq) for entry in self.entries if entry.pdq is not None]
        return [entry for entry, _ in hashed], FlatIndex([pdq for _, pdq in hashed])
