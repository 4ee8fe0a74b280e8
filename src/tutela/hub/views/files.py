"""The page of one file: what is known of it, and its picture behind the law's gate.

A picture is decrypted in memory, made small and grey, and embedded in the page blurred; the file itself
never leaves the server. Each decryption and each uncovering is an audit row of its own.
"""

from __future__ import annotations

import base64
import logging
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from tutela.console import audit
from tutela.console.permissions import holds, requires
from tutela.cybertip import documents
from tutela.cybertip.storage import State
from tutela.errors import TutelaError
from tutela.fingerprint import FingerprintError, derivative
from tutela.hub import actions, labels, presenting
from tutela.hub.forms import AllowForm
from tutela.hub.models import ReportFile
from tutela.hub.storage import Store
from tutela.hub.views.acts import attempt, person

log = logging.getLogger("tutela.hub.files")
MAX_PICTURE = 64 << 20


@requires("report.read")
@require_GET
def file(request: HttpRequest, file_id: str) -> HttpResponse:
    """Show what is known of a file; its picture only where the law's gate is open."""
    row = _file(file_id)
    allowed = actions.may_open(row)
    context = {
        "file": row,
        "rows": _rows(row),
        "viewed_colour": labels.VIEWED_COLOURS[row.viewed],
        "allowed": allowed,
        "ground": actions.GROUNDS.get(row.access_basis, ""),
        "may_reveal": holds(request.user, "report.reveal"),
        "may_allow": holds(request.user, "report.allow"),
    }
    if allowed and context["may_reveal"]:
        context |= _picture(request, row)
    return render(request, "hub/file.html", context)


@requires("report.reveal")
@require_POST
def shown(request: HttpRequest, file_id: str) -> HttpResponse:
    """Record that the picture is uncovered; the page shows it only after this answer."""
    get_object_or_404(ReportFile, file_id=file_id)
    actions.shown(person(request), file_id)
    return HttpResponse(status=204)


@requires("report.allow")
@require_http_methods(["GET", "POST"])
def allow(request: HttpRequest, file_id: str) -> HttpResponseBase:
    """Record the legal ground for opening a file that the provider did not view."""
    row = _file(file_id)
    form = AllowForm(request.POST or None)
    if form.is_valid():
        basis, reason = form.cleaned_data["basis"], form.cleaned_data["reason"]
        attempt(
            request, "The legal ground is recorded.", actions.allow, person(request), file_id, basis, reason
        )
        return redirect("hub:file", file_id)
    return render(request, "hub/allow.html", {"file": row, "form": form})


def _file(file_id: str) -> ReportFile:
    rows = ReportFile.objects.select_related("report", "access_by")
    return get_object_or_404(rows, file_id=file_id, report__intake=State.FINISHED)


def _rows(row: ReportFile) -> list[presenting.Row]:
    rows = [
        presenting.Row("Name", row.name),
        presenting.Row("Size", f"{row.size:,} bytes"),
        presenting.Row("Uploaded", presenting.when(row.uploaded_at)),
        presenting.Row("SHA-256", row.sha256),
        presenting.Row("MD5", row.md5),
    ]
    statement = row.statements.last()
    if statement is not None:
        rows += presenting.file_rows(documents.parse_file_details(bytes(statement.xml)))
    return rows


def _picture(request: HttpRequest, row: ReportFile) -> dict[str, Any]:
    """Return the small grey picture as a data address, or why there is none. Recorded before it is sent."""
    with transaction.atomic():
        audit.record(request, "file.decrypted", f"file/{row.file_id}", {"report": row.report_id})
    store = Store.of_this_server()
    try:
        data = store.read(row.file_id, _private_key(store), MAX_PICTURE)
        small = derivative(data)
    except FingerprintError:
        return {"problem": "This file is not a picture that can be shown here."}
    except TutelaError as error:
        log.error("file.not-opened %s", error.code)  # noqa: TRY400 (a known state, not a defect)
        return {"problem": f"The file cannot be opened: {error.message}"}
    return {"picture": "data:image/webp;base64," + base64.b64encode(small).decode("ascii")}


def _private_key(store: Store) -> bytes:
    return _load(store.root, store.key_file.stat().st_mtime_ns if store.key_file.exists() else 0)


@lru_cache(maxsize=1)
def _load(root: Path, _: int) -> bytes:
    return Store(root).private_key()
