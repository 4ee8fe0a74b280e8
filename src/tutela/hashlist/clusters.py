"""Clusters: near-duplicate entries count as one, and have one set of tokens.

Two entries are of one cluster if a chain of PDQ distances of at most 31 bits joins them (frames of one
video, copies of one photograph), or if whoever submitted them said so. 31 is the radius that the
exchanges of PDQ hashes use for "the same picture".
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

from tutela.hashlist.entries import Entry
from tutela.hashlist.index import UnionFind, join_near

RADIUS: Final = 31


def clustered(entries: Sequence[Entry], radius: int = RADIUS) -> tuple[Entry, ...]:
    """Return the entries in the same order, each named for its cluster: the smallest id in it.

    Clusters that are given already are joined further but never split, so doing it again changes nothing.
    """
    sets = UnionFind(len(entries))
    by_id = {entry.id: position for position, entry in enumerate(entries)}
    first_of: dict[str, int] = {}
    for position, entry in enumerate(entries):
        sets.union(position, first_of.setdefault(entry.cluster, position))
        sets.union(position, by_id.get(entry.cluster, position))
    hashed = [(entry.pdq, position) for position, entry in enumerate(entries) if entry.pdq is not None]
    join_near([pdq for pdq, _ in hashed], radius, sets, [position for _, position in hashed])
    names: dict[int, str] = {}
    for position, entry in enumerate(entries):
        root = sets.find(position)
        names[root] = min(names.get(root, entry.id), entry.id)
    return tuple(entry.in_cluster(names[sets.find(position)]) for position, entry in enumerate(entries))


def clusters(entries: Iterable[Entry]) -> dict[str, tuple[Entry, ...]]:
    """Return the entries of each cluster, by its name, in the order of the entries."""
    found: dict[str, list[Entry]] = {}
    for entry in entries:
        found.setdefault(entry.cluster, []).append(entry)
    return {name: tuple(members) for name, members in found.items()}
