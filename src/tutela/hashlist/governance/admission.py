"""Whether a verified statement may enter the history: role, category, clock, and what stands before it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from tutela.hashlist.governance.constitution import Constitution
from tutela.hashlist.governance.drawing import Drawn
from tutela.hashlist.governance.errors import (
    ConflictingStatement,
    DuplicateSigner,
    Malformed,
    OtherCategory,
    OtherConstitution,
    OtherRoot,
    OutOfOrder,
    UnknownDispute,
    UnknownEntry,
    UnknownOrganisation,
    WrongRole,
)
from tutela.hashlist.governance.folding import Folded, allowed, may_submit
from tutela.hashlist.governance.organisations import ADJUDICATOR, ENDORSER, Organisation
from tutela.hashlist.governance.records import Record
from tutela.hashlist.governance.signing import Verified
from tutela.hashlist.governance.statements import (
    KEEP,
    Answer,
    Decision,
    Dispute,
    Endorsement,
    Statement,
    Submission,
)


class Past(Protocol):
    """What the rules ask of a history."""

    constitution: Constitution

    @property
    def entries(self) -> Mapping[bytes, Sequence[Record]]:
        """The records that name each entry."""

    @property
    def disputes(self) -> Mapping[bytes, Dispute]:
        """The disputes, by digest."""

    def __len__(self) -> int:
        """Return the number of records."""

    def drawable(self, size: int, now: datetime) -> bool:
        """Say whether the first `size` records are what had arrived."""

    def endorsements(self, size: int | None = None) -> Iterable[tuple[Record, Endorsement]]:
        """Yield the endorsements."""

    def folded(self, commitment: bytes, size: int | None = None) -> Folded:
        """Return what the records say of an entry."""

    def draw(self, constitution: Constitution, size: int, now: datetime) -> Drawn:
        """Return the list at a moment."""


def check(past: Past, verified: Verified, received: datetime) -> None:
    """Raise the `GovernanceError` that keeps a statement out of the history, if one does."""
    statement, constitution = verified.statement, past.constitution
    delay = timedelta(hours=constitution.delivery_hours)
    if not statement.at <= received <= statement.at + delay:
        raise OutOfOrder("It was signed after it arrived, or too long before.")
    if not allowed(statement, constitution):
        raise OtherCategory
    if isinstance(statement, Submission):
        _submission(past, statement)
    elif isinstance(statement, Endorsement):
        _endorsement(past, statement, _known(verified))
    else:
        _about_entry(past, verified)


def _known(verified: Verified) -> Organisation:
    if verified.organisation is None:
        raise UnknownOrganisation
    return verified.organisation


def _submission(past: Past, statement: Submission) -> None:
    if may_submit(statement, past.constitution) is None:
        raise WrongRole(organisation=statement.organisation)
    for record in past.entries.get(statement.commitment, ()):
        earlier = record.statement
        if isinstance(earlier, Submission) and earlier.classification != statement.classification:
            raise ConflictingStatement("The entry has another classification.")
    wiped = past.folded(statement.commitment).wiped_at
    if wiped is not None and statement.at <= wiped:
        raise ConflictingStatement("It was signed before the withdrawal that it comes after.")


def _about_entry(past: Past, verified: Verified) -> None:
    statement = verified.statement
    if statement.entry not in past.entries:
        raise UnknownEntry
    if isinstance(statement, Dispute):
        return
    organisation = _known(verified)
    submitters = _submitters(past, statement.entry)
    if isinstance(statement, Answer | Decision):
        disputed = past.disputes.get(statement.dispute)
        if disputed is None or disputed.commitment != statement.commitment:
            raise UnknownDispute
    if isinstance(statement, Decision):
        _judge(past, statement, organisation, submitters)
    elif organisation.id not in submitters:
        raise WrongRole("It did not submit this entry.", organisation=organisation.id)


def _judge(past: Past, statement: Decision, organisation: Organisation, submitters: Iterable[str]) -> None:
    """An adjudicator may keep an entry only if it has no part in it; removing is the careful direction."""
    if ADJUDICATOR not in organisation.roles:
        raise WrongRole(organisation=organisation.id)
    if statement.outcome != KEEP:
        return
    directory = past.constitution.directory
    found = [directory.get(name) for name in submitters]
    if any(each is not None and organisation.allied(each) for each in found):
        raise WrongRole("Nobody keeps an entry of its own, or of an ally.", organisation=organisation.id)


def _submitters(past: Past, commitment: bytes) -> set[str]:
    said: Iterable[Statement | None] = (record.statement for record in past.entries[commitment])
    return {each.organisation for each in said if isinstance(each, Submission)}


def _endorsement(past: Past, statement: Endorsement, organisation: Organisation) -> None:
    constitution = past.constitution
    if ENDORSER not in organisation.roles or organisation.id not in constitution.endorsers:
        raise WrongRole(organisation=organisation.id)
    if statement.constitution != constitution.digest:
        raise OtherConstitution
    check_window(statement, constitution)
    for _, earlier in past.endorsements():
        if earlier.organisation == organisation.id:
            _check_earlier(earlier, statement)
    if statement.drawn > statement.at or not past.drawable(statement.size, statement.drawn):
        raise OutOfOrder("The list was not drawn from all that had arrived.", size=statement.size)
    if past.draw(constitution, statement.size, statement.drawn).root != statement.root:
        raise OtherRoot(number=statement.number)


def check_window(statement: Endorsement, constitution: Constitution) -> None:
    """Raise `Malformed` unless a list version is valid for some time after it was drawn, and not too long."""
    longest = statement.drawn + timedelta(days=constitution.list_days)
    if not statement.drawn <= statement.valid_from < statement.valid_until <= longest or not statement.number:
        raise Malformed("A list version has a number, and ends in time after it was drawn.")


def _check_earlier(earlier: Endorsement, statement: Endorsement) -> None:
    if statement.number < earlier.number:
        raise ConflictingStatement("The numbers of endorsed lists only grow.", number=statement.number)
    if statement.number == earlier.number:
        if statement.version == earlier.version:
            raise DuplicateSigner(number=statement.number)
        raise ConflictingStatement("Two lists of one number.", number=statement.number)
