"""`/ispws/*`: CyberTipline reporting over HTTP (rules: `tutela.cybertip.server`).

Machine accounts with `report.submit`, by HTTP Basic; no cookie, so no CSRF token. Answers are
`application/xml` and carry a `Request-ID`; a bad login is 401 with an empty body. Uploads are read as
raw multipart and sealed while they arrive. A refusal that is known before the file's bytes still reads
them to the end (and keeps nothing): many clients only read an answer once they have sent everything.

After a call has committed, nothing here can fail any more: the answer is ready-made bytes.
"""

from __future__ import annotations

import functools
import logging
import os
import uuid
from collections.abc import Callable, Mapping
from urllib.parse import parse_qs

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils import timezone

from tutela.console.models import MachineAccount
from tutela.console.permissions import machine
from tutela.cybertip import server, storage
from tutela.cybertip.codes import Code
from tutela.cybertip.reading import DEFAULT_CAPS
from tutela.errors import InputError, TutelaError
from tutela.hub import placing
from tutela.hub.errors import MultipartError
from tutela.hub.intake import DatabaseStorage, upload_name
from tutela.hub.multipart import CHUNK, Multipart, Part, boundary_of
from tutela.hub.storage import Received, Store

log = logging.getLogger("tutela.hub.ispws")
MAX_FORM = 64 * 1024

Call = Callable[[HttpRequest, server.Ispws, str], server.Answer]


def route(method: str | None) -> Callable[[Call], Callable[..., HttpResponseBase]]:
    """Make a view of a call: authenticated, one method, every outcome an answer of the protocol."""

    def decorate(call: Call) -> Callable[..., HttpResponseBase]:
        @machine("report.submit", refuse=_refuse)
        @functools.wraps(call)
        def guarded(request: HttpRequest) -> HttpResponseBase:
            return _respond(_run(call, request, method))

        @functools.wraps(guarded)
        def view(request: HttpRequest) -> HttpResponseBase:
            response = guarded(request)
            response.headers["Request-ID"] = str(uuid.uuid4())
            return response

        return view

    return decorate


def _run(call: Call, request: HttpRequest, method: str | None) -> server.Answer:
    if method is not None and request.method != method:
        return server.answer(Code.INVALID_REQUEST, f"This call is made with {method}")
    account: MachineAccount = request.machine  # type: ignore[attr-defined]
    rules = server.Ispws(
        DatabaseStorage(Store.of_this_server(), account), clock=timezone.now, random=os.urandom
    )
    try:
        return call(request, rules, account.name)
    except InputError as error:
        return server.answer(Code.INVALID_REQUEST, error.message)
    except TutelaError as error:
        log.error("ispws.failed %s", error.code)  # noqa: TRY400 (a known state, not a defect)
        return server.answer(Code.SERVER_ERROR)
    except Exception:
        log.exception("ispws.failed")
        return server.answer(Code.SERVER_ERROR)


def _respond(answer: server.Answer) -> HttpResponse:
    response = HttpResponse(answer.body, status=answer.status)
    del response["Content-Type"]
    for name, value in answer.headers.items():
        response[name] = value
    return response


def _refuse(request: HttpRequest, status: int, diagnostics: Mapping[str, str]) -> HttpResponse:
    del request, diagnostics
    return _respond(server.unauthenticated() if status == 401 else server.answer(Code.NO_SUBMISSION_RIGHT))


@route("GET")
def status(request: HttpRequest, rules: server.Ispws, provider: str) -> server.Answer:
    """`GET /status`; a hub without its key says so here, before anybody relies on it."""
    del request, provider
    Store.of_this_server().public_key()
    return rules.status()


@route("GET")
def xsd(request: HttpRequest, rules: server.Ispws, provider: str) -> server.Answer:
    """`GET /xsd`."""
    del request, provider
    return rules.xsd()


@route("POST")
def submit(request: HttpRequest, rules: server.Ispws, provider: str) -> server.Answer:
    """`POST /submit`: XML, whatever the Content-Type says."""
    return rules.submit(provider, _document(request), idempotency_key=request.headers.get("Idempotency-Key"))


@route("POST")
def fileinfo(request: HttpRequest, rules: server.Ispws, provider: str) -> server.Answer:
    """`POST /fileinfo`: XML."""
    return rules.file_info(provider, _document(request))


@route("POST")
def finish(request: HttpRequest, rules: server.Ispws, provider: str) -> server.Answer:
    """`POST /finish`: the field `id`."""
    report_id = _field(request, "id")
    placing.warm(Store.of_this_server())
    return rules.finish(provider, report_id)


@route("POST")
def retract(request: HttpRequest, rules: server.Ispws, provider: str) -> server.Answer:
    """`POST /retract`: the field `id`."""
    return rules.retract(provider, _field(request, "id"))


@route("POST")
def upload(request: HttpRequest, rules: server.Ispws, provider: str) -> server.Answer:
    """`POST /upload`: multipart with `id` and `file`, in either order."""
    form = Multipart(request, boundary_of(request.headers.get("Content-Type", "")))
    store, report_id, name, received, refusal = Store.of_this_server(), "", "", None, None
    try:
        while (part := form.next_part()) is not None:
            if part.name == "id":
                report_id = part.text()
                refusal = rules.refuse_upload(provider, report_id)
            elif part.name == "file" and received is None and refusal is None:
                name, received = upload_name(part.filename), store.receive(part)
            else:
                _drain(part)
        if refusal is not None:
            return refusal
        if received is None or not report_id:
            return server.answer(Code.INVALID_REQUEST, "An upload has the fields id and file")
        return rules.upload(provider, report_id, _handed_over(received, name))
    finally:
        if received is not None:
            received.path.unlink(missing_ok=True)  # there still only if it was not kept


@route(None)
def elsewhere(request: HttpRequest, rules: server.Ispws, provider: str) -> server.Answer:
    """Anything else below `/ispws/`."""
    del request, rules, provider
    return server.answer(Code.RESOURCE_NOT_FOUND)


def _handed_over(received: Received, name: str) -> storage.Received:
    return storage.Received(
        name=name,
        size=received.size,
        md5=bytes.fromhex(received.md5),
        sha256=bytes.fromhex(received.sha256),
        handle=str(received.path),
    )


def _document(request: HttpRequest) -> bytes:
    """Read a document's bytes, one more than may be at most: the reader of documents says the rest."""
    return request.read(DEFAULT_CAPS.size + 1)


def _field(request: HttpRequest, name: str) -> str:
    """Return a field of a small form, urlencoded or multipart; "" where it is not there."""
    kind = request.headers.get("Content-Type", "")
    if kind.lower().startswith("multipart/"):
        return _multipart_field(Multipart(request, boundary_of(kind)), name)
    try:
        fields = parse_qs(request.read(MAX_FORM).decode("latin-1"), max_num_fields=32)
    except ValueError as error:
        raise MultipartError("The form has more than 32 fields.") from error
    return fields.get(name, [""])[0]


def _multipart_field(form: Multipart, name: str) -> str:
    value = ""
    while (part := form.next_part()) is not None:
        if part.name == name:
            value = part.text()
        else:
            _drain(part)
    return value


def _drain(part: Part) -> None:
    while part.read(CHUNK):
        pass
