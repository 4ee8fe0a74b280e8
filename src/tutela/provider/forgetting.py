"""The end of cases without a report that stands: after a while nothing of them is left but the audit.

A case's content, addresses and ports go when it ends. Account, device, entries, decisions and the course of
its reports stay for questions of the account holder, for `forget_days` after the holder was told; then they
go too. A case whose key could still open something stays: without it vouchers under that key would count.

A reported case stays: if an entry behind it is withdrawn, the centre has to be told.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet

from tutela.console import audit
from tutela.provider import runtime, workflow
from tutela.provider.cases import FINAL
from tutela.provider.errors import NotConfigured
from tutela.provider.models import Case, Device, ReportJob
from tutela.provider.workflow import WORKER

_SETTLED = (ReportJob.State.FINISHED, ReportJob.State.RETRACTED)


def forget(now: datetime) -> int:
    """Delete the cases whose time is over, each with a row of the audit; return how many."""
    try:
        config, _, _ = runtime.offline()
    except NotConfigured:
        return 0
    over = list(_over(now, timedelta(days=config.forget_days)))
    for reference in over:
        _forget(reference)
    return len(over)


def _over(now: datetime, kept: timedelta) -> QuerySet[Case, str]:
    dead = Q(device__key=Device.Key.REPLACED) | Q(device__expires_at__lte=now)
    unsettled = ReportJob.objects.exclude(state__in=_SETTLED)
    ended = Case.objects.filter(dead, state__in=FINAL, closed_at__lte=now - kept, notified_at__lte=now - kept)
    return ended.exclude(pk__in=unsettled.values("case")).values_list("reference", flat=True)


def _forget(reference: str) -> None:
    with transaction.atomic():
        case = workflow.locked(reference)
        case.jobs.all().delete()
        case.delete()
        audit.record(WORKER, "case.forgotten", f"case/{reference}", {"state": case.state})
