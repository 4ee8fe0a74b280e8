from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutela.oprf import dleq, group, inequality
from tutela.oprf.dleq import Batch, Pair, Proof, ProofMalformed, ProofRefused, SecretRefused

CONTEXT = b"a test"
SECRET = group.reduce_scalar(hashlib.sha512(b"secret").digest())
PUBLIC = group.multiply_base(SECRET)


def same(count: int) -> bytes:
    return bytes(count)


def base(number: int) -> bytes:
    return group.hash_to_group(hashlib.sha512(b"base %d" % number).digest())


def scalar(value: int) -> bytes:
    return (value % group.ORDER).to_bytes(32, "little")


def joined(count: int) -> list[Pair]:
    return [(base(i), group.multiply(SECRET, base(i))) for i in range(count)]


def apart(count: int) -> list[Pair]:
    return [(base(i), base(1000 + i)) for i in range(count)]


def test_scalars_are_those_of_the_integers() -> None:
    left, right = 3**150, 5**100
    assert group.add_scalars(scalar(left), scalar(right)) == scalar(left + right)
    assert group.multiply_scalars(scalar(left), scalar(right)) == scalar(left * right)
    assert dleq.negated(scalar(left)) == scalar(-left)
    assert group.multiply_base(scalar(-1)) == group.subtract(group.IDENTITY, group.multiply_base(scalar(1)))
    for bad in (group.ORDER.to_bytes(32, "little"), b"\xff" * 32, bytes(31)):
        with pytest.raises(group.InvalidScalar):
            group.check_scalar(bad)


def test_a_single_proof_holds_and_every_change_is_refused() -> None:
    h, p = joined(1)[0]
    proof = dleq.prove(SECRET, CONTEXT, h, p, same)
    dleq.verify(proof, CONTEXT, PUBLIC, h, p)
    dleq.verify(Proof.from_bytes(proof.to_bytes()), CONTEXT, PUBLIC, h, p)
    other = base(7)
    for arguments in (
        (proof, b"another", PUBLIC, h, p),
        (proof, CONTEXT, other, h, p),
        (proof, CONTEXT, PUBLIC, other, p),
        (proof, CONTEXT, PUBLIC, h, other),
        (proof, CONTEXT, PUBLIC, h, group.IDENTITY),
        (proof, CONTEXT, group.IDENTITY, h, p),
        (proof, CONTEXT, PUBLIC, h, b"\xff" * 32),
        (replace(proof, response=scalar(5)), CONTEXT, PUBLIC, h, p),
        (replace(proof, challenge=scalar(5)), CONTEXT, PUBLIC, h, p),
        (Proof(scalar(0), scalar(0)), CONTEXT, PUBLIC, h, p),
    ):
        with pytest.raises(ProofRefused):
            dleq.verify(*arguments)


def test_a_prover_refuses_what_is_not_so() -> None:
    with pytest.raises(SecretRefused):
        dleq.prove(SECRET, CONTEXT, base(0), base(1), same)
    with pytest.raises(SecretRefused):
        dleq.prove(SECRET, CONTEXT, b"\xff" * 32, base(1), same)
    with pytest.raises(SecretRefused):
        dleq.prove_batch(SECRET, CONTEXT, [*joined(3), (base(0), base(1))], same)


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 12), data=st.data())
def test_a_batch_holds_and_one_other_pair_is_refused(count: int, data: st.DataObject) -> None:
    pairs = joined(count)
    proof = dleq.prove_batch(SECRET, CONTEXT, pairs, same)
    dleq.verify_batch(proof, CONTEXT, PUBLIC, pairs)
    at = data.draw(st.integers(0, count - 1))
    changed = list(pairs)
    changed[at] = (pairs[at][0], group.add(pairs[at][1], base(99)))
    swapped = [*pairs[1:], pairs[0]] if count > 1 else [*pairs, *pairs]
    for wrong in (changed, swapped, [*pairs, *joined(1)], pairs[:-1] or joined(2)):
        with pytest.raises(ProofRefused):
            dleq.verify_batch(proof, CONTEXT, PUBLIC, wrong)


def test_errors_that_cancel_under_fixed_coefficients_are_refused() -> None:
    """Two errors that cancel under coefficients known beforehand do not survive: each change draws new ones."""
    pairs = joined(2)
    batch = Batch(CONTEXT, PUBLIC, dleq.pairs_root(pairs), 2)
    first, second = (int.from_bytes(batch.coefficients()(i), "little") for i in range(2))
    noise = base(50)
    cancelling = scalar(-first * pow(second, -1, group.ORDER))
    forged = [
        (pairs[0][0], group.add(pairs[0][1], noise)),
        (pairs[1][0], group.add(pairs[1][1], group.multiply(cancelling, noise))),
    ]
    assert dleq.fold(batch, forged) == dleq.fold(batch, pairs), "under the old coefficients it would pass"
    folded, _ = dleq.fold(batch, forged)
    product, proof = dleq.prove_folded(SECRET, batch, folded, same)
    dleq.verify_folded(proof, batch, folded, product)
    with pytest.raises(ProofRefused):
        dleq.verify_batch(proof, CONTEXT, PUBLIC, forged)


