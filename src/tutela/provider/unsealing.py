"""After two people agreed: fetch each original, open it in memory, and check that it is what was matched.

A mismatch ends the case: nothing of it goes to the centre. What the homeserver no longer has is asked for
again for a while; if then fewer distinct clusters are left than the threshold asks for, the case ends too.
Nothing of an original is kept here but digests; `plaintext` fetches it again when it is sent.
"""

from __future__ import annotations

import hashlib
from datetime import datetime, timedelta

from django.db import transaction

from tutela.errors import TutelaError
from tutela.provider import workflow
from tutela.provider.atrest import AtRest
from tutela.provider.cases import Signal, State
from tutela.provider.contents import open_original, open_revealed, seal_original
from tutela.provider.errors import HomeserverFailed, MediaUnavailable, OriginalMismatch
from tutela.provider.judging import JudgeFailed, judge
from tutela.provider.media import Homeserver, decrypt
from tutela.provider.models import Case, CaseImage
from tutela.provider.retries import later
from tutela.provider.workflow import WORKER, Step


def unseal(case: Case, step: Step, at_rest: AtRest, homeserver: Homeserver) -> None:
    """Make one attempt at the originals of a case that two people confirmed."""
    if case.state == State.CONFIRMED:
        case = _advance(case, Signal.UNSEAL, step)
    try:
        missing = [
            image
            for image in case.images.filter(withdrawn=False, original=CaseImage.Original.UNTOUCHED)
            if not _verify(image, at_rest, homeserver)
        ]
    except OriginalMismatch as error:
        _advance(case, Signal.MISMATCH, Step(WORKER, step.now, step.config, error.message))
        return
    except (HomeserverFailed, JudgeFailed) as error:
        _postpone(case, step.now, error)
        return
    if missing and step.now < _deadline(case, step):
        _postpone(case, step.now, MediaUnavailable(""))
        return
    for image in missing:
        image.original = CaseImage.Original.UNAVAILABLE
        image.save(update_fields=["original"])
    _conclude(case, step)


def plaintext(image: CaseImage, at_rest: AtRest, homeserver: Homeserver) -> bytes:
    """Return a verified original once more, byte for byte; raises as `Homeserver.fetch`."""
    data = _open(image, at_rest, homeserver)
    if hashlib.sha256(data).hexdigest() != open_original(at_rest, image).sha256:
        raise OriginalMismatch("The original changed after it was verified.")
    return data


def remaining_clusters(case: Case) -> int:
    """Return how many distinct clusters still stand behind a case."""
    gone = (CaseImage.Original.UNAVAILABLE, CaseImage.Original.MISMATCH)
    images = case.images.filter(withdrawn=False).exclude(original__in=gone)
    return images.values("cluster").distinct().count()


def _verify(image: CaseImage, at_rest: AtRest, homeserver: Homeserver) -> bool:
    """Verify one original; False if the homeserver does not have it."""
    shown = open_revealed(at_rest, image)
    try:
        data = _open(image, at_rest, homeserver)
        original = judge(data, entry_pdq=shown.entry_pdq, voucher_pdq=shown.revealed.pdq)
    except MediaUnavailable:
        return False
    except OriginalMismatch:
        _note(image, original=CaseImage.Original.MISMATCH)
        raise
    sealed = seal_original(at_rest, image, original)
    _note(image, original=CaseImage.Original.VERIFIED, sealed_original=sealed)
    return True


def _note(image: CaseImage, **values: object) -> None:
    """Store what was found, unless the case was ended meanwhile and its content deleted."""
    CaseImage.objects.filter(pk=image.pk, case__state=State.UNSEALING).update(**values)


def _open(image: CaseImage, at_rest: AtRest, homeserver: Homeserver) -> bytes:
    attachment = open_revealed(at_rest, image).revealed.attachment
    ciphertext = homeserver.fetch(attachment.ciphertext_sha256)
    return decrypt(ciphertext, key=attachment.key, iv=attachment.iv)


def _conclude(case: Case, step: Step) -> None:
    enough = remaining_clusters(case) >= case.threshold
    reason = "" if enough else "Too few originals are still on the homeserver."
    signal = Signal.VERIFIED if enough else Signal.UNAVAILABLE
    _advance(case, signal, Step(WORKER, step.now, step.config, reason))


def _advance(case: Case, signal: Signal, step: Step) -> Case:
    """Apply a signal, unless the case was ended by somebody else meanwhile."""
    with transaction.atomic():
        current = workflow.locked(case.reference)
        if current.state in {State.CONFIRMED, State.UNSEALING}:
            workflow.advance(current, signal, step)
        return current


def _deadline(case: Case, step: Step) -> datetime:
    last = case.decisions.order_by("-decided_at").first()
    begun = last.decided_at if last else case.opened_at
    return begun + timedelta(hours=step.config.fetch_hours)


def _postpone(case: Case, now: datetime, error: TutelaError) -> None:
    del error  # what it says is in the log of whoever failed; here only the number of tries counts
    case.attempts += 1
    case.next_attempt_at = later(now, case.attempts)
    case.save(update_fields=["attempts", "next_attempt_at"])
