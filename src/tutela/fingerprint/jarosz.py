"""The Jarosz downscale of PDQ as two small matrices.

PDQ blurs a picture with a box filter along rows and columns, twice, and then keeps one sample in the
centre of each of 64 x 64 cells. Every step is linear and works on one axis at a time, so the whole
downscale is `rows @ luma @ columns.T` with two sparse matrices of shape (64, side). Only the samples
that are kept are ever computed: one multiplication per pixel instead of eight running sums.

Two things cost nothing in this form. A picture that is stored turned or mirrored needs reversed
matrices, not turned pixels. And a JPEG decoded at 1/2, 1/4 or 1/8 holds the means of blocks of 2, 4 or
8 pixels: summing the weights of each block gives nearly the hash of the full picture.

Source: "The TMK+PDQF Video-Hashing Algorithm and the PDQ Image-Hashing Algorithm" (2019), and the
reference implementation of PDQ (window sizes, treatment of the borders, sample positions).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

#: side of the downscaled luma
GRID = 64

#: ITU-R BT.601 weights of red, green and blue
LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float64)

#: longer axes are computed anew each time, so that the cache stays below 64 MiB
LONGEST_CACHED = 8192

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]
Pixels = NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Axis:
    """The downscale of one stored axis of n pixels.

    Attributes:
        matrix: float32 (64, n); row i holds the weights of sample i.
        spans: for each row the half-open range outside which all weights are zero.
    """

    matrix: Floats
    spans: tuple[tuple[int, int], ...]


def window(length: int) -> int:
    """Return the box size for an axis of `length` pixels: half a cell, rounded up."""
    return -(-length // (2 * GRID))


def box_twice(centre: int, length: int) -> tuple[int, Doubles]:
    """Return where the pixels begin that reach the sample at `centre`, and their weights.

    A box of even size reaches one pixel further to the right. At the borders the box shrinks to the
    pixels that exist, and the mean is taken over those.
    """
    right = window(length) // 2
    left = window(length) - 1 - right
    inner = np.arange(max(centre - left, 0), min(centre + right + 1, length))
    low = np.maximum(inner - left, 0)
    high = np.minimum(inner + right + 1, length)
    share = 1.0 / (inner.size * (high - low))
    size = int(high[-1] - low[0])
    steps = np.bincount(low - low[0], share, size + 1) - np.bincount(high - low[0], share, size + 1)
    return int(low[0]), np.cumsum(steps[:-1])


def _build(length: int, block: int, backwards: bool) -> Axis:
    matrix = np.zeros((GRID, -(-length // block)), dtype=np.float32)
    spans = []
    for index in range(GRID):
        centre = int((index + 0.5) * length / GRID)
        start, weights = box_twice(centre, length)
        if backwards:
            start, weights = length - start - weights.size, weights[::-1]
        first = start // block
        summed = np.bincount((start + np.arange(weights.size)) // block - first, weights)
        matrix[index, first : first + summed.size] = summed
        spans.append((first, first + summed.size))
    matrix.setflags(write=False)
    return Axis(matrix, tuple(spans))


_build_cached = lru_cache(maxsize=32)(_build)


def axis(length: int, *, block: int = 1, backwards: bool = False) -> Axis:
    """Return the downscale of an axis of a picture.

    Args:
        length: pixels of the picture at full resolution.
        block: how many of them each stored pixel is the mean of.
        backwards: whether the axis is stored end to start.
    """
    build = _build_cached if length <= LONGEST_CACHED else _build
    return build(length, block, backwards)


def downscale(pixels: Pixels, rows: Axis, columns: Axis) -> Doubles:
    """Return the downscaled luma, float64 (64, 64), of grey (H, W) or RGB (H, W, 3) pixels.

    The rows are reduced first, without a float copy of the picture. `einsum` and not `matmul`: BLAS
    would start threads for these small products, and wait for them on a busy machine.
    """
    flat = pixels.reshape(pixels.shape[0], -1)
    reduced = np.empty((GRID, flat.shape[1]), dtype=np.float32)
    for index, (start, stop) in enumerate(rows.spans):
        weights = rows.matrix[index, start:stop]
        np.einsum(
            "k,kn->n", weights, flat[start:stop], out=reduced[index], dtype=np.float32, casting="unsafe"
        )
    luma = reduced
    if pixels.ndim == 3:
        luma = np.einsum("ijc,c->ij", reduced.reshape(GRID, -1, 3), LUMA)
    grid = np.empty((GRID, GRID))
    for index, (start, stop) in enumerate(columns.spans):
        np.einsum("ij,j->i", luma[:, start:stop], columns.matrix[index, start:stop], out=grid[:, index])
    return grid
