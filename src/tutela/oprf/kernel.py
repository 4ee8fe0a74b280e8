"""Sums of many multiples in ristretto255 (RFC 9496), by numba: variable time, **public inputs only**.

Which memory is read and how long it takes depends on the scalars, and on whether a point is valid. No secret
may come here: no key, no nonce, no share. `tutela.oprf.multiscalar` is the way in; nothing else imports this.

Field elements modulo p = 2^255 - 19 are five limbs of 51 bits. "Tight" limbs are below 2^51 + 2^13: what
products are. "Loose" limbs are below 2^54: what sums and differences of tight ones are; products take them.
Points are extended coordinates on the Edwards curve behind the group, with formulas that have no exceptions
for a = -1 (Hisil, Wong, Carter, Dawson, ASIACRYPT 2008). Sums are Pippenger's buckets over signed windows.

All of it stands in one file because the cache of compiled code is refreshed by this file's date.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Final, TypeVar, cast

import numba
import numpy as np
import numpy.typing as npt
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

Words = npt.NDArray[np.uint64]
Element = tuple[Any, Any, Any, Any, Any]
Point = tuple[Element, Element, Element, Element]
F = TypeVar("F", bound=Callable[..., Any])

_P: Final = 2**255 - 19
_LIMB: Final = 51
_ELEMENT: Final = types.UniTuple(types.uint64, 5)
_WIDE: Final = ir.IntType(128)


def _limbs(value: int) -> Element:
    return cast("Element", tuple(np.uint64(value >> _LIMB * i & 2**_LIMB - 1) for i in range(5)))


MASK = np.uint64(2**_LIMB - 1)
ZERO, ONE = _limbs(0), _limbs(1)
_D = -121665 * pow(121666, -1, _P) % _P
D, D2 = _limbs(_D), _limbs(2 * _D % _P)
_ROOT = pow(2, (_P - 1) // 4, _P)
SQRT_M1 = _limbs(_ROOT)
# 1/sqrt(a - d), the root that is not negative: a - d is a non-zero square
_I = pow(-1 - _D, (_P + 3) // 8, _P)
_I = pow(_I if _I * _I % _P == (-1 - _D) % _P else _I * _ROOT, -1, _P)
INVSQRT_A_MINUS_D = _limbs(_P - _I if _I & 1 else _I)
FOUR_P_LOW, FOUR_P = np.uint64(2**53 - 76), np.uint64(2**53 - 4)


def _compiled(function: F) -> F:
    return cast("F", numba.njit(cache=True, nogil=True)(function))


def _reduced(builder: Any, sums: Sequence[Any]) -> Any:
    """Carry five sums of 128 bits to tight limbs."""
    word, limbs, carry = ir.IntType(64), [], ir.Constant(_WIDE, 0)
    mask = ir.Constant(word, 2**_LIMB - 1)
    for wide in sums:
        total = builder.add(wide, carry)
        limbs.append(builder.and_(builder.trunc(total, word), mask))
        carry = builder.lshr(total, ir.Constant(_WIDE, _LIMB))
    # loose factors: the last carry is below 2^59.4, so nineteen times it fits a word
    limbs[0] = builder.add(limbs[0], builder.mul(builder.trunc(carry, word), ir.Constant(word, 19)))
    limbs[1] = builder.add(limbs[1], builder.lshr(limbs[0], ir.Constant(word, _LIMB)))
    limbs[0] = builder.and_(limbs[0], mask)
    return cgutils.pack_array(builder, limbs)


def _widened(builder: Any) -> Callable[[Any, int], list[Any]]:
    """Return the function (element, small factor) -> five values of 128 bits; the product fits 64."""

    def wide(element: Any, factor: int) -> list[Any]:
        limbs = (builder.extract_value(element, i) for i in range(5))
        times = ir.Constant(ir.IntType(64), factor)
        return [builder.zext(builder.mul(limb, times), _WIDE) for limb in limbs]

    return wide


def _product(builder: Any, left: Any, right: Any) -> Any:
    wide = _widened(builder)
    x, y = wide(left, 1), wide(right, 1)
    folded = wide(right, 19)
    sums = [ir.Constant(_WIDE, 0)] * 5
    for i in range(5):
        for j in range(5):
            term = builder.mul(x[i], y[j] if i + j < 5 else folded[j])
            sums[(i + j) % 5] = builder.add(sums[(i + j) % 5], term)
    return _reduced(builder, sums)


def _square(builder: Any, value: Any) -> Any:
    wide = _widened(builder)
    x, twice, folded = wide(value, 1), wide(value, 2), wide(value, 19)
    sums = [ir.Constant(_WIDE, 0)] * 5
    for i in range(5):
        for j in range(i, 5):
            term = builder.mul(x[i] if i == j else twice[i], x[j] if i + j < 5 else folded[j])
            sums[(i + j) % 5] = builder.add(sums[(i + j) % 5], term)
    return _reduced(builder, sums)


@intrinsic  # type: ignore[untyped-decorator]
def _multiplied(typing: Any, a: Any, b: Any) -> Any:  # noqa: ARG001
    """Type and generate a product."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return _product(builder, *args)

    return _ELEMENT(_ELEMENT, _ELEMENT), generate


