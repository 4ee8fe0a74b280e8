"""Statements: accepted once and for ever, the history rebuilt from them, a leaf for each."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection, transaction
from tests.register.conftest import (
    NOW,
    SIGNERS,
    THREE,
    commitment,
    constitution,
    dispute,
    signed_constitution,
    submission,
)

from tutela.console import triggers
from tutela.console.audit import verify_chain
from tutela.console.models import AuditRow
from tutela.hashlist.governance import errors, sign, verify_list
from tutela.hashlist.governance.errors import GovernanceError
from tutela.register import book, drafts, logbook, status, words
from tutela.register.errors import HistoryChanged, RegisterNotReady, TooManyDisputes
from tutela.register.models import REFUSAL, TABLE, StatementRow, StatementsAreAppendOnly
from tutela.tlog import Leaf, verify_offline


def fresh(world):
    """Return a book that has read nothing yet: another process's."""
    return book.Book(world.store)


def test_the_history_is_rebuilt_from_the_rows(world):
    world.entries(1, 2)
    world.endorse()
    ours, theirs = world.book.history(), fresh(world).history()
    assert len(ours) == len(theirs) == 8
    assert [record.data for record in ours.records()] == [record.data for record in theirs.records()]
    assert fresh(world).state().live == tuple(sorted([commitment(1), commitment(2)]))
    assert verify_chain().length == AuditRow.objects.count() > 0


def test_a_statement_is_taken_in_once(world):
    file = submission(1, "east-hotline", world.now())
    (first,), (again,) = world.hand_in(file), world.hand_in(file)
    assert (first.repeated, again.repeated) == (False, True)
    assert first.record.position == again.record.position == 1
    assert StatementRow.objects.count() == 2


def test_another_processs_rows_are_seen(world):
    other = fresh(world)
    assert len(other.history()) == 1
    world.entries(1)
    assert len(other.history()) == 3
    other.accept(submission(2, "east-hotline", world.now()), "test")
    assert len(world.book.history()) == 4


def test_a_refusal_changes_nothing(world):
    kept = world.book.history()
    with pytest.raises(errors.ForgedSignature):
        world.hand_in(submission(1, "east-hotline", world.now()).replace(b"demo:A", b"demo:B"))
    with pytest.raises(errors.Malformed):
        world.hand_in(b"no statement")
    assert world.book.history() is kept
    assert StatementRow.objects.count() == 1


def test_what_fails_to_be_written_is_not_remembered(world, monkeypatch):
    def fail(point):
        raise OSError(point)

    monkeypatch.setattr(book.crashpoints, "reach", fail)
    with pytest.raises(OSError, match="before-commit"):
        world.book.accept(submission(1, "east-hotline", world.now()), "test")
    monkeypatch.undo()
    assert len(world.book.history()) == 1
    assert StatementRow.objects.count() == 1


def test_rows_are_append_only(world):
    row = StatementRow.objects.get()
    with pytest.raises(StatementsAreAppendOnly):
        row.save()
    with pytest.raises(StatementsAreAppendOnly):
        row.delete()
    triggers.create(connection, TABLE, REFUSAL)
    try:
        for change in (
            lambda: StatementRow.objects.update(digest="0" * 64),
            lambda: StatementRow.objects.all()._raw_delete("default"),
        ):
            with pytest.raises(Exception, match=REFUSAL), transaction.atomic():
                change()
    finally:
        triggers.drop(connection, TABLE)
    assert StatementRow.objects.get().digest == row.digest


@pytest.mark.parametrize("change", ["digest", "data"])
def test_a_changed_row_is_noticed(world, change):
    world.entries(1)
    value = {"digest": "0" * 64, "data": submission(9, "east-hotline", world.now())}[change]
    StatementRow.objects.filter(position=2).update(**{change: value})
    with pytest.raises(HistoryChanged):
        fresh(world).history()


def test_every_record_is_a_leaf_in_order(world):
    world.entries(1)
    world.endorse()
    with logbook.reading(world.store) as log:
        assert log.size == len(world.book.history()) == 6
        leaves = [Leaf.parse(log.entry(index)) for index in range(log.size)]
    assert [leaf.kind for leaf in leaves] == ["statement"] * 3 + ["endorsement"] * 3
    assert [leaf.fields["position"] for leaf in leaves] == list(range(6))
    assert leaves[1].fields["commitment"] == commitment(1).hex()


def test_a_missing_leaf_is_appended_and_a_foreign_one_is_noticed(world):
    world.book.accept(submission(1, "east-hotline", world.now()), "test")
    with logbook.reading(world.store) as log:
        assert log.size == 1
    assert world.publish() == 2  # one leaf, one checkpoint
    assert world.publish() == 0
    with logbook.writing(world.store) as log:
        log.append([Leaf("audit", "", NOW).to_bytes()])
    with pytest.raises(HistoryChanged):
        logbook.catch_up(world.book)


