"""Pictures for the tests: generated patterns, and photographs that installed packages ship."""

from __future__ import annotations

import importlib.util
import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

DATA = Path(__file__).parent / "data"


def pattern(width: int, height: int, seed: int = 7) -> Image.Image:
    """Return smooth coloured noise with a wave: it has structure in all low frequencies."""
    rng = np.random.default_rng(seed)
    noise = Image.fromarray(rng.integers(0, 256, (9, 12, 3), dtype=np.uint8))
    base = np.asarray(noise.resize((width, height), Image.Resampling.BICUBIC)).astype(float)
    y, x = np.mgrid[0:height, 0:width]
    base += 24 * np.sin(12 * x / width + 7 * y / height)[..., np.newaxis]
    return Image.fromarray(np.clip(base, 0, 255).astype(np.uint8))


def encode(image: Image.Image, kind: str, **options: object) -> bytes:
    stream = io.BytesIO()
    image.save(stream, kind, **options)
    return stream.getvalue()


def judged(image: Image.Image) -> tuple[list[bytes], int]:
    """Return the eight hashes and the quality that the reference implementation gives."""
    pdqhash = pytest.importorskip("pdqhash", reason="the judge of PDQ is not installed")
    vectors, quality = pdqhash.compute_dihedral(np.ascontiguousarray(image.convert("RGB")))
    return [np.packbits(vector.astype(np.uint8)).tobytes() for vector in vectors], quality


@pytest.fixture(scope="session")
def make_pattern() -> Callable[..., Image.Image]:
    return pattern


@pytest.fixture(scope="session")
def make_file() -> Callable[..., bytes]:
    return encode


@pytest.fixture(scope="session")
def judge() -> Callable[[Image.Image], tuple[list[bytes], int]]:
    return judged


@pytest.fixture(scope="session")
def data_folder() -> Path:
    return DATA


@pytest.fixture(scope="session")
def samples() -> list[Path]:
    """Return the photographs inside scikit-image."""
    found = importlib.util.find_spec("skimage")
    if found is None or found.origin is None:
        pytest.skip("scikit-image, which ships sample photographs, is not installed")
    folder = Path(found.origin).parent / "data"
    return sorted(file for file in folder.iterdir() if file.suffix in {".png", ".jpg"})


@pytest.fixture(scope="session")
def files(data_folder: Path) -> dict[str, bytes]:
    """Return one small valid file of each format."""
    picture = pattern(96, 80)
    return {
        "JPEG": encode(picture, "JPEG", quality=85),
        "progressive": encode(picture, "JPEG", quality=85, progressive=True),
        "PNG": encode(picture, "PNG"),
        "WebP": encode(picture, "WEBP", quality=80),
        "GIF": encode(picture.quantize(256), "GIF"),
        "AVIF": encode(picture, "AVIF", quality=70),
        "HEIC": (data_folder / "pattern.heic").read_bytes(),
    }