@intrinsic  # type: ignore[untyped-decorator]
def _squared(typing: Any, a: Any) -> Any:  # noqa: ARG001
    """Type and generate a square."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:  # noqa: ARG001
        return _square(builder, *args)

    return _ELEMENT(_ELEMENT), generate


@_compiled
def mul(a: Element, b: Element) -> Element:
    """Return a*b, tight."""
    product: Element = _multiplied(a, b)
    return product


@_compiled
def squared(a: Element, times: int) -> Element:
    """Return a^(2^times), tight."""
    for _ in range(times):
        a = _squared(a)
    return a


@_compiled
def add(a: Element, b: Element) -> Element:
    """Return a+b without carrying: loose if both are tight."""
    return (a[0] + b[0], a[1] + b[1], a[2] + b[2], a[3] + b[3], a[4] + b[4])


@_compiled
def sub(a: Element, b: Element) -> Element:
    """Return a-b+4p without carrying: loose if both are tight, or sums of two tight ones."""
    return (
        a[0] + FOUR_P_LOW - b[0],
        a[1] + FOUR_P - b[1],
        a[2] + FOUR_P - b[2],
        a[3] + FOUR_P - b[3],
        a[4] + FOUR_P - b[4],
    )


@_compiled
def canonical(a: Element) -> Element:
    """Return the one form below p."""
    shift = np.uint64(51)
    l0, l1, l2, l3, l4 = mul(a, ONE)
    over = (l0 + np.uint64(19)) >> shift
    for limb in (l1, l2, l3, l4):
        over = (limb + over) >> shift
    l0 += np.uint64(19) * over
    l1 += l0 >> shift
    l2 += l1 >> shift
    l3 += l2 >> shift
    l4 += l3 >> shift
    return (l0 & MASK, l1 & MASK, l2 & MASK, l3 & MASK, l4 & MASK)


@_compiled
def negative(a: Element) -> bool:
    """Say whether the form below p is odd."""
    odd: bool = (canonical(a)[0] & np.uint64(1)) == np.uint64(1)
    return odd


@_compiled
def absolute(a: Element) -> Element:
    """Return a or -a, whichever is not negative, tight."""
    return mul(sub(ZERO, a), ONE) if negative(a) else a


@_compiled
def inverse_root(v: Element) -> tuple[bool, Element]:
    """Return whether 1/v is a square, and its root: SQRT_RATIO_M1(1, v) of RFC 9496, section 4.2."""
    v3 = mul(squared(v, 1), v)
    base = mul(squared(v3, 1), v)
    # base^(2^252 - 3), after the usual chain of runs of ones
    t2 = mul(squared(base, 1), base)
    t4 = mul(squared(t2, 2), t2)
    t5 = mul(squared(t4, 1), base)
    t10 = mul(squared(t5, 5), t5)
    t20 = mul(squared(t10, 10), t10)
    t40 = mul(squared(t20, 20), t20)
    t50 = mul(squared(t40, 10), t10)
    t100 = mul(squared(t50, 50), t50)
    t200 = mul(squared(t100, 100), t100)
    t250 = mul(squared(t200, 50), t50)
    r = mul(v3, mul(squared(t250, 2), base))
    check = canonical(mul(v, squared(r, 1)))
    right = check == ONE
    flipped = check == canonical(sub(ZERO, ONE))
    if flipped or check == canonical(sub(ZERO, SQRT_M1)):
        r = mul(r, SQRT_M1)
    return right or flipped, absolute(r)


@_compiled
def read(words: Words) -> Element:
    """Return four little-endian words as limbs; the last may have 52 bits."""
    w0, w1, w2, w3 = words[0], words[1], words[2], words[3]
    return (
        w0 & MASK,
        (w0 >> np.uint64(51) | w1 << np.uint64(13)) & MASK,
        (w1 >> np.uint64(38) | w2 << np.uint64(26)) & MASK,
        (w2 >> np.uint64(25) | w3 << np.uint64(39)) & MASK,
        w3 >> np.uint64(12),
    )


@_compiled
def decode(words: Words) -> tuple[bool, Element, Element, Element]:
    """Return whether an encoding is valid and not the identity, and x, y, x*y (RFC 9496, section 4.3.1)."""
    s = read(words)
    well = s == canonical(s) and not negative(s) and s != ZERO
    ss = squared(s, 1)
    u1, u2 = sub(ONE, ss), add(ONE, ss)
    u22 = squared(u2, 1)
    v = sub(sub(ZERO, mul(D, squared(u1, 1))), u22)
    square, root = inverse_root(mul(v, u22))
    dx = mul(root, u2)
    dy = mul(mul(root, dx), v)
    x = absolute(mul(add(s, s), dx))
    y = mul(u1, dy)
    t = mul(x, y)
    return well and square and not negative(t) and canonical(y) != ZERO, x, y, t


@_compiled
def encode(point: Point, words: Words) -> None:
    """Write the encoding of a point (RFC 9496, section 4.3.2)."""
    x, y, z, t = point
    u1, u2 = mul(add(z, y), sub(z, y)), mul(x, y)
    _, root = inverse_root(mul(u1, squared(u2, 1)))
    den1, den2 = mul(root, u1), mul(root, u2)
    z_inverse = mul(mul(den1, den2), t)
    if negative(mul(t, z_inverse)):
        x, y = mul(y, SQRT_M1), mul(x, SQRT_M1)
        den2 = mul(den1, INVSQRT_A_MINUS_D)
    # z - y, or z + y where y is to be negated
    rest = add(z, y) if negative(mul(x, z_inverse)) else sub(z, y)
    s0, s1, s2, s3, s4 = canonical(absolute(mul(den2, rest)))
    words[0] = s0 | s1 << np.uint64(51)
    words[1] = s1 >> np.uint64(13) | s2 << np.uint64(38)
    words[2] = s2 >> np.uint64(26) | s3 << np.uint64(25)
    words[3] = s3 >> np.uint64(39) | s4 << np.uint64(12)


@_compiled
def add_points(p: Point, q: Point) -> Point:
    """Return p+q, also where they are equal or the identity."""
    a = mul(sub(p[1], p[0]), sub(q[1], q[0]))
    b = mul(add(p[1], p[0]), add(q[1], q[0]))
    c = mul(mul(p[3], D2), q[3])
    d = mul(add(p[2], p[2]), q[2])
    e, f, g, h = sub(b, a), sub(d, c), add(d, c), add(b, a)
    return (mul(e, f), mul(g, h), mul(f, g), mul(e, h))


@_compiled
def add_prepared(p: Point, plus: Element, minus: Element, product: Element, opposite: bool) -> Point:
    """Return p plus, or minus, an affine point given as y+x, y-x, 2d*x*y."""
    a = mul(sub(p[1], p[0]), plus if opposite else minus)
    b = mul(add(p[1], p[0]), minus if opposite else plus)
    c, d = mul(p[3], product), add(p[2], p[2])
    e, f, g, h = sub(b, a), sub(d, c), add(d, c), add(b, a)
    if opposite:
        f, g = g, f
    return (mul(e, f), mul(g, h), mul(f, g), mul(e, h))


@_compiled
def row(values: Words) -> Element:
    """Return a row of an array as an element."""
    return (values[0], values[1], values[2], values[3], values[4])


@_compiled
def load(bucket: Words) -> Point:
    """Return a bucket's point."""
    return (row(bucket[0]), row(bucket[1]), row(bucket[2]), row(bucket[3]))


