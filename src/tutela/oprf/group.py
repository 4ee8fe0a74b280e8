"""The group ristretto255 (RFC 9496) in encoded form: 32-byte points, 32-byte scalars.

Every return code of the library is checked. Libraries disagree on the identity element (libsodium
calls it a valid point, and its addition returns it silently), so `check_point` refuses it by an
explicit comparison, and callers decide where a sum may be the identity. libsodium 1.0.18 also ignores the
top bit of an encoding, which would give every point a second one: it is refused here.

Not protected here: memory is not wiped (Python cannot), and inputs of the wrong length are refused
rather than padded.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable

from tutela.errors import VerificationError
from tutela.oprf import sodium

POINT_BYTES = 32
SCALAR_BYTES = 32
IDENTITY = bytes(POINT_BYTES)
ORDER = 2**252 + 27742317777372353535851937790883648493


class InvalidPoint(VerificationError):
    """A 32-byte string is not a canonical, non-identity group element."""

    code = "oprf.invalid_point"


class InvalidScalar(VerificationError):
    """A string is not a scalar below the order of the group."""

    code = "oprf.invalid_scalar"


def _need_point(point: bytes, what: str) -> None:
    _need(point, POINT_BYTES, what)
    if point[-1] & 0x80:
        raise InvalidPoint(f"{what} must be below the field's modulus.")


def _need(value: bytes, size: int, what: str) -> None:
    if len(value) != size:
        raise InvalidPoint(f"{what} must have {size} bytes, not {len(value)}.")


def check_point(point: bytes) -> None:
    """Raise `InvalidPoint` unless `point` is canonical, on the curve and not the identity."""
    _need_point(point, "A group element")
    if point == IDENTITY or sodium.load().crypto_core_ristretto255_is_valid_point(point) != 1:
        raise InvalidPoint("Not a valid group element, or the identity.")


def hash_to_group(digest: bytes) -> bytes:
    """Map 64 uniform bytes to a group element (RFC 9496, section 4.3.4)."""
    _need(digest, 64, "A hash")
    out = ctypes.create_string_buffer(POINT_BYTES)
    if sodium.load().crypto_core_ristretto255_from_hash(out, digest) != 0:
        raise InvalidPoint("The library could not map the hash to the group.")
    return out.raw


def multiply(scalar: bytes, point: bytes) -> bytes:
    """Return scalar * point.

    Raises:
        InvalidPoint: the point is invalid, or the product is the identity.
    """
    _need(scalar, SCALAR_BYTES, "A scalar")
    _need_point(point, "A group element")
    out = ctypes.create_string_buffer(POINT_BYTES)
    if sodium.load().crypto_scalarmult_ristretto255(out, scalar, point) != 0:
        raise InvalidPoint("The product is the identity, or the point is invalid.")
    return out.raw


def multiply_base(scalar: bytes) -> bytes:
    """Return scalar * G.

    Raises:
        InvalidPoint: the scalar is zero.
    """
    _need(scalar, SCALAR_BYTES, "A scalar")
    out = ctypes.create_string_buffer(POINT_BYTES)
    if sodium.load().crypto_scalarmult_ristretto255_base(out, scalar) != 0:
        raise InvalidPoint("A zero scalar has no multiple of the base point.")
    return out.raw


def add(left: bytes, right: bytes) -> bytes:
    """Return left + right, which may be the identity.

    Raises:
        InvalidPoint: one of the two is not a valid encoding.
    """
    out = ctypes.create_string_buffer(POINT_BYTES)
    _need_point(left, "A group element")
    _need_point(right, "A group element")
    if sodium.load().crypto_core_ristretto255_add(out, left, right) != 0:
        raise InvalidPoint("A summand is not a valid group element.")
    return out.raw


def subtract(left: bytes, right: bytes) -> bytes:
    """Return left - right, which may be the identity.

    Raises:
        InvalidPoint: one of the two is not a valid encoding.
    """
    out = ctypes.create_string_buffer(POINT_BYTES)
    _need_point(left, "A group element")
    _need_point(right, "A group element")
    if sodium.load().crypto_core_ristretto255_sub(out, left, right) != 0:
        raise InvalidPoint("A term is not a valid group element.")
    return out.raw


def add_scalars(left: bytes, right: bytes) -> bytes:
    """Return left + right modulo the group order, in constant time."""
    return _scalars(sodium.load().crypto_core_ristretto255_scalar_add, left, right)


def multiply_scalars(left: bytes, right: bytes) -> bytes:
    """Return left * right modulo the group order, in constant time."""
    return _scalars(sodium.load().crypto_core_ristretto255_scalar_mul, left, right)


def _scalars(function: Callable[..., object], left: bytes, right: bytes) -> bytes:
    _need(left, SCALAR_BYTES, "A scalar")
    _need(right, SCALAR_BYTES, "A scalar")
    out = ctypes.create_string_buffer(SCALAR_BYTES)
    function(out, left, right)  # returns nothing: it cannot fail
    return out.raw


def check_scalar(scalar: bytes) -> None:
    """Raise `InvalidScalar` unless `scalar` is reduced: nobody can change a proof by adding the order."""
    if len(scalar) != SCALAR_BYTES or int.from_bytes(scalar, "little") >= ORDER:
        raise InvalidScalar("Not a reduced scalar of 32 bytes.")


def random_scalar() -> bytes:
    """Draw a uniform, non-zero scalar from the system's generator."""
    out = ctypes.create_string_buffer(SCALAR_BYTES)
    sodium.load().crypto_core_ristretto255_scalar_random(out)
    return out.raw


def reduce_scalar(uniform: bytes) -> bytes:
    """Reduce 64 uniform bytes modulo the group order."""
    _need(uniform, 64, "A wide scalar")
    out = ctypes.create_string_buffer(SCALAR_BYTES)
    sodium.load().crypto_core_ristretto255_scalar_reduce(out, uniform)
    return out.raw
