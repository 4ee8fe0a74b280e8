"""Machine accounts: what opens a route, and what does not."""

from __future__ import annotations

import base64
import json

import pytest
from django.http import HttpResponse
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

from tutela.console import machines
from tutela.console.models import MachineAccount
from tutela.console.permissions import machine


@machine("report.submit")
def route(request):
    return HttpResponse(request.machine.name)


def call(authorization=None):
    headers = {} if authorization is None else {"Authorization": authorization}
    return route(RequestFactory().post("/", headers=headers))


def basic(name, token):
    return "Basic " + base64.b64encode(f"{name}:{token}".encode()).decode()


def test_token_opens_by_bearer_and_by_basic(machine_token):
    token = machine_token("report.submit", name="esp")
    for header in (f"Bearer {token}", f"bearer  {token}", basic("esp", token)):
        assert call(header).content == b"esp"
    assert route.csrf_exempt


def test_token_is_stored_as_a_hash_only(machine_token):
    token = machine_token("report.submit", name="esp")
    account = MachineAccount.objects.get(name="esp")
    assert bytes(account.token_hash) == machines.token_hash(token)
    assert len(machines.new_token()) >= 43 + len("tutela_")
    assert token not in json.dumps({k: str(v) for k, v in vars(account).items()})


@pytest.mark.django_db
def test_everything_else_is_refused(machine_token):
    token = machine_token("report.submit", name="esp")
    other = machine_token("report.submit", name="other")
    wrong = [None, "", "Bearer", "Bearer x", "Basic ", "Basic !!!", basic("esp", "x"), basic("esp", other)]
    wrong += [
        basic("nobody", token),
        basic("", token),
        f"Token {token}",
        basic("esp", token)[:-8],
        "Basic /w==",
    ]
    for header in wrong:
        answer = call(header)
        assert answer.status_code == 401, header
        assert json.loads(answer.content)["code"] == "console.machine-unknown"
        assert "Basic" in answer["WWW-Authenticate"]


def test_missing_permission_is_403(machine_token):
    token = machine_token("intake.write", name="homeserver")
    answer = call(f"Bearer {token}")
    assert (answer.status_code, json.loads(answer.content)["code"]) == (403, "console.machine-forbidden")


def test_disabled_or_renewed_account_is_refused(machine_token):
    from tutela.console import accounts

    first = machine_token("report.submit", name="esp")
    second = machine_token("report.submit", name="esp")
    assert call(f"Bearer {first}").status_code == 401
    assert call(f"Bearer {second}").status_code == 200
    accounts.disable_machine("operator/test", "esp")
    assert call(f"Bearer {second}").status_code == 401


def test_refusal_can_speak_another_wire_format():
    @machine(
        "report.submit",
        refuse=lambda request, status, facts: HttpResponse(f"<{facts['code']}/>", status=status),
    )
    def xml(request):
        return HttpResponse("in")

    answer = xml(RequestFactory().post("/"))
    assert (answer.status_code, answer.content) == (401, b"<console.machine-unknown/>")


@given(st.text(max_size=80) | st.binary(max_size=60).map(lambda b: "Basic " + base64.b64encode(b).decode()))
def test_no_header_brings_anything_but_a_refusal_or_credentials(header):
    try:
        name, token = machines._credentials(header)
    except machines.MachineRefused:
        return
    assert name is None or ":" not in name
    assert len(machines.token_hash(token)) == 32
