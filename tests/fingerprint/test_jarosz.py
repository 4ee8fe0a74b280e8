from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tutela.fingerprint import jarosz


def slowly(length: int) -> np.ndarray:
    """Return the weights by carrying out the two box filters on unit vectors, as PDQ is described."""
    size = jarosz.window(length)
    right, left = size // 2, size - 1 - size // 2
    box = np.zeros((length, length))
    for centre in range(length):
        start, stop = max(centre - left, 0), min(centre + right + 1, length)
        box[centre, start:stop] = 1 / (stop - start)
    centres = [int((index + 0.5) * length / 64) for index in range(64)]
    return (box @ box)[centres]


@pytest.mark.parametrize("length", [1, 5, 63, 64, 127, 128, 129, 256, 257, 640, 1000])
def test_weights_are_two_box_filters_sampled_in_the_centres(length) -> None:
    np.testing.assert_allclose(jarosz.axis(length).matrix, slowly(length), atol=1e-7)


@given(length=st.integers(1, 9000), block=st.sampled_from([1, 2, 4, 8]), backwards=st.booleans())
@settings(deadline=None, max_examples=60)
def test_every_axis_is_a_mean_within_its_spans(length, block, backwards) -> None:
    axis = jarosz.axis(length, block=block, backwards=backwards)
    assert axis.matrix.shape == (64, -(-length // block))
    np.testing.assert_allclose(axis.matrix.sum(axis=1), 1, atol=1e-5)
    for row, (start, stop) in zip(axis.matrix, axis.spans, strict=True):
        assert 0 <= start < stop <= row.size
        assert not row[:start].any()
        assert not row[stop:].any()


@given(length=st.integers(5, 3000), block=st.sampled_from([2, 4, 8]))
@settings(deadline=None, max_examples=40)
def test_a_block_weighs_as_much_as_its_pixels(length, block) -> None:
    full = jarosz.axis(length).matrix
    padded = np.pad(full, ((0, 0), (0, -length % block)))
    summed = padded.reshape(64, -1, block).sum(axis=2)
    np.testing.assert_allclose(jarosz.axis(length, block=block).matrix, summed, atol=1e-6)


@given(length=st.integers(5, 3000))
@settings(deadline=None, max_examples=40)
def test_a_backwards_axis_is_mirrored(length) -> None:
    forwards, backwards = jarosz.axis(length), jarosz.axis(length, backwards=True)
    np.testing.assert_allclose(backwards.matrix, forwards.matrix[:, ::-1], atol=1e-7)


def test_the_longest_side_that_is_allowed_is_quick_and_not_kept() -> None:
    assert jarosz.axis(65_535).matrix.shape == (64, 65_535)
    assert jarosz.axis(65_535) is not jarosz.axis(65_535)
    assert jarosz.axis(640) is jarosz.axis(640)
