import pytest

from tutela.bench.edits import NAMES
from tutela.voucher import masks

MASK_BITS = 40
EVERYDAY = masks.load("everyday")


def test_everyday_has_eight_sorted_masks_of_forty_bits():
    assert len(EVERYDAY) == 8
    assert list(EVERYDAY) == sorted(EVERYDAY)
    for mask in EVERYDAY:
        assert len(set(mask)) == MASK_BITS
        assert list(mask) == sorted(mask)
        assert all(0 <= bit < 256 for bit in mask)
    assert len(set(EVERYDAY)) == 8


def test_the_data_file_says_what_it_was_made_from_and_what_was_measured():
    data = masks.describe("everyday")
    assert data["procedure"]["seed"] >= 0
    assert all(half["pictures"]["wallpaper"] > 50 for half in data["corpus"]["halves"])
    measured = data["validation"]["recall"]["photographs"]
    assert set(measured) == set(NAMES)
    assert measured["jpeg_50"]["hits_1"] >= 0.98
    assert all(fold["photograph"]["pairs"] > 10_000 for fold in data["validation"]["false_rates"])


@pytest.mark.parametrize("name", ["", "thorough_not_yet", "../everyday", "everyday.json", "__init__"])
def test_an_unknown_profile_is_a_typed_error(name):
    with pytest.raises(masks.UnknownProfile):
        masks.load(name)
