from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from tutela.oprf import edwards, group, sodium

# RFC 9496, appendix A.1 (multiples of the generator) and A.2 (encodings that must be refused)
MULTIPLES = [
    "e2f2ae0a6abc4e71a884a961c500515f58e30b6aa582dd8db6a65945e08d2d76",
    "6a493210f7499cd17fecb510ae0cea23a110e8d5b901f8acadd3095c73a3b919",
    "94741f5d5d52755ece4f23f044ee27d5d1ea1e2bd196b462166b16152a9d0259",
]
REFUSED = [
    "00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
    "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    "0100000000000000000000000000000000000000000000000000000000000000",
    "26948d35ca62e643e26a83177332e6b6afeb9d08e4268b650f1f5bbd8d81d371",
    # the generator and the identity with their top bit set, which libsodium 1.0.18 ignores
    MULTIPLES[0][:-2] + "f6",
    "00" * 31 + "80",
]


def scalar(value: int) -> bytes:
    return value.to_bytes(32, "little")


@pytest.mark.parametrize(("times", "encoded"), list(enumerate(MULTIPLES, start=1)))
def test_multiples_of_the_generator_are_those_of_the_rfc(times: int, encoded: str) -> None:
    assert group.multiply_base(scalar(times)).hex() == encoded


@pytest.mark.parametrize("encoded", REFUSED)
def test_invalid_encodings_are_refused_everywhere(encoded: str) -> None:
    bad, good = bytes.fromhex(encoded), group.multiply_base(scalar(1))
    for call in (
        lambda: group.check_point(bad),
        lambda: group.multiply(scalar(2), bad),
        lambda: group.add(good, bad),
        lambda: group.subtract(bad, good),
    ):
        with pytest.raises(group.InvalidPoint):
            call()


def test_the_identity_is_refused_by_our_own_check() -> None:
    with pytest.raises(group.InvalidPoint):
        group.check_point(group.IDENTITY)
    with pytest.raises(group.InvalidPoint):
        group.multiply(scalar(3), group.IDENTITY)
    with pytest.raises(group.InvalidPoint):
        group.multiply_base(scalar(0))
    point = group.multiply_base(scalar(5))
    assert group.subtract(point, point) == group.IDENTITY


@pytest.mark.parametrize("size", [0, 31, 33])
def test_other_lengths_are_refused(size: int) -> None:
    good = group.multiply_base(scalar(1))
    for call in (
        lambda: group.check_point(bytes(size)),
        lambda: group.multiply(bytes(size), good),
        lambda: group.add(good, bytes(size)),
        lambda: group.hash_to_group(bytes(size)),
        lambda: group.reduce_scalar(bytes(size)),
    ):
        with pytest.raises(group.InvalidPoint):
            call()


@given(st.binary(min_size=64, max_size=64), st.binary(min_size=64, max_size=64))
def test_multiplication_distributes_over_addition(left: bytes, right: bytes) -> None:
    p, q = group.hash_to_group(left), group.hash_to_group(right)
    k = group.reduce_scalar(right + left[:0])
    if group.add(p, q) != group.IDENTITY and k != scalar(0):
        assert group.multiply(k, group.add(p, q)) == group.add(group.multiply(k, p), group.multiply(k, q))


def _bundled() -> str:
    import zmq

    found = sorted((Path(zmq.__file__).parent.parent / "pyzmq.libs").glob("libsodium*"))
    assert found, "the pyzmq wheel no longer carries libsodium: find another fallback"
    return str(found[0])


def test_the_wheel_s_library_gives_the_same_answers() -> None:
    program = (
        "from tutela.oprf import edwards, group, sodium; import hashlib\n"
        "h = hashlib.sha512(b'tutela').digest()\n"
        "print(group.multiply(group.reduce_scalar(h), group.hash_to_group(h)).hex())\n"
    )
    answers = set()
    for extra in ({}, {"TUTELA_LIBSODIUM": _bundled()}):
        run = subprocess.run(
            [sys.executable, "-c", program],
            env=os.environ | extra,
            capture_output=True,
            text=True,
            check=True,
        )
        answers.add(run.stdout.strip())
    assert len(answers) == 1


def test_a_missing_library_is_explained(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TUTELA_LIBSODIUM", "/nowhere/libsodium.so")
    sodium.load.cache_clear()
    try:
        with pytest.raises(sodium.SodiumMissing) as caught:
            sodium.load()
        assert "TUTELA_LIBSODIUM" in caught.value.hint
    finally:
        sodium.load.cache_clear()


def test_signing_keys_of_small_order_are_refused_and_honest_ones_are_not() -> None:
    honest = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    edwards.check_signing_key(honest)
    small = (
        "01" + "00" * 31,
        "00" * 32,
        "ec" + "ff" * 30 + "7f",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    )
    for encoded in small:
        with pytest.raises(group.InvalidPoint):
            edwards.check_signing_key(bytes.fromhex(encoded))
    with pytest.raises(group.InvalidPoint):
        edwards.check_signing_key(honest[:-1])
