"""URLs of the console, and of the chosen role's app. The role's home page is its own `""` route."""

from __future__ import annotations

from django.conf import settings
from django.urls import URLPattern, URLResolver, include, path

from . import views
from .environment import has_module
from .roles import ROLES

console_patterns: list[URLPattern | URLResolver] = [
    path("sign-in", views.sign_in, name="sign-in"),
    path("sign-out", views.sign_out, name="sign-out"),
    path("account", views.account, name="account"),
    path("account/password", views.change_password, name="change-password"),
    path("healthz", views.healthz, name="healthz"),
    path("", views.home, name="home"),  # reached only when the role has no home page of its own
]


def patterns(role: str) -> list[URLPattern | URLResolver]:
    """Return the URLs of one role's console: the role's own first, then the shared pages."""
    own = ROLES[role].app + ".urls" if role else ""
    included = [path("", include(own))] if own and has_module(own) else []
    return [*included, path("", include((console_patterns, "console")))]


urlpatterns = patterns(settings.TUTELA_ROLE)
handler403 = "tutela.console.views.forbidden"
handler404 = "tutela.console.views.not_found"
handler500 = "tutela.console.views.server_error"
