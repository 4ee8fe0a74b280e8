"""Sign-in, lockout, headers and the pages that say no, as Django's test client sees them."""

from __future__ import annotations

import logging
import re

import pytest
from django.conf import settings
from django.test import Client, override_settings

from django_roles import PASSWORD
from tutela.console import checks
from tutela.console.models import AuditRow
from tutela.console.permissions import public
from tutela.console.roles import ROLES

BOTH = [pytest.param(r, marks=pytest.mark.role(r)) for r in ROLES]
POLICY = {
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "frame-ancestors 'none'",
    "base-uri 'none'",
}


@pytest.mark.parametrize("role", BOTH)
def test_every_page_carries_the_policy_and_no_inline_code(role, signed_in, client):
    person = signed_in("supervisor")
    pages = [
        client.get("/sign-in"),
        person.get("/account"),
        person.get("/nothing-here"),
        person.get("/account/password"),
    ]
    for answer in pages:
        assert set(answer["Content-Security-Policy"].split("; ")) == POLICY
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["X-Frame-Options"] == "DENY"
        assert answer["Referrer-Policy"] == "same-origin"
        assert "no-store" in answer["Cache-Control"]
        html = answer.content.decode()
        assert ROLES[role].service in html
        assert re.search(r"<title>\s*\S[^<]* \u2013 ", html)
        assert '<html lang="en"' in html
        assert not re.search(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son\w+=|javascript:", html)


@pytest.mark.role("provider")
def test_sign_in_and_out_are_recorded(person):
    person("reviewer", name="robin")
    client = Client()
    answer = client.post("/sign-in", {"username": "robin", "password": PASSWORD, "next": "/account"})
    assert (answer.status_code, answer.url) == (302, "/account")
    cookie = client.cookies[settings.SESSION_COOKIE_NAME]
    assert (cookie["samesite"], cookie["httponly"]) == ("Strict", True)
    assert client.post("/sign-out").status_code == 302
    assert client.get("/account").status_code == 302
    assert list(AuditRow.objects.values_list("actor", "action")) == [
        ("user/robin", "user.signed-in"),
        ("user/robin", "user.signed-out"),
    ]


@pytest.mark.role("provider")
def test_sign_in_never_leads_to_another_site(person):
    person("reviewer", name="robin")
    answer = Client().post(
        "/sign-in", {"username": "robin", "password": PASSWORD, "next": "https://example.org/"}
    )
    assert answer.url == "/"


@pytest.mark.role("hub")
def test_lockout_after_five_failures_tells_nothing_about_the_name(person, caplog):
    person("analyst", name="kim")
    for name in ("kim", "nobody"):
        client = Client()
        answers = [client.post("/sign-in", {"username": name, "password": "wrong"}) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200, 200, 200, 200, 429, 429]
        assert b"Check your user name and password" in answers[0].content
        assert b"Too many attempts" in answers[-1].content
    assert Client().post("/sign-in", {"username": "kim", "password": PASSWORD}).status_code == 429
    assert "kim" not in caplog.text
    assert "127.0.0.1" not in caplog.text


@pytest.mark.role("hub")
def test_password_change_ends_other_sessions(person):
    person("analyst", name="kim")
    here, elsewhere = Client(), Client()
    for client in (here, elsewhere):
        assert client.post("/sign-in", {"username": "kim", "password": PASSWORD}).status_code == 302
    fresh = "another long pass phrase"
    form = {"old_password": PASSWORD, "new_password1": fresh, "new_password2": fresh}
    assert here.post("/account/password", form).status_code == 302
    assert here.get("/account").status_code == 200
    assert elsewhere.get("/account").status_code == 302
    assert AuditRow.objects.last().action == "user.password-changed"


@pytest.mark.role("hub")
def test_form_without_csrf_token_is_refused_kindly(person):
    person("analyst", name="kim")
    answer = Client(enforce_csrf_checks=True).post("/sign-in", {"username": "kim", "password": PASSWORD})
    assert answer.status_code == 403
    assert b"too old" in answer.content


@pytest.mark.role("hub")
@pytest.mark.django_db
def test_error_500_page_and_log_leave_out_the_message(monkeypatch, caplog):
    @public("test")
    def explode(request):
        raise RuntimeError("canary@example.org")

    pattern = next(p for route, p in checks.routes() if route == "healthz")
    monkeypatch.setattr(pattern, "callback", explode)
    answer = Client(raise_request_exception=False).get("/healthz")
    assert answer.status_code == 500
    assert b"Something went wrong" in answer.content
    assert b"canary" not in answer.content
    from tutela.console.logs import EventFormatter

    errors = [EventFormatter().format(each) for each in caplog.records if each.levelno >= logging.ERROR]
    assert any("RuntimeError" in line and "explode" in line for line in errors)
    assert not any("canary" in line for line in errors)


@pytest.mark.role("hub")
@pytest.mark.django_db
def test_bodies_are_bounded_before_they_are_read(client):
    with override_settings(TUTELA_MAX_UPLOAD=1000):
        assert client.post("/sign-in", b"x" * 1001, content_type="text/plain").status_code == 413
    assert client.get("/sign-in", headers={"Transfer-Encoding": "chunked"}).status_code == 411
    assert client.get("/sign-in", headers={"Content-Length": "many"}).status_code == 400


@pytest.mark.role("hub")
def test_healthz_is_open_and_says_little(client, db):
    answer = client.get("/healthz")
    assert answer.json() == {"state": "ok", "role": "hub"}
    assert client.post("/healthz").status_code == 405


@pytest.mark.role("provider")
def test_navigation_shows_what_the_person_may_open(signed_in, monkeypatch):
    from django.apps import apps

    items = (("Account", "console:account", "account.own"), ("Later", "no:such", "account.own"))
    config = apps.get_app_config("provider")
    hidden = ("Publish", "console:healthz", "epoch.publish")
    monkeypatch.setattr(config, "navigation", (*items, hidden), raising=False)
    html = signed_in("reviewer").get("/account").content.decode()
    navigation = html.split('id="navigation"')[1].split("</ul>")[0]
    assert "Account" in navigation
    assert 'aria-current="true"' in navigation
    assert "Later" not in navigation
    assert "Publish" not in navigation


def test_static_files_come_from_the_packages(client, db):
    for path in ("vendor/govuk/govuk-frontend.min.css", "console/console.js", "django_htmx/htmx-2.min.js"):
        assert client.get(f"/static/{path}").status_code == 200, path
