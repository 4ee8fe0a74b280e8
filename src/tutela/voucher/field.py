"""Polynomials over the prime field of 2^128 - 159 elements: shares and their interpolation at 0.

Elements are integers below `PRIME`, or 16 bytes little-endian (Shamir, "How to share a secret", 1979).
"""

from __future__ import annotations

from collections.abc import Sequence

PRIME = 2**128 - 159
ELEMENT_BYTES = 16


def element(uniform: bytes) -> int:
    """Reduce at least 32 uniform bytes to a field element (bias below 2^-120)."""
    return int.from_bytes(uniform, "little") % PRIME


def to_bytes(value: int) -> bytes:
    """Encode an element as 16 bytes."""
    return value.to_bytes(ELEMENT_BYTES, "little")


def evaluate(coefficients: Sequence[int], x: int) -> int:
    """Return the polynomial's value at `x`; `coefficients[0]` is its value at 0."""
    value = 0
    for coefficient in reversed(coefficients):
        value = (value * x + coefficient) % PRIME
    return value


def interpolate_at_zero(points: Sequence[tuple[int, int]]) -> int:
    """Return p(0) of the polynomial of least degree through `points`; the x must be distinct, non-zero."""
    if len(points) == 1:
        return points[0][1] % PRIME
    terms = []
    for i, (x_i, y_i) in enumerate(points):
        numerator, denominator = y_i, 1
        for k, (x_k, _) in enumerate(points):
            if k != i:
                numerator = numerator * x_k % PRIME
                denominator = denominator * (x_k - x_i) % PRIME
        terms.append((numerator, denominator))
    above, below = 0, 1
    for numerator, denominator in terms:  # one fraction, so that there is one inversion
        above = (above * denominator + numerator * below) % PRIME
        below = below * denominator % PRIME
    return above * pow(below, -1, PRIME) % PRIME
