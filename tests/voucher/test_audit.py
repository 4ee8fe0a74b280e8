"""Section 3 of the design, "Exactness audit": what must be refused, and by which name."""

from __future__ import annotations

import contextlib
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutela.oprf import dleq, group, multiscalar
from tutela.voucher import audit, errors
from tutela.voucher.audit import Equations, TableProof, prove_table, rebuild, verify_table
from tutela.voucher.building import build_table
from tutela.voucher.table import (
    PREAMBLE,
    SLOT_BYTES,
    Table,
    TableHeader,
    free_point,
    slots_of,
    token_point,
    tree_root,
)
from tutela.voucher.tokens import Token

KEY = group.random_scalar()
ID, SEED = b"T" * 32, b"s" * 32
TOKENS = [Token(i % 8, (i * 7919).to_bytes(5)) for i in range(60)]  # 60 and 4 dummies


def built(folder: Path, tokens: list[Token] = TOKENS, key: bytes = KEY, name: str = "t") -> Table:
    header = build_table(tokens, key=key, table_id=ID, seed=SEED, path=folder / name)
    return Table.open(folder / name, header)


def proved(table: Table, tokens: list[Token] = TOKENS, key: bytes = KEY) -> TableProof:
    return prove_table(table.header, tokens, key=key, random=os.urandom)


def changed(table: Table, folder: Path, slots: dict[int, bytes]) -> Table:
    """The table with other slots, and a header whose root fits them: what a cheating builder publishes."""
    data = bytearray(table._data)
    for slot, point in slots.items():
        data[PREAMBLE + slot * SLOT_BYTES : PREAMBLE + (slot + 1) * SLOT_BYTES] = point
    (folder / "changed").write_bytes(data)
    chunks = (bytes(data[at : at + 65536]) for at in range(PREAMBLE, len(data), 65536))
    return Table.open(folder / "changed", replace(table.header, root=tree_root(chunks)))


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return built(tmp_path_factory.mktemp("table"))


def test_the_list_and_nothing_else(table: Table) -> None:
    proof = proved(table)
    steps: list[tuple[int, int]] = []
    verify_table(table, reversed(TOKENS), proof, lambda *step: steps.append(step))
    assert steps[-1] == (2 * table.header.slots,) * 2
    assert len(proof.to_bytes()) == audit.PROOF_BYTES < 1000
    verify_table(table, TOKENS, TableProof.from_bytes(proof.to_bytes()))


def test_the_folded_slots_are_the_folded_products(table: Table) -> None:
    """Both sides of the batch, computed pair by pair as the definition says."""
    equations = Equations.of(table.header, TOKENS)
    batch = equations.batch()
    tokens = [int(key).to_bytes(6) for key in equations.keys]
    pairs = [(token_point(ID, token), table.decode(token)) for token in tokens]
    pairs += [(free_point(ID, int(slot)), table.slot(int(slot))) for slot in equations.free]
    assert len(pairs) == table.header.slots
    assert all(group.multiply(KEY, h) == p for h, p in pairs)
    nothing = audit._step(None, 0, 1)
    folded = equations.fold_bases(batch, nothing), equations.fold_slots(batch, table, nothing)
    assert folded == dleq.fold(batch, pairs)


@settings(max_examples=8, deadline=None)
@given(count=st.integers(1, 90), seed=st.binary(min_size=32, max_size=32))
def test_any_table_is_proved(tmp_path_factory: pytest.TempPathFactory, count: int, seed: bytes) -> None:
    tokens = [Token(i % 8, i.to_bytes(5)) for i in range(count)]
    path = tmp_path_factory.mktemp("any") / "t"
    header = build_table(tokens, key=KEY, table_id=seed, seed=seed, path=path)
    verify_table(Table.open(path, header), tokens, proved(Table.open(path, header), tokens))


