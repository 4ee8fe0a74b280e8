"""Which tokens of a list go into a table, and which are left out and counted.

Left out: entries without a PDQ hash; entries of a PDQ quality below the profile's minimum (an unknown
quality counts as sufficient: exchanges publish no hashes below it); tokens that occur in more than one
cluster; tokens that also occur in a public benign corpus. All of these would match pictures that have
nothing to do with the list. A cluster has one token set, the union of its entries' tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields
from typing import Any

from tutela.hashlist.entries import Entry
from tutela.hashlist.epoch.errors import CannotBuild
from tutela.hashlist.hash_list import HashList
from tutela.voucher.parameters import Parameters
from tutela.voucher.tokens import Token, entry_tokens


@dataclass(frozen=True, slots=True)
class Counts:
    """What went in and what was left out, as the manifest publishes it."""

    entries: int
    entries_without_pdq: int
    entries_of_low_quality: int
    entries_of_unknown_quality: int
    clusters: int
    clusters_without_tokens: int
    tokens: int
    tokens_in_several_clusters: int
    tokens_common: int

    def to_dict(self) -> dict[str, int]:
        """Return the JSON form."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Counts:
        """Read the JSON form; raises `CannotBuild` on any defect."""
        names = {field.name for field in fields(cls)}
        sound = isinstance(data, dict) and set(data) == names
        if not sound or any(type(value) is not int or value < 0 for value in data.values()):
            raise CannotBuild("The counts of an epoch lack one, or one is not a number.")
        return cls(**data)


@dataclass(frozen=True, slots=True)
class Selection:
    """The tokens of a table in order, their number in the fullest mask, and the counts."""

    tokens: tuple[Token, ...]
    fullest: int
    counts: Counts


def select(hash_list: HashList, parameters: Parameters, common: Collection[Token] = frozenset()) -> Selection:
    """Return the tokens of a list that go into its table.

    Args:
        hash_list: clustered.
        parameters: give the masks and the minimum quality.
        common: tokens of a public benign corpus (`common_tokens`).
    """
    groups = hash_list.clusters()
    owners: dict[Token, str | None] = {}  # None: more than one cluster has it
    for name, entries in groups.items():
        for token in {token for entry in entries for token in _tokens(entry, parameters)}:
            owners[token] = None if token in owners else name
    shared = sum(owner is None for owner in owners.values())
    kept = {token: owner for token, owner in owners.items() if owner is not None and token not in common}
    entries = hash_list.entries
    counts = Counts(
        entries=len(entries),
        entries_without_pdq=sum(entry.pdq is None for entry in entries),
        entries_of_low_quality=sum(entry.pdq is not None and _low(entry, parameters) for entry in entries),
        entries_of_unknown_quality=sum(entry.pdq is not None and entry.quality is None for entry in entries),
        clusters=len(groups),
        clusters_without_tokens=len(groups) - len(set(kept.values())),
        tokens=len(kept),
        tokens_in_several_clusters=shared,
        tokens_common=len(owners) - shared - len(kept),
    )
    fullest = max(Counter(token.mask for token in kept).values(), default=0)
    return Selection(tuple(sorted(kept)), fullest, counts)


def common_tokens(entries: Iterable[Entry], parameters: Parameters) -> frozenset[Token]:
    """Return the tokens of a public benign corpus that was fingerprinted like a list."""
    return frozenset(token for entry in entries for token in _tokens(entry, parameters))


def _tokens(entry: Entry, parameters: Parameters) -> tuple[Token, ...]:
    if entry.pdq is None or _low(entry, parameters):
        return ()
    return entry_tokens(parameters, entry.pdq)


def _low(entry: Entry, parameters: Parameters) -> bool:
    return entry.quality is not None and entry.quality < parameters.minimum_quality
