"""One picture -> digests, perceptual hashes in all orientations, quality, reliability, derivative."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tutela.errors import UsageError
from tutela.fingerprint import pdq
from tutela.fingerprint.decode import Limits, decode
from tutela.fingerprint.errors import UnreadableFile
from tutela.fingerprint.formats import Format, sniff
from tutela.fingerprint.jarosz import Floats
from tutela.fingerprint.raster import Raster
from tutela.fingerprint.thumbnail import DERIVATIVE_BYTES, shrink

Taken = Literal["exact", "fast"]

STANDARD = Limits()


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """Everything that is matched about one picture. What would identify it is not in its repr.

    Attributes:
        sha256: SHA-256 of the file, 32 bytes.
        md5: MD5 of the file, 16 bytes; only because older lists hold nothing else.
        pdq: PDQ hash of the upright picture, 32 bytes; `.hex()` is the form that is exchanged.
        orientations: the PDQ hashes in all 8 orientations, `pdq` first (see `pdq.PDQ`).
        quality: PDQ quality, 0 to 100.
        reliability: float32 (256,), firmness of each bit of `pdq`.
        width: pixels of the upright picture.
        height: pixels of the upright picture.
        format: JPEG, PNG, WebP, GIF, HEIC or AVIF, by content.
        path: "exact" (full resolution) or "fast" (reduced by the JPEG decoder: a bit or two away).
    """

    sha256: bytes = field(repr=False)
    md5: bytes = field(repr=False)
    pdq: bytes = field(repr=False)
    orientations: tuple[bytes, ...] = field(repr=False)
    quality: int
    reliability: Floats = field(repr=False, compare=False)
    width: int
    height: int
    format: Format
    path: Taken


def fingerprint(
    data: bytes, *, path: Literal["auto", "exact", "fast"] = "auto", limits: Limits = STANDARD
) -> Fingerprint:
    """Return the fingerprint of a picture.

    Args:
        data: the whole file.
        path: "exact" decodes at full resolution. "fast" lets the JPEG decoder reduce pictures with
            a short side of at least 512 pixels, and is exact for everything else. "auto" is "fast"
            where that pays, which is where it exists.
        limits: what the picture may cost.

    Raises:
        FingerprintError: in one of its kinds; nothing else escapes.
    """
    return _describe(data, decode(data, limits, reduced=_reduced(path)))


def fingerprint_file(
    file: Path, *, path: Literal["auto", "exact", "fast"] = "auto", limits: Limits = STANDARD
) -> Fingerprint:
    """Return the fingerprint of a file; see `fingerprint`.

    Raises:
        FingerprintError: also as UnreadableFile.
    """
    return fingerprint(read(file, limits), path=path, limits=limits)


def fingerprint_and_derivative(
    data: bytes, *, max_bytes: int = DERIVATIVE_BYTES, limits: Limits = STANDARD
) -> tuple[Fingerprint, bytes]:
    """Return `fingerprint` and `derivative` of a picture from one decoding.

    Raises:
        FingerprintError: in one of its kinds.
    """
    raster = decode(data, limits, reduced=True)
    return _describe(data, raster), shrink(raster, max_bytes)


def derivative(data: bytes, *, max_bytes: int = DERIVATIVE_BYTES, limits: Limits = STANDARD) -> bytes:
    """Return a small grey WebP of a picture: upright, long side at most 160 pixels, no metadata.

    It is what a reviewer sees of a matched picture, so that the picture itself need not travel.

    Args:
        data: the whole file.
        max_bytes: what the derivative never exceeds; at least 128.
        limits: what the picture may cost.

    Raises:
        FingerprintError: in one of its kinds.
    """
    return shrink(decode(data, limits, reduced=True), max_bytes)


def read(file: Path, limits: Limits = STANDARD) -> bytes:
    """Return the bytes of a file within the limits.

    Raises:
        FingerprintError: UnreadableFile, EmptyFile or FileTooLarge.
    """
    try:
        with file.open("rb") as stream:
            data = stream.read(limits.bytes + 1)
    except OSError as error:
        raise UnreadableFile(
            f"The file cannot be read: {error.strerror}.", hint="Check the path and the permissions."
        ) from error
    limits.check_bytes(len(data))
    return data


def _reduced(path: str) -> bool:
    if path not in {"auto", "exact", "fast"}:
        raise UsageError("The path of a fingerprint is auto, exact or fast.")
    return path != "exact"


def _describe(data: bytes, raster: Raster) -> Fingerprint:
    hashed = pdq.of(raster)
    width, height = raster.size
    return Fingerprint(
        sha256=hashlib.sha256(data).digest(),
        md5=hashlib.md5(data, usedforsecurity=False).digest(),
        pdq=hashed.bits,
        orientations=hashed.orientations,
        quality=hashed.quality,
        reliability=hashed.reliability,
        width=width,
        height=height,
        format=sniff(data),
        path="exact" if raster.block == 1 else "fast",
    )
