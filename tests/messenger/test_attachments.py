"""Attachments agree with nio's, and damaged descriptions are typed errors."""

from __future__ import annotations

import os
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutela.errors import TutelaError
from tutela.messenger import attachments
from tutela.messenger.attachments import FileKey
from tutela.messenger.errors import DamagedAttachment
from tutela.messenger.outgoing import Outgoing

JSON = st.recursive(
    st.none() | st.integers() | st.text(max_size=70) | st.binary(max_size=40).map(lambda b: b.hex()),
    lambda inner: st.dictionaries(st.sampled_from(["v", "url", "key", "k", "iv", "hashes", "sha256"]), inner),
    max_leaves=10,
)


@given(st.binary(max_size=3_000))
@settings(max_examples=30, deadline=None)
def test_agrees_with_nio_in_both_directions(data):
    nio = pytest.importorskip("nio.crypto.attachments")
    ciphertext, key = attachments.encrypt(data, os.urandom)
    said = key.to_dict("mxc://example.org/a")
    assert nio.decrypt_attachment(ciphertext, said["key"]["k"], said["hashes"]["sha256"], said["iv"]) == data
    assert FileKey.from_dict(said) == (key, "mxc://example.org/a")
    theirs, keys = nio.encrypt_attachment(data)
    assert attachments.decrypt(theirs, FileKey.from_dict({**keys, "url": "mxc://example.org/b"})[0]) == data


def test_another_ciphertext_is_refused():
    ciphertext, key = attachments.encrypt(b"contents", os.urandom)
    with pytest.raises(DamagedAttachment):
        attachments.decrypt(ciphertext + b"x", key)


def test_keys_do_not_repeat():
    assert len({attachments.encrypt(b"", os.urandom)[1].key for _ in range(50)}) == 50


@given(JSON)
@settings(max_examples=200, deadline=None)
def test_only_typed_errors_escape_the_description(data):
    with suppress(DamagedAttachment):
        FileKey.from_dict(data)


@given(st.binary(max_size=300) | st.text(max_size=200).map(lambda text: text.encode() + b"\nrest"))
@settings(max_examples=100, deadline=None)
def test_only_typed_errors_escape_a_held_file(data):
    with suppress(TutelaError):
        Outgoing.from_bytes(data)


@given(st.text(max_size=20), st.binary(max_size=100))
@settings(deadline=None)
def test_held_files_round_trip(name, data):
    ciphertext, key = attachments.encrypt(data, os.urandom)
    outgoing = Outgoing("!room:example.org", name, "text/plain", key, b"set", ciphertext)
    assert Outgoing.from_bytes(outgoing.to_bytes()) == outgoing
