"""System checks: every route declares its access, and the trigger-guarded table is where we think."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from django.core.checks import CheckMessage, Error, register
from django.urls import URLPattern, URLResolver, get_resolver

from .permissions import access_of


def routes(resolver: URLResolver | None = None, prefix: str = "") -> Iterator[tuple[str, URLPattern]]:
    """Yield (route, pattern) of every URL of the project, includes followed."""
    for pattern in (resolver or get_resolver()).url_patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from routes(pattern, route)
        else:
            yield route, pattern


@register("security")
def every_route_declares_access(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Report each route whose view carries none of `requires`, `machine` and `public`."""
    del app_configs, kwargs
    return [
        Error(
            f"The view of /{route} declares no access.",
            hint="Add @requires, @machine or @public from tutela.console.permissions.",
            id="console.E001",
        )
        for route, pattern in routes()
        if access_of(pattern.callback) is None
    ]
