from __future__ import annotations

import contextlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.errors import TutelaError
from tutela.hashlist import BadJSON, strict_json

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.text(st.characters(codec="utf-8"), max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(codec="ascii"), max_size=4), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(values)
def test_what_is_written_is_read_and_written_again(value: Any) -> None:
    data = strict_json.canonical(value)
    assert strict_json.read(data) == value
    assert strict_json.canonical(strict_json.read(data)) == data


@pytest.mark.parametrize(
    "text",
    [
        "", "{", "1.0", "1e3", "NaN", "Infinity", '{"a":1,"a":2}', "9007199254740992", "1" * 5000, "[" * 100_000, "[" * 14 + "]" * 14,
        '{"\u00fc":1}', '"\\ud800"', "[1,]",
    ],
)  # fmt: skip
def test_what_is_not_strict_is_refused(text: str) -> None:
    with pytest.raises(BadJSON):
        strict_json.read(text.encode())


def test_half_characters_and_fractions_cannot_be_signed() -> None:
    with pytest.raises(BadJSON):
        strict_json.canonical("\ud800")
    with pytest.raises(BadJSON):
        strict_json.canonical({"a": 0.5})
    with pytest.raises(BadJSON):
        strict_json.read(b" " * (strict_json.MAX_BYTES + 1))


@given(
    st.binary(max_size=60)
    | st.text(alphabet='{}[]":,0123456789.eE-truefalsn\\u ', max_size=60).map(str.encode)
)
def test_only_our_error_escapes(data: bytes) -> None:
    with contextlib.suppress(TutelaError):
        strict_json.canonical(strict_json.read(data))
