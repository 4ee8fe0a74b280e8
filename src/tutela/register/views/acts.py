"""Hand in a signed file. The signature decides what it is worth; the role decides who may bring it here."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from tutela.console.audit import actor_name
from tutela.console.permissions import holds, requires
from tutela.hashlist.governance import GovernanceError
from tutela.hashlist.governance.constitution import TYPE as CONSTITUTION
from tutela.hashlist.governance.statements import Endorsement
from tutela.register import book, logbook, words
from tutela.register.book import Accepted
from tutela.register.errors import TooManyDisputes
from tutela.register.forms import SignedFileForm
from tutela.register.views.common import when_ready

#: type of a document -> permission of the person who hands it in; others: `statement.entry`
_PERMISSIONS = {Endorsement.kind: "statement.endorsement", CONSTITUTION: "statement.constitution"}


@requires("statement.hand-in")
@require_http_methods(["GET", "POST"])
@when_ready
def hand_in(request: HttpRequest) -> HttpResponseBase:
    """Take a signed file in, or say why not."""
    form = SignedFileForm(request.POST, request.FILES) if request.method == "POST" else SignedFileForm()
    if form.is_valid():
        try:
            done = _accept(request, form.cleaned_data["file"])
        except GovernanceError as error:
            form.add_error("file", words.refusal(error))
        except (TooManyDisputes, _MayNot) as error:
            form.add_error("file", f"{error.message} {error.hint}".strip())
        else:
            return _say(request, done)
    return render(request, "register/hand_in.html", {"form": form}, status=422 if form.errors else 200)


class _MayNot(TooManyDisputes):
    """The person's role may not hand in a document of this kind."""

    code = "register.may_not"


def _accept(request: HttpRequest, data: bytes) -> Accepted:
    kind = book.document_of(data).kind
    if not holds(request.user, _PERMISSIONS.get(kind, "statement.entry")):
        raise _MayNot(f"Your role does not hand in a document of the kind {words.KINDS[kind].lower()}.")
    return logbook.take_in(book.of_this_server(), data, actor_name(request))


def _say(request: HttpRequest, done: Accepted) -> HttpResponseBase:
    record = done.record
    if done.repeated:
        messages.info(request, f"This is record {record.position} already; nothing has changed.")
    else:
        messages.success(request, f"Accepted as record {record.position}, and logged.")
    statement = record.statement
    if isinstance(statement, Endorsement):
        return redirect("register:version")
    if statement is not None:
        return redirect("register:entry", statement.entry.hex())
    return redirect("register:organisations")
