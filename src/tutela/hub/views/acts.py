"""Forms by which a person acts on a report: one page an act, with its errors on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from tutela.console.models import User
from tutela.console.permissions import holds, requires
from tutela.cybertip.storage import State
from tutela.hub import actions
from tutela.hub.casework import CaseState
from tutela.hub.errors import IllegalMoveError
from tutela.hub.forms import NoteForm, ReasonForm, ReferForm
from tutela.hub.models import Report

P = ParamSpec("P")


def person(request: HttpRequest) -> User:
    """Return who is signed in; `requires` has let only people in."""
    assert isinstance(request.user, User)
    return request.user


def finished(report_id: int) -> Report:
    """Return a finished report, or answer 404."""
    return get_object_or_404(
        Report.objects.select_related("agency", "esp"), pk=report_id, intake=State.FINISHED
    )


def attempt(
    request: HttpRequest, done: str, act: Callable[P, None], *args: P.args, **kwargs: P.kwargs
) -> None:
    """Act, and say so; an act that came too late says why instead."""
    try:
        act(*args, **kwargs)
    except Report.DoesNotExist as error:
        raise Http404 from error
    except IllegalMoveError as error:
        messages.error(request, f"{error.message} {error.hint}".strip())
    else:
        messages.success(request, done)


@requires("report.triage")
@require_POST
def open_report(request: HttpRequest, report_id: int) -> HttpResponseBase:
    """Take a new report into work."""
    attempt(request, f"Report {report_id} is in work.", actions.open_report, person(request), report_id)
    return redirect("hub:report", report_id)


@requires("report.triage")
@require_http_methods(["GET", "POST"])
def refer(request: HttpRequest, report_id: int) -> HttpResponseBase:
    """Refer to an agency; once referred, only a supervisor may change it."""
    report = finished(report_id)
    again = report.state == CaseState.REFERRED
    if again and not holds(request.user, "report.route"):
        raise PermissionDenied
    form = ReferForm(request.POST or None, proposed=report.agency, again=again)
    if form.is_valid():
        agency, reason = form.cleaned_data["agency"], form.cleaned_data["reason"]
        done = f"Report {report_id} is referred to {agency}."
        attempt(request, done, actions.refer, person(request), report_id, agency, reason)
        return redirect("hub:report", report_id)
    title = "Send to another agency" if again else "Refer to an agency"
    return _page(request, report, form, title, title if again else "Refer")


@requires("report.triage")
@require_http_methods(["GET", "POST"])
def close(request: HttpRequest, report_id: int) -> HttpResponseBase:
    """Close with a reason."""
    return _with_text(
        request, report_id, ReasonForm, actions.close, ("Close this report", "Close report", "is closed")
    )


@requires("report.triage")
@require_http_methods(["GET", "POST"])
def reopen(request: HttpRequest, report_id: int) -> HttpResponseBase:
    """Reopen with a reason."""
    words = ("Reopen this report", "Reopen report", "is open again")
    return _with_text(request, report_id, ReasonForm, actions.reopen, words)


@requires("report.triage")
@require_http_methods(["GET", "POST"])
def note(request: HttpRequest, report_id: int) -> HttpResponseBase:
    """Write a note."""
    return _with_text(
        request, report_id, NoteForm, actions.note, ("Write a note", "Save note", "has a new note")
    )


def _with_text(
    request: HttpRequest,
    report_id: int,
    kind: type[forms.Form],
    act: Callable[[User, int, str], None],
    words: tuple[str, str, str],
) -> HttpResponseBase:
    """Run an act that wants one text; `words` are the title, the button and what is then true."""
    report = finished(report_id)
    form = kind(request.POST or None)
    if form.is_valid():
        (text,) = form.cleaned_data.values()
        attempt(request, f"Report {report_id} {words[2]}.", act, person(request), report_id, text)
        return redirect("hub:report", report_id)
    return _page(request, report, form, words[0], words[1])


def _page(
    request: HttpRequest, report: Report, form: forms.Form, title: str, button: str
) -> HttpResponseBase:
    context: dict[str, Any] = {"report": report, "form": form, "title": title, "button": button}
    return render(request, "hub/act.html", context)
