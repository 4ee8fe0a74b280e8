"""Which format the bytes are, whatever the file is called, and whether they reach their end.

Sources: ISO/IEC 15948 (PNG), GIF89a, RFC 9649 (WebP), ISO/IEC 14496-12 and 23008-12 (HEIF), AV1 Image
File Format 1.1. JPEG is in `jpeg`.
"""

from __future__ import annotations

from typing import Literal, get_args

from tutela.fingerprint.errors import UnsupportedPicture
from tutela.fingerprint.heif import boxes

Format = Literal["JPEG", "PNG", "WebP", "GIF", "HEIC", "AVIF"]
FORMATS: tuple[Format, ...] = get_args(Format)

_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_AVIF_BRANDS = frozenset({b"avif", b"avis"})
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"hevx", b"heim", b"heis", b"hevm", b"hevs"})

#: how other files begin that people mistake for pictures, for a helpful message
_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF document"),
    (b"<svg", "an SVG drawing"),
    (b"<?xml", "an XML document or SVG drawing"),
    (b"II*\x00", "a TIFF picture"),
    (b"MM\x00*", "a TIFF picture"),
    (b"BM", "a BMP picture"),
    (b"\xff\x0a", "a JPEG XL picture"),
    (b"PK\x03\x04", "an archive"),
)
_HINT = f"Give a picture in one of the formats {', '.join(FORMATS)}."


def sniff(data: bytes) -> Format:
    """Return the format that the first bytes show.

    Raises:
        UnsupportedPicture: when they show none of the formats that are read.
    """
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(_PNG_SIGNATURE):
        return "PNG"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WebP"
    if data[4:8] == b"ftyp":
        return _brand(data)
    for start, name in _OTHERS:
        if data.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(start):
            raise UnsupportedPicture(f"This is {name}, which has no fingerprint.", hint=_HINT)
    raise UnsupportedPicture("The content is not a picture in a known format.", hint=_HINT)


def _brand(data: bytes) -> Format:
    """Tell AVIF from HEIC by the major brand first, then by the compatible ones."""
    size = min(int.from_bytes(data[:4]), 1024)
    for at in (8, *range(16, size, 4)):
        if data[at : at + 4] in _AVIF_BRANDS:
            return "AVIF"
        if data[at : at + 4] in _HEIC_BRANDS:
            return "HEIC"
    raise UnsupportedPicture("This is a film or another ISO media file, not a picture.", hint=_HINT)


def is_whole(data: bytes, kind: Format) -> bool:
    """Tell whether the file reaches the end that its own structure announces (not for JPEG)."""
    if kind == "PNG":
        return b"IEND" in data[-1024:]
    if kind == "GIF":
        return data.rstrip(b"\x00").endswith(b";")
    if kind == "WebP":
        return len(data) >= 8 + int.from_bytes(data[4:8], "little")
    return max((stop for _, _, stop in boxes(data)), default=0) <= len(data)
