import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tutela.bench.edits import NAMES, UnknownEdit, copies, edit

KEYS = (
    "jpeg_50 jpeg_20 half quarter messenger brightness contrast grey blur noise "
    "crop_2 crop_5 rotate_1 caption border"
)


def pattern(width: int = 400, height: int = 300, mode: str = "RGB") -> Image.Image:
    y, x = np.mgrid[0:height, 0:width]
    waves = 127 + 60 * np.sin(x / 17) + 60 * np.cos(y / 23 + x / 50)
    grey = Image.fromarray(np.clip(waves, 0, 255).astype(np.uint8))
    return grey.convert("RGB").convert(mode)


def opened(data: bytes) -> Image.Image:
    picture = Image.open(io.BytesIO(data))
    assert picture.format == "JPEG"
    return picture


def test_names_are_the_fifteen_keys_of_the_benchmark():
    assert " ".join(NAMES) == KEYS


@pytest.mark.parametrize("name", NAMES)
def test_an_edit_is_deterministic_and_leaves_its_input_alone(name):
    picture = pattern()
    before = picture.tobytes()
    assert edit(name, picture) == edit(name, picture)
    assert edit(name, picture, seed=7) == edit(name, picture, seed=7)
    assert picture.tobytes() == before


@pytest.mark.parametrize(
    ("name", "size"),
    [
        ("half", (200, 150)),
        ("quarter", (100, 75)),
        ("messenger", (320, 240)),
        ("crop_2", (392, 294)),
        ("crop_5", (380, 284)),
        ("border", (424, 324)),
        ("rotate_1", (400, 300)),
        ("caption", (400, 300)),
    ],
)
def test_sizes_are_what_the_names_say(name, size):
    assert opened(edit(name, pattern())).size == size


def test_messenger_never_enlarges():
    assert opened(edit("messenger", pattern(200, 100))).size == (200, 100)


def test_grey_has_one_channel():
    assert opened(edit("grey", pattern())).mode == "L"


@pytest.mark.parametrize("mode", ["L", "RGBA", "P", "CMYK"])
def test_every_mode_is_taken(mode):
    assert opened(edit("brightness", pattern(mode=mode))).size == (400, 300)


def test_thirty_copies_of_one_picture_all_differ():
    made = copies(pattern(), 30)
    assert len(set(made)) == 30
    assert made == copies(pattern(), 30)


@settings(max_examples=30, deadline=None)
@given(
    st.sampled_from(NAMES),
    st.integers(16, 90),
    st.integers(16, 90),
    st.integers(min_value=0, max_value=2**32),
)
def test_every_edit_of_every_size_is_a_readable_jpeg(name, width, height, seed):
    opened(edit(name, pattern(width, height), seed=seed)).load()


def test_an_unknown_edit_names_the_known_ones():
    with pytest.raises(UnknownEdit) as caught:
        edit("sepia", pattern())
    assert "jpeg_50" in caught.value.hint
