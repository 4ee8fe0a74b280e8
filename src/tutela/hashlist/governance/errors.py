"""Everything that the rules can refuse, by name; each refusal is also data (`to_dict`, `Reason`)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

from tutela.errors import VerificationError

Fact = str | int


class GovernanceError(VerificationError):
    """A statement, a list or a constitution does not hold.

    Args:
        detail: what is so in this case, after the sentence of the class.
        facts: the same as data; identifiers, counts and times only.
    """

    code = "governance"
    sentence: ClassVar[str] = "The rules of the register do not hold."

    def __init__(self, detail: str = "", /, **facts: Fact) -> None:
        super().__init__(f"{self.sentence} {detail}".strip())
        self.facts = facts

    def to_dict(self) -> dict[str, Any]:
        """Return the refusal as data: code, message, facts."""
        return {"code": self.code, "message": self.message, "facts": dict(self.facts)}


class Malformed(GovernanceError):
    """The bytes are not what they should be."""

    code = "governance.malformed"
    sentence = "This is not a well-formed document of the register."


class BadConstitution(GovernanceError):
    """The constitution contradicts itself, or asks for less than every constitution must."""

    code = "governance.constitution"
    sentence = "The constitution contradicts itself, or asks for less than every constitution must."


class UnknownOrganisation(GovernanceError):
    """No such organisation, or not its key at that time."""

    code = "governance.unknown_organisation"
    sentence = "The organisation, or its key at that time, is not in the directory."


class WrongRole(GovernanceError):
    """The organisation may not state this."""

    code = "governance.wrong_role"
    sentence = "The organisation may not make this statement."


class ForgedSignature(GovernanceError):
    """The signature does not fit."""

    code = "governance.forged_signature"
    sentence = "The signature does not fit the statement."


class DuplicateSigner(GovernanceError):
    """One organisation stands for two."""

    code = "governance.duplicate_signer"
    sentence = "One organisation signed twice where each counts once."


class AlliedOnly(GovernanceError):
    """Enough signatures, but too few of them independent."""

    code = "governance.allied_only"
    sentence = "The organisations are enough in number, but allied: one alliance counts once."


class TooFewEndorsements(GovernanceError):
    """Fewer endorsers than the quorum."""

    code = "governance.too_few_endorsements"
    sentence = "Fewer organisations endorsed the list than the constitution asks for."


class SingleSource(GovernanceError):
    """Fewer submitting organisations or jurisdictions than needed."""

    code = "governance.single_source"
    sentence = "Too few organisations, or organisations of too few jurisdictions, submitted this entry."


class OnlyRequested(GovernanceError):
    """Nobody but the person who made the hash on a device of their own asks for it."""

    code = "governance.only_requested"
    sentence = "Only a removal request of a person's own stands for this entry; no organisation verified it."


class OtherCategory(GovernanceError):
    """A category or a classification outside of the closed set."""

    code = "governance.other_category"
    sentence = "The category or the classification is not one that this register may hold."


class Expired(GovernanceError):
    """Its time is over."""

    code = "governance.expired"
    sentence = "Its time is over."


class NotYetValid(GovernanceError):
    """Its time has not begun."""

    code = "governance.not_yet_valid"
    sentence = "Its time has not begun."


class ConflictingStatement(GovernanceError):
    """It contradicts an earlier one."""

    code = "governance.conflicting_statement"
    sentence = "The statement contradicts an earlier one."


class Repeated(GovernanceError):
    """The very statement is in the history already."""

    code = "governance.repeated"
    sentence = "This very statement is in the history already."


class OutOfOrder(GovernanceError):
    """Its time does not fit its place in the history."""

    code = "governance.out_of_order"
    sentence = "The statement's time does not fit its place in the history."


class UnknownEntry(GovernanceError):
    """Nobody submitted such an entry."""

    code = "governance.unknown_entry"
    sentence = "The history holds no submission of this entry."


class UnknownDispute(GovernanceError):
    """There is no such dispute of this entry."""

    code = "governance.unknown_dispute"
    sentence = "The history holds no such dispute of this entry."


class OtherRoot(GovernanceError):
    """The root is not that of the list that the history gives."""

    code = "governance.other_root"
    sentence = "The root is not that of the list that the rules give."


class OtherConstitution(GovernanceError):
    """It names another constitution."""

    code = "governance.other_constitution"
    sentence = "The document belongs to another constitution than the one in force."


class Withdrawn(GovernanceError):
    """Withdrawn, and not submitted anew by enough organisations."""

    code = "governance.withdrawn"
    sentence = "The entry was withdrawn."


class Removed(GovernanceError):
    """A redress decision removed it."""

    code = "governance.removed"
    sentence = "A redress decision removed the entry."


class DisputeOverdue(GovernanceError):
    """A dispute waits for its answer longer than the clock allows."""

    code = "governance.dispute_overdue"
    sentence = "A dispute of the entry was not answered in time."


class HeldBack(GovernanceError):
    """One source's share of the list is full."""

    code = "governance.held_back"
    sentence = "The entry is held back: its source has its full share of the list."


class NotEndorsed(GovernanceError):
    """No list version in force holds it."""

    code = "governance.not_endorsed"
    sentence = "No list version that is in force and endorsed holds the entry."


class NotAgreed(GovernanceError):
    """The votes have not reached the agreed state."""

    code = "governance.not_agreed"
    sentence = "The votes of the police forces do not agree yet."


class OtherPublication(GovernanceError):
    """A published file does not say what follows from the history."""

    code = "governance.other_publication"
    sentence = "A published file does not say what follows from the published history."


@dataclass(frozen=True, slots=True)
class Reason:
    """Why an entry is not live, as data: the refusal that asking for it would raise, and its facts."""

    refusal: type[GovernanceError]
    facts: tuple[tuple[str, Fact], ...] = ()

    @classmethod
    def of(cls, refusal: type[GovernanceError], **facts: Fact) -> Reason:
        """Return a reason with its facts in order."""
        return cls(refusal, tuple(sorted(facts.items())))

    @property
    def code(self) -> str:
        """The stable name of the refusal."""
        return self.refusal.code

    def error(self) -> GovernanceError:
        """Return the refusal, to raise."""
        return self.refusal("", **dict(self.facts))

    def to_dict(self) -> Mapping[str, Any]:
        """Return code, message and facts."""
        return self.error().to_dict()
