"""Audit rows: chained, in the transaction of the act, and only ever added."""

from __future__ import annotations

import dataclasses

import pytest
from django.db import DatabaseError, connection, transaction

from tutela.audit import ChainBroken, Head, MalformedRecord, dump, verify
from tutela.audit import load as load_line
from tutela.console import audit, triggers
from tutela.console.models import AppendOnly, AuditRow

pytestmark = pytest.mark.django_db


def fill(count=3):
    return [
        audit.record("system/test", "thing.done", f"thing/{i}", {"n": i, "ok": True}) for i in range(count)
    ]


def test_rows_form_a_chain_that_verifies():
    assert audit.verify_chain() == Head(0, bytes(32))
    rows = fill()
    head = audit.verify_chain()
    assert (head.length, head.digest.hex()) == (3, rows[-1].digest)
    assert audit.verify_chain(head=head) == head
    assert verify([load_line(dump(each)) for each in audit.records()]) == head


@pytest.mark.parametrize(
    "change",
    [
        {"actor": "system/other"},
        {"detail": {"n": 9}},
        {"at": "2020-01-01T00:00:00Z"},
        {"previous": "00" * 32},
    ],
)
def test_changed_row_breaks_the_chain_at_its_place(change):
    fill()
    assignments = AuditRow.objects.filter(sequence=1)
    super(type(assignments), assignments).update(**change)  # past the model's guard
    with pytest.raises(ChainBroken) as found:
        audit.verify_chain()
    assert found.value.place == 1


def test_removed_row_breaks_the_chain_and_a_cut_end_shows_against_a_noted_head():
    fill()
    head = audit.verify_chain()
    last = AuditRow.objects.filter(sequence=2)
    last._raw_delete(last.db)
    assert audit.verify_chain().length == 2
    with pytest.raises(ChainBroken):
        audit.verify_chain(head=head)
    first = AuditRow.objects.filter(sequence=0)
    first._raw_delete(first.db)
    with pytest.raises(ChainBroken):
        audit.verify_chain()


def test_model_refuses_change_and_removal():
    row = fill(1)[0]
    row.actor = "somebody"
    acts = [
        row.save,
        row.delete,
        AuditRow.objects.all().delete,
        lambda: AuditRow.objects.update(actor="x"),
        lambda: AuditRow.objects.bulk_update([row], ["actor"]),
    ]
    for act in acts:
        with pytest.raises(AppendOnly):
            act()
    assert AuditRow.objects.get().actor == "system/test"


@pytest.mark.parametrize(
    "statement", ["UPDATE console_auditrow SET actor = 'x'", "DELETE FROM console_auditrow"]
)
def test_database_refuses_change_and_removal(statement):
    triggers.create(connection)  # undone with the test's transaction
    fill(2)
    with (
        pytest.raises(DatabaseError, match="append-only"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)
    assert audit.verify_chain().length == 2


def test_unstorable_detail_fails_the_act():
    with pytest.raises(MalformedRecord), transaction.atomic():
        audit.record("system/test", "thing.done", "thing/1", {"ratio": 0.5})
    assert audit.verify_chain().length == 0


@pytest.mark.django_db(transaction=True)
def test_row_needs_a_transaction_and_falls_with_it(django_user_model):
    with pytest.raises(audit.OutsideTransaction):
        audit.record("system/test", "thing.done", "thing/1")

    class Stop(Exception):
        pass

    def act():
        with transaction.atomic():
            django_user_model.objects.create_user("kim")
            audit.record("system/test", "user.added", "user/kim")
            raise Stop

    with pytest.raises(Stop):
        act()
    assert (AuditRow.objects.count(), django_user_model.objects.count()) == (0, 0)


def test_failed_audit_undoes_the_act(monkeypatch, django_user_model):
    from tutela.console import accounts

    def broken(*args, **kwargs):
        raise DatabaseError

    monkeypatch.setattr(audit, "record", broken)
    with pytest.raises(DatabaseError):
        _add(accounts)
    assert not django_user_model.objects.filter(username="kim").exists()


def _add(accounts):
    from django.test import override_settings

    with override_settings(TUTELA_ROLE="hub"):
        accounts.add_user("operator/test", "kim", ["analyst"], "a long enough pass phrase")


def test_actor_names(person, rf, machine_token):
    from tutela.console.models import MachineAccount

    machine_token("intake.write", name="homeserver")
    account = MachineAccount.objects.get()
    robin = person("reviewer", name="robin")
    assert audit.actor_name(robin) == "user/robin"
    assert audit.actor_name(account) == "machine/homeserver"
    request = rf.get("/")
    assert audit.actor_name(request) == "anonymous"
    request.user = robin
    assert audit.actor_name(request) == "user/robin"
    request.machine = account
    assert audit.actor_name(request) == "machine/homeserver"


def test_row_and_record_are_the_same_facts():
    row = fill(1)[0]
    row.refresh_from_db()
    again = AuditRow.from_record(row.to_record())
    assert again.to_record() == row.to_record()
    assert {f.name for f in dataclasses.fields(row.to_record())} == {f.name for f in AuditRow._meta.fields}
