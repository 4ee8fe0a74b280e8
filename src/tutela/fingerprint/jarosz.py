"""The Jarosz downscale of PDQ as two small matrices.

PDQ blurs a picture with a box filter along rows and columns, twice, and then keeps one sample in the
centre of each of 64 x 64 cells. Every step is linear and works on one axis at a time, so the whole
downscale is `rows @ luma @ columns.T` with two sparse matrices of shape (64, side). Only the samples
that are kept are ever computed: one multiplication per pixel instead of eight running sums.

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

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Axis:
    """The downscale of one axis.

    Attributes:
        matrix: float32 (64, length); row i holds the weights of sample i.
        spans: for each row the half-open range of its non-zero weights.
    """

    matrix: Floats
    spans: tuple[tuple[int, int], ...]

    @classmethod
    def of(cls, weights: Doubles) -> Axis:
        """Wrap dense weights, shape (64, length), of which each row has one non-zero run."""
        used = weights != 0
        first = used.argmax(axis=1)
        last = weights.shape[1] - used[:, ::-1].argmax(axis=1)
        matrix = weights.astype(np.float32)
        matrix.setflags(write=False)
        return cls(matrix, tuple(zip(first.tolist(), last.tolist(), strict=True)))

    def reversed(self) -> Axis:
        """Return the same downscale for an axis that is stored end to start."""
        length = self.matrix.shape[1]
        return Axis(self.matrix[:, ::-1], tuple((length - b, length - a) for a, b in self.spans))


def window(length: int) -> int:
    """Return the box size for an axis of `length` pixels: half a cell, rounded up."""
    return -(-length // (2 * GRID))


def centres(length: int) -> NDArray[np.int64]:
    """Return the 64 positions that the decimation keeps."""
    return ((np.arange(GRID) + 0.5) * length / GRID).astype(np.int64)


def box_twice(length: int) -> Doubles:
    """Return the weights of all pixels in the 64 kept samples, float64 (64, length).

    A box of even size reaches one pixel further to the right. At the borders the box shrinks to the
    pixels that exist, and the mean is taken over those.
    """
    size = window(length)
    right = size // 2
    left = size - 1 - right
    weights = np.zeros((GRID, length))
    for row, centre in zip(weights, centres(length), strict=True):
        start, stop = max(centre - left, 0), min(centre + right + 1, length)
        for inner in range(start, stop):
            low, high = max(inner - left, 0), min(inner + right + 1, length)
            row[low:high] += 1.0 / ((stop - start) * (high - low))
    return weights


@lru_cache(maxsize=32)
def axis(length: int) -> Axis:
    """Return the downscale of an axis of `length` pixels."""
    return Axis.of(box_twice(length))


def downscale(pixels: NDArray[np.uint8], rows: Axis, columns: Axis) -> Doubles:
    """Return the downscaled luma, float64 (64, 64), of grey (H, W) or RGB (H, W, 3) pixels.

    The rows are reduced first, a strip at a time, so that only a strip is ever held as float32.
    """
    height = pixels.shape[0]
    flat = pixels.reshape(height, -1)
    reduced = np.empty((GRID, flat.shape[1]), dtype=np.float32)
    for index, (start, stop) in enumerate(rows.spans):
        np.matmul(rows.matrix[index, start:stop], flat[start:stop].astype(np.float32), out=reduced[index])
    luma = reduced.astype(np.float64)
    if pixels.ndim == 3:
        luma = luma.reshape(GRID, -1, 3) @ LUMA
    return luma @ columns.matrix.T
