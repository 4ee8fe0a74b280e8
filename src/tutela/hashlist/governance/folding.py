"""What the statements about one entry come to, read in the order of the history."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tutela.hashlist.governance.constitution import Constitution
from tutela.hashlist.governance.errors import (
    AlliedOnly,
    DisputeOverdue,
    Expired,
    OnlyRequested,
    OtherCategory,
    Reason,
    Removed,
    SingleSource,
    Withdrawn,
)
from tutela.hashlist.governance.organisations import Organisation
from tutela.hashlist.governance.records import Record
from tutela.hashlist.governance.statements import (
    ACCEPTED,
    COUNTING,
    REMOVE,
    SOURCES,
    Answer,
    Decision,
    Dispute,
    Expiry,
    Statement,
    Submission,
    Withdrawal,
)


@dataclass(slots=True)
class Standing:
    """A submission that no later statement took back."""

    position: int
    statement: Submission
    cut: datetime | None = None

    def ends(self, constitution: Constitution) -> datetime:
        """Return the first moment in which it no longer counts."""
        due = self.statement.at + timedelta(days=constitution.entry_days)
        return due if self.cut is None else min(due, self.cut)


@dataclass(slots=True)
class Folded:
    """One entry after some of the history.

    Attributes:
        standing: submissions that still stand, in order.
        wiped: position of the last statement that took all submissions back, or -1.
        wiped_at: when that was signed.
        cause: why, as its statement says.
        removed: disputes whose decision removed the entry.
        open: disputes without answer or decision, with the time of their arrival.
    """

    standing: list[Standing] = field(default_factory=list)
    wiped: int = -1
    wiped_at: datetime | None = None
    cause: str = ""
    removed: set[bytes] = field(default_factory=set)
    open: dict[bytes, datetime] = field(default_factory=dict)

    def take(self, record: Record) -> None:
        """Take one statement more into account."""
        statement = record.statement
        if isinstance(statement, Submission):
            self.standing.append(Standing(record.position, statement))
        elif isinstance(statement, Withdrawal):
            self._wipe(record.position, statement, statement.reason)
        elif isinstance(statement, Expiry):
            self._cut(statement)
        elif isinstance(statement, Dispute):
            self.open[statement.digest] = record.received
        elif isinstance(statement, Answer | Decision):
            self._close(record.position, statement)

    def _wipe(self, position: int, statement: Statement, cause: str) -> None:
        self.standing.clear()
        self.wiped, self.wiped_at, self.cause = position, statement.at, cause

    def _cut(self, statement: Expiry) -> None:
        for each in self.standing:
            if each.statement.organisation == statement.organisation:
                each.cut = statement.ends if each.cut is None else min(each.cut, statement.ends)

    def _close(self, position: int, statement: Answer | Decision) -> None:
        self.open.pop(statement.dispute, None)
        if statement.outcome == ACCEPTED:
            self._wipe(position, statement, "dispute-accepted")
        elif statement.outcome == REMOVE:
            self._wipe(position, statement, "redress-decision")
            self.removed.add(statement.dispute)
        elif isinstance(statement, Decision):
            self.removed.discard(statement.dispute)

    def counting(self, constitution: Constitution, now: datetime) -> list[Standing]:
        """Return the submissions that count for the intersection rule now."""
        return [
            each
            for each in self.standing
            if each.statement.source in COUNTING
            and now < each.ends(constitution)
            and allowed(each.statement, constitution)
            and may_submit(each.statement, constitution) is not None
        ]

    def reasons(self, constitution: Constitution, now: datetime) -> tuple[Reason, ...]:
        """Return why the entry may not be listed now, whatever was endorsed; nothing if it may."""
        found = []
        if any(not allowed(each.statement, constitution) for each in self.standing):
            found.append(Reason.of(OtherCategory))
        if self.removed:
            found.append(Reason.of(Removed))
        found.extend(self._support(constitution, now))
        due = timedelta(days=constitution.answer_days)
        overdue = sum(now >= arrived + due for arrived in self.open.values())
        if overdue:
            found.append(Reason.of(DisputeOverdue, disputes=overdue))
        return tuple(found)

    def _support(self, constitution: Constitution, now: datetime) -> Iterable[Reason]:
        counting = self.counting(constitution, now)
        able = [may_submit(each.statement, constitution) for each in counting]
        organisations = {each.id: each for each in able if each is not None}
        if constitution.met_by(list(organisations.values())):
            return
        jurisdictions = {each.jurisdiction for each in organisations.values()}
        facts = {"organisations": len(organisations), "jurisdictions": len(jurisdictions)}
        if not counting:
            yield self._nobody(constitution, now)
        elif len(organisations) < constitution.submitters or len(jurisdictions) < constitution.jurisdictions:
            yield Reason.of(SingleSource, **facts)
        else:
            yield Reason.of(AlliedOnly, **facts)

    def _nobody(self, constitution: Constitution, now: datetime) -> Reason:
        counted = [each for each in self.standing if each.statement.source in COUNTING]
        if counted and all(each.ends(constitution) <= now for each in counted):
            return Reason.of(Expired)
        if self.standing and not counted:
            return Reason.of(OnlyRequested)
        if self.wiped >= 0:
            return Reason.of(Withdrawn, cause=self.cause)
        return Reason.of(SingleSource, organisations=0, jurisdictions=0)


def fold(records: Iterable[Record], size: int) -> Folded:
    """Return what the first `size` records of the history say of one entry, given all that name it."""
    folded = Folded()
    for record in records:
        if record.position >= size:
            break
        folded.take(record)
    return folded


def allowed(statement: Statement, constitution: Constitution) -> bool:
    """Say whether category and classification are of the closed sets."""
    classified = not isinstance(statement, Submission) or (
        statement.classification in constitution.classifications
    )
    return statement.category in constitution.categories and classified


def may_submit(statement: Submission, constitution: Constitution) -> Organisation | None:
    """Return the organisation if it is in the directory and has the role for this kind of source."""
    organisation = constitution.directory.get(statement.organisation)
    able = organisation is not None and SOURCES[statement.source] in organisation.roles
    return organisation if able else None
