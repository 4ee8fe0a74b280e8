"""A small typed ctypes binding of the libsodium functions that Tutela uses.

Search order: `TUTELA_LIBSODIUM` (a path), the system's library, the shared library inside the `pyzmq`
wheel, else `SodiumMissing`. A library is accepted only if it is at least 1.0.18, has every function
that we call, and gives the right answer to one known vector (RFC 9496, appendix A.3).
"""

from __future__ import annotations

import ctypes
import functools
import importlib.util
import os
from collections.abc import Iterator
from pathlib import Path

from tutela.errors import EnvironmentProblem

_SYSTEM_NAMES = ("libsodium.so.26", "libsodium.so.23", "libsodium.dylib", "libsodium.dll")
_FUNCTIONS = (
    "crypto_core_ed25519_is_valid_point",
    "crypto_core_ristretto255_is_valid_point",
    "crypto_core_ristretto255_add",
    "crypto_core_ristretto255_sub",
    "crypto_core_ristretto255_from_hash",
    "crypto_core_ristretto255_scalar_add",
    "crypto_core_ristretto255_scalar_mul",
    "crypto_core_ristretto255_scalar_random",
    "crypto_core_ristretto255_scalar_reduce",
    "crypto_scalarmult_ristretto255",
    "crypto_scalarmult_ristretto255_base",
)
_KNOWN_INPUT = bytes.fromhex(
    "5d1be09e3d0c82fc538112490e35701979d99e06ca3e2b5b54bffe8b4dc772c1"
    "4d98b696a1bbfb5ca32c436cc61c16563790306c79eaca7705668b47dffe5bb6"
)
_KNOWN_OUTPUT = bytes.fromhex("3066f82a1a747d45120d1740f14358531a8f04bbffe6a819f86dfe50f44a0a46")


class SodiumMissing(EnvironmentProblem):
    """No usable libsodium was found."""

    code = "oprf.libsodium_missing"


def _candidates() -> Iterator[str]:
    chosen = os.environ.get("TUTELA_LIBSODIUM")
    if chosen:
        yield chosen
        return
    yield from _SYSTEM_NAMES
    spec = importlib.util.find_spec("zmq")
    if spec and spec.origin:
        bundled = Path(spec.origin).parent.parent / "pyzmq.libs"
        yield from (str(path) for path in sorted(bundled.glob("libsodium*")))


def _usable(name: str) -> ctypes.CDLL | None:
    try:
        library = ctypes.CDLL(name)
        for function in _FUNCTIONS:
            getattr(library, function).restype = ctypes.c_int
        library.sodium_version_string.restype = ctypes.c_char_p
        version = tuple(int(part) for part in library.sodium_version_string().split(b"."))
    except (OSError, AttributeError, ValueError):
        return None
    if version < (1, 0, 18) or library.sodium_init() < 0:
        return None
    out = ctypes.create_string_buffer(32)
    library.crypto_core_ristretto255_from_hash(out, _KNOWN_INPUT)
    return library if out.raw == _KNOWN_OUTPUT else None


@functools.cache
def load() -> ctypes.CDLL:
    """Return the library, loaded and checked once a process.

    Raises:
        SodiumMissing: none of the candidates can be used.
    """
    for name in _candidates():
        library = _usable(name)
        if library is not None:
            return library
    raise SodiumMissing(
        "No usable libsodium (1.0.18 or newer, with ristretto255) was found.",
        hint="Install the Debian package libsodium23 or the Python package pyzmq, "
        "or set TUTELA_LIBSODIUM to the path of the shared library.",
    )


def version() -> str:
    """Return the version of the library in use, for example `1.0.18`."""
    return str(load().sodium_version_string().decode())
