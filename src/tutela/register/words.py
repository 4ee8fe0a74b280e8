"""Sentences for people: why an entry is not live, what a refusal means and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from tutela.hashlist.governance import Constitution, GovernanceError, Reason

KINDS: Final = {
    "tutela-submission": "Submission",
    "tutela-withdrawal": "Withdrawal",
    "tutela-expiry": "Expiry",
    "tutela-dispute": "Dispute",
    "tutela-answer": "Answer",
    "tutela-decision": "Decision",
    "tutela-endorsement": "Endorsement",
    "tutela-constitution": "Constitution",
}
SOURCES: Final = {
    "hotline": "Hotline",
    "police-votes": "Votes of police forces",
    "verified-own-request": "Verified own request",
    "own-removal-request": "Own removal request, not verified",
}
CAUSES: Final = {
    "court-order": "a court ordered it",
    "lawful": "it is lawful",
    "mistaken": "it was submitted by mistake",
    "other-classification": "it is to be classified otherwise",
    "owner-request": "its owner asked for it",
    "dispute-accepted": "a dispute was accepted",
    "redress-decision": "an adjudicator decided so",
}
GROUNDS: Final = {
    "lawful-content": "The content is lawful",
    "mistaken-identity": "It is mistaken for another",
    "my-own-picture": "It is the opener's own picture",
    "other-purpose": "It is outside of the purpose",
    "wrong-classification": "It is classified wrongly",
}
OUTCOMES: Final = {
    "stands": "the entry stands",
    "accepted": "the dispute is accepted, the entry is withdrawn",
    "keep": "the entry may be kept",
    "remove": "the entry is removed",
}
ROLES: Final = {
    "submitter": "submits",
    "police": "submits police votes",
    "verifier": "verifies own requests",
    "endorser": "endorses lists",
    "adjudicator": "decides disputes",
    "auditor": "audits",
}

#: code of a refusal -> what whoever handed the file in can do
ADVICE: Final[Mapping[str, str]] = {
    "governance.malformed": "Hand in the file that “tutela register sign” wrote, unchanged.",
    "governance.constitution": "Correct the constitution, and let its endorsers sign it again.",
    "governance.unknown_organisation": "Sign with a key that the directory names for that time.",
    "governance.wrong_role": "See on the page Organisations what each organisation may state.",
    "governance.forged_signature": "The file was changed after it was signed: sign it again.",
    "governance.duplicate_signer": "Its endorsement of this version is here already; nothing is missing.",
    "governance.allied_only": "Let endorsers sign that share no alliance with the others.",
    "governance.too_few_endorsements": "Let more endorsers sign, then hand it in.",
    "governance.other_category": "Use a category and a classification that the constitution names.",
    "governance.expired": "The constitution must be renewed before anything is taken in.",
    "governance.not_yet_valid": "Hand it in once its time has begun.",
    "governance.conflicting_statement": "Look at what is in the history already, then sign what fits it.",
    "governance.repeated": "Nothing is missing.",
    "governance.out_of_order": "Take a fresh statement to sign, and hand it in within the time allowed.",
    "governance.unknown_entry": "Check the commitment: somebody must have submitted the entry first.",
    "governance.unknown_dispute": "Check the digest of the dispute on the page Disputes.",
    "governance.other_root": "Take the statement to sign from this register, and do not change it.",
    "governance.other_constitution": "Take a fresh statement to sign: the constitution has changed.",
}


def refusal(error: GovernanceError) -> str:
    """Return a refusal, its facts and what to do, in sentences."""
    facts = ", ".join(f"{name} {value}" for name, value in error.facts.items())
    return " ".join(
        part for part in (error.message, f"({facts})" if facts else "", ADVICE[error.code]) if part
    )


def why(reason: Reason, constitution: Constitution) -> str:
    """Return why an entry is not live, in a sentence."""
    facts = {name: str(value) for name, value in reason.facts}
    return _REASONS.get(reason.code, _plain)(reason, facts, constitution)


def count(number: int | str, one: str, many: str = "") -> str:
    """Return a number with its noun."""
    return f"{number} {one if str(number) == '1' else many or one + 's'}"


def _plain(reason: Reason, facts: Mapping[str, str], constitution: Constitution) -> str:
    del facts, constitution
    return reason.error().message


def _single(reason: Reason, facts: Mapping[str, str], constitution: Constitution) -> str:
    del reason
    stands = count(facts["organisations"], "organisation")
    where = count(facts["jurisdictions"], "jurisdiction")
    return (
        f"{stands} of {where} answer for it now. The constitution asks for {constitution.submitters}, of "
        f"{constitution.jurisdictions} jurisdictions that are not allied."
    )


def _allied(reason: Reason, facts: Mapping[str, str], constitution: Constitution) -> str:
    del reason, constitution
    return (
        f"{count(facts['organisations'], 'organisation')} answer for it, but they are allied with each other "
        "and count once. An organisation outside of their alliances is missing."
    )


def _withdrawn(reason: Reason, facts: Mapping[str, str], constitution: Constitution) -> str:
    del reason, constitution
    return f"It was withdrawn: {CAUSES.get(facts['cause'], facts['cause'])}."


def _held(reason: Reason, facts: Mapping[str, str], constitution: Constitution) -> str:
    del reason, constitution
    return f"It is held back: {facts['source']} has its full share of {facts['percent']} percent of the list."


def _expired(reason: Reason, facts: Mapping[str, str], constitution: Constitution) -> str:
    del reason, facts
    return f"Its submissions are over: each counts for {constitution.entry_days} days at most."


def _overdue(reason: Reason, facts: Mapping[str, str], constitution: Constitution) -> str:
    del reason
    disputes = count(facts["disputes"], "dispute")
    return f"{disputes} had no answer within {constitution.answer_days} days."


def _not_endorsed(reason: Reason, facts: Mapping[str, str], constitution: Constitution) -> str:
    del reason, facts
    return f"No list version that {constitution.quorum} endorsers signed holds it yet."


_REASONS: Final[Mapping[str, Callable[[Reason, Mapping[str, str], Constitution], str]]] = {
    "governance.single_source": _single,
    "governance.allied_only": _allied,
    "governance.withdrawn": _withdrawn,
    "governance.held_back": _held,
    "governance.expired": _expired,
    "governance.dispute_overdue": _overdue,
    "governance.not_endorsed": _not_endorsed,
}
