"""Sign-in, sign-out, the own account, the health check, and the pages that say no."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.contrib.auth import views as auth_views
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.shortcuts import render
from django.urls import reverse_lazy
from django.views.decorators.http import require_GET

from . import audit
from .forms import PasswordForm, SignInForm
from .models import User
from .permissions import permission_matrix, public, requires


class _SignIn(auth_views.LoginView):
    template_name = "console/sign_in.html"
    authentication_form = SignInForm
    redirect_authenticated_user = True

    def form_valid(self, form: Any) -> HttpResponse:
        """Sign in and record it together."""
        with transaction.atomic():
            response = super().form_valid(form)
            audit.record(self.request, "user.signed-in", f"user/{form.get_user().get_username()}")
        return response


class _SignOut(auth_views.LogoutView):
    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        """Record who leaves, and sign out."""
        with transaction.atomic():
            if isinstance(request.user, User):
                audit.record(request, "user.signed-out", f"user/{request.user.get_username()}")
            return super().post(request, *args, **kwargs)


class _ChangePassword(auth_views.PasswordChangeView):
    template_name = "console/change_password.html"
    form_class = PasswordForm
    success_url = reverse_lazy("console:account")

    def form_valid(self, form: Any) -> HttpResponse:
        """Change the password and record that it changed."""
        with transaction.atomic():
            audit.record(self.request, "user.password-changed", f"user/{form.user.get_username()}")
            return super().form_valid(form)


sign_in = public("people without a session need a way in")(_SignIn.as_view())
sign_out = public("leaving is always allowed; it needs POST and a CSRF token")(_SignOut.as_view())
change_password = requires("account.own")(_ChangePassword.as_view())


@requires("account.own")
@require_GET
def account(request: HttpRequest) -> HttpResponse:
    """Show who is signed in, and what this person's roles allow."""
    matrix = permission_matrix(settings.TUTELA_ROLE) if settings.TUTELA_ROLE else []
    roles = request.user.roles if isinstance(request.user, User) else frozenset()
    held = [name for name, holders in matrix if roles & set(holders)]
    return render(request, "console/account.html", {"roles": sorted(roles), "held": held})


@requires("account.own")
@require_GET
def home(request: HttpRequest) -> HttpResponse:
    """Show the links that this person may follow: the home page of a role that brings none."""
    return render(request, "console/home.html")


@public("a supervisor of processes asks whether the server answers; it tells nothing else")
@require_GET
def healthz(request: HttpRequest) -> JsonResponse:
    """Answer that the server is up."""
    del request
    return JsonResponse({"state": "ok", "role": settings.TUTELA_ROLE})


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """Answer 403."""
    del exception
    return _refusal(request, 403)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponseBase:
    """Answer 404."""
    del exception
    return _refusal(request, 404)


def server_error(request: HttpRequest) -> HttpResponseBase:
    """Answer 500 from a page that needs neither the database nor the context processors."""
    from django.template.loader import render_to_string

    from .roles import role_named

    context = {"console_role": role_named(settings.TUTELA_ROLE), "console_navigation": []}
    del request
    return HttpResponse(render_to_string("console/500.html", context), status=500)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """Answer 403 to a form whose CSRF token is missing or old."""
    del reason
    return render(request, "console/csrf.html", status=403)


def locked(request: HttpRequest, credentials: object = None, *args: Any, **kwargs: Any) -> HttpResponseBase:
    """Answer 429 after too many failed sign-ins; the same for names that exist and that do not."""
    del credentials, args, kwargs
    minutes = int(settings.AXES_COOLOFF_TIME.total_seconds() // 60)
    return render(request, "console/locked.html", {"minutes": minutes}, status=429)


def _refusal(request: HttpRequest, status: int) -> HttpResponseBase:
    return render(request, f"console/{status}.html", status=status)
