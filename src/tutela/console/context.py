"""What every page knows: the role's names, and the links that this person may follow."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.conf import settings
from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from .permissions import holds
from .roles import role_named


def console(request: HttpRequest) -> dict[str, Any]:
    """Return `console_role` and `console_navigation` for the templates."""
    return {
        "console_role": role_named(settings.TUTELA_ROLE),
        "console_navigation": _navigation(request),
    }


def _navigation(request: HttpRequest) -> list[dict[str, Any]]:
    user = getattr(request, "user", None)
    items = getattr(_role_config(), "navigation", ())
    links = []
    for label, url_name, permission in items:
        if not holds(user, permission):
            continue
        try:
            url = reverse(url_name)
        except NoReverseMatch:  # a page that this version does not have yet costs its link, not the page
            continue
        links.append({"label": label, "url": url, "active": _is_active(request.path, url)})
    _mark_home(request, links)
    return links


def _mark_home(request: HttpRequest, links: list[dict[str, Any]]) -> None:
    """Mark the first section on those pages of the role that lie below no link, as `/cases/...` below `/`."""
    match = request.resolver_match
    if match is None or match.namespace != settings.TUTELA_ROLE or any(link["active"] for link in links):
        return
    for link in links:
        link["active"] = link["url"] == "/"


def _role_config() -> object:
    if settings.TUTELA_ROLE and apps.is_installed(role_named(settings.TUTELA_ROLE).app):
        return apps.get_app_config(settings.TUTELA_ROLE)
    return None


def _is_active(path: str, url: str) -> bool:
    return path == url or (url != "/" and path.startswith(url.rstrip("/") + "/"))
