"""Sums of many multiples of points: **public inputs only**, for verifiers (and what a prover says in public).

The kernel takes a time, and touches memory, that depend on scalars and points. Never give it a key, a nonce,
a share, or a point that must stay hidden from who shares the machine. Secrets belong to `tutela.oprf.group`.

There are two ways to the same sum: libsodium, one multiplication a point, and buckets compiled by numba
(`tutela.oprf.kernel`), about eight times as quick from thousands of points on. The second is used only where
numba is installed and agrees with libsodium on a small sum when it is loaded.

Both refuse the same inputs: a scalar that is not reduced, a point that is not canonical, and the identity.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Final

import numpy as np
import numpy.typing as npt

from tutela.oprf import group

CHUNK: Final = 8192  # points at once: 2 MB
#: below this many points in all, loading the kernel takes longer than it saves
KERNEL_FROM: Final = 1 << 15

Summation = Callable[[Sequence[bytes], Sequence[bytes]], bytes]


def summation(count: int) -> Summation:
    """Return the quicker way for `count` points in all, whatever their number in a call."""
    return by_kernel if count >= KERNEL_FROM and kernel() else by_libsodium


def by_libsodium(scalars: Sequence[bytes], points: Sequence[bytes]) -> bytes:
    """Return the sum of scalar*point, which may be the identity.

    Raises:
        InvalidScalar: a scalar is not reduced.
        InvalidPoint: a point is invalid or the identity, or there are not as many as scalars.
    """
    _check(scalars, points)
    total = group.IDENTITY
    for scalar, point in zip(scalars, points, strict=True):
        if scalar == bytes(group.SCALAR_BYTES):
            group.check_point(point)
        else:
            total = group.add(total, group.multiply(scalar, point))
    return total


def by_kernel(scalars: Sequence[bytes], points: Sequence[bytes]) -> bytes:
    """Return the same as `by_libsodium`, and raise the same; needs `kernel()`."""
    _check(scalars, points)
    compiled = kernel()
    if compiled is None:
        return by_libsodium(scalars, points)
    total = group.IDENTITY
    for start in range(0, len(points), CHUNK):
        part = slice(start, start + CHUNK)
        total = group.add(total, _chunk(compiled, scalars[part], points[part]))
    return total


@functools.cache
def kernel() -> ModuleType | None:
    """Return the compiled kernel, or None where numba is missing, cannot run here, or answers wrongly."""
    try:
        from tutela.oprf import kernel as compiled
    except (ImportError, RuntimeError):  # RuntimeError: no folder for what it compiles
        return None
    points = [group.multiply_base(bytes([n]) + bytes(31)) for n in (1, 2, 255)]
    scalars = [(group.ORDER - n).to_bytes(32, "little") for n in (1, 2**251, 2**128 + 7)]
    agrees = _chunk(compiled, scalars, points) == by_libsodium(scalars, points)
    return compiled if agrees else None


def _check(scalars: Sequence[bytes], points: Sequence[bytes]) -> None:
    if len(scalars) != len(points) or any(len(point) != group.POINT_BYTES for point in points):
        raise group.InvalidPoint("Not one group element of 32 bytes for each scalar.")
    for scalar in scalars:
        group.check_scalar(scalar)


def _chunk(compiled: ModuleType, scalars: Sequence[bytes], points: Sequence[bytes]) -> bytes:
    result = np.zeros(4, np.uint64)
    bad = compiled.weighted_sum(_words(scalars), _words(points), _window(len(points)), result)
    if bad >= 0:
        raise group.InvalidPoint("Not a valid group element, or the identity.")
    return result.astype("<u8").tobytes()


def _words(values: Sequence[bytes]) -> npt.NDArray[np.uint64]:
    return np.frombuffer(b"".join(values), "<u8").reshape(-1, 4).astype(np.uint64)


@functools.cache
def _window(count: int) -> int:
    """Return the bits of a window that make the fewest additions: points and two sums over the buckets."""
    return min(range(2, 14), key=lambda bits: (253 + bits) // bits * (count + (1 << bits)))
