"""The page that an account holder reaches with the signed link of a notice."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from tutela.console.permissions import public
from tutela.provider import decisions, presenting, runtime
from tutela.provider.errors import AppealError
from tutela.provider.forms import StatementForm
from tutela.provider.models import Case
from tutela.provider.workflow import Step


@public("the account holder has no account here; the link is signed and names one case")
@require_http_methods(["GET", "POST"])
def statement(request: HttpRequest, token: str) -> HttpResponse:
    """Show what the holder may know, and take one appeal."""
    try:
        case = decisions.case_of(token)
    except AppealError as invalid:
        return render(request, "provider/statement.html", {"error": invalid}, status=404)
    form = StatementForm(request.POST or None)
    error: AppealError | None = None
    status = 200
    if request.method == "POST" and form.is_valid():
        step = Step("account-holder", timezone.now(), runtime.offline()[0])
        try:
            decisions.appeal(token, form.cleaned_data["statement"], step)
        except AppealError as refused:
            error, status = refused, 409
    elif form.errors:
        status = 422
    context = {
        "case": case,
        "label": presenting.state_label(case),
        "appeals": case.appeals.all(),
        "form": form if _possible(case) else None,
        "error": error,
    }
    return render(request, "provider/statement.html", context, status=status)


def _possible(case: Case) -> bool:
    return case.state in decisions.APPEALABLE and not case.appeals.filter(state="open").exists()
