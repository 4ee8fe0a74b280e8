from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from epoch_samples import SECOND, SIGNER, STRANGER, TRUST
from hypothesis import given
from hypothesis import strategies as st

from tutela.errors import TutelaError
from tutela.hashlist import envelope
from tutela.hashlist.envelope import BrokenStatement, UnknownSigners
from tutela.hashlist.epoch import Signer, Trust, TrustedKey
from tutela.hashlist.trust import EPOCH, LEGAL_BASIS, BadSigningKey, BadTrust
from tutela.tlog import Ed25519Signer

STATEMENT = {"type": "test", "version": 1, "words": "ordinary", "list": [1, 2, {"deep": None}]}
DATA = envelope.sign(STATEMENT, [SIGNER])
TWO = Trust((*TRUST.keys, TrustedKey("Second Centre", SECOND.public_key)), quorum=2)


def test_signed_words_come_back() -> None:
    verified = envelope.verify(DATA, TRUST, EPOCH)
    assert (verified.statement, verified.signers) == (STATEMENT, ("Example Centre",))
    pretty = json.dumps(json.loads(DATA), indent=3).encode()
    assert envelope.verify(pretty, TRUST, EPOCH) == verified


def test_several_sign_after_one_another_and_once_each() -> None:
    with pytest.raises(UnknownSigners):
        envelope.verify(DATA, TWO, EPOCH)
    endorsed = envelope.add_signature(DATA, SECOND)
    assert envelope.verify(endorsed, TWO, EPOCH).signers == ("Example Centre", "Second Centre")
    assert envelope.add_signature(endorsed, SIGNER) == endorsed
    found = json.loads(DATA)
    found["signatures"] *= 2
    with pytest.raises(BrokenStatement):
        envelope.verify(json.dumps(found).encode(), TWO, EPOCH)


def test_strangers_count_for_nothing_and_roles_are_kept_apart() -> None:
    with pytest.raises(UnknownSigners):
        envelope.verify(envelope.sign(STATEMENT, [STRANGER]), TRUST, EPOCH)
    with pytest.raises(UnknownSigners):
        envelope.verify(envelope.sign(STATEMENT, []), TRUST, EPOCH)
    assert envelope.verify(envelope.add_signature(DATA, STRANGER), TRUST, EPOCH).signers == (
        "Example Centre",
    )
    only_epochs = Trust((TrustedKey("Example Centre", SIGNER.public_key, frozenset({EPOCH})),))
    with pytest.raises(UnknownSigners):
        envelope.verify(DATA, only_epochs, LEGAL_BASIS)


@given(st.integers(0, len(DATA) - 2), st.integers(1, 255))
def test_no_changed_byte_gives_other_words(index: int, mask: int) -> None:
    changed = bytearray(DATA)
    changed[index] ^= mask
    with contextlib.suppress(BrokenStatement, UnknownSigners):
        assert envelope.verify(bytes(changed), TRUST, EPOCH).statement == STATEMENT


@pytest.mark.parametrize(
    "change",
    [
        {"signed": []}, {"signed": None}, {"signatures": None}, {"signatures": [1]}, {"signatures": [{}]}, {"signatures": {}}, {"more": 1},
        {"signatures": [{"key_id": [], "signature": ""}]}, {"signatures": [{"key_id": 1, "signature": "00"}]},
        {"signatures": [{"key_id": TRUST.keys[0].id, "signature": "zz"}]}, {"signatures": [{"key_id": TRUST.keys[0].id, "signature": ""}]},
        {"signed": {"words": "\ud800"}},
    ],
)  # fmt: skip
def test_malformed_statements_are_refused(change: dict[str, Any]) -> None:
    data = json.dumps({**json.loads(DATA), **change}).encode()
    with pytest.raises((BrokenStatement, UnknownSigners)):
        envelope.verify(data, TRUST, EPOCH)


@given(st.binary(max_size=100) | st.sampled_from([b"[]", b"1", b'"x"', b"null", b"{}"]))
def test_only_our_errors_escape(data: bytes) -> None:
    with pytest.raises((BrokenStatement, UnknownSigners)):
        envelope.verify(data, TRUST, EPOCH)
    with contextlib.suppress(TutelaError):
        envelope.add_signature(data, SIGNER)


def test_trust_files_round_trip(tmp_path: Any) -> None:
    path = tmp_path / "trust.json"
    TWO.save(path)
    assert Trust.load(path) == TWO


NO_WITNESS = f"log {Ed25519Signer('example.org/log', bytes(32)).key}\nquorum none\n"
good_key = TRUST.to_dict()["keys"][0]


@pytest.mark.parametrize(
    "change",
    [
        {"quorum": 0}, {"quorum": 2}, {"quorum": True}, {"quorum": "1"}, {"format": "x"}, {"version": 1}, {"constitution": "00"}, {"log_policy": "x"}, {"log_policy": NO_WITNESS}, {"keys": []}, {"keys": None},
        {"keys": [good_key, good_key]}, {"keys": [{**good_key, "roles": []}]}, {"keys": [{**good_key, "roles": ["other"]}]},
        {"keys": [{**good_key, "public_key": "00"}]}, {"keys": [{**good_key, "public_key": 5}]}, {"keys": [{**good_key, "name": ""}]},
        {"keys": [{**good_key, "name": None}]}, {"keys": [{}]}, {"keys": [{**good_key, "roles": [[]]}]},
    ],
)  # fmt: skip
def test_bad_trust_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadTrust):
        Trust.from_dict({**TRUST.to_dict(), **change})


@given(st.none() | st.integers() | st.text(max_size=4) | st.lists(st.integers(), max_size=2))
def test_only_our_errors_escape_from_trust(value: object) -> None:
    with pytest.raises(BadTrust):
        Trust.from_dict(value)


def test_bad_files_and_keys(tmp_path: Any) -> None:
    (tmp_path / "x").write_bytes(b"{")
    with pytest.raises(BadTrust):
        Trust.load(tmp_path / "x")
    with pytest.raises(TutelaError):
        Trust.load(tmp_path / "absent")
    with pytest.raises(BadSigningKey):
        Signer(b"short")
