"""Drawing a list: which entries the rules allow at a moment, with no source above its share."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from tutela.hashlist.governance.commitments import list_root
from tutela.hashlist.governance.constitution import Constitution
from tutela.hashlist.governance.folding import Folded


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that may be listed as far as it alone is concerned.

    Attributes:
        commitment: 32 bytes.
        source: the organisation of the earliest submission that counts; the entry is its contribution.
        position: of that submission.
    """

    commitment: bytes
    source: str
    position: int


@dataclass(frozen=True, slots=True)
class Drawn:
    """A drawn list: entries that are in, and those that are held back, by commitment."""

    listed: tuple[bytes, ...]
    held_back: tuple[Candidate, ...]

    @property
    def root(self) -> bytes:
        """Merkle root of the listed commitments."""
        return list_root(self.listed)


def candidate(commitment: bytes, folded: Folded, constitution: Constitution, now: datetime) -> Candidate:
    """Return an entry for which `Folded.reasons` is empty as a candidate."""
    first = folded.counting(constitution, now)[0]
    return Candidate(commitment, first.statement.organisation, first.position)


def share_out(candidates: Iterable[Candidate], constitution: Constitution) -> Drawn:
    """Return the largest list in which no source has more than its share; the earliest submitted stay.

    A source may have `source_floor` entries, or `source_share` percent of the list if that is more. Holding
    entries back makes the list, and with it every share, smaller: so the share is computed again until it
    stays. It only ever falls, so this ends, at the largest list that satisfies the rule.
    """
    ordered = sorted(candidates, key=lambda each: (each.position, each.commitment))
    counts = Counter(each.source for each in ordered)
    total = len(ordered)
    while True:
        most = max(constitution.source_floor, total * constitution.source_share // 100)
        shared = sum(min(count, most) for count in counts.values())
        if shared == total:
            break
        total = shared
    return _cut(ordered, most)


def _cut(ordered: Iterable[Candidate], most: int) -> Drawn:
    taken: Counter[str] = Counter()
    listed, held = [], []
    for each in ordered:
        if taken[each.source] < most:
            taken[each.source] += 1
            listed.append(each.commitment)
        else:
            held.append(each)
    return Drawn(tuple(sorted(listed)), tuple(held))
