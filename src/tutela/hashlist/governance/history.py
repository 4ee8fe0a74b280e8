"""The history of a register: verified statements and constitutions, in order, only ever longer.

Every record is checked against the constitution that is in force when it arrives: signature, role, category,
clock, and that it contradicts nothing before it. What does not hold is refused by name and changes nothing.
"""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from tutela.hashlist.governance import admission
from tutela.hashlist.governance.constitution import Constitution
from tutela.hashlist.governance.drawing import Drawn, candidate, share_out
from tutela.hashlist.governance.errors import Expired, NotYetValid, OutOfOrder, Repeated
from tutela.hashlist.governance.folding import Folded, fold
from tutela.hashlist.governance.records import Amendment, Record
from tutela.hashlist.governance.signing import MAX_CONSTITUTION, Verified, read_constitution, tidy, verify
from tutela.hashlist.governance.statements import Dispute, Endorsement


class History:
    """An append-only history, begun by its first constitution.

    Args:
        first: the constitution.
        received: when.
    """

    def __init__(self, first: Amendment, received: datetime) -> None:
        self._records: list[Record] = []
        self._times: list[datetime] = []
        self._digests: set[bytes] = set()
        self._entries: dict[bytes, list[Record]] = {}
        self._disputes: dict[bytes, Dispute] = {}
        self._endorsements: list[Record] = []
        self._drawn: dict[tuple[bytes, int, datetime], Drawn] = {}
        self.constitution = first.constitution
        self._check_force(received)
        self._add(Record(0, received, first))

    @classmethod
    def begin(cls, data: bytes, anchor: bytes, received: datetime) -> History:
        """Begin with the first constitution's file, whose digest is known; raises as `read_constitution`."""
        return cls(Amendment(read_constitution(data, anchor), tidy(data, MAX_CONSTITUTION)), received)

    def append(self, data: bytes, received: datetime) -> Record:
        """Verify a statement's file and take it in.

        Raises:
            GovernanceError: the subclass that says why it is refused; the history is as before.
        """
        return self.admit(verify(data, self.constitution.directory), received)

    def admit(self, verified: Verified, received: datetime) -> Record:
        """Take in a statement whose signature was verified under `constitution`; raises as `append`."""
        record = Record(len(self._records), received, verified)
        self._check_place(record)
        self._check_force(received)
        admission.check(self, verified, received)
        return self._add(record)

    def amend(self, data: bytes, received: datetime) -> Record:
        """Take in the next constitution, which is in force from then on.

        Raises:
            GovernanceError: it does not follow, lacks its quorum, or its time has not begun.
        """
        amendment = Amendment(read_constitution(data, self.constitution), tidy(data, MAX_CONSTITUTION))
        record = Record(len(self._records), received, amendment)
        self._check_place(record)
        before, self.constitution = self.constitution, amendment.constitution
        try:
            self._check_force(received)
        except (NotYetValid, Expired):
            self.constitution = before
            raise
        return self._add(record)

    def __len__(self) -> int:
        return len(self._records)

    def records(self, size: int | None = None) -> Sequence[Record]:
        """Return the first `size` records, or all."""
        return tuple(self._records[:size])

    def size_at(self, now: datetime) -> int:
        """Return how many records had arrived by then."""
        return bisect.bisect_right(self._times, now)

    def drawable(self, size: int, now: datetime) -> bool:
        """Say whether the first `size` records had arrived by then; those of its very second may lack."""
        return max(1, bisect.bisect_left(self._times, now)) <= size <= self.size_at(now)

    def constitution_at(self, size: int) -> Constitution:
        """Return the constitution in force after the first `size` records, 1 at least."""
        for record in reversed(self._records[:size]):
            if isinstance(record.content, Amendment):
                return record.content.constitution
        raise OutOfOrder("The history had not begun.")

    @property
    def entries(self) -> Mapping[bytes, Sequence[Record]]:
        """The records that name each entry, by commitment, in order of first mention."""
        return self._entries

    @property
    def disputes(self) -> Mapping[bytes, Dispute]:
        """The disputes, by digest."""
        return self._disputes

    def endorsements(self, size: int | None = None) -> Iterable[tuple[Record, Endorsement]]:
        """Yield the endorsements among the first `size` records, in order."""
        for record in self._endorsements:
            if size is not None and record.position >= size:
                return
            if isinstance(record.statement, Endorsement):
                yield record, record.statement

    def folded(self, commitment: bytes, size: int | None = None) -> Folded:
        """Return what the first `size` records say of an entry."""
        return fold(self._entries.get(commitment, ()), len(self._records) if size is None else size)

    def draw(self, constitution: Constitution, size: int, now: datetime) -> Drawn:
        """Return the list that the first `size` records give under a constitution at a moment."""
        key = (constitution.digest, size, now)
        if key not in self._drawn:
            found = []
            for commitment in self._entries:
                folded = self.folded(commitment, size)
                if not folded.reasons(constitution, now):
                    found.append(candidate(commitment, folded, constitution, now))
            self._drawn = {key: share_out(found, constitution)}
        return self._drawn[key]

    def _check_place(self, record: Record) -> None:
        if record.received < self._times[-1]:
            raise OutOfOrder("It arrives before the one before it.")
        if record.digest in self._digests:
            raise Repeated

    def _check_force(self, now: datetime) -> None:
        if now < self.constitution.valid_from:
            raise NotYetValid("The constitution is not in force.")
        if now >= self.constitution.valid_until:
            raise Expired("The constitution is no longer in force.")

    def _add(self, record: Record) -> Record:
        self._records.append(record)
        self._times.append(record.received)
        self._digests.add(record.digest)
        statement = record.statement
        if isinstance(statement, Endorsement):
            self._endorsements.append(record)
        elif statement is not None:
            self._entries.setdefault(statement.entry, []).append(record)
        if isinstance(statement, Dispute):
            self._disputes[statement.digest] = statement
        return record
