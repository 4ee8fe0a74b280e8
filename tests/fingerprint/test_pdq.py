from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tutela.fingerprint import hamming, pdq


def checks(width: int, height: int, side: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return (((x // side + y // (side + 3)) % 2) * 200 + (x * 55) // width).astype(np.uint8)


def waves(width: int, height: int) -> np.ndarray:
    y, x = np.mgrid[0:height, 0:width]
    return ((x * x * 3 + y * x * 2 + y * y * 5) // 4096 % 256).astype(np.uint8)


# written once by `pdqhash` 0.2.8 from the same pixels
GOLDEN = [
    (checks(400, 250, 37), "bc0053fffc0053fffc0053fffd5543ff53ff43ffbc00bc00bc00bc00bc00bc00", 100),
    (waves(1000, 700), "61ffce00381f73f0ef05d660bd9f3a787483293f6a604ac756cf449c54984d98", 100),
]


@pytest.mark.parametrize(("pixels", "expected", "quality"), GOLDEN)
def test_golden_hashes(pixels, expected, quality) -> None:
    found = pdq.compute(pixels)
    assert (found.bits.hex(), found.quality) == (expected, quality)


def disc(size: int) -> np.ndarray:
    y, x = np.mgrid[0:size, 0:size]
    distance = np.hypot(x - size / 3, y - size / 2)
    return np.clip(255 - distance * 255 / size, 0, 255).astype(np.uint8)


def test_photographs_equal_the_reference(samples: list[Path], judge) -> None:
    assert len(samples) >= 10
    for file in samples:
        image = Image.open(file).convert("RGB")
        hashes, quality = judge(image)
        found = pdq.compute(np.asarray(image))
        assert [hamming(a, b) for a, b in zip(found.orientations, hashes, strict=True)] == [0] * 8, file.name
        assert found.quality == quality
        assert found.bits == found.orientations[0]


@settings(max_examples=60, deadline=None)
@given(height=st.integers(64, 700), width=st.integers(64, 700), seed=st.integers(0, 2**32 - 1))
def test_noise_is_at_most_two_bits_from_the_reference(judge, height, width, seed) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
    hashes, quality = judge(Image.fromarray(pixels))
    found = pdq.compute(pixels)
    assert max(hamming(a, b) for a, b in zip(found.orientations, hashes, strict=True)) <= 2
    assert abs(found.quality - quality) <= 1


def test_grey_pixels_hash_as_their_colour_twin() -> None:
    grey = disc(300)
    assert pdq.compute(grey).bits == pdq.compute(np.stack([grey] * 3, axis=2)).bits


def test_orientations_are_the_hashes_of_turned_pictures() -> None:
    rough = np.random.default_rng(5).integers(0, 256, (48, 48), dtype=np.uint8)
    image = Image.fromarray(rough).resize((512, 512), Image.Resampling.BICUBIC)
    found = pdq.compute(np.asarray(image))
    turns = [
        Image.Transpose.ROTATE_90,  # Pillow turns counter-clockwise, and so does PDQ
        Image.Transpose.ROTATE_180,
        Image.Transpose.ROTATE_270,
        Image.Transpose.FLIP_TOP_BOTTOM,
        Image.Transpose.FLIP_LEFT_RIGHT,
        Image.Transpose.TRANSPOSE,
        Image.Transpose.TRANSVERSE,
    ]
    turned = [found.bits, *(pdq.compute(np.asarray(image.transpose(turn))).bits for turn in turns)]
    distances = [hamming(a, b) for a, b in zip(found.orientations, turned, strict=True)]
    assert max(distances) <= 31, distances  # the samples of PDQ do not lie symmetrically
    assert hamming(found.orientations[0], found.orientations[1]) > 60


def test_reliability_belongs_to_the_bits_in_hex_order(make_pattern) -> None:
    pdqhash = pytest.importorskip("pdqhash", reason="the judge of PDQ is not installed")
    pixels = np.asarray(make_pattern(400, 300))
    values, _ = pdqhash.compute_float(pixels)
    found = pdq.compute(pixels)
    middle = np.sort(values)[127]
    assert found.reliability.dtype == np.float32
    assert found.reliability.shape == (256,)
    np.testing.assert_allclose(found.reliability, np.abs(values - middle), atol=0.05)
    bits = np.unpackbits(np.frombuffer(found.bits, np.uint8))
    assert (bits == (values > middle))[found.reliability > 0.1].all()


def test_unreliable_bits_turn_first(make_pattern, make_file) -> None:
    image = make_pattern(400, 300)
    before = pdq.compute(np.asarray(image))
    rough = np.asarray(image).astype(int) + np.random.default_rng(1).normal(0, 30, (300, 400, 1))
    after = pdq.compute(np.clip(rough, 0, 255).astype(np.uint8))
    turned = np.unpackbits(np.frombuffer(before.bits, np.uint8)) != np.unpackbits(
        np.frombuffer(after.bits, np.uint8)
    )
    assert 0 < turned.sum() < 64
    assert np.median(before.reliability[turned]) < np.median(before.reliability[~turned])


def test_reliability_cannot_be_written(make_pattern) -> None:
    with pytest.raises(ValueError, match="read-only"):
        pdq.compute(np.asarray(make_pattern(64, 64))).reliability[0] = 1


@pytest.mark.parametrize("shape", [(4, 100), (100, 4), (1, 1, 3)])
def test_too_small_pictures_have_the_hash_of_nothing(shape) -> None:
    found = pdq.compute(np.full(shape, 9, np.uint8))
    assert (found.bits, found.quality, found.reliability.max()) == (bytes(32), 0, 0)


@pytest.mark.parametrize("shape", [(9,), (9, 9, 4), (9, 9, 3, 1)])
def test_other_shapes_are_refused(shape) -> None:
    with pytest.raises(ValueError, match="PDQ hashes"):
        pdq.compute(np.zeros(shape, np.uint8))


@given(
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
    st.binary(min_size=32, max_size=32),
)
def test_hamming_is_a_distance(a: bytes, b: bytes, c: bytes) -> None:
    assert hamming(a, a) == 0
    assert hamming(a, b) == hamming(b, a)
    assert hamming(a, c) <= hamming(a, b) + hamming(b, c)
    assert hamming(a, bytes(255 - byte for byte in a)) == 256


def test_hashes_of_different_length_have_no_distance() -> None:
    with pytest.raises(ValueError, match="length"):
        hamming(b"a", b"ab")
