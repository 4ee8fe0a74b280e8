"""The two servers: over WSGI here, and as real processes that are killed."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server
from wsgiref.validate import validator

import pytest

from tutela.tlog import Policy, SignedCheckpoint, cosignature, tree, verify_offline
from tutela.tlog.client import LogReader, UrlSource, collect, request
from tutela.tlog.errors import Absent, Malformed, NoQuorum, Unreachable
from tutela.tlog.note import Signature
from tutela.tlog.serving import log_app, witness_app
from tutela.tlog.tree import Tree
from tutela.tlog.witness import MAX_BODY_BYTES, AddCheckpoint
from tutela.tlog.witness_store import WitnessStore

from .conftest import LOG, MOMENT, ORIGIN, World, make_witness, signed_by, witness_signer

ROOT = Path(__file__).parents[2]


def call(
    app: Any, method: str, path: str, body: bytes = b"", **more: str
) -> tuple[int, dict[str, str], bytes]:
    seen: list[Any] = []
    environ = {
        "REQUEST_METHOD": method, "PATH_INFO": path, "SCRIPT_NAME": "", "QUERY_STRING": "", "SERVER_NAME": "x", "SERVER_PORT": "1",
        "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body), "wsgi.errors": io.StringIO(),
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.multithread": True, "wsgi.multiprocess": False, "wsgi.run_once": False,
        **more,
    }  # fmt: skip
    answer = validator(app)(environ, lambda status, headers, _info=None: seen.append((status, dict(headers))))
    data = b"".join(answer)
    answer.close()
    return int(seen[0][0][:3]), seen[0][1], data


def test_a_log_serves_its_published_files_only(world: World) -> None:
    signed = world.add(*(b"entry %d" % index for index in range(300)))
    app = log_app(world.folder)
    status, headers, data = call(app, "GET", "/checkpoint")
    assert (status, data) == (200, signed.to_bytes())
    assert "immutable" not in headers["Cache-Control"]
    status, headers, data = call(app, "GET", "/tile/0/000")
    assert (status, len(data)) == (200, 8192)
    assert "immutable" in headers["Cache-Control"]
    assert call(app, "HEAD", "/tile/0/000")[2] == b""
    for path in (
        "/head",
        "/.lock",
        "/",
        "/tile/0/../../head",
        "/tile/0/009",
        "//etc/passwd",
        "/tile/0/001",
        "/x",
    ):
        assert call(app, "GET", path)[0] == 404, path
    assert call(app, "POST", "/checkpoint")[0] == 405
    assert call(app, "GET", "/healthz")[0] == 200


def test_a_witness_answers_over_http() -> None:
    app = witness_app(make_witness("a"))
    body = AddCheckpoint(0, (), signed_by(Tree([b"x" * 32]))).to_bytes()
    status, headers, data = call(app, "POST", "/add-checkpoint", body)
    assert status == 200
    assert Signature.parse(data.decode()[:-1]).name == "example.org/a"
    status, headers, data = call(app, "POST", "/w1/add-checkpoint", body)
    assert (status, headers["Content-Type"], data) == (409, "text/x.tlog.size", b"1\n")
    assert call(app, "GET", "/add-checkpoint")[0] == 405
    assert call(app, "POST", "/other", body)[0] == 404
    assert call(app, "POST", "/add-checkpoint", b"", CONTENT_LENGTH="")[0] == 411
    for size in (str(MAX_BODY_BYTES + 1), "9" * 30):
        assert call(app, "POST", "/add-checkpoint", b"", CONTENT_LENGTH=size)[0] == 413


def test_a_store_that_fails_is_an_error_500(tmp_path: Path) -> None:
    from tutela.tlog.witness import Witness

    store = WitnessStore(tmp_path / "seen.sqlite3")
    witness = Witness(witness_signer("a"), {ORIGIN: (LOG.key,)}, store, lambda: 1)
    store.close()
    body = AddCheckpoint(0, (), signed_by(Tree([b"x" * 32]))).to_bytes()
    assert call(witness_app(witness), "POST", "/add-checkpoint", body)[0] == 500


class Quiet(WSGIRequestHandler):
    def log_message(self, _format: str, *args: object) -> None:
        """Say nothing."""


@contextmanager
def served(app: Callable[..., Any]) -> Iterator[str]:
    server = make_server("127.0.0.1", 0, app, handler_class=Quiet)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_a_log_and_a_witness_over_the_network(world: World) -> None:
    with served(witness_app(make_witness("a"))) as witness, served(log_app(world.folder)) as url:
        lines = f"log {LOG.key} {url}\nwitness a {witness_signer('a').key} {witness}\nquorum a\n"
        policy = Policy.parse(lines.encode())
        for _ in range(2):
            world.log.append([b"one", b"two"])
            world.log.publish(collect(world.log, policy))
        reader = LogReader(UrlSource(url), policy.log_keys())
        signed = reader.checkpoint()
        assert reader.entries(signed) == [b"one", b"two"] * 2
        verify_offline(reader.proof(3, signed).to_bytes(), b"two", policy, MOMENT, max_age=MOMENT - MOMENT)
        with pytest.raises(Absent):
            reader.source.read("tile/0/099", 9)
        with pytest.raises(Unreachable):
            reader.source.read("checkpoint", 9)


def test_what_cannot_be_reached_is_named(world: World) -> None:
    for url in (
        "file:///etc/hosts",
        "http://",
        "x",
        "http://127.0.0.1:1",
        "http://[",
        "http://127.0.0.1:99999",
    ):
        with pytest.raises(Unreachable):
            request("GET", url, b"", 9, 1.0)
    world.log.append([b"x"])
    with pytest.raises(NoQuorum):
        collect(world.log, world.policy)


SERVER = """
import os, sys
from pathlib import Path
from wsgiref.simple_server import make_server
from tests.tlog.conftest import LOG, ORIGIN, witness_signer
from tutela.tlog.serving import witness_app
from tutela.tlog.witness import Witness
from tutela.tlog.witness_store import WitnessStore
store = WitnessStore(Path(sys.argv[1]))
if sys.argv[2] == "die":
    real = store.advance
    def advance(origin, decide):
        real(origin, decide)
        os.kill(os.getpid(), 9)
    store.advance = advance
