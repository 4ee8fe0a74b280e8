"""Fifteen everyday edits of a picture, as sharing applications and people make them.

Every edit is a pure function of (picture, seed): the same input gives the same JPEG bytes with one Pillow
version. Seed 0 is the edit's usual strength, the one that figures are given for; any other seed draws the
strength, the resampling filter and the JPEG quality from a stated range around it, which gives "thirty
edits of one picture" and keeps the learned masks from fitting one exact encoder setting.
"""

from __future__ import annotations

import io
import random
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageFilter, ImageFont, ImageOps

from tutela.errors import UsageError

Edit = Callable[[Image.Image, "Draw"], tuple[Image.Image, int]]

_FILTERS: Final = (
    Image.Resampling.LANCZOS,
    Image.Resampling.BICUBIC,
    Image.Resampling.BILINEAR,
    Image.Resampling.BOX,
    Image.Resampling.HAMMING,
)
_CAPTION: Final = "a caption below the picture, as shared"
_MESSENGER_SIDE: Final = 320
_SAVED: Final = (90, 75, 95)  # JPEG quality after an edit that is not about JPEG: usual, lowest, highest


class UnknownEdit(UsageError):
    """An edit's name is not one of `NAMES`."""

    code = "bench.unknown_edit"


class Draw:
    """The strength of one edit: the usual value at seed 0, otherwise drawn from a range."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed) if seed else None  # noqa: S311 - an edit, not a secret

    def number(self, usual: float, low: float, high: float) -> float:
        """Return `usual` at seed 0, otherwise a uniform number in [low, high]."""
        return usual if self._random is None else self._random.uniform(low, high)

    def whole(self, usual: int, low: int, high: int) -> int:
        """Return `usual` at seed 0, otherwise a uniform whole number in [low, high]."""
        return usual if self._random is None else self._random.randint(low, high)

    def filter(self) -> Image.Resampling:
        """Return Lanczos at seed 0, otherwise one of the common resampling filters."""
        return _FILTERS[0] if self._random is None else self._random.choice(_FILTERS)

    def chosen(self, usual: int, *others: int) -> int:
        """Return `usual` at seed 0, otherwise one of all the values."""
        return usual if self._random is None else self._random.choice((usual, *others))


def _scaled(image: Image.Image, factor: float, draw: Draw) -> Image.Image:
    size = (max(1, round(image.width * factor)), max(1, round(image.height * factor)))
    return image.resize(size, draw.filter())


def _jpeg_50(image: Image.Image, draw: Draw) -> tuple[Image.Image, int]:
    return image, draw.whole(50, 40, 60)


def _jpeg_20(image: Image.Image, draw: Draw) -> tuple[Image.Image, int]:
    return image, draw.whole(20, 15, 25)


def _half(image: Image.Image, draw: Draw) -> tuple[Image.Image, int]:
    return _scaled(image, draw.number(0.5, 0.45, 0.55), draw), draw.whole(85, 60, 95)


def _quarter(image: Image.Image, draw: Draw) -> tuple[Image.Image, int]:
    return _scaled(image, draw.number(0.25, 0.24, 0.30), draw), draw.whole(85, 60, 95)


def _messenger(image: Image.Image, draw: Draw) -> tuple[Image.Image, int]:
    factor = min(1.0, _MESSENGER_SIDE / max(image.size))
    return _scaled(image, factor, draw), draw.whole(70, 60, 80)


def _brightness(image: Image.Image, draw: Draw) -> tuple[Image.Image, int]:
    return ImageEnhance.Brightness(image).enhance(draw.number(1.2, 1.1, 1.3)), draw.whole(*_SAVED)


def _contrast(image: Image.Image, draw: Draw) -> tuple[Image.Image, int]:
    return ImageEnhance.Contrast(image).enhance(draw.number(1.25, 1.1, 1.4)), draw.whole(*_SAVED)


def _grey(image: Image.Image, draw: Draw) -> tuple[Image.Image, int]:
    return image.convert("L"), draw.whole(*_SAVED)


def _blur(image: Image.Image, draw: Draw) -> tuple[Image.Image, int]:
    radius = draw.number(1.0, 0.6, 1.5)
    return image.filter(ImageFilter.GaussianBlur(radius)), draw.whole(*_SAVED)


def _noise(image: Image.Image, draw: Draw) -> tuple[Image.Image, int]:
    sigma = draw.number(8.0, 4.0, 12.0)
    generator = np.random.default_rng(draw.whole(1, 2, 1 << 30))
    pixels = np.asarray(image, dtype=np.float32)
    noisy = pixels + generator.normal(0.0, sigma, pixels.shape).astype(np.float32)
    return Image.fromarray(np.clip(noisy, 0, 255).astype(np.uint8)), draw.whole(*_SAVED)


def _cropped(image: Image.Image, share: float) -> Image.Image:
    """Cut `share` of the width and of the height away, half of it at each side."""
    dx, dy = image.width * share / 2, image.height * share / 2
    return image.crop((round(dx), round(dy), round(image.width - dx), round(image.height - dy)))


def _crop_2(image: Image.Image, draw: Draw) -> tuple[Image.Image, int]:
    return _cropped(image, draw.number(0.02, 0.015, 0.025)), draw.whole(*_SAVED)


def _crop_5(image: Image.Image, draw: Draw) -> tuple[Image.Image, int]:
    return _cropped(image, draw.number(0.05, 0.04, 0.06)), draw.whole(*_SAVED)


def _rotate_1(image: Image.Image, draw: Draw) -> tuple[Image.Image, int]:
    degrees = draw.number(1.0, 0.8, 1.2) * draw.chosen(1, -1)
    return image.rotate(degrees, Image.Resampling.BICUBIC), draw.whole(*_SAVED)


def _caption(image: Image.Image, draw: Draw) -> tuple[Image.Image, int]:
    bar = max(12, round(image.height * draw.number(0.08, 0.06, 0.10)))
    copy = image.copy()
    pen = ImageDraw.Draw(copy)
    pen.rectangle((0, image.height - bar, image.width, image.height), fill=(0, 0, 0))
    font = ImageFont.load_default(size=bar * 0.6)
    pen.text((image.width / 2, image.height - bar / 2), _CAPTION, (255, 255, 255), font, anchor="mm")
    return copy, draw.whole(*_SAVED)


def _border(image: Image.Image, draw: Draw) -> tuple[Image.Image, int]:
    width = max(1, round(max(image.size) * draw.number(0.03, 0.025, 0.035)))
    return ImageOps.expand(image, width, (255, 255, 255)), draw.whole(*_SAVED)


EDITS: Final[Mapping[str, Edit]] = MappingProxyType(
    {
        "jpeg_50": _jpeg_50,
        "jpeg_20": _jpeg_20,
        "half": _half,
        "quarter": _quarter,
        "messenger": _messenger,
        "brightness": _brightness,
        "contrast": _contrast,
        "grey": _grey,
        "blur": _blur,
        "noise": _noise,
        "crop_2": _crop_2,
        "crop_5": _crop_5,
        "rotate_1": _rotate_1,
        "caption": _caption,
        "border": _border,
    }
)
NAMES: Final[tuple[str, ...]] = tuple(EDITS)


def jpeg(image: Image.Image, quality: int) -> bytes:
    """Return `image` as JPEG bytes (4:2:0 chroma, no metadata)."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


def edit(name: str, image: Image.Image, *, seed: int = 0) -> bytes:
    """Return the JPEG bytes of `image` after the everyday edit `name`.

    Args:
        name: one of `NAMES`.
        image: the picture; any mode, any size of at least 16 x 16 pixels.
        seed: 0 for the usual strength, otherwise a varied one.

    Raises:
        UnknownEdit: there is no such edit.
    """
    function = EDITS.get(name)
    if function is None:
        raise UnknownEdit(f"There is no edit named {name!r}.", hint=f"Use one of: {', '.join(NAMES)}.")
    changed, quality = function(image.convert("RGB"), Draw(seed))
    return jpeg(changed, quality)


def copies(image: Image.Image, count: int, *, seed: int = 0) -> list[bytes]:
    """Return `count` copies, no two the same: each edit once at its usual strength, then varied ones."""
    made: dict[bytes, None] = {}  # in the order in which they were made
    step = 0
    while len(made) < count:
        strength = 0 if step < len(NAMES) else seed + step
        made[edit(NAMES[step % len(NAMES)], image, seed=strength)] = None
        step += 1
    return list(made)
