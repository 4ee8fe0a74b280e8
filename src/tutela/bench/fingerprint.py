"""Speed and fidelity of fingerprints, beside threatexchange's hasher in the same process.

Fidelity: the distance in bits from `pdqhash` (the reference implementation) on the pixels that Pillow
decodes at full resolution; on the fast path over photographs with a short side of at least 512 pixels.
Speed: wall-clock medians over several pictures and runs of whole calls, from JPEG bytes to hash. Ours
include SHA-256, MD5, all 8 orientations and the reliability of bits; the peer's is one hash.
"""

from __future__ import annotations

import io
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from tutela.bench import corpus
from tutela.bench.machine import machine, versions
from tutela.cli.output import stdout
from tutela.errors import EnvironmentProblem
from tutela.fingerprint import FingerprintError, Limits, fingerprint, hamming
from tutela.fingerprint.pictures import read

#: fewer photographs say little about the tail
FEWEST = 50

#: more do not change the figures
MOST = 120

#: short side from which the fast path exists
LARGE = 512

#: the pictures that are timed: phones' 12 megapixels, and a small one
TWELVE_MEGAPIXELS, SMALL = (4000, 3000), (512, 512)
TIMED_PICTURES, RUNS_OURS, RUNS_PEER = 3, 9, 3
STORED_QUALITY = 85

Hasher = Callable[[bytes], Any]
Progress = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class Judge:
    """The two packages that ours is measured against."""

    exact: Callable[[Any], tuple[Any, int]]
    peer: Hasher


def run(photos: Path | None = None, progress: Progress | None = None) -> dict[str, Any]:
    """Measure, and return the object that `tutela bench fingerprint --json` prints.

    Args:
        photos: folder of photographs; default: those of installed packages, and crops of them.
        progress: called with the photographs done and their number.

    Raises:
        EnvironmentProblem: when the peer is not installed, or there are too few photographs.
    """
    judge = _judge()
    pictures, source = _pictures(photos)
    fast, exact = _fidelity(pictures, judge, progress or (lambda _done, _of: None))
    large = [_resized(data, TWELVE_MEGAPIXELS) for data in pictures[:TIMED_PICTURES]]
    small = [_resized(data, SMALL) for data in pictures[:TIMED_PICTURES]]
    ours_ms, peer_ms = _median_ms(fingerprint, large, RUNS_OURS), _median_ms(judge.peer, large, RUNS_PEER)
    return {
        "photos": len(fast),
        "source": source,
        "fast_ms_12mpx": ours_ms,
        "exact_ms_512": _median_ms(lambda data: fingerprint(data, path="exact"), small, RUNS_OURS),
        "fast_bits_off": {
            "median": statistics.median(fast),
            "p95": float(np.percentile(fast, 95)),
            "max": max(fast),
        },
        "exact_bits_off_max": max(exact),
        "peer": {
            "name": "threatexchange",
            "version": versions(["threatexchange"])["threatexchange"],
            "ms_12mpx": peer_ms,
            "ms_512": _median_ms(judge.peer, small, RUNS_OURS),
        },
        "speedup_12mpx": round(peer_ms / ours_ms, 1),
        "exact_ms_12mpx": _median_ms(lambda data: fingerprint(data, path="exact"), large, RUNS_PEER),
        "machine": machine(),
        "versions": versions(["numpy", "pillow", "simplejpeg", "pi-heif", "pdqhash"]),
    }


def show(result: dict[str, Any]) -> None:
    """Print a result for people."""
    peer, off = result["peer"], result["fast_bits_off"]
    say = partial(stdout.print, soft_wrap=True)
    say(f"{result['photos']} pictures: {result['source']}")
    say(
        f"12 megapixels   {result['fast_ms_12mpx']:.1f} ms fast, {result['exact_ms_12mpx']:.1f} ms exact; "
        f"{peer['name']} {peer['version']} {peer['ms_12mpx']:.1f} ms ({result['speedup_12mpx']} times)"
    )
    say(f"512 x 512       {result['exact_ms_512']:.2f} ms exact; {peer['name']} {peer['ms_512']:.2f} ms")
    say(
        f"bits of 256 away from pdqhash: fast path median {off['median']:g}, 95 % {off['p95']:g}, "
        f"most {off['max']}; exact path most {result['exact_bits_off_max']}"
    )


