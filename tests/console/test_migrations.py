"""Migrations of the console on both databases, forwards and backwards, and appends side by side."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.core.management import call_command

SCRIPT = """
import json, sys, threading
from tutela.console import bootstrap
bootstrap.configure("hub")
bootstrap.migrate()
bootstrap.migrate()  # a second start changes nothing
from django.contrib.auth.models import Group
from django.db import DatabaseError, connection, transaction
from tutela.console import accounts, audit
from tutela.console.models import AuditRow

accounts.add_user("operator/test", "kim", ["analyst"], "a long enough pass phrase")
accounts.issue_machine("operator/test", "esp", ["report.submit"])

def append(name):
    try:
        for number in range(10):
            with transaction.atomic():
                audit.record(f"system/{name}", "thing.done", f"thing/{number}", {"text": "ünï", "n": number})
    finally:
        connection.close()

threads = [threading.Thread(target=append, args=(name,)) for name in "abcd"]
[t.start() for t in threads]; [t.join() for t in threads]

def refused(statement):
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)
    except DatabaseError as error:
        return "append-only" in str(error)
    return False

statements = ["UPDATE console_auditrow SET actor = 'x'", "DELETE FROM console_auditrow"]
if connection.vendor == "postgresql":
    statements.append("TRUNCATE console_auditrow")
results = {
    "vendor": connection.vendor,
    "refused": [refused(each) for each in statements],
    "rows": audit.verify_chain().length,
    "groups": sorted(Group.objects.values_list("name", flat=True)),
}
from django.core.management import call_command
call_command("migrate", "console", "0001", verbosity=0)
results["open"] = refused(statements[0])
call_command("migrate", "console", verbosity=0)
results["closed"] = refused(statements[0])
print(json.dumps(results))
"""


def run(tmp_path, url):
    variables = {**os.environ, "TUTELA_DATA": str(tmp_path), "TUTELA_DATABASE_URL": url}
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT],
        check=False,
        env=variables,
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


EXPECTED = {"rows": 42, "groups": ["administrator", "analyst", "supervisor"], "open": False, "closed": True}


def test_sqlite(tmp_path):
    results = run(tmp_path, "")
    assert results == {**results, **EXPECTED, "vendor": "sqlite", "refused": [True, True]}


def test_postgresql(tmp_path, postgresql):
    results = run(tmp_path, postgresql)
    assert results == {**results, **EXPECTED, "vendor": "postgresql", "refused": [True, True, True]}


@pytest.mark.django_db
def test_models_and_migrations_agree():
    call_command("makemigrations", "console", check=True, dry_run=True, verbosity=0)


def test_unreachable_database_is_a_sentence_without_its_address(tmp_path):
    code = "from tutela.cli.main import run; run()"
    command = [sys.executable, "-c", code, "serve", "hub", "--port", "0", "--data", str(tmp_path)]
    command += ["--database", "postgres://name:canary@127.0.0.1:1/none"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert done.returncode == 3
    assert "database could not be brought up to date" in done.stderr
    assert "canary" not in done.stderr
    assert "Traceback" not in done.stderr
