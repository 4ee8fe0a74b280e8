"""Votes of police forces that agree become a submission: what the image bank hands over.

The bank authenticates the forces and keeps the votes; here is only the rule. A picture is submitted once
`needed` different forces gave it one classification and no more than `dissent` forces gave it another, or
none ("not for the list"). A force has one vote.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from tutela.hashlist import strict_json
from tutela.hashlist.categories import PURPOSE
from tutela.hashlist.entries import format_time
from tutela.hashlist.governance import fields
from tutela.hashlist.governance.errors import BadConstitution, DuplicateSigner, NotAgreed
from tutela.hashlist.governance.statements import POLICE_VOTES, Submission

_TALLY: Final = b"tutela vote tally 1\0"
#: a vote that the picture is not for the list
NOT_LISTED: Final = "not-listed"


@dataclass(frozen=True, slots=True)
class Vote:
    """One force's vote on one picture: its classification as `scale:code`, or `NOT_LISTED`."""

    force: str
    classification: str
    at: datetime

    def __post_init__(self) -> None:
        """Refuse what no tally can say; raises `Malformed`."""
        fields.check(_VOTE, self)


_VOTE: Final[fields.Schema] = {
    "force": fields.LABEL,
    "classification": fields.CODE,
    "at": fields.TIME,
}


@dataclass(frozen=True, slots=True)
class VoteRule:
    """How many forces agree, at least 2, and how many may dissent, fewer than agree."""

    needed: int = 3
    dissent: int = 0

    def __post_init__(self) -> None:
        """Refuse a rule that one force meets, or that a minority meets."""
        if not 2 <= self.needed <= 64 or not 0 <= self.dissent < self.needed:
            raise BadConstitution("Two forces agree at least, and more agree than dissent.")


def agreed(votes: Sequence[Vote], rule: VoteRule) -> str:
    """Return the classification that the votes agree on.

    Raises:
        DuplicateSigner: a force voted twice.
        NotAgreed: with the counts as facts.
    """
    if len({vote.force for vote in votes}) != len(votes):
        raise DuplicateSigner
    tally = Counter(vote.classification for vote in votes)
    best, count = min(tally.items(), key=lambda item: (-item[1], item[0]), default=(NOT_LISTED, 0))
    others = len(votes) - count
    if best == NOT_LISTED or count < rule.needed or others > rule.dissent:
        raise NotAgreed(agree=count, needed=rule.needed, dissent=others)
    return best


def votes_to_submission(
    votes: Sequence[Vote], rule: VoteRule, *, organisation: str, commitment: bytes, at: datetime
) -> Submission:
    """Return the submission that agreed votes become; its organisation's key signs it (`signing.sign`).

    Args:
        votes: all votes on the picture.
        rule: when they agree.
        organisation: id of the police organisation that keeps the bank.
        commitment: of the entry *with the classification that the votes agree on*.
        at: the time of signing.

    Raises:
        DuplicateSigner, NotAgreed: as `agreed`.
    """
    classification = agreed(votes, rule)
    return Submission(
        organisation=organisation,
        at=at,
        category=PURPOSE,
        commitment=commitment,
        classification=classification,
        source=POLICE_VOTES,
        evidence=tally_digest(votes),
    )


def tally_digest(votes: Sequence[Vote]) -> bytes:
    """Return SHA-256 over the votes in order of forces, by which an auditor compares the bank's record."""
    said = [
        [vote.force, vote.classification, format_time(vote.at)]
        for vote in sorted(votes, key=lambda vote: vote.force)
    ]
    return hashlib.sha256(_TALLY + strict_json.canonical(said)).digest()
