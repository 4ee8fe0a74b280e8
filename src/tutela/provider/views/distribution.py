"""The repository that devices read: public, cacheable, and readable in parts (RFC 9110, section 14).

Its files prove themselves; what is checked here is that nothing else of this machine is served: a path is of
one of a repository's two forms, no part of it begins with a dot, and a link that leads out is not followed.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from django.http import (
    FileResponse,
    Http404,
    HttpRequest,
    HttpResponse,
    HttpResponseBase,
    StreamingHttpResponse,
)
from django.utils.http import http_date
from django.views.decorators.http import require_safe

from tutela.console.permissions import public
from tutela.provider import runtime
from tutela.provider.errors import NotConfigured

_WHY: Final = "devices load and check it without an account; it holds no content"
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)
_PART: Final = r"[A-Za-z0-9][A-Za-z0-9._-]{0,199}"
_PATH: Final = re.compile(rf"metadata/{_PART}\.json|targets(?:/{_PART}){{2,9}}", re.ASCII)
_CHUNK: Final = 64 * 1024


@public(_WHY)
@require_safe
def file(request: HttpRequest, name: str) -> HttpResponseBase:
    """Serve one file of the repository, whole or one range of it; there is no listing."""
    path = _found(name)
    status = path.stat()
    tag = f'"{status.st_mtime_ns:x}-{status.st_size:x}"'
    headers = {
        "ETag": tag,
        "Last-Modified": http_date(status.st_mtime),
        "Accept-Ranges": "bytes",
        "Cache-Control": "public, max-age=60",
    }
    kind = "application/json" if name.endswith(".json") else "application/octet-stream"
    if tag in request.headers.get("If-None-Match", ""):
        return HttpResponse(status=304, headers=headers)
    wanted = request.headers.get("Range", "")
    if wanted and request.headers.get("If-Range", tag) == tag:
        return _part(path, status.st_size, wanted, kind, headers)
    return FileResponse(path.open("rb"), content_type=kind, headers=headers)


def _found(name: str) -> Path:
    """Return the file of a path; raises `Http404`, whatever is wrong."""
    try:
        folder = runtime.repository()
    except NotConfigured as error:
        raise Http404 from error
    if folder is None or not _PATH.fullmatch(name):
        raise Http404
    path = (folder / name).resolve()
    if not path.is_relative_to(folder.resolve()) or not path.is_file():
        raise Http404
    return path


def _part(path: Path, size: int, wanted: str, kind: str, headers: dict[str, str]) -> HttpResponseBase:
    found = _RANGE.fullmatch(wanted.strip())
    if found is None:  # several ranges, or another unit: the whole is always a right answer
        return FileResponse(path.open("rb"), content_type=kind, headers=headers)
    first, last = _bounds(found[1], found[2], size)
    if first > last:
        return HttpResponse(status=416, headers={**headers, "Content-Range": f"bytes */{size}"})
    headers |= {"Content-Range": f"bytes {first}-{last}/{size}", "Content-Length": str(last - first + 1)}
    body = _slice(path, first, last - first + 1)
    return StreamingHttpResponse(body, status=206, content_type=kind, headers=headers)


def _bounds(first: str, last: str, size: int) -> tuple[int, int]:
    """Return first and last byte; first is above last where nothing can be served."""
    if not first:
        return (max(0, size - int(last)), size - 1) if last and int(last) else (1, 0)
    return int(first), min(int(last) if last else size - 1, size - 1)


def _slice(path: Path, start: int, length: int) -> Iterator[bytes]:
    with path.open("rb") as file:
        file.seek(start)
        while length > 0 and (chunk := file.read(min(_CHUNK, length))):
            length -= len(chunk)
            yield chunk
