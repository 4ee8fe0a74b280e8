"""`tutela serve` and `tutela user` as real processes: start, answer, stop, and leave nobody behind."""

from __future__ import annotations

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest

TUTELA = [sys.executable, "-c", "from tutela.cli.main import run; run()"]

pytestmark = pytest.mark.e2e


def environment(data):
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("TUTELA_", "DJANGO_"))}
    return {**kept, "TUTELA_DATA": str(data)}


def start(data, *arguments, role="hub"):
    command = [*TUTELA, "serve", role, "--port", "0", "--json", *arguments]
    process = subprocess.Popen(
        command, env=environment(data), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    line = process.stdout.readline()
    assert line, process.stderr.read()
    return process, json.loads(line)


def command(data, *arguments, stdin=""):
    call = [*TUTELA, *arguments]
    return subprocess.run(
        call, check=False, env=environment(data), input=stdin, capture_output=True, text=True, timeout=60
    )


def family(data):
    """Return the ids of all living processes that were started for this data folder."""
    needle = f"TUTELA_DATA={data}".encode()
    return {int(folder.name) for folder in Path("/proc").glob("[0-9]*") if _lives_with(folder, needle)}


def _lives_with(folder, variable):
    try:
        state = (folder / "stat").read_bytes().rpartition(b")")[2].split()[0]
        return state != b"Z" and variable in (folder / "environ").read_bytes().split(b"\0")
    except OSError:  # it ended while we looked
        return False


@pytest.fixture(scope="module")
def empty_hub(tmp_path_factory):
    """Make a data folder whose databases are migrated once."""
    folder = tmp_path_factory.mktemp("empty")
    code = "from tutela.console import bootstrap; bootstrap.configure('hub'); bootstrap.migrate()"
    subprocess.run([sys.executable, "-c", code], env=environment(folder), check=True, timeout=60)
    (folder / "provider").mkdir()  # now the folder does not tell which console is meant
    return folder


def gone(data, seconds=15):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and family(data):
        time.sleep(0.1)
    return not family(data)


def get(url, **headers):
    try:
        with urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=10) as answer:
            return answer.status, answer.read(), answer.headers
    except urllib.error.HTTPError as error:
        return error.code, error.read(), error.headers


def test_starts_answers_and_stops_cleanly(tmp_path):
    process, ready = start(tmp_path)
    try:
        assert (ready["role"], ready["pid"]) == ("hub", process.pid)
        assert get(ready["url"] + "/healthz")[:2] == (200, b'{"state": "ok", "role": "hub"}')
        status, body, headers = get(ready["url"] + "/sign-in")
        assert status == 200
        assert b"Sign in to" in body
        assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
        assert get(ready["url"] + "/static/console/console.js")[0] == 200
        assert get(ready["url"] + "/healthz", Host="evil.example.org")[0] == 400
        assert len(family(tmp_path)) >= 3
        assert (tmp_path / "hub.sqlite3").stat().st_mode & 0o077 == 0
    finally:
        process.send_signal(signal.SIGTERM)
    assert process.wait(20) == 0
    assert process.stdout.read() == ""
    assert "Traceback" not in process.stderr.read()
    assert gone(tmp_path)


def test_kill_leaves_no_children(tmp_path):
    process, _ = start(tmp_path, role="provider")
    assert len(family(tmp_path)) >= 3
    process.kill()
    process.wait()
    assert gone(tmp_path)


def test_dead_worker_is_started_again(tmp_path):
    process, _ = start(tmp_path)

    def workers():
        return {
            pid
            for pid in family(tmp_path)
            if b"tutela.console.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()
        }

    try:
        (first,) = workers()
        os.kill(first, signal.SIGKILL)
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline and (not workers() or first in workers()):
            time.sleep(0.1)
        assert len(workers() - {first}) == 1
    finally:
        process.terminate()
        process.wait(20)


