"""The transparency log: its leaves with proofs that the page checks itself, and its files for everybody."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core.paginator import Paginator
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET, require_safe

from tutela.console.permissions import public, requires
from tutela.register import book, logbook, presenting, words
from tutela.register.storage import Store
from tutela.register.views.common import when_ready
from tutela.tlog import Leaf, SignedCheckpoint
from tutela.tlog.errors import Malformed, StoreTruncated
from tutela.tlog.log import Log
from tutela.tlog.proof import SUFFIX
from tutela.tlog.serving import read_file

PER_PAGE = 50


@requires("entry.read")
@require_GET
@when_ready
def leaves(request: HttpRequest) -> HttpResponse:
    """List the leaves, the newest first, and say what is published and who vouches for it."""
    store = Store.of_this_server()
    with logbook.reading(store) as log:
        page = Paginator(range(log.size - 1, -1, -1), PER_PAGE).get_page(request.GET.get("page"))
        published = _published_size(log)
        rows = [_row(log, index, published) for index in page]
        context: dict[str, Any] = {"page": page, "rows": rows, "size": log.size, "published": published}
        if (signed := log.published()) is not None:
            context |= {"root": signed.checkpoint.root.hex(), "witnesses": _witnesses(store, signed)}
    return render(request, "register/leaves.html", context)


@requires("entry.read")
@require_GET
@when_ready
def leaf(request: HttpRequest, index: int) -> HttpResponse:
    """Show a leaf with its proof and the policy; a script checks it in the page."""
    store = Store.of_this_server()
    with logbook.reading(store) as log:
        if index >= log.size:
            raise Http404
        data, published = log.entry(index), _published_size(log)
        proof = log.proof(index).to_bytes().decode() if index < published else ""
    found = book.of_this_server()
    with found.lock:
        record = found.history().records(index + 1)[-1]
    context = {
        "index": index,
        "leaf": data.decode(),
        "rows": _facts(Leaf.parse(data)),
        "record": presenting.statement_line(record),
        "document": record.data.decode(),
        "proof": proof,
        "policy": store.policy_text().decode("utf-8", "replace"),
    }
    return render(request, "register/leaf.html", context)


@requires("entry.read")
@require_GET
@when_ready
def proof(request: HttpRequest, index: int) -> HttpResponse:
    """Hand out a leaf's proof as a file (C2SP tlog-proof)."""
    del request
    with logbook.reading(Store.of_this_server()) as log:
        if index >= _published_size(log):
            raise Http404
        data = log.proof(index).to_bytes()
    response = HttpResponse(data, content_type="text/plain; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="leaf-{index}{SUFFIX}"'
    return response


@public("a transparency log is for everybody; it holds signed statements without content")
@require_safe
def log_file(request: HttpRequest, name: str) -> HttpResponse:
    """Serve the published checkpoint and the tiles."""
    del request
    try:
        answer, caching = read_file(Store.of_this_server().log, name)
    except (Malformed, StoreTruncated) as error:
        raise Http404 from error
    response = HttpResponse(answer.body, content_type=answer.content_type, status=answer.status)
    response["Cache-Control"] = caching
    return response


def _published_size(log: Log) -> int:
    signed = log.published()
    return signed.checkpoint.size if signed else 0


def _row(log: Log, index: int, published: int) -> dict[str, Any]:
    said = Leaf.parse(log.entry(index))
    return {
        "index": index,
        "kind": words.KINDS.get(str(said.fields.get("kind", "")), said.kind),
        "time": said.time,
        "organisation": said.fields.get("organisation", ""),
        "published": index < published,
    }


def _witnesses(store: Store, signed: SignedCheckpoint) -> list[tuple[str, datetime | None]]:
    times = logbook.witnesses(store, signed)
    return [(each.name, times.get(each.name)) for each in store.policy().witnesses]


def _facts(said: Leaf) -> list[dict[str, str]]:
    rows = [
        {"key": "Kind of leaf", "value": said.kind},
        {"key": "Time", "value": f"{said.time:%-d %b %Y, %H:%M:%S} UTC"},
        {"key": "SHA-256 of the signed file", "value": said.sha256},
    ]
    return rows + [{"key": name.capitalize(), "value": str(value)} for name, value in said.fields.items()]
