"""What pages show of the history: facts only, gathered under the book's lock. There is no picture here."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from tutela.hashlist.governance import (
    Answer,
    Constitution,
    Decision,
    Dispute,
    Endorsement,
    EntryState,
    Expiry,
    History,
    Record,
    RegisterState,
    Submission,
    Withdrawal,
)
from tutela.hashlist.governance.folding import Folded, Standing
from tutela.hashlist.governance.statements import COUNTING
from tutela.register import words

LIVE, WAITING, WITHDRAWN = "live", "waiting", "withdrawn"
LABELS = {WAITING: "Waiting", LIVE: "Live", WITHDRAWN: "Withdrawn"}
COLOURS = {WAITING: "yellow", LIVE: "green", WITHDRAWN: "grey"}
_GONE = {"governance.withdrawn", "governance.removed"}


@dataclass(frozen=True, slots=True)
class Clock:
    """A dispute and its time: `closed` says how it ended, `due` is the first moment that is too late."""

    record: Record
    dispute: Dispute
    due: datetime
    left: timedelta
    closed: str

    @property
    def ground(self) -> str:
        """Return what its opener says."""
        return words.GROUNDS[self.dispute.ground]

    @property
    def state(self) -> str:
        """Return a sentence on where it stands."""
        if self.closed:
            return self.closed
        if self.left <= timedelta(0):
            return "Overdue. The entry is not live until the dispute is answered or decided."
        return f"{words.count(self.left.days, 'day')} and {self.left.seconds // 3600} hours left to answer"

    @property
    def colour(self) -> str:
        """Return the colour of its tag."""
        return "grey" if self.closed else "red" if self.left <= timedelta(0) else "yellow"

    @property
    def word(self) -> str:
        """Return the word of its tag."""
        return "Closed" if self.closed else "Overdue" if self.left <= timedelta(0) else "Open"


def state_of(entry: EntryState) -> str:
    """Return whether an entry is live, withdrawn, or waits for something."""
    if entry.live:
        return LIVE
    return WITHDRAWN if any(reason.code in _GONE for reason in entry.reasons) else WAITING


def entry_line(history: History, state: RegisterState, entry: EntryState) -> dict[str, Any]:
    """Return an entry as a row of the list."""
    first = history.entries[entry.commitment][0]
    submission = first.statement
    assert isinstance(submission, Submission)
    found = state_of(entry)
    return {
        "commitment": entry.commitment.hex(),
        "received": first.received,
        "classification": submission.classification,
        "sources": sorted({words.SOURCES[each.source] for each in submissions(history, entry.commitment)}),
        "submitters": entry.submitters,
        "why": [words.why(reason, state.constitution) for reason in entry.reasons],
        "state": LABELS[found],
        "colour": COLOURS[found],
    }


def submissions(history: History, commitment: bytes) -> list[Submission]:
    """Return all submissions of an entry, in order."""
    said = (record.statement for record in history.entries[commitment])
    return [each for each in said if isinstance(each, Submission)]


def entry_page(history: History, state: RegisterState, commitment: bytes) -> dict[str, Any]:
    """Return everything that the history says of an entry."""
    folded = history.folded(commitment, state.size)
    counting = {each.position for each in folded.counting(state.constitution, state.now)}
    return {
        **entry_line(history, state, state.entries[commitment]),
        "contribution": state.entries[commitment].source,
        "standing": [_standing(each, counting, state.constitution) for each in folded.standing],
        "statements": [statement_line(record) for record in history.entries[commitment]],
        "disputes": [each for each in clocks(history, state.now) if each.dispute.commitment == commitment],
    }


def _standing(each: Standing, counting: set[int], constitution: Constitution) -> dict[str, Any]:
    statement = each.statement
    organisation = constitution.directory.get(statement.organisation)
    return {
        "position": each.position,
        "organisation": organisation.name if organisation else statement.organisation,
        "jurisdiction": organisation.jurisdiction if organisation else "",
        "alliances": organisation.alliances if organisation else (),
        "source": words.SOURCES[statement.source],
        "evidence": statement.evidence.hex() if any(statement.evidence) else "",
        "ends": each.ends(constitution),
        "counts": each.position in counting,
        "verified": statement.source in COUNTING,
    }


def statement_line(record: Record) -> dict[str, Any]:
    """Return a record as a row: place, time, kind, who, and what it says in words."""
    statement = record.statement
    kind = statement.kind if statement else "tutela-constitution"
    return {
        "position": record.position,
        "received": record.received,
        "kind": words.KINDS[kind],
        "organisation": statement.organisation if statement else "",
        "text": _said(record),
        "commitment": statement.entry.hex() if statement else "",
    }


def _said(record: Record) -> str:
    match record.statement:
        case Submission() as said:
            text = f"{words.SOURCES[said.source]}, classified {said.classification}"
        case Withdrawal() as said:
            text = f"Withdrawn: {words.CAUSES[said.reason]}"
        case Expiry() as said:
            text = f"Its submissions end at {said.ends:%-d %b %Y, %H:%M} UTC"
        case Dispute() as said:
            text = words.GROUNDS[said.ground]
        case Answer() | Decision() as said:
            text = words.OUTCOMES[said.outcome].capitalize()
        case Endorsement() as said:
            text = f"List version {said.number}"
        case _:
            text = "The rules and the organisations"
    return text


def clocks(history: History, now: datetime) -> list[Clock]:
    """Return all disputes, open ones first, by how little time is left."""
    limit = timedelta(days=history.constitution.answer_days)
    found = []
    for name in {each.commitment for each in history.disputes.values()}:
        folded = history.folded(name)
        closings = _closings(history, name)
        for record in history.entries[name]:
            if isinstance(record.statement, Dispute):
                due = record.received + limit
                closed = _closed(record.statement, folded, closings)
                found.append(Clock(record, record.statement, due, due - now, closed))
    return sorted(found, key=lambda each: (bool(each.closed), each.due, each.record.position))


def _closings(history: History, name: bytes) -> dict[bytes, Answer | Decision]:
    said = (record.statement for record in history.entries[name])
    return {each.dispute: each for each in said if isinstance(each, Answer | Decision)}


def _closed(dispute: Dispute, folded: Folded, closings: dict[bytes, Answer | Decision]) -> str:
    if dispute.digest in folded.open:
        return ""
    last = closings[dispute.digest]
    word = "decided" if isinstance(last, Decision) else "answered"
    return f"{last.organisation} {word}: {words.OUTCOMES[last.outcome]}."
