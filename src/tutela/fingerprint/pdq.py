"""PDQ: the 256-bit perceptual hash of a picture, its quality, and how firm each bit is.

Luma (BT.601) -> Jarosz downscale to 64 x 64 -> the 16 x 16 lowest frequencies of a DCT, without the
constant ones -> one bit each: above the median or not. Source: "The TMK+PDQF Video-Hashing Algorithm
and the PDQ Image-Hashing Algorithm" (2019) and its reference implementation, which writes the hash
with the last coefficient first; everything here is in that written order, so that bit i of
`np.unpackbits` of the hash belongs to `reliability[i]`.

A perceptual hash is no secret: it lets its holder test guesses about the picture. It says nothing
about who made it, and an opponent who knows the algorithm can move a picture away from its hash.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from tutela.fingerprint.jarosz import GRID, Doubles, Floats, Pixels
from tutela.fingerprint.raster import Raster

#: frequencies kept along each axis
FREQUENCIES = 16

#: the reference implementation does not hash pictures with a shorter side
MINIMUM_SIDE = 5

#: the gradient sum that makes one point of quality, and the best quality
GRADIENTS_PER_POINT, BEST_QUALITY = 90, 100


@dataclass(frozen=True, slots=True, eq=False)
class PDQ:
    """The hash of one picture.

    Attributes:
        bits: the hash, 32 bytes; `bits.hex()` is how PDQ hashes are exchanged.
        orientations: the hash of the picture as it is, turned by 90, 180 and 270 degrees, mirrored
            top to bottom, left to right, and along both diagonals (order of the reference).
        quality: 0 (featureless) to 100; below 50 a hash should not be matched.
        reliability: float32 (256,), distance of each coefficient from the median in grey levels:
            a bit with a small value turns over first when the picture is recompressed.
    """

    bits: bytes
    orientations: tuple[bytes, ...]
    quality: int
    reliability: Floats


def _dct_matrix() -> Doubles:
    """Return rows 1 to 16 of the orthonormal 64-point DCT-II, shape (16, 64)."""
    frequency = np.arange(1, FREQUENCIES + 1)[:, np.newaxis]
    position = 2 * np.arange(GRID)[np.newaxis, :] + 1
    matrix: Doubles = np.sqrt(2.0 / GRID) * np.cos(np.pi / (2 * GRID) * frequency * position)
    return matrix


_DCT = _dct_matrix()
_ODD = np.where(np.arange(FREQUENCIES) % 2, 1.0, -1.0)
_CHEQUERED = np.outer(_ODD, _ODD)

#: a turned or mirrored picture has the same coefficients but for sign and transposition
_DIHEDRAL: tuple[Callable[[Doubles], Doubles], ...] = (
    lambda a: a,
    lambda a: (a * _ODD).T,
    lambda a: a * _CHEQUERED,
    lambda a: a.T * _ODD,
    lambda a: (a.T * _ODD).T,
    lambda a: a * _ODD,
    lambda a: a.T,
    lambda a: (a * _CHEQUERED).T,
)


def coefficients(grid: Doubles) -> Doubles:
    """Return the DCT coefficients, float64 (16, 16), of downscaled luma (64, 64)."""
    values: Doubles = _DCT @ grid @ _DCT.T
    return values


def quality(grid: Doubles) -> int:
    """Return how much structure downscaled luma (64, 64) has: the sum of its visible gradients."""
    down = np.trunc((grid[:-1] - grid[1:]) * (100 / 255))
    across = np.trunc((grid[:, :-1] - grid[:, 1:]) * (100 / 255))
    gradients = int(np.abs(down).sum() + np.abs(across).sum())
    return min(gradients // GRADIENTS_PER_POINT, BEST_QUALITY)


def median(values: Doubles) -> float:
    """Return the lower of the two middle values, as PDQ takes it."""
    middle = (values.size - 1) // 2
    return float(np.partition(values, middle, axis=None)[middle])


def _bits(values: Doubles) -> bytes:
    return np.packbits(values.ravel()[::-1] > median(values)).tobytes()


def from_grid(grid: Doubles) -> PDQ:
    """Return the hash of luma that has been downscaled to 64 x 64."""
    values = coefficients(grid)
    distance = np.abs(values.ravel()[::-1] - median(values)).astype(np.float32)
    distance.setflags(write=False)
    turned = tuple(_bits(turn(values)) for turn in _DIHEDRAL)
    return PDQ(turned[0], turned, quality(grid), distance)


def featureless() -> PDQ:
    """Return what PDQ says of a picture that is too small to hash: all zeros, quality 0."""
    nothing = bytes(FREQUENCIES**2 // 8)
    return PDQ(nothing, (nothing,) * len(_DIHEDRAL), 0, np.zeros(FREQUENCIES**2, dtype=np.float32))


def of(raster: Raster) -> PDQ:
    """Return the hash of a decoded picture, upright whatever way it is stored.

    A picture with a side below 5 pixels has the hash of nothing, and quality 0.
    """
    if min(raster.height, raster.width) < MINIMUM_SIDE:
        return featureless()
    return from_grid(raster.grid())


def compute(pixels: Pixels) -> PDQ:
    """Return the hash of grey (H, W) or RGB (H, W, 3) pixels, each 0 to 255, upright.

    Raises:
        ValueError: for any other shape.
    """
    if pixels.ndim not in {2, 3} or (pixels.ndim == 3 and pixels.shape[2] != 3):
        raise ValueError(f"PDQ hashes (H, W) or (H, W, 3) pixels, not {pixels.shape}.")
    height, width = pixels.shape[:2]
    return of(Raster(pixels, height, width))


def hamming(a: bytes, b: bytes) -> int:
    """Return in how many bits two hashes of equal length differ.

    Raises:
        ValueError: when the lengths differ.
    """
    if len(a) != len(b):
        raise ValueError("Hashes of different length have no distance.")
    return (int.from_bytes(a) ^ int.from_bytes(b)).bit_count()
