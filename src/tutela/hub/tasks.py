"""Background work, called in a loop by `tutela serve hub`'s worker."""

from __future__ import annotations

import os
from datetime import datetime

from django.utils import timezone

from tutela.cybertip.server import Ispws
from tutela.hub.intake import SYSTEM, DatabaseStorage
from tutela.hub.models import ReportFile
from tutela.hub.storage import Store


def run_due(now: datetime | None = None) -> int:
    """Expire unfinished reports and remove orphaned files; return how many things were done.

    Args:
        now: the moment that counts as present; default: the clock's.
    """
    from tutela.hub.views.ispws import hub_store

    moment = timezone.now() if now is None else now
    return expire(hub_store(), moment) + sweep(hub_store(), moment)


def expire(store: Store, now: datetime) -> int:
    """Expire reports that were opened 24 h ago and last changed 1 h ago, whichever is later."""
    return Ispws(DatabaseStorage(store, SYSTEM), clock=lambda: now, random=os.urandom).sweep()


def sweep(store: Store, now: datetime) -> int:
    """Remove files that a killed process left behind."""
    return store.sweep(now.timestamp(), _known)


def _known(file_ids: list[str]) -> set[str]:
    return set(ReportFile.objects.filter(file_id__in=file_ids).values_list("file_id", flat=True))
