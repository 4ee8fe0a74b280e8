from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.voucher.conftest import House

from tutela.oprf import group
from tutela.voucher import building
from tutela.voucher.building import build_table
from tutela.voucher.errors import TableError
from tutela.voucher.table import PREAMBLE, SLOT_BYTES, Table, TableHeader, token_point, tree_root
from tutela.voucher.tokens import Token, entry_tokens


def tokens_of(house: House) -> list[Token]:
    return [token for pdq in house.listed for token in entry_tokens(house.parameters, pdq)]


def test_every_listed_token_decodes_to_its_point_and_no_other_does(house: House) -> None:
    house.table.check()
    for token in tokens_of(house):
        name = token.to_bytes()
        assert house.table.decode(name) == group.multiply(house.key, token_point(b"T" * 32, name))
    for _ in range(50):
        name = Token(1, os.urandom(5)).to_bytes()
        assert house.table.decode(name) != group.multiply(house.key, token_point(b"T" * 32, name))


def test_the_same_list_key_and_seed_give_the_same_root(house: House, tmp_path: Path) -> None:
    tokens = tokens_of(house)
    again = build_table(
        reversed(tokens + tokens[:5]), key=house.key, table_id=b"T" * 32, seed=b"s" * 32, path=tmp_path / "t"
    )
    assert again == house.table.header


@settings(max_examples=12, deadline=None)
@given(count=st.integers(1, 70), seed=st.binary(min_size=32, max_size=32))
def test_any_number_of_tokens_can_be_built(
    tmp_path_factory: pytest.TempPathFactory, count: int, seed: bytes
) -> None:
    tokens = [Token(i % 8, i.to_bytes(5)) for i in range(count)]
    key, path = group.random_scalar(), tmp_path_factory.mktemp("any") / "t"
    header = build_table(tokens, key=key, table_id=seed, seed=seed, path=path)
    table = Table.open(path, TableHeader.from_dict(header.to_dict()))
    table.check()
    assert header.tokens >= count
    for token in tokens:
        assert table.decode(token.to_bytes()) == group.multiply(key, token_point(seed, token.to_bytes()))


@pytest.mark.parametrize(
    "slot",
    [group.IDENTITY, b"\xff" * 32, b"\x01" + bytes(31)],
    ids=["identity", "non-canonical", "off-curve"],
)
def test_a_table_with_one_bad_slot_is_refused_whole(house: House, tmp_path: Path, slot: bytes) -> None:
    data = bytearray(house.path.read_bytes())
    data[PREAMBLE + 7 * SLOT_BYTES : PREAMBLE + 8 * SLOT_BYTES] = slot
    bad = tmp_path / "bad"
    bad.write_bytes(data)
    header = house.table.header
    with pytest.raises(TableError, match="root"):
        Table.open(bad, header).check()
    chunks = (bytes(data[i : i + 65536]) for i in range(PREAMBLE, len(data), 65536))
    with pytest.raises(TableError, match="group element"):
        Table.open(bad, replace(header, root=tree_root(chunks))).check()


def test_a_table_whose_key_is_the_identity_is_refused(house: House) -> None:
    header = replace(house.table.header, public_key=group.IDENTITY)
    with pytest.raises(TableError, match="key"):
        Table.open(house.path, header).check()


def test_a_table_of_another_size_or_kind_is_refused(house: House, tmp_path: Path) -> None:
    whole = house.path.read_bytes()
    for name, data in {"short": whole[:-1], "long": whole + b"x", "other": b"X" + whole[1:]}.items():
        path = tmp_path / name
        path.write_bytes(data)
        with pytest.raises(TableError):
            Table.open(path, house.table.header)
    with pytest.raises(TableError):
        Table.open(tmp_path / "missing", house.table.header)


def test_two_tables_under_one_key_reveal_their_common_tokens(tmp_path: Path) -> None:
    """Why a key serves one table: whoever guesses a token sees whether both tables hold it."""
    key = group.random_scalar()
    common = [Token(0, i.to_bytes(5)) for i in range(20)]
    tables = []
    for name in ("one", "two"):
        own = [Token(1, os.urandom(5)) for _ in range(20)]
        path = tmp_path / name
        header = build_table(common + own, key=key, table_id=b"i" * 32, seed=os.urandom(32), path=path)
        tables.append(Table.open(path, header))
    one, two = tables
    assert all(one.decode(t.to_bytes()) == two.decode(t.to_bytes()) for t in common)
    others = [Token(2, i.to_bytes(5)) for i in range(20)]
    assert not any(one.decode(t.to_bytes()) == two.decode(t.to_bytes()) for t in others)


def test_an_interrupted_build_leaves_nothing(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "_solve", fail)
    with pytest.raises(KeyboardInterrupt):
        build_table(tokens_of(house), key=house.key, table_id=b"T" * 32, seed=b"s" * 32, path=tmp_path / "t")
    assert list(tmp_path.iterdir()) == []


def test_peeling_refuses_what_has_no_solution() -> None:
    slots = np.array([[0, 1, 2], [0, 1, 2]], np.int64)
    assert building.peel(slots, 3) is None


@given(st.dictionaries(st.text(max_size=12), st.one_of(st.none(), st.integers(), st.text(max_size=64))))
def test_a_header_of_any_other_form_is_refused(data: dict[str, object]) -> None:
    with pytest.raises(TableError):
        TableHeader.from_dict(data)


@pytest.mark.parametrize("count", [0, 1, 2, 3, 5, 8, 13])
def test_the_tree_hash_is_that_of_rfc_9162(count: int) -> None:
    import hashlib

    leaves = [bytes([i]) * 3 for i in range(count)]

    def mth(part: list[bytes]) -> bytes:
        if not part:
            return hashlib.sha256(b"").digest()
        if len(part) == 1:
            return hashlib.sha256(b"\0" + part[0]).digest()
        k = 1
        while k * 2 < len(part):
            k *= 2
        return hashlib.sha256(b"\1" + mth(part[:k]) + mth(part[k:])).digest()

    assert tree_root(leaves) == mth(leaves)
