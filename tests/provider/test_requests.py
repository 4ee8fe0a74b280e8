"""The homeserver's JSON: only our error escapes, whatever comes."""

from __future__ import annotations

import contextlib
import json

from hypothesis import given
from hypothesis import strategies as st

from tutela.provider.errors import MalformedRequest
from tutela.provider.requests import read_delivery, read_enrolment

FIELDS = ["account", "enrolment", "voucher", "ip", "port", "sent_at"]
GOOD = {
    "account": "@a:example.org", "enrolment": "AA==", "voucher": "AA==",
    "ip": "192.0.2.1", "port": 1, "sent_at": "2026-01-01T00:00:00Z",
}  # fmt: skip
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
)


def test_the_good_one() -> None:
    body = json.dumps({**GOOD, "newer": 1}).encode()
    assert read_enrolment(body) == ("@a:example.org", "", b"\0")
    named = json.dumps({**GOOD, "device": "PHONE"}).encode()
    assert read_enrolment(named) == ("@a:example.org", "PHONE", b"\0")
    assert read_delivery(body).port == 1


@given(st.binary(max_size=300))
def test_any_bytes(body: bytes) -> None:
    for read in (read_delivery, read_enrolment):
        with contextlib.suppress(MalformedRequest):
            read(body)


@given(st.dictionaries(st.sampled_from(FIELDS), VALUES))
def test_any_values(change: dict[str, object]) -> None:
    body = json.dumps({**GOOD, **change}).encode()
    for read in (read_delivery, read_enrolment):
        with contextlib.suppress(MalformedRequest):
            read(body)


@given(st.datetimes(), st.integers(-23, 23))
def test_times_at_the_ends_of_the_calendar(moment, hours: int) -> None:
    text = f"{moment.isoformat()}{hours:+03d}:00"
    with contextlib.suppress(MalformedRequest):
        read_delivery(json.dumps({**GOOD, "sent_at": text}).encode())
