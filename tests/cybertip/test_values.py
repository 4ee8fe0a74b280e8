from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.cybertip.samples import moments

from tutela.cybertip import values
from tutela.cybertip.errors import RuleBroken

READERS = [values.read_bool, values.read_int, values.read_float, values.read_moment, values.read_date]


@given(moments)
def test_moments_survive(moment):
    read = values.read_moment(values.write_moment(moment))
    assert read == moment
    assert read.utcoffset() == moment.utcoffset()


@given(st.floats())
def test_numbers_survive(number):
    read = values.read_float(values.write_float(number))
    assert read == number or (math.isnan(read) and math.isnan(number))


def test_zones_that_the_schema_cannot_carry_become_utc():
    for offset in (timedelta(hours=1, seconds=30), timedelta(hours=15), -timedelta(hours=23)):
        moment = datetime(2026, 11, 1, 12, tzinfo=timezone(offset))
        assert values.write_moment(moment).endswith("Z")
        assert values.read_moment(values.write_moment(moment)) == moment


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-01T12:00:00Z", datetime(2026, 11, 1, 12, tzinfo=UTC)),
        (" 2026-11-01T12:00:00.1234567-05:30\n", datetime(2026, 11, 1, 12, 0, 0, 123456, timezone(-timedelta(hours=5, minutes=30)))),
        ("2026-12-31T24:00:00Z", datetime(2027, 1, 1, tzinfo=UTC)),
        ("2026-11-01T12:00:00-00:00", datetime(2026, 11, 1, 12, tzinfo=UTC)),
    ],
)  # fmt: skip
def test_moments_as_others_write_them(text, expected):
    assert values.read_moment(text) == expected


@pytest.mark.parametrize(
    "text",
    ["", "2026-11-01", "2026-02-30T00:00:00Z", "2026-11-01T24:00:01Z", "9999-12-31T24:00:00Z", "0000-01-01T00:00:00Z",
     "-2026-01-01T00:00:00Z", "2026-11-01T12:00Z", "2026-11-01T12:00:00+25:00", "٢٠٢٦-11-01T12:00:00Z", "2026-11-01 12:00:00Z"],
)  # fmt: skip
def test_what_is_no_moment(text):
    with pytest.raises(RuleBroken):
        values.read_moment(text)


@pytest.mark.parametrize(
    ("read", "good", "bad"),
    [
        (values.read_bool, {" true ": True, "0": False}, ["True", "yes", ""]),
        (values.read_int, {"+7": 7, " -08 ": -8}, ["", "1.0", "1_000", "९", "9" * 41]),
        (
            values.read_float,
            {"1E2": 100.0, ".5": 0.5, "-INF": -math.inf},
            ["", "inf", "1_0", "0x1", "1" * 401],
        ),
        (values.read_date, {"2026-11-01Z": date(2026, 11, 1)}, ["2026-13-01", "2026-02-29", "1-1-1", ""]),
    ],
)
def test_plain_values(read, good, bad):
    for text, value in good.items():
        assert read(text) == value
    for text in bad:
        with pytest.raises(RuleBroken):
            read(text)


@given(st.sampled_from(READERS), st.text(max_size=40) | st.text("0123456789+-.:TZeEINFa ", max_size=40))
def test_reading_raises_our_error_only(read, text):
    try:
        read(text)
    except RuleBroken:
        return
