"""Untrusted bytes to pixels: bounded before anything is decoded, and one family of errors.

What is checked, in order: the number of bytes, the format by content (never by name), the number of
pixels by the header, for JPEG the number of scans. Only then a decoder of exactly that format runs.
The decoders are C libraries: run them in a process that holds no keys where that is possible; the
limits here bound memory and time, they do not replace a sandbox.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass

import numpy as np
import simplejpeg
from PIL import Image

from tutela.fingerprint.errors import (
    DamagedPicture,
    EmptyFile,
    FileTooLarge,
    TooManyPixels,
    TruncatedPicture,
)
from tutela.fingerprint.formats import Format, is_whole, sniff
from tutela.fingerprint.heif import check_items
from tutela.fingerprint.jarosz import Pixels
from tutela.fingerprint.jpeg import exif_orientation, read_markers, valid_orientation
from tutela.fingerprint.raster import Raster

#: a reduced picture keeps at least this many pixels on its short side
SHORTEST_REDUCED = 256

#: what Pillow calls the formats; a JPEG with several pictures is "MPO"
_PILLOW: dict[Format, tuple[str, ...]] = {
    "JPEG": ("JPEG", "MPO"),
    "PNG": ("PNG",),
    "WebP": ("WEBP",),
    "GIF": ("GIF",),
    "HEIC": ("HEIF",),
    "AVIF": ("AVIF",),
}
_ORIENTATION = 0x0112


@dataclass(frozen=True, slots=True)
class Limits:
    """How much a picture may cost.

    Attributes:
        bytes: size of the file.
        pixels: width times height at full resolution.
        side: width or height.
    """

    bytes: int = 128 * 1024 * 1024
    pixels: int = 100_000_000
    side: int = 65_535

    def check_bytes(self, size: int) -> None:
        """Raise EmptyFile or FileTooLarge."""
        if size == 0:
            raise EmptyFile("The file is empty.", hint="Copy or download it again.")
        if size > self.bytes:
            raise FileTooLarge(
                f"The file has {size} bytes; the limit is {self.bytes}.", hint="Raise Limits.bytes."
            )

    def check_pixels(self, width: int, height: int) -> None:
        """Raise TooManyPixels, or DamagedPicture for a picture without pixels."""
        if min(width, height) < 1:
            raise DamagedPicture("The header announces a picture without pixels.")
        if width * height > self.pixels or max(width, height) > self.side:
            raise TooManyPixels(
                f"The header announces {width} x {height} pixels; the limits are {self.pixels} pixels "
                f"and {self.side} a side. Nothing was decoded.",
                hint="Raise Limits.pixels if the file is trusted.",
            )


def decode(data: bytes, limits: Limits, *, reduced: bool) -> Raster:
    """Decode the first picture in `data`.

    Args:
        data: the whole file.
        limits: what it may cost.
        reduced: let JPEG decode at the smallest of 1/8, 1/4 and 1/2 that leaves 256 pixels on the
            short side. Other formats, and small pictures, are decoded in full.

    Raises:
        FingerprintError: in one of its kinds; nothing else escapes.
    """
    limits.check_bytes(len(data))
    kind = sniff(data)
    if kind == "JPEG":
        return _jpeg(data, limits, reduced=reduced)
    return _by_pillow(data, kind, limits)


def _jpeg(data: bytes, limits: Limits, *, reduced: bool) -> Raster:
    markers = read_markers(data)
    if not markers.whole:
        raise _truncated("JPEG")
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data, strict=False)
    except Exception:  # noqa: BLE001  it raises ValueError, and KeyError for colours it has no name for
        return _by_pillow(data, "JPEG", limits)
    limits.check_pixels(width, height)
    if colours in {"CMYK", "YCCK"}:  # Pillow knows that Adobe stores these inverted
        return _by_pillow(data, "JPEG", limits)
    block = _block(min(height, width)) if reduced else 1
    try:  # in colour: reduced grey costs as much, and luma out of gamut would be clipped otherwise
        pixels = _decode_jpeg(data, -(-height // block), -(-width // block), grey=colours == "Gray")
    except Exception:  # noqa: BLE001  as above; Pillow has the last word
        return _by_pillow(data, "JPEG", limits)
    return Raster(pixels, height, width, block, markers.orientation)


def _block(short: int) -> int:
    """Return the largest DCT scale for a short side of `short` pixels; 1/8, 1/4, 1/2 are block means."""
    return next((block for block in (8, 4, 2) if short // block >= SHORTEST_REDUCED), 1)


def _decode_jpeg(data: bytes, height: int, width: int, *, grey: bool) -> Pixels:
    """Decode to (height, width[, 3]), which is one of libjpeg's scales; as tolerant as viewers are."""
    pixels: Pixels = simplejpeg.decode_jpeg(
        data, "GRAY" if grey else "RGB", min_height=height, min_width=width, strict=False
    )
    if pixels.shape[:2] != (height, width):
        raise ValueError("libjpeg chose another scale")
    return pixels[:, :, 0] if grey else pixels


def _by_pillow(data: bytes, kind: Format, limits: Limits) -> Raster:
    """Decode with Pillow, which raises whatever its parsers ran into: all of that becomes our errors."""
    if kind == "HEIC":
        check_items(data)
        _learn_heic()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # limits are ours; other complaints have no reader here
            with Image.open(io.BytesIO(data), formats=_PILLOW[kind]) as image:
                limits.check_pixels(*image.size)
                image.load()
                return _raster(image, kind)
    except Image.DecompressionBombError as error:
        raise TooManyPixels("The header announces too many pixels; nothing was decoded.") from error
    except (TooManyPixels, DamagedPicture):
        raise
    except Exception as error:
        whole = read_markers(data).whole if kind == "JPEG" else is_whole(data, kind)
        if not whole:
            raise _truncated(kind) from error
        raise DamagedPicture(f"The {kind} content is damaged.", hint="Copy or download it again.") from error


def _truncated(kind: Format) -> TruncatedPicture:
    return TruncatedPicture(f"The end of the {kind} file is missing.", hint="Copy or download it again.")


def _learn_heic() -> None:
    import pi_heif

    pi_heif.register_heif_opener(thumbnails=False)


def _raster(image: Image.Image, kind: Format) -> Raster:
    # pi-heif turns HEIC itself
    orientation = 1 if kind == "HEIC" else _orientation(image)
    return Raster(flatten(image), image.height, image.width, orientation=orientation)


def _orientation(image: Image.Image) -> int:
    exif = image.info.get("exif")
    if isinstance(exif, bytes):
        return exif_orientation(exif)
    try:
        return valid_orientation(image.getexif().get(_ORIENTATION))
    except Exception:  # noqa: BLE001  as above: broken metadata does not stop a viewer
        return 1


def flatten(image: Image.Image) -> Pixels:
    """Return any Pillow picture as grey (h, w) or RGB (h, w, 3); transparency over white."""
    if image.mode.startswith("I"):  # 16-bit grey: keep the high byte, as for 16-bit colour
        high: Pixels = (np.clip(np.asarray(image), 0, 65_535) >> 8).astype(np.uint8)
        return high
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        white = Image.new("RGB", layer.size, "white")
        white.paste(layer, mask=layer.getchannel("A"))
        return np.asarray(white)
    if image.mode in {"1", "L"}:
        return np.asarray(image.convert("L"))
    return np.asarray(image.convert("RGB"))
