from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.cybertip.codes import DESCRIPTIONS, Code, Retry, describe, http_status, retry_class
from tutela.cybertip.remote import CybertipError, error_for, worth_repeating

TABLE = {
    0: (200, Retry.DONE),
    1000: (500, Retry.AGAIN),
    1100: (500, Retry.AGAIN),
    1110: (500, Retry.AGAIN),
    1111: (500, Retry.AGAIN),
    1210: (404, Retry.TERMINAL),
    1300: (500, Retry.AGAIN),
    2000: (401, Retry.TERMINAL),
    3000: (403, Retry.TERMINAL),
    3100: (403, Retry.TERMINAL),
    3300: (403, Retry.TERMINAL),
    4000: (400, Retry.TERMINAL),
    4100: (400, Retry.TERMINAL),
    4110: (400, Retry.TERMINAL),
    4200: (400, Retry.TERMINAL),
    5001: (404, Retry.CONTEXT),
    5002: (404, Retry.CONTEXT),
    5101: (200, Retry.CONTEXT),
    5102: (200, Retry.CONTEXT),
}


def test_the_table_is_whole():
    assert set(TABLE) == {code.value for code in Code} == {code.value for code in DESCRIPTIONS}


@pytest.mark.parametrize("code", TABLE)
def test_status_and_retry_of_each_code(code):
    assert (http_status(code), retry_class(code)) == TABLE[code]


@given(st.integers(-5, 99_999))
def test_unknown_codes_have_an_answer_too(code):
    assert 200 <= http_status(code) <= 599
    assert describe(code)
    error = error_for(code, "said", report_id=1, request_id="r")
    assert isinstance(error, CybertipError)
    assert error.response == code
    assert worth_repeating(error) == (retry_class(code) is Retry.AGAIN)
    assert error.diagnostics()["request_id"] == "r"
