from __future__ import annotations

import contextlib
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from epoch_samples import NOW, SIGNER, STRANGER, TRUST, manifest, signed
from hypothesis import given
from hypothesis import strategies as st

from tutela.hashlist import envelope, legal_basis
from tutela.hashlist.epoch import Trust, TrustedKey
from tutela.hashlist.legal_basis import LegalBasis, LegalBasisMissing, check

BASIS = LegalBasis("GB", "Example Act 2026, section 1", NOW, NOW + timedelta(days=365), b"d" * 32)
DATA = legal_basis.make(BASIS, SIGNER)


def test_it_holds_in_its_place_and_time() -> None:
    found = check(DATA, "GB", TRUST, NOW)
    assert (found, found.signers) == (BASIS, ("Example Centre",))


@pytest.mark.parametrize(
    ("data", "place", "days", "refusal"),
    [
        (None, "GB", 0, LegalBasisMissing),
        (DATA, "FR", 0, legal_basis.LegalBasisOtherJurisdiction),
        (DATA, "GB", -1, legal_basis.LegalBasisNotYetValid),
        (DATA, "GB", 365, legal_basis.LegalBasisExpired),
        (DATA.replace(b"section 1", b"section 2"), "GB", 0, legal_basis.LegalBasisTampered),
        (legal_basis.make(BASIS, STRANGER), "GB", 0, legal_basis.LegalBasisTampered),
        (signed(manifest()), "GB", 0, legal_basis.LegalBasisTampered),
        (b"", "GB", 0, legal_basis.LegalBasisTampered),
    ],
)
def test_otherwise_there_is_none(
    data: bytes | None, place: str, days: int, refusal: type[LegalBasisMissing]
) -> None:
    with pytest.raises(refusal) as caught:
        check(data, place, TRUST, NOW + timedelta(days=days))
    assert type(caught.value) is refusal
    assert (
        "provider" in caught.value.message
        or "jurisdiction" in caught.value.message
        or "signed" in caught.value.message
    )


def test_a_key_for_epochs_cannot_state_it() -> None:
    only_epochs = Trust((TrustedKey("Example Centre", SIGNER.public_key, frozenset({"epoch"})),))
    with pytest.raises(legal_basis.LegalBasisTampered):
        check(DATA, "GB", only_epochs, NOW)


@pytest.mark.parametrize(
    "change",
    [
        {"jurisdiction": "gb"}, {"jurisdiction": "GBR"}, {"statute": ""}, {"statute": "x" * 301}, {"statute": "two\nlines"}, {"scope": "everything"},
        {"impact_assessment_sha256": b""}, {"valid_from": NOW.replace(tzinfo=None)}, {"valid_until": NOW}, {"valid_until": NOW + timedelta(days=1200)},
        {"acts": ()}, {"acts": ("report",)}, {"acts": ("report", "alert")}, {"acts": ("alert", "alert")}, {"acts": ("alert", "keep")},
        {"keep_days": -1}, {"keep_days": 4000}, {"keep_days": True}, {"scales": ()}, {"scales": ("tutela-demo", "ncmec")}, {"scales": ("other",)},
    ],
)  # fmt: skip
def test_what_no_statement_may_say(change: dict[str, Any]) -> None:
    with pytest.raises(legal_basis.BadLegalBasis):
        replace(BASIS, **change)


@pytest.mark.parametrize(
    ("narrow", "use"),
    [
        ({"acts": ("alert",)}, {"acts": ("alert", "report")}),
        ({"keep_days": 90}, {"keep_days": 91}),
        ({"scales": ("ncmec",)}, {"scales": ("ncmec", "tutela-demo")}),
    ],
)
def test_what_it_does_not_permit_is_refused(narrow: dict[str, Any], use: dict[str, Any]) -> None:
    legal_basis.check_use(BASIS, **use)
    with pytest.raises(legal_basis.LegalBasisNarrower):
        legal_basis.check_use(replace(BASIS, **narrow), **use)


def test_the_statement_of_an_earlier_version_is_none() -> None:
    earlier = {name: value for name, value in SAID.items() if name not in {"acts", "keep_days", "scales"}}
    for said in (earlier, {**earlier, "version": 1}, {**SAID, "version": 1}, {**SAID, "acts": "alert"}):
        with pytest.raises(legal_basis.LegalBasisTampered):
            check(envelope.sign(said, [SIGNER]), "GB", TRUST, NOW)


SAID = BASIS.to_statement()


@given(
    st.dictionaries(
        st.sampled_from([*SAID, "more"]),
        st.none() | st.integers(-9, 9) | st.text(st.characters(codec="utf-8"), max_size=9),
        min_size=1,
    )
)
def test_only_refusals_escape_from_signed_junk(changes: dict[str, Any]) -> None:
    with contextlib.suppress(LegalBasisMissing):
        assert (
            check(envelope.sign({**SAID, **changes}, [SIGNER]), "GB", TRUST, NOW).scope == legal_basis.SCOPE
        )


@given(st.binary(max_size=100))
def test_only_refusals_escape_from_noise(data: bytes) -> None:
    with pytest.raises(LegalBasisMissing):
        check(data, "GB", TRUST, NOW)


def test_folders(tmp_path: Path) -> None:
    (tmp_path / legal_basis.file_name("GB")).write_bytes(DATA)
    assert legal_basis.check_folder(tmp_path, "GB", TRUST, NOW) == BASIS
    for place in ("FR", "../GB", ""):
        with pytest.raises(LegalBasisMissing):
            legal_basis.check_folder(tmp_path, place, TRUST, NOW)
