"""The fast path on photographs: how far from the reference at full resolution."""

from __future__ import annotations

import io
import os
import statistics

import numpy as np
import pytest
from PIL import Image

from tutela.bench import corpus
from tutela.fingerprint import fingerprint, fingerprint_and_derivative, hamming
from tutela.fingerprint.decode import Limits, decode


@pytest.fixture(scope="module")
def photographs() -> list[bytes]:
    """Return 60 photographs with a short side of at least 512 pixels, as JPEG."""
    found = [
        photo
        for photo in corpus.available()
        if min(photo.box[2] - photo.box[0], photo.box[3] - photo.box[1]) >= 512
    ]
    if len(found) < 60:
        pytest.skip("the packages that ship photographs (see bench/corpus.py) are not installed")
    return [photo.data() for photo in found[:60]]


def test_distance_on_photographs(photographs, judge) -> None:
    fast, exact = [], []
    for data in photographs:
        hashes, _ = judge(Image.open(io.BytesIO(data)))
        found = fingerprint(data)
        fast.append(hamming(found.pdq, hashes[0]))
        exact.append(hamming(fingerprint(data, path="exact").pdq, hashes[0]))
    assert max(exact) <= 2
    assert statistics.median(exact) == 0
    assert statistics.median(fast) <= 4
    assert np.percentile(fast, 95) <= 12
    assert max(fast) <= 16


@pytest.mark.parametrize(
    ("size", "block"),
    [
        ((511, 900), 1),
        ((512, 900), 2),
        ((1500, 1023), 2),
        ((1024, 1024), 4),
        ((2047, 3000), 4),
        ((4000, 2048), 8),
    ],
)
def test_scale_leaves_256_pixels(size, block, make_pattern, make_file) -> None:
    data = make_file(make_pattern(*size), "JPEG")
    raster = decode(data, Limits(), reduced=True)
    assert raster.block == block
    assert raster.pixels.shape[:2] == (-(-size[1] // block), -(-size[0] // block))
    assert raster.size == size
    assert block == 1 or min(raster.pixels.shape[:2]) >= 256
    assert fingerprint(data, path="fast").path == ("exact" if block == 1 else "fast")


def test_a_picture_that_leaves_bits_open_is_hashed_in_full(make_file) -> None:
    empty = make_file(Image.new("RGB", (2000, 1500), (120, 90, 60)), "JPEG")
    assert fingerprint(empty).path == "exact"
    assert fingerprint(empty, path="fast").path == "fast"


def test_one_decoding_gives_the_same(make_pattern, make_file) -> None:
    from tutela.fingerprint import derivative

    data = make_file(make_pattern(1600, 1200), "JPEG")
    found, small = fingerprint_and_derivative(data)
    assert found == fingerprint(data)
    assert small == derivative(data)


def test_another_path_is_a_usage_error(files) -> None:
    from tutela.errors import UsageError

    with pytest.raises(UsageError):
        fingerprint(files["PNG"], path="quick")


@pytest.mark.skipif(bool(os.environ.get("CI")), reason="times are measured on quiet machines")
@pytest.mark.slow
def test_speed_beside_the_peer(photographs) -> None:
    from tutela.bench import fingerprint as bench

    large = [bench._resized(data, bench.TWELVE_MEGAPIXELS) for data in photographs[:2]]
    peer = bench._median_ms(bench._judge().peer, large, 3)
    assert peer / bench._median_ms(fingerprint, large, 9) >= 15
