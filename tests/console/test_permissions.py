"""The permission table, the three declarations, and the refusal of everything else."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import get_resolver

from tutela.console import checks, permissions
from tutela.console.middleware import DenyByDefault
from tutela.console.roles import ROLES

SNAPSHOT = Path(__file__).with_name("permission_matrix.txt")


def test_matrix_is_the_one_that_people_agreed_to():
    """A changed table needs a changed snapshot, so that review sees what the change means.

    Refresh: `python -m tutela.console permissions > tests/console/permission_matrix.txt`.
    """
    assert permissions.matrix_text() == SNAPSHOT.read_text(encoding="utf-8")


def test_table_names_known_roles_only():
    groups = {group for role in ROLES.values() for group in role.groups}
    assert set().union(*permissions.PERMISSIONS.values()) <= groups
    assert set(permissions.MACHINE_PERMISSIONS.values()) <= set(ROLES)


def test_an_administrator_sees_no_case_and_no_report():
    seen = {name for name, who in permissions.PERMISSIONS.items() if "administrator" in who}
    assert not {name for name in seen if name.startswith(("case.", "report."))}


@pytest.mark.parametrize("role", [pytest.param(r, marks=pytest.mark.role(r)) for r in ROLES])
def test_every_url_declares_its_access(role):
    found = list(checks.routes(get_resolver()))
    assert found
    assert [route for route, pattern in found if permissions.access_of(pattern.callback) is None] == []
    assert checks.every_route_declares_access(None) == []


@pytest.mark.role("hub")
@pytest.mark.django_db
def test_middleware_refuses_a_view_that_declares_nothing(client, monkeypatch):
    undeclared = lambda request: HttpResponse("open")  # noqa: E731
    with pytest.raises(PermissionDenied):
        DenyByDefault(lambda r: HttpResponse()).process_view(RequestFactory().get("/"), undeclared, (), {})
    pattern = next(p for route, p in checks.routes(get_resolver()) if route == "healthz")
    monkeypatch.setattr(pattern, "callback", undeclared)
    assert client.get("/healthz").status_code == 403
    assert [error.id for error in checks.every_route_declares_access(None)] == ["console.E001"]


@pytest.mark.role("hub")
def test_page_asks_strangers_to_sign_in_and_refuses_the_wrong_role(client, signed_in):
    view = permissions.requires("report.route")(lambda request: HttpResponse("routed"))
    answer = client.get("/account")
    assert (answer.status_code, answer.url) == (302, "/sign-in?next=/account")
    for role, allowed in (("supervisor", True), ("analyst", False), ("administrator", False)):
        request = RequestFactory().get("/")
        signed_in(role, name=f"{role}-1")
        request.user = permissions_user(f"{role}-1")
        if allowed:
            assert view(request).content == b"routed"
        else:
            with pytest.raises(PermissionDenied):
                view(request)


def permissions_user(name):
    from tutela.console.models import User

    return User.objects.get(username=name)


@pytest.mark.role("hub")
def test_disabled_person_is_refused(signed_in):
    client = signed_in("analyst", name="kim")
    assert client.get("/account").status_code == 200
    user = permissions_user("kim")
    user.is_active = False
    user.save()
    assert client.get("/account").status_code == 302
    assert not permissions.holds(user, "account.own")


@pytest.mark.role("hub")
@pytest.mark.django_db
def test_htmx_request_of_a_stranger_moves_the_whole_page(client):
    answer = client.get("/account", headers={"HX-Request": "true"})
    assert (answer.status_code, answer["HX-Redirect"]) == (401, "/sign-in")


def test_unknown_permissions_are_refused_when_the_code_loads():
    with pytest.raises(LookupError):
        permissions.requires("case.reveiw")
    with pytest.raises(LookupError):
        permissions.machine("case.review")
    with pytest.raises(ValueError, match="reason"):
        permissions.public(" ")