@_compiled
def store(bucket: Words, point: Point) -> None:
    """Set a bucket's point."""
    for part in range(4):
        for limb in range(5):
            bucket[part, limb] = point[part][limb]


@_compiled
def prepare(points: Words, prepared: Words) -> int:
    """Decode all points to y+x, y-x, 2d*x*y; return the first place of an invalid one, or -1."""
    for i in range(len(points)):
        valid, x, y, t = decode(points[i])
        if not valid:
            return i
        plus, minus, product = add(y, x), sub(y, x), mul(t, D2)
        for limb in range(5):
            prepared[i, 0, limb], prepared[i, 1, limb] = plus[limb], minus[limb]
            prepared[i, 2, limb] = product[limb]
    return -1


@_compiled
def recode(scalars: Words, bits: int, digits: npt.NDArray[np.int16]) -> None:
    """Write scalars below 2^253 as digits from -2^(bits-1) + 1 to 2^(bits-1), lowest first."""
    for i in range(len(scalars)):
        carry = 0
        for window in range(digits.shape[1]):
            place, shift = window * bits >> 6, window * bits & 63
            value = scalars[i, place] >> np.uint64(shift)
            if shift + bits > 64 and place < 3:
                value |= scalars[i, place + 1] << np.uint64(64 - shift)
            digit = np.int64(value & np.uint64((1 << bits) - 1)) + carry
            carry = 1 if digit > 1 << (bits - 1) else 0
            digits[i, window] = digit - (carry << bits)