server = make_server("127.0.0.1", 0, witness_app(Witness(witness_signer("a"), {ORIGIN: (LOG.key,)}, store, lambda: 5)))
print(server.server_port, flush=True)
server.serve_forever()
"""


@contextmanager
def witness_process(store: Path, how: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    process = subprocess.Popen(
        [sys.executable, "-c", SERVER, str(store), how],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield process, f"http://127.0.0.1:{int(process.stdout.readline())}/add-checkpoint"
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_a_witness_killed_between_storing_and_answering_never_goes_back(tmp_path: Path) -> None:
    made, other = Tree(), Tree()
    for index in range(9):
        made.append(b"%d" % index)
        other.append(b"%d" % (index if index < 4 else -index))
    store = tmp_path / "seen.sqlite3"

    def send(url: str, of: Tree, old: int, new: int) -> Any:
        return request(
            "POST",
            url,
            AddCheckpoint(old, of.consistency_proof(old, new), signed_by(of, size=new)).to_bytes(),
            9999,
            10,
        )

    with witness_process(store, "live") as (_, url):
        assert send(url, made, 0, 4).status == 200
    with witness_process(store, "die") as (process, url):
        with pytest.raises(Unreachable):
            send(url, made, 4, 9)
        assert process.wait(10) == -signal.SIGKILL
    with witness_process(store, "live") as (_, url):
        assert send(url, other, 4, 9).body == b"9\n"  # what was stored binds it, though nobody got its answer
        assert send(url, other, 9, 9).status == 422
        answer = send(url, made, 4, 9)
        assert (answer.status, answer.body) == (409, b"9\n")
        again = send(url, made, 9, 9)
        assert again.status == 200
        line = Signature.parse(again.body.decode()[:-1])
        assert cosignature.verify(signed_by(made).note.text, line, witness_signer("a").key) == 5


@pytest.mark.e2e
def test_the_commands_from_founding_to_verifying(tmp_path: Path) -> None:
    environment = {**os.environ, "TUTELA_KEY_PASSPHRASE": "an example", "PYTHONPATH": str(ROOT / "src")}

    def tutela(*words: object, code: int = 0) -> dict[str, Any]:
        command = [sys.executable, "-m", "tutela.cli.main", *map(str, words), "--json"]
        run = subprocess.run(
            command, capture_output=True, text=True, env=environment, check=False, timeout=60, cwd=tmp_path
        )
        assert run.returncode == code, run.stdout + run.stderr
        return dict(json.loads(run.stdout))

    @contextmanager
    def serving(*words: object) -> Iterator[str]:
        command = [sys.executable, "-m", "tutela.cli.main", *map(str, words), "--port", "0", "--json"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, env=environment, cwd=tmp_path, text=True)
        assert process.stdout is not None
        try:
            yield str(json.loads(process.stdout.readline())["url"])
        finally:
            process.terminate()
            process.wait(20)
            process.stdout.close()

    log_key = tutela("log", "init", "log", "--origin", ORIGIN, "--key-out", "log.key")["vkey"]
    key = tutela("witness", "init", "w", "--name", "example.org/w", "--log", log_key)["vkey"]
    with serving("witness", "serve", "w") as witness, serving("log", "serve", "log") as url:
        (tmp_path / "policy").write_text(f"log {log_key} {url}\nwitness w {key} {witness}\nquorum w\n")
        append = (
            "log",
            "append",
            "log",
            "--signing-key",
            "log.key",
            "--policy",
            "policy",
            "--kind",
            "statement",
        )
        (tmp_path / "artefact").write_bytes(b"an artefact")
        tutela(*append, "--artefact", "artefact", "--field", "title=first")
        tutela("log", "proof", url, 0, "--policy", "policy", "--out", "0.tlog-proof")
        verify = ("log", "verify", "0.tlog-proof", "0.leaf", "--policy", "policy")
        assert list(tutela(*verify, "--keep", "seen")["witnesses"]) == ["w"]
        tutela(*append, "--field", "title=second")
        tutela("log", "proof", "log", 0, "--policy", "policy", "--out", "0.tlog-proof")
        refused = tutela(*verify, "--previous", "seen", code=1)
        assert refused["error"]["code"] == "tlog.consistency-missing"
        tutela(*verify, "--previous", "seen", "--log", url, "--keep", "seen")
        shown = tutela("log", "show", url, "--policy", "policy")
        assert [leaf["fields"]["title"] for leaf in shown["leaves"]] == ["first", "second"]
        assert tutela("witness", "status", "w")["logs"][0]["size"] == 2
        assert tutela(*append, "--artefact", "none", code=2)["error"]["code"] == "usage"
        assert tutela("log", "show", url, "--policy", "none", code=2)["error"]["code"] == "usage"
        assert tutela(*append, "--at-least", "0.leaf", code=4)["error"]["code"].startswith("tlog.")
    (tmp_path / "0.leaf").write_bytes(b"another leaf")
    assert tutela(*verify, code=1)["error"]["code"] == "tlog.inclusion"
    forged = Tree([tree.leaf_hash(b"a"), tree.leaf_hash(b"b")])
    with pytest.raises(Malformed):
        SignedCheckpoint.parse(forged.root())
