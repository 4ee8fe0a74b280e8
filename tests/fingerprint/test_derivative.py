from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tutela.errors import UsageError
from tutela.fingerprint import UnsupportedPicture, derivative
from tutela.fingerprint.raster import Raster
from tutela.fingerprint.thumbnail import shrink


def opened(data: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(data))
    image.load()
    return image


def test_it_is_small_grey_and_upright(make_pattern, make_file) -> None:
    tags = Image.Exif()
    tags[0x0112] = 6
    tags[0x010F] = "Example camera"
    image = make_pattern(900, 600)
    data = make_file(image.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=tags.tobytes())
    small = derivative(data)
    seen = opened(small)
    assert len(small) <= 2400
    assert seen.format == "WEBP"
    assert seen.size == (160, 107)
    assert b"Example" not in small
    assert not seen.getexif()
    pixels = np.asarray(seen.convert("RGB")).astype(int)
    assert np.ptp(pixels, axis=2).max() <= 4
    expected = np.asarray(image.resize((160, 107)).convert("L")).astype(int)
    assert np.abs(pixels[:, :, 0] - expected).mean() < 12


def test_every_format_has_one(files) -> None:
    for data in files.values():
        assert max(opened(derivative(data)).size) <= 160


@settings(max_examples=40, deadline=None)
@given(
    width=st.integers(1, 900),
    height=st.integers(1, 900),
    budget=st.integers(128, 4000),
    seed=st.integers(0, 1000),
    grey=st.booleans(),
)
def test_the_budget_always_holds(width, height, budget, seed, grey) -> None:
    shape = (height, width) if grey else (height, width, 3)
    noise = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    small = shrink(Raster(noise, height, width), budget)
    assert len(small) <= budget
    assert max(opened(small).size) <= min(160, max(width, height))


def test_more_budget_is_not_worse(make_pattern, make_file) -> None:
    data = make_file(make_pattern(800, 600), "JPEG")
    sizes = [len(derivative(data, max_bytes=budget)) for budget in (200, 600, 2400)]
    assert sizes == sorted(sizes)


def test_what_cannot_be(files) -> None:
    with pytest.raises(UsageError):
        derivative(files["PNG"], max_bytes=127)
    with pytest.raises(UnsupportedPicture):
        derivative(b"hello")
