"""Background work, called in a loop by `tutela serve register`'s worker."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Final

from django.utils import timezone

from tutela.errors import TutelaError
from tutela.register import book, logbook
from tutela.register.errors import RegisterNotReady
from tutela.tlog.client import Ask
from tutela.tlog.errors import NoQuorum

#: witnesses that did not answer are asked again after this time
ASK_AGAIN: Final = timedelta(seconds=30)
log = logging.getLogger("tutela.register")
_next: dict[str, datetime] = {}


def run_due(now: datetime | None = None, ask: Ask | None = None) -> int:
    """Append the leaves that a crash left out, ask the witnesses, publish; return how many things were done.

    Args:
        now: the moment that counts as present; default: the clock's.
        ask: sends a request to a witness; default: over HTTP.
    """
    moment = now or timezone.now()
    found = book.of_this_server()
    try:
        done = logbook.catch_up(found)
    except RegisterNotReady:
        return 0
    if moment < _next.get(str(found.store.log), moment):
        return done
    try:
        done += logbook.publish(found.store, moment, ask)
    except NoQuorum as error:
        _wait(found, moment, error)
    return done


def _wait(found: book.Book, moment: datetime, error: TutelaError) -> None:
    _next[str(found.store.log)] = moment + ASK_AGAIN
    log.warning("witnesses-missing code=%s again-in-seconds=%d", error.code, ASK_AGAIN.total_seconds())
