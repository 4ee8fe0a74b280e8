"""What the worker does: thresholds, originals, reports, and the end of windows.

run_due() -> how many pieces of work were done; 0 lets the worker wait
"""

from __future__ import annotations

import fcntl
import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TypeVar

import httpx
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils import timezone

from tutela.cybertip.client import Backoff, Client
from tutela.errors import TutelaError
from tutela.provider import forgetting, runtime, tablekeys, workflow
from tutela.provider.cases import State
from tutela.provider.config import Config, Secrets
from tutela.provider.evaluation import evaluate
from tutela.provider.media import Homeserver
from tutela.provider.models import Arrival, Case, Device, ReportJob, Voucher, Withdrawal
from tutela.provider.outbox import Outbox
from tutela.provider.unsealing import unseal
from tutela.provider.workflow import WORKER, Step

T = TypeVar("T")
log = logging.getLogger("tutela.provider")
HttpFactory = Callable[[], httpx.Client]
#: one quick repetition; the outbox has patience of its own
_BACKOFF = Backoff(attempts=2, first=0.2)
_TIMEOUT = httpx.Timeout(60.0, connect=10.0)


def http_client() -> httpx.Client:
    """Return the client for the homeserver and the centre: no redirects, bounded waits."""
    return httpx.Client(timeout=_TIMEOUT, follow_redirects=False)


def run_due(now: datetime | None = None, http: HttpFactory = http_client) -> int:
    """Do everything that is due, unless another worker is at it."""
    moment = now or timezone.now()
    with _alone() as alone:
        if not alone:
            return 0
        return thresholds(moment) + prune(moment) + decided(moment, http)


@contextmanager
def _alone() -> Iterator[bool]:
    """Hold the lock of the one worker of this state folder; it falls when the process ends, in any way."""
    settings.TUTELA_STATE.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (settings.TUTELA_STATE / "worker.lock").open("a") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield False
            return
        yield True


def thresholds(now: datetime) -> int:
    """Look at the devices whose vouchers changed. While alerts are off, nothing is opened."""
    due = list(
        Device.objects.filter(evaluation_due=True).order_by("?")[:100]
    )  # who is always due hides nobody
    if not due:
        return 0
    try:
        withdrawn = Withdrawal.objects.values_list("entry_id", flat=True)
        working = runtime.alerts(now, withdrawn, overtime=runtime.GRACE)
    except TutelaError as error:
        log.warning("alerts-off code=%s", error.code)
        return 0

    def look(device: Device) -> None:
        under = working.under(bytes.fromhex(device.table_id))
        if under is not None:
            evaluate(under, device, now)
        else:  # its window is over
            Device.objects.filter(pk=device.pk).update(evaluation_due=False)

    return _each(due, look)


def _each(items: Sequence[T], work: Callable[[T], None]) -> int:
    """Work on every item; an error of one does not keep the others waiting, and is raised after them."""
    failed: Exception | None = None
    for item in items:
        try:
            work(item)
        except Exception as error:  # noqa: BLE001  (raised below)
            failed = error
    if failed is not None:
        raise failed
    return len(items)


def decided(now: datetime, http: HttpFactory) -> int:
    """Unseal confirmed cases and send what is queued; needs no epoch."""
    cases = list(
        Case.objects.filter(state__in=(State.CONFIRMED, State.UNSEALING), next_attempt_at__lte=now)[:20]
    )
    jobs = _due_jobs(now)
    if not cases and not jobs.exists():
        return 0
    config, secrets, at_rest = runtime.offline()
    step = Step(WORKER, now, config)
    with http() as connection:
        homeserver = Homeserver(config.homeserver, secrets.homeserver_token, connection, config.media_bytes)
        done = _each(cases, lambda case: unseal(case, step, at_rest, homeserver))
        outbox = Outbox(step, at_rest, homeserver, _client(config, secrets, connection))
        waiting = list(_due_jobs(now).select_related("case")[:20])
        return done + _each(waiting, outbox.work)


def _due_jobs(now: datetime) -> QuerySet[ReportJob]:
    states = (ReportJob.State.OPEN, ReportJob.State.RETRACTING)
    return ReportJob.objects.filter(state__in=states, next_attempt_at__lte=now).order_by("pk")


def _client(config: Config, secrets: Secrets, connection: httpx.Client) -> Client:
    return Client(config.hub, config.hub_user, secrets.hub_password, connection, backoff=_BACKOFF)


def prune(now: datetime) -> int:
    """Delete what a window's end, or the end of the time of preservation, leaves without a purpose."""
    forgotten = forgetting.forget(now)
    ended = Device.objects.filter(expires_at__lte=now)
    deleted, _ = Arrival.objects.filter(device__in=ended).delete()
    waiting = Q(evaluation_due=True, expires_at__gt=now - runtime.GRACE)
    without_case, _ = ended.filter(cases=None).exclude(waiting).delete()
    closed, _ = _left_closed(now).delete()
    kept = list(Case.objects.filter(preserve_until__lte=now).select_related("device"))
    for case in kept:
        workflow.delete_content(case)
        case.preserve_until = None
        case.save(update_fields=["preserve_until"])
    destroyed = tablekeys.destroy(now)
    return int(bool(deleted or without_case or closed or kept or destroyed or forgotten))


def _left_closed(now: datetime) -> QuerySet[Voucher]:
    """Return what can never open: below the threshold, under a key that takes no more vouchers."""
    dead = Q(device__key=Device.Key.REPLACED)
    if Voucher.objects.filter(device__renew_at__lte=now).exists():
        config, _, _ = runtime.offline()
        dead |= Q(device__renew_at__lt=now - timedelta(hours=config.renew_hours))
    return Voucher.objects.filter(dead, device__cases=None, device__evaluation_due=False)