@_compiled
def window_sum(prepared: Words, digits: npt.NDArray[np.int16], buckets: Words) -> Point:
    """Return the sum of digit*point over one window."""
    identity = (ZERO, ONE, ONE, ZERO)
    for b in range(len(buckets)):
        store(buckets[b], identity)
    for i in range(len(prepared)):
        digit = digits[i]
        if digit != 0:
            bucket, point = buckets[abs(digit) - 1], prepared[i]
            store(bucket, add_prepared(load(bucket), row(point[0]), row(point[1]), row(point[2]), digit < 0))
    running = total = identity
    for b in range(len(buckets) - 1, -1, -1):
        running = add_points(running, load(buckets[b]))
        total = add_points(total, running)
    return total


@_compiled
def weighted_sum(scalars: Words, points: Words, bits: int, result: Words) -> int:
    """Write the encoding of sum scalar*point.

    Args:
        scalars: shape (n, 4), little-endian words, below 2^253.
        points: shape (n, 4), encodings.
        bits: of a window, 2 to 15.
        result: shape (4,), may come out as the identity.

    Returns:
        The first place of a point that is invalid or the identity, or -1.
    """
    count, windows = len(points), (253 + bits) // bits
    prepared = np.empty((count, 3, 5), np.uint64)
    bad = prepare(points, prepared)
    if bad >= 0:
        return bad
    digits = np.empty((count, windows), np.int16)
    recode(scalars, bits, digits)
    buckets = np.empty((1 << (bits - 1), 4, 5), np.uint64)
    total = (ZERO, ONE, ONE, ZERO)
    for window in range(windows - 1, -1, -1):
        for _ in range(bits):
            total = add_points(total, total)
        total = add_points(total, window_sum(prepared, digits[:, window], buckets))
    encode(total, result)
    return -1
