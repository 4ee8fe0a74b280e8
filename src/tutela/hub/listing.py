"""Lists for the command line: ids, states and counts, and nothing that a report says."""

from __future__ import annotations

from typing import Any, Final

from django.db.models import Count

from tutela.cybertip.storage import State
from tutela.errors import UsageError
from tutela.hub.casework import CaseState
from tutela.hub.models import Agency, Report

MOST: Final = 1000


class UnknownState(UsageError):
    """There is no such state of a report."""

    code = "hub.unknown-state"


def agencies() -> list[dict[str, Any]]:
    """Return every agency."""
    return [
        {
            "slug": row.slug,
            "name": row.name,
            "kind": row.kind,
            "countries": row.countries,
            "active": row.active,
        }
        for row in Agency.objects.all()
    ]


def reports(state: str = "") -> list[dict[str, Any]]:
    """Return at most 1,000 finished reports, the newest first.

    Raises:
        UnknownState: `state` is not one of the queue's.
    """
    if state and state not in set(CaseState):
        raise UnknownState(f"There is no state {state!r}.", hint=f"Use one of: {', '.join(CaseState)}.")
    rows = Report.objects.filter(intake=State.FINISHED).defer("xml").select_related("esp", "agency")
    rows = rows.filter(state=state) if state else rows
    counted = rows.annotate(file_count=Count("files")).prefetch_related("decisions")
    return [_line(row, row.file_count) for row in counted[:MOST]]


def _line(row: Report, files: int) -> dict[str, Any]:
    routed = next((made for made in row.decisions.all() if made.made_by_id is None), None)
    return {
        "id": row.pk,
        "esp": row.esp.name,
        "received": row.finished_at.isoformat() if row.finished_at else None,
        "state": row.state,
        "agency": row.agency.slug if row.agency else None,
        "country": routed.country if routed else "",
        "confidence": routed.confidence if routed else None,
        "placed": routed.placed if routed else False,
        "urgent": row.escalated,
        "files": files,
    }
