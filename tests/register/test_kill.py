"""The real server ends by SIGKILL at each named point, and is started again: nothing lost, nothing doubled."""

from __future__ import annotations

import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from tests.register.conftest import submission
from tests.register.real_register import COMMAND, RealRegister, until

from tutela.register.crashpoints import POINTS, VARIABLE
from tutela.tlog import Leaf, Policy
from tutela.tlog.log import Log

pytestmark = pytest.mark.e2e


@pytest.fixture
def register(tmp_path):
    made = RealRegister(tmp_path)
    yield made
    made.close()


def leaves(register: RealRegister) -> list[int]:
    policy = Policy.parse((register.data / "register" / "policy").read_bytes())
    with Log.read(register.data / "log", policy.log_keys()) as log:
        log.check()
        return [Leaf.parse(log.entry(index)).fields["position"] for index in range(log.size)]


def hand_in_until_killed(register: RealRegister, point: str, data: bytes) -> None:
    """Hand a statement in on the register's machine; the process ends by SIGKILL at the point."""
    path = register.folder / "statement.signed"
    path.write_bytes(data)
    done = subprocess.run(
        [*COMMAND, "register", "hand-in", str(path), "--data", str(register.data)],
        env=register.environment(**{VARIABLE: point}), capture_output=True, check=False, timeout=120,
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr


@pytest.mark.parametrize(
    ("point", "rows", "logged"),
    [("before-commit", 1, 1), ("after-commit-before-leaf", 2, 1), ("after-leaf-before-answer", 2, 2)],
)
def test_killed_while_a_statement_is_taken_in(point, rows, logged, register):
    file = submission(1, "east-hotline", datetime.now(UTC).replace(microsecond=0))
    hand_in_until_killed(register, point, file)
    assert register.query("SELECT count(*) FROM register_statementrow") == [(rows,)]
    assert leaves(register) == list(range(logged))
    register.start()
    until(lambda: leaves(register) == list(range(rows)), "the leaf that the crash left out")
    check_complete(register, file, 200 if rows == 2 else 201)


def test_killed_while_it_publishes(register, tmp_path):
    marker = tmp_path / "reached"
    register.start(**{VARIABLE: f"before-publish:{marker}"})
    until(marker.exists, "the worker, which dies of it")
    register.kill()
    assert not (register.data / "log" / "checkpoint").exists()
    register.start()
    file = submission(1, "east-hotline", datetime.now(UTC).replace(microsecond=0))
    check_complete(register, file, 201)


def check_complete(register: RealRegister, file: bytes, status: int) -> None:
    """Hand in as an organisation that had no answer does: one row, one leaf, one audit row; all published."""
    answer = register.send(file)
    assert (answer.status_code, answer.json()["position"]) == (status, 1)
    assert leaves(register) == [0, 1]
    assert register.query("SELECT count(*) FROM console_auditrow WHERE action = 'statement.accepted'") == [
        (1,)
    ]
    until(lambda: published(register) == "2", "the checkpoint")
    found = register.status()
    assert (found["records"], found["log"]["size"], found["log"]["published"]) == (2, 2, 2)
    assert list(found["log"]["witnesses"]) == ["safety"]
    assert register.call("register", "verify-audit")["ok"]


def published(register: RealRegister) -> str:
    return httpx.get(f"{register.url}/log/checkpoint").text.split("\n")[1]


def test_the_same_on_postgresql(tmp_path, postgresql):
    import psycopg

    register = RealRegister(tmp_path, postgresql)
    try:
        register.start()
        files = [submission(n, "east-hotline", datetime.now(UTC).replace(microsecond=0)) for n in range(8)]
        with ThreadPoolExecutor(8) as threads:  # every one twice, all at once
            answers = list(threads.map(register.send, files * 2))
        assert sorted(answer.status_code for answer in answers) == [200] * 8 + [201] * 8
        assert leaves(register) == list(range(9))
        with psycopg.connect(postgresql) as connection:
            for change in ("UPDATE {} SET digest = ''", "DELETE FROM {}", "TRUNCATE {}"):
                with (
                    pytest.raises(psycopg.errors.RaiseException, match="append-only"),
                    connection.transaction(),
                ):
                    connection.execute(change.format("register_statementrow"))
        assert register.status()["records"] == 9
    finally:
        register.close()


def test_every_point_has_its_test():
    source = Path(__file__).read_text()
    assert all(source.count(f'"{point}') == 1 for point in POINTS)
