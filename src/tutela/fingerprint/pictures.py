"""One picture -> digests, perceptual hashes in all orientations, quality, reliability, derivative."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np

from tutela.errors import UsageError
from tutela.fingerprint import pdq
from tutela.fingerprint.decode import Limits, decode
from tutela.fingerprint.errors import UnreadableFile
from tutela.fingerprint.formats import Format, sniff
from tutela.fingerprint.jarosz import Floats
from tutela.fingerprint.pdq import PDQ
from tutela.fingerprint.raster import Raster
from tutela.fingerprint.thumbnail import DERIVATIVE_BYTES, shrink

Taken = Literal["exact", "fast"]

STANDARD = Limits()

#: bytes from which digests are computed beside the decoding
WORTH_A_THREAD = 256 * 1024

#: a reduced picture leaves a bit open whose coefficient is this close to the median, in grey levels.
#: Of photographs one in a hundred has more than 14 such bits; patterns and empty pictures have many.
OPEN_BELOW, MOST_OPEN = 0.2, 32


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
            a short side of at least 512 pixels, and is exact for everything else. "auto" is "fast",
            but takes the exact path for the rare picture whose bits a reduced one cannot settle.
        limits: what the picture may cost.

    Raises:
        FingerprintError: in one of its kinds; nothing else escapes.
    """
    return _examine(data, path, limits)[0]


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
    described, raster = _examine(data, "auto", limits)
    return described, shrink(raster, max_bytes)


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


def _examine(data: bytes, path: str, limits: Limits) -> tuple[Fingerprint, Raster]:
    if path not in {"auto", "exact", "fast"}:
        raise UsageError("The path of a fingerprint is auto, exact or fast.")
    with _digesting(data) as digests:
        raster = decode(data, limits, reduced=path != "exact")
        hashed = pdq.of(raster)
        if path == "auto" and raster.block > 1 and _leaves_open(hashed):
            raster = decode(data, limits, reduced=False)
            hashed = pdq.of(raster)
        return _describe(data, raster, hashed, digests()), raster


def _leaves_open(hashed: PDQ) -> bool:
    return int(np.count_nonzero(hashed.reliability < OPEN_BELOW)) > MOST_OPEN


@contextmanager
def _digesting(data: bytes) -> Iterator[Callable[[], tuple[bytes, bytes]]]:
    """Compute SHA-256 and MD5, for large files beside the decoding (both release the interpreter)."""
    if len(data) < WORTH_A_THREAD:
        yield lambda: _digests(data)
        return
    with ThreadPoolExecutor(max_workers=1) as beside:
        yield beside.submit(_digests, data).result


def _digests(data: bytes) -> tuple[bytes, bytes]:
    return hashlib.sha256(data).digest(), hashlib.md5(data, usedforsecurity=False).digest()


def _describe(data: bytes, raster: Raster, hashed: PDQ, digests: tuple[bytes, bytes]) -> Fingerprint:
    width, height = raster.size
    return Fingerprint(
        sha256=digests[0],
        md5=digests[1],
        pdq=hashed.bits,
        orientations=hashed.orientations,
        quality=hashed.quality,
        reliability=hashed.reliability,
        width=width,
        height=height,
        format=sniff(data),
        path="exact" if raster.block == 1 else "fast",
    )
