"""Entries: what waits, what is live, what the history says of each, and the disputes with their clocks."""

from __future__ import annotations

import re
from collections import Counter

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.http import require_GET

from tutela.console.permissions import holds, requires
from tutela.register import book, presenting
from tutela.register.views.common import when_ready

PER_PAGE = 25
_COMMITMENT = re.compile(r"[0-9a-f]{64}")


@requires("account.own")
@require_GET
def home(request: HttpRequest) -> HttpResponseBase:
    """Go to the first page that this person may see."""
    return redirect("register:entries" if holds(request.user, "entry.read") else "console:account")


@requires("entry.read")
@require_GET
@when_ready
def entries(request: HttpRequest) -> HttpResponse:
    """List the entries by state, the newest first, with the reasons why they are not live."""
    found = book.of_this_server()
    with found.lock:
        history, state = found.history(), found.state()
        states = {name: presenting.state_of(each) for name, each in state.entries.items()}
        wanted = request.GET.get("state", presenting.WAITING)
        wanted = wanted if wanted in presenting.LABELS else presenting.WAITING
        names = [name for name, each in reversed(states.items()) if each == wanted]
        page = Paginator(names, PER_PAGE).get_page(request.GET.get("page"))
        lines = [presenting.entry_line(history, state, state.entries[name]) for name in page]
    counts = Counter(states.values())
    tabs = [
        {"state": name, "label": label, "count": counts[name], "current": name == wanted}
        for name, label in presenting.LABELS.items()
    ]
    context = {"page": page, "lines": lines, "tabs": tabs, "state": wanted}
    return render(request, "register/entries.html", context)


@requires("entry.read")
@require_GET
@when_ready
def entry(request: HttpRequest, commitment: str) -> HttpResponse:
    """Show one entry: who answers for it, why it is not live, every statement."""
    found = book.of_this_server()
    with found.lock:
        history, state = found.history(), found.state()
        name = bytes.fromhex(commitment) if _COMMITMENT.fullmatch(commitment) else b""
        if name not in state.entries:
            raise Http404
        context = {"entry": presenting.entry_page(history, state, name)}
    return render(request, "register/entry.html", context)


@requires("entry.read")
@require_GET
@when_ready
def disputes(request: HttpRequest) -> HttpResponse:
    """List the disputes, those with the least time left first."""
    found = book.of_this_server()
    with found.lock:
        history = found.history()
        clocks = presenting.clocks(history, book.present(timezone.now()))
        days = history.constitution.answer_days
    page = Paginator(clocks, PER_PAGE).get_page(request.GET.get("page"))
    return render(request, "register/disputes.html", {"page": page, "days": days})
