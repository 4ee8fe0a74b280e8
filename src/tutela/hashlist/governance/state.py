"""What a history amounts to at a moment: which entries are live, and why the others are not.

An entry is live if, now,

1. organisations enough in number, of jurisdictions enough that are pairwise different and unallied, submitted
   it since it was last withdrawn, none of these submissions has expired, and each organisation is still in
   the directory with the role for its source;
2. no redress decision removed it, and no dispute of it is overdue;
3. category and classification are of the closed sets;
4. the list version in force holds it, drawn after its last withdrawal: the one of the highest number whose
   time it is and that a quorum of endorsers signed, allied ones counting once;
5. its source is within its share of the list.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from tutela.hashlist.governance.constitution import Constitution
from tutela.hashlist.governance.drawing import candidate, share_out
from tutela.hashlist.governance.errors import HeldBack, NotEndorsed, Reason, UnknownEntry
from tutela.hashlist.governance.folding import Folded
from tutela.hashlist.governance.history import History
from tutela.hashlist.governance.organisations import ENDORSER, Organisation, independent
from tutela.hashlist.governance.records import Record
from tutela.hashlist.governance.statements import Endorsement


@dataclass(frozen=True, slots=True)
class Version:
    """A list version in force.

    Attributes:
        statement: what its endorsements say in common.
        endorsers: organisations that endorsed it, in order of their ids.
        records: their endorsements.
        commitments: of the entries that it was drawn with, sorted.
    """

    statement: Endorsement
    endorsers: tuple[Organisation, ...]
    records: tuple[Record, ...]
    commitments: tuple[bytes, ...]

    @property
    def number(self) -> int:
        """Its number."""
        return self.statement.number

    @property
    def root(self) -> bytes:
        """Merkle root of its commitments."""
        return self.statement.root


@dataclass(frozen=True, slots=True)
class EntryState:
    """One entry.

    Attributes:
        commitment: 32 bytes.
        submitters: organisations whose submissions count now, in order.
        source: whose contribution it is; empty if no submission counts.
        reasons: why it is not live; empty if it is.
    """

    commitment: bytes
    submitters: tuple[str, ...]
    source: str
    reasons: tuple[Reason, ...]

    @property
    def live(self) -> bool:
        """Whether it is live."""
        return not self.reasons


@dataclass(frozen=True, slots=True)
class Tombstone:
    """An entry that was withdrawn or removed: what, when, by which statement, why."""

    commitment: bytes
    position: int
    cause: str


@dataclass(frozen=True, slots=True)
class RegisterState:
    """A register at a moment.

    Attributes:
        now: the moment.
        size: records of the history that count.
        constitution: that it was read under.
        version: list version in force, or None.
        entries: by commitment.
        live: commitments of the live entries, sorted.
        eligible: commitments that a list drawn now would hold, sorted.
        tombstones: of entries that are withdrawn, by position.
    """

    now: datetime
    size: int
    constitution: Constitution
    version: Version | None
    entries: Mapping[bytes, EntryState]
    live: tuple[bytes, ...]
    eligible: tuple[bytes, ...]
    tombstones: tuple[Tombstone, ...]

    def explain(self, commitment: bytes) -> tuple[Reason, ...]:
        """Return why an entry is not live, or nothing if it is; raises `UnknownEntry`."""
        if commitment not in self.entries:
            raise UnknownEntry
        return self.entries[commitment].reasons

    def require_live(self, commitment: bytes) -> None:
        """Raise the first reason why an entry is not live, if there is one."""
        for reason in self.explain(commitment):
            raise reason.error()


def state_at(history: History, constitution: Constitution, now: datetime) -> RegisterState:
    """Return the state of the register at `now`; records that arrived later do not count."""
    size = history.size_at(now)
    folded = {
        name: history.folded(name, size)
        for name, first in history.entries.items()
        if first[0].position < size
    }
    reasons = {name: each.reasons(constitution, now) for name, each in folded.items()}
    allowed = [candidate(name, each, constitution, now) for name, each in folded.items() if not reasons[name]]
    version = version_at(history, constitution, now)
    held = _listed(version, folded)
    drawn = share_out(allowed, constitution)
    live = share_out([each for each in allowed if each.commitment in held], constitution)
    over = {each.commitment: each for each in (*drawn.held_back, *live.held_back)}
    listed = frozenset(live.listed)
    states = {}
    for name, each in folded.items():
        said = [*reasons[name]]
        if name in over and name not in listed:
            said.append(Reason.of(HeldBack, source=over[name].source, percent=constitution.source_share))
        if name not in held:
            said.append(Reason.of(NotEndorsed))
        counting = each.counting(constitution, now)
        who = tuple(sorted({one.statement.organisation for one in counting}))
        source = counting[0].statement.organisation if counting else ""
        states[name] = EntryState(name, who, source, tuple(said))
    stones = [Tombstone(name, each.wiped, each.cause) for name, each in folded.items() if each.wiped >= 0]
    stones.sort(key=lambda stone: stone.position)
    return RegisterState(now, size, constitution, version, states, live.listed, drawn.listed, tuple(stones))


def version_at(history: History, constitution: Constitution, now: datetime) -> Version | None:
    """Return the list version in force under a constitution, or None."""
    if not constitution.valid_from <= now < constitution.valid_until:
        return None
    votes: dict[tuple[object, ...], list[tuple[Record, Endorsement]]] = {}
    for record, statement in history.endorsements(history.size_at(now)):
        if (
            statement.constitution == constitution.digest
            and statement.valid_from <= now < statement.valid_until
        ):
            votes.setdefault(statement.version, []).append((record, statement))
    for found in sorted(votes.values(), key=lambda group: group[0][1].number, reverse=True):
        if (version := _endorsed(history, constitution, found)) is not None:
            return version
    return None


def _endorsed(
    history: History, constitution: Constitution, found: list[tuple[Record, Endorsement]]
) -> Version | None:
    able = {}
    for record, statement in found:
        organisation = constitution.directory.get(statement.organisation)
        if (
            organisation is not None
            and ENDORSER in organisation.roles
            and organisation.id in constitution.endorsers
        ):
            able[organisation.id] = (organisation, record)
    endorsers = [able[name][0] for name in sorted(able)]
    if independent(endorsers, constitution.quorum) < constitution.quorum:
        return None
    statement = found[0][1]
    listed = history.draw(constitution, statement.size, statement.drawn).listed
    return Version(statement, tuple(endorsers), tuple(able[name][1] for name in sorted(able)), listed)


def _listed(version: Version | None, folded: Mapping[bytes, Folded]) -> frozenset[bytes]:
    """Return what the version holds and nobody withdrew since: resubmitted, it needs a new version."""
    if version is None:
        return frozenset()
    size = version.statement.size
    return frozenset(name for name in version.commitments if folded[name].wiped < size)
