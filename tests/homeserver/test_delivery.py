"""What is said to the provider, and that nothing it answers can stop the queue."""

from __future__ import annotations

import json
import sqlite3

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutela.homeserver.delivery import Answer, is_final, parse_answer, request_of

ROW = {
    "account": "@anna:example.org",
    "device": "PHONE",
    "body": b"set",
    "ip": "192.0.2.7",
    "port": 50_001,
    "claimed": 1_000,
}
VALUES = (
    st.none() | st.booleans() | st.integers() | st.text(st.characters(), max_size=600) | st.lists(st.none())
)
ANSWERS = st.dictionaries(st.sampled_from(["code", "message", "key"]), VALUES)


def test_routes_and_bodies():
    route, body = request_of({**ROW, "kind": "voucher"})
    assert route == "/intake/vouchers"
    assert body == {
        "account": "@anna:example.org",
        "voucher": "c2V0",
        "ip": "192.0.2.7",
        "port": 50_001,
        "sent_at": "1970-01-01T00:00:01.000Z",
    }
    assert request_of({**ROW, "kind": "enrolment"}) == (
        "/intake/devices",
        {"account": "@anna:example.org", "device": "PHONE", "enrolment": "c2V0"},
    )


@pytest.mark.parametrize("status", [400, 404, 409, 413, 422])
def test_final_answers(status):
    assert is_final(status)


@pytest.mark.parametrize("status", [200, 302, 401, 403, 408, 429, 500, 503])
def test_answers_that_are_not_final(status):
    assert not is_final(status)


def test_answers():
    assert parse_answer(b'{"state": "accepted", "key": "renew"}') == Answer("", "", renew=True)
    assert parse_answer(b'{"code": "a.b", "message": "no"}') == Answer("a.b", "no", renew=False)
    assert parse_answer(b"<html>") is parse_answer(b"[]") is parse_answer(b"[" * 50_000) is None


@given(st.binary(max_size=200) | ANSWERS.map(lambda answer: json.dumps(answer).encode()))
@settings(max_examples=200, deadline=None)
def test_every_answer_can_be_stored(body):
    answer = parse_answer(body)
    if answer:
        database = sqlite3.connect(":memory:")
        assert database.execute("SELECT ?, ?", answer[:2]).fetchone() == answer[:2]
        assert "\0" not in answer.code + answer.message
