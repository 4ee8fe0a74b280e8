from __future__ import annotations

import os

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.provider.atrest import AtRest
from tutela.provider.errors import AtRestError

STORE = AtRest(bytes(range(32)), os.urandom)


@given(st.binary(max_size=400), st.text(max_size=20))
def test_what_is_sealed_opens_in_its_place(value: bytes, place: str) -> None:
    assert STORE.open(place, STORE.seal(place, value)) == value


@given(st.binary(max_size=200))
def test_only_our_error_escapes(garbage: bytes) -> None:
    with pytest.raises(AtRestError):
        STORE.open("place", garbage)


def test_another_place_key_or_byte_does_not_open() -> None:
    sealed = STORE.seal("voucher:1", b"value")
    for store, place, blob in [
        (STORE, "voucher:2", sealed),
        (AtRest(bytes(32), os.urandom), "voucher:1", sealed),
        (STORE, "voucher:1", sealed[:-1] + bytes((sealed[-1] ^ 1,))),
    ]:
        with pytest.raises(AtRestError):
            store.open(place, blob)


def test_equal_values_look_different() -> None:
    assert STORE.seal("a", b"same") != STORE.seal("a", b"same")
    assert STORE.digest(b"same") == STORE.digest(b"same")
    assert STORE.digest(b"same") != AtRest(bytes(32), os.urandom).digest(b"same")
