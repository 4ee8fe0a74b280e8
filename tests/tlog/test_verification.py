"""Every named way in which an offline verification fails, and that it holds otherwise."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tutela.errors import TutelaError
from tutela.tlog import (
    Ed25519Signer,
    Evidence,
    Policy,
    Proof,
    SignedCheckpoint,
    cosignature,
    tree,
    verify_offline,
)
from tutela.tlog import checkpoint as checkpoints
from tutela.tlog import errors as errors_module
from tutela.tlog.checkpoint import Checkpoint
from tutela.tlog.errors import (
    BadCosignature,
    BadLogSignature,
    ConsistencyMissing,
    Equivocation,
    Fork,
    FromTheFuture,
    Malformed,
    NoEquivocation,
    NotIncluded,
    RolledBack,
    Stale,
    TooFewWitnesses,
    Truncated,
    UnknownLog,
)
from tutela.tlog.tree import Tree

from .conftest import LOG, MOMENT, NOW, ORIGIN, policy_of, signed_by, witness_signer

LEAVES = [b"leaf %d" % index for index in range(20)]
TREE = Tree(map(tree.leaf_hash, LEAVES))
OTHER = Tree(tree.leaf_hash(b"other %d" % index) for index in range(20))
POLICY = policy_of("a", "b", "c", quorum="2")


def proof(index: int = 7, *, names: str = "ab", at: int = NOW, size: int = 20, of: Tree = TREE) -> Proof:
    return Proof(index, of.inclusion_proof(index, size), signed_by(of, *names, at=at, size=size))


def check(made: Proof, leaf: bytes = LEAVES[7], **more: Any) -> Any:
    return verify_offline(made.to_bytes(), leaf, more.pop("policy", POLICY), more.pop("now", MOMENT), **more)


def test_a_proof_holds() -> None:
    found = check(proof())
    assert (found.index, found.checkpoint.size, set(found.witnesses)) == (7, 20, {"a", "b"})
    previous = signed_by(TREE, size=12)
    check(proof(), previous=previous, consistency=TREE.consistency_proof(12))
    check(proof(), previous=signed_by(TREE))
    check(proof(), previous=signed_by(TREE, size=0))


def relabelled(made: Proof, **fields: Any) -> Proof:
    """A proof whose checkpoint was signed anew after a change."""
    signed = checkpoints.sign(replace(made.checkpoint.checkpoint, **fields), LOG)
    lines = [cosignature.cosign(signed.note.text, witness_signer(name), NOW) for name in "ab"]
    return replace(made, checkpoint=signed.signed(lines))


def bad_signature(made: Proof, line: int) -> Proof:
    lines = list(made.checkpoint.note.signatures)
    value = lines[line].value
    lines[line] = replace(lines[line], value=value[:-1] + bytes([value[-1] ^ 1]))
    return replace(
        made, checkpoint=replace(made.checkpoint, note=replace(made.checkpoint.note, signatures=tuple(lines)))
    )


DAY = 24 * 3600
#: signed by a key that bears the log's name and is not its
RESIGNED = checkpoints.sign(Checkpoint(ORIGIN, 20, bytes(32)), Ed25519Signer(ORIGIN, b"\7" * 32))
CASES: dict[str, tuple[type[TutelaError], Callable[[], Any]]] = {
    "the log's signature is wrong": (BadLogSignature, lambda: check(bad_signature(proof(), 0))),
    "the log did not sign": (
        BadLogSignature,
        lambda: check(replace(proof(), checkpoint=proof().checkpoint.only([witness_signer("a").key]))),
    ),
    "the log is unknown": (UnknownLog, lambda: check(proof(), policy=Policy.parse(b"quorum none\n"))),
    "a witness's signature is wrong": (BadCosignature, lambda: check(bad_signature(proof(), 1))),
    "one witness of two": (TooFewWitnesses, lambda: check(proof(names="a"))),
    "the same witness twice": (TooFewWitnesses, lambda: check(proof(names="aa"))),
    "witnesses that the policy does not know": (TooFewWitnesses, lambda: check(proof(names="xyz"))),
    "all cosignatures are old": (Stale, lambda: check(proof(at=NOW - DAY - 1))),
    "one cosignature is fresh, the quorum is not": (
        Stale,
        lambda: check(
            replace(
                proof(),
                checkpoint=proof(at=NOW - DAY - 1).checkpoint.signed(
                    [cosignature.cosign(proof().checkpoint.note.text, witness_signer("a"), NOW)]
                ),
            )
        ),
    ),
    "cosignatures of tomorrow": (FromTheFuture, lambda: check(proof(at=NOW + 3600))),
    "another leaf": (NotIncluded, lambda: check(proof(), LEAVES[8])),
    "another index": (NotIncluded, lambda: check(replace(proof(), index=8))),
    "another root": (NotIncluded, lambda: check(relabelled(proof(), root=bytes(32)))),
    "a leaf that is an inner node": (
        NotIncluded,
        lambda: check(
            replace(proof(), index=3, hashes=proof().hashes[1:]), TREE.node(0, 6) + TREE.node(0, 7)
        ),
    ),
    "a smaller tree than seen": (RolledBack, lambda: check(proof(size=12), previous=signed_by(TREE))),
    "grown without a proof": (ConsistencyMissing, lambda: check(proof(), previous=signed_by(TREE, size=12))),
    "a rewritten history": (
        Fork,
        lambda: check(proof(), previous=signed_by(OTHER, size=12), consistency=TREE.consistency_proof(12)),
    ),
    "two roots of one size": (Equivocation, lambda: check(proof(), previous=signed_by(OTHER))),
    "two roots, before any witness is asked": (
        Equivocation,
        lambda: check(proof(names=""), previous=signed_by(OTHER)),
    ),
    "an earlier checkpoint that the log never signed": (
        BadLogSignature,
        lambda: check(proof(), previous=RESIGNED),
    ),
    "cut short": (Truncated, lambda: verify_offline(proof().to_bytes()[:-9], LEAVES[7], POLICY, MOMENT)),
    "something else": (Malformed, lambda: verify_offline(b"hello\n", LEAVES[7], POLICY, MOMENT)),
}


@pytest.mark.parametrize("name", CASES)
def test_each_failure_has_its_name(name: str) -> None:
    kind, attempt = CASES[name]
    with pytest.raises(kind) as caught:
        attempt()
    assert type(caught.value) is kind
    assert caught.value.code.startswith("tlog.")
    assert caught.value.message.endswith(".")


def test_codes_are_distinct() -> None:
    kinds = [
        k
        for k in vars(errors_module).values()
        if isinstance(k, type) and k.__module__ == errors_module.__name__
    ]
    codes = [kind.code for kind in kinds]
    assert len(set(codes)) == len(codes) > 20


def test_the_age_is_measured_to_the_second() -> None:
    check(proof(at=NOW - DAY))
    check(proof(at=NOW - DAY - 1), max_age=timedelta(hours=25))


def test_nobody_is_asked_where_the_policy_asks_for_nobody() -> None:
    policy = Policy.parse(f"log {LOG.key}\nquorum none\n".encode())
    assert check(proof(names=""), policy=policy, now=MOMENT + timedelta(days=1000)).witnesses == {}


def test_evidence_convinces_who_knows_the_key_only() -> None:
    with pytest.raises(Equivocation) as caught:
        check(proof(), previous=signed_by(OTHER))
    saved = Evidence.parse(caught.value.evidence.to_bytes())
    saved.check((LOG.key,))
    with pytest.raises(UnknownLog):
        saved.check(())
    with pytest.raises(NoEquivocation):
        Evidence(saved.first, saved.first).check((LOG.key,))
    with pytest.raises(NoEquivocation):
        Evidence(signed_by(TREE, size=3), signed_by(OTHER, size=4)).check((LOG.key,))
    forged = SignedCheckpoint(Checkpoint(ORIGIN, 20, bytes(32)), saved.first.note)
    with pytest.raises((BadLogSignature, NoEquivocation)):
        Evidence.parse(Evidence(saved.first, forged).to_bytes()).check((LOG.key,))


@given(st.binary(max_size=40), st.integers(0, 2000))
def test_whatever_is_changed_the_answer_is_a_named_error_or_the_same_leaf(noise: bytes, at: int) -> None:
    data = proof().to_bytes()
    changed = data[: at % len(data)] + noise + data[at % len(data) + len(noise) :]
    try:
        assert verify_offline(changed, LEAVES[7], POLICY, MOMENT).index == 7
    except TutelaError as error:
        assert error.code.startswith("tlog.")  # noqa: PT017  (both ways are right)