def test_every_coefficient_depends_on_every_pair() -> None:
    pairs = joined(3)
    changed = [*pairs[:2], (base(7), pairs[2][1])]
    one, two = (Batch(CONTEXT, PUBLIC, dleq.pairs_root(p), 3).coefficients() for p in (pairs, changed))
    assert not {one(i) for i in range(3)} & {two(i) for i in range(3)}
    wide = [int.from_bytes(one(i), "little") for i in range(3)]
    assert max(value.bit_length() for value in wide) > 245, "full scalars"


def test_nonces_differ_between_statements_even_with_one_randomness() -> None:
    nonces = {dleq.derive_nonce(SECRET, bytes([i]), same) for i in range(4)}
    nonces |= {dleq.derive_nonce(SECRET, b"x", lambda n, i=i: bytes([i]) * n) for i in range(4)}
    nonces |= {dleq.derive_nonce(SECRET, b"x", same, i) for i in range(1, 4)}
    nonces.add(dleq.derive_nonce(scalar(9), b"x", same))
    assert len(nonces) == 12


@settings(max_examples=20, deadline=None)
@given(count=st.integers(1, 8))
def test_inequality_holds_and_equality_cannot_be_proved(count: int) -> None:
    pairs = apart(count)
    proof = inequality.prove(SECRET, CONTEXT, pairs, same)
    inequality.verify(inequality.Proof.from_bytes(proof.to_bytes()), CONTEXT, PUBLIC, pairs)
    with pytest.raises(inequality.Equal) as caught:
        inequality.prove(SECRET, CONTEXT, [*pairs, *joined(1)], same)
    assert caught.value.index == count


def test_every_change_of_a_proof_of_inequality_is_refused() -> None:
    pairs = apart(3)
    proof = inequality.prove(SECRET, CONTEXT, pairs, same)
    c = proof.differences
    for wrong in (
        replace(proof, differences=(group.IDENTITY, *c[1:])),
        replace(proof, differences=(c[1], c[0], c[2])),
        replace(proof, differences=c[:2]),
        replace(proof, responses=proof.responses[::-1]),
        replace(proof, challenge=scalar(3)),
        inequality.Proof(scalar(0), (scalar(0), scalar(0)), c),
    ):
        with pytest.raises(ProofRefused):
            inequality.verify(wrong, CONTEXT, PUBLIC, pairs)
    for arguments in ((b"x", PUBLIC, pairs), (CONTEXT, base(3), pairs), (CONTEXT, PUBLIC, apart(4)[1:])):
        with pytest.raises(ProofRefused):
            inequality.verify(proof, *arguments)


def test_a_cheat_about_an_equal_pair_needs_the_identity() -> None:
    """Whoever follows the equations for an equal pair arrives at the identity, which is refused."""
    h, w = joined(1)[0]
    statement = dleq.frame(CONTEXT, PUBLIC, dleq.pairs_root([(h, w)]))
    blind, first, second = (scalar(3**n) for n in (90, 91, 92))
    commitments = [
        group.subtract(group.multiply(first, h), group.multiply(second, w)),
        group.subtract(group.multiply_base(first), group.multiply(second, PUBLIC)),
    ]
    challenge = dleq.scalar(inequality.UNEQUAL, statement, group.IDENTITY, *commitments)
    responses = (
        group.add_scalars(first, group.multiply_scalars(challenge, group.multiply_scalars(SECRET, blind))),
        group.add_scalars(second, group.multiply_scalars(challenge, blind)),
    )
    forged = inequality.Proof(challenge, responses, (group.IDENTITY,))
    with pytest.raises(ProofRefused, match="identity"):
        inequality.verify(forged, CONTEXT, PUBLIC, [(h, w)])


@pytest.mark.parametrize("read", [Proof.from_bytes, inequality.Proof.from_bytes])
@given(data=st.binary(max_size=200))
def test_any_bytes_are_a_proof_or_a_typed_error(read: Callable[[bytes], object], data: bytes) -> None:
    with contextlib.suppress(ProofMalformed):
        read(data)


def test_scalars_with_a_second_form_are_refused() -> None:
    h, p = joined(1)[0]
    proof = dleq.prove(SECRET, CONTEXT, h, p, same)
    second = (int.from_bytes(proof.response, "little") + group.ORDER).to_bytes(32, "little")
    with pytest.raises(ProofMalformed):
        Proof.from_bytes(proof.challenge + second)
    with pytest.raises(ProofMalformed):
        Batch(CONTEXT, PUBLIC, bytes(31), 3).binding()
    with pytest.raises(ProofMalformed):
        inequality.prove(SECRET, CONTEXT, [], same)
    with pytest.raises(ProofMalformed):
        dleq.pairs_root([(b"", b"")])
