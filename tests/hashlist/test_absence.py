from __future__ import annotations

import contextlib
import hashlib
import os
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from list_samples import entry

from tutela.hashlist import HashList, absence
from tutela.hashlist.absence import AbsenceMap, AbsenceProof, AbsenceRefused, DigestListed
from tutela.oprf import group
from tutela.voucher.table import tree_root

SALT = b"s" * 32


def sha(number: int) -> bytes:
    return hashlib.sha256(b"file %d" % number).digest()


def listed(count: int, salt: bytes = SALT) -> HashList:
    entries = [replace(entry(i, None), sha256=sha(i), md5=hashlib.md5(sha(i)).digest()) for i in range(count)]
    return HashList(tuple(entries), salt)


MAP = AbsenceMap.of(listed(9))


@settings(max_examples=15)
@given(count=st.integers(0, 20), asked=st.integers(100, 10_000))
def test_an_absent_digest_is_proved_and_a_listed_one_cannot_be(count: int, asked: int) -> None:
    made = AbsenceMap.of(listed(count))
    for kind, digest in (("sha256", sha(asked)), ("md5", sha(asked)[:16])):
        proof = made.prove(kind, digest, os.urandom)
        assert AbsenceProof.from_bytes(proof.to_bytes()) == proof
        absence.verify(proof, made.commitment(), kind, digest)
    for number in range(count):
        with pytest.raises(DigestListed):
            made.prove("sha256", sha(number), os.urandom)
        with pytest.raises(DigestListed):
            made.prove("md5", hashlib.md5(sha(number)).digest(), os.urandom)


def test_a_proof_is_good_for_its_digest_kind_and_list_only() -> None:
    proof, commitment = MAP.prove("sha256", sha(77), os.urandom), MAP.commitment()
    other = AbsenceMap.of(listed(8)).commitment()
    salted = AbsenceMap.of(listed(9, b"z" * 32)).commitment()
    for arguments in ((commitment, sha(78)), (other, sha(77)), (salted, sha(77)), (b"", sha(77))):
        with pytest.raises(AbsenceRefused):
            absence.verify(proof, arguments[0], "sha256", arguments[1])
    for number in range(9):
        with pytest.raises(AbsenceRefused):
            absence.verify(proof, commitment, "sha256", sha(number))


def test_every_part_of_a_proof_counts() -> None:
    proof, commitment = MAP.prove("sha256", sha(77), os.urandom), MAP.commitment()
    far = MAP.prove("sha256", next(sha(n) for n in range(100, 200) if gap(n) != proof.gap), os.urandom)
    for wrong in (
        replace(proof, index=far.index, gap=far.gap, path=far.path),
        replace(proof, product=far.product),
        replace(proof, product=far.product, proof=far.proof),
        replace(proof, proof=far.proof),
        replace(proof, public_key=group.multiply_base(group.random_scalar())),
        replace(proof, public_key=group.IDENTITY),
        replace(proof, count=proof.count + 1),
        replace(proof, count=0),
        replace(proof, index=proof.index ^ 1),
        replace(proof, index=1 << 60),
        replace(proof, path=proof.path[:-1]),
        replace(proof, path=(*proof.path, bytes(32))),
        replace(proof, gap=(absence.FIRST, absence.LAST)),
        replace(proof, gap=proof.gap[::-1]),
    ):
        with pytest.raises(AbsenceRefused):
            absence.verify(wrong, commitment, "sha256", sha(77))


def gap(number: int) -> tuple[bytes, bytes]:
    return MAP.prove("sha256", sha(number), bytes).gap


def test_the_tree_is_that_of_rfc_9162_and_of_the_table() -> None:
    for count in (0, 1, 2, 5, 6):
        made = AbsenceMap.of(listed(count))
        gaps = [a + b for a, b in zip(made.places, made.places[1:], strict=False)]
        root = tree_root(gaps)
        expected = absence.transcript(
            absence.COMMITMENT, made.public_key, len(gaps).to_bytes(8, "little"), root, size=32
        )
        assert made.commitment() == expected


def test_a_proof_holds_no_digest_and_nobody_without_the_key_can_use_it_for_another() -> None:
    """Two lists of equal digests under other salts share no place: places are no names of digests."""
    other = AbsenceMap.of(listed(9, b"z" * 32))
    assert not set(MAP.places[1:-1]) & set(other.places)
    data = MAP.prove("sha256", sha(77), os.urandom).to_bytes()
    assert all(sha(number) not in data for number in (*range(9), 77))
    assert len(data) <= absence.MAX_BYTES


def test_a_list_without_a_salt_or_digests_commits_to_nothing() -> None:
    with pytest.raises(absence.NoSalt):
        AbsenceMap.of(listed(2, bytes(32)))
    assert absence.commitment_of(listed(2, bytes(32))) == b""
    assert absence.commitment_of(HashList((), SALT)) == b""
    assert absence.commitment_of(listed(9)) == MAP.commitment()


@pytest.mark.parametrize(("kind", "digest"), [("sha256", b"x" * 16), ("md5", b"x" * 32), ("pdq", b"x" * 32)])
def test_what_is_no_digest_is_refused(kind: str, digest: bytes) -> None:
    with pytest.raises(absence.AbsenceMalformed):
        MAP.prove(kind, digest, os.urandom)


@given(data=st.binary(max_size=600))
def test_any_bytes_are_a_proof_or_a_typed_error(data: bytes) -> None:
    with contextlib.suppress(absence.AbsenceMalformed):
        read = AbsenceProof.from_bytes(absence.MAGIC + data)
        with contextlib.suppress(AbsenceRefused):
            absence.verify(read, MAP.commitment(), "sha256", sha(1))
            pytest.fail("a listed digest was proved absent")