def test_the_next_constitution_is_logged_too(world):
    world.entries(1)
    said = replace(world.constitution, number=2, previous=world.constitution.digest, answer_days=7)
    (done,) = world.hand_in(signed_constitution(said))
    assert world.book.history().constitution == said
    with logbook.reading(world.store) as log:
        assert Leaf.parse(log.entry(3)).fields["digest"] == said.digest.hex()
    assert AuditRow.objects.filter(action="constitution.accepted").count() == 2
    assert world.hand_in(signed_constitution(said))[0].repeated
    assert len(fresh(world).history()) == done.record.position + 1


def test_witnesses_vouch_before_anything_is_published(world):
    world.entries(1)
    world.down.add("safety")
    world.publish()
    with logbook.reading(world.store) as log:
        assert log.published() is None
    world.down.clear()
    assert world.publish(world.now()) == 0  # it waits before it asks again
    later = world.now() + timedelta(seconds=31)
    assert world.publish(later) == 1
    with logbook.reading(world.store) as log:
        proof, leaf = log.proof(2).to_bytes(), log.entry(2)
    found = verify_offline(proof, leaf, world.store.policy(), world.now())
    assert set(found.witnesses) == {"safety", "liberties"}


def test_cosignatures_are_renewed(world, monkeypatch):
    world.publish()
    assert world.publish(world.now() + timedelta(minutes=59)) == 0
    assert world.publish(world.now() + timedelta(minutes=61)) == 1


def test_disputes_are_bounded_for_each_account(world, monkeypatch):
    world.entries(*range(1, 4))
    monkeypatch.setattr(book, "MOST_DISPUTES", 2)
    world.hand_in(dispute(1, world.now()), dispute(2, world.now()))
    with pytest.raises(TooManyDisputes):
        world.hand_in(dispute(3, world.now()))
    world.book.accept(dispute(3, world.now()), "another")
    found = status.collect(world.book)
    assert (found["open_disputes"], found["overdue_disputes"]) == (3, 0)
    assert status.collect(world.book, world.now() + timedelta(days=15))["overdue_disputes"] == 3


def test_a_draft_says_what_changes(world):
    world.entries(1, 2)
    world.endorse()
    world.entries(3, 4, 5, 6, 7, 8, 9)
    from tutela.hashlist.governance import Withdrawal

    gone = Withdrawal(
        organisation="north-hotline", at=world.now(), commitment=commitment(1), reason="mistaken"
    )
    world.hand_in(sign(gone, SIGNERS["north-hotline"]))
    draft = drafts.draw(world.book, "test", 30)
    found = drafts.changes(world.book, draft, world.now())
    assert draft.number == 2
    assert found.withdrawn == (commitment(1),)
    assert set(found.added) == {commitment(n) for n in (3, 4, 5)}
    assert len(found.held_back) == 4  # one source may have four entries in this constitution
    (east,) = found.organisations
    assert (east.name, east.listed, east.added, east.withdrawn, east.held_back) == (
        "east-hotline",
        4,
        3,
        1,
        4,
    )
    (where,) = found.jurisdictions
    assert (where.name, where.added) == ("XE", 3)


def test_the_export_is_what_an_outsider_checks(world, tmp_path):
    with pytest.raises(errors.NotEndorsed):
        status.export(world.book, tmp_path / "out")
    world.entries(1)
    world.endorse()
    done = status.export(world.book, tmp_path / "out")
    files = {path.name: path.read_bytes() for path in (tmp_path / "out").iterdir()}
    assert sorted(files) == done["files"]
    signed = files.pop(status.ENDORSEMENTS_FILE)
    audit = verify_list(files, world.constitution.digest, world.now())
    assert (audit.number, audit.live) == (1, 1)
    assert len(json.loads(signed)["endorsements"]) == len(THREE)


def test_nothing_works_before_it_is_set_up(db):
    with pytest.raises(RegisterNotReady):
        book.of_this_server().history()
    from tutela.register import tasks

    assert tasks.run_due() == 0


def test_setting_up_again_keeps_everything_and_refuses_another(world):
    from tutela.register import setup

    world.entries(1)
    said = world.constitution
    again = setup.Answers(signed_constitution(said), said.digest, "register.example.org/log")
    before = world.store.policy_text()
    setup.set_up(world.store, again, "a passphrase for tests")
    assert world.store.policy_text() == before
    assert len(fresh(world).history()) == 3
    other = constitution(answer_days=9)
    with pytest.raises(RegisterNotReady):
        setup.set_up(
            world.store,
            setup.Answers(signed_constitution(other), other.digest, "register.example.org/log"),
            "a passphrase for tests",
        )
    with pytest.raises(errors.OtherConstitution):
        setup.set_up(world.store, replace(again, anchor=other.digest), "a passphrase for tests")


def test_there_is_advice_for_every_refusal():
    reasons_only = {
        errors.SingleSource, errors.OnlyRequested, errors.Withdrawn, errors.Removed, errors.DisputeOverdue,
        errors.HeldBack, errors.NotEndorsed, errors.NotAgreed, errors.OtherPublication,
    }  # fmt: skip
    refusals = {each for each in GovernanceError.__subclasses__() if each not in reasons_only}
    assert {each.code for each in refusals} == set(words.ADVICE)
