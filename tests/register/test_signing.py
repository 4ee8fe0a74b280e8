"""Signing away from the register: what is understood is signed, and nothing else; the key leaves no trace."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.register.conftest import PASSPHRASE, SIGNERS, THREE, constitution, submission

from tutela.errors import TutelaError
from tutela.hashlist import strict_json
from tutela.hashlist.governance import read_constitution, verify
from tutela.register.errors import NotToSign
from tutela.register.signing import sign_document
from tutela.sealed import keyfile


def unsigned(file: bytes) -> bytes:
    return strict_json.canonical(strict_json.read(file)["signed"])


@pytest.fixture
def statement() -> bytes:
    said = constitution()
    return unsigned(submission(1, "east-hotline", said.valid_from))


def test_a_statement_is_signed(statement):
    said = constitution()
    done = sign_document(statement, SIGNERS["east-hotline"])
    found = verify(done.data, said.directory)
    assert (found.organisation.id, found.statement.digest.hex()) == ("east-hotline", done.digest)


def test_a_constitution_is_signed_in_turn():
    said = constitution()
    data = strict_json.canonical(said.to_dict())
    for name in THREE:
        done = sign_document(data, SIGNERS[name])
        data = done.data
    assert read_constitution(data, bytes.fromhex(done.digest)) == said
    with pytest.raises(NotToSign, match="already"):
        sign_document(data, SIGNERS[THREE[0]])


def test_what_is_not_understood_is_not_signed(statement):
    said = json.loads(statement)
    signed = sign_document(statement, SIGNERS["east-hotline"]).data
    for bad in (
        b"", b"[]", b"{}", b"\xff", signed, json.dumps({**said, "type": "other"}).encode(),
        json.dumps({**said, "extra": 1}).encode(), json.dumps({**said, "at": "now"}).encode(),
        strict_json.canonical({**constitution().to_dict(), "quorum": 1}),
        strict_json.canonical({"signed": constitution().to_dict(), "signatures": 7}),
    ):  # fmt: skip
        with pytest.raises(NotToSign):
            sign_document(bad, SIGNERS["east-hotline"])


@given(
    st.binary(max_size=300)
    | st.recursive(
        st.none() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    ).map(lambda found: json.dumps(found).encode())
)
def test_only_typed_errors_escape(data):
    with pytest.raises(TutelaError):
        sign_document(data, SIGNERS["east-hotline"])


@pytest.mark.e2e
def test_the_command_needs_neither_server_nor_django(statement, tmp_path):
    """The key is opened where it lies: the program that signs can neither connect nor import a server."""
    keyfile.save(tmp_path / "east.key", SIGNERS["east-hotline"].private, PASSPHRASE, cost=12)
    (tmp_path / "statement.json").write_bytes(statement)
    program = (
        "import socket, sys; socket.socket.connect = None; sys.modules.update(django=None, httpx=None, granian=None);"
        "from tutela.cli.main import run; run()"
    )
    words = [
        "register",
        "sign",
        str(tmp_path / "statement.json"),
        "--key",
        str(tmp_path / "east.key"),
        "--json",
    ]
    environment = {
        "PATH": "/usr/bin:/bin",
        "PYTHONPATH": ":".join(sys.path),
        "TUTELA_KEY_PASSPHRASE": PASSPHRASE,
    }
    done = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True, text=True, check=False, env=environment, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout)
    assert said["signed"]["organisation"] == "east-hotline"
    assert verify((tmp_path / "statement.json.signed").read_bytes(), constitution().directory)
    wrong = subprocess.run(
        [sys.executable, "-c", program, *words],
        capture_output=True, text=True, check=False, env={**environment, "TUTELA_KEY_PASSPHRASE": "x"}, timeout=60,
    )  # fmt: skip
    assert wrong.returncode != 0
    assert json.loads(wrong.stdout)["error"]["code"].startswith("sealed.")


def test_a_changed_number_is_another_statement(statement):
    """The digest that is shown is that of what is signed."""
    first = sign_document(statement, SIGNERS["east-hotline"])
    other = replace(verify(first.data, constitution().directory).statement, evidence=b"\1" * 32)
    assert (
        sign_document(strict_json.canonical(other.to_dict()), SIGNERS["east-hotline"]).digest != first.digest
    )