def test_one_token_more_or_less_is_refused(table: Table, tmp_path: Path) -> None:
    """The number with dummies is the same for 57 to 64 tokens: only the proof tells."""
    extra = Token(3, b"extra")
    for name, other in {"more": [*TOKENS, extra], "less": TOKENS[:-1]}.items():
        cheat = built(tmp_path, other, name=name)
        assert cheat.header.tokens == table.header.tokens
        honest_about_it = proved(cheat, other)
        with pytest.raises(errors.OtherStatement):
            verify_table(cheat, TOKENS, honest_about_it)
        claims_the_list = proved_without_looking(cheat)
        with pytest.raises(errors.Inexact):
            verify_table(cheat, TOKENS, claims_the_list)
    with pytest.raises(errors.OtherCount):
        verify_table(table, [*TOKENS, *(Token(9, i.to_bytes(5)) for i in range(9))], proved(table))


def proved_without_looking(table: Table) -> TableProof:
    """The best a cheat with the key can do: the right statement, under the list's own layout."""
    equations = Equations.of(table.header, TOKENS)
    batch = equations.batch()
    base = equations.fold_bases(batch, lambda _: None)
    proof = dleq.prove_folded(KEY, batch, base, os.urandom)[1]
    return TableProof(table.header.table_id, table.header.public_key, batch.root, proof)


def test_a_token_hidden_in_the_free_slots_is_refused(table: Table, tmp_path: Path) -> None:
    """Overfitting: every listed token still decodes, and one more does, through a slot that nobody needs."""
    equations = Equations.of(table.header, TOKENS)
    free = set(equations.free.tolist())
    header = table.header
    used = set(equations.slots.flatten().tolist())
    for number in range(100_000):
        name = Token(1, number.to_bytes(5)).to_bytes()
        slots = slots_of(
            name, seed=header.seed, segments=header.segments, segment_length=header.segment_length
        )
        spare = [slot for slot in slots if slot in free and slot not in used]
        if spare:
            break
    rest = group.multiply(KEY, token_point(ID, name))
    for slot in slots:
        rest = rest if slot == spare[0] else group.subtract(rest, table.slot(slot))
    cheat = changed(table, tmp_path, {spare[0]: rest})
    assert cheat.decode(name) == group.multiply(KEY, token_point(ID, name))
    assert all(cheat.decode(t.to_bytes()) == table.decode(t.to_bytes()) for t in TOKENS)
    with pytest.raises(errors.Inexact):
        verify_table(cheat, TOKENS, proved_without_looking(cheat))
    with pytest.raises(errors.Inexact):
        verify_table(cheat, TOKENS, proved(cheat))


def test_swapped_slots_and_another_key_for_one_slot_are_refused(table: Table, tmp_path: Path) -> None:
    other = group.multiply(group.random_scalar(), free_point(ID, 0))
    for slots in ({5: table.slot(9), 9: table.slot(5)}, {5: other}):
        cheat = changed(table, tmp_path, slots)
        with pytest.raises(errors.OtherRoot):
            verify_table(Table.open(tmp_path / "changed", table.header), TOKENS, proved(table))
        with pytest.raises(errors.OtherStatement):
            verify_table(cheat, TOKENS, proved(table))
        with pytest.raises(errors.Inexact):
            verify_table(cheat, TOKENS, proved(cheat))


def test_a_slot_that_is_no_point_is_refused(table: Table, tmp_path: Path) -> None:
    for slot in (group.IDENTITY, b"\xff" * 32):
        cheat = changed(table, tmp_path, {5: slot})
        with pytest.raises(errors.BadSlot):
            verify_table(cheat, TOKENS, proved(cheat))


