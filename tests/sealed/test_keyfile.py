from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutela.errors import TutelaError
from tutela.sealed import (
    KeyFileExists,
    KeyFileMissing,
    PassphraseMissing,
    SealedError,
    WrongPassphrase,
    keyfile,
)

QUICK = 12


@settings(max_examples=20, deadline=None)
@given(st.binary(max_size=200), st.text(st.characters(codec="utf-8"), min_size=1, max_size=40))
def test_round_trip(secret: bytes, passphrase: str) -> None:
    assert keyfile.unseal(keyfile.seal(secret, passphrase, cost=QUICK), passphrase) == secret


def test_saved_privately_and_loaded(tmp_path: Path) -> None:
    path = tmp_path / "table.key"
    keyfile.save(path, b"s" * 32, "correct horse", cost=QUICK)
    assert path.stat().st_mode & 0o777 == 0o600
    assert keyfile.load(path, "correct horse") == b"s" * 32
    assert [p.name for p in tmp_path.iterdir()] == ["table.key"]


def test_wrong_passphrase(tmp_path: Path) -> None:
    path = tmp_path / "k"
    keyfile.save(path, b"secret", "right", cost=QUICK)
    with pytest.raises(WrongPassphrase):
        keyfile.load(path, "wrong")


def test_a_key_is_not_overwritten_silently(tmp_path: Path) -> None:
    path = tmp_path / "k"
    keyfile.save(path, b"first", "p", cost=QUICK)
    with pytest.raises(KeyFileExists):
        keyfile.save(path, b"second", "p", cost=QUICK)
    assert keyfile.load(path, "p") == b"first"
    keyfile.save(path, b"second", "p", cost=QUICK, overwrite=True)
    assert keyfile.load(path, "p") == b"second"


def test_each_flipped_byte_is_refused() -> None:
    sealed = keyfile.seal(b"secret", "p", cost=QUICK)
    for index in range(len(sealed)):
        changed = bytearray(sealed)
        # A higher cost is refused as wrong, too, but only after paying it: flip its top bit instead.
        changed[index] ^= 0x80 if index == 8 else 1
        with pytest.raises(SealedError):
            keyfile.unseal(bytes(changed), "p")


@given(st.binary(max_size=300))
def test_only_our_errors_escape(noise: bytes) -> None:
    with pytest.raises(TutelaError):
        keyfile.unseal(noise, "p")
    with pytest.raises(TutelaError):
        keyfile.unseal(keyfile.MAGIC + bytes((60, 8, 1, 0)) + noise, "p")


def test_bad_arguments(tmp_path: Path) -> None:
    with pytest.raises(SealedError):
        keyfile.seal(bytes(keyfile.MAX_SECRET_BYTES + 1), "p")
    with pytest.raises(SealedError):
        keyfile.seal(b"", "p", cost=40)
    with pytest.raises(PassphraseMissing):
        keyfile.seal(b"", "")
    with pytest.raises(PassphraseMissing):
        keyfile.seal(b"", "\ud800")
    with pytest.raises(KeyFileMissing):
        keyfile.load(tmp_path / "absent", "p")
    with pytest.raises(KeyFileMissing):
        keyfile.save(tmp_path / "no" / "folder", b"", "p", cost=QUICK)


def test_passphrase_sources(tmp_path: Path) -> None:
    file = tmp_path / "passphrase"
    file.write_text("from a file\r\nsecond line\n")
    read = keyfile.passphrase_from_environment
    assert read({"TUTELA_KEY_PASSPHRASE": "direct"}) == "direct"
    assert read({"TUTELA_KEY_PASSPHRASE_FILE": str(file)}) == "from a file"
    for environ in (
        {},
        {"TUTELA_KEY_PASSPHRASE": "a", "TUTELA_KEY_PASSPHRASE_FILE": str(file)},
        {"TUTELA_KEY_PASSPHRASE_FILE": str(tmp_path / "absent")},
    ):
        with pytest.raises(PassphraseMissing):
            read(environ)
    file.write_text("\n")
    with pytest.raises(PassphraseMissing):
        read({"TUTELA_KEY_PASSPHRASE_FILE": str(file)})


def test_a_destroyed_key_file_is_overwritten_and_gone(tmp_path: Path) -> None:
    path, other_name = tmp_path / "a.key", tmp_path / "other"
    keyfile.save(path, b"secret", "passphrase", cost=12)
    before = path.read_bytes()
    other_name.hardlink_to(path)
    keyfile.destroy(path)
    assert not path.exists()
    after = other_name.read_bytes()
    assert len(after) == len(before)
    assert after != before
    with pytest.raises(keyfile.KeyFileMissing):
        keyfile.destroy(path)
