from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.voucher.conftest import RELIABILITY, House

from tutela.voucher import lawful
from tutela.voucher.errors import AuditMalformed, LawfulListed, LawfulRefused, Uncommitted
from tutela.voucher.lawful import LawfulPicture, LawfulProofs, LawfulSet
from tutela.voucher.table import Table
from tutela.voucher.tokens import least_reliable


def picture(house: House, pdq: bytes) -> LawfulPicture:
    places = least_reliable(house.parameters, RELIABILITY)
    return LawfulPicture(hashlib.sha256(pdq).digest(), pdq, places)


def reference(house: House, *pdqs: bytes) -> LawfulSet:
    pictures = sorted(picture(house, pdq) for pdq in pdqs)
    return LawfulSet(len(house.parameters.masks), house.parameters.probes, tuple(pictures))


def prove(house: House, chosen: LawfulSet, committed: bytes | None = None) -> LawfulProofs:
    digest = chosen.digest if committed is None else committed
    return lawful.prove(chosen, digest, house.table, house.parameters, key=house.key, random=os.urandom)


def verify(house: House, chosen: LawfulSet, proofs: LawfulProofs) -> None:
    lawful.verify(chosen, chosen.digest, house.table, house.parameters, proofs)


def test_lawful_pictures_are_proved_and_verified_without_list_or_key(house: House) -> None:
    chosen = reference(house, *(os.urandom(32) for _ in range(3)))
    proofs = prove(house, chosen)
    steps: list[tuple[int, int]] = []
    again = LawfulProofs.from_bytes(proofs.to_bytes())
    lawful.verify(
        LawfulSet.from_bytes(chosen.to_bytes()), chosen.digest, house.table, house.parameters, again,
        lambda *step: steps.append(step),
    )  # fmt: skip
    assert steps == [(1, 3), (2, 3), (3, 3)]


def test_a_listed_picture_cannot_be_proved_lawful(house: House) -> None:
    with pytest.raises(LawfulListed):
        prove(house, reference(house, os.urandom(32), house.listed[0]))


def test_nothing_is_proved_on_demand(house: House) -> None:
    """Only the committed set, whole: not a part of it, not another, not without a commitment."""
    first, second = os.urandom(32), os.urandom(32)
    whole, part = reference(house, first, second), reference(house, first)
    for committed in (b"", bytes(32), part.digest):
        with pytest.raises(Uncommitted):
            prove(house, whole, committed)
    with pytest.raises(Uncommitted):
        prove(house, part, whole.digest)
    with pytest.raises(Uncommitted):
        lawful.verify(part, whole.digest, house.table, house.parameters, prove(house, whole))
    other = replace(house.parameters, probes=2)
    with pytest.raises(Uncommitted):
        lawful.verify(whole, whole.digest, house.table, other, prove(house, whole))


def test_other_proofs_are_refused(house: House, tmp_path: Path) -> None:
    one, two = reference(house, os.urandom(32)), reference(house, os.urandom(32), os.urandom(32))
    proofs = prove(house, two)
    for wrong in (
        prove(house, one),
        replace(proofs, table_id=b"U" * 32),
        replace(proofs, proofs=proofs.proofs[::-1]),
        replace(proofs, proofs=proofs.proofs[:1]),
    ):
        with pytest.raises(LawfulRefused):
            verify(house, two, wrong)
    data = bytearray(house.path.read_bytes())
    data[16:48], data[48:80] = data[48:80], data[16:48]
    data[16:] = data[48:] + data[16:48]
    (tmp_path / "other").write_bytes(data)
    with pytest.raises(LawfulRefused):
        lawful.verify(
            two, two.digest, Table.open(tmp_path / "other", house.table.header), house.parameters, proofs
        )


def test_a_set_has_one_form(house: House) -> None:
    chosen = reference(house, os.urandom(32), os.urandom(32))
    a, b = chosen.pictures
    for pictures in ((), (b, a), (a, a), (a._replace(pdq=b"short"),), (a._replace(places=a.places[1:]),)):
        with pytest.raises(AuditMalformed):
            replace(chosen, pictures=pictures)
    for row in ((2, 1, 3), (1, 1, 2), (1, 2, 40)):
        with pytest.raises(AuditMalformed):
            replace(chosen, pictures=(a._replace(places=(row, *a.places[1:])),))
    data = chosen.to_bytes()
    for bad in (data[:-1], data + b"x", b"X" + data[1:], data[:10] + b"\xff" * 4 + data[14:], b""):
        with pytest.raises(AuditMalformed):
            LawfulSet.from_bytes(bad)


@given(data=st.binary(max_size=400))
def test_any_bytes_are_read_or_a_typed_error(data: bytes) -> None:
    for read, magic in (
        (LawfulSet.from_bytes, lawful.SET_MAGIC),
        (LawfulProofs.from_bytes, lawful.PROOFS_MAGIC),
    ):
        for candidate in (data, magic + data):
            with contextlib.suppress(AuditMalformed):
                assert read(candidate).to_bytes() == candidate
