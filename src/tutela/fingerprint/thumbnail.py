"""The derivative: a small grey picture within a fixed budget of bytes."""

from __future__ import annotations

import io
from collections.abc import Iterator

from PIL import Image

from tutela.errors import UsageError
from tutela.fingerprint.raster import Raster

#: budget inside a voucher
DERIVATIVE_BYTES = 2400

#: the longest side, and the shorter ones that are tried when the budget is tight
LONG_SIDES = (160, 128, 96, 64, 40, 16, 4)

#: WebP qualities in the order that they are tried
QUALITIES = (80, 65, 50, 35, 20, 5)

#: even 4 x 4 pixels need a header
LEAST_BYTES = 128


def shrink(raster: Raster, max_bytes: int) -> bytes:
    """Return the raster as a grey WebP of at most `max_bytes`: as large, then as good, as fits.

    Raises:
        UsageError: for a budget below 128 bytes.
    """
    if max_bytes < LEAST_BYTES:
        raise UsageError(f"A derivative needs a budget of at least {LEAST_BYTES} bytes.")
    whole = Image.fromarray(raster.upright())
    whole.thumbnail((LONG_SIDES[0],) * 2, Image.Resampling.LANCZOS)
    for attempt in _attempts(whole.convert("L")):
        if len(attempt) <= max_bytes:
            return attempt
    raise AssertionError("4 x 4 grey pixels fit in 128 bytes")  # pragma: no cover


def _attempts(picture: Image.Image) -> Iterator[bytes]:
    for side in LONG_SIDES:
        sized = picture.copy()
        sized.thumbnail((side, side), Image.Resampling.LANCZOS)
        for quality in QUALITIES:
            stream = io.BytesIO()
            sized.save(stream, "WEBP", quality=quality, method=4)
            yield stream.getvalue()
