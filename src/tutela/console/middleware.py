"""Refuse undeclared views, keep pages out of caches, and bound what a request may send."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponseBase, JsonResponse

from .permissions import access_of

GetResponse = Callable[[HttpRequest], HttpResponseBase]


class DenyByDefault:
    """Answer 403 for a view that carries none of `requires`, `machine` and `public`."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Pass the request on; the decision falls in `process_view`."""
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> None:
        """Raise `PermissionDenied` for an undeclared view."""
        del request, args, kwargs
        if access_of(view) is None:
            raise PermissionDenied("this view declares no access")


class PrivatePages:
    """Keep pages out of every cache, unless a view decided otherwise; switch off device features."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Add the headers to the response."""
        response = self.get_response(request)
        response.headers.setdefault("Cache-Control", "no-store")
        response.headers.setdefault("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
        return response


class RequestBounds:
    """Refuse a body that is larger than TUTELA_MAX_UPLOAD, or of unknown length, before reading it."""

    def __init__(self, get_response: GetResponse) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        """Answer 411 or 413, or pass the request on."""
        if request.headers.get("Transfer-Encoding"):
            return _refusal(411, "console.length-required", "The request does not say how long it is.")
        try:
            length = int(request.headers.get("Content-Length") or 0)
        except ValueError:
            return _refusal(400, "console.bad-length", "The length of the request is not a number.")
        if length > settings.TUTELA_MAX_UPLOAD:
            return _refusal(413, "console.too-large", "The request is larger than this server accepts.")
        return self.get_response(request)


def _refusal(status: int, code: str, message: str) -> JsonResponse:
    return JsonResponse({"code": code, "message": message, "hint": "Send a smaller body."}, status=status)