@pytest.mark.parametrize(("prover", "verifier"), [(0, 1 << 62), (1 << 62, 0), (0, 0)])
def test_the_compiled_sums_accept_and_refuse_the_same(
    table: Table, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, prover: int, verifier: int
) -> None:
    pytest.importorskip("numba", reason="the kernel needs the extra `audit`")
    second = bytes(table.slot(5)[:31]) + bytes([table.slot(5)[31] | 0x80])
    cheats = {group.IDENTITY: errors.BadSlot, b"\xff" * 32: errors.BadSlot, second: errors.BadSlot}
    cheats[group.add(table.slot(5), table.slot(6))] = errors.Inexact

    def check(checked: Table) -> None:
        monkeypatch.setattr(multiscalar, "KERNEL_FROM", prover)
        proof = proved(checked)
        monkeypatch.setattr(multiscalar, "KERNEL_FROM", verifier)
        verify_table(checked, TOKENS, proof)

    check(table)
    for slot, refusal in cheats.items():
        with pytest.raises(refusal):
            check(changed(table, tmp_path, {5: slot}))


@given(count=st.integers(1, 40_000), workers=st.integers(1, 9))
def test_shares_cover_every_index_once(count: int, workers: int) -> None:
    blocks = list(audit._blocks(count, workers))
    shares = [share for block in blocks for share in block]
    assert [index for share in shares for index in share] == list(range(count))
    assert max(map(len, shares)) <= audit._SHARE
    assert max(map(len, blocks)) <= workers


def test_a_proof_of_another_table_or_key_is_refused(table: Table, tmp_path: Path) -> None:
    other_key = group.random_scalar()
    other = built(tmp_path, key=other_key, name="other")
    with pytest.raises(errors.OtherTable):
        verify_table(table, TOKENS, proved(other, key=other_key))
    with pytest.raises(errors.OtherTable):
        verify_table(table, TOKENS, replace(proved(table), table_id=b"U" * 32))
    lie = replace(proved(other, key=other_key), public_key=table.header.public_key)
    with pytest.raises(errors.OtherStatement):
        verify_table(table, TOKENS, lie)
    with pytest.raises(errors.Inexact):
        verify_table(table, TOKENS, replace(lie, statement=proved(table).statement))
    with pytest.raises(dleq.SecretRefused):
        proved(table, key=other_key)


def test_a_layout_that_does_not_carry_the_list_is_refused(table: Table) -> None:
    header = replace(table.header, segments=1, segment_length=64)
    dense = [Token(1, i.to_bytes(5)) for i in range(192)]
    with pytest.raises(errors.OtherLayout):
        Equations.of(replace(header, tokens=192), dense)


def test_a_key_holder_builds_it_again(table: Table, tmp_path: Path) -> None:
    rebuild(table, TOKENS, key=KEY, seed=SEED, folder=tmp_path)
    for tokens, key in ((TOKENS[:-1], KEY), (TOKENS, group.random_scalar())):
        with pytest.raises(errors.Differs):
            rebuild(table, tokens, key=key, seed=SEED, folder=tmp_path)
    changed(table, tmp_path, {5: table.slot(9)})
    with pytest.raises(errors.OtherRoot):
        rebuild(Table.open(tmp_path / "changed", table.header), TOKENS, key=KEY, seed=SEED, folder=tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["changed"]


@given(data=st.binary(max_size=400))
def test_any_bytes_are_a_proof_or_a_typed_error(data: bytes) -> None:
    for candidate in (data, audit.MAGIC + data, (audit.MAGIC + data).ljust(audit.PROOF_BYTES, b"\0")):
        with contextlib.suppress(errors.AuditMalformed):
            proof = TableProof.from_bytes(candidate)
            assert proof.to_bytes() == candidate


def test_the_statement_binds_every_part_of_the_header(table: Table) -> None:
    header = table.header
    roots = {Equations.of(header, TOKENS).batch().root}
    equations = Equations.of(header, TOKENS)
    others: list[TableHeader] = [
        replace(header, seed=b"x" * 32), replace(header, root=b"x" * 32),
        replace(header, segments=header.segments + 1), replace(header, segment_length=header.segment_length * 2),
    ]  # fmt: skip
    roots |= {replace(equations, header=other).batch().root for other in others}
    roots.add(replace(equations, keys=equations.keys[::-1].copy()).batch().root)
    assert len(roots) == 6