def _judge() -> Judge:
    try:
        import pdqhash
        from threatexchange.signal_type.pdq import pdq_hasher
    except ImportError as error:
        raise EnvironmentProblem(
            f"The comparison needs the package {error.name}, which is not installed.",
            hint="Run `make setup-test`, which installs the peers that are measured in the same run.",
        ) from error
    return Judge(pdqhash.compute, pdq_hasher.pdq_from_bytes)


def _pictures(photos: Path | None) -> tuple[list[bytes], str]:
    """Return JPEG files with a short side of at least 512 pixels, the largest first, and their source."""
    if photos is None:
        found = [photo for photo in corpus.available() if min(_size_of(photo)) >= LARGE]
        pictures = [photo.data() for photo in found[:MOST]]
        source = "photographs of installed packages and crops of them that do not overlap"
    else:
        pictures = list(_in_folder(photos))[:MOST]
        source = "a folder that was given"
    if len(pictures) < FEWEST:
        raise corpus.TooFewPhotographs(
            f"{FEWEST} photographs of at least {LARGE} pixels a side are needed; there are {len(pictures)}.",
            hint=f"Give a folder with --photos, or apt-get install {' '.join(corpus.PACKAGES)}",
        )
    return sorted(pictures, key=len, reverse=True), source


def _size_of(photo: corpus.Photograph) -> tuple[int, int]:
    left, top, right, bottom = photo.box
    return right - left, bottom - top


def _in_folder(folder: Path) -> Iterator[bytes]:
    """Yield the large photographs of a folder; those that are no JPEG become one."""
    if not folder.is_dir():
        raise corpus.TooFewPhotographs("There is no such folder of photographs.")
    for file in sorted(folder.rglob("*")):
        try:
            if not file.is_file():
                continue
            data = read(file)
            found = fingerprint(data, limits=Limits())
        except FingerprintError:
            continue
        if min(found.width, found.height) >= LARGE:
            yield data if found.format == "JPEG" else _jpeg(_rgb(data))


def _fidelity(pictures: Sequence[bytes], judge: Judge, progress: Progress) -> tuple[list[int], list[int]]:
    """Return the distances from the judge on the fast and on the exact path."""
    fast, exact = [], []
    for done, data in enumerate(pictures, 1):
        bits, _ = judge.exact(np.asarray(_rgb(data)))
        judged = np.packbits(bits.astype(np.uint8)).tobytes()
        fast.append(hamming(fingerprint(data).pdq, judged))
        exact.append(hamming(fingerprint(data, path="exact").pdq, judged))
        progress(done, len(pictures))
    return fast, exact


def _rgb(data: bytes) -> Image.Image:
    from PIL import ImageOps

    with Image.open(io.BytesIO(data)) as opened:
        return ImageOps.exif_transpose(opened).convert("RGB")


def _resized(data: bytes, size: tuple[int, int]) -> bytes:
    return _jpeg(_rgb(data).resize(size, Image.Resampling.LANCZOS))


def _jpeg(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=STORED_QUALITY)
    return stream.getvalue()


def _median_ms(hasher: Hasher, pictures: Sequence[bytes], runs: int) -> float:
    """Return the median wall-clock milliseconds of one call, after one that is not counted."""
    hasher(pictures[0])
    elapsed = []
    for data in (picture for picture in pictures for _ in range(runs)):
        start = time.perf_counter()
        hasher(data)
        elapsed.append(time.perf_counter() - start)
    return round(1000 * statistics.median(elapsed), 2)
