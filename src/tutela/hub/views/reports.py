"""The analysts' queue and the page of one report."""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET

from tutela.console import audit
from tutela.console.permissions import holds, requires
from tutela.cybertip import documents
from tutela.cybertip.storage import State
from tutela.hub import labels, presenting
from tutela.hub.casework import CaseState, possible
from tutela.hub.models import Agency, Report, RoutingDecision

PER_PAGE = 25
SORTS = {"newest": ("-finished_at", "-id"), "oldest": ("finished_at", "id")}


@requires("account.own")
@require_GET
def home(request: HttpRequest) -> HttpResponseBase:
    """Go to the first page that this person may see."""
    if holds(request.user, "report.list"):
        return redirect("hub:queue")
    return redirect("hub:audit" if holds(request.user, "audit.read") else "console:account")


@requires("report.list")
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """List finished reports by state, sorted by when they were received."""
    state = _choice(request, "state", [*labels.STATES, "all"], CaseState.NEW.value)
    sort = _choice(request, "sort", SORTS, "newest")
    agency = _choice(request, "agency", Agency.objects.values_list("slug", flat=True), "")
    rows = _finished().order_by(*SORTS[sort])
    rows = rows if state == "all" else rows.filter(state=state)
    rows = rows.filter(agency__slug=agency) if agency else rows
    context = {
        "page": Paginator(rows, PER_PAGE).get_page(request.GET.get("page")),
        "tabs": _tabs(state),
        "state": state,
        "sort": sort,
        "agency": agency,
        "agencies": Agency.objects.filter(active=True),
    }
    return render(request, "hub/queue.html", context)


@requires("report.read")
@require_GET
def report(request: HttpRequest, report_id: int) -> HttpResponse:
    """Show everything about one report; that it was read is recorded."""
    row = get_object_or_404(
        Report.objects.select_related("esp", "agency"), pk=report_id, intake=State.FINISHED
    )
    with transaction.atomic():
        audit.record(request, "report.read", f"report/{row.pk}")
    return render(request, "hub/report.html", {**_context(row), **_acts(request, row)})


def _choice(request: HttpRequest, name: str, known: Any, default: str) -> str:
    given = request.GET.get(name, default)
    return given if given in known else default


def _finished() -> QuerySet[Report]:
    rows = Report.objects.filter(intake=State.FINISHED).defer("xml")
    return rows.select_related("esp", "agency").annotate(file_count=Count("files"))


def _tabs(state: str) -> list[dict[str, Any]]:
    counts = dict(Report.objects.exclude(state="").values_list("state").annotate(n=Count("id")))
    tabs = [(key.value, labels.STATES[key], counts.get(key.value, 0)) for key in CaseState]
    tabs.append(("all", "All", sum(counts.values())))
    return [{"state": key, "label": label, "count": n, "current": key == state} for key, label, n in tabs]


def _context(row: Report) -> dict[str, Any]:
    document = documents.parse_report(bytes(row.xml))
    decisions = list(row.decisions.select_related("agency", "made_by"))
    routed = next((d for d in decisions if d.made_by_id is None), None)
    return {
        "report": row,
        "rows": _summary(row, document),
        "urgent": document.incident_summary.escalate_to_high_priority is not None,
        "parties": presenting.parties(document),
        "addresses": presenting.addresses(document),
        "narrative": presenting.narrative(document),
        "files": row.files.all(),
        "routed": routed,
        "signals": _signals(routed),
        "history": _history(row, decisions),
        "earlier": _same(row),
    }


def _summary(row: Report, document: documents.Report) -> list[presenting.Row]:
    marks = ", ".join(presenting.marks(document))
    return [
        presenting.Row("Received", presenting.when(row.finished_at)),
        presenting.Row("From", row.esp.name),
        presenting.Row("Kind", labels.incident(row.incident_type)),
        presenting.Row("Incident", presenting.when(document.incident_summary.incident_date_time)),
        presenting.Row("Platform", row.platform),
        presenting.Row("Marks", marks),
        presenting.Row("Agency", row.agency.name if row.agency else ""),
    ]


def _signals(decision: RoutingDecision | None) -> list[dict[str, Any]]:
    if decision is None:
        return []
    signals: list[dict[str, Any]] = []
    for signal in decision.signals:  # one line for what was seen ten times; the times stand further down
        line = {**signal, "label": labels.SIGNALS.get(signal["kind"], signal["kind"])}
        if line not in signals:
            signals.append(line)
    return signals


def _history(row: Report, decisions: list[RoutingDecision]) -> list[dict[str, Any]]:
    """Return what happened, the newest first."""
    entries: list[dict[str, Any]] = [
        {"at": made.made_at, "who": "rules", "what": f"Proposed: {made.agency}", "text": ""}
        for made in decisions
        if made.made_by is None
    ]
    entries += [
        {"at": row.finished_at, "who": row.esp.name, "what": "Report received", "text": ""},
        {"at": row.opened_at, "who": row.esp.name, "what": "Report opened", "text": ""},
    ]
    chosen = iter([made for made in decisions if made.made_by is not None])
    for note in row.notes.select_related("author"):
        what = labels.ACTIONS.get(note.action, note.action)
        made_by_person = next(chosen, None) if note.action == "refer" else None
        if made_by_person is not None:
            what = f"Referred to {made_by_person.agency}"
        entries.append({"at": note.at, "who": note.author.get_username(), "what": what, "text": note.text})
    return sorted(entries, key=lambda entry: entry["at"], reverse=True)


def _same(row: Report) -> QuerySet[Report]:
    """Return other finished reports with the same document of the same provider: likely sent again."""
    others = Report.objects.filter(esp=row.esp, fingerprint=row.fingerprint, intake=State.FINISHED)
    return others.exclude(pk=row.pk).defer("xml").order_by("id")[:20]


def _acts(request: HttpRequest, row: Report) -> dict[str, Any]:
    moves = possible(row.state)
    triage, again = holds(request.user, "report.triage"), row.state == CaseState.REFERRED
    may_refer = holds(request.user, "report.route") if again else triage
    return {
        "again": again,
        "can_open": "open" in moves and triage,
        "can_refer": "refer" in moves and may_refer,
        "can_close": "close" in moves and triage,
        "can_reopen": "reopen" in moves and triage,
        "can_note": triage,
    }
