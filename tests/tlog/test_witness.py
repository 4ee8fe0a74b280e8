"""A witness: each answer of the protocol, races, and a log that lies to it."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tutela.tlog import Evidence, SignedCheckpoint, VerifierKey, cosignature, tree
from tutela.tlog.errors import StoreUnwritable
from tutela.tlog.note import Signature
from tutela.tlog.tree import Tree
from tutela.tlog.witness import SIZE, AddCheckpoint, Answer, Seen, Witness
from tutela.tlog.witness_store import MAX_CONFLICTS, WitnessStore

from .conftest import LOG, NOW, ORIGIN, MemoryState, make_witness, signed_by, witness_signer

TREE = Tree(tree.leaf_hash(b"leaf %d" % index) for index in range(30))
OTHER = Tree(tree.leaf_hash(b"other %d" % index) for index in range(30))
KEY = witness_signer("a").key


def submit(
    witness: Witness, old: int, new: int, of: Tree = TREE, proof: tuple[bytes, ...] | None = None
) -> Answer:
    steps = of.consistency_proof(old, new) if proof is None and old <= new else proof or ()
    return witness.handle(AddCheckpoint(old, steps, signed_by(of, size=new)).to_bytes())


def cosigned_time(answer: Answer, new: int, of: Tree = TREE) -> int:
    assert answer.status == 200
    signature = Signature.parse(answer.body.decode()[:-1])
    return cosignature.verify(signed_by(of, size=new).note.text, signature, KEY)


def test_each_answer_of_the_protocol() -> None:
    witness = make_witness("a")
    assert cosigned_time(submit(witness, 0, 5), 5) == NOW
    assert cosigned_time(submit(witness, 5, 12), 12) == NOW
    assert cosigned_time(submit(witness, 12, 12), 12) == NOW  # the same again, as after a lost answer
    conflict = submit(witness, 5, 20)
    assert (conflict.status, conflict.body, conflict.content_type) == (409, b"12\n", SIZE)
    assert submit(witness, 0, 20).body == b"12\n"
    assert submit(witness, 20, 12).status == 400
    assert submit(witness, 12, 20, proof=(b"x" * 32,)).status == 422
    assert submit(witness, 12, 20, proof=()).status == 422
    assert submit(witness, 12, 12, OTHER).status == 422
    assert submit(witness, 12, 20, OTHER).status == 422
    assert submit(witness, 12, 20).status == 200


def test_nothing_is_proved_from_nothing() -> None:
    assert submit(make_witness("a"), 0, 5, proof=(b"x" * 32,)).status == 422


def test_strangers_are_refused() -> None:
    body = AddCheckpoint(0, (), signed_by(TREE)).to_bytes()
    stranger = Witness(witness_signer("a"), {}, MemoryState(), lambda: NOW)
    assert stranger.handle(body).status == 404
    keys = {ORIGIN: (VerifierKey(ORIGIN, 1, b"\7" * 32),)}
    assert Witness(witness_signer("a"), keys, MemoryState(), lambda: NOW).handle(body).status == 403
    changed = body.replace(b"\n30\n", b"\n29\n")
    assert changed != body
    assert make_witness("a").handle(changed).status == 403


@pytest.mark.parametrize(
    "body",
    [b"", b"old 0", b"old 0\n\n", b"old -1\n\nx\n", b"old 00\n\nx\n", b"old 0\nx\n\n", b"new 0\n\n", b"old 0\n" + b"A" * 70_000,
     b"old 0\n" + b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n" * 64 + b"\n"],
)  # fmt: skip
def test_nonsense_is_a_bad_request(body: bytes) -> None:
    good = AddCheckpoint(0, (), signed_by(TREE)).to_bytes().partition(b"\n\n")[2]
    for whole in (body, body + good):
        if whole.startswith(b"old 0\n\n") and whole.endswith(good):
            continue
        assert make_witness("a").handle(whole).status == 400


@given(st.binary(max_size=200), st.integers(0, 1000))
def test_whatever_is_sent_there_is_an_answer(noise: bytes, at: int) -> None:
    witness = make_witness("a")
    body = AddCheckpoint(0, (), signed_by(TREE)).to_bytes()
    changed = body[: at % len(body)] + noise + body[at % len(body) + len(noise) :]
    assert witness.handle(changed).status in {200, 400, 403, 404}
    assert witness.handle(noise).status == 400


def test_a_conflict_is_kept_and_is_evidence(tmp_path: Path) -> None:
    store = WitnessStore(tmp_path / "seen.sqlite3")
    witness = Witness(witness_signer("a"), {ORIGIN: (LOG.key,)}, store, lambda: NOW)
    submit(witness, 0, 12)
    for _ in range(2):
        submit(witness, 12, 12, OTHER)
    assert submit(witness, 12, 13, proof=(b"x" * 32,)).status == 422
    kept = [SignedCheckpoint.parse(signed) for signed in store.conflicts(ORIGIN)]
    assert [signed.checkpoint.size for signed in kept] == [12, 13]
    Evidence(SignedCheckpoint.parse(store.seen(ORIGIN).signed), kept[0]).check((LOG.key,))
    for number in range(MAX_CONFLICTS + 5):
        store.keep_conflict(ORIGIN, b"%d" % number)
    assert len(store.conflicts(ORIGIN)) == MAX_CONFLICTS
    store.close()


def test_only_the_logs_lines_are_kept(tmp_path: Path) -> None:
    store = WitnessStore(tmp_path / "seen.sqlite3")
    witness = Witness(witness_signer("a"), {ORIGIN: (LOG.key,)}, store, lambda: NOW)
    witness.handle(AddCheckpoint(0, (), signed_by(TREE, "x", "y")).to_bytes())
    assert len(SignedCheckpoint.parse(store.seen(ORIGIN).signed).note.signatures) == 1
    assert store.origins() == (ORIGIN,)


def test_what_was_seen_is_there_after_opening_again(tmp_path: Path) -> None:
    for old, new in ((0, 4), (4, 9), (9, 9)):
        store = WitnessStore(tmp_path / "seen.sqlite3")
        witness = Witness(witness_signer("a"), {ORIGIN: (LOG.key,)}, store, lambda: NOW)
        assert submit(witness, old, new).status == 200
        store.close()


def test_a_store_that_is_none_is_named(tmp_path: Path) -> None:
    (tmp_path / "x").write_bytes(b"not a database" * 100)
    with pytest.raises(StoreUnwritable):
        WitnessStore(tmp_path / "x")


def test_of_many_at_once_none_is_rolled_back(tmp_path: Path) -> None:
    """Two processes' stores on one file, eight threads, every size offered from every size."""
    stores = [WitnessStore(tmp_path / "seen.sqlite3") for _ in range(2)]
    witnesses = [Witness(witness_signer("a"), {ORIGIN: (LOG.key,)}, store, lambda: NOW) for store in stores]
    given_out: list[int] = []

    def run(number: int) -> None:
        known = 0
        for new in range(1 + number % 3, 30, 3):
            answer = submit(witnesses[number % 2], known, max(known, new))
            if answer.status == 200:
                known = max(known, new)
                given_out.append(known)
            elif answer.status == 409:
                known = int(answer.body)
            else:
                raise AssertionError(answer)

    threads = [threading.Thread(target=run, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert stores[0].seen(ORIGIN).size == max(given_out)
    assert stores[0].seen(ORIGIN).root == TREE.root(max(given_out))


class LyingLog(RuleBasedStateMachine):
    """A log that may fork and a witness that may crash: what is cosigned is always one history."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = [Tree(), Tree()]
        self.state = MemoryState()
        self.witness = Witness(witness_signer("a"), {ORIGIN: (LOG.key,)}, self.state, lambda: NOW)
        self.cosigned: list[tuple[int, bytes]] = []

    @rule(branch=st.integers(0, 1), entry=st.binary(max_size=4))
    def append(self, branch: int, entry: bytes) -> None:
        self.branches[branch].append(entry)

    @rule(entry=st.binary(max_size=4))
    def append_to_both(self, entry: bytes) -> None:
        for branch in self.branches:
            branch.append(entry)

    @rule(branch=st.integers(0, 1), data=st.data())
    def submit(self, branch: int, data: st.DataObject) -> None:
        made = self.branches[branch]
        new = data.draw(st.integers(0, len(made)))
        old = data.draw(st.sampled_from([self.seen().size, 0, new]))
        answer = submit(self.witness, old, new, made)
        if answer.status == 200:
            assert cosigned_time(answer, new, made) == NOW
            self.cosigned.append((new, made.root(new)))
        else:
            assert (answer.status == 409) == (old != self.seen().size and old <= new)

    @precondition(lambda self: self.cosigned)
    @rule()
    def restart(self) -> None:
        kept = MemoryState()
        kept.seen = dict(self.state.seen)
        self.state = kept
        self.witness = Witness(witness_signer("a"), {ORIGIN: (LOG.key,)}, kept, lambda: NOW)

    def seen(self) -> Seen:
        return self.state.seen.get(ORIGIN, Seen())

    @invariant()
    def only_grows_and_is_one_history(self) -> None:
        assert [size for size, _ in self.cosigned] == sorted(size for size, _ in self.cosigned)
        assert len(dict(self.cosigned)) == len(set(self.cosigned))
        if self.cosigned:
            assert any(
                all(branch.root(size) == root for size, root in self.cosigned)
                for branch in self.branches
                if len(branch) >= self.cosigned[-1][0]
            )


LyingLog.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestLyingLog = LyingLog.TestCase
