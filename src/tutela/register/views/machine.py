"""`POST /register/statements`: an organisation's program hands in a signed statement."""

from __future__ import annotations

import logging

from django.http import HttpRequest, JsonResponse
from django.views.decorators.http import require_POST

from tutela.console.audit import actor_name
from tutela.console.permissions import machine
from tutela.errors import TutelaError
from tutela.hashlist.governance import GovernanceError
from tutela.hashlist.governance.constitution import TYPE as CONSTITUTION
from tutela.hashlist.governance.signing import MAX_STATEMENT
from tutela.register import book, logbook
from tutela.register.errors import TooManyDisputes
from tutela.register.words import ADVICE

log = logging.getLogger("tutela.register")


@machine("statement.submit")
@require_POST
def statements(request: HttpRequest) -> JsonResponse:
    """Take in one signed statement: 201, 200 if it is here already, 4xx final, 503 try again."""
    data = request.read(MAX_STATEMENT + 1)
    try:
        if len(data) > MAX_STATEMENT or book.document_of(data).kind == CONSTITUTION:
            return _refuse(413, "register.too_large", "A statement has at most 8192 bytes.")
        done = logbook.take_in(book.of_this_server(), data, actor_name(request))
    except GovernanceError as error:
        return JsonResponse({**error.to_dict(), "hint": ADVICE[error.code]}, status=422)
    except TooManyDisputes as error:
        return JsonResponse(error.diagnostics(), status=429)
    except TutelaError as error:  # the register, its log or the log's key: whoever sent it tries again
        log.error("register-unusable code=%s", error.code)  # noqa: TRY400  (a known state)
        return JsonResponse(error.diagnostics(), status=503)
    said = {"position": done.record.position, "digest": done.record.digest.hex()}
    return JsonResponse(said, status=200 if done.repeated else 201)


def _refuse(status: int, code: str, message: str) -> JsonResponse:
    hint = "Constitutions are handed in by the register's administrator."
    return JsonResponse({"code": code, "message": message, "hint": hint}, status=status)
