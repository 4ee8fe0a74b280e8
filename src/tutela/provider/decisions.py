"""What people do: decide on a case or an appeal, withdraw an entry. One transaction each, and recorded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from django.core import signing
from django.db import IntegrityError, transaction

from tutela.console import audit
from tutela.console.models import User
from tutela.hashlist import HashList
from tutela.provider import workflow
from tutela.provider.cases import CaseError, ClustersRemain, Decided, Signal, State
from tutela.provider.errors import AppealError, WithdrawalError
from tutela.provider.models import Appeal, Case, CaseImage, Decision, Withdrawal
from tutela.provider.unsealing import remaining_clusters
from tutela.provider.workflow import Step

_SALT: Final = "tutela.provider.appeal"
#: states whose case can be appealed against: two people agreed, and it was not taken back
APPEALABLE: Final = frozenset({State.CONFIRMED, State.UNSEALING, State.REPORTING, State.REPORTED})


def decide(
    reference: str,
    reviewer: User,
    verdict: Decision.Verdict,
    reason: str,
    step: Step,
    *,
    shown: int | None = None,
) -> State:
    """Record one person's decision on a case in review, and return the case's state after it.

    Args:
        reference: of the case.
        reviewer: who decides.
        verdict: what this person says of all pictures together.
        reason: why, in words that describe no content.
        step: when.
        shown: the newest picture that this person had before them; None where that is not known.

    Raises:
        SamePersonError: this person has decided the case already.
        CaseError: the case is not in review any more, or has a picture that was not shown.
        Case.DoesNotExist: there is no such case.
    """
    agrees = verdict == Decision.Verdict.AGREE
    with transaction.atomic():
        case = workflow.locked(reference)
        ending = "" if agrees else "A reviewer did not agree."
        if shown is not None and case.state == State.REVIEW and case.images.filter(pk__gt=shown).exists():
            raise CaseError(
                "The case has a picture that was not on the page that you decided on.",
                hint="Open the case again and look at all of its pictures.",
            )
        after = workflow.advance(
            case, Decided(str(reviewer.pk), agrees=agrees), Step(reviewer, step.now, step.config, ending)
        )
        Decision.objects.create(
            case=case, reviewer=reviewer, verdict=verdict, reason=reason, decided_at=step.now
        )
        audit.record(reviewer, "case.decided", f"case/{reference}", {"verdict": verdict.value})
    return after


def appeal_token(case: Case) -> str:
    """Return the signed name of a case that its account holder is given."""
    return signing.Signer(salt=_SALT).sign(case.reference)


def case_of(token: str) -> Case:
    """Return the case that a token names; raises `AppealError` if nobody here signed it."""
    try:
        return Case.objects.get(reference=signing.Signer(salt=_SALT).unsign(token))
    except (signing.BadSignature, Case.DoesNotExist) as error:
        raise AppealError("This link is not valid.", hint="Use the whole link of the notice.") from error


def appeal(token: str, statement: str, step: Step) -> Appeal:
    """Take an appeal from the holder of a case's link; raises `AppealError`."""
    case = case_of(token)
    if case.state not in APPEALABLE:
        raise AppealError("There is no decision on this case that could be appealed against.")
    try:
        with transaction.atomic():
            received = Appeal.objects.create(case=case, statement=statement, received_at=step.now)
            audit.record("account-holder", "appeal.received", f"case/{case.reference}")
    except IntegrityError as error:
        raise AppealError("An appeal against this case is waiting for a decision already.") from error
    return received


def decide_appeal(appeal_id: int, supervisor: User, answer: str, step: Step, *, uphold: bool) -> Appeal:
    """Decide an open appeal; upholding it reverses the case, and whoever was told is told of that.

    Raises:
        AppealError: it is decided already, or this person decided on the case.
        CaseError: the case ended meanwhile.
        Appeal.DoesNotExist: there is no such appeal.
    """
    with transaction.atomic():
        found = Appeal.objects.select_for_update().select_related("case").get(pk=appeal_id)
        case = workflow.locked(found.case.reference)
        if found.state != Appeal.State.OPEN:
            raise AppealError("This appeal has been decided already.")
        if case.decisions.filter(reviewer=supervisor).exists():
            raise AppealError(
                "You decided on this case yourself.",
                hint="Somebody who did not review it decides the appeal.",
            )
        found.state = Appeal.State.UPHELD if uphold else Appeal.State.DECLINED
        found.decided_by, found.decided_at, found.answer = supervisor, step.now, answer
        found.save()
        audit.record(supervisor, "appeal.decided", f"case/{case.reference}", {"state": found.state})
        if uphold:
            reason = "An appeal was upheld."
            workflow.advance(case, Signal.APPEAL_UPHELD, Step(supervisor, step.now, step.config, reason))
    return found


@dataclass(frozen=True, slots=True)
class Withdrawn:
    """What the withdrawal of an entry did to cases, by their references."""

    entry_id: str
    still_hold: tuple[str, ...]
    reversed: tuple[str, ...]


def withdraw(entry_id: str, reason: str, hash_list: HashList | None, step: Step) -> Withdrawn:
    """Let an entry count no more: in any later check, and in every case that relies on it.

    Args:
        entry_id: of the list.
        reason: for the record and for the centre; never a description of content.
        hash_list: the list in use, to catch a mistyped id; None where it cannot be read.
        step: who, when.

    Raises:
        WithdrawalError: the entry was withdrawn before, or neither the list nor any case knows it.
    """
    known = hash_list is not None and hash_list.get(entry_id) is not None
    if not known and not CaseImage.objects.filter(entry_id=entry_id).exists():
        raise WithdrawalError("Neither the list nor a case has an entry of this id.", hint="Check the id.")
    with transaction.atomic():
        _, created = Withdrawal.objects.get_or_create(
            entry_id=entry_id,
            defaults={"reason": reason, "actor": audit.actor_name(step.actor), "withdrawn_at": step.now},
        )
        if not created:
            raise WithdrawalError("This entry was withdrawn before.")
        audit.record(step.actor, "entry.withdrawn", f"entry/{entry_id}")
        concerned = Case.objects.filter(images__entry_id=entry_id).distinct().order_by("pk")
        states = {case.reference: _without(case.reference, entry_id, step) for case in list(concerned)}
    return Withdrawn(
        entry_id,
        still_hold=tuple(name for name, state in states.items() if state is not State.REVERSED),
        reversed=tuple(name for name, state in states.items() if state is State.REVERSED),
    )


def _without(reference: str, entry_id: str, step: Step) -> State:
    """Re-evaluate one case without an entry; a case that ended before stays as it is."""
    case = workflow.locked(reference)
    case.images.filter(entry_id=entry_id).update(withdrawn=True)
    if case.is_final:
        return State(case.state)
    reason = "A list entry behind it was withdrawn."
    remaining = ClustersRemain(remaining_clusters(case))
    return workflow.advance(case, remaining, Step(step.actor, step.now, step.config, reason))
