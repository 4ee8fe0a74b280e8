"""Background work, called in a loop by `tutela serve hub`'s worker."""

from __future__ import annotations

import os
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from tutela.cybertip.server import Ispws
from tutela.hub.intake import SYSTEM, DatabaseStorage
from tutela.hub.models import ReportFile
from tutela.hub.storage import Store

SWEEP_EVERY: Final = timedelta(minutes=10)
_swept: dict[Store, datetime] = {}


def run_due(now: datetime | None = None) -> int:
    """Expire unfinished reports and remove orphaned files; return how many things were done.

    Args:
        now: the moment that counts as present; default: the clock's.
    """
    moment = timezone.now() if now is None else now
    store = Store.of_this_server()
    done = expire(store, moment)
    if store not in _swept or moment - _swept[store] >= SWEEP_EVERY:  # the folder may hold many files
        _swept[store] = moment
        done += sweep(store, moment)
    return done


def expire(store: Store, now: datetime) -> int:
    """Expire reports that were opened 24 h ago and last changed 1 h ago, whichever is later."""
    return Ispws(DatabaseStorage(store, SYSTEM), clock=lambda: now, random=os.urandom).sweep()


def sweep(store: Store, now: datetime) -> int:
    """Remove files that a killed process left behind."""
    return store.sweep(now.timestamp(), _known)


def _known(file_ids: list[str]) -> set[str]:
    return set(ReportFile.objects.filter(file_id__in=file_ids).values_list("file_id", flat=True))
