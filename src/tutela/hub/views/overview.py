"""The agencies, and the audit chain."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from tutela.console.audit import verify_chain
from tutela.console.models import AuditRow
from tutela.console.permissions import requires
from tutela.errors import TutelaError
from tutela.hub.models import Agency

ROWS = 50


@requires("report.list")
@require_GET
def agencies(request: HttpRequest) -> HttpResponse:
    """List the agencies with the countries that the rules give them."""
    rows = Agency.objects.annotate(
        referred=Count("report", filter=Q(report__state="referred")), total=Count("report")
    )
    return render(request, "hub/agencies.html", {"agencies": rows})


@requires("audit.read")
@require_GET
def audit(request: HttpRequest) -> HttpResponse:
    """Show the newest audit rows; with `?check=1` also whether the whole chain holds."""
    page = Paginator(AuditRow.objects.order_by("-sequence"), ROWS).get_page(request.GET.get("page"))
    context: dict[str, Any] = {"page": page}
    if request.GET.get("check"):
        try:
            context["head"] = verify_chain()
        except TutelaError as error:
            context["broken"] = error.message
    return render(request, "hub/audit.html", context)
