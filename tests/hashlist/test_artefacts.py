"""Policies and models in the log: whoever may sign epochs signs them, and nobody else counts."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib import resources

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.hashlist.epoch import artefacts
from tutela.hashlist.epoch.artefacts import MODEL, POLICY, Artefact, TwoOfOneVersion, Unsigned
from tutela.hashlist.epoch.logged import NotLogged
from tutela.hashlist.trust import EPOCH, LEGAL_BASIS, Signer, Trust, TrustedKey, key_id
from tutela.tlog import Leaf
from tutela.tlog.errors import BadLeaf

NOW = datetime(2026, 11, 24, 3, 0, 0, 123, UTC)
CENTRE, SECOND, LAWYER, STRANGER = (Signer(bytes([number]) * 32) for number in (1, 2, 3, 4))
TRUST = Trust(
    (
        TrustedKey("Example Centre", CENTRE.public_key),
        TrustedKey("Second Centre", SECOND.public_key, frozenset({EPOCH})),
        TrustedKey("Ministry", LAWYER.public_key, frozenset({LEGAL_BASIS})),
    )
)
MASKS = Artefact(MODEL, "everyday", "ab" * 32)


def leaf(artefact: Artefact = MASKS, version: int = 1, signer: Signer = CENTRE) -> Leaf:
    return artefacts.sign(artefact, version, NOW, signer)


def test_a_leaf_says_what_was_signed_and_by_whom() -> None:
    read = artefacts.read(Leaf.parse(leaf(version=3).to_bytes()), TRUST)
    assert (read.artefact, read.version, read.signer) == (MASKS, 3, "Example Centre")
    assert read.date == NOW.replace(microsecond=0)


@pytest.mark.parametrize("signer", [STRANGER, LAWYER])
def test_other_keys_count_for_nothing(signer: Signer) -> None:
    with pytest.raises(Unsigned, match="not trusted"):
        artefacts.read(leaf(signer=signer), TRUST)
    assert artefacts.published([leaf(signer=signer)], TRUST) == ()


@pytest.mark.parametrize(
    "change",
    [
        {"kind": POLICY},
        {"sha256": "cd" * 32},
        {"time": NOW.replace(microsecond=0) + timedelta(seconds=1)},
        {"fields": {"version": 2}},
        {"fields": {"name": "other"}},
        {"fields": {"signer": key_id(SECOND.public_key)}},
        {"fields": {"signature": "00" * 64}},
        {"fields": {"signature": "00"}},
        {"fields": {"signature": "zz" * 64}},
        {"fields": {"signature": 1}},
        {"fields": {"more": "x"}},
    ],
)
def test_no_part_of_a_signed_leaf_can_be_changed(change: dict[str, object]) -> None:
    good = leaf()
    fields = {**good.fields, **change.pop("fields", {})}  # type: ignore[dict-item]
    changed = replace(good, **{"fields": fields, **change})  # type: ignore[arg-type]
    with pytest.raises(Unsigned):
        artefacts.read(changed, TRUST)


@given(st.binary(max_size=60), st.text(max_size=100), st.integers())
def test_what_is_signed_is_of_the_form_or_refused(seed: bytes, name: str, version: int) -> None:
    artefact = Artefact(POLICY, name, sha256(seed).hexdigest())
    try:
        made = artefacts.sign(artefact, version, NOW, CENTRE)
    except BadLeaf:
        return
    assert artefacts.read(Leaf.parse(made.to_bytes()), TRUST).artefact == artefact


@pytest.mark.parametrize(
    ("artefact", "version"),
    [
        (Artefact("release", "everyday", "ab" * 32), 1),
        (Artefact(MODEL, "", "ab" * 32), 1),
        (Artefact(MODEL, "everyday\n", "ab" * 32), 1),
        (Artefact(MODEL, "everyday", ""), 1),
        (MASKS, 0),
        (MASKS, True),
    ],
)
def test_other_forms_are_refused(artefact: Artefact, version: int) -> None:
    with pytest.raises(BadLeaf):
        leaf(artefact, version)


def test_what_is_in_use_must_be_there_under_the_quorum() -> None:
    used = artefacts.in_use(TRUST, b"the trust file")
    assert {(each.kind, each.name) for each in used} == {
        ("policy", "trust"),
        ("policy", "log-policy"),
        ("model", "everyday"),
    }
    model = resources.files("tutela.voucher.masks").joinpath("everyday.json").read_bytes()
    assert used[-1].sha256 == sha256(model).hexdigest()
    leaves = [leaf(each) for each in used]
    artefacts.require(artefacts.published(leaves, TRUST), used, TRUST)
    for at, each in enumerate(used):
        with pytest.raises(NotLogged, match=each.name):
            artefacts.require(artefacts.published(leaves[:at] + leaves[at + 1 :], TRUST), used, TRUST)
    two = replace(TRUST, quorum=2)
    with pytest.raises(NotLogged, match="1 of the 2"):
        artefacts.require(artefacts.published([*leaves, *leaves], two), used, two)
    both = [*leaves, *(leaf(each, signer=SECOND) for each in used)]
    artefacts.require(artefacts.published(both, two), used, two)


def test_one_version_is_one_file() -> None:
    other = replace(MASKS, sha256="cd" * 32)
    kept = artefacts.published([leaf(), leaf(), leaf(other, 2), leaf(other, 1, STRANGER)], TRUST)
    assert [each.version for each in kept] == [1, 1, 2]
    with pytest.raises(TwoOfOneVersion, match="Example Centre"):
        artefacts.published([leaf(), leaf(other)], TRUST)


def test_leaves_of_other_kinds_are_left_alone() -> None:
    other = Leaf("statement", "", NOW.replace(microsecond=0), {"name": "x"})
    by_hand = Leaf("policy", "ab" * 32, NOW.replace(microsecond=0), {"title": "Rules"})
    assert artefacts.published([other, by_hand], TRUST) == ()