def test_taken_port_is_a_sentence(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        done = command(tmp_path, "serve", "hub", "--port", str(port))
    assert done.returncode == 3
    assert f"Port {port} on 127.0.0.1 cannot be used" in done.stderr
    assert "Traceback" not in done.stderr
    process, ready = start(tmp_path)  # another of ours counts as well, SO_REUSEPORT or not
    try:
        port = ready["url"].rpartition(":")[2]
        done = command(tmp_path / "second", "serve", "provider", "--port", port, "--json")
        assert json.loads(done.stdout)["error"]["code"] == "console.port-taken"
    finally:
        process.terminate()
        process.wait(20)


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve", "nobody"),
        ("serve", "hub", "--port", "70000"),
        ("serve", "hub", "--port", "0", "--database", "oracle9i://name:canary@there/x"),
        ("serve", "hub", "--port", "0", "--data", "/dev/null/folder"),
    ],
)
def test_wrong_arguments_are_sentences(tmp_path, arguments):
    done = command(tmp_path, *arguments)
    assert done.returncode in {2, 3}
    assert done.stderr
    assert "canary" not in done.stderr
    assert "Traceback" not in done.stderr


def test_people_and_machines_made_by_the_command_can_come_in(tmp_path):
    done = command(tmp_path, "user", "machine", "esp", "--permission", "report.submit", "--json")
    token = json.loads(done.stdout)["token"]
    phrase = "a long enough pass phrase"
    done = command(
        tmp_path, "user", "add", "kim", "--role", "analyst", "--password-stdin", stdin=phrase + "\n"
    )
    assert done.returncode == 0, done.stderr
    again = command(
        tmp_path, "user", "add", "kim", "--role", "analyst", "--password-stdin", stdin=phrase + "\n"
    )
    assert (again.returncode, "There is an account of that name" in again.stderr) == (2, True)
    code = (
        "from tutela.console import bootstrap; bootstrap.configure('hub')\n"
        "from django.contrib.auth import authenticate; from django.test import RequestFactory\n"
        "from tutela.console import machines, audit\n"
        "import sys; header, phrase = sys.argv[1:]\n"
        "print(machines.authenticate(header, 'report.submit').name,\n"
        "      authenticate(RequestFactory().post('/'), username='kim', password=phrase).roles, audit.verify_chain().length)"
    )
    header = "Basic " + base64.b64encode(f"esp:{token}".encode()).decode()
    done = subprocess.run(
        [sys.executable, "-c", code, header, phrase],
        check=False,
        env=environment(tmp_path),
        capture_output=True,
        text=True,
    )
    assert done.stdout.strip() == "esp frozenset({'analyst'}) 2", done.stderr
    assert token.encode() not in (tmp_path / "hub.sqlite3").read_bytes()


@pytest.mark.parametrize(
    ("arguments", "stdin", "sentence"),
    [
        (("add", "kim", "--role", "analyst", "--password-stdin"), "short\n", "too short"),
        (
            ("add", "kim sam", "--role", "analyst", "--password-stdin"),
            "a long enough pass phrase\n",
            "valid username",
        ),
        (
            ("add", "kim", "--role", "king", "--password-stdin"),
            "a long enough pass phrase\n",
            "which console",
        ),
        (("add", "kim", "--role", "king", "--console", "hub", "--password-stdin"), "x\n", "No such role"),
        (("add", "kim", "--role", "supervisor", "--password-stdin"), "x\n", "which console"),
        (
            ("machine", "m", "--permission", "case.review", "--console", "hub"),
            "",
            "No such machine permission",
        ),
        (("disable", "kim", "--console", "hub"), "", "no account of that name"),
        (("password", "kim", "--console", "hub", "--password-stdin"), "x\n", "no account of that name"),
    ],
)
def test_refused_accounts_are_sentences(empty_hub, arguments, stdin, sentence):
    done = command(empty_hub, "user", *arguments, stdin=stdin)
    assert done.returncode == 2, done.stdout
    assert sentence in done.stderr
    assert "Traceback" not in done.stderr
