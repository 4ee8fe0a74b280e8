"""Review: the queue, one case, its blurred derivatives, and a person's decision.

A reviewer sees small grey derivatives, the listed entries, distances and how the match arose; never an
original, never an account's name or address, and not what a colleague decided.
"""

from __future__ import annotations

from typing import Any

from django.core.paginator import Paginator
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_GET, require_POST

from tutela.console import audit
from tutela.console.models import User
from tutela.console.permissions import holds, requires
from tutela.provider import decisions, presenting, runtime
from tutela.provider.cases import CaseError, State
from tutela.provider.contents import open_revealed
from tutela.provider.errors import AtRestError
from tutela.provider.forms import DecisionForm
from tutela.provider.models import Case, CaseImage, Decision
from tutela.provider.workflow import Step

_PAGE = 25
_SHOWN = "provider_shown"  # in the session: case -> its newest picture when the page was made
_MOST_SHOWN = 100


@requires("case.list")
@require_GET
def queue(request: HttpRequest) -> HttpResponse:
    """List cases: those that wait for this person first, then the others."""
    person = _person(request)
    mine = Decision.objects.filter(reviewer=person).values("case")
    waiting = Case.objects.filter(state=State.REVIEW).exclude(pk__in=mine).order_by("opened_at")
    others = Case.objects.exclude(pk__in=waiting.values("pk")).order_by("-opened_at")
    page = Paginator(others, _PAGE).get_page(request.GET.get("page"))
    context = {
        "waiting": [_line(case) for case in waiting[:100]],
        "others": [_line(case) for case in page],
        "page": page,
    }
    return render(request, "provider/queue.html", context)


def _line(case: Case) -> dict[str, Any]:
    return {"case": case, "label": presenting.state_label(case), "pictures": case.images.count()}


@requires("case.review")
@require_GET
def case(request: HttpRequest, reference: str) -> HttpResponse:
    """Show one case."""
    found = get_object_or_404(Case, reference=reference)
    _note_shown(request, found)
    return _page(request, found, DecisionForm())


def _note_shown(request: HttpRequest, found: Case) -> None:
    """Note which pictures this person's page has: nobody decides on one that came after it."""
    newest = found.images.order_by("pk").last()
    shown = request.session.get(_SHOWN, {})
    shown.pop(found.reference, None)
    shown[found.reference] = newest.pk if newest else 0
    request.session[_SHOWN] = dict(list(shown.items())[-_MOST_SHOWN:])


def _page(request: HttpRequest, found: Case, form: DecisionForm, status: int = 200) -> HttpResponse:
    person = _person(request)
    own = found.decisions.filter(reviewer=person).first()
    context = {
        "case": found,
        "label": presenting.state_label(found),
        "rows": presenting.case_rows(found),
        "pictures": [_picture(found, image, n) for n, image in enumerate(found.images.all(), start=1)],
        "visible": found.state == State.REVIEW,
        "own": own,
        "form": form if found.state == State.REVIEW and own is None else None,
        "supervisor": holds(person, "case.decide"),
    }
    return render(request, "provider/case.html", context, status=status)


def _picture(found: Case, image: CaseImage, number: int) -> dict[str, Any]:
    names = {"reference": found.reference, "picture": image.pk}
    return {
        "name": f"Picture {number}",
        "alt": f"Grey derivative of picture {number}",
        "src": reverse("provider:picture", kwargs=names),
        "log_url": reverse("provider:picture-opened", kwargs=names),
        "rows": presenting.picture_rows(image),
        "warning": presenting.derivative_warning(image),
        "shown": image.derivative_distance is not None,
    }


@requires("case.review")
@require_POST
def decide(request: HttpRequest, reference: str) -> HttpResponse:
    """Record this person's decision; the same person twice is refused with an explanation."""
    found = get_object_or_404(Case, reference=reference)
    form = DecisionForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form, status=422)
    person, verdict = _person(request), Decision.Verdict(form.cleaned_data["verdict"])
    step = Step(person, timezone.now(), runtime.offline()[0])
    try:
        shown = request.session.get(_SHOWN, {}).get(reference, 0)
        decisions.decide(reference, person, verdict, form.cleaned_data["reason"], step, shown=shown)
    except CaseError as error:
        context = {"case": found, "error": error}
        return render(request, "provider/refused.html", context, status=409)
    return redirect("provider:case", reference=reference)


@requires("case.reveal")
@require_GET
def picture(request: HttpRequest, reference: str, picture: int) -> HttpResponse:
    """Serve one derivative while its case is in review; recorded."""
    image = _visible(reference, picture)
    if image.derivative_distance is None:  # of a case before derivatives were drawn anew, too
        raise Http404
    try:
        shown = open_revealed(runtime.offline()[2], image)
    except AtRestError as error:
        raise Http404 from error
    with transaction.atomic():
        audit.record(request, "picture.served", f"case/{reference}", {"picture": picture})
    # A child process encoded the bytes; to the browser they are an image, and can never be anything else.
    headers = {"Content-Security-Policy": "default-src 'none'; sandbox", "X-Content-Type-Options": "nosniff"}
    return HttpResponse(shown.revealed.derivative, content_type="image/webp", headers=headers)


@requires("case.reveal")
@require_POST
def opened(request: HttpRequest, reference: str, picture: int) -> HttpResponse:
    """Record that a person takes the blur away; without this record the page keeps it."""
    _visible(reference, picture)
    with transaction.atomic():
        audit.record(request, "picture.opened", f"case/{reference}", {"picture": picture})
    return HttpResponse(status=204)


def _visible(reference: str, picture: int) -> CaseImage:
    return get_object_or_404(CaseImage, pk=picture, case__reference=reference, case__state=State.REVIEW)


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user
