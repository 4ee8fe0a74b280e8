"""Who may do what: one table, three decorators, and a refusal for everything else.

Every view carries exactly one declaration:

    @requires("case.review")         people who hold the permission through one of their roles
    @machine("intake.write")         machine accounts that were given the permission
    @public("why it may be open")    anyone; the reason is part of the code

`middleware.DenyByDefault` answers 403 for a view that declares none, so a forgotten declaration fails
closed. Class-based views are declared on the function: `requires("case.list")(CaseList.as_view())`.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, Literal, ParamSpec, cast

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url

from . import machines
from .roles import ROLES

#: permission -> the roles that hold it. A role that no console of this kind has grants nothing there.
PERMISSIONS: dict[str, frozenset[str]] = {
    # everyone who signed in: the own account
    "account.own": frozenset({"reviewer", "analyst", "supervisor", "curator", "endorser", "administrator"}),
    # provider: cases that passed the threshold, decided by two people
    "case.list": frozenset({"reviewer", "supervisor"}),
    "case.review": frozenset({"reviewer", "supervisor"}),
    "case.reveal": frozenset({"reviewer", "supervisor"}),
    "case.decide": frozenset({"supervisor"}),
    "case.report": frozenset({"supervisor"}),
    # provider: the list and the epoch that devices load
    "epoch.read": frozenset({"reviewer", "supervisor", "administrator"}),
    "epoch.publish": frozenset({"administrator"}),
    "list.withdraw": frozenset({"supervisor"}),
    # hub: statutory reports, from intake to a police agency
    "report.list": frozenset({"analyst", "supervisor"}),
    "report.read": frozenset({"analyst", "supervisor"}),
    "report.reveal": frozenset({"analyst", "supervisor"}),
    "report.triage": frozenset({"analyst", "supervisor"}),
    "report.route": frozenset({"supervisor"}),
    "report.allow": frozenset({"supervisor"}),
    # register: signed statements, list versions, the transparency log; nobody here sees a picture
    "entry.read": frozenset({"curator", "endorser", "administrator"}),
    "statement.hand-in": frozenset({"curator", "endorser", "administrator"}),
    "statement.entry": frozenset({"curator"}),
    "statement.endorsement": frozenset({"endorser"}),
    "statement.constitution": frozenset({"administrator"}),
    "version.draw": frozenset({"curator"}),
    "version.sign": frozenset({"endorser"}),
    # all: the record of what was done, and who may come in
    "audit.read": frozenset({"supervisor", "administrator"}),
    "user.manage": frozenset({"administrator"}),
    "status.read": frozenset({"reviewer", "analyst", "supervisor", "administrator"}),
}

#: what only one kind of console has: the first word of such permissions -> its role
SUBJECTS: dict[str, str] = {
    "case": "provider",
    "epoch": "provider",
    "list": "provider",
    "report": "hub",
    "entry": "register",
    "statement": "register",
    "version": "register",
}

#: permission of machine accounts -> the one role whose console has such routes
MACHINE_PERMISSIONS: dict[str, str] = {
    "intake.write": "provider",  # the homeserver hands over enrolments and vouchers
    "report.submit": "hub",  # an electronic service provider files a CyberTipline report
    "statement.submit": "register",  # an organisation hands in what it signed
}

P = ParamSpec("P")
View = Callable[Concatenate[HttpRequest, P], HttpResponseBase]
Kind = Literal["requires", "machine", "public"]
_ATTRIBUTE = "tutela_access"


@dataclass(frozen=True, slots=True)
class Access:
    """A view's declaration: its kind, and the permission (or, for public views, the reason)."""

    kind: Kind
    name: str


def access_of(view: Callable[..., Any]) -> Access | None:
    """Return what a view declares, or None."""
    return cast("Access | None", getattr(view, _ATTRIBUTE, None))


def holds(user: object, permission: str) -> bool:
    """Return whether a person may do this: signed in, active, and in one of the permission's roles."""
    from .models import User

    if not isinstance(user, User) or not user.is_active:
        return False
    return bool(PERMISSIONS[permission] & user.roles)


def permission_matrix(role: str) -> list[tuple[str, tuple[str, ...]]]:
    """Return (permission, roles that hold it) of one kind of console, in the table's order."""
    groups = ROLES[role].groups
    rows = []
    for name, holders in PERMISSIONS.items():
        if SUBJECTS.get(name.partition(".")[0], role) == role:
            rows.append((name, tuple(group for group in groups if group in holders)))
    return [row for row in rows if row[1]]


def matrix_text() -> str:
    """Return the whole table as text: what the documentation shows and a test compares."""
    lines = []
    for role, facts in ROLES.items():
        lines.append(f"{role}: {', '.join(facts.groups)}")
        lines += [f"  {name}: {', '.join(holders)}" for name, holders in permission_matrix(role)]
        machines_here = [name for name, where in MACHINE_PERMISSIONS.items() if where == role]
        lines.append(f"  machines: {', '.join(machines_here)}")
    return "\n".join(lines) + "\n"


def requires(permission: str) -> Callable[[View[P]], View[P]]:
    """Open a page to people who hold `permission`; others are asked to sign in, or refused (403)."""
    if permission not in PERMISSIONS:
        raise LookupError(f"{permission!r} is not in the permission table")

    def decorate(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            user = getattr(request, "user", None)
            if user is None or not user.is_authenticated:
                return _ask_to_sign_in(request)
            if not holds(user, permission):
                raise PermissionDenied
            return view(request, *args, **kwargs)

        return _declare(guarded, Access("requires", permission))

    return decorate


def machine(
    permission: str, *, refuse: machines.Refuse = machines.refuse_as_json
) -> Callable[[View[P]], View[P]]:
    """Open a route to machine accounts with `permission`; sets `request.machine`.

    Machine routes use no cookie, so they need no CSRF token. `refuse(request, status, diagnostics)`
    builds the 401 and 403 answers for wire formats other than JSON.
    """
    if permission not in MACHINE_PERMISSIONS:
        raise LookupError(f"{permission!r} is not in the table of machine permissions")

    def decorate(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            try:
                account = machines.authenticate(request.headers.get("Authorization", ""), permission)
            except machines.MachineRefused as refusal:
                return refuse(request, refusal.status, refusal.diagnostics())
            request.machine = account  # type: ignore[attr-defined]
            return view(request, *args, **kwargs)

        guarded.csrf_exempt = True  # type: ignore[attr-defined]
        return _declare(guarded, Access("machine", permission))

    return decorate


def public(reason: str) -> Callable[[View[P]], View[P]]:
    """Open a view to anyone; `reason` says why that is right."""
    if not reason.strip():
        raise ValueError("a public view needs a reason")

    def decorate(view: View[P]) -> View[P]:
        @functools.wraps(view)
        def guarded(request: HttpRequest, /, *args: P.args, **kwargs: P.kwargs) -> HttpResponseBase:
            return view(request, *args, **kwargs)

        return _declare(guarded, Access("public", reason))

    return decorate


def _declare(view: View[P], access: Access) -> View[P]:
    setattr(view, _ATTRIBUTE, access)
    return view


def _ask_to_sign_in(request: HttpRequest) -> HttpResponseBase:
    from django.contrib.auth.views import redirect_to_login  # needs the apps; the tables above do not

    if getattr(request, "htmx", False):  # a swapped-in sign-in page would be half a page: move the browser
        return HttpResponse(status=401, headers={"HX-Redirect": resolve_url("console:sign-in")})
    return redirect_to_login(request.get_full_path(), resolve_url("console:sign-in"))
