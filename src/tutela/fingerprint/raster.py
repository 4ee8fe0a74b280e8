"""Decoded pixels as they are stored, with what is needed to see them upright at full resolution."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tutela.fingerprint.jarosz import Doubles, Pixels, axis, downscale

#: Exif orientation -> (rows and columns swapped, rows stored backwards, columns stored backwards)
_STORED: dict[int, tuple[bool, bool, bool]] = {
    1: (False, False, False),
    2: (False, False, True),
    3: (False, True, True),
    4: (False, True, False),
    5: (True, False, False),
    6: (True, True, False),
    7: (True, True, True),
    8: (True, False, True),
}


@dataclass(frozen=True, slots=True, eq=False)
class Raster:
    """A decoded picture.

    Attributes:
        pixels: uint8, grey (h, w) or RGB (h, w, 3), not turned.
        height: rows of the file at full resolution, not turned.
        width: columns of the file at full resolution, not turned.
        block: each pixel is the mean of block x block pixels of the file (1 at full resolution).
        orientation: Exif orientation, 1 to 8.
    """

    pixels: Pixels
    height: int
    width: int
    block: int = 1
    orientation: int = 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the upright picture at full resolution."""
        swapped = _STORED[self.orientation][0]
        return (self.height, self.width) if swapped else (self.width, self.height)

    def grid(self) -> Doubles:
        """Return the luma of the upright picture as PDQ downscales it, float64 (64, 64)."""
        swapped, up, left = _STORED[self.orientation]
        rows = axis(self.height, block=self.block, backwards=up)
        columns = axis(self.width, block=self.block, backwards=left)
        grid = downscale(self.pixels, rows, columns)
        return grid.T if swapped else grid

    def upright(self) -> Pixels:
        """Return the stored pixels turned upright (a view)."""
        swapped, up, left = _STORED[self.orientation]
        turned = self.pixels[:: -1 if up else 1, :: -1 if left else 1]
        return np.swapaxes(turned, 0, 1) if swapped else turned
