"""The list version in force, and the one that is drawn for endorsers to sign."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from tutela.console.permissions import holds, requires
from tutela.register import book, drafts
from tutela.register.forms import DrawForm, OrganisationForm, SignedFileForm
from tutela.register.models import Draft
from tutela.register.views.common import when_ready

SHOWN = 100


@requires("entry.read")
@require_GET
@when_ready
def version(request: HttpRequest) -> HttpResponse:
    """Show what is in force, and what the drawn version would change."""
    found, now = book.of_this_server(), book.present(timezone.now())
    with found.lock:
        history, state = found.history(), found.state(now)
        draft = drafts.newest(history, now)
        if draft is not None and state.version and draft.number <= state.version.number:
            draft = None
        context: dict[str, Any] = {"state": state, "version": state.version, "draft": draft, "shown": SHOWN}
        if draft is not None:
            context |= _draft(request, found, draft, now)
    if holds(request.user, "version.draw"):
        context["draw_form"] = DrawForm(constitution=history.constitution)
    return render(request, "register/version.html", context)


def _draft(request: HttpRequest, found: book.Book, draft: Draft, now: Any) -> dict[str, Any]:
    history = found.history()
    changes = drafts.changes(found, draft, now)
    context: dict[str, Any] = {"changes": changes, "endorsers": drafts.endorsers(history, draft)}
    context["lists"] = [
        ("Added", [each.hex() for each in changes.added[:SHOWN]], len(changes.added)),
        ("Withdrawn", [each.hex() for each in changes.withdrawn[:SHOWN]], len(changes.withdrawn)),
        ("Held back", [each.hex() for each in changes.held_back[:SHOWN]], len(changes.held_back)),
    ]
    if holds(request.user, "version.sign"):
        context["organisation_form"] = OrganisationForm(constitution=history.constitution)
        context["file_form"] = SignedFileForm()
    return context


@requires("version.draw")
@require_POST
@when_ready
def draw(request: HttpRequest) -> HttpResponseBase:
    """Draw a list version from all that has arrived."""
    found = book.of_this_server()
    form = DrawForm(request.POST, constitution=found.history().constitution)
    if form.is_valid():
        drawn = drafts.draw(found, request, form.cleaned_data["days"])
        messages.success(request, f"List version {drawn.number} is drawn. Endorsers can sign it now.")
        return redirect("register:version")
    return render(request, "register/draw.html", {"form": form}, status=422)


@requires("version.sign")
@require_GET
@when_ready
def to_sign(request: HttpRequest) -> HttpResponseBase:
    """Hand out the statement that an organisation signs on its own machine."""
    found, now = book.of_this_server(), book.present(timezone.now())
    with found.lock:
        history = found.history()
        draft = drafts.newest(history, now)
        organisation = request.GET.get("organisation", "")
        if draft is None or organisation not in history.constitution.endorsers:
            raise Http404
        data = drafts.to_sign(history, draft, organisation, now)
    response = HttpResponse(data, content_type="application/json")
    name = f"list-version-{draft.number}-{organisation.replace(':', '-')}.json"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response
