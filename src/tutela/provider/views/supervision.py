"""What supervisors see: the history of a case, appeals, stuck reports, and whether the service may run."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tutela.console import audit
from tutela.console.models import AuditRow, User
from tutela.console.permissions import requires
from tutela.errors import TutelaError
from tutela.provider import decisions, presenting, runtime, status
from tutela.provider.cases import CaseError
from tutela.provider.errors import AppealError
from tutela.provider.forms import AppealForm
from tutela.provider.models import Appeal, Case, ReportJob
from tutela.provider.workflow import Step


@requires("case.decide")
@require_GET
def history(request: HttpRequest, reference: str) -> HttpResponse:
    """Show who did what to a case, the messages to the centre, and the link for the account holder."""
    case = get_object_or_404(Case.objects.select_related("device"), reference=reference)
    link = reverse("provider:appeal-statement", kwargs={"token": decisions.appeal_token(case)})
    context = {
        "case": case,
        "label": presenting.state_label(case),
        "decisions": case.decisions.select_related("reviewer"),
        "jobs": case.jobs.order_by("pk"),
        "events": AuditRow.objects.filter(subject=f"case/{reference}"),
        "link": request.build_absolute_uri(link),
        "notice_due": case.notice_due_at is not None and case.notified_at is None,
    }
    return render(request, "provider/history.html", context)


@requires("case.report")
@require_POST
def retry(request: HttpRequest, reference: str) -> HttpResponse:
    """Try a stuck report again."""
    case = get_object_or_404(Case, reference=reference)
    with transaction.atomic():
        stuck = case.jobs.filter(state=ReportJob.State.STUCK)
        if stuck.update(state=ReportJob.State.OPEN, attempts=0, next_attempt_at=timezone.now()):
            audit.record(request, "report.retried", f"case/{reference}")
    return redirect("provider:history", reference=reference)


@requires("case.decide")
@require_POST
def notified(request: HttpRequest, reference: str) -> HttpResponse:
    """Note that the account holder was told."""
    with transaction.atomic():
        case = get_object_or_404(Case.objects.select_for_update(), reference=reference)
        if case.notice_due_at is not None and case.notified_at is None:
            case.notified_at = timezone.now()
            case.save(update_fields=["notified_at"])
            audit.record(request, "holder.notified", f"case/{reference}")
    return redirect("provider:history", reference=reference)


@requires("case.decide")
@require_GET
def appeals(request: HttpRequest) -> HttpResponse:
    """List appeals, open ones first."""
    found = Appeal.objects.select_related("case", "decided_by")
    context = {
        "open": found.filter(state=Appeal.State.OPEN).order_by("received_at"),
        "closed": found.exclude(state=Appeal.State.OPEN)[:100],
    }
    return render(request, "provider/appeals.html", context)


@requires("case.decide")
@require_http_methods(["GET", "POST"])
def appeal(request: HttpRequest, appeal: int) -> HttpResponse:
    """Show one appeal and decide it."""
    found = get_object_or_404(Appeal.objects.select_related("case"), pk=appeal)
    form = AppealForm(request.POST or None)
    error: TutelaError | None = None
    if request.method == "POST" and form.is_valid():
        try:
            _decide(request, found, form)
        except (AppealError, CaseError) as refused:
            error = refused
        else:
            messages.success(request, "The appeal is decided.")
            return redirect("provider:appeals")
    context = {"appeal": found, "form": form if found.state == Appeal.State.OPEN else None, "error": error}
    answer = 409 if error else 422 if form.errors else 200
    return render(request, "provider/appeal.html", context, status=answer)


def _decide(request: HttpRequest, found: Appeal, form: AppealForm) -> None:
    assert isinstance(request.user, User)
    step = Step(request.user, timezone.now(), runtime.offline()[0])
    uphold = form.cleaned_data["state"] == Appeal.State.UPHELD
    decisions.decide_appeal(found.pk, request.user, form.cleaned_data["answer"], step, uphold=uphold)


@requires("status.read")
@require_GET
def service(request: HttpRequest) -> HttpResponse:
    """Show whether alerts may run, under which epoch and on which legal basis, and what waits."""
    now = status.collect(timezone.now())
    rows: list[dict[str, Any]] = [{"key": key, "value": value} for key, value in status.rows(now)]
    return render(request, "provider/service.html", {"status": now, "rows": rows})
